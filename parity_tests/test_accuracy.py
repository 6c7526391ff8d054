"""Do saturated units and losses keep full relative accuracy? Judged by 60-digit arithmetic, without torch."""

import mpmath
import numpy as np
import pytest

import scratch
from scratch import losses

mpmath.mp.dps = 60
DTYPES = (np.float64, np.float32)
POINTS = (0.0, 1e-8, 0.5, 1.0, 12.0, 30.0, 80.0)
ULPS = 8  # exp and tanh are within 1 or 2 units in NumPy; each formula adds a handful of roundings


def units(found, truth):
    """Distance in units in the last place of found's type."""
    unit = mpmath.mpf(float(np.spacing(np.abs(found.dtype.type(float(truth))))))
    return abs(float((mpmath.mpf(float(found)) - truth) / unit))


def sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


SLOPES = {
    scratch.Sigmoid: lambda z: sigmoid(z) * sigmoid(-z),
    scratch.Tanh: lambda z: 1 / mpmath.cosh(z) ** 2,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("layer", SLOPES)
def test_slopes(layer, point, sign, dtype):
    if layer is scratch.Tanh and dtype is np.float32 and point == 80:
        point = 40.0  # 1/cosh²(80) is below float32's smallest number
    z = np.array([sign * point], dtype)
    _, cache = layer().forward(z)
    dz, _ = layer().backward(np.ones_like(z), cache)
    assert dz.dtype == dtype
    assert units(dz[0], SLOPES[layer](mpmath.mpf(float(z[0])))) <= ULPS


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("point", [*POINTS, *(-p for p in POINTS)])
def test_bce_with_logits(point, label, dtype):
    z, t = np.array([point], dtype), np.array([label], dtype)
    J, dz = losses.bce_with_logits(z, t)
    exact = mpmath.mpf(float(z[0]))
    toward = exact if label else -exact
    assert units(J, mpmath.log1p(mpmath.exp(-toward))) <= ULPS
    assert units(dz[0], sigmoid(exact) - label) <= ULPS


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", [0, 1, 2])
@pytest.mark.parametrize("gap", [0.0, 1.0, 12.0, 30.0, 80.0])
def test_cross_entropy(gap, target, dtype):
    z = np.array([[gap, 0.0, -gap]], dtype)
    J, dz = losses.cross_entropy(z, np.array([target]))
    e = [mpmath.exp(mpmath.mpf(float(entry))) for entry in z[0]]
    others = sum(e[k] for k in range(3) if k != target)
    assert units(J, mpmath.log1p(others / e[target])) <= ULPS
    for k in range(3):
        exact = -others / sum(e) if k == target else e[k] / sum(e)
        assert units(dz[0, k], exact) <= ULPS


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [800.0, 1e30])
def test_extremes_give_finite_numbers_without_warnings(size, dtype):
    z = np.array([[size, -size, 0.0]], dtype)
    for layer in (scratch.Sigmoid(), scratch.Tanh(), scratch.ReLU()):
        a, cache = layer.forward(z)
        dz, _ = layer.backward(np.ones_like(z), cache)
        assert np.isfinite(a).all()
        assert np.isfinite(dz).all()
    for loss, target in (
        (losses.bce_with_logits, np.array([[0, 1, 1]], dtype)),
        (losses.cross_entropy, np.array([1])),
    ):
        J, dz = loss(z, target)
        assert np.isfinite(J)
        assert np.isfinite(dz).all()


def test_equal_huge_logits():
    J, dz = losses.cross_entropy(np.full((1, 4), 1e300), np.array([2]))
    assert pytest.approx(np.log(4), rel=1e-15) == J
    assert dz == pytest.approx(np.array([[0.25, 0.25, -0.75, 0.25]]), rel=1e-15)


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_bce_at_the_edges_is_torchs_finite_convention(y, label):
    """log is floored at −100 and y (1 − y) at 1e-12, on both sides."""
    import torch

    J, dy = losses.bce(np.array([y]), np.array([label]))
    tensor = torch.tensor([y], dtype=torch.float64, requires_grad=True)
    twin = torch.nn.functional.binary_cross_entropy(tensor, torch.tensor([label], dtype=torch.float64))
    twin.backward()
    assert J == float(twin.detach()) == (0.0 if y == label else 100.0)
    assert dy[0] == float(tensor.grad[0]) == (y - label) / losses.SLOPE_FLOOR


COMPLEX_STEP = 1e-30


@pytest.mark.parametrize("loss", [losses.mse, losses.bce_with_logits])
def test_losses_are_complex_safe(loss):
    """The complex step, no step size to choose: Im J(z + ih)/h is dJ/dz to rounding."""
    rng = np.random.default_rng(0)
    z, target = rng.normal(0, 3, (4, 3)), rng.uniform(0, 1, (4, 3))
    _, dz = loss(z, target)
    for index in np.ndindex(z.shape):
        moved = z.astype(complex)
        moved[index] += 1j * COMPLEX_STEP
        J, _ = loss(moved, target)
        assert J.imag / COMPLEX_STEP == pytest.approx(dz[index], rel=1e-13)


def test_networks_are_complex_safe():
    rng = np.random.default_rng(0)
    for activation in (scratch.Sigmoid, scratch.Tanh, scratch.ReLU):
        net = scratch.models.mlp((3, 5, 4), activation, rng=1)
        x, target = rng.normal(size=(6, 3)), rng.integers(0, 4, 6)
        output, caches = net.forward(x)
        dx, grads = net.backward(losses.cross_entropy(output, target)[1], caches)
        for name, array in {"x": x, **scratch.named_parameters(net)}.items():
            index = tuple(int(rng.integers(n)) for n in array.shape)
            moved = array.astype(complex)
            moved[index] += 1j * COMPLEX_STEP
            if name == "x":
                J, _ = losses.cross_entropy(net(moved), target)
            else:
                scratch.naming.replace(net, {name: moved})
                J, _ = losses.cross_entropy(net(x), target)
                scratch.naming.replace(net, {name: array})
            expected = dx[index] if name == "x" else grads[name][index]
            assert J.imag / COMPLEX_STEP == pytest.approx(expected, rel=1e-12, abs=1e-17)
