"""Initial weights: distributions as torch draws them, from a generator that is handed in.

A weight W (fan_out, fan_in) with independent entries of mean 0 and variance s², inputs x independent of it:
    forward   z = W x:        Var[z] = fan_in s² E[x²]
    backward  dx = Wᵀ dz:     Var[dx] = fan_out s² E[dz²]
A layer x = act(z) keeps E[x²] = Var[z]/g² (for ReLU half of it, g² = 2), so a chain of layers neither grows nor fades
where fan_in s² = g², and its gradients where fan_out s² = g². Kaiming takes one of the two, Xavier (with g = 1) their
middle s² = 2/(fan_in + fan_out). A uniform distribution on ±b has variance b²/3, so b = √3 s.

rng: a Generator, a seed for one, or None for fresh entropy. dtype: float32 or float64.
"""

import math

import numpy as np

from scratch.checks import check_dtype_name

LINEAR = ("linear", "sigmoid", *(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)))


def uniform_fan_in(fan_in, rng, dtype):
    """A function shape -> array, each entry uniform in ±1/√fan_in (torch's start for Linear, weight and bias alike).

    Var[z] of a neuron with fan_in inputs of unit variance is then 1/3, whatever fan_in. rng: a Generator, a seed
    for one, or None for fresh entropy. Raises ValueError where fan_in is not positive.
    """
    if fan_in < 1:
        raise ValueError(f"expected at least one input feature, got {fan_in}")
    rng = np.random.default_rng(rng)
    bound = 1 / math.sqrt(fan_in)
    return lambda shape: rng.uniform(-bound, bound, shape).astype(dtype)


def fans(shape):
    """(fan_in, fan_out): how many inputs feed an output of a weight (out, in, *kernel), and the reverse.

    With r = the product of the kernel's sizes: fan_in = in · r, fan_out = out · r, as torch counts (a stride would
    divide the latter, and groups are not looked at). Raises ValueError for fewer than two axes.
    """
    if len(shape) < 2:
        raise ValueError(f"fans: expected a shape (out, in, ...) of two axes or more, got {tuple(shape)}")
    outputs, inputs, *kernel = shape
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


def gain(nonlinearity, param=None):
    """g = √(Var[z] / E[act(z)²]): what a weight must be larger by, so that act does not shrink what follows.

    "relu": half of a symmetric z is cut, E[act(z)²] = Var[z]/2, so √2. "leaky_relu" with slope a (param, 0.01 by
    default): the other half comes at a² of its size, so √(2/(1 + a²)). "linear", "sigmoid", "conv2d", …: 1.
    "tanh": 5/3 and "selu": 3/4, found by trial. The values are those of torch's calculate_gain.
    Raises ValueError for another name, and for a param that is no finite number.
    """
    if nonlinearity in LINEAR:
        return 1.0
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float) or not math.isfinite(slope):
            raise ValueError(f"gain: expected the slope of leaky_relu as a finite number, got {slope!r}")
        return math.sqrt(2 / (1 + slope**2))
    gains = {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    if nonlinearity not in gains:
        known = ", ".join(sorted([*gains, *LINEAR, "leaky_relu"]))
        raise ValueError(f"gain: expected one of {known}, got {nonlinearity!r}")
    return gains[nonlinearity]


def normal(shape, mean=0.0, std=1.0, rng=None, dtype="float64"):
    """An array of that shape, each entry normal with that mean and standard deviation.

    Raises ValueError for a negative std, TypeError for another dtype.
    """
    if not std >= 0:
        raise ValueError(f"normal: expected std as a number from 0 up, got {std}")
    return np.random.default_rng(rng).normal(mean, std, shape).astype(check_dtype_name("normal", dtype))


def uniform(shape, a=0.0, b=1.0, rng=None, dtype="float64"):
    """An array of that shape, each entry uniform between a and b. Raises TypeError for another dtype."""
    return np.random.default_rng(rng).uniform(a, b, shape).astype(check_dtype_name("uniform", dtype))


def xavier_uniform(shape, gain=1.0, rng=None, dtype="float64"):
    """Uniform in ±√3 s with s = gain · √(2/(fan_in + fan_out)): the middle of what forward and backward ask for.

    Raises ValueError for a shape of fewer than two axes, TypeError for another dtype. Source: Glorot and Bengio (2010).
    """
    bound = math.sqrt(3) * xavier_std(shape, gain)
    return uniform(shape, -bound, bound, rng, dtype)


def xavier_normal(shape, gain=1.0, rng=None, dtype="float64"):
    """Normal with standard deviation s = gain · √(2/(fan_in + fan_out)), errors and source as xavier_uniform's."""
    return normal(shape, 0.0, xavier_std(shape, gain), rng, dtype)


def kaiming_uniform(shape, a=0, mode="fan_in", nonlinearity="leaky_relu", rng=None, dtype="float64"):
    """Uniform in ±√3 s with s = gain(nonlinearity, a)/√fan: mode "fan_in" keeps sizes forwards, "fan_out" backwards.

    a: the slope of leaky_relu. With a = √5 the bound is 1/√fan_in, torch's start of linear and convolutional layers.
    Raises ValueError for another mode or nonlinearity and for a shape of fewer than two axes, TypeError for another
    dtype. Source: He, Zhang, Ren and Sun (2015).
    """
    bound = math.sqrt(3) * kaiming_std("kaiming_uniform", shape, a, mode, nonlinearity)
    return uniform(shape, -bound, bound, rng, dtype)


def kaiming_normal(shape, a=0, mode="fan_in", nonlinearity="leaky_relu", rng=None, dtype="float64"):
    """Normal with standard deviation s = gain(nonlinearity, a)/√fan; all else as kaiming_uniform."""
    return normal(shape, 0.0, kaiming_std("kaiming_normal", shape, a, mode, nonlinearity), rng, dtype)


def xavier_std(shape, gain):
    """gain · √(2/(fan_in + fan_out)); 0 where there is nothing to draw."""
    return gain * math.sqrt(2 / sum(fans(shape))) if sum(fans(shape)) else 0.0


def kaiming_std(owner, shape, a, mode, nonlinearity):
    """gain/√fan of the mode's fan; 0 where there is nothing to draw."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'{owner}: expected mode "fan_in" or "fan_out", got {mode!r}')
    fan = fans(shape)[mode == "fan_out"]
    return gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0
