"""Export the priors: `python -m body_from_image.training export-prior pose --weights runs/pose-prior/weights.pt --out
FILE`."""

import argparse
from pathlib import Path

import numpy as np
import torch

from ...inference.body.body_model import BodyModel
from ...inference.networks.pose_features import pose_features
from ..people.instances import VIEW
from ..runs.onnx_export import export, load_weights
from .bones import rest_keypoints
from .networks import PosePrior, ShapePrior


def export_pose_prior(weights: Path, out: Path) -> float:
    """Write PosePrior, as large as the weights are. Returns the largest difference to torch."""
    points = rest_keypoints(BodyModel.load()) * [1, -1, 1] + [0, 0, 4]
    shaken = VIEW.project(points + np.random.default_rng(0).normal(0, 0.05, (16, *points.shape)))
    features, _ = pose_features(np.concatenate([shaken, np.ones_like(shaken[..., :1])], -1), VIEW)
    outputs = ["rotations", "uncertainty"]
    return export(PosePrior.of(weights), torch.from_numpy(features), out, "features", outputs, {})


def export_shape_prior(weights: Path, out: Path, body_model: Path | None = None) -> float:
    """Write ShapePrior with the hash of the body that it was trained for. Returns the largest difference to torch."""
    network = ShapePrior()
    load_weights(network, weights)
    metadata = {"body_model": BodyModel.load(body_model).hash}
    return export(network, torch.rand(4, 1, 64, 64), out, "silhouettes", ["betas"], metadata)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training export-prior")
    parser.add_argument("prior", choices=("pose", "shape"))
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--body-model", type=Path, help="the SMPL file that ShapePrior was trained for")
    options = parser.parse_args(arguments)
    if options.prior == "pose":
        difference = export_pose_prior(options.weights, options.out)
    else:
        difference = export_shape_prior(options.weights, options.out, options.body_model)
    print(f"wrote {options.out}; largest difference to torch {difference:.2e}")
