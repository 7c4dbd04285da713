"""What the command line calls."""

import subprocess
import sys

import bpy
import cv2
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.rig.action import curves_of
from body_from_image.rig.write_files import require_blender, write_files


def test_all_formats_are_written_and_nothing_else(model, make_estimate, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.zeros((480, 640, 3), np.uint8))
    out = tmp_path / "out"
    out.mkdir()
    formats = ["fbx", "glb", "bvh", "blend", "obj"]
    paths = write_files(make_estimate(), model, photo, out / "my.photo", formats)
    assert [path.name for path in paths] == [f"my.photo.{format}" for format in formats]
    assert sorted(out.iterdir()) == sorted(paths)
    assert capsys.readouterr().out == ""


def test_the_photo_travels_inside_the_blend_file(model, make_estimate, tmp_path):
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((480, 640, 3), 200, np.uint8))
    (blend,) = write_files(make_estimate(), model, photo, tmp_path / "photo", ["blend"])
    photo.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    background = bpy.context.scene.camera.data.background_images[0]
    assert tuple(background.image.size) == (640, 480)
    assert background.image.pixels[0] == pytest.approx(200 / 255, abs=0.01)


def test_the_blend_file_opens_on_the_first_frame_with_the_camera(model, make_estimate, tmp_path):
    estimate = make_estimate(frames=3)
    (blend,) = write_files(estimate, model, None, tmp_path / "walk", ["blend"], bone_names="unreal")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (1, 3, 1)
    assert scene.camera.name == "walk_camera"
    assert "thigh_l" in bpy.data.objects["walk"].data.bones


def test_a_blend_file_may_have_fewer_keys_and_the_others_have_all(model, make_estimate, tmp_path):
    estimate = make_estimate(frames=20)
    blend, bvh = write_files(estimate, model, None, tmp_path / "walk", ["blend", "bvh"], reduce_keys=0.005)
    assert "Frames: 20\n" in bvh.read_text()
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    turns = [curve for curve in curves_of(bpy.data.objects["walk"]) if "rotation" in curve.data_path]
    assert len(turns) == 96 and all(2 <= len(curve.keyframe_points) < 15 for curve in turns)


def test_without_blender_the_remedy_is_told(model, make_estimate, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpy", None)
    with pytest.raises(UserError, match=r'FBX and GLB need Blender\'s bpy: pip install "body-from-image\[blender\]"'):
        write_files(make_estimate(), model, None, tmp_path / "ada", ["fbx", "glb"])


def test_a_missing_system_library_is_named(monkeypatch):
    class Bare:
        """A machine on which bpy is installed and libXrender is not."""

        def find_spec(self, name, path=None, target=None):
            if name == "bpy":
                raise ImportError("libXrender.so.1: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "bpy")
    monkeypatch.setattr(sys, "meta_path", [Bare(), *sys.meta_path])
    with pytest.raises(UserError, match=r"FBX needs Blender's bpy.*libXrender.so.1.*apt install .*libxrender1"):
        require_blender(["fbx"])


def test_no_formats_need_no_blender(model, make_estimate, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpy", None)
    assert write_files(make_estimate(), model, None, tmp_path / "ada", []) == []


def test_importing_does_not_load_blender():
    code = "import sys, body_from_image.rig.write_files; sys.exit('bpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
