"""The terms of a body's energy in one photo, each as residuals with derivatives.

After Pavlakos et al. 2018, §5.5, and SMPLify (Bogo et al. 2016, §3).

Lengths in the picture are counted in metres at the person's depth, so that a weight means the same for a large and a
small person; every residual is divided by what it usually varies.
"""

from dataclasses import dataclass

import numpy as np

from ..body.pose_density import MODELLED, PoseDensity
from ..geometry.camera import Camera
from ..geometry.least_squares import Residuals
from ..geometry.rotations import right_jacobian_inverse
from .outline import Outline
from .parametric_body import JOINTS, Parameters, Placed, SparseBody, VertexSlopes
from .spheres import Spheres

MIN_DEPTH = 0.1
"""Metres. What comes closer to the camera than this is not compared with the picture."""
RIM = 0.35
"""Largest cosine between a vertex's normal and the line of sight at which it counts as on the body's outline."""
HEIGHT_DEVIATION = 0.001
"""Metres that a height which the user typed may be off."""
JOINT_COLUMNS = 3 * JOINTS


@dataclass(frozen=True)
class Weights:
    """How much each term counts, and the deviations that a residual of 1 stands for."""

    keypoint: float = 1.0
    keypoint_deviation: float = 0.03
    """Metres."""
    keypoint_scale: float = 4.0
    """Deviations at which a keypoint's pull fades (σ of Geman and McClure), as the other scales."""
    certain_deviation: float = 0.005
    """Metres that a body may lie from a place that a person gave."""
    outside: float = 10.0
    """Of the mean over vertices."""
    contour: float = 10.0
    """Of the mean over contour points."""
    outline_deviation: float = 0.03
    """Metres."""
    outline_scale: float = 4.0
    density: float = 0.25
    limits: float = 1.0
    limit_deviation: float = 0.1
    """Radians."""
    spheres: float = 1.0
    sphere_deviation: float = 0.02
    """Metres."""
    anchor: float = 0.5
    anchor_deviation: float = 0.3
    """Radians."""
    anchor_scale: float = 4.0
    shape: float = 0.5
    shape_anchor: float = 1.0


def keypoint_residuals(
    body: SparseBody, placed: Placed, keypoints: np.ndarray, camera: Camera, metre: float, weights: Weights,
    joint_derivatives: np.ndarray | None, slopes: VertexSlopes | None,
) -> Residuals:  # fmt: skip
    """Projected keypoints against those of the picture (K, 3; pixels and confidence), each coordinate by itself."""
    seen = keypoints[:, 2] > 0
    unit = metre * weights.keypoint_deviation
    which, values, jacobian = keypoint_distances(body, placed, keypoints, seen, camera, joint_derivatives, slopes)
    # Confidence counts squared: it is a probability, and an unsure keypoint is worse than its share.
    shares = weights.keypoint * np.repeat(keypoints[which, 2].astype(np.float64) ** 2, 2)
    return Residuals(values / unit, shares, None if jacobian is None else jacobian / unit, weights.keypoint_scale)


def keypoint_distances(
    body: SparseBody, placed: Placed, keypoints: np.ndarray, wanted: np.ndarray, camera: Camera,
    joint_derivatives: np.ndarray | None, slopes: VertexSlopes | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:  # fmt: skip
    """Those N of the `wanted` (K,) bool keypoints that are before the camera, their distances (2N,) in pixels from
    where the picture has them, and the derivatives (2N, P)."""
    points = body.keypoints_from_points @ placed.points
    which = np.flatnonzero(wanted & (points[:, 2] > MIN_DEPTH))
    values = camera.project(points[which]) - keypoints[which, :2]
    jacobian = None
    if joint_derivatives is not None:
        by_keypoint = keypoint_derivatives(body, which, joint_derivatives, slopes)
        jacobian = (projection_derivatives(points[which], camera) @ by_keypoint).reshape(-1, by_keypoint.shape[-1])
    return which, values.reshape(-1), jacobian


def keypoint_derivatives(
    body: SparseBody, which: np.ndarray, joint_derivatives: np.ndarray, slopes: VertexSlopes
) -> np.ndarray:
    """(N, 3, P) of keypoints `which` (N,) in metres."""
    by_point = np.concatenate([joint_derivatives, slopes.of(body.landmarks)])
    used = np.concatenate([np.arange(JOINTS), JOINTS + body.landmarks])
    return np.tensordot(body.keypoints_from_points[np.ix_(which, used)], by_point, 1)


@dataclass(frozen=True)
class Pull:
    """What a silhouette pulls at: vertices `which` (M,), how far (M,) pixels, and the directions (M, 2) in the picture
    in which that grows; and how much each counts."""

    which: np.ndarray
    values: np.ndarray
    directions: np.ndarray
    weight: float


def outline_pulls(
    body: SparseBody, placed: Placed, outline: Outline, camera: Camera, metre: float, weights: Weights
) -> dict[str, Pull]:
    """Both directions: vertices that lie outside the silhouette, and contour points that the body's rim does not
    reach."""
    points = placed.points[JOINTS:]
    with np.errstate(invalid="ignore"):
        pixels = np.where(points[:, 2:] > MIN_DEPTH, camera.project(points), np.nan)
    rim, rim_normals = rim_of(body, placed)
    return {
        "outside": Pull(*outline.outside(pixels), weights.outside / len(points)),
        "contour": Pull(
            *outline.unmatched(pixels, rim, rim_normals, metre), weights.contour / max(len(outline.points), 1)
        ),
    }


def pull_residuals(
    pull: Pull, placed: Placed, camera: Camera, metre: float, weights: Weights, slopes: VertexSlopes | None
) -> Residuals:
    """The distances of a `Pull`, in deviations."""
    unit, jacobian = metre * weights.outline_deviation, None
    if slopes is not None:
        vertices, place = np.unique(pull.which, return_inverse=True)
        projected = projection_derivatives(placed.points[JOINTS:][vertices], camera) @ slopes.of(vertices)
        jacobian = (pull.directions[:, None] @ projected[place])[:, 0] / unit
    return Residuals(pull.values / unit, pull.weight, jacobian, weights.outline_scale)


def rim_of(body: SparseBody, placed: Placed) -> tuple[np.ndarray, np.ndarray]:
    """Which vertices (R,) lie on the body's outline as the camera sees it, and the unit normals (R, 2) of that outline
    in the picture."""
    points = placed.points[JOINTS:]
    normals = (placed.blended @ body.normals[..., None])[..., 0]
    facing = (normals * points).sum(1) / (np.linalg.norm(normals, axis=1) * np.linalg.norm(points, axis=1))
    rim = np.flatnonzero((np.abs(facing) < RIM) & (points[:, 2] > MIN_DEPTH))
    flat = normals[rim, :2] - points[rim, :2] / points[rim, 2:] * normals[rim, 2:]
    return rim, flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)


