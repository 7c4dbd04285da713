"""A photo or a motion sets up a new scene for itself, and leaves one alone in which somebody works."""

import importlib.util

import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

import bpy
from body_from_image.operators import import_npz
from body_from_image.rig.scene_setup import in_use

from .test_flip_in_depth import SIZE, estimate

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def files(model, tmp_path, monkeypatch):
    """A photo's estimate, and a walk at 120 frames a second."""
    monkeypatch.setattr(import_npz, "body_model_file", lambda context: None)
    bpy.ops.wm.read_factory_settings(use_empty=False)
    estimate(model).save(tmp_path / "photo.npz")
    np.savez(tmp_path / "walk.npz", poses=np.zeros((40, 72)), trans=np.zeros((40, 3)), mocap_framerate=120.0)
    return [str(tmp_path / name) for name in ("photo.npz", "walk.npz")]


def settings():
    scene = bpy.context.scene
    render = scene.render
    return (
        render.resolution_x, render.resolution_y, render.fps, scene.frame_start, scene.frame_end, scene.frame_current,
        scene.camera and scene.camera.name,
    )  # fmt: skip


def put_set(scene):
    scene.collection.objects.link(bpy.data.objects.new("Set", bpy.data.meshes.new("Set")))


USES = {
    "range": lambda scene: setattr(scene, "frame_end", 1000),
    "size": lambda scene: setattr(scene.render, "resolution_x", 3840),
    "rate": lambda scene: setattr(scene.render, "fps", 25),
    "objects": put_set,
    "keys": lambda scene: scene.objects["Cube"].keyframe_insert("location"),
}


def test_a_new_scene_is_set_up(files):
    assert not in_use(bpy.context.scene)
    bpy.ops.body_from_image.import_npz(filepath=files[0])
    assert settings()[:2] == SIZE and settings()[-1] == "photo_camera"


@pytest.mark.parametrize("use", USES)
def test_a_scene_in_use_is_left_alone(files, use):
    scene = bpy.context.scene
    USES[use](scene)
    scene.frame_set(7)
    before = settings()
    for file in files:
        bpy.ops.body_from_image.import_npz(filepath=file)
        assert settings() == before
    bpy.ops.body_from_image.import_npz(filepath=files[1], apply_to_active=True)
    assert settings() == before
    assert {"photo", "photo_camera", "walk"} <= {item.name for item in scene.objects}


def test_an_earlier_character_is_somebodys_work(files):
    bpy.ops.body_from_image.import_npz(filepath=files[1])
    before = settings()
    bpy.ops.body_from_image.import_npz(filepath=files[0])
    assert settings() == before and before[2:5] == (120, 1, 40)


def test_the_user_decides(files):
    bpy.ops.body_from_image.import_npz(filepath=files[0], scene_setup="NEVER")
    assert settings()[:2] == (1920, 1080) and settings()[-1] == "Camera"
    bpy.ops.body_from_image.import_npz(filepath=files[1], scene_setup="ALWAYS")
    assert settings()[2:5] == (120, 1, 40)
