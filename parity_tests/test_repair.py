"""Are mistakes named rightly by repair, on the right line, and does the edit make the gradients right?"""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from parity.diagnosis.repairs.search import explain
from parity.examine import Examination
from parity.setting import Setting
from parity.subjects import read
from parity.witnesses.numeric import Numeric
from parity_tests import repairable, repairable_loops

SOURCES = [Path(file.__file__).read_text(encoding="utf-8") for file in (repairable, repairable_loops)]
ROWS, SEQUENCE, IMAGE, PAIR = ((5, 4),), ((3, 2, 2),), ((4, 5),), ((5, 3), (5, 3))
TRIPLE = ((4, 3), (4, 3), (4, 2))
LABELS = ((5, 4), np.array([0, 3, 1, 1, 2]))
PROBABILITIES = (np.random.default_rng(0).uniform(0.1, 0.9, (5, 3)), np.array([[0.0, 1.0, 1.0]] * 5))
WORDS = (np.array([4, 1, 4, 0]),)

INPUTS = {
    "Attention()": TRIPLE,
    "RNN()": SEQUENCE,
    "Conv()": IMAGE,
    "Embedding()": WORDS,
    "mse": PAIR,
    "bce": PROBABILITIES,
    "logistic": PROBABILITIES,
    "cross_entropy": LABELS,
}  # the others take ROWS

