"""SMPLify as published, from the mean pose in four stages: what anchored refinement is measured against.

Stages, weights and tricks are those of the public code of Bogo et al. 2016; energy terms, pose density, spheres and
solver are ours, the same that the anchored version uses, so that the comparison is of the method alone. One freedom
more than there: the camera's translation stays free in the stages too.
"""

from dataclasses import replace

import numpy as np

from ...inference.body.body_estimate import CAMERA_FROM_SMPL
from ...inference.body.body_model import BodyModel
from ...inference.body.pose_density import MODELLED, PoseDensity
from ...inference.geometry.joints import JOINT_INDEX, KEYPOINT_INDEX
from ...inference.geometry.least_squares import Residuals, minimise
from ...inference.geometry.rotations import axis_angle_to_matrix, right_jacobian_inverse
from ...inference.refinement.parametric_body import JOINTS, Parameters, VertexSlopes
from ...inference.refinement.refine import BodyEnergy, Evidence, Stance, sparse_body
from ...inference.refinement.spheres import Spheres
from ...inference.refinement.terms import Weights, keypoint_residuals

STAGES = ((404.0, 100.0), (404.0, 50.0), (57.4, 10.0), (4.78, 5.0))
"""Weights of pose and shape in each stage; the last also knows self-penetration."""
KEYPOINT_SCALE = 100.0
"""σ of Geman and McClure, in pixels of a person `PERSON` pixels tall."""
PERSON = 200.0
ITERATIONS = 100
"""Of each stage, at most; as in the public code."""
SIDEWAYS = 25.0
"""Pixels between the shoulders below which the person may face either way, and both are tried."""
DEPTH_WEIGHT = 100.0
BENDING = (("left_elbow", 1, 1.0), ("right_elbow", 1, -1.0), ("left_knee", 0, -1.0), ("right_knee", 0, -1.0))
"""Joints, axis and sign of the angles that SMPLify keeps from bending backwards."""
TORSO = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")


class VanillaEnergy(BodyEnergy):
    """SMPLify's energy of one stage: robust keypoints, pose density, bending angles, shape, spheres."""

    def __init__(self, body: BodyModel, evidence: Evidence, weights: Weights, bending: float):
        mean = np.zeros(body.shapedirs.shape[2])
        super().__init__(sparse_body(body), Spheres.of(body, mean), evidence, 1.0, weights)
        self.bending = bending

    def _pose_terms(self, stance: Stance, derive: bool) -> dict[str, Residuals]:
        terms, axis_angle = super()._pose_terms(stance, derive), stance.axis_angle
        values, jacobian = np.zeros(len(BENDING)), np.zeros((len(BENDING), stance.parameters.size))
        derivative = right_jacobian_inverse(axis_angle)
        for row, (name, axis, sign) in enumerate(BENDING):
            joint = JOINT_INDEX[name]
            values[row] = self.bending * np.exp(sign * axis_angle[joint, axis])
            jacobian[row, 3 * joint : 3 * joint + 3] = values[row] * sign * derivative[joint, axis]
        return terms | {"bending": Residuals(values, 1.0, jacobian if derive else None)}


