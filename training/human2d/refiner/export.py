"""Export the heatmap refiner: `python -m body_from_image.training export-heatmap-refiner --weights FILE --out FILE`.

The curve of its confidence is measured here, on the calibration split, and travels in the file; and what it is worth
there is printed.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from ....inference.geometry.joints import KEYPOINT_NAMES
from ....inference.networks.crop import crop_of_box
from ....inference.networks.human2d import TOGETHER, Human2D
from ....inference.networks.person import look_twice
from ...data.photos2d import LabelledCrop
from ...measure.keypoints2d import box_lengths, pck, relative_errors
from ...runs.onnx_export import annotate, export, load_weights
from ..export import AS_IT_IS, curve_of_looks_together
from .network import HeatmapRefiner, Shipped
from .samples import calibration_photos

OF_BOX = 0.1
"""A keypoint is right within so much of the longer side of the labelled joints' box: not all labels have a torso."""
CELLS = 64


def export_refiner(weights: Path, out: Path) -> float:
    """Write the refiner with its curve. Returns the largest difference to torch. Raises PackMissing."""
    network = HeatmapRefiner()
    load_weights(network, weights, prefix="network.")
    example = torch.rand(2, len(KEYPOINT_NAMES), CELLS, CELLS) / CELLS**2
    written = {TOGETHER: json.dumps(AS_IT_IS)}
    difference = export(Shipped(network), example, out, "heatmaps", ["refined"], written)
    curve = curve_of_looks_together(Human2D(device="cpu", refiner=out), calibration_photos()["sports"])
    annotate(out, {TOGETHER: json.dumps(curve)})
    return difference


def share_right(human2d: Human2D, crops: list[LabelledCrop]) -> float:
    """Of the labelled limb keypoints of people in given boxes, seen by two looks."""
    points = np.stack([look_twice(crop.image, human2d, crop_of_box(crop.box)).keypoints[:, :2] for crop in crops])
    return pck(relative_errors(points, crops, box_lengths), threshold=OF_BOX)


def worth(file: Path) -> dict[str, tuple[float, float]]:
    """The share of keypoints that are right on each source's calibration photos, without and with a refiner."""
    eyes = [Human2D(device="cpu", refiner=one) for one in (None, file)]
    return {name: tuple(share_right(one, crops) for one in eyes) for name, crops in calibration_photos().items()}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training export-heatmap-refiner")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    options = parser.parse_args(arguments)
    print(f"wrote {options.out}; largest difference to torch {export_refiner(options.weights, options.out):.2e}")
    for name, (before, after) in worth(options.out).items():
        print(f"{name}: right within {OF_BOX} of the box {before:.3f} without the refiner, {after:.3f} with it")
