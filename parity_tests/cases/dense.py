"""Dense layers, activations and neurons."""

from parity_tests.cases.case import Case, X

DENSE = [
    Case("linear", "scratch.Linear(4, 3, rng=1)", "nn.Linear(4, 3)", X),
    Case("linear-one-row", "scratch.Linear(4, 3, rng=1)", "nn.Linear(4, 3)", ((1, 4),)),
    Case("linear-vector", "scratch.Linear(4, 3, rng=1)", "nn.Linear(4, 3)", ((4,),)),
    Case("linear-3d", "scratch.Linear(4, 3, rng=1)", "nn.Linear(4, 3)", ((2, 5, 4),)),
    Case("linear-square", "scratch.Linear(4, 4, rng=1)", "nn.Linear(4, 4)", ((6, 4),)),
    Case("linear-no-bias", "scratch.Linear(4, 3, bias=False, rng=1)", "nn.Linear(4, 3, bias=False)", X),
    Case("sigmoid", "scratch.Sigmoid()", "nn.Sigmoid()", X),
    Case("tanh", "scratch.Tanh()", "nn.Tanh()", X),
    Case("relu", "scratch.ReLU()", "nn.ReLU()", X),
    # activations
    Case("leaky-relu", "scratch.LeakyReLU()", "nn.LeakyReLU()", X),
    Case("leaky-relu-steep", "scratch.LeakyReLU(0.3)", "nn.LeakyReLU(0.3)", ((2, 3, 4),)),
    Case("leaky-relu-turned", "scratch.LeakyReLU(-1.5)", "nn.LeakyReLU(-1.5)", ((7,),)),
    Case("elu", "scratch.ELU()", "nn.ELU()", X),
    Case("elu-alpha", "scratch.ELU(0.6)", "nn.ELU(0.6)", ((2, 3, 4),)),
    Case("gelu", "scratch.GELU()", "nn.GELU()", X),
    Case("gelu-3d", "scratch.GELU()", "nn.GELU()", ((2, 3, 4),)),
    Case("gelu-tanh", 'scratch.GELU(approximate="tanh")', 'nn.GELU(approximate="tanh")', X),
    Case("silu", "scratch.SiLU()", "nn.SiLU()", X),
    Case("softplus", "scratch.Softplus()", "nn.Softplus()", X),
    Case("softplus-linear", "scratch.Softplus(2.0, 0.5)", "nn.Softplus(2.0, 0.5)", ((3, 8),)),
    Case("softmax", "scratch.Softmax(1)", "nn.Softmax(1)", X),
    Case("softmax-first-axis", "scratch.Softmax(0)", "nn.Softmax(0)", X),
    Case("softmax-middle-axis", "scratch.Softmax(-2)", "nn.Softmax(-2)", ((2, 3, 4),)),
    Case("log-softmax", "scratch.LogSoftmax(1)", "nn.LogSoftmax(1)", X),
    Case("log-softmax-first-axis", "scratch.LogSoftmax(0)", "nn.LogSoftmax(0)", X),
    Case("log-softmax-middle-axis", "scratch.LogSoftmax(-2)", "nn.LogSoftmax(-2)", ((2, 3, 4),)),
]

NEURONS = [
    Case("neuron", "scratch.Neuron(3, rng=1)", "torch_ref.Neuron(3)", ((6, 3),)),
    Case("neuron-tanh", "scratch.Neuron(3, scratch.Tanh(), rng=1)", "torch_ref.Neuron(3, nn.Tanh())", ((6, 3),)),
    Case(
        "neuron-relu-no-bias",
        "scratch.Neuron(3, scratch.ReLU(), bias=False, rng=1)",
        "torch_ref.Neuron(3, nn.ReLU(), bias=False)",
        ((6, 3),),
    ),
    Case("logistic-neuron", "scratch.LogisticNeuron(2, rng=1)", "torch_ref.LogisticNeuron(2)", ((1, 2),)),
]