class CameraEnergy(VanillaEnergy):
    """SMPLify's first step: where the body stands and which way it faces, from the torso alone. Steps are (6,)."""

    def __init__(self, body: BodyModel, evidence: Evidence, weights: Weights, depth: float):
        super().__init__(body, evidence, weights, 0.0)
        self.depth = depth
        self.columns = np.array([0, 1, 2, -3, -2, -1])

    def terms(self, parameters: Parameters, derive: bool = False) -> dict[str, Residuals]:
        placed = self.body.place(parameters)
        joints = self.body.joint_derivatives(placed) if derive else None
        slopes = VertexSlopes(self.body, placed, self.body.landmarks) if derive else None
        keypoints, camera = self.evidence.keypoints, self.evidence.camera
        seen = keypoint_residuals(self.body, placed, keypoints, camera, 1.0, self.weights, joints, slopes)
        away = np.eye(parameters.size)[-1:] * DEPTH_WEIGHT if derive else None
        depth = Residuals(DEPTH_WEIGHT * (parameters.transl[2:] - self.depth), 1.0, away)
        return {"keypoints": seen, "depth": depth}

    def linearise(self, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
        gradient, hessian = super().linearise(parameters)
        return gradient[self.columns], hessian[np.ix_(self.columns, self.columns)]

    def moved(self, parameters: Parameters, step: np.ndarray) -> Parameters:
        whole = np.zeros(parameters.size)
        whole[self.columns] = step
        return parameters.moved(whole)


def smplify(body: BodyModel, evidence: Evidence) -> tuple[Parameters, int]:
    """The body for keypoints alone, and how many steps were tried."""
    unit = person_height(evidence.keypoints) / PERSON
    weights = stage_weights(unit, 0.0, 0.0, 0.0)
    start, depth = mean_start(body, evidence)
    torso = np.isin(np.arange(len(evidence.keypoints)), [KEYPOINT_INDEX[name] for name in TORSO])
    on_torso = replace(evidence, keypoints=evidence.keypoints * np.where(torso, 1, [[1], [1], [0]]).T)
    camera = CameraEnergy(body, on_torso, weights, depth)
    placed, _, steps = minimise(camera, start, ITERATIONS)
    found = []
    for candidate in [placed, turned(placed)] if may_face_either_way(evidence.keypoints, unit) else [placed]:
        fitted, energy, more = _stages(body, evidence, candidate, unit)
        found.append((energy, fitted))
        steps += more
    return min(found, key=lambda pair: pair[0])[1], steps


def _stages(body: BodyModel, evidence: Evidence, parameters: Parameters, unit: float) -> tuple[Parameters, float, int]:
    # The model's hips are not the labels': SMPLify leaves them out.
    hips = np.isin(np.arange(len(evidence.keypoints)), [KEYPOINT_INDEX["right_hip"], KEYPOINT_INDEX["left_hip"]])
    keypoints = evidence.keypoints * np.where(hips, [[1], [1], [0]], 1).T
    evidence, steps, energy = replace(evidence, keypoints=keypoints, outline=None), 0, np.inf
    for number, (pose, shape) in enumerate(STAGES):
        weights = stage_weights(unit, pose, shape, 1e3 if number == len(STAGES) - 1 else 0.0)
        stage = VanillaEnergy(body, evidence, weights, 3.17 * pose)
        parameters, energy, more = minimise(stage, parameters, ITERATIONS)
        steps += more
    return parameters, energy, steps


def stage_weights(unit: float, pose: float, shape: float, spheres: float) -> Weights:
    """SMPLify's weights as ours, for a person in whom one of its pixels is `unit` of ours.

    Its pose weight multiplies √(½|L⁻¹(θ - mean)|² + …), hence the half.
    """
    return Weights(
        keypoint_deviation=unit, keypoint_scale=KEYPOINT_SCALE, density=pose**2 / 2, limits=0.0, shape=shape**2,
        spheres=spheres**2, sphere_deviation=1.0,
    )  # fmt: skip


def person_height(keypoints: np.ndarray) -> float:
    """Longer side, in pixels, of the box about the keypoints (K, 3) that were seen."""
    seen = keypoints[keypoints[:, 2] > 0.1, :2]
    return float(max(np.ptp(seen, axis=0).max(), 1.0)) if len(seen) > 1 else 1.0


def mean_start(body: BodyModel, evidence: Evidence) -> tuple[Parameters, float]:
    """The density's mean pose, upright and facing the camera, at the depth that the torso's length tells."""
    density, camera = PoseDensity.load(), evidence.camera
    shares = np.exp(-density.offsets)
    rotations = np.tile(np.eye(3), (JOINTS, 1, 1))
    rotations[MODELLED] = axis_angle_to_matrix((shares @ density.means / shares.sum()).reshape(-1, 3))
    rotations[0] = CAMERA_FROM_SMPL
    parameters = Parameters(rotations, np.zeros(body.shapedirs.shape[2]), np.zeros(3))
    sparse = sparse_body(body)
    points = (sparse.keypoints_from_points @ sparse.place(parameters).points)[:, :2]
    right, left = ([KEYPOINT_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip")] for side in ("right", "left"))
    in_body, in_photo = (
        np.mean([np.linalg.norm(np.subtract(*where[side])) for side in (right, left)])
        for where in (points, evidence.keypoints[:, :2])
    )
    depth = float(np.clip(camera.focal * in_body / max(in_photo, 1e-3), 0.5, 100.0))
    torso = [KEYPOINT_INDEX[name] for name in TORSO]
    middle = camera.rays(evidence.keypoints[torso, :2].mean(0)) * depth - points[torso].mean(0)
    return replace(parameters, transl=np.array([*middle, depth])), depth


def may_face_either_way(keypoints: np.ndarray, unit: float) -> bool:
    """Whether the shoulders are so near each other that the person is seen from the side."""
    shoulders = keypoints[[KEYPOINT_INDEX["right_shoulder"], KEYPOINT_INDEX["left_shoulder"]], :2]
    return float(np.linalg.norm(shoulders[0] - shoulders[1])) < SIDEWAYS * unit


def turned(parameters: Parameters) -> Parameters:
    """The body turned half round about its own upright axis."""
    rotations = parameters.rotations.copy()
    rotations[0] = rotations[0] @ np.diag([-1.0, 1.0, -1.0])
    return replace(parameters, rotations=rotations)
