"""Synthetic people: poses from mocap, shapes from the body model, random cameras (METHOD, priors).

A batch is made anew each time, in numpy, by the same body model, camera and features that inference uses.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import CAMERA_FROM_SMPL
from ...inference.body.body_model import BodyModel
from ...inference.geometry.camera import Camera
from ...inference.geometry.joints import keypoints_from_joints
from ...inference.geometry.rotations import quaternion_to_matrix
from .poses import PoseSampler, load_poses, with_fitted
from .postures import about
from .shapes import Shapes

FRONTAL, FREE = 0.35, 0.12
"""Shares of people who face the camera, and who are turned at random."""
ABOVE, BELOW = 0.15, 0.08
"""Shares of pictures taken from well above, such as from a balcony, and from well below."""


def random_rotations(count: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform rotations (count, 3, 3) from random quaternions."""
    quaternions = rng.normal(size=(count, 4))
    return quaternion_to_matrix(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True))


def sample_views(root: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn the world about each root (B, 3, 3) as a photographer would walk round it.

    Yaw is uniform, but for the share that faces the camera within ±40°, as people in photos do. The camera mostly looks
    a little down and stands nearly level; some look from above or below, and some are held askew. The last share is
    turned at random, since gymnasts and sleepers are photographed too.
    """
    count = len(root)
    facing = np.arctan2(root[:, 0, 2], root[:, 2, 2])
    yaw = rng.uniform(-np.pi, np.pi, count)
    yaw = np.where(rng.random(count) < FRONTAL, -facing + rng.uniform(-0.7, 0.7, count), yaw)
    kind = rng.random(count)
    pitch = rng.normal(0.08, 0.18, count)
    pitch = np.where(kind < ABOVE, np.deg2rad(rng.uniform(10, 70, count)), pitch)
    pitch = np.where(kind > 1 - BELOW, -np.deg2rad(rng.uniform(5, 45, count)), pitch)
    roll = rng.normal(0, np.where(rng.random(count) < 0.06, 0.4, 0.08), count)
    world = about("x", pitch) @ about("z", roll) @ about("y", yaw)
    return np.where(rng.random((count, 1, 1)) < FREE, random_rotations(count, rng), world) @ root


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


VIEW = Camera(1000.0, np.zeros(2, np.float32), (1, 1))
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


class People:
    """Draws synthetic people of one split: pose, shape, viewpoint, and a distance of 1.5 to 20 m (log-uniform).

    Without `widen`, poses are those of the mocap, mirrored or not. A `share` of them is of `fitted`, a file of
    `fit-poses`. Raises PackMissing.
    """

    def __init__(
        self, model: BodyModel, split: str, widen: bool = True, fitted: Path | None = None, share: float = 0.0
    ):
        self.model = model
        poses = load_poses(split)
        self.poses = PoseSampler(with_fitted(poses, fitted, share) if fitted else poses, widen)
        self.shapes = Shapes(model)

    def draw(self, count: int, rng: np.random.Generator, betas: np.ndarray | None = None) -> Instances:
        """`count` people, of shapes `betas` (count, S) if given."""
        model = self.model
        rotations = self.poses(count, rng)
        rotations[:, 0] = sample_views(rotations[:, 0], rng)
        rotations = rotations.astype(np.float32)
        betas = self.shapes.sample(count, rng) if betas is None else betas
        rest = model.rest_joints(betas)
        joints, world = model.skeleton(betas, rotations)
        middle = (joints.min(1) + joints.max(1)) / 2
        distance = np.exp(rng.uniform(np.log(1.5), np.log(20), count)).astype(np.float32)
        transl = -middle
        transl[:, 2] -= distance
        landmarks = skin_landmarks(model, betas, rest, joints + transl[:, None], world)
        return Instances(rotations, betas, joints + transl[:, None], landmarks, transl)


def true_keypoints(instances: Instances) -> np.ndarray:
    """The keypoints (B, 25, 2) in pixels of `VIEW`."""
    points = np.stack(keypoints_from_joints(instances.joints, instances.landmarks), -2)
    return VIEW.project(points @ CAMERA_FROM_SMPL.astype(np.float32).T)
