"""A limb flipped in depth, and hypotheses one after another, through the operators that panel and scripts call."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

import bpy
from body_from_image.inference.body.body_estimate import BodyEstimate, camera_from_upright, rotations_of
from body_from_image.inference.geometry.joints import JOINT_INDEX, keypoints_from_joints
from bpy_extras.object_utils import world_to_camera_view

from .conftest import call

pytestmark = pytest.mark.usefixtures("registered", "empty_scene")
SIZE, FOCAL, CENTER = (640, 480), 700.0, np.array([319.5, 239.5])
FORWARD = {"left_shoulder": (0.0, -0.9, -0.4), "left_elbow": (0.0, -0.7, 0.0)}
"""The left arm comes towards the camera, a little bent; the rest stands as at rest."""


def estimate(model, frames=1, aside=0.1):
    poses = np.zeros((frames, 24, 3), np.float32)
    for name, turn in FORWARD.items():
        poses[:, JOINT_INDEX[name]] = turn
    poses, trans = poses.reshape(frames, 72), np.tile(np.float32([aside, 0.2, -4.0]), (frames, 1))
    betas = np.zeros(10, np.float32)
    posed = model.pose(betas[None], rotations_of(poses), trans)
    joints, vertices = (camera_from_upright(points) for points in (posed.joints, posed.vertices))
    points = np.stack(keypoints_from_joints(joints, vertices[:, model.keypoint_vertices]), -2)
    pixels = points[..., :2] / points[..., 2:] * FOCAL + CENTER
    return BodyEstimate(
        poses=poses, betas=betas, trans=trans,
        keypoints_2d=np.concatenate([pixels, np.ones_like(pixels[..., :1])], -1).astype(np.float32), joints_3d=joints,
        joints_2d=joints[..., :2] / joints[..., 2:] * FOCAL + CENTER, focal=FOCAL, camera_center=CENTER,
        image_size=SIZE, bbox=np.zeros((frames, 4), np.float32), score=np.full(frames, 0.8, np.float32),
        body_model=model.hash, faces=model.faces, source="photo.jpg", mocap_framerate=24.0 if frames > 1 else 0.0,
        joint_uncertainty=np.full((frames, 24), 15.0, np.float32),
    )  # fmt: skip


@pytest.fixture
def character(model, tmp_path):
    estimate(model).save(tmp_path / "photo.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "photo.npz"))
    return bpy.context.object


def seen(armature, *names):
    """Pixels and depth (N, 3) of joints, by Blender's camera."""
    bpy.context.view_layer.update()
    scene, camera = bpy.context.scene, bpy.context.scene.camera
    heads = [armature.matrix_world @ armature.pose.bones[name].head for name in names]
    return np.array([(*(point := world_to_camera_view(scene, camera, head))[:2], point[2]) for head in heads]) * [
        *SIZE,
        1,
    ]


def test_the_arm_goes_back_and_the_photo_still_matches(character):
    names = ("left_shoulder", "left_elbow", "left_wrist")
    before = seen(character, *names)
    assert before[0, 2] - before[2, 2] > 0.3, "it comes towards the camera"
    assert not call(bpy.ops.body_from_image.flip_in_depth, part="LEFT_ARM")
    after = seen(character, *names)
    assert after[2, 2] - after[0, 2] > 0.3, "it goes away from it"
    assert np.abs(after[:, :2] - before[:, :2]).max() < 0.1
    bpy.context.scene.frame_set(3)  # the keys hold it
    assert np.abs(seen(character, *names) - after).max() < 1e-3


def test_twice_is_the_start(character):
    bones = character.pose.bones
    start = np.array([bone.matrix for bone in bones])
    for apart in (True, False):
        assert not call(bpy.ops.body_from_image.flip_in_depth, part="LEFT_ARM")
        bpy.context.view_layer.update()
        changed = np.abs(np.array([bone.matrix for bone in bones]) - start).max()
        assert changed > 0.1 if apart else changed < 2e-4


