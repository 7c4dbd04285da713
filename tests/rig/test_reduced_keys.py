"""Fewer keys in Blender: every frame as it was, keys that can be taken back, and what cannot be reduced is told."""

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.rig.action import curves_of
from body_from_image.rig.character import build_character
from body_from_image.rig.export import export
from body_from_image.rig.export.bvh import _continuous, _zxy_angles
from body_from_image.rig.key_snapshot import KeySnapshot
from body_from_image.rig.reduced_keys import reduce_action, restore_keys

pytestmark = pytest.mark.usefixtures("empty_scene")
FRAMES, TOLERANCE = 60, 0.004


@pytest.fixture
def swinging(model, make_estimate):
    """Somebody all of whose joints swing, each at its own pace, and beyond half a turn."""
    time, rng = np.arange(FRAMES)[:, None] / 30, np.random.default_rng(5)
    swings = 0.6 * np.sin(2 * np.pi * time * rng.uniform(0.2, 0.8, 72) + rng.uniform(0, 6, 72))
    swings[:, 1] += 4 * time[:, 0]
    estimate = make_estimate(frames=FRAMES, poses=swings)
    return build_character(estimate, model, photo=None, name="Ada", start_frame=11)


def places(character, posed_by_blender):
    return np.array([posed_by_blender(character, frame)[0] for frame in range(11, 11 + FRAMES)])


def test_every_frame_is_within_the_tolerance_in_blender(model, swinging, posed_by_blender):
    before = places(swinging, posed_by_blender)
    had, has = reduce_action(swinging.armature, model, TOLERANCE)
    assert had == 99 * FRAMES and has < had / 2.5
    assert has == sum(len(curve.keyframe_points) for curve in curves_of(swinging.armature))
    assert np.linalg.norm(places(swinging, posed_by_blender) - before, axis=-1).max() < TOLERANCE + 2e-5
    assert tuple(swinging.armature.animation_data.action.frame_range) == (11, 10 + FRAMES)
    restore_keys(swinging.armature)
    assert all(len(curve.keyframe_points) == FRAMES for curve in curves_of(swinging.armature))
    assert np.linalg.norm(places(swinging, posed_by_blender) - before, axis=-1).max() < TOLERANCE + 2e-5


def test_a_snapshot_restores_reduced_keys_with_their_curves(model, swinging, posed_by_blender):
    reduce_action(swinging.armature, model, TOLERANCE)
    snapshot, before = KeySnapshot.of(swinging.armature), places(swinging, posed_by_blender)
    restore_keys(swinging.armature)
    bone = swinging.armature.pose.bones["left_elbow"]
    bone.rotation_quaternion = (0.5, 0.5, 0.5, 0.5)
    bone.keyframe_insert("rotation_quaternion", frame=30)
    snapshot.restore()
    assert np.abs(places(swinging, posed_by_blender) - before).max() < 1e-5


def test_curves_of_others_stay_and_lost_ones_are_told(model, swinging):
    armature = swinging.armature
    armature.pose.bones["left_elbow"].scale = (1, 1, 1.1)
    armature.pose.bones["left_elbow"].keyframe_insert("scale", frame=20)
    reduce_action(armature, model, TOLERANCE)
    armature.pose.bones["left_elbow"].keyframe_insert("scale", frame=50)
    restore_keys(armature)
    own = [curve for curve in curves_of(armature) if curve.data_path.endswith("scale")]
    assert [len(curve.keyframe_points) for curve in own] == [2] * 3 and own[2].evaluate(40) == pytest.approx(1.1)
    armature.animation_data.action = bpy.data.actions.new("empty")
    with pytest.raises(UserError, match="own action"):
        reduce_action(armature, model, TOLERANCE)


def test_a_bvh_of_turns_through_every_axis_has_no_flips(model, make_estimate, tmp_path):
    """Angles that pass z-x-y's pole, and the motion is the same."""
    angles = np.radians(np.arange(0, 360, 3.0))
    poses = np.zeros((len(angles), 24, 3))
    poses[:, 18, 0], poses[:, 19, 0] = angles, -angles
    poses[:, 4] = np.array([1.2, 0.4, -0.6]) * np.sin(angles)[:, None] * 1.5
    character = build_character(make_estimate(poses=poses.reshape(len(angles), 72), frames=len(angles)), model,
                                photo=None, name="Ada")  # fmt: skip
    export(character, tmp_path / "ada.bvh", "bvh")
    lines = (tmp_path / "ada.bvh").read_text().splitlines()
    motion = np.array([line.split() for line in lines[lines.index("MOTION") + 3 :]], float)
    assert np.abs(np.diff(motion[:, 3:], axis=0)).max() < 45


def test_continuous_angles_mean_the_same_rotations():
    turns = np.random.default_rng(0).normal(0, 0.15, (300, 5, 3))
    turns[:, 0] = [0.05, 0, 0]
    turns[:, 1] = 0
    turns[:40, 1] = [np.pi / 2 / 40, 0, 0]
    rotations = [np.tile(np.eye(3), (5, 1, 1))]
    for turn in axis_angle_to_matrix(turns):
        rotations.append(rotations[-1] @ turn)
    rotations = np.array(rotations)
    z, x, y = np.moveaxis(_continuous(_zxy_angles(rotations)), -1, 0)
    about = [axis_angle_to_matrix(angle[..., None] * np.eye(3)[axis]) for angle, axis in ((z, 2), (x, 0), (y, 1))]
    assert np.abs(about[0] @ about[1] @ about[2] - rotations).max() < 2e-4
    assert np.abs(np.diff(x[:, 0])).max() < 0.1 and np.abs(np.diff(z[:, 0])).max() < 1e-3
