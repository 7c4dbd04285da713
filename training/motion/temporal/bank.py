"""Windows to learn from, made once: the mocap's training clips walked over the floor, seen by cameras, spoilt as in
films, and lifted frame by frame by PosePrior, which takes most of the time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....inference.body.body_estimate import CAMERA_FROM_SMPL
from ....inference.body.body_model import BodyModel
from ....inference.geometry.joints import JOINT_MIRROR, JOINT_NAMES
from ....inference.geometry.rotations import axis_angle_to_matrix, six_d_to_matrix
from ....inference.models import MODELS
from ....inference.motion.lifting import film_of
from ....inference.motion.side_swaps import repair_sides
from ....inference.motion.windows import FRAMES, RATE, Film, about_camera, columns_of, window_features
from ....inference.networks.priors import POSE_WEIGHTS, PosePrior
from ...people.instances import VIEW, sample_views
from ...people.poses import POSE_NOISE, Poses, load_poses
from ...people.shapes import Shapes
from ..clips import TrueClip, grounded
from .film_noise import film_keypoints, known_frames

SPEED = (0.7, 1.4)
"""Range of how fast a clip is played."""
DISTANCE = (2.0, 15.0)
"""Metres from the camera, log-uniform."""
NEAREST = 1.2
FEWEST = 8
"""Frames that the clip has of a window."""
FOLLOWED = 0.4
"""Share of films whose camera goes along with the person, more or less."""
CROSSED, WIDENED = 0.2, 0.5
"""Shares of films with another clip's upper body, and with joints that are turned by the same amount throughout."""
FINETUNED = 0.75
"""Share lifted by the PosePrior that ships; the others by the one that has seen no photos."""
MIRROR = np.diag([-1.0, 1.0, 1.0])
_UPPER = np.array([not name.endswith(("pelvis", "hip", "knee", "ankle", "foot")) for name in JOINT_NAMES])
_NOISE = np.deg2rad([[POSE_NOISE.get(name.split("_")[-1], 0.0)] for name in JOINT_NAMES])


@dataclass(frozen=True)
class Bank:
    """N windows: `features` (N, FRAMES, C) float16, the true `rotations` (N, FRAMES, 24, 6) float16 about the window's
    virtual camera, `bones` (N, 24, 3) from each joint's parent at rest, metres, and `told` (N, FRAMES): whether the
    clip has that frame."""

    features: np.ndarray
    rotations: np.ndarray
    bones: np.ndarray
    told: np.ndarray

    def save(self, path: Path) -> None:
        np.savez(path, features=self.features, rotations=self.rotations, bones=self.bones, told=self.told)

    @classmethod
    def load(cls, path: Path) -> "Bank":
        with np.load(path) as archive:
            return cls(**archive)


class Films:
    """Draws windows of the clips of one split. Raises PackMissing."""

    def __init__(self, split: str):
        self.body = BodyModel.load()
        self.poses, self.shapes = load_poses(split), Shapes(self.body)
        self.priors = [PosePrior("cpu", 1, MODELS / f"{name}.onnx") for name in POSE_WEIGHTS.values()]
        self.cumulative = np.cumsum(self.poses.probability)
        self.clips = {number: self._clip(self.poses, number) for number in np.unique(self.poses.clip)}

    def _clip(self, poses: Poses, number: int) -> tuple[int, TrueClip]:
        """The clip's first frame among the poses, and itself."""
        own = np.flatnonzero(poses.clip == number)
        return own[0], grounded(self.body, "", axis_angle_to_matrix(poses.axis_angle[own].astype(np.float64)))

    def draw(self, count: int, rng: np.random.Generator) -> Bank:
        """`count` windows."""
        parts = [self._window(rng) for _ in range(count)]
        return Bank(*(np.stack(column) for column in zip(*parts, strict=True)))

    def _played(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rotations (T, 24, 3, 3) and path (T, 3) of a window of some clip at some speed, and whether the clip has each
        frame (T,); about frames drawn as those for PosePrior are."""
        frame = int(np.searchsorted(self.cumulative, rng.random() * self.cumulative[-1]))
        first, clip = self.clips[self.poses.clip[min(frame, len(self.cumulative) - 1)]]
        speed = np.exp(rng.uniform(*np.log(SPEED)))
        place = frame - first + speed * (np.arange(FRAMES) - rng.uniform(0.1, 0.9) * FRAMES)
        told, place = (place >= 0) & (place <= len(clip.trans) - 1), np.clip(place, 0, len(clip.trans) - 1)
        before = np.minimum(place.astype(int), len(clip.trans) - 2)
        share = (place - before)[:, None, None]
        columns = [columns_of(clip.rotations[before + shift]) for shift in (0, 1)]
        rotations = six_d_to_matrix(columns[0] * (1 - share) + columns[1] * share)
        path = clip.trans[before] * (1 - share[:, 0]) + clip.trans[before + 1] * share[:, 0]
        if rng.random() < 0.5:
            rotations, path = MIRROR @ rotations[:, JOINT_MIRROR] @ MIRROR, path @ MIRROR
        return rotations, path, told

    def _moving(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same, some of them widened."""
        rotations, path, told = self._played(rng)
        if rng.random() < CROSSED:
            other, _, also = self._played(rng)
            rotations, told = np.where(_UPPER[:, None, None], other, rotations), told & also
        if rng.random() < WIDENED:
            rotations = rotations @ axis_angle_to_matrix(rng.normal(size=(24, 3)) * _NOISE * rng.gamma(1.0, 0.6))
        return rotations, path, told

    def _window(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        while True:
            rotations, path, told = self._moving(rng)
            betas = self.shapes.sample(1, rng)
            middle = FRAMES // 2
            world = sample_views(rotations[middle : middle + 1, 0], rng)[0] @ rotations[middle, 0].T
            rotations[:, 0] = world @ rotations[:, 0]
            follow = rng.uniform() if rng.random() < FOLLOWED else 0.0
            path = (path - path[middle]) @ world.T * (1 - follow)
            joints, turns = self.body.skeleton(betas, rotations)
            points = self.body.keypoints(betas[0], joints, turns) + path[:, None]
            points = points - points[middle].mean(0) - [0, 0, np.exp(rng.uniform(*np.log(DISTANCE)))]
            if points[..., 2].max() < -NEAREST and told.sum() >= FEWEST:
                break
        film = self._seen(points @ CAMERA_FROM_SMPL.T, told, rng)
        features, turn = window_features(film, np.array([0]))
        truth = turn[0] @ CAMERA_FROM_SMPL @ about_camera(rotations)
        rest = self.body.rest_joints(betas)[0]
        bones = rest - np.where(self.body.parents[:, None] >= 0, rest[self.body.parents], rest)
        columns = columns_of(CAMERA_FROM_SMPL @ truth)
        return features[0].astype(np.float16), columns.astype(np.float16), bones.astype(np.float32), told

    def _seen(self, points: np.ndarray, told: np.ndarray, rng: np.random.Generator) -> Film:
        """What a film shows of keypoints (T, 25, 3) in the camera's frame."""
        keypoints = film_keypoints(VIEW.project(points), rng)
        known = known_frames(len(points), rng) & told & ((keypoints[..., 2] > 0).sum(1) >= 5)
        known[FRAMES // 2] |= not known.any()
        keypoints, _ = repair_sides(keypoints, known)
        prior = self.priors[int(rng.random() > FINETUNED)]
        times = np.arange(len(points)) / RATE
        return film_of(keypoints, VIEW, times, known, *prior.with_uncertainty(keypoints, VIEW))
