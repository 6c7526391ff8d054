"""Whole models."""

import scratch
from parity_tests.cases.case import Case, X


def sentences(rng, n=2, length=4, vocabulary=5):
    return (rng.integers(0, vocabulary, (n, length)),)


def worked_example(rng):
    return (scratch.data.worked_example()[0],)


MODELS = [
    Case("linear-sigmoid", "scratch.models.linear_sigmoid(4, 3, rng=1)", "torch_ref.models.linear_sigmoid(4, 3)", X),
    Case("lecture-net", "scratch.models.lecture_net()", "torch_ref.models.lecture_net()", ((5, 2),)),
    Case("worked-example", "scratch.models.lecture_net()", "torch_ref.models.lecture_net()", worked_example),
    Case("mlp", "scratch.models.mlp((4, 6, 3), rng=1)", "torch_ref.models.mlp((4, 6, 3))", X),
    Case(
        "mlp-deep-relu",
        "scratch.models.mlp((4, 9, 8, 7, 2), scratch.ReLU, rng=1)",
        "torch_ref.models.mlp((4, 9, 8, 7, 2), nn.ReLU)",
        ((11, 4),),
    ),
    Case(
        "mlp-no-bias-one-row",
        "scratch.models.mlp((3, 5, 2), scratch.Sigmoid, bias=False, rng=1)",
        "torch_ref.models.mlp((3, 5, 2), nn.Sigmoid, bias=False)",
        ((1, 3),),
    ),
]

MODELS += [
    Case(
        f"char-rnn-{cell}",
        f"scratch.models.char_rnn(5, 3, '{cell}', 2, rng=1)",
        f"torch_ref.models.char_rnn(5, 3, '{cell}', 2)",
        sentences,
    )
    for cell in ("rnn", "lstm", "gru")
]
MODELS += [  # larger ones, with layers of every kind
    Case(
        "cnn",
        "scratch.models.cnn(2, 4, (3, 2), 3, rng=1)",
        "torch_ref.models.cnn(2, 4, (3, 2), 3)",
        ((2, 2, 4, 4),),
    ),
    Case(
        "gpt",
        "scratch.models.gpt(5, layers=2, width=4, heads=2, context=4, rng=1)",
        "torch_ref.models.gpt(5, layers=2, width=4, heads=2, context=4)",
        sentences,
    ),
    Case(
        "gpt-block",
        "scratch.models.Block(4, 2, rng=1)",
        "torch_ref.models.Block(4, 2)",
        ((2, 3, 4),),
    ),
]
