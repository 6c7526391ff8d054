"""Are the public names complete, documented, and the same on both sides?"""

import inspect
import types

import pytest

import parity
import scratch
import torch_ref
from torch_ref import neuron as torch_neuron

for _name in parity.__all__:
    getattr(parity, _name)  # they load on first use
PACKAGES = [scratch, scratch.layers, torch_ref, parity]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_all_is_complete_and_sorted(package):
    public = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    listed = set(package.__all__)
    assert public <= listed
    assert {name for name in listed - public if not isinstance(getattr(package, name), types.ModuleType)} == set()
    assert list(package.__all__) == sorted(package.__all__)


def public_objects():
    for package in (*PACKAGES, scratch.losses, scratch.models, scratch.data, scratch.naming, torch_ref.models):
        for name, value in vars(package).items():
            own = getattr(value, "__module__", "").split(".")[0] in ("scratch", "torch_ref", "parity")
            if not name.startswith("_") and own and callable(value):
                yield pytest.param(value, id=f"{value.__module__}.{name}")


@pytest.mark.parametrize("value", list(public_objects()))
def test_everything_public_is_documented(value):
    assert value.__doc__
    assert value.__doc__ != inspect.getdoc(object)


DERIVED = [getattr(scratch, name) for name in scratch.__all__ if isinstance(getattr(scratch, name), type)]
DERIVED = [layer for layer in DERIVED if layer not in (scratch.Layer, scratch.Step, scratch.Perceptron)]  # no gradient


@pytest.mark.parametrize("layer", DERIVED)
def test_layers_carry_derivation_shapes_and_source(layer):
    assert "∂J/∂" in layer.__doc__ or "dJ/d" in layer.__doc__
    for word in ("Shapes:", "Source:", "Raises"):
        assert word in layer.__doc__


def arguments(function):
    return {name: p.default for name, p in inspect.signature(function).parameters.items()}


TWINS = [
    *(
        (getattr(scratch.models, name), getattr(torch_ref.models, name))
        for name in ("linear_sigmoid", "lecture_net", "mlp")
    ),
    *((getattr(scratch, name), getattr(torch_neuron, name)) for name in ("Neuron", "LogisticNeuron", "Perceptron")),
    (scratch.LogisticNeuron.fit, torch_ref.LogisticNeuron.fit),
    (scratch.LogisticNeuron.loss, torch_ref.LogisticNeuron.loss),
    (scratch.Perceptron.fit, torch_ref.Perceptron.fit),
]


@pytest.mark.parametrize(("ours", "theirs"), TWINS, ids=lambda value: value.__qualname__)
def test_twins_have_the_same_names_and_arguments(ours, theirs):
    """torch's side has `device` besides; an activation class is the other library's."""
    assert ours.__name__ == theirs.__name__
    hand, twin = arguments(ours), arguments(theirs)
    assert twin.pop("device", "cpu") == "cpu"
    assert list(hand) == list(twin)
    assert {n: d for n, d in hand.items() if n != "activation"} == {n: d for n, d in twin.items() if n != "activation"}


def test_every_model_exists_twice():
    def models(module):
        return {name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}

    assert models(scratch.models) == models(torch_ref.models)
