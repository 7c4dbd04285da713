"""A whole clip refined at once: every frame lies on its photo, one shape for all, no shaking.

Each frame has the energy of a single picture (refine.py), anchored at the smoothed motion. What ties the frames
together is that *corrections* change slowly, not poses: the motion that the smoothing left keeps its speed and its
accents. The unknowns of neighbouring frames meet in a chain, so the normal equations are block-tridiagonal with a
border for the shape, and a clip costs as much a frame as a picture does.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..body.assembly import with_motion
from ..body.body_estimate import BodyEstimate
from ..body.body_model import BodyModel
from ..geometry.chain import Jacobians, NormalEquations, chain_step
from ..geometry.least_squares import minimise
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, right_jacobian_inverse
from ..refinement.parametric_body import JOINTS, Parameters
from ..refinement.refine import BodyEnergy, agrees, anchored_energy, camera_of, evidence_of, parameters_of
from ..refinement.terms import Weights
from .smooth_motion import DEFAULT_RATE

FRAME = 3 * JOINTS + 3
"""Unknowns of a frame: turns of the joints, and the translation."""
ITERATIONS = 8
TURN_RATE = 0.3
"""Radians a second that a joint's correction usually changes."""
SHIFT_RATE = 0.08
"""Metres a second, of the place's."""
EASE_SECONDS = 0.3


@dataclass(frozen=True)
class Clip:
    """All frames' parameters; they share their betas."""

    frames: tuple[Parameters, ...]

    def moved(self, step: np.ndarray) -> "Clip":
        """After a step (F · P + S)."""
        betas = step[len(self.frames) * FRAME :]
        parts = step[: len(self.frames) * FRAME].reshape(len(self.frames), FRAME)
        return Clip(
            tuple(
                frame.moved(np.concatenate([part[:-3], betas, part[-3:]]))
                for frame, part in zip(self.frames, parts, strict=True)
            )
        )


class ClipEnergy:
    """The energy of a `Clip`, a `least_squares.Problem`."""

    def __init__(self, frames: list[BodyEnergy], rate: float):
        self.frames = frames
        turn, shift = rate / TURN_RATE, rate / SHIFT_RATE
        self.stiffness = np.concatenate([np.full(FRAME - 3, turn), np.full(3, shift)])

    def energy(self, clip: Clip) -> float:
        own = sum(energy.energy(frame) for energy, frame in zip(self.frames, clip.frames, strict=True))
        changes = np.diff([self._correction(number, clip) for number in range(len(clip.frames))], axis=0)
        return own + 0.5 * float(((changes * self.stiffness) ** 2).sum())

    def moved(self, clip: Clip, step: np.ndarray) -> Clip:
        return clip.moved(step)

    def linearise(self, clip: Clip) -> tuple[np.ndarray, NormalEquations]:
        shape = len(clip.frames[0].betas)
        own = np.concatenate([np.arange(FRAME - 3), FRAME - 3 + shape + np.arange(3)])
        betas = FRAME - 3 + np.arange(shape)
        equations = NormalEquations(len(clip.frames), FRAME, shape)
        for number, (energy, frame) in enumerate(self._pairs(clip)):
            equations.add_frame(number, *energy.linearise(frame), own, betas)
        self._tie(clip, equations)
        return equations.flat_gradient(), equations

    def _tie(self, clip: Clip, equations: NormalEquations) -> None:
        """Corrections of neighbouring frames are alike."""
        corrections = np.array([self._correction(number, clip) for number in range(len(clip.frames))])
        slopes = np.array([self._correction_jacobian(correction) for correction in corrections])
        equations.add_pairs(np.diff(corrections, axis=0), Jacobians(-slopes[:-1], slopes[1:]), self.stiffness**2)

    def _pairs(self, clip: Clip):
        return zip(self.frames, clip.frames, strict=True)

    def _correction(self, number: int, clip: Clip) -> np.ndarray:
        """(P,) what a frame differs from its anchor by."""
        frame, anchor = clip.frames[number], self.frames[number].anchor
        turn = matrix_to_axis_angle(anchor.rotations.transpose(0, 2, 1) @ frame.rotations)
        return np.concatenate([turn.ravel(), frame.transl - anchor.transl])

    def _correction_jacobian(self, correction: np.ndarray) -> np.ndarray:
        """(P, P) of it by the step."""
        result = np.eye(FRAME)
        blocks = right_jacobian_inverse(correction[:-3].reshape(JOINTS, 3))
        for joint, block in enumerate(blocks):
            result[3 * joint : 3 * joint + 3, 3 * joint : 3 * joint + 3] = block
        return result


