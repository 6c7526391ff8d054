"""A table of functions of one variable with their derivatives.

Every expression is written in z, the argument, and a, the value; k is a constant of the user's own (a slope, α).
"""

import functools
import math
from dataclasses import dataclass

import numpy as np

from parity.diagnosis.changes.change import compiled


@dataclass(frozen=True)
class Function:
    """a = value(z), its derivative in z and, where there is one, in a.

    mask: whether the derivative only lets through. family: functions that are taken for one another, variants of one
    activation. plain: whether it is a step of arithmetic rather than an activation.
    """

    name: str
    value: str
    of_z: str
    of_a: str = ""
    mask: bool = False
    family: str = ""
    plain: bool = False

    @property
    def flat(self):
        """Whether the derivative has two values alone: to take it out twice is to scale a part."""
        return self.mask or self.family == "ReLU"

    @property
    def has_constant(self):
        return "k" in compiled(self.value).co_names


SIGMOID = "1 / (1 + np.exp(-z))"
INNER = "np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)"  # of the tanh form of GELU

TABLE = (
    Function("sigmoid", SIGMOID, "np.exp(-z) / (1 + np.exp(-z)) ** 2", "a * (1 - a)"),
    Function("tanh", "np.tanh(z)", "1 - np.tanh(z) ** 2", "1 - a**2"),
    Function("ReLU", "np.maximum(z, 0)", "z > 0", "a > 0", mask=True, family="ReLU"),
    Function(
        "leaky ReLU", "np.where(z > 0, z, k * z)", "np.where(z > 0, 1, k)", "np.where(a > 0, 1, k)", family="ReLU"
    ),
    Function(
        "ELU",
        "np.where(z > 0, z, k * np.expm1(np.minimum(z, 0)))",
        "np.where(z > 0, 1, k * np.exp(z))",
        "np.where(a > 0, 1, a + k)",
        family="ELU",
    ),
    Function(
        "ELU",
        "np.where(z > 0, z, np.expm1(np.minimum(z, 0)))",
        "np.where(z > 0, 1, np.exp(z))",
        "np.where(a > 0, 1, a + 1)",
        family="ELU",
    ),
    Function("softplus", "np.logaddexp(z, 0)", "1 / (1 + np.exp(-z))", "1 - np.exp(-a)"),
    Function("log-sigmoid", "-np.logaddexp(0, -z)", "1 / (1 + np.exp(z))", "1 - np.exp(a)"),
    Function(
        "SiLU", "z / (1 + np.exp(-z))", "(1 + (1 + z) * np.exp(-z)) / (1 + np.exp(-z)) ** 2", family="sigmoid-weighted"
    ),
    Function(
        "GELU",
        f"0.5 * z * (1 + np.tanh({INNER}))",
        f"0.5 * (1 + np.tanh({INNER})) + 0.5 * z * (1 - np.tanh({INNER}) ** 2) "
        "* np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)",
        family="sigmoid-weighted",
    ),
    Function(
        "GELU",
        "0.5 * z * (1 + erf(z / np.sqrt(2)))",
        "0.5 * (1 + erf(z / np.sqrt(2))) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)",
        family="sigmoid-weighted",
    ),
    Function(
        "GELU",
        "z / (1 + np.exp(-1.702 * z))",
        "(1 + (1 + 1.702 * z) * np.exp(-1.702 * z)) / (1 + np.exp(-1.702 * z)) ** 2",
        family="sigmoid-weighted",
    ),
    Function("exp", "np.exp(z)", "np.exp(z)", "a", plain=True),
    Function("expm1", "np.expm1(z)", "np.exp(z)", "a + 1", plain=True),
    Function("log", "np.log(z)", "1 / z", "np.exp(-a)", plain=True),
    Function("log1p", "np.log1p(z)", "1 / (1 + z)", "np.exp(-a)", plain=True),
    Function("square", "z**2", "2 * z", plain=True),
    Function("cube", "z**3", "3 * z**2", plain=True),
    Function("square root", "np.sqrt(z)", "0.5 / np.sqrt(z)", "0.5 / a", plain=True),
    Function("reciprocal", "1 / z", "-1 / z**2", "-(a**2)", plain=True),
    Function("absolute value", "np.abs(z)", "np.sign(z)", plain=True),
    Function("sine", "np.sin(z)", "np.cos(z)"),
    Function("cosine", "np.cos(z)", "-np.sin(z)"),
    Function("arctan", "np.arctan(z)", "1 / (1 + z**2)"),
    Function("softsign", "z / (1 + np.abs(z))", "1 / (1 + np.abs(z)) ** 2", "(1 - np.abs(a)) ** 2"),
)


def clipped(low, high):
    """np.clip between two numbers, or on one side of None, as a Function."""
    bounds = [f"V {sign} {bound:g}" for sign, bound in ((">", low), ("<", high)) if bound is not None]
    inside = bounds[0] if len(bounds) == 1 else " & ".join(f"({bound})" for bound in bounds)
    value = f"np.clip(z, {low if low is None else float(low)}, {high if high is None else float(high)})"
    return Function("clip", value, inside.replace("V", "z"), inside.replace("V", "a"), mask=True, family="clip")


@functools.cache
def erf():
    """The error function, entry by entry; NumPy has none."""
    return np.vectorize(math.erf, otypes=[float])


def evaluate(text, z=None, a=None, k=None):
    """An expression of the table as an array, in float64."""
    with np.errstate(all="ignore"):
        return np.asarray(eval(compiled(text), {"np": np, "z": z, "a": a, "k": k, "erf": erf()}), float)
