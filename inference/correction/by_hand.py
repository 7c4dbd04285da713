"""From bones to keypoints: what a person says who poses the body by hand."""

from collections.abc import Sequence

import numpy as np

from ..body.body_model import BodyModel
from ..body.correction import Correction, with_correction
from ..geometry.joints import KEYPOINT_NAMES, KEYPOINT_PARENTS
from ..refinement.parametric_body import Parameters
from ..refinement.refine import Evidence
from .local import keypoint_places, projected

MOVED = 0.02
"""Metres by which a keypoint must have been moved before that counts as said."""
DEEP = 0.25
"""Share of a bone by which its end must be nearer or farther than its beginning before that counts as said."""


def corrections_by_hand(
    body: BodyModel, before: Parameters, after: Parameters, seen: Evidence, said: Sequence[Correction], frame: int = 0
) -> tuple[Correction, ...]:
    """What is `said` of a frame after somebody posed the body `before` into `after`: keypoints that they moved are
    certain where they are now, and nearer or farther than what they hang on as they are now."""
    moved = np.linalg.norm(keypoint_places(body, after) - keypoint_places(body, before), axis=1) > MOVED
    pixels, points = projected(body, after, seen), keypoint_places(body, after)
    said = tuple(said)
    for number in np.flatnonzero(moved):
        parent = KEYPOINT_PARENTS[number]
        nearer = order_in_depth(points[number], points[parent]) if parent >= 0 else 0
        place = tuple(float(value) for value in pixels[number])
        said = with_correction(said, Correction(KEYPOINT_NAMES[number], place, nearer, frame=frame))
    return said


def order_in_depth(end: np.ndarray, beginning: np.ndarray) -> int:
    """1 where a bone's end (3,) is nearer to the camera than its beginning, -1 where it is farther, 0 where neither can
    be said."""
    bone = end - beginning
    depth = -bone[2] / max(float(np.linalg.norm(bone)), 1e-9)
    return int(np.sign(depth)) if abs(depth) > DEEP else 0
