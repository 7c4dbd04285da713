"""`--correct`: keypoints put right from a file, of one person or several, drawn in the overlay; mistakes said early."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.drawing.correction_marks import CORRECTED
from body_from_image.inference.drawing.overlay import draw_overlay
from body_from_image.inference.geometry.joints import JOINT_INDEX, KEYPOINT_INDEX

from .test_people_option import EXAMPLE, estimate, pair  # noqa: F401, the last a fixture

WRIST = KEYPOINT_INDEX["left_wrist"]


def corrections(path: Path, *said: dict) -> Path:
    path.write_text(json.dumps(said))
    return path


def wrist(person: BodyEstimate, frame: int = 0) -> np.ndarray:
    return person.joints_2d[frame, JOINT_INDEX["left_wrist"]]


def marked(picture: np.ndarray, place: np.ndarray, colour=CORRECTED) -> float:
    """How near the pixels around a place come to the mark's colour, in grey levels."""
    x, y = np.round(place).astype(int)
    around = picture[max(y - 12, 0) : y + 13, max(x - 12, 0) : x + 13].reshape(-1, 3).astype(int)
    return float(np.abs(around - colour).max(1).min())


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    out = tmp_path_factory.mktemp("plain")
    assert main(["estimate", str(EXAMPLE), "--out", str(out), "--format", "npz,overlay", "--device", "cpu"]) == 0
    return out


def test_the_overlay_shows_what_was_put_right(plain, tmp_path, capsys):
    before = BodyEstimate.load(plain / "person.npz")
    place = before.keypoints_2d[0, WRIST, :2] + [-60, -50]
    file = corrections(tmp_path / "said.json", {"keypoint": "left_wrist", "x": float(place[0]), "y": float(place[1])})
    estimate(capsys, EXAMPLE, "--out", tmp_path / "out", "--format", "npz,overlay", "--correct", file)
    after = BodyEstimate.load(tmp_path / "out" / "person.npz")
    assert np.linalg.norm(wrist(after) - place) < 15
    for folder, seen in ((plain, False), (tmp_path / "out", True)):
        picture = cv2.cvtColor(cv2.imread(str(folder / "person.overlay.png")), cv2.COLOR_BGR2RGB)
        assert (marked(picture, place) < 40) == seen
    photo = cv2.cvtColor(cv2.imread(str(EXAMPLE)), cv2.COLOR_BGR2RGB)
    drawn, without = (draw_overlay(photo, one) for one in (after, replace(after, corrections=())))
    old = np.round(before.keypoints_2d[0, WRIST, :2]).astype(int)
    window = np.s_[old[1] - 4 : old[1] + 5, old[0] - 4 : old[0] + 5]
    assert np.abs(drawn[window].astype(int) - without[window]).max() > 40, "the old skeleton is not drawn"


def test_a_hidden_keypoint_is_crossed_out(plain, tmp_path):
    said = (*BodyEstimate.load(plain / "person.npz").corrections,)
    assert said == ()
    file = corrections(tmp_path / "said.json", {"keypoint": "left_wrist", "seen": False})
    command = ["estimate", EXAMPLE, "--out", tmp_path, "--format", "npz,overlay", "--correct", file, "--device", "cpu"]
    assert main([str(part) for part in command]) == 0
    person = BodyEstimate.load(tmp_path / "person.npz")
    pictures = [cv2.imread(str(folder / "person.overlay.png")).astype(int) for folder in (plain, tmp_path)]
    x, y = np.round(person.keypoints_2d[0, WRIST, :2]).astype(int)
    assert np.abs(pictures[0] - pictures[1])[y - 4 : y + 5, x - 4 : x + 5].max() > 40


