"""Exporting reads the user's scene; it never changes it."""

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.rig.armature import joint_bones
from body_from_image.rig.character import build_character
from body_from_image.rig.export import FORMATS, export

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def cluttered(model, make_estimate):
    """A scene as users have them: something else in edit mode, other actions and scenes, the name "root" taken."""
    character = build_character(make_estimate(frames=3), model, photo=None, name="Ada")
    crate = bpy.data.objects.new("root", bpy.data.meshes.new("crate"))
    bpy.context.scene.collection.objects.link(crate)
    bpy.data.actions.new("walk cycle").use_fake_user = True
    bpy.data.scenes.new("another scene")
    bpy.context.scene.frame_set(2)
    bpy.context.view_layer.objects.active = crate
    crate.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    return character


def snapshot(character):
    kinds = ("objects", "meshes", "armatures", "actions", "scenes", "materials", "cameras", "collections")
    armature, body = character.armature, character.mesh
    return {
        "names": {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in kinds},
        "ours": [armature.name, armature.data.name, body.name, body.data.name],
        "bones": joint_bones(armature),
        "groups": [group.name for group in body.vertex_groups],
        "keys": [key.name for key in body.data.shape_keys.key_blocks],
        "action": armature.animation_data.action.name,
        "tracks": len(armature.animation_data.nla_tracks),
        "scene": bpy.context.scene.name,
        "frame": bpy.context.scene.frame_current,
        "active": bpy.context.view_layer.objects.active.name,
        "mode": bpy.context.view_layer.objects.active.mode,
        "selected": [item.name for item in bpy.context.selected_objects],
    }


@pytest.mark.parametrize("format", list(FORMATS))
def test_nothing_changes(cluttered, posed_by_blender, tmp_path, format):
    before = snapshot(cluttered)
    export(cluttered, tmp_path / f"ada.{format}", format, "unreal")
    assert snapshot(cluttered) == before
    assert [file.name for file in tmp_path.iterdir()] == [f"ada.{format}"]


@pytest.mark.parametrize("format", list(FORMATS))
def test_keys_and_weights_still_move_the_skin(model, make_estimate, posed_by_blender, tmp_path, format):
    character = build_character(make_estimate(frames=3), model, photo=None, name="Ada")
    before = [posed_by_blender(character, frame) for frame in (1, 3)]
    export(character, tmp_path / f"ada.{format}", format, "mixamo")
    for (joints, vertices), frame in zip(before, (1, 3), strict=True):
        again = posed_by_blender(character, frame)
        np.testing.assert_array_equal(again[0], joints)
        np.testing.assert_array_equal(again[1], vertices)


def test_nothing_changes_when_the_exporter_fails(cluttered, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("Error: the exporter broke")

    before = snapshot(cluttered)
    monkeypatch.setattr("body_from_image.rig.export.fbx.run_exporter", fail)
    with pytest.raises(UserError, match="the exporter broke"):
        export(cluttered, tmp_path / "ada.fbx", "fbx", "unreal")
    assert snapshot(cluttered) == before
    assert not list(tmp_path.iterdir())


def test_a_name_that_another_bone_bears_is_refused(model, make_estimate, tmp_path):
    character = build_character(make_estimate(), model, photo=None, name="Ada")
    bpy.context.view_layer.objects.active = character.armature
    bpy.ops.object.mode_set(mode="EDIT")
    extra = character.armature.data.edit_bones.new("thigh_l")
    extra.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    before = snapshot(character)
    with pytest.raises(UserError, match="thigh_l"):
        export(character, tmp_path / "ada.fbx", "fbx", "unreal")
    with pytest.raises(UserError, match="thigh_l"):
        export(character, tmp_path / "ada.blend", "blend", "unreal")
    assert snapshot(character) == before
