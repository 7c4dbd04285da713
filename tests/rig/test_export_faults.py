"""When a file cannot be written, a person is told which one and why, and no half of it stays behind."""

import os
import subprocess
import sys
import textwrap

import pytest
from body_from_image.inference.errors import UserError
from body_from_image.rig.character import build_character
from body_from_image.rig.export import FORMATS, export


@pytest.fixture
def character(empty_scene, model, make_estimate):
    return build_character(make_estimate(), model, photo=None, name="Ada")


def test_an_unknown_format_or_naming_is_refused(character, tmp_path):
    with pytest.raises(UserError, match="fbx, glb"):
        export(character, tmp_path / "ada.max", "max")
    with pytest.raises(UserError, match="smpl, unreal"):
        export(character, tmp_path / "ada.fbx", "fbx", "godot")


@pytest.mark.parametrize("format", list(FORMATS))
def test_a_missing_folder_is_named(character, tmp_path, format):
    path = tmp_path / "missing" / f"ada.{format}"
    with pytest.raises(UserError, match="No such file or directory") as refusal:
        export(character, path, format)
    assert str(path) in str(refusal.value)


def test_a_folder_of_the_files_name_stays(character, tmp_path):
    path = tmp_path / "ada.fbx"
    path.mkdir()
    with pytest.raises(UserError, match="folder of that name"):
        export(character, path, "fbx")
    assert path.is_dir()


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write everywhere")
def test_a_folder_one_may_not_write_in(character, tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(UserError, match="Permission denied"):
        export(character, tmp_path / "ada.fbx", "fbx")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    """A limit on the size of files stands in for the disk: the system refuses in the middle of writing."""
    script = """
        import resource, sys
        from pathlib import Path
        import numpy as np
        import bpy
        from body_from_image.inference.body.body_estimate import BodyEstimate
        from body_from_image.inference.body.body_model import BodyModel
        from body_from_image.inference.errors import UserError
        from body_from_image.rig.character import build_character
        from body_from_image.rig.export import FORMATS, export

        model, zeros = BodyModel.load(), lambda *shape: np.zeros(shape, np.float32)
        estimate = BodyEstimate(
            poses=zeros(5, 72), betas=zeros(10), trans=zeros(5, 3), keypoints_2d=zeros(5, 16, 3),
            joints_3d=zeros(5, 24, 3), joints_2d=zeros(5, 24, 2), focal=500.0, camera_center=zeros(2),
            image_size=(64, 64), bbox=zeros(5, 4), score=zeros(5), body_model=model.hash, faces=model.faces)
        character = build_character(estimate, model, photo=None, name="Ada")
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
        for format in FORMATS:
            path = Path(sys.argv[1]) / f"ada.{format}"
            path.write_text("the old one")
            try:
                export(character, path, format)
            except UserError as error:
                assert str(error).startswith(f"Could not write {path}: "), error
                assert path.read_text() == "the old one"
                print("told", format)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], timeout=120, capture_output=True, text=True
    )
    told = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("told")]
    assert told == list(FORMATS), done.stdout + done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(f"ada.{format}" for format in FORMATS)
