"""Synthetic people: poses from mocap, shapes from the body model, random cameras (METHOD, priors).

A batch is made anew each time, in numpy, by the same body model, camera and features that inference uses.
"""

from dataclasses import dataclass

import numpy as np

from ...inference.body_estimate import CAMERA_FROM_SMPL
from ...inference.body_model import BodyModel, forward_kinematics
from ...inference.camera import Camera
from ...inference.joints import JOINT_INDEX, JOINT_MIRROR, keypoints_from_joints
from ...inference.rotations import axis_angle_to_matrix, quaternion_to_matrix
from ..packs import pack

HELD_OUT = 8
"""Every eighth clip is held out for the test set; its neighbour after it for validation."""
SHAPE_DEVIATION = 1.25

POSE_NOISE = {
    "spine1": 6, "spine2": 5, "spine3": 5, "neck": 10, "head": 10, "collar": 5, "shoulder": 12, "elbow": 9, "wrist": 14,
    "hip": 8, "knee": 6, "ankle": 9, "foot": 5, "hand": 6,
}  # fmt: skip
"""Degrees of random swing and twist added to each mocap joint: it widens 1 300 distinct poses."""
DAMPED = {"wrist": 0.5, "foot": 0.3, "collar": 0.6}
"""Channels whose statistics in this mocap are off; they are shrunk before noise is added."""


@dataclass(frozen=True)
class Poses:
    """Mocap frames: local axis-angle (N, 24, 3), and the clip each frame is from (N,)."""

    axis_angle: np.ndarray
    clip: np.ndarray


def load_poses(split: str) -> Poses:
    """`train`, `validation` or `test` clips of the mocap pack. Raises PackMissing."""
    archive = np.load(pack("mocap") / "cmu_smpl24.npz")
    clip = np.repeat(np.arange(len(archive["clip_len"])), archive["clip_len"])
    part = {"test": clip % HELD_OUT == 0, "validation": clip % HELD_OUT == 1, "train": clip % HELD_OUT > 1}[split]
    return Poses(archive["poses"][part].astype(np.float32), clip[part])


def _per_joint(table: dict[str, float], default: float) -> np.ndarray:
    values = np.full(24, default, np.float32)
    for name, index in JOINT_INDEX.items():
        values[index] = table.get(name.removeprefix("left_").removeprefix("right_"), default)
    return values


_NOISE = np.deg2rad(_per_joint(POSE_NOISE, 0.0))
_DAMPING = _per_joint(DAMPED, 1.0)


def mirrored(axis_angle: np.ndarray) -> np.ndarray:
    """The mirror image of poses (B, 24, 3): sides exchanged, rotations about y and z reversed."""
    return axis_angle[:, JOINT_MIRROR] * np.array([1, -1, -1], np.float32)


def sample_poses(poses: Poses, count: int, rng: np.random.Generator, widen: bool = True) -> np.ndarray:
    """Local axis-angle (count, 24, 3), frames drawn so that each clip weighs by the square root of its length."""
    lengths = np.bincount(poses.clip)[poses.clip]
    probability = 1 / np.sqrt(lengths)
    chosen = poses.axis_angle[rng.choice(len(lengths), count, p=probability / probability.sum())]
    chosen = np.where(rng.random((count, 1, 1)) < 0.5, mirrored(chosen), chosen)
    if not widen:
        return chosen
    chosen = chosen * _DAMPING[:, None]
    # Half of the poses are widened, by an amount drawn per pose: neither all clean nor all noisy.
    amount = rng.gamma(1.0, 0.6, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.7)
    return (chosen + rng.normal(size=chosen.shape) * _NOISE[:, None] * amount).astype(np.float32)


