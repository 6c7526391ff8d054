"""What a check starts from: its options, and every array by name, read-only and of one dtype."""

import numpy as np

from parity.bridge import check_device
from parity.inputs import cast, check_dtype, dtype_name, is_shape, prepare, torch_dtype
from parity.subjects.torch_callable import HandTorch
from parity.witnesses.precision import precision_note


class Setting:
    """The options of a check of a subject, refused by name where they make no sense (TypeError, ValueError).

    dtype: that in which values travel in NumPy; a torch subject may compute in fewer digits, its own `dtype`.
    """

    def __init__(self, hand, dtype, device, seed, limit):
        self.name, self.device = dtype_name(dtype), check_device(device)
        self.dtype = check_dtype(dtype, isinstance(hand, HandTorch))
        if isinstance(hand, HandTorch):
            hand.dtype, hand.device = torch_dtype(dtype), self.device
        if self.device.type == "mps":
            raise ValueError("parity.check: device mps has no float64, which the twin computes in; use cpu")
        if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"parity.check: expected seed as a whole number from 0 up, got {seed!r}")
        if not isinstance(limit, int | float) or isinstance(limit, bool) or not 0 < limit < float("inf"):
            raise ValueError(f"parity.check: expected limit as a positive number of seconds, got {limit!r}")
        self.seed, self.limit = int(seed), float(limit)
        self.rng = np.random.default_rng(self.seed)

    def gather(self, hand, inputs):
        """(hand, {name: array} of inputs and weights that both sides start from, names of the inputs drawn at random).

        The subject is run once on the inputs where its signature does not tell how to read it.
        """
        self.rng = np.random.default_rng(self.seed)
        given = hand.take(inputs)
        arrays = {name: prepare(name, value, self.dtype, self.rng) for name, value in given.items()}
        added = hand.added_inputs()
        arrays |= {name: added[name] for name in hand.input_names if name in added and name not in arrays}
        if missing := [name for name in hand.input_names if name not in arrays]:
            raise TypeError(f"parity.check: {hand.name} needs an input {', '.join(missing)}; got {len(inputs)} inputs")
        for name, array in (hand.parameters | hand.buffers).items():
            cast(name, array, self.dtype)  # refuses what is no weight before anything runs
        hand = hand.discover(arrays)
        hand.input_shapes = {name: array.shape for name, array in arrays.items()}
        weights = hand.parameters | hand.buffers
        if clash := arrays.keys() & weights.keys():
            raise ValueError(f"parity.check: {', '.join(sorted(clash))} names both an input and a weight; rename one")
        arrays |= {name: cast(name, array, self.dtype) for name, array in weights.items()}
        return hand, arrays, [name for name, value in given.items() if is_shape(value)]

    def conditions(self, hand):
        """How the check was done, for the first line of a report."""
        double = self.name == "float64" and self.device.type == "cpu"
        reference = "" if double else f", reference in float64 on {self.device}"
        upstream = "random upstream gradient" if hand.takes_upstream else "from its own loss"
        precision = f", {note}" if (note := precision_note(self.device)) else ""
        return f"{self.name}{reference}{precision}, {upstream}, seed {self.seed}; read as {hand.read_as}{handed(hand)}"


def handed(hand):
    """What was handed through, for the way a subject was read: `, bn_param as given`."""
    return f", {', '.join(hand.arguments.handed)} as given" if hand.arguments.handed else ""