def refine_motion(body: BodyModel, motion: BodyEstimate, weights: Weights | None = None) -> tuple[BodyEstimate, int]:
    """A smoothed motion moved onto its own keypoints, and how many of its frames were kept as they were.

    `motion` is what `smooth_motion` gives: its `keypoints_2d` are each frame's, its poses the anchor. A frame that the prior does not agree with (see `refine.agrees`) keeps its pose, and those
    about it ease towards theirs.
    """
    rate = motion.mocap_framerate or DEFAULT_RATE
    anchors = [parameters_of(body, motion, frame) for frame in range(motion.frame_count)]
    if len(anchors) < 2:
        return motion, 0
    weights = per_frame(weights or Weights(), len(anchors))
    frames = [
        anchored_energy(body, anchor, evidence_of(motion, frame), weights) for frame, anchor in enumerate(anchors)
    ]
    energy = ClipEnergy(frames, rate)
    clip, _, _ = minimise(energy, Clip(tuple(anchors)), ITERATIONS, solve=chain_step)
    good = [agrees(one, anchor, found) for one, anchor, found in zip(frames, anchors, clip.frames, strict=True)]
    shares = eased(np.array(good), EASE_SECONDS * rate)
    eased_frames = [_part_way(*pair, share) for *pair, share in zip(anchors, clip.frames, shares, strict=True)]
    return _as_estimate(body, motion, eased_frames), good.count(False)


def eased(good: np.ndarray, frames: float) -> np.ndarray:
    """(F,) how much of each correction to take: none where it is not `good` (F,), all of it so many `frames` off."""
    bad = np.flatnonzero(~good)
    if not len(bad):
        return np.ones(len(good))
    nearest = np.abs(np.arange(len(good))[:, None] - bad).min(1)
    return np.minimum(nearest / max(frames, 1.0), 1.0)


def _part_way(anchor: Parameters, found: Parameters, share: float) -> Parameters:
    """`anchor` turned and moved towards `found` by a share of the way; the shape is one for all frames."""
    turn = matrix_to_axis_angle(anchor.rotations.transpose(0, 2, 1) @ found.rotations)
    rotations = anchor.rotations @ axis_angle_to_matrix(share * turn)
    return Parameters(rotations, found.betas, anchor.transl + share * (found.transl - anchor.transl))


def per_frame(weights: Weights, count: int) -> Weights:
    """One shape has one prior, however many frames show it."""
    return replace(weights, shape=weights.shape / count, shape_anchor=weights.shape_anchor / count)


def _as_estimate(body: BodyModel, motion: BodyEstimate, frames: list[Parameters]) -> BodyEstimate:
    rotations, betas = np.stack([frame.rotations for frame in frames]), frames[0].betas
    pelvis = body.rest_joints(betas[None].astype(np.float32))[0, 0].astype(np.float64)
    trans = np.empty((len(frames), 3))
    for number, frame in enumerate(frames):
        turn, place = camera_of(motion, number)
        rotations[number, 0] = turn.T @ frame.rotations[0]
        trans[number] = turn.T @ (pelvis + frame.transl) + place - pelvis
    return with_motion(replace(motion, betas=betas.astype(np.float32)), body, rotations, trans)