def random_rotations(count: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform rotations (count, 3, 3) from random quaternions."""
    quaternions = rng.normal(size=(count, 4))
    return quaternion_to_matrix(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True))


def sample_views(root: np.ndarray, rng: np.random.Generator, frontal: float = 0.35, free: float = 0.12) -> np.ndarray:
    """Turn the world about each root (B, 3, 3) as a photographer would walk round it.

    Yaw is uniform, but for a share that faces the camera within ±40°, as people in photos do; pitch and roll are
    modest; a share `free` is turned at random, since gymnasts and sleepers are photographed too.
    """
    count = len(root)
    facing = np.arctan2(root[:, 0, 2], root[:, 2, 2])
    yaw = rng.uniform(-np.pi, np.pi, count)
    yaw = np.where(rng.random(count) < frontal, -facing + rng.uniform(-0.7, 0.7, count), yaw)
    zero = np.zeros(count)
    turn = axis_angle_to_matrix(np.stack([zero, yaw, zero], 1))
    pitch, roll = rng.normal(0.08, 0.22, count), rng.normal(0, 0.1, count)
    tilt = axis_angle_to_matrix(np.stack([pitch, zero, zero], 1)) @ axis_angle_to_matrix(
        np.stack([zero, zero, roll], 1)
    )
    any_turn = random_rotations(count, rng)
    world = np.where(rng.random((count, 1, 1)) < free, any_turn, tilt @ turn)
    return world @ root


@dataclass(frozen=True)
class Instances:
    """A batch of synthetic people in the frame of a camera that looks straight at them (upright: y up, z to the
    camera)."""

    rotations: np.ndarray
    """(B, 24, 3, 3), the root's in the camera's upright frame."""
    betas: np.ndarray
    joints: np.ndarray
    """(B, 24, 3) metres, upright frame, translated to where the person stands (z negative)."""
    landmarks: np.ndarray
    """(B, 8, 3) the keypoints that are vertices, in the order of `joints.KEYPOINT_LANDMARKS`."""
    transl: np.ndarray
    """(B, 3) what `BodyModel.pose` must add."""


VIEW = Camera(1000.0, np.zeros(2), (1, 1))
"""Pixels of this camera are thousandths of its focal length; the virtual camera looks at the person, so that the
photo's own focal length and frame do not matter."""


def skin_landmarks(
    model: BodyModel, betas: np.ndarray, rest: np.ndarray, joints: np.ndarray, world: np.ndarray
) -> np.ndarray:
    """Skin the eight vertices that are keypoints, without the rest of the mesh: (B, 8, 3)."""
    landmarks = np.empty((len(betas), len(model.keypoint_vertices), 3), np.float32)
    for number, vertex in enumerate(model.keypoint_vertices):
        resting = model.v_template[vertex] + betas @ model.shapedirs[vertex].T
        used = np.flatnonzero(model.lbs_weights[vertex])
        moved = joints[:, used] + np.einsum("bjkl,bjl->bjk", world[:, used], resting[:, None] - rest[:, used])
        landmarks[:, number] = (moved * model.lbs_weights[vertex, used][:, None]).sum(1)
    return landmarks


def make_instances(
    model: BodyModel, poses: Poses, count: int, rng: np.random.Generator, widen: bool = True
) -> Instances:
    """Draw `count` people: pose, shape, viewpoint, and a distance of 1.5 to 20 m (log-uniform)."""
    axis_angle = sample_poses(poses, count, rng, widen)
    rotations = axis_angle_to_matrix(axis_angle)
    rotations[:, 0] = sample_views(rotations[:, 0], rng)
    rotations = rotations.astype(np.float32)
    betas = np.clip(rng.normal(0, SHAPE_DEVIATION, (count, 10)), -3, 3).astype(np.float32)
    rest = model.rest_joints(betas)
    joints, world = forward_kinematics(rest, rotations, model.parents, model.kinematic_levels)
    middle = (joints.min(1) + joints.max(1)) / 2
    distance = np.exp(rng.uniform(np.log(1.5), np.log(20), count)).astype(np.float32)
    transl = -middle
    transl[:, 2] -= distance
    joints = joints + transl[:, None]
    landmarks = skin_landmarks(model, betas, rest, joints, world)
    return Instances(rotations, betas, joints, landmarks, transl)


def true_keypoints(instances: Instances) -> np.ndarray:
    """The keypoints (B, 25, 2) in pixels of `VIEW`."""
    points = np.stack(keypoints_from_joints(instances.joints, instances.landmarks), -2)
    return VIEW.project(points @ CAMERA_FROM_SMPL.astype(np.float32).T)
