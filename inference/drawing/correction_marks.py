"""What a person put right, marked in a picture as *Correct* marks it in Blender: a square where somebody said that a
keypoint is, a cross where it is hidden.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ..body.correction import Correction

CORRECTED, HIDDEN, CASING = (51, 191, 255), (150, 150, 150), (16, 22, 34)
_FRACTION_BITS = 4


def draw_marks(
    picture: np.ndarray, keypoints: np.ndarray, certain: np.ndarray, corrections: Sequence[Correction], radius: float
) -> None:
    """Mark keypoints (25, 3), `certain` (25,) bool where a person said so, in a picture (H, W, 3) uint8 RGB, in place.
    `radius` is half a mark's side in pixels."""
    hidden = [one.index for one in corrections if one.seen is False]
    thin = max(1, round(radius / 2))
    # Beyond this, OpenCV's numbers overflow.
    near = (np.abs(keypoints[:, :2]) < 1e6).all(axis=1)
    for colour, width in ((CASING, thin + 2), (CORRECTED, thin)):
        for number in np.flatnonzero(certain & near):
            corners = [_fixed(keypoints[number, :2] + sign * radius) for sign in (-1, 1)]
            cv2.rectangle(picture, *corners, colour, width, cv2.LINE_AA, _FRACTION_BITS)
    for colour, width in ((CASING, thin + 2), (HIDDEN, thin)):
        for number in (number for number in hidden if near[number]):
            for slope in (np.array([1, 1]), np.array([1, -1])):
                ends = [_fixed(keypoints[number, :2] + sign * radius * slope) for sign in (-1, 1)]
                cv2.line(picture, *ends, colour, width, cv2.LINE_AA, _FRACTION_BITS)


def _fixed(place: np.ndarray) -> tuple[int, int]:
    """Pixels as OpenCV wants parts of them."""
    return tuple(np.round(place * 2**_FRACTION_BITS).astype(int).tolist())
