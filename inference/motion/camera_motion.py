"""How a film's camera turns and moves: what the background tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..geometry.camera import Camera
from ..geometry.rotations import matrix_to_axis_angle

LONGER_SIDE = 480
"""Pixels of the pictures in which the background is followed."""
FEATURES, APART = 300, 9
"""At most so many corners are followed, so many pixels apart."""
FEWEST, LEAST_SHARE = 25, 0.5
"""Of them must agree on how the camera turned."""
AGREES = 1.5
"""Pixels within which a corner agrees with a homography."""
PARALLAX = 0.6
"""Pixels by which corners are off a pure turn, from which the camera changes its place, too."""
STILL = np.deg2rad(0.6)
"""A camera that never turns further than this from where it was at first stands still."""
KNOWN_SHARE = 0.7
"""Of a film's steps from one picture to the next that must be known for its camera's motion to be."""
MARGIN = 0.1
"""By which the boxes of people are grown, over their longer side."""


@dataclass(frozen=True)
class CameraMotion:
    """`rotations` (F, 3, 3) take directions of the first frame's camera to each frame's, both OpenCV's. `moves` when
    the camera changes its place, too: by how much, only the feet of somebody who stands can tell."""

    rotations: np.ndarray
    moves: bool = False


@dataclass(frozen=True)
class Turn:
    """How a camera turned since the picture before: `rotation` (3, 3) from that one's frame to this one's, and by how
    many pixels, at `LONGER_SIDE`, the background is off that (`parallax`)."""

    rotation: np.ndarray
    parallax: float


class Background:
    """Follows what is behind people. Call it with each picture in turn, (H, W, 3) uint8 RGB, the boxes (N, 4) of people
    in it, and its camera; it gives the camera's `Turn`, or None where too little is seen, as in the first picture."""

    def __init__(self):
        self._before: tuple[np.ndarray, np.ndarray] | None = None

    def cut(self) -> None:
        """The film goes on somewhere else."""
        self._before = None

    def __call__(self, picture: np.ndarray, boxes: Sequence[np.ndarray], camera: Camera) -> Turn | None:
        scale = min(1.0, LONGER_SIDE / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        free = _free_of(grey.shape, [box * scale for box in boxes])
        before, self._before = self._before, (grey, free)
        if before is None or before[0].shape != grey.shape:
            return None
        corners = cv2.goodFeaturesToTrack(before[0], FEATURES, 0.01, APART, mask=before[1] & free)
        if corners is None or len(corners) < FEWEST:
            return None
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before[0], grey, corners, None)
        pairs = np.stack([corners[found == 1], moved[found == 1]]).astype(np.float64)
        return _turn(pairs, (pairs / scale - camera.center) / camera.focal, camera.focal * scale, len(corners))


def _free_of(shape: tuple[int, int], boxes: Sequence[np.ndarray]) -> np.ndarray:
    """255 (H, W) where no box (x, y, width, height) is, 0 elsewhere."""
    free = np.full(shape, 255, np.uint8)
    for x, y, width, height in boxes:
        margin = MARGIN * max(width, height)
        left, top = (max(0, int(side - margin)) for side in (x, y))
        free[top : int(y + height + margin) + 1, left : int(x + width + margin) + 1] = 0
    return free


def _turn(pairs: np.ndarray, rays: np.ndarray, focal: float, asked: int) -> Turn | None:
    """The turn that takes corners of one picture to those of the next: `pairs` (2, N, 2) in pixels, `rays` at depth 1.
    The rotation is Wahba's problem (by Kabsch's method), of those corners that one homography explains."""
    if pairs.shape[1] < FEWEST:
        return None
    _, agreeing = cv2.findHomography(pairs[0], pairs[1], cv2.RANSAC, AGREES)
    if agreeing is None or agreeing.sum() < max(FEWEST, LEAST_SHARE * asked):
        return None
    directions = np.concatenate([rays, np.ones_like(rays[..., :1])], -1)[:, agreeing[:, 0] == 1]
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    u, _, vt = np.linalg.svd(directions[1].T @ directions[0])
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    off = np.linalg.norm(directions[1] - directions[0] @ rotation.T, axis=-1) * focal
    return Turn(rotation, float(np.median(off)))


def joined_turns(turns: Sequence[Turn | None]) -> tuple[CameraMotion | None, bool]:
    """The motion of a camera from its turns from picture to picture; None for one that stands still, or of which too
    little is known. And whether it was known."""
    known = [turn for turn in turns if turn is not None]
    if len(turns) < 2 or len(known) < KNOWN_SHARE * (len(turns) - 1):
        return None, False
    rotations = [np.eye(3)]
    for turn in turns[1:]:
        rotations.append((np.eye(3) if turn is None else turn.rotation) @ rotations[-1])
    rotations = np.stack(rotations)
    moves = float(np.median([turn.parallax for turn in known])) > PARALLAX
    if not moves and np.linalg.norm(matrix_to_axis_angle(rotations), axis=-1).max() < STILL:
        return None, True
    return CameraMotion(rotations, moves), True
