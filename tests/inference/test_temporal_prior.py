"""The temporal prior that ships: who stands still stands still, whatever the frame rate and the length."""


import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import CAMERA_FROM_SMPL
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.files.images import read_image
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.inference.motion.lifting import SeenClip, TemporalPrior, frame_by_frame
from body_from_image.inference.motion.windows import near_known

from ..conftest import EXAMPLE


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings(device="cpu", threads=1))


@pytest.fixture(scope="module")
def standing(engine):
    """A clip of so many frames of somebody who does not move."""
    photo = read_image(EXAMPLE)
    keypoints, camera = engine.detect(photo).detection.keypoints, engine.camera(photo.size)

    def clip(frames: int, rate: float) -> SeenClip:
        return SeenClip(np.repeat(keypoints[None], frames, 0), np.ones(frames, bool), camera, None, rate)

    return clip


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.linalg.norm(matrix_to_axis_angle(a.swapaxes(-1, -2) @ b), axis=-1))


@pytest.mark.parametrize(("frames", "rate"), [(1, 30.0), (2, 30.0), (20, 30.0), (60, 30.0), (60, 12.0), (60, 60.0)])
def test_who_stands_still_stands_still(engine, standing, frames, rate):
    clip = standing(frames, rate)
    rotations, uncertainty = engine.lift_clip(engine.pose_prior, clip)
    assert rotations.shape == (frames, 24, 3, 3) and uncertainty.shape == (frames, 24)
    moved = degrees_between(rotations, rotations[frames // 2 : frames // 2 + 1])
    assert moved.mean() < 1 and moved.max() < 5
    alone, _ = frame_by_frame(engine.pose_prior, clip)
    assert degrees_between(rotations, alone).mean() < 6, "it puts PosePrior's answers right, and makes no new pose"


def test_jitter_goes_and_the_pose_stays(engine, standing):
    clip = standing(60, 30.0)
    noise = np.random.default_rng(0).normal(0, 3, clip.keypoints[..., :2].shape)
    clip.keypoints[..., :2] += noise
    shaking, _ = frame_by_frame(engine.pose_prior, clip)
    steady, _ = engine.lift_clip(engine.pose_prior, clip)
    jitter = [degrees_between(one[1:], one[:-1]).mean() for one in (shaking, steady)]
    assert jitter[1] < 0.3 * jitter[0]


def test_it_belongs_to_the_weights_that_it_learnt_from():
    settings = {name: Settings(device="cpu", threads=1, pose_weights=name) for name in ("photos", "mocap")}
    assert isinstance(Engine(settings["photos"]).lift_clip, TemporalPrior)
    assert Engine(settings["mocap"]).lift_clip is frame_by_frame


def test_a_turning_person_who_is_lost_for_a_while_does_not_jump(engine):
    """What lies in a gap is told by its ends: not each half by another window."""
    turns = axis_angle_to_matrix(np.deg2rad(6) * np.arange(60)[:, None] * [0, 1.0, 0])
    pose = np.tile(np.eye(3), (60, 24, 1, 1))
    pose[:, 0] = turns
    joints, world = engine.body.skeleton(np.zeros((1, 10), np.float32), pose.astype(np.float32))
    points = engine.body.keypoints(np.zeros(10, np.float32), joints, world) @ CAMERA_FROM_SMPL.T + [0, 0, 4]
    camera = engine.camera((640, 480))
    keypoints = np.concatenate([camera.project(points), np.full((60, 25, 1), 0.9)], -1)
    known = (np.arange(60) < 20) | (np.arange(60) >= 32)
    rotations, _ = engine.lift_clip(engine.pose_prior, SeenClip(keypoints, known, camera, None, 30.0))
    assert degrees_between(rotations[1:, 0], rotations[:-1, 0]).max() < 20


def test_slow_pictures_and_long_films_cost_what_their_frames_cost(engine, standing):
    clip = standing(30, 0.001)
    rotations, _ = engine.lift_clip(engine.pose_prior, clip)
    assert np.allclose(rotations, frame_by_frame(engine.pose_prior, clip)[0]), "hours lie between them"
    known = np.zeros(200_000, bool)
    known[[3, 7, 199_990]] = True
    near = near_known(known, 2)
    assert np.flatnonzero(near).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 199_988, 199_989, 199_990, 199_991, 199_992]
    assert near_known(np.array([False, False, True]), 1).tolist() == [False, True, True]
