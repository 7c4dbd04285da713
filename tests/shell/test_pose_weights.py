"""`--pose-weights mocap`: keypoints lifted by weights that never learned from photos."""


import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.networks.priors import POSE_WEIGHTS

from ..conftest import EXAMPLE


def test_the_shell_takes_either_weights_and_they_differ_a_little(tmp_path):
    joints = {}
    for weights in POSE_WEIGHTS:
        out = tmp_path / weights
        arguments = ["--format", "npz", "--no-refine", "--pose-weights", weights]
        assert main(["estimate", str(EXAMPLE), "--out", str(out), *arguments]) == 0
        joints[weights] = BodyEstimate.load(out / "person.npz").joints_3d[0]
    centred = [places - places[0] for places in joints.values()]
    apart = np.linalg.norm(centred[0] - centred[1], axis=1)
    assert 0.005 < apart.max() < 0.5


@pytest.mark.parametrize("weights", POSE_WEIGHTS)
def test_the_engine_opens_the_weights_that_the_settings_name(weights):
    engine = Engine(Settings(device="cpu", pose_weights=weights))
    assert engine.pose_prior.network.path.stem == POSE_WEIGHTS[weights]
