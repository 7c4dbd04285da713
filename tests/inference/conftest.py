"""Shared by the motion's tests: people who walk as is known, without a data pack and with one."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import BodyEstimate, camera_from_upright
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.geometry.camera import Camera
from body_from_image.inference.geometry.joints import JOINT_INDEX, KEYPOINT_NAMES, keypoints_from_joints
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.inference.motion.legs import move_feet

RATE = 30.0
WALKING = ("CMU_07", "CMU_08", "CMU_16", "CMU_35", "CMUx_walking")
SOLES = ("LHeel", "LBigToe", "RHeel", "RBigToe")
SQUAT = 0.08
"""Metres by which the body is lower than when it stands, so that its legs reach."""
DISTANCE = 4.5
CAMERA = Camera(1400.0, np.array([639.5, 359.5]), (1280, 720))


@dataclass(frozen=True)
class Walk:
    """F frames of a walk as it was: rotations, trans, heels and toes (F, 4, 3), joints, keypoints (F, 25, 2) pixels."""

    rotations: np.ndarray
    trans: np.ndarray
    soles: np.ndarray
    joints: np.ndarray
    keypoints: np.ndarray

    def standing(self, speed: float = 0.1) -> np.ndarray:
        """Steps (F - 1, 4) between frames in which a point moves by less than `speed`, metres a second."""
        return np.linalg.norm(np.diff(self.soles, axis=0), axis=-1) * RATE < speed


@pytest.fixture(scope="session")
def walk(body) -> Walk:
    """Three seconds of an even walk, to the side and towards the camera."""
    return even_walk(body, 90, yaw=0.6)


@pytest.fixture(scope="session")
def mocap_walks(body) -> list[Walk]:
    """Walks of CMU's mocap from the test split."""
    folder = os.environ.get("BODY_FROM_IMAGE_DATA")
    if not folder:
        pytest.skip("BODY_FROM_IMAGE_DATA does not name the data packs")
    archive = np.load(Path(folder) / "mocap" / "cmu_smpl24.npz")
    ends = np.cumsum(archive["clip_len"])
    names = [str(name) for name in archive["clip_name"]]
    clips = [clip for clip, name in enumerate(names) if clip % 8 == 0 and name.startswith(WALKING)]
    walks = []
    for number, clip in enumerate(clips):
        poses = archive["poses"][ends[clip] - archive["clip_len"][clip] : ends[clip]][:150].astype(np.float64)
        walks.append(planted_walk(body, axis_angle_to_matrix(poses), yaw=0.9 * number))
    return walks


def even_walk(body: BodyModel, frames: int, yaw: float) -> Walk:
    """One metre a second straight on, `DISTANCE` away; each foot stands flat for 0.6 s of a second and swings for 0.4.

    The legs are posed by our own two-bone solver, which a test of its own checks.
    """
    time = np.arange(frames) / RATE
    poses = np.zeros((frames, 24, 3))
    shift = np.zeros((frames, 2, 3))
    for side, (name, sign) in enumerate((("left", 1), ("right", -1))):
        phase = (time + side / 2) % 1.0
        swing = np.clip((phase - 0.6) / 0.4, 0, 1)
        # Where the foot is over the floor, less where the body is: it stays behind, then comes forward.
        shift[:, side, 2] = np.where(phase < 0.6, 0.3 - phase, -0.3 + 0.6 * (1 - np.cos(np.pi * swing)) / 2)
        shift[:, side, 1] = SQUAT + 0.1 * np.sin(np.pi * swing) ** 2
        poses[:, JOINT_INDEX[f"{name}_shoulder"], 2] = -sign * 1.2
        poses[:, JOINT_INDEX[f"{name}_elbow"], 1] = -sign * (0.5 - 0.4 * np.cos(2 * np.pi * phase))
    flat = np.tile(np.eye(3), (frames, 2, 1, 1))
    rotations = move_feet(body, np.zeros(10, np.float32), axis_angle_to_matrix(poses), shift, flat)
    path = np.stack([0 * time, -SQUAT + 0 * time, time - time.mean()], -1)
    turn = axis_angle_to_matrix(np.array([0.0, yaw, 0.0]))
    rest = body.rest_joints(np.zeros((1, 10), np.float32))[0, 0].astype(np.float64)
    rotations[:, 0] = turn @ rotations[:, 0]
    return _walk(body, rotations, (path + rest) @ turn.T - rest + [0, -0.1, -DISTANCE])


