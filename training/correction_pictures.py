"""Draw the picture of docs/correct.md: a wrong pose put right in three moves.

`python -m body_from_image.training correction-pictures docs/images/three_moves.jpg`: the example's person between two
pillars, which are painted over both hands and a leg. What they hide is guessed, and guessed wrong; where it is, is
known from the example without them. Takes some seconds and needs no data.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from ..inference.body.body_estimate import BodyEstimate
from ..inference.correction.local import projected
from ..inference.drawing.correction_marks import CORRECTED
from ..inference.drawing.overlay import draw_overlay
from ..inference.engine import Engine, Settings
from ..inference.files.images import Photo, read_image
from ..inference.geometry.joints import KEYPOINT_NAMES, LIMB_KEYPOINTS
from ..inference.refinement.refine import evidence_of, parameters_of
from .refinement.corrections import corrected

EXAMPLE = Path(__file__).parents[1] / "examples" / "person.jpg"
PILLARS = ((0, 190), (450, 700))
"""Columns of the example that are hidden."""
STONE = np.array([150, 146, 138])
MOVES = 3
PANEL_HEIGHT, GAP = 400, 6
JPEG_QUALITY = 82


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training correction-pictures", description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    options = parser.parse_args(arguments)
    engine, photo = Engine(Settings(device="cpu", threads=1)), read_image(EXAMPLE)
    labels = engine.estimate(photo).estimate.keypoints_2d[0].astype(np.float64)
    picture = between_pillars(photo.pixels)
    estimate = engine.estimate(Photo(picture, None, EXAMPLE)).estimate
    torso = np.linalg.norm(np.subtract(*(labels[KEYPOINT_NAMES.index(n), :2] for n in ("left_shoulder", "right_hip"))))
    panels = []
    for step, (found, worst, apart) in enumerate(corrected(engine, estimate, labels)):
        off = apart[LIMB_KEYPOINTS] / torso
        name = KEYPOINT_NAMES[worst].replace("_", " ")
        print(f"after {step} moves, limb joints off by {off.mean():.2f} torso, at most {off.max():.2f} ({name})")
        panels.append(panel(engine, picture, found, worst, labels[worst, :2] if step < MOVES else None))
    cv2.imwrite(str(options.output), np.hstack(panels)[:, GAP:, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def between_pillars(pixels: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) with round pillars of plain stone before it."""
    pixels = pixels.copy()
    for left, right in PILLARS:
        across = np.linspace(-1, 1, right - left)
        pixels[:, left:right] = (STONE * (0.45 + 0.55 * np.sqrt(1 - 0.95 * (across + 0.2)[:, None] ** 2 / 1.44)))[None]
    return pixels


def panel(
    engine: Engine, picture: np.ndarray, estimate: BodyEstimate, worst: int, place: np.ndarray | None
) -> np.ndarray:
    """The estimate over its picture, with an arrow from where the next keypoint is to its `place` (2,)."""
    drawn = draw_overlay(picture, estimate)
    if place is not None:
        here = projected(engine.body, parameters_of(engine.body, estimate), evidence_of(estimate))[worst]
        ends = [tuple(round(float(value)) for value in end) for end in (here, place)]
        cv2.arrowedLine(drawn, *ends, CORRECTED, 7, cv2.LINE_AA, tipLength=0.2)
    width = round(PANEL_HEIGHT * drawn.shape[1] / drawn.shape[0])
    small = cv2.resize(drawn, (width, PANEL_HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(small, 0, 0, GAP, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255))
