"""Anchored SMPLify: move a predicted body until it lies on the photo, in one stage (Pavlakos et al. 2018, §5.5).

Camera translation, pose and shape at once. The start is the prediction, and an anchor holds the pose near it. numpy
alone, so that it runs in Blender's own process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..body.body_estimate import CAMERA_FROM_SMPL, BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from ..body.correction import Correction, corrected_keypoints, of_frame, ordinals_of
from ..body.pose_density import PoseDensity
from ..geometry.camera import Camera
from ..geometry.least_squares import Residuals, minimise
from ..geometry.rotations import matrix_to_axis_angle, right_jacobian_inverse
from .corrected import corrected_terms
from .outline import Outline
from .parametric_body import Parameters, Placed, SparseBody, VertexSlopes, even_vertices
from .some_unknowns import ALL_JOINTS, SomeUnknowns, joints_and_place
from .spheres import Spheres
from .terms import (
    Pull,
    Weights,
    anchor_residuals,
    density_residuals,
    height_residual,
    keypoint_residuals,
    limit_residuals,
    outline_pulls,
    pull_residuals,
    shape_residuals,
    sphere_residuals,
)

VERTICES = 500
"""Vertices of the body that are compared with the silhouette: about five centimetres apart."""
STILL_CAMERA = CAMERA_FROM_SMPL, np.zeros(3)
"""`camera_of` where the camera did not move."""
ITERATIONS = 12
TOLERATED = 1.0
"""What limits and overlaps may cost more than before: less than one residual of one deviation."""


@dataclass(frozen=True)
class Evidence:
    """What the picture shows of one person: keypoints (K, 3; pixels and confidence), camera, and the outline where
    there is one. `keep_height` when the user said how tall the person is, `keep_shape` where the shape cannot change.

    What a person put right: `certain` (K,) bool are the keypoints whose place is beyond doubt, `ordinals` (N, 3) int
    rows of a keypoint, another, and 1 where the first is nearer to the camera, -1 where it is farther."""

    keypoints: np.ndarray
    camera: Camera
    outline: Outline | None = None
    keep_height: bool = False
    certain: np.ndarray | None = None
    ordinals: np.ndarray | None = None
    keep_shape: bool = False

    def corrected(self, corrections: Sequence[Correction]) -> "Evidence":
        """The same after a person's corrections of this frame."""
        if not corrections:
            return self
        keypoints, certain = corrected_keypoints(self.keypoints, corrections)
        return replace(self, keypoints=keypoints, certain=certain, ordinals=ordinals_of(corrections))


@dataclass(frozen=True)
class Stance:
    """Parameters and what follows from them without derivatives: the placed body, what the outline pulls at, and
    axis-angles (24, 3) of the joints and from the anchor, where there is one."""

    parameters: Parameters
    placed: Placed
    pulls: dict[str, Pull]
    axis_angle: np.ndarray
    from_anchor: np.ndarray | None


@dataclass(frozen=True)
class Refined:
    """The outcome. `parameters` are the prediction's own when the refinement was not accepted; `energy` before and
    after are of the robust objective, `steps` how many were tried."""

    parameters: Parameters
    accepted: bool
    before: float
    after: float
    steps: int


