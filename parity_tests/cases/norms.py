"""Normalisation, dropout, embedding, attention and residual layers."""

from functools import partial

import numpy as np

from parity_tests.cases.case import Case, X


def words(rng, dtype="int64"):
    return (rng.integers(0, 6, (3, 4)).astype(dtype),)


def padded(rng):
    """Query, key and value of attention, keys that are not attended, and no weights wanted."""
    return (3, 2, 4), (4, 2, 4), (4, 2, 4), np.array([[0, 0, 1, 1], [1, 0, 0, 0]], bool), np.bool_(False)


def masked(rng):
    """Float masks of keys and of pairs, and the weights wanted."""
    return (3, 2, 4), (4, 2, 4), (4, 2, 4), (2, 4), np.bool_(True), (3, 4)


def masked_by_head(rng):
    """Nothing of keys, and of pairs a boolean mask for each head."""
    pairs = rng.random((4, 3, 4)) < 0.3
    pairs[..., 0] = False
    return (3, 2, 4), (4, 2, 4), (4, 2, 4), np.zeros((2, 4), bool), np.bool_(True), pairs


def causal(rng):
    """As torch's layers ask for it: the causal mask, the weights of each head, and the hint."""
    later = np.triu(np.ones((4, 4), bool), 1)
    return *((2, 4, 4),) * 3, np.zeros((2, 4), bool), np.bool_(True), later, np.bool_(False), np.bool_(True)


