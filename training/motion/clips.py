"""People who move over a level floor as is known: held-out mocap, whose poses are known and whose path is not.

The path follows from the poses: what is lowest of the body pushes off and keeps its place, and where the body would
have to be pulled down faster than it falls, it flies.
"""

from dataclasses import dataclass

import numpy as np

from ...inference.body.body_model import BodyModel
from ...inference.geometry.rotations import axis_angle_to_matrix
from ...inference.motion.foot_contact import LANDMARKS
from ...inference.motion.legs import sole_points
from ...inference.motion.smoothing import local_quadratic, smooth_rotations
from ...inference.refinement.parametric_body import even_vertices
from ..data.packs import pack
from ..people.poses import HELD_OUT

RATE = 30.0
GRAVITY = 9.81
LONGEST = 240
"""Frames that are taken of a clip, from its middle."""
SPARSE = 400
"""Vertices of the body that may touch the floor."""
HYSTERESIS = 0.015
"""Metres by which another vertex must be lower for the body to stand on that one."""
POSE_FILTER, PATH_FILTER = 0.8, 1.2
"""Deviations, in frames, of the filters that take the mocap's quantisation off poses, and jerks off the path."""
STILL, LOW = 0.1, 0.04
"""Metres a second, and above where the point lies when the foot is flat, below which a point of a sole stands."""
SPLITS = {"test": 0, "validation": 1}
"""Remainders of the clips' numbers."""


@dataclass(frozen=True)
class TrueClip:
    """F frames as they were, the floor at y = 0: `rotations` (F, 24, 3, 3), `trans` (F, 3), `joints` (F, 24, 3),
    `keypoints` (F, 25, 3) and heels and toes `soles` (F, 4, 3), metres."""

    name: str
    rotations: np.ndarray
    trans: np.ndarray
    joints: np.ndarray
    keypoints: np.ndarray
    soles: np.ndarray
    standing: np.ndarray
    """(F - 1, 4) bool: whether a point of a sole stands from a frame to the next."""


def held_out_clips(body: BodyModel, split: str, every: int = 1) -> list[TrueClip]:
    """Every so many-th clip of the mocap pack's `test` or `validation` split. Raises PackMissing."""
    archive = np.load(pack("mocap") / "cmu_smpl24.npz")
    ends = np.cumsum(archive["clip_len"])
    chosen = [clip for clip in range(len(ends)) if clip % HELD_OUT == SPLITS[split]][::every]
    clips = []
    for clip in chosen:
        length = int(archive["clip_len"][clip])
        first = ends[clip] - length + max(0, (length - LONGEST) // 2)
        poses = archive["poses"][first : first + min(length, LONGEST)].astype(np.float64)
        clips.append(grounded(body, str(archive["clip_name"][clip]), axis_angle_to_matrix(poses)))
    return clips


def grounded(body: BodyModel, name: str, rotations: np.ndarray) -> TrueClip:
    """The clip of poses (F, 24, 3, 3) whose root is turned as in the world."""
    rotations = smooth_rotations(rotations, np.ones(len(rotations)), POSE_FILTER)
    betas = np.zeros(body.shapedirs.shape[2], np.float32)
    joints, world = body.skeleton(betas[None], rotations)
    touching = np.concatenate([even_vertices(body, SPARSE), [body.landmarks[name] for name in sorted(body.landmarks)]])
    trans = path_of(body.skin_some(betas, joints, world, touching))
    trans = local_quadratic(trans[:, None], np.ones((len(trans), 1)), PATH_FILTER)[:, 0]
    keypoints = body.keypoints(betas, joints, world)
    soles = sole_points(body, betas, rotations, trans)
    return TrueClip(
        name, rotations, trans, joints + trans[:, None], keypoints + trans[:, None], soles, standing_of(body, soles)
    )


def path_of(points: np.ndarray) -> np.ndarray:
    """Translations (F, 3) of a body whose points (F, N, 3) may touch the floor at y = 0."""
    height, fall = -points[..., 1].min(1), GRAVITY / RATE**2
    path = np.zeros((len(points), 3))
    path[:2, 1] = height[:2]
    stands_on = int(points[0, :, 1].argmin())
    velocity = np.zeros(3)
    for frame in range(1, len(points)):
        flying = 2 * path[frame - 1, 1] - path[max(frame - 2, 0), 1] - fall
        path[frame, 1] = max(height[frame], flying)
        if flying <= height[frame] + 1e-9:
            lowest = int(points[frame, :, 1].argmin())
            if points[frame, stands_on, 1] - points[frame, lowest, 1] > HYSTERESIS:
                stands_on = lowest
            velocity = points[frame - 1, stands_on] - points[frame, stands_on]
        path[frame, [0, 2]] = path[frame - 1, [0, 2]] + velocity[[0, 2]]
    return path


def standing_of(body: BodyModel, soles: np.ndarray) -> np.ndarray:
    """Which of the soles' points (F, 4, 3) stand from a frame to the next, (F - 1, 4) bool."""
    slow = np.linalg.norm(np.diff(soles, axis=0), axis=-1) * RATE < STILL
    low = soles[..., 1] - _heights(body) < LOW
    return slow & low[1:] & low[:-1]


def _heights(body: BodyModel) -> np.ndarray:
    """How high above the floor heels and toes (4,) are when the feet stand flat, metres."""
    return body.v_template[[body.landmarks[name] for name in LANDMARKS], 1] - float(body.v_template[:, 1].min())
