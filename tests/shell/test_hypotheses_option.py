"""`--hypotheses N`: other bodies of a picture, each an npz beside the estimate that projects to nearly the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import CAMERA_FROM_SMPL, BodyEstimate
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.files.images import read_image
from body_from_image.inference.geometry.camera import Camera
from body_from_image.inference.geometry.joints import JOINT_INDEX, keypoints_from_joints
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.inference.refinement.depth_hypotheses import FLIPPED_LIMBS

from ..conftest import EXAMPLE

WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]


@pytest.fixture
def keypoints(tmp_path) -> Path:
    """Keypoints of somebody whose two forearms come towards the camera of the example picture, or go away from it."""
    body, pose = BodyModel.load(), np.zeros((24, 3))
    for name in ("left_arm", "right_arm"):
        pose[FLIPPED_LIMBS[name].hinge] = 1.0 * FLIPPED_LIMBS[name].axis
    posed = body.pose(np.zeros((1, 10)), axis_angle_to_matrix(pose)[None])
    points = np.stack(keypoints_from_joints(posed.joints[0], posed.vertices[0, body.keypoint_vertices]))
    width, height = read_image(EXAMPLE).size
    camera = Camera(float(np.hypot(width, height)), np.array([width - 1, height - 1]) / 2, (width, height))
    places = camera.project(points @ CAMERA_FROM_SMPL.T + [0, 0, 4])
    rows = [[x, y, 0.9] for x, y in places.tolist()]
    file = tmp_path / "keypoints.json"
    file.write_text(json.dumps({"image_size": [width, height], "keypoints": rows}))
    return file


def test_other_bodies_lie_beside_the_estimate(keypoints, tmp_path, capsys):
    """Of given keypoints, so that what Human2D makes of the picture is not in question."""
    options = ["--format", "npz", "--hypotheses", "2", "--json", "--keypoints", str(keypoints)]
    assert main(["estimate", str(EXAMPLE), "--out", str(tmp_path), *options]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)
    names = [f"person.hypothesis_{number}.npz" for number in (1, 2)]
    assert [name for name in outcome["files"] if name != "person.npz"] == names
    assert all(any(remark.startswith(name) for remark in outcome["remarks"]) for name in names)
    own = BodyEstimate.load(tmp_path / "person.npz")
    for name in names:
        other = BodyEstimate.load(tmp_path / name)
        assert np.linalg.norm(other.joints_2d - own.joints_2d, axis=-1).max() < 0.03 * max(own.image_size)
        assert np.abs(other.joints_3d[0, WRISTS, 2] - own.joints_3d[0, WRISTS, 2]).max() > 0.1
        assert np.array_equal(other.betas, own.betas)


def test_other_bodies_keep_the_silhouette(keypoints, tmp_path):
    assert (
        main(["estimate", str(EXAMPLE), "--out", str(tmp_path), "--format", "npz", "--keypoints", str(keypoints)]) == 0
    )
    own = BodyEstimate.load(tmp_path / "person.npz")
    (left, top), (right, bottom) = own.joints_2d[0].min(0), own.joints_2d[0].max(0)
    cell = max(right - left, bottom - top) / 63
    seen = np.zeros((64, 64), np.uint8)
    seen[: int((bottom - top) / cell) + 1, : int((right - left) / cell) + 1] = 255
    own = replace(own, silhouette=seen, silhouette_window=np.array([left, top, cell], np.float32))
    others = Engine(Settings(device="cpu", threads=1)).others(own, 2)
    assert others and all(np.array_equal(other.silhouette, seen) for other, _ in others)


@pytest.mark.parametrize("wrong", [("--hypotheses", "0"), ("--hypotheses", "many")])
def test_a_count_that_is_none_is_refused(tmp_path, wrong):
    with pytest.raises(SystemExit):
        main(["estimate", str(EXAMPLE), "--out", str(tmp_path), *wrong])


@pytest.mark.parametrize("other", [("--motion",), ("--format", "overlay")])
def test_it_is_of_pictures_and_their_npz(tmp_path, other, capsys):
    assert main(["estimate", str(EXAMPLE), "--out", str(tmp_path), "--hypotheses", "2", *other]) == 2
    assert "--hypotheses" in capsys.readouterr().err
