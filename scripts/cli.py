"""What the command lines of the scripts share beyond parity.faces.commandline: the device that they compute on."""

from parity.faces.commandline import Parser, Refusal, positive, prepare_folder, run, seed, told, write_whole
from parity.faces.screen import Screen, console

__all__ = [
    "Parser",
    "Refusal",
    "Screen",
    "add_debug",
    "add_device",
    "choose_device",
    "console",
    "positive",
    "prepare_folder",
    "run",
    "seed",
    "told",
    "write_whole",
]


def add_device(parser):
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="auto (CUDA where there is one), cpu, cuda or cuda:N [auto]"
    )


def add_debug(parser):
    parser.add_argument("--debug", action="store_true", help="show a traceback with every refusal")


def choose_device(name, dtype="float64"):
    """The device to compute on. Never falls back in silence: what is not there is refused."""
    import torch

    from parity.bridge import check_device, usable_devices

    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = check_device(name)
    except ValueError as error:
        raise Refusal(str(error)) from None
    if device.type == "mps" and dtype == "float64":
        usable = ", ".join(device for device in usable_devices() if device != "mps")
        raise Refusal(f"device mps has no float64, which is asked for; usable: {usable}")
    return device
