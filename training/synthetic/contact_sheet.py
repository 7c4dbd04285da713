"""A sheet of synthetic pictures to look at: `python -m body_from_image.training synthetic-sheet sheet.png`."""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from ...inference.geometry.joints import KEYPOINT_EDGES
from ..data.photos2d import load_crops
from .renderer import Renderer
from .scene import Options


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--labels", action="store_true", help="draw keypoints and outlines")
    parser.add_argument("--photos", action="store_true", help="backgrounds from photos2d too")
    options = parser.parse_args(arguments)
    renderer = Renderer(Options(size=options.size), load_crops("train") if options.photos else None)
    rng = np.random.default_rng(options.seed)
    crops, began = [], 0.0
    for number in range(options.rows * options.columns):
        if number == 1:  # the first one waits for the compiler
            began = time.process_time()
        crops.append(renderer.sample(rng))
    seconds = (time.process_time() - began) / max(len(crops) - 1, 1)
    pictures = [labelled(crop) if options.labels else crop.image for crop in crops]
    rows = [np.hstack(pictures[k : k + options.columns]) for k in range(0, len(pictures), options.columns)]
    cv2.imwrite(str(options.output), np.vstack(rows)[..., ::-1])
    print(f"{options.output}: {1 / seconds:.1f} pictures a second of processor time")


def labelled(crop) -> np.ndarray:
    """The picture with the silhouette's outline, the skeleton, and keypoints in white, grey where they are hidden."""
    picture = crop.image.copy()
    outlines, _ = cv2.findContours(crop.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, (0, 255, 0), 1)
    points = [tuple(round(float(value)) for value in point[:2]) for point in crop.keypoints]
    for a, b in KEYPOINT_EDGES:
        cv2.line(picture, points[a], points[b], (255, 120, 0), 1, cv2.LINE_AA)
    for point, weight in zip(points, crop.keypoints[:, 2], strict=True):
        cv2.circle(picture, point, 2, (255, 255, 255) if weight == 1 else (120, 120, 120), -1)
    return picture
