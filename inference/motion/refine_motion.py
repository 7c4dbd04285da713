"""A whole clip refined at once: every frame lies on its photo, one shape for all, no shaking, feet that stand.

Each frame has the energy of a single picture (refine.py), anchored at the smoothed motion. What ties the frames
together is that *corrections* change slowly, not poses: the motion that the smoothing left keeps its speed and its
accents. The unknowns of neighbouring frames meet in a chain, so the normal equations are block-tridiagonal with a
border for the shape, and a clip costs as much a frame as a picture does.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..body.body_estimate import BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from ..geometry.least_squares import minimise
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, right_jacobian_inverse
from ..refinement.parametric_body import JOINTS, Parameters
from ..refinement.refine import BodyEnergy, agrees, anchored_energy, evidence_of, parameters_of, sparse_body, upright_of
from ..refinement.terms import Weights
from .foot_contact import LANDMARKS, find_contacts
from .planted_feet import sole_points
from .smooth_motion import DEFAULT_RATE

FRAME = 3 * JOINTS + 3
"""Unknowns of a frame: turns of the joints, and the translation."""
ITERATIONS = 8
TURN_RATE = 0.3
"""Radians a second that a joint's correction usually changes."""
SHIFT_RATE = 0.08
"""Metres a second, of the place's."""
EASE_SECONDS = 0.3
CONTACT_DEVIATION = 0.003
"""Metres that a standing point of a sole may move from one frame to the next."""


class NormalEquations:
    """Gradient and Gauss-Newton Hessian of a sum of ½ w r² over F frames of P unknowns each and S that all share, where
    a residual knows one frame, or one and the next, and the shared: block-tridiagonal with a border.

    `diagonal` (F, P, P); `beside` (F - 1, P, P), rows of a frame and columns of the next; `border` (F, P, S); `corner`
    (S, S); `gradient` (F, P) and `shared_gradient` (S,).
    """

    def __init__(self, frames: int, unknowns: int, shared: int):
        self.gradient, self.shared_gradient = np.zeros((frames, unknowns)), np.zeros(shared)
        self.diagonal = np.zeros((frames, unknowns, unknowns))
        self.beside = np.zeros((frames - 1, unknowns, unknowns))
        self.border, self.corner = np.zeros((frames, unknowns, shared)), np.zeros((shared, shared))

    def add_frame(self, frame: int, gradient: np.ndarray, hessian: np.ndarray, own: np.ndarray, shared: np.ndarray):
        """Add what one frame's energy says; `own` and `shared` are the places of its unknowns there."""
        self.gradient[frame] += gradient[own]
        self.shared_gradient += gradient[shared]
        self.diagonal[frame] += hessian[np.ix_(own, own)]
        self.border[frame] += hessian[np.ix_(own, shared)]
        self.corner += hessian[np.ix_(shared, shared)]

    def add(self, frame: int, residual: np.ndarray, jacobians: "Jacobians", weight: np.ndarray | float = 1.0) -> None:
        """Add ½ Σ w r² of residuals (N,) between a frame and the next, of `weight` (N,)."""
        weight = np.broadcast_to(weight, residual.shape)
        pulled = weight * residual
        before, after = weight[:, None] * jacobians.before, weight[:, None] * jacobians.after
        self.gradient[frame] += jacobians.before.T @ pulled
        self.gradient[frame + 1] += jacobians.after.T @ pulled
        self.diagonal[frame] += jacobians.before.T @ before
        self.diagonal[frame + 1] += jacobians.after.T @ after
        self.beside[frame] += jacobians.before.T @ after
        if jacobians.shared is not None:
            self.shared_gradient += jacobians.shared.T @ pulled
            self.border[frame] += before.T @ jacobians.shared
            self.border[frame + 1] += after.T @ jacobians.shared
            self.corner += jacobians.shared.T @ (weight[:, None] * jacobians.shared)

    def flat_gradient(self) -> np.ndarray:
        """(F · P + S)."""
        return np.concatenate([self.gradient.ravel(), self.shared_gradient])


