"""Elementwise layers y = act(x): H is g times a known function of x and y that is not act′(x)."""

import math
from itertools import chain

import numpy as np

from parity.diagnosis.structure.claim import Claim, by, each

erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gelu_slope(z):
    """Φ(z) + z φ(z)."""
    return (1 + erf(z / np.sqrt(2))) / 2 + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def gelu_tanh_slope(z):
    """The derivative of z (1 + t) / 2,   t = tanh(√(2/π) (z + 0.044715 z³))."""
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (z + 0.044715 * z**3))
    return (1 + t) / 2 + z * (1 - t * t) / 2 * c * (1 + 3 * 0.044715 * z * z)


# act′ written in its output a, and in its input z; None where it is not written so
SLOPES: dict = {
    "sigmoid": (lambda a: a * (1 - a), lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (lambda a: 1 - a * a, lambda z: 1 / np.cosh(z) ** 2),
    "ReLU": (lambda a: 1.0 * (a > 0), lambda z: 1.0 * (z > 0)),
    "softplus": (lambda a: 1 - np.exp(-a), sigmoid),
    "exp": (lambda a: a, np.exp),
    "square": (None, lambda z: 2 * z),
    "square root": (lambda a: 1 / (2 * a), lambda z: 1 / (2 * np.sqrt(z))),
    "log": (None, lambda z: 1 / z),
    "softsign": (lambda a: (1 - np.abs(a)) ** 2, lambda z: (1 + np.abs(z)) ** -2.0),
    "arctan": (None, lambda z: 1 / (1 + z * z)),
    "sin": (None, np.cos),
    "SiLU": (None, lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "GELU": (None, gelu_slope),
    "GELU by tanh": (None, gelu_tanh_slope),
    "GELU by σ": (None, lambda z: sigmoid(1.702 * z) * (1 + 1.702 * z * sigmoid(-1.702 * z))),
}
VARIANTS = ({"GELU", "GELU by tanh", "GELU by σ"},)
PARTS = {  # what is left of a product, or of a derivative, when a part is lost
    "a": lambda z, a: a,
    "1 − a": lambda z, a: 1 - a,
    "1 + a": lambda z, a: 1 + a,
    "a²": lambda z, a: a * a,
    "1 + a²": lambda z, a: 1 + a * a,
    "(1 − a)²": lambda z, a: (1 - a) ** 2,
    "z": lambda z, a: z,
    "σ(z)": lambda z, a: sigmoid(z),
    "1 − σ(z)": lambda z, a: sigmoid(-z),
    "tanh(z)": lambda z, a: np.tanh(z),
    "1 − tanh(z)": lambda z, a: 1 - np.tanh(z),
    "the sign of z": lambda z, a: np.sign(z),
}


@each
def another_slope(e, key):
    """H = g·f for a known f: 1, act′², act′ of another function or variant, act′ in a fed z, or a part of act′."""
    if not elementwise(e, key):
        return
    code, text = missing(e, key)
    if not (active := is_activation(e, key)) and code == "activation-derivative-missing":
        return
    yield Claim(code, frozenset([key]), lambda o: o.explains(key, o.upstream[0]), f"{by(key)} {text}")
    if not active:
        return
    if e.H(key).shape == e.G(key).shape and not holds_literally(e, key):
        text = f"{by(key)} is multiplied by act′ twice"
        yield Claim("activation-derivative-twice", frozenset([key]), lambda o: o.explains(key, squared(o, key)), text)
    for code, what, slope in chain(other_inputs(e, key), other_functions(e, key)):

        def holds(other, slope=slope):
            with np.errstate(all="ignore"):
                return other.explains(key, other.upstream[0] * slope(*seen(other, key)))

        yield Claim(code, frozenset([key]), holds, f"{by(key)}: {what}")


def missing(e, key):
    """(code, what is missing) where H = g: a derivative, or of one that is 0 or 1 the mask, or the bounds of a clip."""
    slope = e.G(key) / e.upstream[0]
    closed = slope == 0
    if not closed.any() or not np.allclose(slope[~closed], 1):
        return "activation-derivative-missing", "is the upstream gradient itself: act′ is missing"
    if np.all(seen(e, key)[1][closed] == 0):
        return "mask-wrong", "is the upstream gradient itself: the mask is missing"
    return "clip-mismatch", "is the upstream gradient itself, also where the forward clips"


@each
def another_branch(e, key):
    """For x > 0 H = G; for x < 0 H is c·G, c·g or G + c·g with one c on all data: another slope, another α."""
    if not elementwise(e, key) or e.H(key).shape != e.G(key).shape:
        return
    below = np.argmin(seen(e, key)[0])
    H, G, g = (float(array.ravel()[below]) for array in (e.H(key), e.G(key), e.upstream[0]))
    if seen(e, key)[0].ravel()[below] >= 0 or H == G:
        return
    code = "variant-mismatch" if H and G else "activation-derivative-wrong"
    text = f"{by(key)}: for x < 0 backward is of another variant: {H / g:.6g}·g where {G / g:.6g}·g is right"
    for branch in (
        lambda right, up: right * (H / G) if H and G else up * (H / g),
        lambda right, up: right + up * ((H - G) / g),
    ):

        def holds(other, branch=branch):
            x, right = seen(other, key)[0], other.G(key)
            return other.explains(key, np.where(x > 0, right, branch(right, other.upstream[0])))

        yield Claim(code, frozenset([key]), holds, text)


def holds_literally(e, key):
    """Whether a number that backward names is the slope that H has somewhere: a slope of its own, not a square."""
    slopes = np.unique(np.round(e.H(key) / e.upstream[0], 12))
    numbers = {
        float(n) for event in e.backward for n in event.operands if isinstance(n, int | float) and n not in (0, 1)
    }
    return any(np.isclose(number, slope, rtol=1e-9) for number in numbers for slope in slopes)


def other_inputs(e, key):
    """act′ in a fed z, act′ in z fed a."""
    for name in own(e, key):
        in_a, in_z = SLOPES[name]
        if in_a is not None:
            yield "activation-derivative-wrong-input", f"the {name} derivative in a is fed z", lambda z, a, f=in_a: f(z)
        yield "activation-derivative-wrong-input", f"the {name} derivative in z is fed a", lambda z, a, f=in_z: f(a)


def other_functions(e, key):
    """The derivatives of other functions, and parts of them."""
    mine = own(e, key)
    for name in SLOPES.keys() - mine:
        variant = any(name in family and family & mine for family in VARIANTS)
        code = "variant-mismatch" if variant else "activation-derivative-wrong"
        in_a, in_z = SLOPES[name]
        yield code, f"the derivative is that of {name}", lambda z, a, f=in_z: f(z)
        if in_a is not None:
            yield code, f"the derivative is that of {name}", lambda z, a, f=in_a: f(a)
    for what, part in PARTS.items():
        yield "activation-derivative-wrong", f"the derivative is taken as {what}", part


def own(e, key):
    """The names of the functions whose derivative is the right one."""
    z, _ = seen(e, key)
    with np.errstate(all="ignore"):
        return {name for name, (_, in_z) in SLOPES.items() if e.agrees(key, e.upstream[0] * in_z(z))}


def seen(e, key):
    """x and y in float64."""
    return np.asarray(e.arrays[key[1]], float), np.asarray(e.trial.truth["output", e.outputs[0]], float)


def squared(e, key):
    """G·act′ = G²/g."""
    return e.G(key) ** 2 / e.upstream[0]


def is_activation(e, key):
    """Whether act′ follows x, and is no matter of another array entry by entry: x y has a factor, not an activation."""
    rolled = {name: np.roll(array, 1) for name, array in e.arrays.items() if np.shape(array) == e.G(key).shape}
    moved = e.truth(e.arrays | {key[1]: rolled.pop(key[1])})[key]
    follows = not e.agrees(key, moved)
    return follows and (not rolled or e.agrees(key, e.truth(e.arrays | rolled)[key]))


def elementwise(e, key):
    """Whether each entry of the one output depends on the entry of this input at the same place alone."""
    if key[0] != "input" or len(e.outputs) != 1 or e.G(key).shape != e.upstream[0].shape:
        return False
    other = np.roll(e.upstream[0], 1) * -2
    return e.agrees(key, e.truth(upstream=[other])[key] * (e.upstream[0] / other))
