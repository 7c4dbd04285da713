"""Characters in the states that people leave them in: every operator does its work, or says why not; none fails."""

import importlib.util

import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

import bpy

from .test_flip_in_depth import character  # noqa: F401

pytestmark = pytest.mark.usefixtures("registered", "empty_scene")


def edit(item):
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")


def delete_bone(armature):
    edit(armature)
    armature.data.edit_bones.remove(armature.data.edit_bones["left_hand"])
    bpy.ops.object.mode_set(mode="OBJECT")


def delete_properties(armature):
    for name in armature.data["beta_names"]:
        del armature[name]


def duplicate(armature):
    armature.select_set(True)
    bpy.ops.object.duplicate()


STATES = {
    "hidden": lambda armature: setattr(armature, "hide_viewport", True),
    "bones in edit mode": edit,
    "mesh in edit mode": lambda armature: edit(armature["body_from_image"]["mesh"]),
    "no camera": lambda armature: bpy.data.objects.remove(armature["body_from_image"]["camera"]),
    "no body": lambda armature: bpy.data.objects.remove(armature["body_from_image"]["mesh"]),
    "no keys": lambda armature: armature.animation_data_clear(),
    "no bone": delete_bone,
    "no properties": delete_properties,
    "no size": lambda armature: setattr(armature, "scale", (0, 0, 0)),
    "mirrored": lambda armature: setattr(armature, "scale", (-1, 1, 1)),
    "duplicated": duplicate,
}
EXPECTED = {"no bone": "lost bones", "no properties": "lost shape properties", "no body": "was deleted"}


@pytest.mark.parametrize("state", STATES)
def test_no_operator_fails(character, tmp_path, state):  # noqa: F811
    STATES[state](character)
    operators, said = bpy.ops.body_from_image, {}
    calls = {name: {} for name in ("fit_bones", "next_hypothesis", "refine", "stand_on_ground", "mark_pose_asset")}
    for format in ("fbx", "glb", "bvh", "npz"):
        calls[f"export_{format}"] = {"filepath": str(tmp_path / f"x.{format}")}
    calls["flip_in_depth"] = {"part": "LEFT_ARM"}
    for name, options in calls.items():
        try:
            said[name] = str(getattr(operators, name)(**options))
        except RuntimeError as error:
            said[name] = str(error)
    assert not [name for name, sentence in said.items() if "Traceback" in sentence], said
    if state in EXPECTED:
        assert EXPECTED[state] in said["export_npz"]
    if state == "mesh in edit mode":
        assert said["stand_on_ground"] == "{'FINISHED'}"
