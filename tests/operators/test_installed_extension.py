"""The zip, built, installed as a user installs it, and used in a fresh Blender that has none of our libraries."""

import importlib.util
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="Blender's bpy is not installed")

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("installed_extension.py")
BLENDERS_OWN = ("bpy", "numpy", "numpy.libs", "requests", "urllib3", "idna", "certifi", "charset_normalizer")
ROTATED_BY_EXIF = 6


@pytest.fixture(scope="module")
def zip_file(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "build_extension.py", "--platform", "linux-x64", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.zip")
    return built


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("used")


@pytest.fixture(scope="module")
def facts(zip_file, folder):
    photo = ROOT / "examples" / "person.jpg"
    lying, empty = folder / "lying.jpg", folder / "empty.png"
    lying.write_bytes(lying_on_its_side(photo))
    cv2.imwrite(str(empty), np.full((400, 500, 3), 90, np.uint8))
    environment = os.environ | {
        "BLENDER_USER_RESOURCES": str(folder / "blender"),
        "PYTHONPATH": str(blenders_own_packages(folder)),
    }
    # -S: without this interpreter's packages, as in a Blender that nobody has installed anything into.
    command = [sys.executable, "-S", str(SCRIPT), *map(str, (zip_file, photo, lying, empty, folder))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FACTS ")]
    return json.loads(line.removeprefix("FACTS "))


def blenders_own_packages(folder):
    packages = folder / "packages"
    packages.mkdir()
    site = Path(importlib.util.find_spec("bpy").origin).parents[1]
    for name in BLENDERS_OWN:
        if (site / name).exists():
            (packages / name).symlink_to(site / name)
    return packages


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
    assert wheels == ["onnxruntime-cp311", "onnxruntime-cp313", "opencv_python_headless-cp37"]


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