NORMS = [
    Case("batch-norm-1d", "redrawn(scratch.BatchNorm1d(4))", "nn.BatchNorm1d(4)", X),
    Case("batch-norm-1d-length", "redrawn(scratch.BatchNorm1d(3))", "nn.BatchNorm1d(3)", ((2, 3, 4),)),
    Case("batch-norm-1d-eval", "redrawn(scratch.BatchNorm1d(4)).eval()", "nn.BatchNorm1d(4).eval()", X),
    Case(
        "batch-norm-1d-cumulative",
        "redrawn(scratch.BatchNorm1d(4, eps=0.1, momentum=None))",
        "nn.BatchNorm1d(4, eps=0.1, momentum=None)",
        X,
    ),
    Case("batch-norm-2d", "redrawn(scratch.BatchNorm2d(2))", "nn.BatchNorm2d(2)", ((3, 2, 2, 3),)),
    Case(
        "batch-norm-2d-not-affine",
        "scratch.BatchNorm2d(2, affine=False)",
        "nn.BatchNorm2d(2, affine=False)",
        ((3, 2, 2, 3),),
    ),
    Case(
        "batch-norm-2d-eval-by-batch",
        "redrawn(scratch.BatchNorm2d(2, track_running_stats=False)).eval()",
        "nn.BatchNorm2d(2, track_running_stats=False).eval()",
        ((3, 2, 2, 3),),
    ),
    Case("batch-norm-2d-eval", "redrawn(scratch.BatchNorm2d(2)).eval()", "nn.BatchNorm2d(2).eval()", ((1, 2, 2, 3),)),
    Case("layer-norm", "redrawn(scratch.LayerNorm(4))", "nn.LayerNorm(4)", X),
    Case("layer-norm-vector", "redrawn(scratch.LayerNorm(4))", "nn.LayerNorm(4)", ((4,),)),
    Case(
        "layer-norm-two-axes",
        "redrawn(scratch.LayerNorm((3, 4), eps=0.1))",
        "nn.LayerNorm((3, 4), eps=0.1)",
        ((2, 3, 4),),
    ),
    Case(
        "layer-norm-no-bias", "redrawn(scratch.LayerNorm(4, bias=False))", "nn.LayerNorm(4, bias=False)", ((2, 3, 4),)
    ),
    Case(
        "layer-norm-not-affine",
        "scratch.LayerNorm(4, elementwise_affine=False)",
        "nn.LayerNorm(4, elementwise_affine=False)",
        X,
    ),
    Case("group-norm", "redrawn(scratch.GroupNorm(2, 4))", "nn.GroupNorm(2, 4)", ((2, 4, 2, 3),)),
    Case("group-norm-one-group", "redrawn(scratch.GroupNorm(1, 4))", "nn.GroupNorm(1, 4)", X),
    Case("group-norm-by-channel", "redrawn(scratch.GroupNorm(3, 3))", "nn.GroupNorm(3, 3)", ((2, 3, 4),)),
    Case(
        "group-norm-not-affine",
        "scratch.GroupNorm(2, 4, eps=0.1, affine=False)",
        "nn.GroupNorm(2, 4, eps=0.1, affine=False)",
        ((2, 4, 3),),
    ),
    Case("rms-norm", "redrawn(scratch.RMSNorm(4))", "nn.RMSNorm(4)", X),
    Case(
        "rms-norm-two-axes",
        "redrawn(scratch.RMSNorm((3, 4), eps=0.1))",
        "nn.RMSNorm((3, 4), eps=0.1)",
        ((2, 3, 4),),
    ),
    Case(
        "rms-norm-not-affine",
        "scratch.RMSNorm(4, elementwise_affine=False)",
        "nn.RMSNorm(4, elementwise_affine=False)",
        X,
    ),
    Case("dropout", "repeating(scratch.Dropout(0.4))", "nn.Dropout(0.4)", X, against=False),
    Case("dropout-eval", "scratch.Dropout(0.4).eval()", "nn.Dropout(0.4).eval()", X),
    Case("dropout-nothing", "scratch.Dropout(0.0)", "nn.Dropout(0.0)", X),
    Case("embedding", "scratch.Embedding(6, 3, rng=1)", "nn.Embedding(6, 3)", words),
    Case("embedding-one", "scratch.Embedding(6, 3, rng=1)", "nn.Embedding(6, 3)", (np.array(5),)),
    Case(
        "embedding-padding",
        "scratch.Embedding(7, 3, padding_idx=-1, rng=1)",  # not among the words: its gradient is no derivative
        "nn.Embedding(7, 3, padding_idx=-1)",
        partial(words, dtype="int32"),
    ),
    Case(
        "attention",
        "redrawn(scratch.MultiheadAttention(4, 2))",
        "nn.MultiheadAttention(4, 2)",
        ((3, 2, 4), (3, 2, 4), (3, 2, 4)),
    ),
    Case(
        "attention-one-sequence",
        "redrawn(scratch.MultiheadAttention(4, 1))",
        "nn.MultiheadAttention(4, 1)",
        ((3, 4), (5, 4), (5, 4)),
    ),
    Case(
        "attention-other-widths",
        "redrawn(scratch.MultiheadAttention(4, 2, kdim=3, vdim=5, batch_first=True))",
        "nn.MultiheadAttention(4, 2, kdim=3, vdim=5, batch_first=True)",
        ((2, 3, 4), (2, 4, 3), (2, 4, 5)),
    ),
    Case(
        "attention-padded-no-weights",
        "redrawn(scratch.MultiheadAttention(4, 2))",
        "nn.MultiheadAttention(4, 2)",
        padded,
    ),
    Case(
        "attention-float-masks",
        "redrawn(scratch.MultiheadAttention(4, 2, bias=False))",
        "nn.MultiheadAttention(4, 2, bias=False)",
        masked,
    ),
    Case(
        "attention-mask-by-head",
        "redrawn(scratch.MultiheadAttention(4, 2))",
        "nn.MultiheadAttention(4, 2)",
        masked_by_head,
    ),
    Case(
        "attention-causal-by-head",
        "redrawn(scratch.MultiheadAttention(4, 2, batch_first=True))",
        "nn.MultiheadAttention(4, 2, batch_first=True)",
        causal,
    ),
    Case(
        "attention-dropout",
        "repeating(redrawn(scratch.MultiheadAttention(4, 2, dropout=0.3)))",
        "nn.MultiheadAttention(4, 2, dropout=0.3)",
        ((3, 2, 4), (4, 2, 4), (4, 2, 4)),
        against=False,
    ),
    Case(
        "residual",
        "scratch.Residual(scratch.Linear(4, 4, rng=1), scratch.Tanh())",
        "torch_ref.Residual(nn.Linear(4, 4), nn.Tanh())",
        X,
    ),
    Case(
        "residual-nested",
        "scratch.Sequential(scratch.Residual(scratch.Residual(scratch.Linear(4, 4, rng=1)), scratch.Sigmoid()))",
        "nn.Sequential(torch_ref.Residual(torch_ref.Residual(nn.Linear(4, 4)), nn.Sigmoid()))",
        X,
    ),
    Case("residual-of-nothing", "scratch.Residual()", "torch_ref.Residual()", X),
]