def test_each_of_several_people_is_corrected_by_number(pair, tmp_path, capsys):  # noqa: F811
    estimate(capsys, pair, "--people", "all", "--out", tmp_path / "before", "--format", "npz")
    before = [BodyEstimate.load(tmp_path / "before" / f"pair.{number}.npz") for number in (1, 2)]
    place = before[1].keypoints_2d[0, WRIST, :2] + [15, -40]
    said = {"keypoint": "left_wrist", "x": float(place[0]), "y": float(place[1]), "person": 2}
    file = corrections(tmp_path / "said.json", said, {"keypoint": "nose", "seen": False, "person": 3})
    code, told = estimate(
        capsys,
        pair,
        "--people",
        "all",
        "--out",
        tmp_path / "out",
        "--format",
        "npz,overlay",
        "--correct",
        file,
        "--json",
    )
    assert code == 3, "person 3 is not there"
    after = [BodyEstimate.load(tmp_path / "out" / f"pair.{number}.npz") for number in (1, 2)]
    assert np.array_equal(after[0].poses, before[0].poses) and after[0].corrections == ()
    assert np.linalg.norm(wrist(after[1]) - place) < 15 and len(after[1].corrections) == 1
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / "out" / "pair.overlay.png")), cv2.COLOR_BGR2RGB)
    assert marked(picture, place) < 40
    (outcome,) = json.loads(told.out)
    assert outcome["error"] == "Person 3 is corrected, but 2 were found." and len(outcome["files"]) == 3


@pytest.mark.parametrize(
    ("options", "said", "sentence"),
    [
        ([], {"frame": 3}, "there is one picture, frame 0"),
        ([], {"person": 2}, "give --people"),
        (["--people", "2"], {"person": 3}, "--people wants 2"),
        ([], {"person": 0}, "whole number from 1"),
        (["--people", "2"], {"person": 2, "frame": 1}, "there is one picture"),
        (["--motion"], {"frame": 4}, "the frames are 0 to 3"),
        (["--motion", "--people", "all"], {"frame": 4}, "the frames are 0 to 3"),
    ],
)
def test_what_cannot_be_corrected_is_said_before_anything_is_estimated(
    tmp_path, capsys, monkeypatch, options, said, sentence
):
    monkeypatch.setattr("body_from_image.shell.job.Engine", lambda settings: pytest.fail("the networks were loaded"))
    folder = frames(tmp_path) if "--motion" in options else EXAMPLE
    file = corrections(tmp_path / "said.json", {"keypoint": "nose", "seen": False} | said)
    code, told = estimate(capsys, folder, "--out", tmp_path / "out", "--format", "npz", "--correct", file, *options)
    assert code == 2 and sentence in told.err and not (tmp_path / "out").exists()


def frames(tmp_path: Path) -> Path:
    """Four pictures of the example's person."""
    folder = tmp_path / "walk"
    folder.mkdir()
    small = cv2.resize(cv2.imread(str(EXAMPLE)), (300, 400), interpolation=cv2.INTER_AREA)
    for number in range(4):
        cv2.imwrite(str(folder / f"walk_{number}.png"), np.roll(small, number, axis=1))
    return folder


@pytest.mark.parametrize("people", [[], ["--people", "2"]])
def test_a_frame_of_a_film_is_corrected_and_marked_in_its_frame(tmp_path, capsys, people):
    folder, number = frames(tmp_path), ".1" if people else ""
    estimate(capsys, folder, "--motion", *people, "--out", tmp_path / "before", "--format", "npz")
    before = BodyEstimate.load(tmp_path / "before" / f"walk{number}.npz")
    place = before.keypoints_2d[2, WRIST, :2] + [-20, -15]
    said = {"keypoint": "left_wrist", "x": float(place[0]), "y": float(place[1]), "frame": 2}
    file = corrections(tmp_path / "said.json", said)
    options = ["--out", tmp_path / "out", "--format", "npz,overlay", "--correct", file]
    assert estimate(capsys, folder, "--motion", *people, *options)[0] == 0
    after = BodyEstimate.load(tmp_path / "out" / f"walk{number}.npz")
    assert np.linalg.norm(wrist(after, 2) - place) < 6
    film = cv2.VideoCapture(str(tmp_path / "out" / "walk.overlay.mp4"))
    near = [marked(cv2.cvtColor(film.read()[1], cv2.COLOR_BGR2RGB), place) for _ in range(4)]
    assert int(np.argmin(near)) == 2 and near[2] < 60 < min(near[:2])