def test_nothing_but_the_limb_is_keyed_or_moved(character):
    """Other limbs keep their keys, and a hand-posed leg stays as it is."""
    character.pose.bones["right_hip"].rotation_quaternion = (0.9, -0.4, 0, 0)
    bpy.context.scene.frame_set(1)
    character.pose.bones["right_hip"].rotation_quaternion = (0.9, -0.4, 0, 0)
    before = {bone.name: np.array(bone.matrix_basis) for bone in character.pose.bones}
    bpy.ops.body_from_image.flip_in_depth(part="LEFT_ARM")
    changed = {
        bone.name
        for bone in character.pose.bones
        if np.abs(np.array(bone.matrix_basis) - before[bone.name]).max() > 1e-5
    }
    assert changed == {"left_shoulder", "left_elbow"}


def test_in_an_animation_only_this_frame_changes(model, tmp_path):
    estimate(model, frames=5).save(tmp_path / "walk.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "walk.npz"))
    armature, scene = bpy.context.object, bpy.context.scene
    scene.frame_set(3)
    before = seen(armature, "left_wrist")[0, 2]
    assert not call(bpy.ops.body_from_image.flip_in_depth, part="LEFT_ARM")
    depths = []
    for frame in range(1, 6):
        scene.frame_set(frame)
        depths.append(seen(armature, "left_wrist")[0, 2])
    assert depths[2] - before > 0.5
    assert depths[:2] + depths[3:] == pytest.approx([before] * 4, abs=1e-4)


def test_a_limb_that_lies_flat_cannot_be_flipped(model, tmp_path):
    """The right arm is stretched out sideways, its lower half straight before the camera."""
    estimate(model, aside=0.6).save(tmp_path / "photo.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "photo.npz"))
    before = seen(bpy.context.object, "right_elbow", "right_wrist")
    said = call(bpy.ops.body_from_image.flip_in_depth, part="RIGHT_LOWER_ARM")
    assert "right lower arm lies flat" in said
    assert np.abs(seen(bpy.context.object, "right_elbow", "right_wrist") - before).max() == 0


def test_what_no_arm_can_do_is_said(character):
    """The forearm points at the camera; flipped alone, it would go through the upper arm."""
    assert "as bodies do not bend" in call(bpy.ops.body_from_image.flip_in_depth, part="LEFT_LOWER_ARM")


def test_without_its_camera_there_is_nothing_to_flip_towards(character):
    bpy.data.objects.remove(bpy.context.scene.camera)
    assert "camera" in call(bpy.ops.body_from_image.flip_in_depth, part="LEFT_ARM")


def test_another_body_model_is_said(character):
    character.data["body_model"] = "0" * 16
    assert "another body model" in call(bpy.ops.body_from_image.flip_in_depth, part="LEFT_ARM")


def test_hypotheses_come_one_after_another_and_then_the_start_again(character):
    names = [f"{side}_{joint}" for joint in ("wrist", "ankle") for side in ("left", "right")]
    start, places = seen(character, *names), []
    for _ in range(9):
        assert not call(bpy.ops.body_from_image.next_hypothesis)
        places.append(seen(character, *names))
        if np.abs(places[-1] - start).max() < 1e-3:
            break
    assert 2 < len(places) < 9, "several, and back at the start"
    assert max(np.abs(place[:, :2] - start[:, :2]).max() for place in places) < 15
    assert any(place[0, 2] - start[0, 2] > 0.5 for place in places), "the left wrist goes back in one of them"
    # Somebody who poses by hand in between begins anew from there.
    character.pose.bones["left_shoulder"].rotation_quaternion = (0.7, 0, 0, 0.7)
    assert not call(bpy.ops.body_from_image.next_hypothesis)


def test_a_motion_has_no_photo_to_rank_by(model, tmp_path):
    estimate(model, frames=3).save(tmp_path / "walk.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "walk.npz"))
    assert not bpy.ops.body_from_image.next_hypothesis.poll()


def test_what_the_network_was_unsure_of_is_kept_with_the_photo(character, model):
    from body_from_image.rig.photo_note import NOTE, read_uncertainty, write_photo_note

    assert read_uncertainty(character) == pytest.approx(np.full(24, 15.0))
    write_photo_note(character, replace(estimate(model), joint_uncertainty=None))
    assert NOTE in character and read_uncertainty(character) is None
