"""Are the tables what they claim, and is nothing of the held-out rows used to standardise?"""

import numpy as np
import pytest

import scratch
from scratch import data


def test_the_worked_example():
    x, target = data.worked_example()
    assert x.tolist() == [[5.0, 3.0]]
    assert target.tolist() == [[1.0]]
    assert data.worked_example(0)[1].tolist() == [[0.0]]


def test_iris_setosa_is_the_sepals_against_the_rest():
    table = data.iris_setosa()
    assert table.features == ("sepal length", "sepal width")
    assert table.classes == ("setosa", "versicolor or virginica")
    assert table.x.shape == (150, 2)
    assert table.x[0].tolist() == [5.1, 3.5]
    assert (table.target[:50] == 0).all()
    assert (table.target[50:] == 1).all()


@pytest.mark.parametrize("load", [data.iris, data.iris_setosa, data.diabetes])
def test_tables_are_fresh_float64(load):
    table = load()
    table.x[...] = 0
    table.target[...] = 0
    again = load()
    assert again.x.dtype == np.float64
    assert again.x.any()
    assert again.target.any()
    assert again.x.shape == (len(again.target), len(again.features))


def test_diabetes_is_a_column():
    assert data.diabetes().target.shape == (442, 1)


def test_a_stratified_split_keeps_the_shares():
    target = data.iris().target
    train, test = data.split(target, 0.2, seed=3)
    assert sorted([*train, *test]) == list(range(150))
    assert np.bincount(target[train]).tolist() == [40, 40, 40]
    assert np.bincount(target[test]).tolist() == [10, 10, 10]
    assert (data.split(target, 0.2, seed=3)[0] == train).all()
    assert (data.split(target, 0.2, seed=4)[0] != train).any()


def test_standardise_uses_the_training_rows_alone():
    rng = np.random.default_rng(0)
    train, test = rng.normal(5, 3, (100, 4)), rng.normal(7, 2, (50, 4))
    ours, others = data.standardise(train, test)
    assert ours.mean(axis=0) == pytest.approx(0, abs=1e-13)
    assert ours.std(axis=0) == pytest.approx(1, rel=1e-13)
    assert others == pytest.approx((test - train.mean(axis=0)) / train.std(axis=0))


def test_state_dict_is_a_copy():
    net = scratch.Linear(2, 2, rng=0)
    scratch.state_dict(net)["weight"][...] = 7
    assert not (net.weight == 7).any()
