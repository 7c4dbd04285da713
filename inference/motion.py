"""One moving person: frames to one estimate with one shape, gaps filled, and rotations and path smoothed over time."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .body_estimate import BodyEstimate
from .crop import box_around, crop_of_box
from .engine import Engine, Lifted, check_keypoints, person_box
from .errors import NoPersonError, UserError
from .human2d import Detection, score_of
from .images import Photo
from .person import box_overlap, person_silhouette
from .rotations import continuous_quaternions, matrix_to_quaternion, quaternion_to_matrix

ROTATION_SECONDS = 0.06
"""Deviation of the Gaussian that smooths rotations: a step shorter than the quickest gesture."""
KEYPOINT_SECONDS = 0.04
DEFAULT_RATE = 30.0
ROOM = 0.12
"""How much the last frame's box is grown, over its longer side, to find the person in the next."""


@dataclass(frozen=True)
class Frame:
    """What one frame showed; `lifted` is None where the person was not found."""

    lifted: Lifted | None
    box: np.ndarray
    score: float
    betas: np.ndarray | None = None


def look_at_frames(
    engine: Engine, photos: Iterable[Photo | None], first_box: np.ndarray | None = None
) -> tuple[list[Frame], tuple[str, ...]]:
    """Estimate each photo, following the person from frame to frame by their box. None stands for an unreadable frame.

    `first_box` (x, y, width, height) is where the user says that the person is when they first appear.
    """
    frames: list[Frame] = []
    remarks: tuple[str, ...] = ()
    box = None
    for photo in photos:
        try:
            detection = _follow(engine, photo, box, first_box) if photo else None
        except NoPersonError:
            detection = None
        if detection is None:
            frames.append(Frame(None, np.zeros(4), 0.0))
            box = None
        else:
            betas, remarks = engine.shape(person_silhouette(detection))
            box, first_box = person_box(detection), None
            lifted = engine.lift(detection.keypoints, engine.camera(photo.size, photo.focal))
            frames.append(Frame(lifted, box, detection.score, betas))
    return frames, remarks


def _follow(engine: Engine, photo: Photo, box: np.ndarray | None, first_box: np.ndarray | None = None) -> Detection:
    """Look about where the person was, with room for limbs that were missed there; then closer. If they are no longer
    there, look for them anew; at first in the user's box, if there is one."""
    if box is not None:
        with suppress(NoPersonError):  # The person left the old box; the whole frame is searched below.
            wide = engine.human2d(photo.pixels, [crop_of_box(widened(box))])[0]
            detection = engine.detect(photo, person_box(wide)).detection
            if box_overlap(box, person_box(detection)) > 0.3:
                return detection
    return engine.detect(photo, first_box).detection


def widened(box: np.ndarray) -> np.ndarray:
    """A box (x, y, width, height) grown on all sides. Without it, a limb that is missed once lies outside the next
    frame's crop, and is missed for good."""
    margin = ROOM * max(box[2:])
    return np.concatenate([box[:2] - margin, box[2:] + 2 * margin])


def frames_from_keypoints(
    engine: Engine, keypoints: list[np.ndarray], size: tuple[int, int], source: Path, focal: float | None = None
) -> list[Frame]:
    """The same from keypoints (25, 3) of each frame, found elsewhere; `focal` is what the pictures' EXIF says,
    pixels."""
    camera = engine.camera(size, focal)
    frames = []
    for points in keypoints:
        try:
            check_keypoints(points, source)
        except NoPersonError:
            frames.append(Frame(None, np.zeros(4), 0.0))
        else:
            box = box_around(points[points[:, 2] > 0, :2])
            frames.append(Frame(engine.lift(points, camera), box, score_of(points)))
    return frames


def join_frames(engine: Engine, frames: list[Frame], frame_rate: float, source: Path) -> tuple[BodyEstimate, int]:
    """One estimate for the clip, and how many of its frames were filled in. Raises NoPersonError when nobody was found.

    The shape is the score-weighted median over the frames. Rotations are smoothed as quaternions and keypoints as
    pixels, each by a Gaussian over time in which a frame counts by its score: frames without a person count nothing,
    so they take their neighbours' pose.
    """
    found = [frame for frame in frames if frame.lifted is not None]
    if not found:
        raise NoPersonError(f"No person was found in any of the {len(frames)} frames of {Path(source).name}.")
    camera = found[0].lifted.camera
    if any(frame.lifted.camera.size != camera.size for frame in found):
        raise UserError("The pictures differ in size, so they are not one motion. Estimate them one by one instead.")
    rate = frame_rate or DEFAULT_RATE
    scores = np.array([frame.score for frame in frames])
    rotations = _smooth_rotations(_filled([f.lifted and f.lifted.rotations for f in frames]), scores, rate)
    keypoints = _filled([f.lifted and f.lifted.keypoints for f in frames])
    keypoints[..., :2] = _smooth(keypoints[..., :2], scores, KEYPOINT_SECONDS * rate)
    keypoints[scores == 0, :, 2] = np.minimum(keypoints[scores == 0, :, 2], 0.05)
    lifted = [Lifted(k, r, camera) for k, r in zip(keypoints, rotations, strict=True)]
    boxes = _filled([None if frame.lifted is None else frame.box for frame in frames])
    betas = [frame.betas for frame in found if frame.betas is not None]
    shape = weighted_median(np.stack(betas), scores[scores > 0]) if betas else engine.mean_shape
    estimate = engine.place(lifted, shape, boxes, scores, source, rate)
    return replace(estimate, vertices=None), len(frames) - len(found)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Median (S,) of values (N, S) by weights (N,)."""
    order = np.argsort(values, axis=0)
    shares = np.cumsum(weights[order], axis=0) / weights.sum()
    middle = np.argmax(shares >= 0.5, axis=0)
    return np.take_along_axis(np.take_along_axis(values, order, 0), middle[None], 0)[0].astype(np.float32)


def _filled(values: list) -> np.ndarray:
    """Stack arrays, taking the nearest known one for each None."""
    known = np.array([index for index, value in enumerate(values) if value is not None])
    nearest = [known[np.abs(known - index).argmin()] for index in range(len(values))]
    return np.stack([values[index] for index in nearest]).astype(np.float64)


def _smooth(values: np.ndarray, weights: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian mean over the first axis, each frame weighing by `weights`; `deviation` in frames."""
    distance = np.arange(len(values))[:, None] - np.arange(len(values))
    # A floor keeps a gap longer than the kernel from dividing by nothing: there, the nearest frame's copy stands.
    kernel = np.exp(-(distance**2) / (2 * max(deviation, 1e-3) ** 2)) * np.maximum(weights, 1e-6)
    kernel /= kernel.sum(1, keepdims=True)
    return np.tensordot(kernel, values, 1)


def _smooth_rotations(rotations: np.ndarray, weights: np.ndarray, rate: float) -> np.ndarray:
    quaternions = continuous_quaternions(matrix_to_quaternion(rotations))
    mean = _smooth(quaternions, weights, ROTATION_SECONDS * rate)
    return quaternion_to_matrix(mean / np.linalg.norm(mean, axis=-1, keepdims=True))