def density_residuals(
    density: PoseDensity, axis_angle: np.ndarray, derivative: np.ndarray | None, weight: float, size: int
) -> Residuals:
    """Mahalanobis distance to the nearest Gaussian of the pose density."""
    best, white = density.nearest(axis_angle)
    jacobian = None
    if derivative is not None:
        root = density.roots[best].reshape(len(white), len(MODELLED), 3)
        jacobian = np.zeros((len(white), size))
        columns = 3 * MODELLED[:, None] + np.arange(3)
        jacobian[:, columns] = np.einsum("mka,kab->mkb", root, derivative[MODELLED])
    return Residuals(white, weight, jacobian, constant=weight * float(density.offsets[best]))


def limit_residuals(
    density: PoseDensity, axis_angle: np.ndarray, derivative: np.ndarray | None, weights: Weights, size: int
) -> Residuals:
    """Joints beyond what a joint can do."""
    beyond = density.beyond_limits(axis_angle) / weights.limit_deviation
    joint, axis = np.nonzero(beyond)
    jacobian = None
    if derivative is not None:
        jacobian = np.zeros((len(joint), size))
        columns = 3 * joint[:, None] + np.arange(3)
        jacobian[np.arange(len(joint))[:, None], columns] = derivative[joint, axis] / weights.limit_deviation
    return Residuals(beyond[joint, axis], weights.limits, jacobian)


def sphere_residuals(
    spheres: Spheres, placed: Placed, weights: Weights, joint_derivatives: np.ndarray | None
) -> Residuals:
    """Limbs that pass through each other, by the depth of their spheres' overlap."""
    which, depth, direction = spheres.overlaps(placed.points[:JOINTS])
    jacobian = None
    if joint_derivatives is not None:
        pairs = spheres.pairs[which]
        apart = spheres.centres[pairs[:, 0]] - spheres.centres[pairs[:, 1]]
        jacobian = -np.einsum("aj,ai,jip->ap", apart, direction, joint_derivatives, optimize=True)
        jacobian = jacobian / weights.sphere_deviation
    return Residuals(depth / weights.sphere_deviation, weights.spheres, jacobian)


def anchor_residuals(difference: np.ndarray, weights: Weights, derive: bool, size: int) -> Residuals:
    """E_anchor = Σ ρ(θ - θ_init) of §5.5. The `difference` (24, 3) is taken on the group, log(R_initᵀ R): subtracting
    axis-angles would make a full turn of nothing. `size` is how many numbers a step has."""
    jacobian = None
    if derive:
        jacobian = _block_diagonal(right_jacobian_inverse(difference), size) / weights.anchor_deviation
    return Residuals(difference.ravel() / weights.anchor_deviation, weights.anchor, jacobian, weights.anchor_scale)


def shape_residuals(parameters: Parameters, towards: np.ndarray | float, weight: float, derive: bool) -> Residuals:
    """Betas, in their own standard deviations, from those given."""
    count = len(parameters.betas)
    jacobian = np.eye(parameters.size)[JOINT_COLUMNS : JOINT_COLUMNS + count] if derive else None
    return Residuals(parameters.betas - towards, weight, jacobian)


def height_residual(parameters: Parameters, towards: np.ndarray, slope: np.ndarray, derive: bool) -> Residuals:
    """The body's height from that of the betas `towards` (S,), in `HEIGHT_DEVIATION`; `slope` (S,) metres per beta."""
    jacobian = None
    if derive:
        jacobian = np.zeros((1, parameters.size))
        jacobian[0, JOINT_COLUMNS : JOINT_COLUMNS + len(slope)] = slope / HEIGHT_DEVIATION
    return Residuals(np.atleast_1d(slope @ (parameters.betas - towards)) / HEIGHT_DEVIATION, 1.0, jacobian)


def projection_derivatives(points: np.ndarray, camera: Camera) -> np.ndarray:
    """(N, 2, 3) of pixels by camera-frame points (N, 3)."""
    x, y, z = points.T
    zero, share = np.zeros_like(z), camera.focal / z
    return np.stack([np.stack([share, zero, -share * x / z], -1), np.stack([zero, share, -share * y / z], -1)], 1)


def _block_diagonal(blocks: np.ndarray, columns: int) -> np.ndarray:
    """Blocks (24, 3, 3) as a matrix (72, columns), zero beyond them."""
    result = np.zeros((len(blocks), 3, columns))
    which = np.arange(len(blocks))
    result[which[:, None], :, 3 * which[:, None] + np.arange(3)] = blocks.transpose(0, 2, 1)
    return result.reshape(-1, columns)
