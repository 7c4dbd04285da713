"""A floor whose tilt somebody knows: it lies as they say, and feet stand on it."""

import numpy as np
import pytest
from body_from_image.inference.body.assembly import turned_motion
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.geometry.rotations import shortest_turn
from body_from_image.inference.motion.legs import sole_points
from body_from_image.inference.motion.smooth_motion import smooth_motion, tilt_of, up_of

from .conftest import _walk, shaken

TILT = 14.0, -6.0


@pytest.fixture(scope="module")
def tilted(body, walk):
    """The walk before a camera that looks down and is turned anticlockwise."""
    turn = shortest_turn(np.array([0.0, 1.0, 0.0]), up_of(*TILT))
    rotations, trans = turned_motion(body, np.zeros(10, np.float32), walk.rotations, walk.trans, turn)
    return _walk(body, rotations, trans)


def test_pitch_and_roll_are_what_a_camera_has():
    assert up_of(0, 0) == pytest.approx([0, 1, 0])
    down, clockwise = up_of(30, 0), up_of(0, 20)
    assert down[2] == pytest.approx(0.5), "a camera that looks down has up behind it"
    assert clockwise[0] < 0, "to a camera that is turned clockwise up leans to the left"
    for tilt in ((14, -6), (-60, 40), (0, 75)):
        assert tilt_of(up_of(*tilt)) == pytest.approx(tilt)


@pytest.mark.parametrize("said", [TILT, (12.0, -5.0), (16.0, -7.0)])
def test_the_floor_lies_as_somebody_says_and_feet_stand_on_it(body, tilted, said):
    motion = smooth_motion(shaken(body, tilted), body, 0.5, True, said)
    assert tilt_of(motion.floor[:3]) == pytest.approx(said, abs=0.05)
    rotations, trans = rotations_of(motion.poses.astype(float)), motion.trans.astype(float)
    soles = sole_points(body, motion.betas, rotations, trans)
    assert (soles @ motion.floor[:3] - motion.floor[3]).min() > -0.001
    standing = np.linalg.norm(np.diff(soles, axis=0), axis=-1) < 1e-4
    assert standing.any(1).mean() > 0.8, "in most frames a foot is locked"


def test_a_known_tilt_is_nearer_the_truth_than_an_estimate(body, tilted):
    raw = shaken(body, tilted)
    errors = []
    for said in (None, TILT):
        motion = smooth_motion(raw, body, 0.5, True, said)
        errors.append(np.rad2deg(np.arccos(np.clip(motion.floor[:3] @ up_of(*TILT), -1, 1))))
    assert errors[1] < 0.05 < errors[0]
