"""What a person put right, as terms of a body's energy: places that are beyond doubt, and what is nearer than what.

Ordinal depth as a ranking loss follows Pavlakos, Zhou and Daniilidis 2018 (Ordinal Depth Supervision): it pulls until
one end is before the other by a margin, and says nothing from there on.
"""

import numpy as np

from ..geometry.least_squares import Residuals
from .parametric_body import Placed, SparseBody, VertexSlopes
from .terms import Weights, keypoint_derivatives, keypoint_distances

ORDINAL_SHARE = 0.25
"""A bone's end counts as nearer when it is nearer by this share of the bone: it points a quarter towards the camera."""
ORDINAL_DEVIATION = 0.03
"""Metres."""
ORDINAL_SCALE = 10.0
"""Deviations at which the pull of what is nearer fades, as the other scales."""


def corrected_terms(
    body: SparseBody, placed: Placed, evidence, metre: float, weights: Weights,
    joint_derivatives: np.ndarray | None, slopes: VertexSlopes | None,
) -> dict[str, Residuals]:  # fmt: skip
    """Both terms of a `refine.Evidence` that was corrected."""
    unit = metre * weights.certain_deviation
    _, values, jacobian = keypoint_distances(
        body, placed, evidence.keypoints, evidence.certain, evidence.camera, joint_derivatives, slopes
    )
    # Plain squares: a robust function would take a person's word for an outlier.
    terms = {"corrected": Residuals(values / unit, weights.keypoint, None if jacobian is None else jacobian / unit)}
    if len(evidence.ordinals):
        terms["ordinals"] = ordinal_residuals(body, placed, evidence.ordinals, joint_derivatives, slopes)
    return terms


def ordinal_residuals(
    body: SparseBody, placed: Placed, ordinals: np.ndarray, joint_derivatives: np.ndarray | None,
    slopes: VertexSlopes | None,
) -> Residuals:  # fmt: skip
    """By how much `ordinals` (N, 3; see `refine.Evidence`) are not kept, each 0 where it is."""
    points = body.keypoints_from_points @ placed.points
    first, second, sign = ordinals.T
    bone = points[first] - points[second]
    length = np.linalg.norm(bone, axis=1)
    lacking = ORDINAL_SHARE * length + sign * bone[:, 2]
    broken = np.flatnonzero(lacking > 0)
    jacobian = None
    if joint_derivatives is not None:
        ends = [keypoint_derivatives(body, one[broken], joint_derivatives, slopes) for one in (first, second)]
        direction = ORDINAL_SHARE * bone[broken] / np.maximum(length[broken, None], 1e-9)
        direction[:, 2] += sign[broken]
        jacobian = np.einsum("nc,ncp->np", direction, ends[0] - ends[1]) / ORDINAL_DEVIATION
    return Residuals(lacking[broken] / ORDINAL_DEVIATION, 1.0, jacobian, ORDINAL_SCALE)
