"""A correction of one frame carried to its neighbours in a film, and the frames that most want one."""

from collections.abc import Sequence

import numpy as np

from ..body.assembly import with_motion
from ..body.body_estimate import BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from ..body.correction import Correction, corrected_keypoints, of_frame
from ..geometry.joints import LIMB_KEYPOINTS
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from .correct import correct_estimate

REACH = 6
"""Frames on either side over which a correction fades, unless somebody chooses otherwise: a fifth of a second."""


def fading(count: int, frame: int, reach: int, others: Sequence[int] = ()) -> np.ndarray:
    """How much of a correction of `frame` each of `count` frames takes (F,): 1 there, smoothly down to 0 beyond `reach`
    frames, or at the nearest of the `others`, which somebody corrected, too."""
    shares = np.zeros(count)
    for step in (-1, 1):
        apart = [step * (other - frame) for other in others if step * (other - frame) > 0]
        end = min([reach + 1, *apart])
        for distance in range(end):
            if 0 <= frame + step * distance < count:
                shares[frame + step * distance] = np.cos(np.pi * distance / (2 * end)) ** 2
    return shares


def spread(
    rotations: np.ndarray, trans: np.ndarray, before: tuple[np.ndarray, np.ndarray], frame: int, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A motion's rotations (F, 24, 3, 3) and places (F, 3), `frame` corrected from `before` (24, 3, 3) and (3,), with
    the others turned and moved by their `shares` (F,) of that.

    It is the correction that changes slowly, not the pose: the motion keeps its own speed and accents.
    """
    turn = matrix_to_axis_angle(before[0].transpose(0, 2, 1) @ rotations[frame])
    shift = trans[frame] - before[1]
    rotations, trans, own = rotations.copy(), trans.copy(), np.arange(len(trans)) == frame
    for number in np.flatnonzero((shares > 0) & ~own):
        rotations[number] = rotations[number] @ axis_angle_to_matrix(shares[number] * turn)
        trans[number] += shares[number] * shift
    return rotations, trans


def correct_motion(
    body: BodyModel, motion: BodyEstimate, corrections: Sequence[Correction], reach: int = REACH
) -> tuple[BodyEstimate, tuple[str, ...]]:
    """`motion` after the corrections of its frames, each carried to its neighbours, and sentences for the user. Raises
    UserError."""
    frames = sorted({one.frame for one in corrections})
    remarks: list[str] = []
    for frame in frames:
        before = rotations_of(motion.poses[frame : frame + 1].astype(np.float64))[0], motion.trans[frame]
        motion, said = correct_estimate(body, motion, of_frame(corrections, frame), frame)
        remarks += [f"Frame {frame}: {sentence}" for sentence in said]
        others = [other for other in frames if other != frame]
        shares = fading(motion.frame_count, frame, reach, others)
        moved = spread(rotations_of(motion.poses.astype(np.float64)), motion.trans, before, frame, shares)
        motion = with_motion(motion, body, *moved)
    return motion, tuple(remarks)


def doubts(estimate: BodyEstimate) -> np.ndarray:
    """How doubtful each frame is (F,), 0 to 1: what the limbs' keypoints lack in confidence, corrections heeded."""
    lacking = []
    for frame in range(estimate.frame_count):
        keypoints, _ = corrected_keypoints(estimate.keypoints_2d[frame], of_frame(estimate.corrections, frame))
        lacking.append(1 - keypoints[LIMB_KEYPOINTS, 2].mean())
    return np.array(lacking)


def doubtful_frames(estimate: BodyEstimate, apart: int = REACH) -> list[int]:
    """Frames that are more doubtful than most, the worst first, none within `apart` frames of another or of one that
    was corrected."""
    left = doubts(estimate)
    left[left <= np.median(left)] = -np.inf
    for frame in {one.frame for one in estimate.corrections}:
        left[max(frame - apart, 0) : frame + apart + 1] = -np.inf
    found = []
    while np.isfinite(left.max()):
        worst = int(left.argmax())
        found.append(worst)
        left[max(worst - apart, 0) : worst + apart + 1] = -np.inf
    return found
