"""Hands that carry: found where they are low and still, and locked; those that do not are left alone."""

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.geometry.joints import JOINT_INDEX
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.inference.motion.body_path import Path
from body_from_image.inference.motion.foot_contact import HAND_REACH, LANDMARKS, Contact, find_contacts
from body_from_image.inference.motion.legs import ARMS, HANDS, move_limbs
from body_from_image.inference.motion.planted_hands import PALM, hold_hands
from body_from_image.inference.motion.smooth_motion import smooth_motion

from .conftest import RATE, shaken

BETAS = np.zeros(10, np.float32)
FRAMES, FIRST, STOP = 60, 20, 40
EASE, HOLD = 6.0, 2.4


def test_arms_bring_the_hands_where_they_must(body, walk):
    shift = np.random.default_rng(0).uniform(-0.02, 0.02, (len(walk.trans), 2, 3))
    rotations = walk.rotations.copy()
    rotations[:, [18, 19]] = axis_angle_to_matrix(np.array([[0.0, -0.8, 0], [0, 0.8, 0]]))
    none = np.tile(np.eye(3), (len(shift), 2, 1, 1))
    moved = move_limbs(body, BETAS, rotations, ARMS, shift, none)
    before, after = (body.pose(BETAS[None], turns, walk.trans) for turns in (rotations, moved))
    wrists = [arm[2] for arm in ARMS]
    assert np.abs(after.joints[:, wrists] - before.joints[:, wrists] - shift).max() < 1e-4
    assert np.abs(after.joint_rotations[:, wrists] - before.joint_rotations[:, wrists]).max() < 1e-4
    others = [joint for joint in range(24) if joint not in (18, 19, 20, 21, 22, 23)]
    assert np.abs(after.joints[:, others] - before.joints[:, others]).max() < 1e-5


@pytest.fixture(scope="module")
def held():
    """Joints (F, 24, 3) whose left hand trembles and sinks while it stands, and what holds it."""
    rng = np.random.default_rng(1)
    joints = np.zeros((FRAMES, 24, 3))
    away = np.maximum(np.maximum(FIRST - np.arange(FRAMES), np.arange(FRAMES) - STOP + 1), 0)
    hand = np.stack([0.5 + 0.02 * away, 0.04 * away - 0.01, 0 * away], -1) + rng.normal(0, 0.003, (FRAMES, 3))
    joints[:, JOINT_INDEX["left_hand"]] = hand
    path = Path(np.zeros((FRAMES, 3)), np.zeros((FRAMES, 3)), np.zeros(3))
    shifts, shares = hold_hands(joints, [Contact(len(LANDMARKS), FIRST, STOP)], path, EASE, HOLD)
    return hand, hand + shifts[:, 0], shifts, shares


def test_a_hand_that_stands_does_not_move_at_all_and_is_not_below_the_floor(held):
    _, after, _, shares = held
    assert np.abs(after[FIRST:STOP] - after[FIRST]).max() < 1e-12
    assert after[FIRST, 1] == pytest.approx(PALM), "it was seen below the floor"
    assert after[:, 1].min() > PALM - 1e-9 and (shares[FIRST:STOP, 0] == 1).all()


def test_it_comes_and_goes_smoothly_and_the_other_hand_is_left_alone(held):
    before, after, shifts, shares = held
    far = np.r_[0 : FIRST - int(EASE), STOP + int(EASE) : FRAMES]
    assert np.abs(after - before)[far].max() == 0
    assert np.abs(np.diff(after - before, axis=0)).max() < 0.03
    assert not shifts[:, 1].any() and not shares[:, 1].any()


def test_hands_that_are_still_and_high_carry_nothing():
    points = np.zeros((40, 2, 3)) + np.random.default_rng(0).normal(0, 1e-4, (40, 2, 3))
    heights = np.tile([0.5 * HAND_REACH, 1.5 * HAND_REACH], (40, 1))
    sure = np.ones((40, 2))
    contacts = find_contacts(points, points[..., :2], heights, sure, RATE, HAND_REACH)
    assert contacts == [Contact(0, 0, 40)]


def test_the_arms_of_somebody_who_walks_are_left_alone(body, walk):
    raw = shaken(body, walk)
    free, kept = (rotations_of(smooth_motion(raw, body, 0.5, feet).poses.astype(float)) for feet in (False, True))
    chain = [JOINT_INDEX[name] for name in ("spine1", "spine3", "left_collar", "right_collar", "head")]
    arms = [*chain, *(joint for arm in ARMS for joint in arm), *HANDS]
    assert np.abs(free[:, arms] - kept[:, arms]).max() < 1e-6
