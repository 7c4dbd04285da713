"""The zip, built, installed as a user installs it, and used in a fresh Blender that has none of our libraries."""

import hashlib
import importlib.util
import struct
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import facts_of

pytestmark = pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="Blender's bpy is not installed")

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("installed_extension.py")
ROTATED_BY_EXIF = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("used")


@pytest.fixture(scope="module")
def facts(zip_file, folder):
    photo = ROOT / "examples" / "person.jpg"
    lying, empty = folder / "lying.jpg", folder / "empty.png"
    lying.write_bytes(lying_on_its_side(photo))
    cv2.imwrite(str(empty), np.full((400, 500, 3), 90, np.uint8))
    return facts_of(SCRIPT, zip_file, photo, lying, empty, folder, resources=folder)


def lying_on_its_side(photo):
    """The photo stored on its side, with the EXIF tag that tells how to turn it upright."""
    turned = cv2.rotate(cv2.imread(str(photo)), cv2.ROTATE_90_COUNTERCLOCKWISE)
    data = cv2.imencode(".jpg", turned)[1].tobytes()
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, ROTATED_BY_EXIF, 0, 0)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def test_the_zip_holds_what_blender_needs_and_nothing_else(zip_file):
    names = zipfile.ZipFile(zip_file).namelist()
    assert {name.split("/")[0] for name in names} == {
        "__init__.py", "LICENSE", "blender_manifest.toml", "inference", "rig", "operators", "panels", "wheels",
    }  # fmt: skip
    wheels = sorted("-".join(name.split("/")[1].split("-")[:3:2]) for name in names if name.endswith(".whl"))
    assert wheels == ["onnxruntime-cp311", "opencv_python_headless-cp37"]


def test_the_wheels_are_the_published_ones(zip_file):
    """Their bytes' hashes are those of the lock, which pip took them by."""
    lock = (ROOT / "wheels.lock").read_text()
    with zipfile.ZipFile(zip_file) as archive:
        wheels = [name for name in archive.namelist() if name.endswith(".whl")]
        assert wheels and all(hashlib.sha256(archive.read(name)).hexdigest() in lock for name in wheels)


def test_nothing_is_written_into_the_extensions_folder(facts):
    assert facts["files_changed"] == []


def test_blender_finds_nothing_wrong_with_it(facts):
    assert facts["warnings"] == {}


def test_the_worker_uses_what_was_installed_and_blender_itself_loads_none_of_it(facts, folder):
    resources = str(folder / "blender")
    assert facts["worker"]["package"].startswith(resources)
    assert facts["worker"]["onnxruntime"].startswith(resources)
    assert facts["in_parent"] == []


def test_a_photo_becomes_a_character_that_stands_on_the_ground(facts):
    assert facts["estimate"] == ["FINISHED"]
    assert facts["active"] == "person"
    added = {kind: set(found) - set(facts["before"][kind]) for kind, found in facts["character"].items()}
    added.pop("settings")
    assert added == {
        "objects": {"person", "person_body", "person_camera"},
        "collections": {"person"},
        "meshes": {"person_body"},
        "armatures": {"person"},
        "cameras": {"person_camera"},
        "materials": {"person_body"},
        "actions": {"person"},
        "images": {"person.jpg"},
    }
    assert 0.3 < facts["score"] <= 1
    assert abs(facts["lowest"]) < 1e-4
    assert facts["fit_bones"] == ["FINISHED"]


def test_what_goes_wrong_is_told_and_leaves_nothing(facts):
    assert "does not exist" in facts["missing"]
    assert "No person was found" in facts["nobody"]
    assert "cannot be shown" in facts["halfway"]
    assert facts["after_errors"] == facts["before"]
    assert "Select a character" in facts["export_without_character"]
    assert "Could not write" in facts["export_to_nowhere"]
    usable, verdict = facts["body_model_verdict"]
    assert not usable and "cannot be used as a body model" in verdict


def test_the_character_is_exported(facts, folder):
    assert facts["export"] == ["FINISHED"]
    exported = (folder / "person.fbx").read_bytes()
    assert exported.startswith(b"Kaydara FBX Binary")
    assert b"upperarm_l" in exported


def test_a_photo_on_its_side_is_shown_upright_and_kept_in_the_file(facts, folder):
    assert facts["sideways"] == ["FINISHED"]
    photo = cv2.imread(str(ROOT / "examples" / "person.jpg"))
    shown = facts["sideways_photo"]
    assert shown["size"] == [photo.shape[1], photo.shape[0]]
    assert shown["packed"]
    corner = np.array(shown["top_left"][:3]) * 255
    assert np.abs(corner - photo[0, 0, ::-1].astype(float)).max() < 12


def test_disabling_leaves_nothing(facts):
    assert facts["left_behind"] == []
    assert facts["registered_again"] == facts["registered"]
    assert facts["worker_was_running"] and not facts["worker_runs_on"]
    assert facts["threads"] == 1
