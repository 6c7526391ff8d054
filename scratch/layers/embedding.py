"""The embedding: a table of vectors, one for each index."""

import numpy as np

from scratch.checks import check_count, check_dtype_name, check_float, check_precision, check_range, check_shape
from scratch.layers.base import Layer


class Embedding(Layer):
    """y = W[x]: row x of a table, which is Wᵀ times a one-hot vector without the product.

    Given dy = ∂J/∂y:   dW[k] = Σ dy over all places where x = k (0 where k is not met)      no gradient for x
    An index that stands several times collects as many gradients: they are sorted by index and added up run by run.
    Row padding_idx (negative: counted from the end) starts at 0, and its gradient is 0, so it stays there.
    Shapes: x (...) of int64 or int32, y (..., embedding_dim), weight (num_embeddings, embedding_dim).
    Starts as torch does: every entry from N(0, 1), drawn from rng (a Generator, a seed or None).
    Raises ValueError for an index outside the table and for shapes, TypeError for dtypes that do not fit.
    Source: Bengio et al., 2003.
    """

    params = ("weight",)

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, rng=None, dtype="float64"):
        dtype = check_dtype_name("Embedding", dtype)
        check_count("Embedding", 1, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: expected padding_idx inside {num_embeddings} rows, got {padding_idx}")
        self.weight = np.random.default_rng(rng).normal(size=(num_embeddings, embedding_dim)).astype(dtype)
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        if self.padding_idx is not None:
            self.weight[self.padding_idx] = 0

    def forward(self, x):
        found = x.dtype if isinstance(x, np.ndarray | np.generic) else type(x).__name__
        if found not in (np.int64, np.int32):
            raise TypeError(f"Embedding: expected x as an int64 or int32 array, got {found}")
        if x.size:
            check_range("Embedding", "x", x, 0, len(self.weight) - 1, "each is a row of the table")
        return np.take(self.weight, x, axis=0), x

    def backward(self, dy, x):
        check_float("Embedding", "dy", dy)
        check_shape("Embedding", "dy", dy, (*x.shape, self.weight.shape[1]))
        check_precision("Embedding", "dy", dy, "weight", self.weight)
        dW = np.zeros(self.weight.shape, dy.dtype)
        if x.size:
            index = x.reshape(-1).astype(np.min_scalar_type(len(dW)))  # few bits are sorted faster
            order = np.argsort(index, kind="stable")
            index = index[order]
            starts = np.append(0, np.flatnonzero(index[1:] != index[:-1]) + 1)
            dW[index[starts]] = np.add.reduceat(np.take(dy.reshape(len(order), -1), order, axis=0), starts, axis=0)
        if self.padding_idx is not None:
            dW[self.padding_idx] = 0
        return None, {"weight": dW}

    def __repr__(self):
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"Embedding({len(self.weight)}, {self.weight.shape[1]}{padding})"
