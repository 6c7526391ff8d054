"""Does training in lockstep agree where both sides are right, and say where and what began it where one is not?"""

import json

import numpy as np
import pytest
import torch
from torch import nn

import parity
import scratch
import torch_ref

TABLE = scratch.data.iris()
X = scratch.data.standardise(TABLE.x)[0]
BATCHES = [(X[rows], TABLE.target[rows]) for rows in np.array_split(np.random.default_rng(0).permutation(150), 5)]
SIZES = (4, 8, 3)


def net(dtype="float64"):
    return scratch.models.mlp(SIZES, rng=1, dtype=dtype)


def twin(dtype="float64"):
    return torch_ref.models.mlp(SIZES, rng=2, dtype=dtype)


def trained(ours=None, theirs=None, batches=BATCHES, steps=30, **options):
    return parity.lockstep(ours or net(), theirs or twin(), batches, steps=steps, **options)


@pytest.mark.parametrize("rate", [0.1, 1.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_sides_agree_in_every_step(dtype, rate, device):
    batches = [(x.astype(dtype), t) for x, t in BATCHES]
    report = trained(net(dtype), twin(dtype), batches, 200, optimizer=("SGD", {"lr": rate}), device=device)
    assert report.ok, str(report)
    assert (len(report.steps), report.first, report.began) == (200, None, None)
    assert report.steps[-1].ours < report.steps[0].ours / 2


@pytest.mark.parametrize(
    "optimizer",
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("Adam", {"lr": 0.01}),
        ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
        ("RMSprop", {"lr": 0.01}),
        ("Adagrad", {"lr": 0.05}),
        scratch.optim.Adam(scratch.named_parameters(net()), lr=0.01, betas=(0.8, 0.9)),
    ],
    ids=lambda optimizer: optimizer[0] if isinstance(optimizer, tuple) else "an optimizer",
)
def test_every_optimizer_and_a_schedule_keep_step(optimizer):
    report = trained(steps=60, optimizer=optimizer, schedule=("StepLR", {"step_size": 20, "gamma": 0.5}))
    assert report.ok, str(report)
    assert report.steps[-1].ours < report.steps[0].ours


@pytest.mark.parametrize(
    ("net", "twin", "batch"),
    [
        (
            lambda: scratch.models.cnn(1, 4, (3,), 5, rng=0, dtype="float32"),
            lambda: torch_ref.models.cnn(1, 4, (3,), 5, dtype="float32"),
            lambda rng: (rng.normal(size=(6, 1, 4, 4)).astype("float32"), rng.integers(0, 5, 6)),
        ),
        (
            lambda: scratch.models.gpt(7, 2, 8, 2, 6, rng=0),
            lambda: torch_ref.models.gpt(7, 2, 8, 2, 6),
            lambda rng: (rng.integers(0, 7, (3, 6)), rng.integers(0, 7, (3, 6))),
        ),
        (
            lambda: scratch.models.char_rnn(7, 8, "gru", rng=0),
            lambda: torch_ref.models.char_rnn(7, 8, "gru"),
            lambda rng: (rng.integers(0, 7, (3, 6)), rng.integers(0, 7, (3, 6))),
        ),
    ],
    ids=["cnn", "gpt", "char_rnn"],
)
def test_models_of_every_kind_keep_step(net, twin, batch):
    rng = np.random.default_rng(1)
    report = trained(net(), twin(), [batch(rng) for _ in range(3)], optimizer=("Adam", {"lr": 0.01}))
    assert report.ok, str(report)


def test_what_was_handed_in_stays_and_the_trained_sides_are_kept():
    ours, theirs = net(), twin()
    before = scratch.state_dict(ours), {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    report = trained(ours, theirs)
    assert all((scratch.state_dict(ours)[name] == array).all() for name, array in before[0].items())
    assert all((theirs.state_dict()[name] == tensor).all() for name, tensor in before[1].items())
    after = scratch.state_dict(report.net)
    assert not any((after[name] == array).all() for name, array in before[0].items())
    for name, tensor in report.module.state_dict().items():
        assert after[name] == pytest.approx(parity.to_numpy(tensor), rel=1e-9)


class Blurred(scratch.Tanh):
    """Its slope is a billionth too steep."""

    def backward(self, da, slope):
        return da * slope * (1 + 1e-9), {}


class Late(scratch.Linear):
    """Its bias gets a wrong gradient from the fourth batch alone."""

    def backward(self, dz, x):
        dx, grads = super().backward(dz, x)
        wrong = np.allclose(x, BATCHES[3][0])
        return dx, grads | {"bias": 2 * grads["bias"]} if wrong else grads


def with_layer(position, layer):
    layers = list(net().layers)
    layers[position] = layer
    return scratch.Sequential(*layers)


def of(rate, **options):
    return lambda parameters: torch.optim.SGD(parameters, rate, **options)


def ours_of(rate):
    return lambda parameters: scratch.optim.SGD(parameters, rate)


SWAPPED = [*BATCHES[:3], BATCHES[4], BATCHES[3]]
OTHER_FORWARD = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).double()
WRONG = {
    "gradient": (lambda: trained(with_layer(1, Blurred())), 0, "gradient", "0.bias"),
    "late": (lambda: trained(with_layer(0, Late(4, 8, rng=1))), 3, "gradient", "0.bias"),
    "initial weights": (lambda: trained(copy_weights=False), 0, "initial weights", "0.weight"),
    "data": (lambda: trained(their_batches=SWAPPED), 3, "data", "batch"),
    "forward": (lambda: trained(theirs=OTHER_FORWARD), 0, "forward", "loss"),
    "momentum": (lambda: trained(optimizer=(ours_of(0.1), of(0.1, momentum=0.5))), 1, "update rule", "0.weight"),
    "decay": (lambda: trained(optimizer=(ours_of(0.1), of(0.1, weight_decay=1e-9))), 0, "update rule", "0.weight"),
    "decoupled decay": (
        lambda: trained(
            optimizer=(
                lambda parameters: scratch.optim.Adam(parameters, lr=0.01, weight_decay=0.1),
                lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1),
            )
        ),
        0,
        "update rule",
        "0.weight",
    ),
    "step size": (lambda: trained(optimizer=(ours_of(0.1), of(0.1 + 1e-9))), 0, "update rule", "0.weight"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_first_step_beyond_rounding_and_what_began_it_are_said(name):
    run, first, began, where = WRONG[name]
    report = run()
    assert (report.ok, report.first, report.began, report.parted.name) == (False, first, began, where), str(report)
    assert f"Step {first}: the {began} began it: {where}" in str(report)


def test_an_iterator_of_batches_begins_again():
    assert [step.ours for step in trained(batches=iter(BATCHES)).steps] == [step.ours for step in trained().steps]


def test_a_regression_takes_the_squared_error():
    rng = np.random.default_rng(3)
    report = parity.lockstep(net(), twin(), [(rng.normal(size=(6, 4)), rng.normal(size=(6, 3)))], steps=20)
    assert report.ok, str(report)
    assert report.steps[-1].ours < report.steps[0].ours


class Noisy(scratch.Tanh):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def value(self, z):
        return z + self.rng.normal(size=z.shape), np.ones_like(z)


def sequences(ours, theirs):
    return parity.lockstep(ours, theirs, [(np.ones((5, 2, 4)), np.ones((5, 2, 3)))], steps=2)


REFUSED = {
    "no batch": (lambda: trained(batches=[]), "there is no batch"),
    "names": (lambda: trained(theirs=nn.Linear(4, 3).double()), "missing weight; missing bias; unexpected 0.weight"),
    "dtypes": (lambda: trained(theirs=twin("float32")), "of one dtype, got float32 and float64"),
    "random": (lambda: trained(with_layer(1, Noisy())), r"draws random numbers in its forward.*\.eval\(\)"),
    "loss": (lambda: trained(loss="mean"), "expected loss as one of .*mse.*, got 'mean'"),
    "optimizer": (lambda: trained(optimizer="Lion"), "scratch.optim and torch.optim has no optimizer 'Lion'"),
    "torch's": (lambda: trained(optimizer=torch.optim.SGD(twin().parameters())), "a name with its options .*got SGD"),
    "swapped": (
        lambda: trained(twin(), net()),
        "expected the hand-derived net, then its nn.Module, got torch.*scratch",
    ),
    "one batch": (lambda: trained(batches=BATCHES[0]), r"a list of pairs \(x, target\) of arrays, got a ndarray"),
    "no target": (lambda: trained(batches=[(np.ones((3, 4)),)]), "got a tuple of ndarray among them"),
    "no steps": (lambda: trained(steps=0), "expected steps as a whole number from 1 up, got 0"),
    "outputs": (lambda: sequences(scratch.LSTM(4, 3), nn.LSTM(4, 3).double()), "gives several outputs; wrap it"),
    "device": (lambda: trained(device="cuda:99"), "cuda:99"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name):
    run, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        run()


def test_the_text_names_steps_and_shares():
    lines = str(trained(steps=12)).splitlines()
    assert "in lockstep" in lines[0]
    assert [line.split()[1] for line in lines[1:-1]] == ["0", "1", "2", "5", "10", "11"]
    assert lines[-1].startswith("All 12 steps agree. Weights part by ")


def test_the_dict_is_json():
    found = json.loads(json.dumps(WRONG["data"][0]().to_dict(), allow_nan=False))
    assert (found["ok"], found["first"], found["began"], len(found["steps"])) == (False, 3, "data", 30)
    assert found["steps"][0]["gradient"].keys() == {"name", "difference", "allowed"}


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_drift_is_drawn(tmp_path, suffix):
    trained(theirs=OTHER_FORWARD).plot(tmp_path / f"drift.{suffix}")
    assert (tmp_path / f"drift.{suffix}").stat().st_size > 10_000
    with pytest.raises(ValueError, match=r"\.svg or \.png"):
        trained(steps=2).plot(tmp_path / "drift.jpg")
