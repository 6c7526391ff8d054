"""How people name the gradient of `W`: W_grad, grad_W, dW, d_W, …; what they call weights, labels and step sizes."""

import re

AROUND: tuple[str, ...] = (
    "{}_grad",
    "grad_{}",
    "{}_gradient",
    "gradient_{}",
    "d{}",
    "d_{}",
    "grad{}",
    "{}grad",
    "{}_d",
    "{}_grads",
    "grads_{}",
    "g{}",
    "nabla_{}",
    "{}_derivative",
    "derivative_{}",
)
AROUND += tuple(f"d{J}{_}d{{}}" for J in ("l", "j", "c", "e", "loss") for _ in ("_", ""))
AROUND += ("d_loss_d_{}",)
SAME = ({"w", "weight", "weights", "kernel"}, {"b", "bias", "biases"})
LEARNT = re.compile(
    r"(w|weights?|kernels?|filters?|theta|b|bias|biases|gamma|beta|u|v)_?\d*|(w|weights?|bias)_\w+|w[a-z]{1,2}"
)
LABELS = {"label", "labels", "target", "targets", "truth", "ground_truth", "expected", "y", "y_true", "ytrue", "t"}
LABELS |= {"yhat", "y_hat", "y_label", "y_train", "true", "actual", "correct"}
RATES = {"lr", "learning_rate", "rate", "eta", "alpha", "step_size", "stepsize"}


def bare(name):
    """A name in lower case, without underscores around it."""
    return name.lower().strip("_")


def gradient_names(name):
    """The names that the gradient of an attribute may have, in lower case; underscores around it do not count."""
    return [pattern.format(bare(name)).lower() for pattern in AROUND]


def same_gradient(name, gradient):
    """Whether `gradient` names the gradient of `name`: that name itself, or one of the forms above."""
    return gradient == name or bare(gradient) in gradient_names(name)


def synonyms(name):
    """Other usual names of the same weight: the gradient of `weights` may be called dW."""
    return sorted(next((names - {bare(name)} for names in SAME if bare(name) in names), ()))


def is_learnt(name):
    """Whether an array of that name is a weight, as people call them: W, b2, Wxh, gamma, …"""
    return LEARNT.fullmatch(bare(name)) is not None
