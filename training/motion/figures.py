"""How far a motion is from what it was: feet, accelerations, joints and the path."""

import numpy as np

from ...inference.body.body_estimate import BodyEstimate, rotations_of
from ...inference.body.body_model import BodyModel
from ...inference.motion.legs import sole_points
from ..measure.metrics import mpjpe
from .clips import TrueClip
from .views import View

SHORTEST_PATH = 1.0
"""Metres that the pelvis goes in a clip whose path is measured."""
FLIP = np.array([1.0, -1.0, -1.0])
"""SMPL's upright frame to OpenCV's, and back."""


def clip_figures(body: BodyModel, estimate: BodyEstimate, clip: TrueClip, view: View) -> dict[str, float]:
    """Figures of one clip, each NaN where the clip does not show it:

    slide   mm a frame that points of the soles move which truly stand
    sink    mm that the lowest vertex of the feet is below the motion's own floor, at most over the frames
    MPJPE   mm, about the pelvis, in each frame's camera
    accel   mm a frame², error of the joints' accelerations about the pelvis, in the first camera's frame
    pelvis  mm a frame², error of the pelvis' acceleration
    path    error of the pelvis' place, of the length of its path, the motion turned and moved as a whole to fit
    tilt    degrees between the floor and the true one
    """
    rotations, trans = rotations_of(estimate.poses.astype(np.float64)), estimate.trans.astype(np.float64)
    joints = body.skeleton(estimate.betas[None], rotations)[0] + trans[:, None]
    truth = np.einsum("ij,fnj->fni", view.rotations[0], clip.joints - view.places[0]) * FLIP
    slides = 1e3 * np.linalg.norm(np.diff(sole_points(body, estimate.betas, rotations, trans), axis=0), axis=-1)
    shakes = 1e3 * np.diff(joints - truth, 2, axis=0)
    return {
        "slide": float(slides[clip.standing].mean()) if clip.standing.any() else np.nan,
        "sink": sink(body, estimate, rotations, trans),
        "MPJPE": float(mpjpe(estimate.joints_3d.astype(np.float64), view.points(clip.joints)).mean()),
        "accel": float(np.linalg.norm(shakes - shakes[:, :1], axis=-1).mean()),
        "pelvis": float(np.linalg.norm(shakes[:, 0], axis=-1).mean()),
        "path": path_error(joints[:, 0], truth[:, 0]),
        "tilt": tilt(estimate, view),
    }


def path_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of two paths (F, 3) after the best rotation and shift, over the length of the true one."""
    length = np.linalg.norm(np.diff(truth, axis=0), axis=-1).sum()
    if length < SHORTEST_PATH:
        return np.nan
    a, b = found - found.mean(0), truth - truth.mean(0)
    u, _, vt = np.linalg.svd(b.T @ a)
    turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return float(np.linalg.norm(a @ turn.T - b, axis=-1).mean() / length)


def sink(body: BodyModel, estimate: BodyEstimate, rotations: np.ndarray, trans: np.ndarray) -> float:
    if estimate.floor is None:
        return np.nan
    joints, world = body.skeleton(estimate.betas[None], rotations)
    feet = np.flatnonzero(body.lbs_weights[:, [7, 8, 10, 11]].sum(1) > 0.5)
    points = body.skin_some(estimate.betas, joints + trans[:, None], world, feet)
    heights = points @ estimate.floor[:3].astype(np.float64) - float(estimate.floor[3])
    return float(max(0.0, -1e3 * heights.min()))


def tilt(estimate: BodyEstimate, view: View) -> float:
    if estimate.floor is None:
        return np.nan
    up = view.rotations[0][:, 1] * FLIP
    return float(np.rad2deg(np.arccos(np.clip(up @ estimate.floor[:3], -1, 1))))
