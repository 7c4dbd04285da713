"""A `BodyEstimate` from a body model's parameters: joints, pixels and vertices all follow from them, here only."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..geometry.camera import Camera
from ..geometry.rotations import matrix_to_axis_angle
from .body_estimate import BodyEstimate, camera_from_upright, rotations_of
from .body_model import BodyModel


@dataclass(frozen=True)
class Motion:
    """A body's parameters in F frames, in SMPL's upright frame: `poses` (F, 72) axis-angle, `betas` (S,), `trans`
    (F, 3) metres; `frame_rate` is 0 for pictures that are no motion."""

    poses: np.ndarray
    betas: np.ndarray
    trans: np.ndarray
    frame_rate: float = 0.0


@dataclass(frozen=True)
class Observed:
    """What the parameters were estimated from: `keypoints` (F, 25, 3) and `boxes` (F, 4) in pixels, `scores` (F,), and
    the file or film."""

    keypoints: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    source: Path


def turned_motion(
    body: BodyModel, betas: np.ndarray, rotations: np.ndarray, trans: np.ndarray, turns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`rotations` (F, 24, 3, 3) and `trans` (F, 3) with each body turned about SMPL's origin, by `turns` (3, 3) or
    (F, 3, 3)."""
    pelvis = body.rest_joints(np.asarray(betas)[None])[0, 0].astype(np.float64)
    turns = np.broadcast_to(turns, (len(rotations), 3, 3))
    rotations = np.concatenate([turns[:, None] @ rotations[:, :1], rotations[:, 1:]], 1)
    return rotations, np.einsum("fij,fj->fi", turns, trans + pelvis) - pelvis


def build_estimate(body: BodyModel, motion: Motion, camera: Camera, seen: Observed) -> BodyEstimate:
    """The estimate of these parameters. Vertices are kept for a single picture only: a long clip of them would fill the
    memory."""
    poses, trans = np.asarray(motion.poses, np.float32), np.asarray(motion.trans, np.float32)
    betas, rotations = motion.betas[None], rotations_of(poses)
    vertices = camera_from_upright(body.pose(betas, rotations, trans).vertices) if len(poses) == 1 else None
    joints = camera_from_upright(body.skeleton(betas, rotations)[0] + trans[:, None])
    return BodyEstimate(
        poses=poses,
        betas=np.asarray(motion.betas, np.float32),
        trans=trans,
        keypoints_2d=np.asarray(seen.keypoints, np.float32),
        joints_3d=joints,
        joints_2d=camera.project(joints).astype(np.float32),
        focal=camera.focal,
        camera_center=camera.center.astype(np.float32),
        image_size=camera.size,
        bbox=np.asarray(seen.boxes, np.float32),
        score=np.asarray(seen.scores, np.float32),
        body_model=body.hash,
        faces=body.faces,
        vertices=vertices,
        mocap_framerate=motion.frame_rate,
        source=Path(seen.source).name,
    )


def with_parameters(estimate: BodyEstimate, body: BodyModel, motion: Motion) -> BodyEstimate:
    """A single picture's estimate with another body in the place of its own."""
    camera = Camera(estimate.focal, np.asarray(estimate.camera_center, np.float64), estimate.image_size)
    seen = Observed(estimate.keypoints_2d, estimate.bbox, estimate.score, Path(estimate.source))
    kept = ("silhouette", "silhouette_window", "joint_uncertainty", "corrections")
    return replace(build_estimate(body, motion, camera, seen), **{name: getattr(estimate, name) for name in kept})


def with_motion(estimate: BodyEstimate, model: BodyModel, rotations: np.ndarray, trans: np.ndarray) -> BodyEstimate:
    """`estimate` moving by other `rotations` (F, 24, 3, 3) and `trans` (F, 3), and all that follows from them."""
    joints = estimate.seen_by_camera(model.skeleton(estimate.betas[None], rotations)[0] + trans[:, None])
    camera = Camera(estimate.focal, np.asarray(estimate.camera_center, np.float64), estimate.image_size)
    return replace(
        estimate,
        poses=matrix_to_axis_angle(rotations).reshape(len(rotations), -1).astype(np.float32),
        trans=trans.astype(np.float32),
        joints_3d=joints.astype(np.float32),
        joints_2d=camera.project(joints).astype(np.float32),
        vertices=None,
    )
