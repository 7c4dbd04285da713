"""A pose in the pose library: one frame that brings the pose back on any character, with a picture of it."""

import bpy
import numpy as np
import pytest
from body_from_image.rig.character import build_character
from body_from_image.rig.pose_asset import PREVIEW, mark_pose_asset
from mathutils import Quaternion

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def character(model, make_estimate):
    return build_character(make_estimate(frames=3, seed=3), model, photo=None, name="Ada", stand_on_ground=True)


def vertices_of(character):
    body = character.mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([vertex.co for vertex in body.data.vertices])


def picture_of(action):
    pixels = np.empty(PREVIEW * PREVIEW * 4, np.float32)
    action.preview.image_pixels_float.foreach_get(pixels)
    return pixels.reshape(PREVIEW, PREVIEW, 4)


def test_it_brings_the_pose_back(character):
    """As it is shown: with a correction by hand that was not keyed and a constraint."""
    bpy.context.scene.frame_set(2)
    bones = character.armature.pose.bones
    bones["left_elbow"].rotation_quaternion = (0.6, 0.8, 0, 0)
    goal = bpy.data.objects.new("goal", None)
    bpy.context.scene.collection.objects.link(goal)
    bones["head"].constraints.new("COPY_ROTATION").target = goal
    shown = vertices_of(character)
    action = mark_pose_asset(character, "wave")
    np.testing.assert_allclose(vertices_of(character), shown, atol=1e-6)
    bones["head"].constraints.remove(bones["head"].constraints[0])
    for bone in bones:
        bone.rotation_quaternion, bone.location = Quaternion(), (0, 0, 0)
    character.armature.pose.apply_pose_from_action(action, evaluation_time=1)
    np.testing.assert_allclose(vertices_of(character), shown, atol=1e-4)


def test_the_library_finds_it_and_the_motion_stays(character):
    before = character.armature.animation_data.action
    action = mark_pose_asset(character, "wave")
    assert action.name == "wave" and action.asset_data and action.use_fake_user
    assert [tag.name for tag in action.asset_data.tags] == ["Body from Image"]
    assert tuple(action.frame_range) == (1, 1)
    assert character.armature.animation_data.action == before


def test_its_picture_shows_the_body_as_it_stands(character, posed_by_blender):
    bpy.context.scene.frame_set(1)
    covered = picture_of(mark_pose_asset(character, "wave"))[..., 3] > 0.5
    vertices = posed_by_blender(character, 1)[1][:, [0, 2]]
    rows, columns = np.nonzero(covered)
    size = np.ptp(vertices, axis=0)
    assert np.ptp(columns) / np.ptp(rows) == pytest.approx(size[0] / size[1], abs=0.05)
    # Where most of the body is: the picture's rows count from below, as heights do.
    assert rows.mean() / PREVIEW == pytest.approx(0.5, abs=0.25)
    lowest, highest = vertices[vertices[:, 1].argmin()], vertices[vertices[:, 1].argmax()]
    assert np.sign(columns[rows.argmin()] - columns[rows.argmax()]) == np.sign(lowest[0] - highest[0])


def test_it_is_kept_in_the_file(character, tmp_path):
    picture = picture_of(mark_pose_asset(character, "wave")).copy()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "poses.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "poses.blend"))
    action = bpy.data.actions["wave"]
    assert action.asset_data
    np.testing.assert_allclose(picture_of(action), picture, atol=1 / 255)


def test_it_fits_another_body(character, model, make_estimate, posed_by_engine):
    action = mark_pose_asset(character, "wave")
    other = build_character(make_estimate(seed=8), model, photo=None, name="Eve")
    other.armature.pose.apply_pose_from_action(action, evaluation_time=1)
    for bone in character.armature.pose.bones:
        turned = other.armature.pose.bones[bone.name].rotation_quaternion
        assert turned.rotation_difference(bone.rotation_quaternion).angle < 1e-3
