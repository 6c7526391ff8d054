"""Where a training is computed: the device, the side, the memory that it takes."""

import importlib.util
import os
import sys

from scripts.cli import Refusal, choose_device
from scripts.training.by_hand import ByHand


def place(options, ranks, again=False):
    """The device, once what does not go together is refused."""
    if ranks.many and options.backend != "torch":
        raise Refusal(f"--backend {options.backend} is one process's: under torchrun take --backend torch")
    judged = options.backend == "both" or (options.lockstep and not again)
    if judged and not options.epochs:
        raise Refusal("a lockstep takes steps: --epochs 1 or more")
    if options.backend == "both" and (options.compile or options.tensorboard or options.checkpoint_interval):
        raise Refusal(
            "--backend both is a lockstep alone: leave out --compile, --tensorboard and --checkpoint-interval"
        )
    if judged and (ranks.many or options.clip or options.schedule == "warmup" or options.dtype == "bfloat16"):
        raise Refusal(
            "in lockstep one process takes plain steps on both sides: leave out --clip, --schedule warmup and bfloat16"
        )
    if options.fsdp and not ranks.many:
        raise Refusal("--fsdp spreads weights over ranks: start with torchrun --nproc-per-node N scripts/train.py ...")
    by_hand = options.backend == "scratch"
    if options.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise Refusal('--tensorboard needs a package: pip install "handgrad[tensorboard]"')
    for name in ("compile", "fsdp"):
        if by_hand and getattr(options, name):
            raise Refusal(f"--{name} is torch's: take --backend torch")
    if options.dtype == "bfloat16" and options.backend != "torch":
        raise Refusal("--dtype bfloat16 is torch's: take --backend torch, or float32")
    if by_hand and options.device not in ("auto", "cpu"):
        raise Refusal(f"--device {options.device}: by hand is computed on the CPU; take --backend torch, or cpu")
    if options.deterministic:
        make_deterministic(by_hand)
    if by_hand:
        return "cpu"
    device = choose_device(options.device, options.dtype)
    spread = ranks.many and options.device in ("auto", "cuda") and device.type == "cuda"
    return choose_device(f"cuda:{ranks.local}", options.dtype) if spread else device


def make_deterministic(by_hand):
    """One thread and deterministic kernels; the workspace of cuBLAS is fixed before CUDA starts."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(1)
    if by_hand:
        return
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def side_of(options, chosen, device, ranks):
    """The side that trains."""
    if options.backend == "scratch":
        return ByHand(chosen, options)
    from scripts.training.in_torch import InTorch

    return InTorch(chosen, options, device, ranks)


def is_memory(error):
    """Whether an error says that memory has run out: Python's, NumPy's, torch's on a CPU or a GPU."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in ("out of memory", "t allocate memory"))


def peak():
    """The largest memory that this process has taken, and its GPU."""
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    text = f"{size / 2**20:,.0f} MiB taken at most"
    torch = sys.modules.get("torch")  # where it is not there yet, there is no memory to import it
    if torch and torch.cuda.is_initialized():
        text += f", {torch.cuda.max_memory_allocated() / 2**20:,.0f} MiB on the GPU"
    return text
