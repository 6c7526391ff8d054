"""Is a repair that does not mend all proposed only where it does no harm, and does it say what it mends?"""

import numpy as np

import parity


class MaskedThroughout:
    """Two linear layers with a ReLU between them; backward masks the last one, which has none, as well."""

    def __init__(self):
        rng = np.random.default_rng(0)
        sizes = [(4, 5), (5, 3)]
        self.params = {f"W{i}": rng.normal(size=size) / 2 for i, size in enumerate(sizes)}
        self.grads = {}

    def forward(self, x):
        z = x @ self.params["W0"]
        a = np.maximum(z, 0)
        out = a @ self.params["W1"]
        self.cache = {"x0": x, "z0": z, "x1": a, "z1": out}
        return out

    def backward(self, da):
        for i in (1, 0):
            dz = da * (self.cache[f"z{i}"] > 0)
            self.grads[f"W{i}"] = self.cache[f"x{i}"].T @ dz
            da = dz @ self.params[f"W{i}"].T
        return da


def lengths(a, b):
    return np.sqrt((a * a).sum(axis=1)), np.sqrt((b * b).sum(axis=1))


def cosine(a, b):
    na, nb = lengths(a, b)
    return (a * b).sum(axis=1) / (na * nb)


def wrong_slopes(d, a, b):
    (na, nb), c = lengths(a, b), cosine(a, b)[:, None]
    d, na, nb = d[:, None], na[:, None], nb[:, None]
    return d * (b / (na * nb) - c * a / na), d * (a / (na * nb) - c * b / nb)


def test_a_change_that_spoils_what_it_does_not_mend_is_not_proposed():
    report = parity.check(MaskedThroughout(), (6, 4))
    assert {finding.code for finding in report.causes} == {"unknown"}
    assert all(finding.repair is None for finding in report.causes)


def test_two_mistakes_are_mended_apart_where_one_change_would_move_both():
    report = parity.check((cosine, wrong_slopes), (5, 4), (5, 4))
    repaired = {finding.row: finding.repair for finding in report.causes}
    assert [(repaired[name].old, repaired[name].new) for name in "ab"] == [
        ("c * a / na", "c * a / na / na"),
        ("c * b / nb", "c * b / nb / nb"),
    ]
    assert all(f"makes grad {finding.row} right" in finding.sentence for finding in report.causes)
