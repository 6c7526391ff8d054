"""Recurrent layers as in torch: read from both ends, one upon another, and a GRU with two biases."""

import numpy as np


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


class BidirectionalRNN:
    """Reads x (T, N, 3) from the front and from the back, and gives both states of a step side by side."""

    params = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    params += tuple(f"{name}_reverse" for name in params)

    def __init__(self):
        rng = np.random.default_rng(41)
        for name in self.params:
            shape = (2, 3) if "weight_ih" in name else (2, 2) if "weight" in name else 2
            setattr(self, name, rng.normal(0, 0.6, size=shape))

    def weights(self, way):
        return [getattr(self, name + way) for name in self.params[:4]]

    def read(self, x, way):
        W, U, b, c = self.weights(way)
        h = [np.zeros((x.shape[1], 2))]
        for x_t in x:
            h.append(np.tanh(x_t @ W.T + b + h[-1] @ U.T + c))
        return np.stack(h)

    def forward(self, x):
        there, back = self.read(x, ""), self.read(x[::-1], "_reverse")
        return np.concatenate([there[1:], self.in_order(back[1:])], axis=2), (x, there, back)

    def in_order(self, back):
        return back[::-1]

    def backward(self, dy, cache):
        x, there, back = cache
        dx, grads = self.unread(dy[:, :, :2], x, there, "")
        dx_back, more = self.unread(dy[::-1, :, 2:], x[::-1], back, "_reverse")
        return dx + dx_back[::-1], grads | more

    def unread(self, dy, x, h, way):
        W, U, b, c = self.weights(way)
        dx, dW, dU, db, dh = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), 0
        for t in reversed(range(len(x))):
            ds = (dy[t] + dh) * (1 - h[t + 1] ** 2)
            dx[t], dh = ds @ W, ds @ U
            dW += ds.T @ x[t]
            dU += ds.T @ h[t]
            db += ds.sum(axis=0)
        return dx, dict(zip([name + way for name in self.params[:4]], (dW, dU, db, db.copy()), strict=True))


class BidirectionalNotInOrder(BidirectionalRNN):
    """The state from the back stands beside that of another step."""

    def in_order(self, back):
        return back  # planted


class StackedRNN:
    """The states of one layer are what the next one reads; x (T, N, 3), all states of the upper layer are returned."""

    params = tuple(f"{name}_l{k}" for k in (0, 1) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))

    def __init__(self):
        rng = np.random.default_rng(42)
        for name in self.params:
            shape = (2, 3) if name == "weight_ih_l0" else (2, 2) if "weight" in name else 2
            setattr(self, name, rng.normal(0, 0.6, size=shape))

    def forward(self, x):
        below, above = [np.zeros((x.shape[1], 2))], [np.zeros((x.shape[1], 2))]
        for x_t in x:
            s = x_t @ self.weight_ih_l0.T + self.bias_ih_l0 + below[-1] @ self.weight_hh_l0.T + self.bias_hh_l0
            below.append(np.tanh(s))
            s = below[-1] @ self.weight_ih_l1.T + self.bias_ih_l1 + above[-1] @ self.weight_hh_l1.T + self.bias_hh_l1
            above.append(np.tanh(s))
        return (np.stack(above[1:]), np.stack([below[-1], above[-1]])), (x, below, above)

    def backward(self, douts, cache):
        (dy, (dbelow, dabove)), (x, below, above) = douts, cache
        dx, dW, dV = np.zeros_like(x), np.zeros_like(self.weight_ih_l0), np.zeros_like(self.weight_ih_l1)
        dU, dT = np.zeros_like(self.weight_hh_l0), np.zeros_like(self.weight_hh_l1)
        db, dc = np.zeros_like(self.bias_ih_l0), np.zeros_like(self.bias_ih_l1)
        for t in reversed(range(len(x))):
            ds = (dy[t] + dabove) * (1 - above[t + 1] ** 2)
            dV, dT, dc = dV + ds.T @ below[t + 1], dT + ds.T @ above[t], dc + ds.sum(axis=0)
            dabove = ds @ self.weight_hh_l1
            dh = dbelow + ds @ self.weight_ih_l1
            ds = dh * (1 - below[t + 1] ** 2)
            dW, dU, db = dW + ds.T @ x[t], dU + ds.T @ below[t], db + ds.sum(axis=0)
            dx[t], dbelow = ds @ self.weight_ih_l0, ds @ self.weight_hh_l0
        return dx, dict(zip(self.params, (dW, dU, db, db.copy(), dV, dT, dc, dc.copy()), strict=True))


