"""A convolutional network for small pictures in torch.nn."""

from itertools import pairwise

from torch import nn

from torch_ref.init import drawn_from, torch_dtype


def cnn(in_channels=1, size=8, channels=(16, 32), classes=10, rng=None, dtype="float64", device="cpu"):
    """Conv2d (3 × 3, padding 1), ReLU, MaxPool2d(2) for each of `channels`, then Flatten and Linear: logits.

    Raises ValueError where size is no multiple of 2^len(channels).
    """
    left, rest = divmod(size, 2 ** len(channels))
    if rest or not left or not channels:
        raise ValueError(
            f"cnn: expected size as a multiple of 2^{len(channels)}, once for each of channels, got {size}"
        )
    dtype, layers = torch_dtype(dtype), list[nn.Module]()
    with drawn_from(rng):
        for before, after in pairwise((in_channels, *channels)):
            layers += [nn.Conv2d(before, after, 3, padding=1, dtype=dtype), nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.Flatten(), nn.Linear(channels[-1] * left * left, classes, dtype=dtype)]
    return nn.Sequential(*layers).to(device)