# subject: [(right text, of which there is one; wrong text; code)]
PLANTED = {
    "Net()": [
        ("dz1 = dh1 * (1 - h1**2)", "dz1 = dh1", "activation-derivative-missing"),
        ("(dy @ self.W3.T) * h2 * (1 - h2)", "dy @ self.W3.T", "activation-derivative-missing"),
        ("dz1 = dh1 * (1 - h1**2)", 'dz1 = dh1 * (1 - cache["z1"] ** 2)', "activation-derivative-wrong-input"),
        ("* h2 * (1 - h2)", '* cache["z2"] * (1 - cache["z2"])', "activation-derivative-wrong-input"),
        ("* h2 * (1 - h2)", "* (1 - h2)", "activation-derivative-wrong"),
        ("dh1 * (1 - h1**2)", "dh1 * (1 - h1)", "activation-derivative-wrong"),
        ("dh1 * (1 - h1**2)", "dh1 * h1 * (1 - h1)", "activation-derivative-wrong"),
        ("dh1 * (1 - h1**2)", "dh1 * (1 + h1**2)", "activation-derivative-wrong"),
        ("dh1 * (1 - h1**2)", "dh1 * (1 - h1**2) * (1 - h1**2)", "activation-derivative-twice"),
        ("dh1 = dz2 @ self.W2.T", "dh1 = dz2 @ self.W2", "transposed"),
        ("dh1 = dz2 @ self.W2.T", "dh1 = -dz2 @ self.W2.T", "sign-flipped"),
        ("dh1 = dz2 @ self.W2.T", "dh1 = 2 * (dz2 @ self.W2.T)", "constant-factor"),
        ("db2 = np.sum(dz2, axis=0)", "db2 = np.mean(dz2, axis=0)", "bias-averaged"),
        ("db2 = np.sum(dz2, axis=0)", "db2 = dz2", "bias-not-summed"),
        ("db2 = np.sum(dz2, axis=0)", "db2 = dz2[-1]", "bias-not-summed"),
        ("db2 = np.sum(dz2, axis=0)", "db2 = np.sum(dz2, axis=1)", "wrong-axis"),
        ("dW2 = h1.T @ dz2", "dW2 = h1.T @ dz2 / len(x)", "extra-mean"),
        ("np.dot(x.T, dz1)", "np.dot(dz1.T, x)", "transposed"),
        ("dx = dz1 @ self.W1.T", "dx = dh1 @ self.W1.T", "activation-derivative-missing"),
        ('{"W1": dW1, "b1": db1, "W2": dW2, "b2": db2,', '{"W1": dW1, "b1": db2, "W2": dW2, "b2": db1,', "permuted"),
    ],
    "ReluDense()": [
        ("np.where(z > 0, da, 0.0)", "np.where(da > 0, da, 0.0)", "mask-wrong"),
        ("np.where(z > 0, da, 0.0)", "np.where(z < 0, da, 0.0)", "mask-wrong"),
        ("dz = np.where(z > 0, da, 0.0)", "dz = da", "mask-wrong"),
        ("x.T.dot(dz)", "x.T.dot(dz) / x.shape[0]", "extra-mean"),
        ("x.T.dot(dz)", "-(x.T.dot(dz))", "sign-flipped"),
    ],
    "Tanh()": [
        ("dz = da * slope", "dz = da", "activation-derivative-missing"),
        ("dz = da * slope", "dz = da * slope * slope", "activation-derivative-twice"),
        ("slope = 1 - a * a", "slope = 1 - cache[0] * cache[0]", "activation-derivative-wrong-input"),
        ("slope = 1 - a * a", "slope = a * (1 - a)", "activation-derivative-wrong"),
        ("slope = 1 - a * a", "slope = a * a - 1", "sign-flipped"),
    ],
    "Leaky()": [("np.where(z > 0, 1.0, 0.1), {}", "np.where(z > 0, 1.0, 0.01), {}", "variant-mismatch")],
    "Bounded()": [("return dy * (np.abs(x) < 0.8), {}", "return dy, {}", "clip-mismatch")],
    "Scale()": [
        ("return dy * self.gamma,", "return dy,", "scale-missing"),
        ("dgamma = (dy * x).sum(axis=0)", "dgamma = dy * x", "broadcast-not-reduced"),
        ("dgamma = (dy * x).sum(axis=0)", "dgamma = (np.ones_like(dy) * x).sum(axis=0)", "upstream-ignored"),
        ("dgamma = (dy * x).sum(axis=0)", "dgamma = (dy * x).mean(axis=0)", "extra-mean"),
    ],
    "BatchNorm()": [
        ("N = len(y)", "N = len(y) - 1", "variance-convention"),
        (" - y * (dy * y).sum(axis=0) / N)", ")", "centring-term-missing"),
        ("(dy - dy.sum(axis=0) / N - y", "(dy - y", "centring-term-missing"),
        ("(dy - dy.sum(axis=0) / N - y * (dy * y).sum(axis=0) / N) / std", "dy / std", "statistics-constant"),
        ("/ N) / std", "/ N)", "unknown"),  # a factor is missing that has no name of its own
    ],
    "Softmax()": [
        ("total = (ds * s).sum(axis=1, keepdims=True)", "total = (ds * s).sum(axis=0)", "wrong-axis"),
        ("return s * (ds - total), {}", "return ds * s * (1 - s), {}", "softmax-diagonal"),
    ],
    "Attention()": [
        (" / np.sqrt(q.shape[1])\n        return (dS", "\n        return (dS", "constant-factor"),
        ("(dS @ k, dS.T @ q,", "(dS @ k, dS @ q,", "transposed"),
        ("(dS @ k, dS.T @ q,", "(dS.T @ q, dS @ k,", "permuted"),
    ],
    "RNN()": [
        ("* (1 - hs[t + 1] ** 2)", "* (1 - hs[t] ** 2)", "time-shifted"),
        ("dU += hs[t].T @ dz", "dU += hs[t + 1].T @ dz", "time-shifted"),
        ("(dy[t] + dh) * (1", "dy[t] * (1", "time-truncated"),
        ("dh = dz @ self.U.T", "dh = np.zeros_like(dh)", "time-truncated"),
        ("dh = dz @ self.U.T", "dh = dz @ self.U", "transposed"),
        ("(dy[t] + dh) * (1 - hs[t + 1] ** 2)", "dy[t] + dh", "activation-derivative-missing"),
    ],
    "Conv()": [
        ("dx[i : i + 2, j : j + 2] += dy", "dx[i : i + 2, j : j + 2] = dy", "path-missing"),
        ("+= dy[i, j] * self.w\n", "+= dy[i, j] * self.w[::-1, ::-1]\n", "kernel-flipped"),
    ],
    "Embedding()": [("np.add.at(d, index, dy)", "d[index] += dy", "duplicate-index")],
    "mse": [
        ("2 * r / r.size", "2 * r", "missing-mean"),
        ("2 * r / r.size", "2 * r / len(r)", "wrong-count"),
        ("2 * r / r.size", "r / r.size", "constant-factor"),
        ("2 * r / r.size", "2 * (t - y) / r.size", "sign-flipped"),
    ],
    "bce": [("(p - t) / (p * (1 - p)) / p.size", "(t - p) / (p * (1 - p)) / p.size", "sign-flipped")],
    "logistic": [
        ("dz = (p - t) / len(z)", "dz = p - t", "missing-mean"),
        ("dz = (p - t) / len(z)", "dz = (p - t) * p * (1 - p) / len(z)", "activation-derivative-twice"),
    ],
    "cross_entropy": [
        ("return J, (p - hot) / len(z)", "return J, p / len(z)", "one-hot-missing"),
        ("return J, (p - hot) / len(z)", "return J, (hot - p) / len(z)", "sign-flipped"),
        ("return J, (p - hot) / len(z)", "return J, (p - hot) / z.size", "wrong-count"),
    ],
}
CASES = [(subject, *mistake) for subject, mistakes in PLANTED.items() for mistake in mistakes]


def module(path, text):
    """The text, written to a file and imported from there."""
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def trial_of(subject, inputs, seed=0):
    """A Trial of the subject by numerical derivatives of its own forward."""
    hand = read(subject, inputs)
    setting = Setting(hand, "float64", "cpu", seed, 60.0)
    hand, arrays, drawn = setting.gather(hand, inputs)
    upstream = Examination(hand).upstream_of(hand.outputs(arrays), setting.rng)
    keys = [key for key in hand.run(arrays, upstream) if key[0] != "output"]
    return Examination(hand, Numeric(hand, keys), keys, drawn, seed).trial(arrays, upstream)


def planted(right, wrong):
    """(a source with a mistake in it, its line)."""
    (source,) = [source for source in SOURCES if right in source]
    assert source.count(right) == 1
    return source.replace(right, wrong), source[: source.index(right)].count("\n") + 1


