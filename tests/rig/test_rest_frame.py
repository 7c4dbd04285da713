"""Scenes in centimetres or inches, and transforms that a person applied: the body stays one body, and its files and its
photo say the same as before."""

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.amass import read_motion
from body_from_image.rig.armature import joint_bones, rest_frame
from body_from_image.rig.character import build_character, key_pose, refit_armature, reshape
from body_from_image.rig.export import export
from body_from_image.rig.motion_note import read_smoothing, write_note
from body_from_image.rig.seen_pose import seen_pose, show_pose
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Matrix, Vector

from .linked_character import curves
from .read_gltf import Gltf

pytestmark = pytest.mark.usefixtures("empty_scene")
UNITS = (0.01, 0.0254, 100.0)


def built(model, estimate, unit=1.0):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.unit_settings.scale_length = unit
    return build_character(estimate, model, photo=None, name="Ada", stand_on_ground=True)


def pixels(character):
    """Where the camera sees the joints (24, 2), as shares of the picture."""
    bpy.context.view_layer.update()
    armature = character.armature
    heads = [armature.matrix_world @ armature.pose.bones[name].head for name in joint_bones(armature)]
    return np.array([world_to_camera_view(bpy.context.scene, character.camera, head)[:2] for head in heads])


def height(character):
    evaluated = character.mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.ptp([(evaluated.matrix_world @ vertex.co).z for vertex in evaluated.data.vertices])


def numbers(file):
    return np.array([float(word) for word in file.read_text().split() if _is_number(word)])


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("unit", UNITS)
def test_a_scene_in_other_units_holds_a_body_of_the_same_size(model, make_estimate, tmp_path, unit):
    estimate = make_estimate(frames=3)
    metric = built(model, estimate)
    tall, seen, location = height(metric), pixels(metric), metric.camera.location.copy()
    for format in ("bvh", "glb", "obj", "npz", "fbx"):
        export(metric, tmp_path / f"metric.{format}", format)
    other = built(model, estimate, unit)
    assert other.armature.scale == Vector((1, 1, 1)), "nothing is left to be applied"
    assert height(other) * unit == pytest.approx(tall, rel=1e-5)
    np.testing.assert_allclose(other.camera.location * unit, location, rtol=1e-5)
    np.testing.assert_allclose(pixels(other), seen, atol=1e-5)
    for format in ("bvh", "glb", "obj", "npz", "fbx"):
        export(other, tmp_path / f"other.{format}", format)
    for format in ("bvh", "obj"):
        np.testing.assert_allclose(
            numbers(tmp_path / f"other.{format}"), numbers(tmp_path / f"metric.{format}"), atol=2e-3
        )
    first, second = (read_motion(tmp_path / f"{name}.npz") for name in ("metric", "other"))
    np.testing.assert_allclose(first.trans, second.trans, atol=1e-5)
    np.testing.assert_allclose(first.poses, second.poses, atol=5e-5)
    skins = [Gltf(tmp_path / f"{name}.glb").vertices(0) for name in ("metric", "other")]
    np.testing.assert_allclose(*skins, atol=1e-4)


APPLIED = {
    "location": (Matrix.Translation((1, -2, 0.5)), {"location": True}),
    "rotation": (Euler((0.4, -0.3, 2.0)).to_matrix().to_4x4(), {"rotation": True}),
    "scale": (Matrix.Scale(1.7, 4), {"scale": True}),
    "all": (Matrix.LocRotScale((3, 1, 0), Euler((1.5708, 0, 0.2)), (0.5,) * 3),
            {"location": True, "rotation": True, "scale": True}),
}  # fmt: skip


def apply(character, matrix, channels, with_skin):
    """Move character and camera, then Ctrl+A."""
    for item in (character.armature, character.camera):
        item.matrix_world = matrix @ item.matrix_world
    bpy.context.view_layer.update()
    bpy.ops.object.select_all(action="DESELECT")
    character.armature.select_set(True)
    character.mesh.select_set(with_skin)
    bpy.context.view_layer.objects.active = character.armature
    bpy.ops.object.transform_apply(**({"location": False, "rotation": False, "scale": False} | channels))
    bpy.context.view_layer.update()


