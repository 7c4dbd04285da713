"""HMR's encoder: the backbone of Human2D's `fast` (MoveNet Thunder's, as it ships), frozen.

Since it does not learn, a picture's features are computed once and kept in a byte each: they lie behind a ReLU6, so
that a byte's step is .024.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...inference.models import MODELS
from ...inference.networks.crop import CROP_SIZE
from ...inference.networks.runtime import Network
from ..human2d.fast import FastHuman2D
from ..human2d.movenet import normalised
from ..runs.onnx_export import export, load_weights

MOST = 6.0
"""Greatest value of a feature."""
CELLS = CROP_SIZE // 32
"""Side of the deepest features."""
ENCODER_FILE = "encoder.onnx"


class Encoder(nn.Module):
    """Crops (B, 3, 256, 256) in 0–1 RGB → the backbone's deepest features (B, 1280, 8, 8) in 0–`MOST`."""

    def __init__(self):
        super().__init__()
        network = FastHuman2D()
        load_weights(network, MODELS / "human2d_fast.onnx", prefix="network.")
        self.backbone = network.movenet.backbone.requires_grad_(False)

    def forward(self, crops):
        return self.backbone(normalised(crops))[-1]


def open_encoder(folder: Path, threads: int = 1) -> Network:
    """The encoder in onnxruntime, which takes half of torch's time for it; its file is written to `folder` once."""
    path = folder / ENCODER_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name("unfinished_" + ENCODER_FILE)
        export(
            Encoder(), torch.zeros(1, 3, CROP_SIZE, CROP_SIZE), unfinished, "crop", ["features"], {}, eight_bits=False
        )
        unfinished.replace(path)
    return Network(path, "cpu", threads)


def encode(encoder: Network, crops: np.ndarray) -> np.ndarray:
    """Features (B, 1280, 8, 8) uint8, in steps of `MOST` / 255, of crops (B, 256, 256, 3) uint8 RGB."""
    features = encoder(crops.transpose(0, 3, 1, 2).astype(np.float32) / 255)[0]
    return np.round(features * (255 / MOST)).astype(np.uint8)
