"""Export Human2D: `python -m body_from_image.training export-human2d --weights runs/human2d/weights.pt --size fast`.

Confidence is calibrated here, on the calibration split: of one look, and of several that decide together. The curves
travel in the file.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...inference.geometry.joints import KEYPOINT_NAMES
from ...inference.networks.crop import crop_of_box
from ...inference.networks.human2d import TOGETHER, Human2D
from ...inference.networks.person import look_twice
from ..data.photos2d import LSPET, LabelledCrop, load_crops
from ..measure.keypoints2d import predict, relative_errors
from ..runs.onnx_export import annotate, export, load_weights
from .network import SIZES, human2d_network
from .outputs import NOBODY, heatmap_probabilities

PRIOR = math.log((1 - NOBODY) / NOBODY)
"""Somebody was there in so many of the training samples (a logit). Of a picture of which nothing is known, either is as
likely, so this is taken off the presence."""
INPUTS = ("crops", "prompts")
OUTPUTS = ("heatmaps", "silhouettes", "depth", "presence")
KNOTS = 12
AS_IT_IS = {"mass": [0.0, 1.0], "confidence": [0.0, 1.0]}
"""A curve that leaves the mass of a peak what it is."""


class Shipped(torch.nn.Module):
    """Crops (B, 3, 256, 256), and for `fast` prompts (B, 25, 3), to the last stack's outputs: `OUTPUTS`, those that the
    network has.

    Heatmaps (B, 25, 64, 64) and the person's silhouette (B, 1, 64, 64) are probabilities; depth (B, 25, 64, 64) is in
    sides of the crop; presence (B,) is the probability that there is a person."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs):
        last = self.network(*inputs)[-1]
        found = [heatmap_probabilities(last.heatmaps), torch.softmax(last.silhouette.float(), 1)[:, 1:], last.depth]
        return found if last.presence is None else [*found, torch.sigmoid(last.presence - PRIOR)]


def example_of(network: nn.Module, batch: int = 1) -> tuple[torch.Tensor, ...]:
    """Inputs of a Human2D network, drawn by lot."""
    prompts = torch.rand(batch, len(KEYPOINT_NAMES), 3)
    prompts[..., 2].round_()
    crops = torch.rand(batch, 3, 256, 256)
    return (crops, prompts) if network.takes_prompts else (crops,)


def calibration_curve(mass: np.ndarray, errors: np.ndarray) -> dict[str, list[float]]:
    """Knots of a monotone curve from peak mass to the share of keypoints within .2 torso, by isotonic averaging.

    Bins hold equal numbers of keypoints; neighbours that fall are pooled until the shares rise.
    """
    known = np.isfinite(errors)
    order = np.argsort(mass[known])
    mass, right = mass[known][order], (errors[known][order] < 0.2).astype(float)
    parts = zip(np.array_split(mass, KNOTS), np.array_split(right, KNOTS), strict=True)
    blocks = [[float(part.mean()), float(share.mean()), len(part)] for part, share in parts]
    pooled: list[list[float]] = []
    for block in blocks:
        pooled.append(block)
        while len(pooled) > 1 and pooled[-2][1] >= pooled[-1][1]:
            (m1, s1, n1), (m2, s2, n2) = pooled[-2:]
            pooled[-2:] = [[(m1 * n1 + m2 * n2) / (n1 + n2), (s1 * n1 + s2 * n2) / (n1 + n2), n1 + n2]]
    # A peak of no mass at all is a joint that is not there, whatever the lowest bin says.
    return {"mass": [0.0] + [round(b[0], 5) for b in pooled], "confidence": [0.0] + [round(b[1], 5) for b in pooled]}


def export_human2d(weights: Path, size: str, out: Path) -> tuple[float, dict]:
    """Write Human2D with its calibration. Returns the largest difference to torch, and the curves by name. Raises
    PackMissing."""
    network = human2d_network(size)
    load_weights(network, weights, prefix="network.")
    shipped = Shipped(network.eval())

    def run(crops: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [output.numpy() for output in shipped(torch.from_numpy(crops))]

    crops = load_crops("calibration", (LSPET,))
    points, mass, _ = predict(run, crops)
    curves = {"calibration": calibration_curve(mass, relative_errors(points, crops)), TOGETHER: AS_IT_IS}
    examples = example_of(network)
    outputs = list(OUTPUTS[: len(shipped(*examples))])
    difference = export(shipped, examples, out, list(INPUTS[: len(examples)]), outputs, _written(curves))
    curves[TOGETHER] = curve_of_looks_together(Human2D(device="cpu", file=out, refiner=None), crops)
    annotate(out, _written(curves))
    return difference, curves


def curve_of_looks_together(human2d: Human2D, crops: list[LabelledCrop]) -> dict[str, list[float]]:
    """The same curve of what the engine makes of its looks in the labelled box, by a network whose curve for that is
    `AS_IT_IS` so far."""
    found = np.stack([look_twice(crop.image, human2d, crop_of_box(crop.box)).keypoints for crop in crops])
    # What is not in the picture has no confidence, whatever the curve.
    errors = np.where(found[..., 2] > 0, relative_errors(found[..., :2], crops), np.nan)
    return calibration_curve(found[..., 2], errors)


def _written(curves: dict[str, dict]) -> dict[str, str]:
    return {name: json.dumps(curve) for name, curve in curves.items()}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training export-human2d")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--size", choices=SIZES, default="fast")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    options = parser.parse_args(arguments)
    difference, curves = export_human2d(options.weights, options.size, options.out)
    print(f"wrote {options.out}; largest difference to torch {difference:.2e}; {curves}")
