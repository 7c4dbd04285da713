"""`--size hourglass`: the paper's network, beside the one that is meant to be used."""


import numpy as np
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate

from ..conftest import EXAMPLE


def test_both_networks_see_the_person_of_the_example(tmp_path):
    found = []
    for size in ("fast", "hourglass"):
        options = ["--size", size, "--out", str(tmp_path / size), "--format", "npz", "--device", "cpu"]
        assert main(["estimate", str(EXAMPLE), *options]) == 0
        found.append(BodyEstimate.load(tmp_path / size / "person.npz"))
    fast, hourglass = found
    limbs = np.linalg.norm(fast.keypoints_2d[0, :16, :2] - hourglass.keypoints_2d[0, :16, :2], axis=1)
    assert 0 < np.median(limbs) < 0.05 * fast.bbox[0, 3]
    assert fast.score[0] > 0.7 and hourglass.score[0] > 0.7
