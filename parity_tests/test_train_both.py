"""Do both sides take the same steps on every data set and model, and does a lockstep judge them?"""

import numpy as np
import pytest
import torch

import scratch
from parity_tests.trained import arrays, equal, lines, train
from scripts.training.folder import read_metrics

STEPS = 200
SMALL = ("--width", "16", "--layers", "1", "--context", "16", "--batch-size", "40")
TRAININGS = {
    "iris mlp": ("--data", "iris", "--epochs", "50", "--lr", "0.05", "--optimizer", "sgd", "--momentum", "0.9"),
    "wine mlp": ("--data", "wine", "--epochs", "40", "--hidden", "8,8", "--activation", "ReLU"),
    "breast_cancer neuron": ("--data", "breast_cancer", "--model", "neuron", "--epochs", "15", "--schedule", "cosine"),
    "breast_cancer hinge": ("--data", "breast_cancer", "--loss", "hinge", "--epochs", "15", "--schedule", "step"),
    "diabetes mlp": ("--data", "diabetes", "--epochs", "20", "--weight-decay", "0.1", "--optimizer", "adamw"),
    "diabetes huber": ("--data", "diabetes", "--loss", "huber", "--epochs", "20", "--optimizer", "rmsprop"),
    "digits mlp": ("--data", "digits", "--model", "mlp", "--epochs", "5", "--clip", "0.5"),
    "digits cnn": ("--data", "digits", "--channels", "4,4", "--epochs", "5", "--schedule", "warmup"),
    "text char_rnn": ("--data", "text", *SMALL, "--epochs", "1", "--clip", "1"),
    "text gpt": ("--data", "text", "--model", "gpt", *SMALL, "--heads", "2", "--epochs", "1", "--optimizer", "adagrad"),
}


@pytest.mark.parametrize("arguments", TRAININGS.values(), ids=TRAININGS)
def test_two_hundred_steps_agree_and_so_does_what_they_lead_to(arguments, tmp_path):
    found = {}
    for side in ("scratch", "torch"):
        status, result, _ = train(tmp_path, "--name", side, "--backend", side, "--log-interval", "1", *arguments)
        assert status == 0
        found[side] = read_metrics(tmp_path / side), result
    (ours, by_hand), (theirs, in_torch) = found.values()
    assert by_hand["steps"] == in_torch["steps"] >= STEPS
    assert [row["step"] for row in ours] == [row["step"] for row in theirs]
    for one, other in zip(ours[: STEPS + 10], theirs, strict=False):
        for name in ("loss", "lr", "gradient_norm", "test_loss", "test_metric"):
            # rounding is carried on from step to step; the worst of these trainings part by 2e-13 (wine)
            expected = None if other[name] is None else pytest.approx(other[name], rel=1e-11)
            assert one[name] == expected, (one["step"], name)
    metric = "test_R2" if "test_R2" in by_hand else "test_accuracy"
    assert by_hand[metric] == pytest.approx(in_torch[metric], rel=1e-11)


@pytest.mark.parametrize("how", [("--model", "mlp"), ("--channels", "4,4")], ids=["mlp", "cnn"])
def test_on_any_device_the_steps_are_those_by_hand_and_a_run_goes_on_elsewhere(how, device, tmp_path):
    how = ("--data", "digits", *how, "--log-interval", "1")
    train(tmp_path, "--name", "hand", *how, "--epochs", "2")
    train(tmp_path, "--name", "there", "--backend", "torch", "--device", device, *how, "--epochs", "1")
    status, result, _ = train(tmp_path, "--resume", tmp_path / "there", "--device", "cpu", "--epochs", "2")
    assert (status, result["device"]) == (0, "cpu")
    losses = [
        {row["step"]: row["loss"] for row in read_metrics(tmp_path / name) if row["loss"]} for name in ("hand", "there")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)  # 90 steps carry rounding on; far below any wrong term
    assert len(losses[0]) == result["steps"]


def test_compiled_weights_are_those_that_are_kept(tmp_path, monkeypatch):
    """By torch.compile's tracer; the C++ that it writes by default needs a compiler and half a minute."""
    compile = torch.compile
    monkeypatch.setattr(torch, "compile", lambda module: compile(module, backend="eager"))
    for name, more in (("plain", ()), ("compiled", ("--compile",))):
        train(tmp_path, "--name", name, "--backend", "torch", *more, "--epochs", "1")
        train(tmp_path, "--resume", tmp_path / name, "--epochs", "2")
    assert arrays(tmp_path / "plain").keys() == arrays(tmp_path / "compiled").keys()
    for name, array in arrays(tmp_path / "plain").items():
        # eight steps of sums that may be taken in another order
        np.testing.assert_allclose(arrays(tmp_path / "compiled")[name], array, rtol=1e-12, atol=1e-15)


def test_autocast_is_near_float32(device, tmp_path):
    losses = []
    for dtype in ("float32", "bfloat16"):
        how = ("--data", "digits", "--epochs", "3", "--lr", "0.003", "--dtype", dtype)
        train(tmp_path, "--name", dtype, "--backend", "torch", "--device", device, *how)
        losses.append([row["loss"] for row in read_metrics(tmp_path / dtype) if row["loss"]])
    # products of 8 bits, each off by up to 0.4 %: measured at most 13 % of a loss that falls to an eighth
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.2)
    assert losses[0] != losses[1]


def test_both_is_a_lockstep_with_its_report_and_picture(tmp_path):
    status, result, errors = train(tmp_path, "--backend", "both", "--name", "b", "--epochs", "2")
    assert (status, result["agree"], result["steps"]) == (0, True, 8)
    assert "All 8 steps agree" in errors
    assert {path.name for path in (tmp_path / "b").iterdir()} >= {"lockstep.json", "lockstep.png", "config.json"}


@pytest.mark.parametrize("arguments", [("--data", "digits", "--channels", "4,4"), ("--data", "text", *SMALL)])
def test_the_first_steps_in_lockstep_then_on_by_hand(arguments, tmp_path):
    how = ("--dtype", "float32", "--epochs", "1", "--schedule", "cosine", *arguments)
    status, result, errors = train(tmp_path, "--name", "judged", "--lockstep", "3", *how)
    assert (status, result["ended"]) == (0, "finished")
    assert "All 3 steps agree" in errors
    assert (tmp_path / "judged" / "lockstep.png").exists()
    train(tmp_path, "--name", "plain", *how)
    assert equal(arrays(tmp_path / "judged"), arrays(tmp_path / "plain"))
    assert lines(tmp_path / "judged") == lines(tmp_path / "plain")


def test_where_rounding_explains_any_difference_nothing_is_decided(tmp_path):
    wild = ("--data", "diabetes", "--dtype", "float32", "--optimizer", "sgd", "--momentum", "0.9", "--lr", "20")
    status, result, errors = train(tmp_path, *wild, "--lockstep", "60", "--epochs", "6")
    assert (status, result["ended"], result["steps"]) == (3, "undecided", 0)
    assert "later steps are not judged" in errors


def test_where_the_sides_disagree_nothing_is_trained(tmp_path, monkeypatch):
    right = scratch.losses.cross_entropy

    def wrong(output, target):
        J, dz = right(output, target)
        return J, -dz

    monkeypatch.setattr(scratch.losses, "cross_entropy", wrong)
    status, result, errors = train(tmp_path, "--name", "wrong", "--lockstep", "3")
    assert (status, result["ended"], result["steps"]) == (1, "the sides disagree", 0)
    assert "the gradient began it" in errors
