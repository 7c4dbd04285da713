"""As few keys as a motion needs: the body where it was in every frame, and feet that stood stand."""

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_quaternions,
    matrix_to_quaternion,
    quaternion_to_matrix,
)
from body_from_image.inference.motion.legs import sole_points
from body_from_image.inference.motion.reduced_keys import hermite, reduce_keys
from body_from_image.inference.motion.smooth_motion import smooth_motion

from .conftest import shaken

BETAS = np.zeros(10, np.float32)


def reduced(body, rotations, trans, tolerance):
    """The motion (F, 24, 3, 3), (F, 3) that curves through the keys give, and how many keys they have."""
    keys = reduce_keys(body, BETAS, rotations, trans, tolerance)
    tracks = continuous_quaternions(matrix_to_quaternion(rotations)).swapaxes(0, 1)
    turned = np.stack([hermite(track, own) for track, own in zip(tracks, keys, strict=False)], 1)
    assert ((turned[1:] * turned[:-1]).sum(-1) > 0).all(), "no quaternion changes its sign"
    turned = quaternion_to_matrix(turned / np.linalg.norm(turned, axis=-1, keepdims=True))
    return turned, hermite(trans, keys[-1]), sum(map(len, keys))


def joints_of(body, rotations, trans):
    return body.skeleton(BETAS[None], rotations)[0] + trans[:, None]


@pytest.mark.parametrize(("tolerance", "fewer"), [(0.002, 2.5), (0.005, 3), (0.02, 3.5)])
def test_real_walks_need_few_keys_and_no_frame_is_off(body, mocap_walks, tolerance, fewer):
    """Walks of CMU's mocap, as films on the ground; feet that stood move by less than a millimetre a frame."""
    for walk in mocap_walks[:3]:
        motion = smooth_motion(shaken(body, walk), body, 0.5, keep_feet=True)
        rotations, trans = rotations_of(motion.poses.astype(float)), motion.trans.astype(float)
        turned, placed, count = reduced(body, rotations, trans, tolerance)
        apart = joints_of(body, turned, placed) - joints_of(body, rotations, trans)
        assert np.linalg.norm(apart, axis=-1).max() <= tolerance
        soles, after = (sole_points(body, BETAS, *one) for one in ((rotations, trans), (turned, placed)))
        assert np.linalg.norm(after - soles, axis=-1).max() <= tolerance
        standing = np.linalg.norm(np.diff(soles, axis=0), axis=-1) < 1e-4
        assert standing.sum() > 50
        assert np.linalg.norm(np.diff(after, axis=0), axis=-1)[standing].max() < 0.001
        assert count * fewer < 25 * len(rotations)


def test_what_stands_still_needs_two_keys_a_curve(body):
    rotations, trans = np.tile(np.eye(3), (50, 24, 1, 1)), np.zeros((50, 3))
    assert all(keys.tolist() == [0, 49] for keys in reduce_keys(body, BETAS, rotations, trans, 0.005))


def test_a_moving_arm_asks_for_keys_of_its_own_alone(body):
    rotations, trans = np.tile(np.eye(3), (60, 24, 1, 1)), np.zeros((60, 3))
    swing = np.sin(np.arange(60) / 4)[:, None] * [0.0, 0.0, 1.0]
    rotations[:, 18] = axis_angle_to_matrix(swing)
    keys = reduce_keys(body, BETAS, rotations, trans, 0.005)
    assert [len(own) > 2 for own in keys] == [joint == 18 for joint in range(25)]
    assert len(keys[18]) < 25


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips_keep_their_ends(body, frames):
    rotations = axis_angle_to_matrix(np.random.default_rng(0).normal(0, 0.3, (frames, 24, 3)))
    keys = reduce_keys(body, BETAS, rotations, np.zeros((frames, 3)), 0.005)
    assert all(own[0] == 0 and own[-1] == frames - 1 for own in keys)
    assert np.allclose(reduced(body, rotations, np.zeros((frames, 3)), 1e-6)[0], rotations, atol=1e-4)