class BodyEnergy:
    """The energy of `Parameters` in one photo, a `least_squares.Problem`.

    `metre` is how many pixels a metre has at the person's depth. `anchor` is the prediction; without it, vanilla
    SMPLify's energy is left. `height_slope` (S,), metres per beta, where the prediction's height is to be kept.
    """

    def __init__(
        self, body: SparseBody, spheres: Spheres, evidence: Evidence, metre: float, weights: Weights,
        anchor: Parameters | None = None, height_slope: np.ndarray | None = None,
    ):  # fmt: skip
        self.body, self.spheres, self.evidence = body, spheres, evidence
        self.metre, self.weights, self.anchor, self.height_slope = metre, weights, anchor, height_slope
        self.density = PoseDensity.load()
        self._last: Stance | None = None

    def energy(self, parameters: Parameters) -> float:
        return sum(term.energy for term in self.terms(parameters).values())

    def linearise(self, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
        parts = [term.normal_equations() for term in self.terms(parameters, True).values() if len(term.values)]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    def moved(self, parameters: Parameters, step: np.ndarray) -> Parameters:
        return parameters.moved(step)

    def terms(self, parameters: Parameters, derive: bool = False) -> dict[str, Residuals]:
        """All terms by name, with derivatives on demand."""
        stance = self._stance(parameters)
        placed, pulls, camera, weights = stance.placed, stance.pulls, self.evidence.camera, self.weights
        joints = self.body.joint_derivatives(placed) if derive else None
        slopes = None
        if derive:
            wanted = [self.body.landmarks, *(pull.which for pull in pulls.values())]
            slopes = VertexSlopes(self.body, placed, np.concatenate(wanted))
        keypoints, certain = self.evidence.keypoints, self.evidence.certain
        if certain is not None:
            keypoints = np.column_stack([keypoints[:, :2], np.where(certain, 0, keypoints[:, 2])])
        terms = {
            "keypoints": keypoint_residuals(self.body, placed, keypoints, camera, self.metre, weights, joints, slopes)
        }
        if certain is not None:
            terms |= corrected_terms(self.body, placed, self.evidence, self.metre, weights, joints, slopes)
        for name, pull in pulls.items():
            terms[name] = pull_residuals(pull, placed, camera, self.metre, weights, slopes)
        terms["spheres"] = sphere_residuals(self.spheres, placed, weights, joints)
        return terms | self._pose_terms(stance, derive) | self._shape_terms(parameters, derive)

    def _stance(self, parameters: Parameters) -> Stance:
        """Kept until other parameters are asked for: a step that lowers the energy is linearised next."""
        if self._last is None or self._last.parameters is not parameters:
            placed, outline, camera = self.body.place(parameters), self.evidence.outline, self.evidence.camera
            pulls = {}
            if outline is not None:
                pulls = outline_pulls(self.body, placed, outline, camera, self.metre, self.weights)
            turns = [parameters.rotations]
            if self.anchor is not None:
                turns.append(self.anchor.rotations.transpose(0, 2, 1) @ parameters.rotations)
            axis_angle, *from_anchor = matrix_to_axis_angle(np.stack(turns))
            self._last = Stance(parameters, placed, pulls, axis_angle, from_anchor[0] if from_anchor else None)
        return self._last

    def physical(self, parameters: Parameters) -> float:
        """What limits and overlaps cost."""
        axis_angle, placed = matrix_to_axis_angle(parameters.rotations), self.body.place(parameters)
        limits = limit_residuals(self.density, axis_angle, None, self.weights, parameters.size)
        return limits.energy + sphere_residuals(self.spheres, placed, self.weights, None).energy

    def _pose_terms(self, stance: Stance, derive: bool) -> dict[str, Residuals]:
        axis_angle, size, weights = stance.axis_angle, stance.parameters.size, self.weights
        derivative = right_jacobian_inverse(axis_angle) if derive else None
        terms = {
            "density": density_residuals(self.density, axis_angle, derivative, weights.density, size),
            "limits": limit_residuals(self.density, axis_angle, derivative, weights, size),
        }
        if stance.from_anchor is not None:
            terms["anchor"] = anchor_residuals(stance.from_anchor, weights, derive, size)
        return terms

    def _shape_terms(self, parameters: Parameters, derive: bool) -> dict[str, Residuals]:
        terms = {"shape": shape_residuals(parameters, 0.0, self.weights.shape, derive)}
        if self.anchor is not None:
            weight = self.weights.shape_anchor
            terms["shape anchor"] = shape_residuals(parameters, self.anchor.betas, weight, derive)
        if self.height_slope is not None:
            terms["height"] = height_residual(parameters, self.anchor.betas, self.height_slope, derive)
        return terms


def refine(
    body: BodyModel, prediction: Parameters, evidence: Evidence, weights: Weights | None = None,
    iterations: int = ITERATIONS,
) -> Refined:  # fmt: skip
    """Refine a prediction by what the picture shows. Never worse: see `agrees`."""
    energy = anchored_energy(body, prediction, evidence, weights or Weights())
    before = energy.energy(prediction)
    problem = SomeUnknowns(energy, joints_and_place(prediction, ALL_JOINTS, True)) if evidence.keep_shape else energy
    found, after, steps = minimise(problem, prediction, iterations)
    accepted = after < before and agrees(energy, prediction, found)
    return Refined(found if accepted else prediction, accepted, before, after, steps)


def evidence_of(estimate: BodyEstimate, frame: int = 0, keep_height: bool = False) -> Evidence:
    """What an estimate keeps of one frame's picture, and what a person said of it."""
    camera = Camera(float(estimate.focal), estimate.camera_center.astype(np.float64), estimate.image_size)
    outline = None
    if estimate.silhouette is not None:
        *origin, cell = estimate.silhouette_window.astype(np.float64)
        outline = Outline.of(estimate.silhouette / 255, np.array(origin), cell, estimate.image_size)
    seen = Evidence(estimate.keypoints_2d[frame].astype(np.float64), camera, outline, keep_height)
    return seen.corrected(of_frame(estimate.corrections, frame))


def parameters_of(body: BodyModel, estimate: BodyEstimate, frame: int = 0) -> Parameters:
    """One frame of an estimate as the parameters that a refinement moves."""
    rotations = rotations_of(estimate.poses[frame : frame + 1].astype(np.float64))[0]
    turn, place = camera_of(estimate, frame)
    rotations[0] = turn @ rotations[0]
    pelvis = body.rest_joints(estimate.betas[None])[0, 0].astype(np.float64)
    # SMPL turns about the rest pelvis, so that is what must come to lie in the same place.
    transl = turn @ (pelvis + estimate.trans[frame] - place) - pelvis
    return Parameters(rotations, estimate.betas.astype(np.float64), transl)


def camera_of(estimate: BodyEstimate, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The rotation (3, 3) from the frame of an estimate's poses to one frame's camera's, and that camera's place."""
    if estimate.camera_rotations is None:
        return STILL_CAMERA
    return estimate.camera_rotations[frame] @ CAMERA_FROM_SMPL, estimate.camera_places[frame].astype(np.float64)


def upright_of(
    body: BodyModel, parameters: Parameters, camera: tuple[np.ndarray, np.ndarray] = STILL_CAMERA
) -> tuple[np.ndarray, np.ndarray]:
    """The way back: axis-angle poses (72,) and trans (3,) of a `BodyEstimate`, of whose frame `camera_of` told the
    `camera`."""
    turn, place = camera
    pelvis = body.rest_joints(parameters.betas[None])[0, 0].astype(np.float64)
    rotations = parameters.rotations.copy()
    rotations[0] = turn.T @ rotations[0]
    return matrix_to_axis_angle(rotations).ravel(), turn.T @ (pelvis + parameters.transl) + place - pelvis


def anchored_energy(
    body: BodyModel, prediction: Parameters, evidence: Evidence, weights: Weights, spheres: Spheres | None = None
) -> BodyEnergy:
    """The energy whose anchor is the prediction; its shape's `spheres`, where they are known."""
    metre = evidence.camera.focal / max(float(body_depth(body, prediction)), 0.2)
    spheres = spheres or Spheres.of(body, prediction.betas)
    slope = height_slope(body, prediction.betas) if evidence.keep_height else None
    sparse = sparse_body(body, VERTICES if evidence.outline else 0)
    return BodyEnergy(sparse, spheres, evidence, metre, weights, prediction, slope)


def height_slope(body: BodyModel, betas: np.ndarray) -> np.ndarray:
    """How the body's height at rest grows with each beta (S,), metres."""
    upright = body.rest_vertices(betas[None])[0, :, 1]
    return (body.shapedirs[upright.argmax(), 1] - body.shapedirs[upright.argmin(), 1]).astype(np.float64)


def agrees(energy: BodyEnergy, before: Parameters, after: Parameters) -> bool:
    """Whether the prior agrees that `after` is no worse a body: limits and overlaps cost no more than before, and the
    pose is as common as before or as what people usually do."""
    physical = [energy.physical(parameters) for parameters in (before, after)]
    rarity = [energy.density.energy(matrix_to_axis_angle(parameters.rotations)) for parameters in (before, after)]
    finite = all(np.isfinite(value).all() for value in (after.rotations, after.betas, after.transl))
    return finite and physical[1] <= physical[0] + TOLERATED and rarity[1] <= max(rarity[0], energy.density.usual)


def body_depth(body: BodyModel, parameters: Parameters) -> np.ndarray:
    """Metres from the camera's plane to the pelvis."""
    return body.rest_joints(parameters.betas[None])[0, 0, 2] + parameters.transl[2]


@lru_cache(maxsize=4)
def sparse_body(body: BodyModel, vertices: int = 0) -> SparseBody:
    """The keypoints of `body` and so many of its vertices; kept, since choosing them takes longer than a refinement."""
    return SparseBody(body, even_vertices(body, vertices))