class StackedRNNBelowTruncated(StackedRNN):
    """The lower layer hears of the upper one alone, and not of its own next step."""

    def backward(self, douts, cache):
        (dy, (dbelow, dabove)), (x, below, above) = douts, cache
        dx, dW, dV = np.zeros_like(x), np.zeros_like(self.weight_ih_l0), np.zeros_like(self.weight_ih_l1)
        dU, dT = np.zeros_like(self.weight_hh_l0), np.zeros_like(self.weight_hh_l1)
        db, dc = np.zeros_like(self.bias_ih_l0), np.zeros_like(self.bias_ih_l1)
        for t in reversed(range(len(x))):
            ds = (dy[t] + dabove) * (1 - above[t + 1] ** 2)
            dV, dT, dc = dV + ds.T @ below[t + 1], dT + ds.T @ above[t], dc + ds.sum(axis=0)
            dabove = ds @ self.weight_hh_l1
            dh = ds @ self.weight_ih_l1  # planted
            ds = dh * (1 - below[t + 1] ** 2)
            dW, dU, db = dW + ds.T @ x[t], dU + ds.T @ below[t], db + ds.sum(axis=0)
            dx[t], dbelow = ds @ self.weight_ih_l0, ds @ self.weight_hh_l0  # noqa: F841
        return dx, dict(zip(self.params, (dW, dU, db, db.copy(), dV, dT, dc, dc.copy()), strict=True))


class GRU:
    """n = tanh(W_n x + b_n + r (U_n h + c_n)); rows r, z, n of W, U, b and c; x (T, N, 3), all h and the last."""

    params = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

    def __init__(self):
        rng = np.random.default_rng(43)
        self.weight_ih_l0 = rng.normal(0, 0.6, size=(6, 3))
        self.weight_hh_l0 = rng.normal(0, 0.6, size=(6, 2))
        self.bias_ih_l0, self.bias_hh_l0 = rng.normal(0, 0.4, size=(2, 6))

    def forward(self, x):
        h, steps = np.zeros((x.shape[1], 2)), []
        for x_t in x:
            a = x_t @ self.weight_ih_l0.T + self.bias_ih_l0
            m = h @ self.weight_hh_l0.T + self.bias_hh_l0
            r, z = sigmoid(a[:, :2] + m[:, :2]), sigmoid(a[:, 2:4] + m[:, 2:4])
            n = np.tanh(a[:, 4:] + r * m[:, 4:])
            steps.append((x_t, h, r, z, n, m[:, 4:]))
            h = (1 - z) * n + z * h
        return (np.stack([s[1] for s in steps[1:]] + [h]), h[None]), steps

    def backward(self, douts, steps):
        dy, dlast = douts
        dh, dx, grads = dlast[0], [], {name: np.zeros_like(getattr(self, name)) for name in self.params}
        for t in reversed(range(len(steps))):
            x, h, r, z, n, m = steps[t]
            dh = dh + dy[t]
            dn = dh * (1 - z) * (1 - n**2)
            dr, dz = dn * m * r * (1 - r), dh * (h - n) * z * (1 - z)
            da, dm = np.hstack([dr, dz, dn]), np.hstack([dr, dz, dn * r])
            grads["weight_ih_l0"] += da.T @ x
            grads["weight_hh_l0"] += dm.T @ h
            grads["bias_ih_l0"] += da.sum(axis=0)
            grads["bias_hh_l0"] += self.of_bias(da, dm).sum(axis=0)
            dx.append(da @ self.weight_ih_l0)
            dh = dh * z + dm @ self.weight_hh_l0
        return np.stack(dx[::-1]), grads

    def of_bias(self, da, dm):
        return dm


class GRUBiasesAlike(GRU):
    """As in an LSTM; but here r is between one of them and n."""

    def of_bias(self, da, dm):
        return da  # planted


X = ((4, 2, 3),)
FIRST = 'type("Outputs", (nn.RNN,), {"__module__": "", "forward": lambda self, x: nn.RNN.forward(self, x)[0]})'
BOTH_WAYS, STACKED = {"against": f"{FIRST}(3, 2, bidirectional=True)"}, {"against": "nn.RNN(3, 2, num_layers=2)"}
BELOW = {"x", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}
LAYER = "dh = dbelow + ds @ self.weight_ih_l1"
PLANTED = [
    ("forward-mismatch", "BidirectionalNotInOrder()", X, {"output"}, "return back[::-1]", BOTH_WAYS),
    ("time-truncated", "StackedRNNBelowTruncated()", X, BELOW, LAYER, STACKED),
    ("path-missing", "GRUBiasesAlike()", X, {"bias_hh_l0"}, "return dm", {"against": "nn.GRU(3, 2)"}),
]
RIGHT = [
    ("BidirectionalRNN()", X, BOTH_WAYS),
    ("StackedRNN()", X, STACKED),
    ("GRU()", X, {"against": "nn.GRU(3, 2)", "name": "gru-of-two-biases"}),
]
