"""Is the text that comes with Python read into ids and back, and does a model go on with one?"""

import numpy as np
import pytest

import scratch


def test_the_text_reads_back():
    told = scratch.data.text()
    assert told.read(told.ids[:16]) == "The Zen of Pytho"
    assert len(told.ids) > 100_000
    assert told.ids.max() == len(told.characters) - 1
    assert (np.bincount(told.ids) > 0).all()


def test_generating_begins_with_what_is_given_and_follows_the_likeliest():
    def net(ids):  # the next id is certainly one more
        return 50.0 * np.eye(7)[(ids + 1) % 7]

    assert scratch.models.generate(net, [2], 5, 4, rng=0).tolist() == [2, 3, 4, 5, 6, 0]
    with pytest.raises(ValueError, match="at least one id"):
        scratch.models.generate(net, [], 5, 4)
