"""Images that are in Blender already, the person's height, and the Python that the engine runs on."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ..conftest import EXAMPLE
from .conftest import facts_of

pytestmark = pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="Blender's bpy is not installed")

SCRIPT = Path(__file__).with_name("sources_in_blender.py")


@pytest.fixture(scope="module")
def facts(zip_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    shutil.copy2(EXAMPLE, folder / "person.jpg")
    person = cv2.imread(str(EXAMPLE))
    cv2.imwrite(str(folder / "pair.png"), np.concatenate([person, person[:, ::-1]], 1))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "bare")], check=True)
    return facts_of(SCRIPT, zip_file, folder, resources=folder)


@pytest.mark.parametrize(("kind", "source"), [("file", "FILE"), ("packed", "FILE"), ("painted", "GENERATED")])
def test_an_image_in_blender_becomes_a_character_and_stays_as_it_was(facts, kind, source):
    seen = facts["images"][kind]
    assert seen["result"] == ["FINISHED"]
    assert seen["source"] == source
    assert seen["score"] == pytest.approx(facts["images"]["file"]["score"], abs=0.1)
    assert seen["own"]


def test_an_image_that_will_not_do_is_told(facts):
    assert "no image called 'nothing'" in facts["images"]["missing"]
    assert "4×4 pixels" in facts["images"]["no_picture"]


def test_a_person_is_as_tall_as_was_said_and_the_taller_is_further_away(facts):
    (short, near, certainty), (tall, far, _) = facts["heights"]
    assert short == pytest.approx(1.6, abs=1e-3) and tall == pytest.approx(1.9, abs=1e-3)
    assert far / near == pytest.approx(1.9 / 1.6, rel=0.05)
    assert set(certainty) == {"Head", "Left Arm", "Right Arm", "Left Leg", "Right Leg"}
    assert all(0 < value <= 1 for value in certainty.values())


def test_everybody_in_a_picture_becomes_a_character_before_one_camera(facts):
    seen = facts["everybody"]
    assert seen["result"] == ["FINISHED"] and seen["most"] == ["FINISHED"]
    assert seen["names"] == ["pair.1", "pair.2"] and seen["cameras"] == 1 and seen["background"] == 1
    assert seen["ground"] == ["FINISHED"] and seen["moved"][0] == pytest.approx(seen["moved"][1], abs=1e-4)
    assert seen["refined"] in (["FINISHED"], ["CANCELLED"])
    assert seen["skins"] == 2, "selected characters go into one file"


def test_who_else_is_in_the_picture_can_be_added_before_the_same_camera(facts):
    seen = facts["other"]
    ((box, _, beside),) = seen["others"]
    assert seen["result"] == ["FINISHED"] and seen["camera"] and seen["collection"] and seen["done"] == [True]
    assert seen["name"].startswith(beside.split(".")[0]) and seen["thumbnail"] > 1000
    (first, _), (x, y) = seen["places"]
    assert box[0] < x < box[0] + box[2] and box[1] < y < box[1] + box[3], "they stand where the photo shows them"
    assert not box[0] < first < box[0] + box[2]
    assert "no character called 'nobody'" in seen["nobody"]


def test_an_export_fits_the_bones_to_a_shape_that_was_changed(facts):
    assert facts["shape"] == [False, True]


def test_a_python_is_tried_and_what_it_lacks_is_told(facts):
    own, bare, missing, with_missing, without, on_cuda = facts["pythons"]
    assert own[0] == ["FINISHED"] and "onnxruntime" in own[1] and "CPU" in own[1]
    assert "cannot import numpy" in bare[0] and "pip install numpy" in bare[1]
    assert "There is no Python at" in missing[1] and "There is no Python at" in with_missing
    assert without == ["FINISHED"]
    assert "no CUDA here" in on_cuda
