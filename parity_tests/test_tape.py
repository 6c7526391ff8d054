"""Does the tape note what the user's code computed, and does a run with a change differ by that change alone?"""

import numpy as np
import pytest

from parity.followed import followed
from parity.subjects import read
from parity.tape.reads import reads_noted
from parity.tape.recording import OutOfTime, Tape, record, run_on
from parity.tape.sites import SITES, instruction_start


class Layer:
    """A base whose backward the tests below replace; arrays of its own are named by params."""

    params = ("W",)

    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(3, 2))

    def forward(self, x):
        return np.tanh(x @ self.W), x

    def backward(self, dy, x):
        return dy @ self.W.T, {"W": x.T @ dy}


X = np.arange(12.0).reshape(4, 3) / 10 - 0.5
G = np.arange(8.0).reshape(4, 2) / 7 - 0.3


def layer(backward):
    return type("Mine", (Layer,), {"backward": backward})()


def taped(subject, changes=None):
    hand = read(subject, (X,))
    return record(hand, {"x": X, **hand.parameters}, [G], changes)


def backward_events(tape):
    return [event for event in tape.events if event.phase == "backward"]


def written_in_place(self, dy, x):
    d = np.zeros_like(x)
    d[:] = dy @ self.W.T
    d *= 2
    view = d[1]
    view += 1.0
    np.add.at(d, [0, 0], 1.0)
    return d, {"W": x.T @ dy}


def by_numbers(self, dy, x):
    dW = np.zeros((3, 2))
    for i in range(3):
        for j in range(2):
            total = 0.0
            for n in range(len(x)):
                total += x[n, i] * dy[n, j]
            dW[i, j] = total
    return np.array([row @ self.W.T for row in dy]), {"W": dW}


def by_branches(self, dy, x):
    dx = dy @ self.W.T
    return (-dx if dx.sum() > 0 else dx), {"W": np.einsum("ni,nj->ij", x, dy)}


def by_methods(self, dy, x):
    flat = dy.reshape(-1).copy().reshape(dy.shape)
    total = np.concatenate([flat[:2], flat[2:]]).clip(-1, 1)
    return total.dot(self.W.T), {"W": x.transpose().dot(dy).round(12)}


@pytest.mark.parametrize("backward", [Layer.backward, written_in_place, by_numbers, by_branches, by_methods])
def test_results_are_those_without_a_tape(backward):
    subject = layer(backward)
    hand = read(subject, (X,))
    plain = hand.run({"x": X, **hand.parameters}, [G])
    for key, array in taped(subject).results.items():
        assert type(array) in (np.ndarray, np.float64)
        np.testing.assert_array_equal(array, plain[key])


def test_events_have_names_operands_and_results():
    tape = taped(Layer())
    assert [event.name for event in tape.events if event.phase == "forward"] == ["matmul", "tanh"]
    events = backward_events(tape)
    assert [event.name for event in events] == ["transpose", "matmul", "transpose", "matmul"]
    np.testing.assert_array_equal(events[1].operands[0], G)
    np.testing.assert_array_equal(events[3].result, X.T @ G)


def test_origins_lead_back_to_what_was_given():
    tape = taped(Layer())
    turned, product = backward_events(tape)[:2]
    assert turned.origins == ("W",)
    assert product.origins == (("upstream", 0), turned.index)


def test_origins_of_lists_are_those_of_their_parts():
    (joined,) = [event for event in taped(layer(by_methods)).events if event.name == "concatenate"]
    assert all(type(origin) is int for origin in joined.origins[0])


def test_events_are_copies_of_what_was_there_then():
    events = backward_events(taped(layer(written_in_place)))
    (doubled,) = [event for event in events if event.name == "multiply"]
    product = next(event for event in events if event.name == "matmul")
    np.testing.assert_array_equal(doubled.result, 2 * product.result)


def test_created_arrays_are_followed():
    names = [event.name for event in backward_events(taped(layer(by_numbers)))]
    assert "zeros" in names
    assert "array" in names


def test_turns_of_a_loop_share_a_site():
    events = [event for event in backward_events(taped(layer(by_numbers))) if event.name == "multiply"]
    assert len(events) == 3 * 2 * len(X)
    assert len({event.site for event in events}) == 1
    assert [event.occurrence for event in events] == list(range(len(events)))


