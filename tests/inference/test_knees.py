"""Knees that carry: somebody kneels down on one knee and on both, and gets up; nobody else has knees that stand."""

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.geometry.joints import JOINT_INDEX
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.inference.motion import grounding, planted_feet
from body_from_image.inference.motion.foot_contact import KNEE_POINTS, standing_of
from body_from_image.inference.motion.legs import KNEES, knee_heights
from body_from_image.inference.motion.smooth_motion import smooth_motion
from body_from_image.training.motion.clips import grounded

from .conftest import DISTANCE, Walk, keypoints_of, shaken

BETAS = np.zeros(10, np.float32)
STANDING = {"left_hip": -5, "right_hip": -5, "left_knee": 10, "right_knee": 10, "left_ankle": -5, "right_ankle": -5}
ONE_KNEE = {"left_hip": -105, "right_hip": 0, "left_knee": 105, "right_knee": 104, "right_foot": -60}
BOTH = {"right_hip": 0, "left_knee": 104, "right_knee": 104, "left_foot": -60, "right_foot": -60}
"""Degrees by which joints are bent."""
HELD, MOVED = 30, 24
"""Frames for which a pose lasts, and which lead to the next."""


@pytest.fixture(scope="module")
def kneeler(body):
    """A walk in which nobody walks: standing, on one knee, on both, on one, standing."""
    kept, frames = [STANDING, ONE_KNEE, BOTH, ONE_KNEE, STANDING], []
    for one, other in zip(kept, kept[1:] + [STANDING], strict=True):
        share = np.concatenate([np.zeros(HELD), (1 - np.cos(np.pi * np.arange(MOVED) / MOVED)) / 2])
        own = np.zeros((len(share), 24, 3))
        for name in STANDING | BOTH:
            own[:, JOINT_INDEX[name], 0] = one.get(name, 0) * (1 - share) + other.get(name, 0) * share
        frames.append(own)
    poses = np.deg2rad(np.concatenate(frames))
    poses[:, [16, 17], 2] = [-1.2, 1.2]
    rotations = axis_angle_to_matrix(poses)
    turn = axis_angle_to_matrix(np.array([0.0, 0.9, 0.0]))
    rotations[:, 0] = turn @ rotations[:, 0]
    clip = grounded(body, "kneeler", rotations)
    shift = [0, -1.1, -DISTANCE - clip.trans[:, 2].max()]
    trans = clip.trans + shift
    keypoints = keypoints_of(body, clip.rotations, trans)
    return Walk(clip.rotations, trans, clip.soles + shift, clip.joints + shift, keypoints)


def of(body, estimate):
    rotations, trans = rotations_of(estimate.poses.astype(float)), estimate.trans.astype(float)
    posed = body.pose(BETAS[None], rotations, trans)
    return posed.joints.astype(float), posed.vertices.astype(float)


@pytest.fixture(scope="module")
def knelt(body, kneeler):
    """The shaken kneeler before and after smoothing on the ground, and which knees stood (F, 2)."""
    found = []

    def plant_feet(*arguments):
        found.extend(arguments[4])
        return planted_feet.plant_feet(*arguments)

    raw = shaken(body, kneeler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grounding, "plant_feet", plant_feet)
        kept = smooth_motion(raw, body, keep_feet=True)
    return smooth_motion(raw, body), kept, standing_of(found, len(kneeler.trans), max(KNEE_POINTS) + 1)


def test_knees_that_carry_are_found_and_no_others(kneeler, knelt, body):
    low = kneeler.joints[:, KNEES, 1] < -1.1 + knee_heights(body, BETAS) + 0.02
    found = knelt[2][:, list(KNEE_POINTS)]
    assert low.sum(0).min() > HELD and low[:, 1].sum() > 2 * HELD, "one knee kneels longer than the other"
    assert found[low].mean() > 0.9
    assert kneeler.joints[:, KNEES, 1][found].max() < -1.1 + 0.15


def test_a_knee_that_kneels_does_not_slide_and_is_not_below_the_floor(body, knelt):
    free, kept, standing = knelt
    both = standing[1:] & standing[:-1]
    locked = both[:, list(KNEE_POINTS)]
    steps = [np.linalg.norm(np.diff(of(body, one)[0][:, KNEES], axis=0), axis=-1) for one in (free, kept)]
    assert steps[0][locked].mean() > 0.002, "smoothed alone it slides"
    assert steps[1][locked].max() < 0.001
    floor = kept.floor.astype(float)
    joints, skin = of(body, kept)
    assert (skin @ floor[:3] - floor[3]).min() > -0.005
    above = joints[:, KNEES] @ floor[:3] - floor[3]
    assert above[standing[:, list(KNEE_POINTS)]] == pytest.approx(knee_heights(body, BETAS)[0], abs=1e-3)
    # The toes' joint of a leg whose knee rests keeps its place, too.
    for side, foot in enumerate(("left_foot", "right_foot")):
        toes = np.linalg.norm(np.diff(joints[:, JOINT_INDEX[foot]], axis=0), axis=-1)
        assert toes[locked[:, side] & both[:, 2 * side + 1]].max() < 0.001


def test_kneeling_costs_no_more_of_the_pose_than_feet_do(body, kneeler, knelt):
    errors = []
    for one in knelt[:2]:
        joints = of(body, one)[0]
        apart = joints - joints[:, :1] - (kneeler.joints - kneeler.joints[:, :1])
        errors.append(np.linalg.norm(apart, axis=-1).mean())
    assert errors[1] < errors[0] + 0.008


def test_nobody_who_walks_kneels(body, walk, monkeypatch):
    """What knees are told to be of somebody who walks is never asked for: the motion is what it is without them."""
    raw, kept = shaken(body, walk), []
    kept.append(smooth_motion(raw, body, keep_feet=True))
    monkeypatch.setattr(grounding, "KNEE_REACH", -np.inf)
    kept.append(smooth_motion(raw, body, keep_feet=True))
    assert (kept[0].poses == kept[1].poses).all() and (kept[0].trans == kept[1].trans).all()
