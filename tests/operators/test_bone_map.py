"""A bone map is saved, changed, and given to Retarget."""

import importlib.util
import json

import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("needs Blender's bpy", allow_module_level=True)

import bpy
from body_from_image.rig.action import curves_of
from body_from_image.rig.bone_maps import find_bones

from ..rig.skeletons import mixamo
from .conftest import call
from .test_flip_in_depth import estimate


@pytest.fixture
def target(model, registered, empty_scene, tmp_path):
    """Mixamo's skeleton, selected beside an active character."""
    estimate(model).save(tmp_path / "photo.npz")
    bpy.ops.body_from_image.import_npz(filepath=str(tmp_path / "photo.npz"))
    armature, target = bpy.context.object, mixamo()
    for item in bpy.context.scene.objects:
        item.select_set(item in (armature, target))
    bpy.context.view_layer.objects.active = armature
    return target


def test_a_map_goes_out_and_comes_back(target, tmp_path):
    file = tmp_path / "mine.json"
    call(bpy.ops.body_from_image.save_bone_map, filepath=str(file))
    bones = json.loads(file.read_text())
    assert bones["left_hip"] == find_bones(target).bones["left_hip"]
    bones["neck"] = None
    file.write_text(json.dumps(bones))
    call(bpy.ops.body_from_image.retarget, bone_map=str(file))
    keyed = {path.split('"')[1] for path in (curve.data_path for curve in curves_of(target))}
    assert bones["left_knee"] in keyed and find_bones(target).bones["neck"] not in keyed


def test_a_file_that_is_none_is_refused(target, tmp_path):
    (tmp_path / "mine.json").write_text("nothing")
    said = call(bpy.ops.body_from_image.retarget, bone_map=str(tmp_path / "mine.json"))
    assert "mine.json is no JSON text" in said
