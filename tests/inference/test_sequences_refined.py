"""What Blender's worker makes of a sequence is what the shell makes of it: refined, unless the settings say no."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.clip import MotionOptions
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.sequences import motion_files

from ..conftest import EXAMPLE

FRAMES = 3


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(FRAMES):
        shutil.copy(EXAMPLE, folder / f"step_{number:04}.jpg")
    return folder


def in_blender(pictures: Path, folder: Path, refine: bool) -> BodyEstimate:
    """What the character is keyed with."""
    folder.mkdir()
    # Weights that never learnt to lie on a photo leave refinement something to do.
    engine = Engine(Settings(device="cpu", threads=1, pose_weights="mocap", refine=refine))
    found = motion_files(engine, [str(pictures)], None, folder, MotionOptions(30.0), lambda *told: None)
    return BodyEstimate.load(Path(found["people"][0]["estimate"]))


def test_a_sequence_in_blender_is_refined_as_in_the_shell(pictures, tmp_path):
    command = ("estimate", str(pictures), "--motion", "--pose-weights", "mocap", "--device", "cpu", "--format", "npz")
    assert main([*command, "--fps", "30", "--out", str(tmp_path / "shell")]) == 0
    shell = BodyEstimate.load(next((tmp_path / "shell").glob("*.npz")))
    refined, plain = (in_blender(pictures, tmp_path / name, name == "refined") for name in ("refined", "plain"))
    assert np.allclose(refined.poses, shell.poses, atol=1e-4) and np.allclose(refined.trans, shell.trans, atol=1e-4)
    assert np.abs(refined.poses - plain.poses).max() > 0.05