def test_sites_are_the_same_in_every_run():
    """Python specialises instructions that run often; the frame then stops elsewhere within them."""
    runs = [[event.site for event in taped(layer(by_numbers)).events] for _ in range(20)]
    first = [(site.code, site.offset) for site in runs[0] if site.code is by_numbers.__code__]
    for run in runs:
        assert [(site.code, site.offset) for site in run if site.code is by_numbers.__code__] == first


def test_every_offset_belongs_to_one_instruction():
    code = by_numbers.__code__
    starts = {instruction_start(code, offset) for offset in range(0, len(code.co_code), 2)}
    assert all(instruction_start(code, start) == start for start in starts)


def test_a_site_knows_its_place():
    product = backward_events(taped(Layer()))[1]
    line = Layer.backward.__code__.co_firstlineno + 1
    assert repr(product.site) == f"test_tape.py:{line}"
    assert product.site.positions == (line, line, 15, 28)
    assert product.site in SITES.values()


def test_a_change_stands_in_for_every_turn():
    subject = layer(by_numbers)
    (site,) = {event.site for event in taped(subject).events if event.name == "multiply"}
    changed = taped(subject, {site: lambda call: -call.result()})
    np.testing.assert_allclose(changed.results["parameter", "W"], -X.T @ G)
    np.testing.assert_array_equal(changed.results["input", "x"], taped(subject).results["input", "x"])


def test_a_change_applies_to_backward_alone():
    class Shared(Layer):
        def product(self, a, b):
            return a @ b

        def forward(self, x):
            return self.product(x, self.W), x

        def backward(self, dy, x):
            return self.product(dy, self.W.T), {"W": x.T @ dy}

    (site,) = {event.site for event in taped(Shared()).events if event.site.code.co_name == "product"}
    changed = taped(Shared(), {site: lambda call: 2 * call.result()})
    np.testing.assert_array_equal(changed.results["output", "output"], X @ Shared().W)
    np.testing.assert_array_equal(changed.results["input", "x"], 2 * (G @ Shared().W.T))


def test_a_change_of_what_is_written_in_place_is_written():
    subject = layer(written_in_place)
    (site,) = {event.site for event in taped(subject).events if event.name == "multiply"}
    changed = taped(subject, {site: lambda call: 0 * call.result()})
    assert changed.results["input", "x"].tolist() == [[2.0] * 3, [1.0] * 3, [0.0] * 3, [0.0] * 3]


def test_control_flow_follows_a_change():
    subject = layer(by_branches)
    products = [event.site for event in backward_events(taped(subject)) if event.name == "matmul"]
    base = taped(subject).results["input", "x"]
    flipped = taped(subject, {products[0]: lambda call: -call.result()}).results["input", "x"]
    np.testing.assert_array_equal(flipped, base)  # −dx where its sum is positive, either way


def test_what_is_passed_on_by_name_is_noted():
    def backward(self, dy, x):
        dz = dy
        return dz @ self.W.T, {"W": x.T @ dz}

    hand = read(layer(backward), (X,))
    arrays = {"x": X, **hand.parameters}
    tape = Tape(surveying=True)
    with reads_noted(lambda: hand.run(arrays, [G])), followed(tape.create):
        run_on(tape, hand, arrays, [G])
    alias = next(event for event in backward_events(tape) if event.name == "read")
    assert alias.site.line == backward.__code__.co_firstlineno + 1
    assert {"dy", "x", "self.W"} <= alias.scope.keys()
    assert "dz" not in alias.scope
    assert backward.__code__ is layer(backward).backward.__func__.__code__  # what ran is put back


def test_a_deadline_ends_a_run():
    hand = read(Layer(), (X,))
    with pytest.raises(OutOfTime):
        run_on(Tape(deadline=0.0), hand, {"x": X, **hand.parameters}, [G])


def test_the_checkers_own_operations_are_none_of_the_users():
    def loss(y, t):
        return np.mean((y - t) ** 2), 2 * (y - t) / y.size

    hand = read(loss, (X, X))
    tape = record(hand, {"y": X, "t": X[::-1]}, [np.array(2.0)])
    assert {event.site.code for event in tape.events} == {loss.__code__}