@pytest.mark.parametrize("with_skin", [False, True])
@pytest.mark.parametrize("name", APPLIED)
def test_after_applying_a_transform_bones_and_skin_still_fit(model, make_estimate, tmp_path, name, with_skin):
    estimate = make_estimate()
    character = built(model, estimate)
    matrix, channels = APPLIED[name]
    moved = [np.array(matrix @ character.armature.matrix_world @ bone.head_local) for bone in joints(character)]
    before = seen_pose(character)
    apply(character, matrix, channels, with_skin)
    np.testing.assert_allclose(resting(character), moved, atol=1e-5)
    taller = np.array(estimate.betas, np.float64) + 1
    reshape(character, taller)
    frame = rest_frame(character.armature)
    assert frame.scale == pytest.approx(matrix.median_scale if "scale" in channels else 1, rel=1e-5)
    np.testing.assert_allclose(resting(character), expected(model, taller, matrix), atol=1e-5)
    reshape(character, np.array(estimate.betas, np.float64))
    np.testing.assert_allclose(resting(character), moved, atol=1e-5)
    # A pose that is told in the camera's frame is shown as it was, whatever Blender made of the keys.
    show_pose(character, before, 1)
    bpy.context.scene.frame_set(1)
    after = seen_pose(character)
    np.testing.assert_allclose(after.rotations, before.rotations, atol=1e-5)
    np.testing.assert_allclose(after.transl, before.transl, atol=1e-4)
    np.testing.assert_allclose(pixels(character) * estimate.image_size, shown(estimate), atol=0.05)
    export(character, tmp_path / "ada.npz", "npz")
    posed = model.pose(read_motion(tmp_path / "ada.npz").betas[None], *upright(tmp_path / "ada.npz", model))
    heads = [character.armature.matrix_world @ bone.head for bone in posed_bones(character)]
    lengths = np.linalg.norm(np.diff(np.array(heads), axis=0), axis=1) / matrix.median_scale
    np.testing.assert_allclose(np.linalg.norm(np.diff(posed.joints[0], axis=0), axis=1), lengths, atol=1e-4)


def joints(character):
    return [character.armature.data.bones[name] for name in joint_bones(character.armature)]


def posed_bones(character):
    bpy.context.view_layer.update()
    return [character.armature.pose.bones[name] for name in joint_bones(character.armature)]


def resting(character):
    return np.array([character.armature.matrix_world @ bone.head_local for bone in joints(character)])


def expected(model, betas, matrix):
    rest = model.rest_joints(np.float32(betas)[None])[0]
    return [matrix @ Vector((x, -z, y)) for x, y, z in rest.tolist()]


def shown(estimate):
    """The joints' pixels (24, 2) with y up, as shares that Blender counts from the pixels' edges."""
    x, y = (estimate.joints_2d[0] + 0.5).T
    return np.stack([x, estimate.image_size[1] - y], -1)


def upright(file, model):
    motion = read_motion(file)
    return motion.upright(model.rest_joints(motion.betas[None])[0, 0])


def test_another_rest_pose_is_said(model, make_estimate):
    character = built(model, make_estimate())
    bpy.context.view_layer.objects.active = character.armature
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.armature_apply()
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(UserError, match="another rest pose was applied"):
        refit_armature(character)
    with pytest.raises(UserError, match="scales unevenly"):
        seen_pose(character)


def test_uneven_scale_is_said(model, make_estimate):
    character = built(model, make_estimate())
    apply(character, Matrix.Diagonal((1, 1, 3, 1)), {"scale": True}, True)
    with pytest.raises(UserError, match="scales unevenly"):
        refit_armature(character)


def test_keys_are_in_the_armatures_units(model, make_estimate):
    estimate = make_estimate(frames=2)
    metric = built(model, estimate)
    turns = np.tile(np.eye(3), (2, 24, 1, 1))
    path = 'pose.bones["pelvis"].location'
    locations = []
    for unit in (1.0, 0.01):
        metric = built(model, estimate, unit)
        key_pose(metric.armature, turns, np.array([[0, 0, 0], [0.1, 0.2, 0.3]]), "walk", 1)
        keyed = curves(metric.armature.animation_data.action)
        locations.append([keyed[path, axis][1] for axis in range(3)])
    np.testing.assert_allclose(np.array(locations[1]) / 100, locations[0], rtol=1e-5)
    write_note(metric, b"", 0.5, False, True, np.eye(3))
    np.testing.assert_allclose(read_smoothing(metric.armature).place, np.array(metric.camera.location) / 100, rtol=1e-5)