@dataclass(frozen=True)
class Jacobians:
    """Derivatives of residuals (N,) by a frame's unknowns (N, P), by the next one's, and by the shared (N, S)."""

    before: np.ndarray
    after: np.ndarray
    shared: np.ndarray | None = None


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
    """The energy of a `Clip`, a `least_squares.Problem`. `standing` (F - 1, 4) bool: whether each of the soles' points
    (in the order of `foot_contact.LANDMARKS`) stands from a frame to the next."""

    def __init__(self, frames: list[BodyEnergy], standing: np.ndarray, rate: float, body: BodyModel):
        self.frames, self.standing, self.rate = frames, standing, rate
        vertices = frames[0].body.vertices.tolist()
        self.soles = np.array([vertices.index(body.landmarks[name]) for name in LANDMARKS])
        turn, shift = rate / TURN_RATE, rate / SHIFT_RATE
        self.stiffness = np.concatenate([np.full(FRAME - 3, turn), np.full(3, shift)])

    def energy(self, clip: Clip) -> float:
        own = sum(energy.energy(frame) for energy, frame in zip(self.frames, clip.frames, strict=True))
        changes = np.diff([self._correction(number, clip) for number in range(len(clip.frames))], axis=0)
        between = 0.5 * float(((changes * self.stiffness) ** 2).sum())
        if not self.standing.any():
            return own + between
        slides = np.diff([self._sole_points(energy, frame) for energy, frame in self._pairs(clip)], axis=0)
        return own + between + 0.5 * float((slides[self.standing] ** 2).sum()) / CONTACT_DEVIATION**2

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
        self._stand(clip, equations, own, betas)
        return equations.flat_gradient(), equations

    def _tie(self, clip: Clip, equations: NormalEquations) -> None:
        """Corrections of neighbouring frames are alike."""
        corrections = np.array([self._correction(number, clip) for number in range(len(clip.frames))])
        slopes = np.array([self._correction_jacobian(correction) for correction in corrections])
        for number, change in enumerate(np.diff(corrections, axis=0)):
            equations.add(number, change, Jacobians(-slopes[number], slopes[number + 1]), self.stiffness**2)

    def _stand(self, clip: Clip, equations: NormalEquations, own: np.ndarray, betas: np.ndarray) -> None:
        """Standing points stay where they are."""
        pairs = list(self._pairs(clip))
        for number in np.flatnonzero(self.standing.any(1)):
            which = self.soles[self.standing[number]]
            (first, before), (second, after) = pairs[number : number + 2]
            placed = [first.body.place(before), second.body.place(after)]
            slide = (placed[1].points - placed[0].points)[JOINTS + which].ravel() / CONTACT_DEVIATION
            here, ahead = (
                energy.body.vertex_derivatives(one, which).reshape(len(slide), -1) / CONTACT_DEVIATION
                for energy, one in zip((first, second), placed, strict=True)
            )
            equations.add(number, slide, Jacobians(-here[:, own], ahead[:, own], ahead[:, betas] - here[:, betas]))

    def _pairs(self, clip: Clip):
        return zip(self.frames, clip.frames, strict=True)

    def _sole_points(self, energy: BodyEnergy, frame: Parameters) -> np.ndarray:
        return energy.body.place(frame).points[JOINTS + self.soles]

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


def chain_step(chain: NormalEquations, gradient: np.ndarray, damping: float) -> np.ndarray:
    """Marquardt's step (F · P + S): elimination along the chain, then the border (Schur complement)."""
    count, size, shape = chain.border.shape
    right = np.concatenate([-gradient[: count * size].reshape(count, size, 1), chain.border], -1)
    raised = np.einsum("fpp->fp", chain.diagonal)
    raised = damping * raised + 1e-9 * raised.max()
    pivots, eliminated = [], right.copy()
    for number in range(count):
        pivot = chain.diagonal[number] + np.diag(raised[number])
        if number:
            carried = np.linalg.solve(pivots[-1], np.concatenate([chain.beside[number - 1], eliminated[number - 1]], 1))
            pivot = pivot - chain.beside[number - 1].T @ carried[:, :size]
            eliminated[number] -= chain.beside[number - 1].T @ carried[:, size:]
        pivots.append(pivot)
    solution = np.empty_like(eliminated)
    for number in reversed(range(count)):
        rest = eliminated[number]
        if number + 1 < count:
            rest = rest - chain.beside[number] @ solution[number + 1]
        solution[number] = np.linalg.solve(pivots[number], rest)
    corner = chain.corner + damping * np.diag(np.diag(chain.corner)) + 1e-9 * np.eye(shape)
    schur = corner - np.einsum("fps,fpt->st", chain.border, solution[..., 1:])
    towards = -gradient[count * size :] - np.einsum("fps,fp->s", chain.border, solution[..., 0])
    betas = np.linalg.solve(schur, towards)
    return np.concatenate([(solution[..., 0] - solution[..., 1:] @ betas).ravel(), betas])


def refine_motion(body: BodyModel, motion: BodyEstimate, weights: Weights | None = None) -> tuple[BodyEstimate, int]:
    """A smoothed motion moved onto its own keypoints, and how many of its frames were kept as they were.

    `motion` is what `smooth_motion` gives: its `keypoints_2d` are each frame's, its poses the anchor. The camera is
    taken to stand still. A frame that the prior does not agree with (see `refine.agrees`) keeps its pose, and those
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
    energy = ClipEnergy(frames, standing_points(body, motion, rate), rate, body)
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


def standing_points(body: BodyModel, motion: BodyEstimate, rate: float) -> np.ndarray:
    """(F - 1, 4) bool: the soles' points that stand from each frame to the next."""
    rotations, trans = rotations_of(motion.poses.astype(np.float64)), motion.trans.astype(np.float64)
    points = sole_points(body, motion.betas, rotations, trans)
    standing = np.zeros((motion.frame_count - 1, len(LANDMARKS)), bool)
    for contact in find_contacts(points, motion.keypoints_2d.astype(np.float64), motion.focal, rate):
        standing[contact.first : contact.stop - 1, contact.point] = True
    return standing


def _as_estimate(body: BodyModel, motion: BodyEstimate, frames: list[Parameters]) -> BodyEstimate:
    upright = [upright_of(body, frame) for frame in frames]
    joints = np.stack([sparse_body(body).place(frame).points[:JOINTS] for frame in frames])
    camera = evidence_of(motion).camera
    return replace(
        motion,
        poses=np.stack([poses for poses, _ in upright]).astype(np.float32),
        trans=np.stack([trans for _, trans in upright]).astype(np.float32),
        betas=frames[0].betas.astype(np.float32),
        joints_3d=joints.astype(np.float32),
        joints_2d=camera.project(joints).astype(np.float32),
    )
