"""Where a training run computes."""

import torch

DEVICES = ("auto", "cpu", "cuda")


def chosen_device(name: str) -> torch.device:
    """The device of one of `DEVICES`: `auto` is a GPU where torch has one. Raises ValueError, with a sentence, when it
    is not to be had."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("torch finds no CUDA device here. Choose --device cpu, or install a torch built for CUDA.")
    return torch.device("cuda" if name != "cpu" and available else "cpu")
