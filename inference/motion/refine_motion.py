"""A whole clip refined at once: every frame lies on its photo, one shape for all, no shaking.

Each frame has the energy of a single picture (refine.py), anchored at the smoothed motion. What ties the frames
together is that *corrections* change slowly, not poses: the motion that the smoothing left keeps its speed and its
accents. The unknowns of neighbouring frames meet in a chain, so the normal equations are block-tridiagonal with a
border for the shape, and a clip costs as much a frame as a picture does. They are made and solved part by part, so that
a long clip needs as much memory as a short one, but for the motion itself.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..body.assembly import with_motion
from ..body.body_estimate import BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from ..geometry.chain import Jacobians, LongChain, NormalEquations, long_chain_step
from ..geometry.least_squares import minimise
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, right_jacobian_inverse
from ..refinement.parametric_body import JOINTS, Parameters
from ..refinement.refine import BodyEnergy, agrees, anchored_energy, camera_of, evidence_of, parameters_of
from ..refinement.spheres import Spheres
from ..refinement.terms import Weights
from .easing import nearest
from .smooth_motion import DEFAULT_RATE
from .smoothing import local_quadratic

FRAME = 3 * JOINTS + 3
"""Unknowns of a frame: turns of the joints, and the translation."""
ITERATIONS = 8
TURN_RATE = 0.3
"""Radians a second that a joint's correction usually changes."""
SHIFT_RATE = 0.08
"""Metres a second, of the place's."""
EASE_SECONDS = 0.3
STRIDE_SECONDS = 0.1
"""Between two frames whose corrections are found."""


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
        changes = np.diff([self.correction(number, clip) for number in range(len(clip.frames))], axis=0)
        return own + 0.5 * float(((changes * self.stiffness) ** 2).sum())

    def moved(self, clip: Clip, step: np.ndarray) -> Clip:
        return clip.moved(step)

    def linearise(self, clip: Clip) -> tuple[None, LongChain]:
        """The chain has the gradient, part by part, too."""
        return None, LongChain(len(clip.frames), partial(self.part, clip))

    def part(self, clip: Clip, first: int, last: int) -> NormalEquations:
        """What `LongChain` asks for."""
        shape = len(clip.frames[0].betas)
        own = np.concatenate([np.arange(FRAME - 3), FRAME - 3 + shape + np.arange(3)])
        betas = FRAME - 3 + np.arange(shape)
        beyond = min(last + 1, len(clip.frames))
        equations = NormalEquations(beyond - first, FRAME, shape)
        for number in range(first, last):
            gradient, hessian = self.frames[number].linearise(clip.frames[number])
            equations.add_frame(number - first, gradient, hessian, own, betas)
        # Corrections of neighbouring frames are alike.
        corrections = np.array([self.correction(number, clip) for number in range(first, beyond)])
        slopes = np.array([self._correction_jacobian(correction) for correction in corrections])
        equations.add_pairs(np.diff(corrections, axis=0), Jacobians(-slopes[:-1], slopes[1:]), self.stiffness**2)
        return equations

    def correction(self, number: int, clip: Clip) -> np.ndarray:
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


def refine_motion(
    body: BodyModel, motion: BodyEstimate, raw: BodyEstimate | None = None, weights: Weights | None = None
) -> tuple[BodyEstimate, int]:
    """A smoothed motion moved onto its own keypoints, and how many of its frames were kept as they were.

    `motion` is what `smooth_motion` gives: its `keypoints_2d` are each frame's, its poses the anchor. Corrections
    change slowly, so they are found for a frame in `STRIDE_SECONDS` and lie between those in the others. Where the
    `raw` motion is given that was smoothed, it is that which gets them. A frame that the prior does not agree with (see
    `refine.agrees`) keeps its pose, and those about it ease towards theirs.
    """
    rate, raw = motion.mocap_framerate or DEFAULT_RATE, raw or motion
    if motion.frame_count < 2:
        return raw, 0
    stride = max(1, round(STRIDE_SECONDS * rate))
    chosen = np.unique(np.append(np.arange(0, motion.frame_count, stride), motion.frame_count - 1))
    motion = replace(motion, keypoints_2d=_steadied(motion.keypoints_2d, stride / 2))
    anchors = [parameters_of(body, motion, frame) for frame in chosen]
    weights = per_frame(weights or Weights(), len(anchors))
    spheres = Spheres.of(body, anchors[0].betas)
    frames = [
        anchored_energy(body, one, evidence_of(motion, at), weights, spheres)
        for at, one in zip(chosen, anchors, strict=True)
    ]
    energy = ClipEnergy(frames, rate / stride)
    clip, _, _ = minimise(energy, Clip(tuple(anchors)), ITERATIONS, solve=_step)
    good = np.array(
        [agrees(one, anchor, found) for one, anchor, found in zip(frames, anchors, clip.frames, strict=True)]
    )
    shares = eased(good, EASE_SECONDS * rate / stride)
    corrections = np.array([energy.correction(number, clip) for number in range(len(chosen))]) * shares[:, None]
    every = np.arange(motion.frame_count)
    kept = int((~good[np.searchsorted((chosen[:-1] + chosen[1:]) / 2, every)]).sum())
    corrections = np.stack([np.interp(every, chosen, column) for column in corrections.T], 1)
    return _corrected(body, raw, corrections, clip.frames[0].betas), kept


def _step(chain: LongChain, _: None, damping: float) -> np.ndarray:
    return long_chain_step(chain, damping)


def _steadied(keypoints: np.ndarray, deviation: float) -> np.ndarray:
    """Keypoints (F, K, 3) whose places are smoothed by a filter of so many frames; their confidence is each frame's."""
    places = local_quadratic(
        keypoints[..., :2].astype(np.float64), keypoints[..., 2].astype(np.float64) ** 2, deviation
    )
    return np.concatenate([places, keypoints[..., 2:]], -1).astype(np.float32)


def _corrected(body: BodyModel, motion: BodyEstimate, corrections: np.ndarray, betas: np.ndarray) -> BodyEstimate:
    """A motion with turns of its joints and shifts in each frame's camera (F, P), and another shape."""
    rotations, trans = rotations_of(motion.poses.astype(np.float64)), motion.trans.astype(np.float64)
    turns = axis_angle_to_matrix(corrections[:, :-3].reshape(len(corrections), JOINTS, 3))
    rests = [body.rest_joints(one[None].astype(np.float32))[0, 0].astype(np.float64) for one in (motion.betas, betas)]
    for number, shift in enumerate(corrections[:, -3:]):
        camera, _ = camera_of(motion, number)
        # What a refinement shifts turns about the rest pelvis, in the camera's frame.
        trans[number] += camera.T @ (shift + rests[1] - rests[0]) - (rests[1] - rests[0])
    return with_motion(replace(motion, betas=betas.astype(np.float32)), body, rotations @ turns, trans)


def eased(good: np.ndarray, frames: float) -> np.ndarray:
    """(F,) how much of each correction to take: none where it is not `good` (F,), all of it so many `frames` off."""
    if good.all():
        return np.ones(len(good))
    away = np.abs(np.arange(len(good)) - nearest(~good))
    return np.minimum(away / max(frames, 1.0), 1.0)


def per_frame(weights: Weights, count: int) -> Weights:
    """One shape has one prior, however many frames show it."""
    return replace(weights, shape=weights.shape / count, shape_anchor=weights.shape_anchor / count)
