"""`--refine`, the default, and `--no-refine`: on a picture, and on a motion whose keypoints come from a file."""

import json
from pathlib import Path

import cv2
import numpy as np
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.geometry.joints import LIMB_KEYPOINTS
from body_from_image.inference.refinement.refine import evidence_of, parameters_of, sparse_body

from ..conftest import EXAMPLE


def distance(estimate: BodyEstimate, frame: int = 0) -> float:
    """Mean pixels between the body's limbs and the keypoints, those that were seen."""
    sparse = sparse_body(BodyModel.load())
    points = sparse.place(parameters_of(BodyModel.load(), estimate, frame)).points
    seen = estimate.keypoints_2d[frame][LIMB_KEYPOINTS]
    pixels = evidence_of(estimate).camera.project(sparse.keypoints_from_points @ points)[LIMB_KEYPOINTS]
    return float(np.linalg.norm(pixels - seen[:, :2], axis=1)[seen[:, 2] > 0.3].mean())


def run(out: Path, *options: str) -> BodyEstimate:
    assert main([*options, "--out", str(out), "--format", "npz", "--device", "cpu"]) == 0
    return BodyEstimate.load(next(out.glob("*.npz")))


def test_a_picture_lies_nearer_its_keypoints(tmp_path):
    # Weights that never learnt to lie on a photo leave refinement something to do.
    command = ("estimate", str(EXAMPLE), "--pose-weights", "mocap")
    before, after = run(tmp_path / "before", *command, "--no-refine"), run(tmp_path / "after", *command)
    assert distance(after) < 0.7 * distance(before)


def test_a_motion_lies_nearer_its_keypoints(tmp_path):
    found = run(tmp_path / "one", "estimate", str(EXAMPLE)).keypoints_2d[0]
    frames = [found + [0.6 * number, 0, 0] for number in range(6)]
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(len(frames)):
        cv2.imwrite(str(folder / f"{number:03d}.png"), cv2.imread(str(EXAMPLE)))
    file = tmp_path / "keypoints.json"
    file.write_text(json.dumps([{"keypoints": frame.tolist()} for frame in frames]))
    # Weights that never learnt to lie on a photo leave refinement something to do, here too.
    command = ("estimate", str(folder), "--motion", "--keypoints", str(file), "--pose-weights", "mocap")
    free = (*command, "--no-keep-feet")
    before, after = run(tmp_path / "before", *free, "--no-refine"), run(tmp_path / "after", *free)
    assert after.frame_count == 6
    assert distance(after, 3) < 0.7 * distance(before, 3)
    # Feet that stand are locked, and may cost no more than a tenth of that.
    assert distance(run(tmp_path / "feet", *command), 3) < 1.1 * distance(after, 3)
