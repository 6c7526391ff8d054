"""The lecture's classes: forward keeps what backward needs, gradients are attributes; Net takes a label."""

import numpy as np


class LinearSigmoidLayer:
    def __init__(self, in_dim, out_dim, seed=0):
        self.W = np.random.default_rng(seed).normal(size=(in_dim, out_dim))
        self.W_grad = np.zeros_like(self.W)
        self.afunc = lambda x: 1.0 / (1.0 + np.exp(-x))

    def forward(self, x):
        self.x = x
        self.y = self.afunc(np.matmul(x, self.W))
        return self.y

    def backward(self, grad_out):
        delta = self.y * (1 - self.y) * grad_out
        self.W_grad = np.matmul(self.x.transpose(), delta)
        return np.matmul(delta, self.W.transpose())


class LayerSlopeForgotten(LinearSigmoidLayer):
    def backward(self, grad_out):
        delta = grad_out  # planted
        self.W_grad = np.matmul(self.x.transpose(), delta)
        return np.matmul(delta, self.W.transpose())


class LayerSlopeForgottenInOne(LinearSigmoidLayer):
    """The two products were written apart, and the second one lost its factor."""

    def backward(self, grad_out):
        self.W_grad = np.matmul(self.x.transpose(), self.y * (1 - self.y) * grad_out)
        grad_in = np.matmul(grad_out, self.W.transpose())  # planted
        return grad_in


class LayerSlopeOfInput(LinearSigmoidLayer):
    def backward(self, grad_out):
        Wx = np.matmul(self.x, self.W)
        delta = Wx * (1 - Wx) * grad_out  # planted
        self.W_grad = np.matmul(self.x.transpose(), delta)
        return np.matmul(delta, self.W.transpose())


class LayerHalfSlope(LinearSigmoidLayer):
    """σ′ = σ (1 − σ), of which 1 − σ is left."""

    def backward(self, grad_out):
        delta = (1 - self.y) * grad_out  # planted
        self.W_grad = np.matmul(self.x.transpose(), delta)
        return np.matmul(delta, self.W.transpose())


class LayerWithBias(LinearSigmoidLayer):
    def __init__(self, in_dim, out_dim, seed=0):
        super().__init__(in_dim, out_dim, seed)
        self.b = np.random.default_rng(seed + 1).normal(size=out_dim)
        self.b_grad = np.zeros_like(self.b)

    def forward(self, x):
        self.x = x
        self.y = self.afunc(np.matmul(x, self.W) + self.b)
        return self.y

    def backward(self, grad_out):
        delta = self.y * (1 - self.y) * grad_out
        self.W_grad = np.matmul(self.x.transpose(), delta)
        self.b_grad = np.sum(delta, axis=0)
        return np.matmul(delta, self.W.transpose())


class LayerBiasForgotten(LayerWithBias):
    def backward(self, grad_out):
        delta = self.y * (1 - self.y) * grad_out
        self.W_grad = np.matmul(self.x.transpose(), delta)
        return np.matmul(delta, self.W.transpose())  # planted


class LayerBiasAveraged(LayerWithBias):
    def backward(self, grad_out):
        delta = self.y * (1 - self.y) * grad_out
        self.W_grad = np.matmul(self.x.transpose(), delta)
        self.b_grad = np.mean(delta, axis=0)  # planted
        return np.matmul(delta, self.W.transpose())


