"""Opening the ONNX networks: which device they run on, with how many threads."""

import os
from functools import cached_property
from pathlib import Path

import numpy as np

from .errors import UserError

MODELS = Path(__file__).parent / "models"
DEVICES = ("auto", "cpu", "cuda")
_PROVIDERS = {
    "cuda": ["CUDAExecutionProvider"],
    "auto": ["CUDAExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider"],
    "cpu": [],
}


class Network:
    """One ONNX file, opened when first run. Call it with one array; it returns the list of its outputs."""

    def __init__(self, name: str, device: str = "auto", threads: int | None = None):
        self.path, self.device, self.threads = MODELS / f"{name}.onnx", device, threads

    @cached_property
    def session(self):
        """The onnxruntime session. Raises UserError when the device is not to be had or the weights are missing."""
        # onnxruntime takes a fifth of a second to import, which a run from given keypoints alone need not pay twice.
        import onnxruntime

        if not self.path.exists():
            raise UserError(
                f"The network {self.path.name} is missing from {self.path.parent}. Install the package anew."
            )
        available = onnxruntime.get_available_providers()
        wanted = [provider for provider in _PROVIDERS[self.device] if provider in available]
        if self.device == "cuda" and not wanted:
            raise UserError(
                "There is no CUDA device for onnxruntime here. Install onnxruntime-gpu, or choose the CPU."
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self.threads or os.cpu_count() or 1
        return onnxruntime.InferenceSession(str(self.path), options, providers=[*wanted, "CPUExecutionProvider"])

    @property
    def metadata(self) -> dict[str, str]:
        """What the export wrote beside the weights, such as the confidence calibration."""
        return self.session.get_modelmeta().custom_metadata_map

    @property
    def provider(self) -> str:
        """The execution provider that runs it, such as CPUExecutionProvider."""
        return self.session.get_providers()[0]

    def __call__(self, array: np.ndarray) -> list[np.ndarray]:
        return self.session.run(None, {self.session.get_inputs()[0].name: np.ascontiguousarray(array, np.float32)})