def planted_walk(body: BodyModel, rotations: np.ndarray, yaw: float) -> Walk:
    """Let a body move over a level floor by what its lowest sole pushes off: the point that stands keeps its place."""
    turn = axis_angle_to_matrix(np.array([0.0, yaw, 0.0]))
    rotations = np.concatenate([turn @ rotations[:, :1], rotations[:, 1:]], axis=1)
    soles = _soles(body, rotations, np.zeros((len(rotations), 3)))
    trans, standing = np.zeros((len(rotations), 3)), int(soles[0, :, 1].argmin())
    for frame in range(1, len(rotations)):
        trans[frame] = trans[frame - 1] - soles[frame, standing] + soles[frame - 1, standing]
        lowest = int(soles[frame, :, 1].argmin())
        standing = lowest if soles[frame, standing, 1] - soles[frame, lowest, 1] > 0.015 else standing
    trans[:, 1] = -soles[..., 1].min(1)
    trans -= [np.ptp(trans[:, 0]) / 2 + trans[:, 0].min(), 1.1, trans[:, 2].max() + DISTANCE]
    return _walk(body, rotations, trans)


def _walk(body: BodyModel, rotations: np.ndarray, trans: np.ndarray) -> Walk:
    joints = _skeleton(body, rotations)[0] + trans[:, None]
    return Walk(rotations, trans, _soles(body, rotations, trans), joints, keypoints_of(body, rotations, trans))


def estimate_of(body: BodyModel, rotations: np.ndarray, trans: np.ndarray, keypoints: np.ndarray) -> BodyEstimate:
    """What the engine would say of a clip; keypoints (F, 25, 2 or 3)."""
    frames = len(rotations)
    if keypoints.shape[-1] == 2:
        keypoints = np.concatenate([keypoints, np.full((frames, len(KEYPOINT_NAMES), 1), 0.9)], axis=-1)
    joints = camera_from_upright(_skeleton(body, rotations)[0] + trans[:, None])
    return BodyEstimate(
        poses=matrix_to_axis_angle(rotations).reshape(frames, -1).astype(np.float32),
        betas=np.zeros(10, np.float32),
        trans=trans.astype(np.float32),
        keypoints_2d=keypoints.astype(np.float32),
        joints_3d=joints.astype(np.float32),
        joints_2d=CAMERA.project(joints).astype(np.float32),
        focal=CAMERA.focal,
        camera_center=CAMERA.center.astype(np.float32),
        image_size=CAMERA.size,
        bbox=np.zeros((frames, 4), np.float32),
        score=np.full(frames, 0.9, np.float32),
        body_model=body.hash,
        faces=body.faces,
        mocap_framerate=RATE,
        source="walk.mp4",
    )


def shaken(body: BodyModel, walk: Walk, seed: int = 0, degrees: float = 4.0) -> BodyEstimate:
    """A walk as single frames might be estimated: joints off by degrees, place by centimetres, distance by more."""
    rng = np.random.default_rng(seed)
    noise = axis_angle_to_matrix(rng.normal(0, np.deg2rad(degrees) / np.sqrt(3), (len(walk.rotations), 24, 3)))
    trans = walk.trans + rng.normal(0, [0.01, 0.01, 0.06], walk.trans.shape)
    keypoints = walk.keypoints + rng.normal(0, 3.0, walk.keypoints.shape)
    return estimate_of(body, walk.rotations @ noise, trans, keypoints)


def _skeleton(body: BodyModel, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return body.skeleton(np.zeros((1, 10), np.float32), rotations.astype(np.float64, copy=False))


def _soles(body: BodyModel, rotations: np.ndarray, trans: np.ndarray) -> np.ndarray:
    vertices = [body.landmarks[name] for name in SOLES]
    return body.pose(np.zeros((1, 10)), rotations, trans).vertices[:, vertices].astype(np.float64)


def keypoints_of(body: BodyModel, rotations: np.ndarray, trans: np.ndarray) -> np.ndarray:
    posed = body.pose(np.zeros((1, 10)), rotations, trans)
    points = np.stack(keypoints_from_joints(posed.joints, posed.vertices[:, body.keypoint_vertices]), -2)
    return CAMERA.project(camera_from_upright(points.astype(np.float64)))
