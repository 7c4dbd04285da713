"""Export the priors: `python -m body_from_image.training export-prior pose --weights runs/pose-prior/weights.pt --out
FILE`."""

import argparse
from pathlib import Path

import torch

from ...inference.body_model import BodyModel
from ...inference.pose_features import FEATURE_COUNT
from ..onnx_export import export, load_weights
from .networks import PosePrior, ShapePrior


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training export-prior")
    parser.add_argument("prior", choices=("pose", "shape"))
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--body-model", type=Path, help="the SMPL file that ShapePrior was trained for")
    options = parser.parse_args(arguments)
    network, example, names = {
        "pose": (PosePrior, torch.randn(4, FEATURE_COUNT), ("features", ["rotations", "uncertainty"])),
        "shape": (ShapePrior, torch.rand(4, 1, 64, 64), ("silhouettes", ["betas"])),
    }[options.prior]
    network = network()
    load_weights(network, options.weights)
    metadata = {"body_model": BodyModel.load(options.body_model).hash}
    difference = export(network, example, options.out, *names, metadata)
    print(f"wrote {options.out}; largest difference to torch {difference:.2e}")
