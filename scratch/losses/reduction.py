"""From one J per element or row to the loss: mean, sum, or all of them."""


def reduce(owner, J, dJ, reduction, count=None):
    """(J, dJ/doutput) per element -> reduced: the mean divides both by `count`, the number of J's unless told.

    dJ is the caller's own fresh array and is divided in place.
    Raises ValueError for another reduction and for the mean of nothing.
    """
    if reduction == "none":
        return J, dJ
    if reduction == "sum":
        return J.sum(), dJ
    if reduction != "mean":
        raise ValueError(f'{owner}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    count = J.size if count is None else count
    if count == 0:
        what = "labels that are all ignored" if J.size else "an empty batch"
        raise ValueError(f"{owner}: the mean over {what} is undefined (output has shape {dJ.shape})")
    dJ /= count
    return J.sum() / count, dJ


def over_positions(loss):
    """A loss of rows as one of sequences: the leading axes of logits (N, T, K) and labels (N, T) count as one."""

    def over_all(output, target, *options, **more):
        if output.ndim < 3 or target.ndim != output.ndim - 1:
            return loss(output, target, *options, **more)
        J, dJ = loss(output.reshape(-1, output.shape[-1]), target.reshape(-1), *options, **more)
        return J, dJ.reshape(output.shape)

    return over_all
