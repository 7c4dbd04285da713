"""Milliseconds of one crop, network by network, on the processor and on a GPU when onnxruntime has one."""

import os
from pathlib import Path

import numpy as np

from ....inference.crop import CROP_SIZE
from ....inference.networks import Network
from ...benchmark import median_ms

THREADS = 2
REPEATS = 30


def crop_milliseconds(file: Path, device: str = "cpu", repeats: int = REPEATS) -> float | None:
    """Median of one crop of batch 1, with two threads on the processor; None where onnxruntime has no such device."""
    import onnxruntime

    if device == "cuda" and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return None
    network = Network("human2d_fast", device, THREADS)
    network.path = file
    crop = np.random.default_rng(0).random((1, 3, CROP_SIZE, CROP_SIZE), np.float32)
    return median_ms(lambda: network(crop), repeats)


def load() -> str:
    """How busy the machine is, since that is in every figure of speed."""
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
