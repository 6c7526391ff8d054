"""Every hand-derived backward against the complex step of its own forward, in an interpreter that has no torch.

f(x + ih) = f(x) + ih f′(x) − h²/2 f″(x) …, so Im f / h is f′ to rounding for h = 1e-30: nothing is subtracted.
Run as `python -m parity_tests.complex_step [NAME ...]`; prints a line for each case that differs, exits 1 if one does.
"""

import sys

if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment]  # whoever asks for it gets an ImportError

import numpy as np

import scratch
from parity_tests.cases import CASES, LOSSES
from scratch.naming import replace

H = 1e-30
ROUNDING = 1e-12  # of the largest entry of a gradient: two ways of adding up to a few hundred products, 4,000 ulp


def largest_error(case):
    """The largest error of any gradient of a case, as a share of that gradient's largest entry."""
    rng = np.random.default_rng([7, len(case.name)])
    inputs = case.drawn(rng)
    return loss_error(case.hand(), inputs) if case in LOSSES else layer_error(case.hand(), inputs, rng)


def loss_error(loss, inputs):
    _, dJ = loss(*inputs)
    weights = np.ones(np.shape(loss(*inputs)[0]))
    return error_of(dJ, inputs[0], lambda x: np.sum(weights * loss(x, *inputs[1:])[0]))


def layer_error(net, inputs, rng):
    """Of all gradients by float inputs and by parameters, with random upstream gradients."""
    outputs, cache = net.forward(*inputs)
    several = isinstance(outputs, tuple)
    outputs = outputs if several else (outputs,)
    upstream = tuple(rng.normal(size=np.shape(output)) for output in outputs)
    dinputs, grads = net.backward(upstream if several else upstream[0], cache)
    dinputs = dinputs if isinstance(dinputs, tuple) else (dinputs,)

    def J(*moved):
        found = net.forward(*moved)[0]
        return sum(np.sum(g * y) for g, y in zip(upstream, found if several else (found,), strict=True))

    errors = [0.0]
    for i, gradient in enumerate(dinputs):
        if gradient is not None:
            errors.append(error_of(gradient, inputs[i], lambda x, i=i: J(*inputs[:i], x, *inputs[i + 1 :])))
    for name, array in scratch.named_parameters(net).items():

        def at(w, name=name):
            replace(net, {name: w})
            return J(*inputs)

        errors.append(error_of(grads[name], array, at))
        replace(net, {name: array})
    return max(errors)


def error_of(gradient, array, J):
    """How far a gradient is from the complex step of J at an array."""
    assert np.shape(gradient) == np.shape(array), f"{np.shape(gradient)} for {np.shape(array)}"
    truth = np.zeros(array.shape)
    for index in np.ndindex(*array.shape):
        moved = array.astype(complex)
        moved[index] += 1j * H
        truth[index] = J(moved).imag / H
    size = np.abs(truth).max(initial=0.0)
    return float(np.abs(gradient - truth).max(initial=0.0) / (size or 1.0))


def main(names):
    wrong = []
    for case in CASES:
        if not names or case.name in names:
            error = largest_error(case)
            if not error <= ROUNDING:
                wrong.append(case.name)
                sys.stdout.write(f"{case.name}: differs by {error:.1e} of the largest entry\n")
    sys.stdout.write(f"{len(wrong)} differ\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
