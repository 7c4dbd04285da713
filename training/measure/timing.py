"""How long things take on this machine."""

import os
import statistics
import time
from pathlib import Path

import numpy as np

from ...inference.errors import UserError
from ...inference.geometry.joints import KEYPOINT_NAMES
from ...inference.networks.crop import CROP_SIZE
from ...inference.networks.runtime import Network


def median_ms(action, repeats: int, clock=time.perf_counter) -> float:
    """Median milliseconds of `action`, after one call that does not count. With `clock=time.process_time` they are this
    process's own on all its cores, however busy the machine is."""
    action()
    times = []
    for _ in range(repeats):
        began = clock()
        action()
        times.append(1e3 * (clock() - began))
    return statistics.median(times)


def crop_milliseconds(
    file: Path, device: str = "cpu", threads: int = 2, repeats: int = 30, clock=time.perf_counter
) -> float | None:
    """Median of one crop through an exported Human2D; None where onnxruntime cannot run it on the device."""
    network = Network(file, device, threads)
    crop = np.random.default_rng(0).random((1, 3, CROP_SIZE, CROP_SIZE), np.float32)
    nobody_told = np.zeros((1, len(KEYPOINT_NAMES), 3), np.float32)
    try:
        inputs = [crop, nobody_told][: len(network.inputs)]
        return median_ms(lambda: network(*inputs), repeats, clock)
    except UserError:
        return None


def load() -> str:
    """How busy the machine is, which is part of every figure of speed."""
    average = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores{average}"
