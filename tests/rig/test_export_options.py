"""Files without a skin, clips that begin at rest, and what an export does to a pose that was made by hand."""

import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from body_from_image.rig.axes import points_to_smpl
from body_from_image.rig.bone_names import UNITY
from body_from_image.rig.character import build_character
from body_from_image.rig.export import export, shows_unkeyed_pose

from .read_gltf import Gltf

METRES = {"fbx": 1e-4, "glb": 1e-4, "bvh": 5e-4}
pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture(scope="module")
def read_back(tmp_path_factory, model, make_estimate, posed_by_engine):
    """Files with a rest frame, and without a skin where that is possible, read by a fresh Blender."""
    folder = tmp_path_factory.mktemp("options")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    estimate = make_estimate(frames=3, seed=4)
    character = build_character(estimate, model, photo=None, name="Ada")
    arguments = []
    for format in METRES:
        path = folder / f"ada.{format}"
        export(character, path, format, "unity", mesh=False, rest_frame=True)
        arguments += [str(path), str(path.with_suffix(f".{format}.npz"))]
    script = Path(__file__).with_name("read_with_blender.py")
    subprocess.run([sys.executable, script, "30", *arguments], timeout=120, capture_output=True)
    posed = posed_by_engine(estimate).joints
    expected = np.concatenate([model.rest_joints(estimate.betas[None]), posed])
    return {format: np.load(folder / f"ada.{format}.npz") for format in METRES}, expected, folder


@pytest.mark.parametrize("format", list(METRES))
def test_the_clip_begins_with_the_rest_pose(read_back, format):
    files, expected, _ = read_back
    order = [list(files[format]["bones"]).index(name) for name in UNITY]
    joints = points_to_smpl(files[format]["joints"][:, order])
    if format == "bvh":  # its root's offset is zero, so that its rest is where the pelvis is the origin
        np.testing.assert_allclose(joints[0] - joints[0, 0], expected[0] - expected[0, 0], atol=METRES[format])
        joints, expected = joints[1:], expected[1:]
    np.testing.assert_allclose(joints, expected, atol=METRES[format])


def test_there_is_no_skin_where_none_was_wanted(read_back):
    files, _, folder = read_back
    for format in ("fbx", "glb"):
        assert not files[format]["vertices"].size
    assert list(files["fbx"]["objects"]) == ["Ada"]
    content = Gltf(folder / "ada.glb").content
    assert "meshes" not in content and len(content["animations"]) == 1


@pytest.fixture
def clip(model, make_estimate):
    return build_character(make_estimate(frames=3), model, photo=None, name="Ada")


@pytest.mark.parametrize("format", ["fbx", "glb", "bvh", "npz", "obj"])
def test_a_pose_made_by_hand_survives_an_export(clip, tmp_path, format):
    bone = clip.armature.pose.bones["left_elbow"]
    bone.rotation_quaternion = (0.5, 0.5, 0.5, 0.5)
    export(clip, tmp_path / f"ada.{format}", format)
    bpy.context.view_layer.update()
    assert tuple(bone.rotation_quaternion) == pytest.approx((0.5, 0.5, 0.5, 0.5))


def test_it_is_known_when_a_pose_was_not_keyed(clip):
    assert not shows_unkeyed_pose(clip.armature)
    bone = clip.armature.pose.bones["left_elbow"]
    bone.rotation_quaternion = (0.5, 0.5, 0.5, 0.5)
    assert shows_unkeyed_pose(clip.armature)
    bone.keyframe_insert("rotation_quaternion", frame=bpy.context.scene.frame_current)
    assert not shows_unkeyed_pose(clip.armature)


@pytest.mark.parametrize("format", ["glb", "fbx"])
def test_a_still_pose_made_by_hand_is_in_the_file(model, make_estimate, tmp_path, format):
    character = build_character(make_estimate(), model, photo=None, name="Ada")
    before = export_joint(character, tmp_path / f"before.{format}", format)
    character.armature.pose.bones["right_elbow"].rotation_quaternion = (0.6, 0.8, 0, 0)
    bpy.context.view_layer.update()
    shown = np.array(character.armature.pose.bones["right_wrist"].head)
    after = export_joint(character, tmp_path / f"after.{format}", format)
    np.testing.assert_allclose(after, shown, atol=1e-4)
    assert np.linalg.norm(after - before) > 0.05


def export_joint(character, path, format):
    """Where the right wrist is, in Blender's frame, when the file is imported into the same scene."""
    export(character, path, format)
    objects = set(bpy.data.objects)
    getattr(bpy.ops.import_scene, {"glb": "gltf"}.get(format, format))(filepath=str(path))
    (armature,) = [item for item in set(bpy.data.objects) - objects if item.type == "ARMATURE"]
    bpy.context.scene.frame_set(1)
    head = np.array(armature.matrix_world @ armature.pose.bones["right_wrist"].head)
    for item in set(bpy.data.objects) - objects:
        bpy.data.objects.remove(item)
    return head
