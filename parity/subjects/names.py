"""How people name the gradient of `W`: W_grad, grad_W, dW, d_W, …; what they call labels and step sizes."""

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
)
AROUND += ("dL_d{}", "dJ_d{}")
LABELS = {"label", "labels", "target", "targets", "truth", "ground_truth", "expected", "y", "y_true", "ytrue", "t"}
LABELS |= {"yhat", "y_hat", "y_label", "y_train", "true", "actual", "correct"}
RATES = {"lr", "learning_rate", "rate", "eta", "alpha", "step_size", "stepsize"}


def gradient_names(name):
    """The names that the gradient of an attribute may have, in lower case; a leading underscore does not count."""
    bare = name.lower().lstrip("_")
    return [pattern.format(bare).lower() for pattern in AROUND]


def same_gradient(name, gradient):
    """Whether `gradient` names the gradient of `name`: that name itself, or one of the forms above."""
    return gradient == name or gradient.lower().lstrip("_") in gradient_names(name)