@pytest.mark.parametrize(("subject", "right", "wrong", "code"), CASES)
def test_a_mistake_is_named_and_repaired(subject, right, wrong, code, tmp_path):
    text, line = planted(right, wrong)
    inputs = INPUTS.get(subject, ROWS)
    wrong_module = module(tmp_path / "mine.py", text)
    trial = trial_of(eval(subject, vars(wrong_module)), inputs)
    (finding,) = explain(trial, limit_s=60)
    assert finding.code == code, finding
    assert {finding.row, *finding.also} == {name for _, name in trial.wrong()}
    assert finding.where == f"mine.py:{line}"
    repaired = module(tmp_path / "repaired.py", finding.repair.applied(text))
    assert not trial_of(eval(subject, vars(repaired)), inputs, seed=1).wrong()


RIGHT = ["Net()", "ReluDense()", "BatchNorm()", "RNN()", "Conv()", "mse", "cross_entropy"]
INEXPLICABLE = [  # no change that is known makes these right
    ("Net()", "dW2 = h1.T @ dz2", "dW2 = np.sin(h1).T @ np.cos(dz2)"),
    ("Net()", "dz1 = dh1 * (1 - h1**2)", "dz1 = np.sin(3 * dh1) * np.exp(h1)"),
    ("Net()", "dh1 = dz2 @ self.W2.T", "dh1 = np.random.default_rng(7).normal(size=h1.shape) * len(h1)"),
    ("ReluDense()", "dz = np.where(z > 0, da, 0.0)", "dz = np.sign(da) * np.sqrt(np.abs(da))"),
    ("BatchNorm()", "N = len(y)", "N = len(y) ** 1.37"),
    ("RNN()", "dh = dz @ self.U.T", "dh = np.tanh(dz @ self.U)"),
    ("Conv()", "dw += dy[i, j] * x[i : i + 2, j : j + 2]", "dw += dy[i, j] * np.cos(x[i : i + 2, j : j + 2])"),
    ("mse", "2 * r / r.size", "np.sinh(r)"),
    ("cross_entropy", "return J, (p - hot) / len(z)", "return J, np.sqrt(p) * (p - hot)"),
]


@pytest.mark.parametrize("subject", RIGHT)
def test_nothing_is_explained_where_nothing_is_wrong(subject, tmp_path):
    (source,) = [source for source in SOURCES if f"{subject.rstrip('()')}" in source]
    right = module(tmp_path / "mine.py", source)
    assert explain(trial_of(eval(subject, vars(right)), INPUTS.get(subject, ROWS))) == []


@pytest.mark.parametrize(("subject", "right", "wrong"), INEXPLICABLE)
def test_what_no_change_explains_gets_no_name(subject, right, wrong, tmp_path):
    found = module(tmp_path / "mine.py", planted(right, wrong)[0])
    trial = trial_of(eval(subject, vars(found)), INPUTS.get(subject, ROWS))
    assert trial.wrong()
    assert {finding.code for finding in explain(trial, limit_s=60)} <= {"unknown"}


def test_a_wrong_forward_is_not_explained(tmp_path):
    text, _ = planted("h1 = np.tanh(z1)", "h1 = np.tanh(z1) + 1")
    trial = trial_of(module(tmp_path / "mine.py", text).Net(), ROWS)
    outputs = {key: array + 1 if key[0] == "output" else array for key, array in trial.truth.items()}
    assert explain(replace(trial, truth=outputs)) == []


TWO = [
    (
        [("db3 = h2.T @ dy, dy.sum(axis=0)", "db3 = h2.T @ dy, dy.mean(axis=0)"), ("dh1 * (1 - h1**2)", "dh1")],
        ["bias-averaged", "activation-derivative-missing"],
    ),
    (
        [("* h2 * (1 - h2)  # σ′", ""), ("dh1 = dz2 @ self.W2.T", "dh1 = dz2 @ self.W2")],
        ["activation-derivative-missing", "transposed"],
    ),
    (
        [
            ("dW2 = h1.T @ dz2", "dW2 = -h1.T @ dz2"),
            ("dz1.sum(0)", "dz1[0]"),
            ("np.dot(x.T, dz1)", "np.dot(x.T, dz1) / 2"),
        ],
        ["sign-flipped", "bias-not-summed", "constant-factor"],
    ),
]


@pytest.mark.parametrize(("changes", "codes"), TWO, ids=["apart", "one behind the other", "three"])
def test_several_mistakes_are_named_in_the_order_of_backward(changes, codes, tmp_path):
    text = SOURCES[0]
    for right, wrong in changes:
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    trial = trial_of(module(tmp_path / "mine.py", text).Net(), ROWS)
    findings = explain(trial, limit_s=60)
    assert sorted(finding.code for finding in findings) == sorted(codes)
    lines = [finding.repair.line for finding in findings]
    assert lines == sorted(lines)
    for finding in sorted(findings, key=lambda finding: (-finding.repair.line, -finding.repair.column)):
        text = finding.repair.applied(text)
    assert not trial_of(module(tmp_path / "repaired.py", text).Net(), ROWS, seed=1).wrong()
