"""Characters of other files, linked or overridden: exported as their own file exports them, changed where they can
be, and left alone with a sentence where they cannot."""

import json

import bpy
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.rig.character import Character, build_character, refit_armature, reshape
from body_from_image.rig.correctives import remove_correctives
from body_from_image.rig.export import export
from body_from_image.rig.ground import lower_to_ground
from body_from_image.rig.retarget import retarget
from body_from_image.rig.seen_pose import key_joints
from body_from_image.rig.shape_keys import betas_of

from .linked_character import WAYS, bring_in, curves
from .skeletons import mixamo

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def asset(model, make_estimate, tmp_path):
    """A .blend with Ada in it, and what her own file exports."""
    character = build_character(make_estimate(frames=3), model, photo=None, name="Ada")
    export(character, tmp_path / "own.glb", "glb", "unreal")
    export(character, tmp_path / "own.bvh", "bvh", "unreal")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "asset.blend"))
    return tmp_path / "asset.blend"


def contents(glb):
    """The JSON of a binary glTF file."""
    data = glb.read_bytes()
    return json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])


def ada(asset, way):
    items = bring_in(asset, "Ada", way)
    bpy.context.scene.render.fps = 30  # of the scene, which is not brought in
    return Character(items["Ada"], items["Ada_body"], items["Ada_camera"])


@pytest.mark.parametrize("way", WAYS)
def test_exports_are_those_of_its_own_file(asset, tmp_path, way):
    character = ada(asset, way)
    for format in ("glb", "bvh", "fbx", "obj", "npz"):
        export(character, tmp_path / f"{way}.{format}", format, "unreal")
    assert (tmp_path / f"{way}.bvh").read_text() == (tmp_path / "own.bvh").read_text()
    described = [contents(tmp_path / f"{name}.glb") for name in (way, "own")]
    for kind in ("nodes", "skins", "animations"):
        assert described[0][kind] == described[1][kind]
    assert character.armature.name == "Ada" and character.mesh.name == "Ada_body"
    with pytest.raises(UserError, match="linked from another file"):
        export(character, tmp_path / "ada.blend", "blend", "unreal")


def test_a_linked_object_may_bear_a_wanted_name(asset, model, make_estimate, tmp_path):
    ada(asset, "linked")
    for name in ("Ada", "root"):
        own = build_character(make_estimate(frames=3), model, photo=None, name="Ada")
        bpy.data.objects["Ada"].name = "Ada"
        assert own.armature.library is None
        export(own, tmp_path / f"{name}.fbx", "fbx", "unreal")
        assert (tmp_path / f"{name}.fbx").stat().st_size > 100_000


@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_changed_is_said_and_left(asset, way):
    character = ada(asset, way)
    before, place = betas_of(character.armature), character.armature.location.copy()
    for change in (
        lambda: refit_armature(character),
        lambda: reshape(character, before + 1),
        lambda: remove_correctives(character) if way == "linked" else refit_armature(character),
    ):
        with pytest.raises(UserError, match="linked from another file"):
            change()
    np.testing.assert_array_equal(betas_of(character.armature), before)
    if way == "linked":
        with pytest.raises(UserError, match="Library Override"):
            lower_to_ground(character.mesh, [character.armature], bpy.context.evaluated_depsgraph_get())
        with pytest.raises(UserError, match="Library Override"):
            key_joints(character.armature, np.tile(np.eye(3), (24, 1, 1)), [18], 2)
        assert character.armature.location == place


def test_an_override_is_keyed_here(asset, tmp_path):
    """Its keys belong to the other file, so a copy of them is changed; the change outlives saving."""
    character = ada(asset, "override")
    linked = character.armature.animation_data.action
    assert linked.library
    before = curves(linked)
    key_joints(character.armature, np.tile(np.eye(3), (24, 1, 1)), [18], 2)
    own = character.armature.animation_data.action
    assert own.library is None
    path = 'pose.bones["left_elbow"].rotation_quaternion'
    assert curves(own)[path, 0][1] == pytest.approx(1) != before[path, 0][1]
    np.testing.assert_array_equal(curves(linked)[path, 0], before[path, 0])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    armature = bpy.context.scene.objects["Ada"]
    assert not armature.override_library.is_system_override
    bpy.context.scene.frame_set(2)
    assert armature.pose.bones["left_elbow"].rotation_quaternion.w == pytest.approx(1)


@pytest.mark.parametrize("way", WAYS)
def test_retargeting_onto_an_override(model, make_estimate, tmp_path, way):
    rig = mixamo()
    collection = bpy.data.collections.new("Rig")
    bpy.context.scene.collection.children.link(collection)
    collection.objects.link(rig)
    name = rig.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"))
    target = bring_in(tmp_path / "rig.blend", "Rig", way)[name]
    character = build_character(make_estimate(frames=3), model, photo=None, name="Ada", stand_on_ground=True)
    if way == "linked":
        with pytest.raises(UserError, match="Library Override"):
            retarget(character, target)
        return
    done = retarget(character, target)
    assert target.animation_data.action == done.action and done.bone_count > 15
    assert len(next(iter(curves(done.action).values()))) == 3
