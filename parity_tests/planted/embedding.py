"""Embeddings and gathers: an index that stands twice gets two gradients."""

import numpy as np


class Embedding:
    """Rows of a table by index; indices have no gradient."""

    params = ("weight",)

    def __init__(self):
        self.weight = np.random.default_rng(17).normal(size=(6, 3))

    def forward(self, index):
        return self.weight[index], index

    def backward(self, dy, index):
        dW = np.zeros_like(self.weight)
        np.add.at(dW, index, dy)
        return None, {"weight": dW}


class EmbeddingByOneHot(Embedding):
    """The same as a product."""

    def forward(self, index):
        hot = (index[..., None] == np.arange(len(self.weight))).astype(self.weight.dtype)
        return hot @ self.weight, hot

    def backward(self, dy, hot):
        return None, {"weight": hot.reshape(-1, len(self.weight)).T @ dy.reshape(-1, dy.shape[-1])}


class EmbeddingFancyIndexing(Embedding):
    def backward(self, dy, index):
        dW = np.zeros_like(self.weight)
        dW[index] += dy  # planted
        return None, {"weight": dW}


class EmbeddingLastWins(Embedding):
    def backward(self, dy, index):
        dW = np.zeros_like(self.weight)
        for place in np.ndindex(index.shape):
            dW[index[place]] = dy[place]  # planted
        return None, {"weight": dW}


class ScaledEmbedding(Embedding):
    """Multiplied by √d, as in transformers."""

    def forward(self, index):
        return np.sqrt(3) * self.weight[index], index

    def backward(self, dy, index):
        dW = np.zeros_like(self.weight)
        np.add.at(dW, index, dy)  # planted
        return None, {"weight": dW}


class MeanEmbedding(Embedding):
    """The mean of the rows of each bag of words (N, L)."""

    def forward(self, index):
        return self.weight[index].mean(axis=1), index

    def backward(self, dy, index):
        dW = np.zeros_like(self.weight)
        share = np.repeat(dy[:, None], index.shape[1], axis=1)  # planted
        np.add.at(dW, index, share)
        return None, {"weight": dW}


class Positions:
    """A learnt row is added at every place of every sequence (N, T, D)."""

    params = ("table",)

    def __init__(self):
        self.table = np.random.default_rng(18).normal(size=(4, 3))

    def forward(self, x):
        return x + self.table, None

    def backward(self, dy, _):
        return dy.copy(), {"table": dy.sum(axis=0)}


class PositionsUnreduced(Positions):
    def backward(self, dy, _):
        dtable = 1 * dy  # planted
        return dy.copy(), {"table": dtable}


class PositionsOverReduced(Positions):
    def backward(self, dy, _):
        dtable = np.broadcast_to(dy.sum(axis=(0, 1)), self.table.shape)  # planted
        return dy.copy(), {"table": dtable}


class Gather:
    """Columns of x in a fixed order, one of them twice."""

    order = np.array([2, 0, 2, 3])

    def forward(self, x):
        return x[:, self.order], x.shape

    def backward(self, dy, shape):
        dx = np.zeros(shape, dy.dtype)
        for k, column in enumerate(self.order):
            dx[:, column] += dy[:, k]
        return dx, {}


class GatherFancyIndexing(Gather):
    def backward(self, dy, shape):
        dx = np.zeros(shape, dy.dtype)
        dx[:, self.order] += dy  # planted
        return dx, {}


WORDS = (np.array([[0, 3, 3, 5], [2, 3, 0, 1]]),)
X, COLUMNS = ((2, 4, 3),), ((3, 4),)
TABLE = {"against": "nn.Embedding(6, 3)"}
GATHER = {"against": "lambda x: x[:, [2, 0, 2, 3]]"}
PLANTED = [
    ("duplicate-index", "EmbeddingFancyIndexing()", WORDS, {"weight"}, "np.add.at(dW, index, dy)", TABLE),
    ("duplicate-index", "EmbeddingLastWins()", WORDS, {"weight"}, "dW[index[place]] += dy[place]", TABLE),
    ("constant-factor", "ScaledEmbedding()", WORDS, {"weight"}, "np.add.at(dW, index, np.sqrt(3) * dy)"),
    (
        "wrong-count",
        "MeanEmbedding()",
        WORDS,
        {"weight"},
        "share = np.repeat(dy[:, None], index.shape[1], axis=1) / index.shape[1]",
        {"also": ("missing-mean",)},
    ),
    ("broadcast-not-reduced", "PositionsUnreduced()", X, {"table"}, "dtable = dy.sum(axis=0)"),
    ("broadcast-not-reduced", "PositionsOverReduced()", X, {"table"}, "dtable = dy.sum(axis=0)"),
    ("duplicate-index", "GatherFancyIndexing()", COLUMNS, {"x"}, "np.add.at(dx.T, self.order, dy.T)", GATHER),
]
RIGHT = [
    ("Embedding()", WORDS, TABLE),
    ("EmbeddingByOneHot()", WORDS, TABLE),
    ("Positions()", X),
    ("Gather()", COLUMNS, GATHER),
]
