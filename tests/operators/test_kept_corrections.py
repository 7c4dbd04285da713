"""A photo or a film that is estimated again keeps what was put right of it; another one does not."""

import importlib.util
from dataclasses import replace

import cv2
import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

import bpy
from body_from_image.operators import estimate as of_photos
from body_from_image.operators import estimate_sequence as of_films
from body_from_image.operators.estimation import (
    Estimated,
    EstimatedMotion,
    EstimatedPeople,
    EstimatedPictures,
    MovingPerson,
)
from body_from_image.rig.correction_note import MARKER, read_corrections

from .conftest import call
from .test_correct import put
from .test_flip_in_depth import estimate, seen

pytestmark = pytest.mark.usefixtures("registered", "empty_scene")
SHIFT = np.array([30, 25])


class Answered:
    """What the worker would have answered."""

    def __init__(self, result):
        self.result = result

    def wait(self):
        return self.result

    def close(self):
        pass


@pytest.fixture
def worker(monkeypatch):
    """A worker that answers what it is told to."""

    def answers(result):
        for module in (of_photos, of_films):
            for name in ("Estimation", "PeopleEstimation", "MotionEstimation", "PicturesEstimation"):
                monkeypatch.setattr(module, name, lambda *_: Answered(result), raising=False)

    for module in (of_photos, of_films):
        monkeypatch.setattr(module, "body_model_file", lambda context: None)
        monkeypatch.setattr(module, "engine_settings", lambda *_: {})
    return answers


def picture(path, grey):
    cv2.imwrite(str(path), np.full((480, 640, 3), grey, np.uint8))
    return path


def photo_of(model, path, **options):
    return Estimated(replace(estimate(model, **options), source=path.name), path, False, (), "CPU")


def estimated(worker, result, path, **options):
    worker(result)
    assert not call(bpy.ops.body_from_image.estimate, filepath=str(path), **options)
    return bpy.context.object


def corrections_of(armature):
    return [one.keypoint for one in read_corrections(armature)]


def test_the_same_photo_estimated_again_keeps_what_was_put_right(worker, model, tmp_path, capfd):
    path = picture(tmp_path / "ada.png", 90)
    first = estimated(worker, photo_of(model, path), path)
    place = put(first, "left_wrist", SHIFT)
    before = seen(first, "right_wrist", "left_ankle")
    again = estimated(worker, photo_of(model, path), path)
    assert again != first and corrections_of(again) == corrections_of(first) == ["left_wrist"]
    assert np.linalg.norm(seen(again, "left_wrist")[0, :2] - place) < 4
    assert np.abs(seen(again, "right_wrist", "left_ankle") - before)[:, :2].max() < 4
    assert f"1 correction of {first.name} kept" in capfd.readouterr().out
    bpy.ops.body_from_image.refine()
    assert np.linalg.norm(seen(again, "left_wrist")[0, :2] - place) < 6


def test_another_photo_of_the_same_name_drops_them_with_a_sentence(worker, model, tmp_path, capfd):
    path = picture(tmp_path / "ada.png", 90)
    first = estimated(worker, photo_of(model, path), path)
    put(first, "left_wrist", SHIFT)
    picture(path, 140)
    again = estimated(worker, photo_of(model, path), path)
    assert corrections_of(again) == [] and corrections_of(first) == ["left_wrist"]
    assert f"The corrections of {first.name} are of another picture" in capfd.readouterr().out


def test_somebody_else_in_the_photo_is_not_corrected(worker, model, tmp_path, capfd):
    """Two people stand side by side; one was corrected before the photo was estimated for everybody."""
    path = picture(tmp_path / "pair.png", 90)
    first = estimated(worker, photo_of(model, path, aside=-0.8), path)
    put(first, "left_wrist", SHIFT)
    capfd.readouterr()
    both = [photo_of(model, path, aside=aside) for aside in (0.8, -0.8)]
    estimated(worker, EstimatedPeople(tuple(both), ()), path, people=2)
    assert corrections_of(bpy.data.objects["pair.1"]) == []
    assert corrections_of(bpy.data.objects["pair.2"]) == ["left_wrist"]
    beside = estimated(worker, photo_of(model, path, aside=0.8), path, beside=first.name, box=(400, 10, 100, 400))
    assert corrections_of(beside) == [] and "another picture" not in capfd.readouterr().out


def test_a_character_for_each_picture_keeps_them_too(worker, model, tmp_path):
    paths = [picture(tmp_path / f"{name}.png", grey) for name, grey in (("ada", 90), ("bob", 140))]
    put(estimated(worker, photo_of(model, paths[0]), paths[0]), "left_wrist", SHIFT)
    worker(EstimatedPictures(tuple((path.stem, photo_of(model, path)) for path in paths), ()))
    bpy.ops.body_from_image.estimate_sequence(directory=str(tmp_path), result="CHARACTERS")
    bob, ada = bpy.context.object, bpy.data.objects["ada.001"]
    assert corrections_of(ada) == ["left_wrist"] and bob != ada and corrections_of(bob) == []


def film_of(model, tmp_path, frames=21, first=0, aside=0.1):
    moving = estimate(model, frames=frames, aside=aside)
    moving.save(tmp_path / "raw.npz")
    return EstimatedMotion((MovingPerson(moving, (tmp_path / "raw.npz").read_bytes(), first, ()),), (), (), "CPU")


def film(worker, result, tmp_path):
    worker(result)
    assert not call(bpy.ops.body_from_image.estimate_sequence, filepath=str(tmp_path / "walk.mp4"))
    return bpy.context.object


def test_a_film_estimated_again_keeps_its_frames_corrections(worker, model, tmp_path, capfd):
    """The second time the person is found two frames later."""
    scene = bpy.context.scene
    first = film(worker, film_of(model, tmp_path), tmp_path)
    scene.frame_set(10)
    place = put(first, "left_wrist", SHIFT, reach=4)
    again = film(worker, film_of(model, tmp_path, frames=19, first=2), tmp_path)
    (said,) = read_corrections(again)
    assert (said.keypoint, said.frame) == ("left_wrist", 7)
    scene.frame_set(8)
    assert np.linalg.norm(seen(again, "left_wrist")[0, :2] - place) < 6
    assert (MARKER.format(again.name), 8) in {(one.name, one.frame) for one in scene.timeline_markers}
    assert f"1 correction of {first.name} kept" in capfd.readouterr().out


def test_another_film_drops_them_with_a_sentence(worker, model, tmp_path, capfd):
    first = film(worker, film_of(model, tmp_path), tmp_path)
    bpy.context.scene.frame_set(10)
    put(first, "left_wrist", SHIFT, reach=4)
    for result in (film_of(model, tmp_path, aside=0.8), film_of(model, tmp_path, frames=60)):
        capfd.readouterr()
        bpy.context.view_layer.objects.active = first
        again = film(worker, result, tmp_path)
        assert corrections_of(again) == []
        assert f"The corrections of {first.name} are of another picture" in capfd.readouterr().out
