"""Keypoints of other programs without the pictures that they were found in, and as those programs write them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.files.keypoint_files import (
    BODY_25_NAMES,
    COCO_18_NAMES,
    WHOLE_BODY_NAMES,
    read_keypoints,
)
from body_from_image.inference.geometry.joints import KEYPOINT_NAMES

SIZE = (480, 640)
STANDING = {
    "nose": (240, 100), "neck": (240, 160), "mid_hip": (240, 330),
    "left_eye": (248, 92), "right_eye": (232, 92), "left_ear": (260, 98), "right_ear": (220, 98),
    "left_shoulder": (285, 165), "right_shoulder": (195, 165), "left_elbow": (300, 240), "right_elbow": (180, 240),
    "left_wrist": (305, 310), "right_wrist": (175, 310), "left_hip": (265, 330), "right_hip": (215, 330),
    "left_knee": (268, 440), "right_knee": (212, 440), "left_ankle": (270, 550), "right_ankle": (210, 550),
    "left_big_toe": (280, 570), "left_small_toe": (290, 568), "left_heel": (268, 560), "right_big_toe": (200, 570),
    "right_small_toe": (190, 568), "right_heel": (212, 560),
}  # fmt: skip


def numbers(names, aside=0.0):
    return [value for name in names for value in (STANDING[name][0] + aside, STANDING[name][1], 0.9)]


def run(*arguments) -> int:
    return main(["estimate", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path) -> Path:
    """What OpenPose's --write_json leaves: a file a frame, one of them with nobody in it."""
    out = tmp_path / "json"
    out.mkdir()
    for frame in range(12):
        people = [] if frame == 5 else [{"pose_keypoints_2d": numbers(BODY_25_NAMES, frame)}]
        (out / f"clip_{frame}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))
    return out


def test_a_folder_of_frames_without_pictures_becomes_a_motion(folder, tmp_path):
    arguments = ["--keypoints", folder, "--image-size", "480,640", "--motion", "--fps", "25", "--no-refine"]
    assert run(*arguments, "--out", tmp_path / "o", "--format", "npz,overlay") == 0
    estimate = BodyEstimate.load(tmp_path / "o" / "json.npz")
    assert (estimate.frame_count, estimate.mocap_framerate, estimate.image_size) == (12, 25, SIZE)
    film = cv2.VideoCapture(str(tmp_path / "o" / "json.overlay.mp4"))
    assert int(film.get(cv2.CAP_PROP_FRAME_COUNT)) == 12


def test_a_file_that_knows_its_size_needs_no_option(tmp_path):
    path = tmp_path / "pose.json"
    path.write_text(json.dumps({"people": [{"pose_keypoints_2d": numbers(BODY_25_NAMES)}], "image_size": list(SIZE)}))
    assert run("--keypoints", path, "--out", tmp_path / "o", "--format", "npz,overlay,mask,bvh") == 0
    assert sorted(file.name for file in (tmp_path / "o").iterdir() if file.is_file()) == [
        "pose.bvh", "pose.mask.png", "pose.npz", "pose.overlay.png",
    ]  # fmt: skip
    assert cv2.imread(str(tmp_path / "o" / "pose.overlay.png")).shape == (640, 480, 3)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Name a picture"),
        (["--keypoints", "FOLDER"], "--image-size WIDTH,HEIGHT"),
        (["--keypoints", "FOLDER", "--image-size", "4,4"], "too small"),
        (["--keypoints", "EMPTY", "--image-size", "480,640"], "0 JSON files"),
        (["--image-size", "480,640", "FOLDER"], "without pictures"),
    ],
)
def test_what_is_missing_is_said(folder, tmp_path, capsys, arguments, told):
    (tmp_path / "empty").mkdir()
    places = {"FOLDER": folder, "EMPTY": tmp_path / "empty"}
    arguments = [places.get(argument, argument) for argument in arguments]
    assert run(*arguments, "--out", tmp_path / "o", "--format", "npz") == 2
    assert told in capsys.readouterr().err


def read(tmp_path, document):
    (tmp_path / "points.json").write_text(json.dumps(document))
    (frame,) = read_keypoints(tmp_path / "points.json")
    return dict(zip(KEYPOINT_NAMES, frame.points, strict=True))


def test_the_lists_of_other_programs(tmp_path):
    body_25 = read(tmp_path, {"people": [{"pose_keypoints_2d": numbers(BODY_25_NAMES)}]})
    coco_18 = read(tmp_path, {"people": [{"pose_keypoints_2d": numbers(COCO_18_NAMES)}]})
    face_and_hands = np.zeros((133 - len(WHOLE_BODY_NAMES), 3)).ravel().tolist()
    whole = [{"image_id": "0001.jpg", "score": 2.9, "keypoints": numbers(WHOLE_BODY_NAMES) + face_and_hands}]
    whole_body = read(tmp_path, whole)
    for name, (x, y) in STANDING.items():
        if name in KEYPOINT_NAMES:
            for found in (body_25, whole_body) + ((coco_18,) if name in COCO_18_NAMES else ()):
                np.testing.assert_allclose(found[name], (x, y, 0.9), atol=1e-4)
    assert coco_18["left_heel"][2] == 0