class Stack:
    """Layers one after the other, without a loss."""

    def __init__(self, *layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


class Net:
    """Two layers and binary cross-entropy."""

    def __init__(self, x_dim=2, W_dim=3):
        self.l1 = LinearSigmoidLayer(x_dim, W_dim, seed=1)
        self.l2 = LinearSigmoidLayer(W_dim, 1, seed=2)

    def predict(self, x):
        self.y = self.l2.forward(self.l1.forward(x))
        return self.y

    def backward(self, label):
        if label == 1:
            J = -1 * np.log(self.y)
            dJ = -1 / self.y
        else:
            J = -1 * np.log(1 - self.y)
            dJ = 1 / (1 - self.y)
        self.l1.backward(self.l2.backward(dJ))
        return J


class NetAscent(Net):
    def backward(self, label):
        J = -(label * np.log(self.y) + (1 - label) * np.log(1 - self.y))
        dJ = label / self.y - (1 - label) / (1 - self.y)  # planted
        self.l1.backward(self.l2.backward(dJ))
        return J


class NetSlopeTwice(Net):
    """y − label is ∂J/∂z, not ∂J/∂y: the layer multiplies by σ′ once more."""

    def backward(self, label):
        J = -(label * np.log(self.y) + (1 - label) * np.log(1 - self.y))
        dJ = self.y - label  # planted
        self.l1.backward(self.l2.backward(dJ))
        return J


class NetOfMeanLoss(Net):
    def backward(self, label):
        J = -np.mean(label * np.log(self.y) + (1 - label) * np.log(1 - self.y))
        dJ = (self.y - label) / (self.y * (1 - self.y))  # planted
        self.l1.backward(self.l2.backward(dJ))
        return J


class NetAveragesTwice(Net):
    def backward(self, label):
        N = len(self.y)
        J = -np.mean(label * np.log(self.y) + (1 - label) * np.log(1 - self.y))
        dJ = (self.y - label) / (self.y * (1 - self.y)) / N
        dh = self.l2.backward(dJ)
        self.l1.backward(dh / N)  # planted
        return J


X, POINTS = ((5, 4),), ((5, 2),)
LAYER = "LinearSigmoidLayer(4, 3)"
TWIN = {"against": "nn.Sequential(nn.Linear(4, 3, bias=False), nn.Sigmoid())"}
BIASED = {"against": "nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())"}
DELTA = "delta = self.y * (1 - self.y) * grad_out"
BOTH = {"l1.W", "l2.W"}
PLANTED = [
    ("activation-derivative-missing", "LayerSlopeForgotten(4, 3)", X, {"x", "W"}, DELTA, TWIN),
    (
        "activation-derivative-missing",
        "LayerSlopeForgottenInOne(4, 3)",
        X,
        {"x"},
        "grad_in = np.matmul(self.y * (1 - self.y) * grad_out, self.W.transpose())",
        TWIN,
    ),
    ("activation-derivative-wrong-input", "LayerSlopeOfInput(4, 3)", X, {"x", "W"}, DELTA, TWIN),
    ("activation-derivative-wrong", "LayerHalfSlope(4, 3)", X, {"x", "W"}, DELTA, TWIN),
    (
        "activation-derivative-wrong",
        "Stack(LinearSigmoidLayer(4, 5), LayerHalfSlope(5, 3, 1), LinearSigmoidLayer(3, 2, 2))",
        X,
        {"x", "layers.0.W", "layers.1.W"},
        DELTA,
        {"name": "layer-half-slope-in-the-middle"},
    ),
    (
        "never-written",
        "LayerBiasForgotten(4, 3)",
        X,
        {"b"},
        "self.b_grad = delta.sum(axis=0); return np.matmul(delta, self.W.transpose())",
        BIASED,
    ),
    ("bias-averaged", "LayerBiasAveraged(4, 3)", X, {"b"}, "self.b_grad = np.sum(delta, axis=0)", BIASED),
    ("sign-flipped", "NetAscent()", POINTS, BOTH, "dJ = (1 - label) / (1 - self.y) - label / self.y"),
    (
        "activation-derivative-twice",
        "NetSlopeTwice()",
        POINTS,
        BOTH,
        "dJ = (self.y - label) / (self.y * (1 - self.y))",
    ),
    (
        "missing-mean",
        "NetOfMeanLoss()",
        POINTS,
        BOTH,
        "dJ = (self.y - label) / (self.y * (1 - self.y)) / self.y.size",
    ),
    ("extra-mean", "NetAveragesTwice()", POINTS, {"l1.W"}, "self.l1.backward(dh)"),
]
RIGHT = [
    (LAYER, X, TWIN),
    ("LayerWithBias(4, 3)", X, BIASED),
    ("Stack(LayerWithBias(4, 5), LinearSigmoidLayer(5, 3, 1))", X, {"name": "stack-of-layers"}),
    ("Net()", ((1, 2),), {"name": "net-of-the-lecture"}),
]
TWO_MISTAKES = [
    (
        ("activation-derivative-wrong", "bias-averaged"),
        "Stack(*[LayerHalfSlope(5, 3, 1), LayerBiasAveraged(4, 5)][::-1])",
        X,
        {"x", "layers.0.W", "layers.0.b", "layers.1.W"},
        (DELTA, "self.b_grad = np.sum(delta, axis=0)"),
        {"layers.0.b"},
        {"name": "two-mistakes-in-two-layers"},
    ),
]
