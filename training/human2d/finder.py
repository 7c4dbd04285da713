"""The finder that ships: `python -m body_from_image.training export-finder --movenet FOLDER --out
inference/models/finder.onnx`.

MoveNet MultiPose as published, from our own module; nothing is trained. `inference.finder` decodes its maps.
"""

import argparse
from pathlib import Path

import torch
from torch import nn

from ..runs.onnx_export import export
from .movenet import MoveNet
from .movenet_weights import load_movenet

OUTPUTS = ["center", "regress", "box_scale", "box_offset", "heatmap"]
_PROBABILITIES = ("center", "heatmap")


class ShippedFinder(nn.Module):
    """Pictures (B, 3, H, W) in 0–1 RGB → the maps of `OUTPUTS`, centres and keypoints as probabilities."""

    def __init__(self, network: MoveNet):
        super().__init__()
        self.network = network

    def forward(self, pictures):
        maps = self.network(pictures)
        return [torch.sigmoid(maps[name]) if name in _PROBABILITIES else maps[name] for name in OUTPUTS]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training export-finder", description=__doc__.splitlines()[0])
    parser.add_argument("--movenet", type=Path, required=True, help="folder of MoveNet's published weights")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    options = parser.parse_args(arguments)
    shipped = ShippedFinder(load_movenet(options.movenet, "multipose", tuple(OUTPUTS)))
    example = torch.rand(1, 3, 192, 256)
    difference = export(shipped, example, options.out, "pictures", OUTPUTS, {}, free_sides=True)
    print(f"wrote {options.out}; largest difference to torch {difference:.2e}")
