"""torch.autograd.Function on rows: softmax, and rows taken by index."""

import numpy as np
import torch
from torch.autograd import Function


class RowSoftmax(Function):
    @staticmethod
    def forward(ctx, z):
        s = torch.softmax(z, dim=1)
        ctx.save_for_backward(s)
        return s

    @staticmethod
    def backward(ctx, g):
        (s,) = ctx.saved_tensors
        return s * (g - (g * s).sum(1, keepdim=True))


class RowSoftmaxDiagonal(RowSoftmax):
    @staticmethod
    def backward(ctx, g):
        (s,) = ctx.saved_tensors
        return g * s * (1 - s)  # planted


class RowSoftmaxOverBatch(RowSoftmax):
    @staticmethod
    def backward(ctx, g):
        (s,) = ctx.saved_tensors
        inner = (g * s).sum(0, keepdim=True)  # planted
        return s * (g - inner)


class IndexSelect(Function):
    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(index)
        ctx.rows = table.shape[0]
        return table[index]

    @staticmethod
    def backward(ctx, g):
        (index,) = ctx.saved_tensors
        return g.new_zeros(ctx.rows, g.shape[1]).index_add_(0, index, g), None


class IndexSelectAssigning(IndexSelect):
    @staticmethod
    def backward(ctx, g):
        (index,) = ctx.saved_tensors
        grad = g.new_zeros(ctx.rows, g.shape[1])
        grad[index] += g  # planted
        return grad, None


X, TABLE = ((5, 4),), ((6, 3), np.array([5, 2, 5, 0]))
SOFTMAX, SELECT = {"against": "nn.Softmax(1)"}, {"against": "lambda table, index: table[index]"}
PLANTED = [
    ("softmax-diagonal", "RowSoftmaxDiagonal.apply", X, {"z"}, None, SOFTMAX),
    ("wrong-axis", "RowSoftmaxOverBatch.apply", X, {"z"}, "inner = (g * s).sum(1, keepdim=True)", SOFTMAX),
    (
        "duplicate-index",
        "IndexSelectAssigning.apply",
        TABLE,
        {"table"},
        "grad.index_add_(0, index, g)",
        SELECT,
    ),
]
RIGHT = [
    ("RowSoftmax.apply", X, SOFTMAX),
    ("IndexSelect.apply", TABLE, SELECT),
]
