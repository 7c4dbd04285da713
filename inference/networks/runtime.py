"""Opening the ONNX networks: which device they run on, with how many threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..models import MODELS

PROVIDERS = {"cuda": "CUDAExecutionProvider", "directml": "DmlExecutionProvider", "coreml": "CoreMLExecutionProvider"}
"""Devices beside the processor, and what onnxruntime calls them; `auto` takes the first that is there."""
DEVICES = ("auto", "cpu", *PROVIDERS)
SIZES = tuple(size for size in ("fast", "hourglass") if (MODELS / f"human2d_{size}.onnx").exists())
"""Sizes of Human2D whose weights are there."""


class Network:
    """One ONNX file, opened when first run. Call it with an array for each of its inputs; it returns the list of its
    outputs."""

    def __init__(self, name: str | Path, device: str = "auto", threads: int | None = None):
        """`name` of one that ships, or the path of another file."""
        path = name if isinstance(name, Path) else MODELS / f"{name}.onnx"
        self.path, self.device, self.threads = path, device, threads

    @cached_property
    def session(self):
        """The onnxruntime session. Raises UserError when the device is not to be had or the weights are missing, or no
        network."""
        # onnxruntime takes a fifth of a second to import, which a run from given keypoints alone need not pay twice.
        import onnxruntime

        if not self.path.exists():
            raise UserError(
                f"The network {self.path.name} is missing from {self.path.parent}. Install the package anew."
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self.threads or cores()
        # Each network has threads of its own, which otherwise go on spinning while the next network wants the cores.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        wanted = wanted_providers(self.device, onnxruntime.get_available_providers())
        with self._told_to_users("could not be opened"):
            session = onnxruntime.InferenceSession(str(self.path), options, providers=[*wanted, "CPUExecutionProvider"])
        # A provider whose libraries do not load is dropped by onnxruntime with no more than a line in the log.
        if self.device in PROVIDERS and session.get_providers()[0] != PROVIDERS[self.device]:
            raise UserError(
                f"onnxruntime could not start {self.device.upper()} here. Check its driver, or choose the CPU."
            )
        return session

    @cached_property
    def metadata(self) -> dict[str, str]:
        """What the export wrote beside the weights, such as the confidence calibration."""
        session = self.session
        with self._told_to_users("cannot be understood"):
            return session.get_modelmeta().custom_metadata_map

    @property
    def provider(self) -> str:
        """The execution provider that runs it, such as CPUExecutionProvider."""
        return self.session.get_providers()[0]

    @cached_property
    def inputs(self) -> list[str]:
        """Names of what it is called with."""
        session = self.session
        with self._told_to_users("cannot be understood"):
            return [entry.name for entry in session.get_inputs()]

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        names = self.inputs
        with self._told_to_users("failed"):
            named = zip(names, arrays, strict=True)
            return self.session.run(None, {name: np.ascontiguousarray(array, np.float32) for name, array in named})

    def refusal(self, what: str) -> UserError:
        """An error about this file, which begins with its name and what it did."""
        advice = "Install the package anew." if self.path.parent == MODELS else "Write it anew, or take it away."
        return UserError(f"The network {self.path} {what}: it is damaged, or another one. {advice}")

    @contextmanager
    def _told_to_users(self, what: str) -> Iterator[None]:
        """onnxruntime's errors have no type in common, and follow from the file: a user's own, or a damaged one."""
        try:
            yield
        except Exception as error:
            raise self.refusal(f"{what} ({str(error).splitlines()[0].split(' : ')[-1]})") from error


def cores() -> int:
    """Cores that this process may use: fewer than the machine has in containers, on shared machines, and where
    OMP_NUM_THREADS says so."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(allowed, int(wanted))) if wanted.isdecimal() else allowed


def wanted_providers(device: str, available: list[str]) -> list[str]:
    """onnxruntime's providers for a device of `DEVICES`, the best first. Raises UserError when it is not to be had."""
    if device == "cpu":
        return []
    wanted = [PROVIDERS[device]] if device in PROVIDERS else PROVIDERS.values()
    found = [provider for provider in wanted if provider in available]
    if device != "auto" and not found:
        build = {"cuda": "onnxruntime-gpu", "directml": "onnxruntime-directml", "coreml": "onnxruntime for macOS"}[
            device
        ]
        raise UserError(f"onnxruntime has no {device.upper()} here. Install {build}, or choose the CPU.")
    return found
