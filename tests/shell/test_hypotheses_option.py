"""`--hypotheses N`: other bodies of a picture, each an npz beside the estimate that projects to nearly the same."""

import json
from pathlib import Path

import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body_estimate import BodyEstimate
from body_from_image.inference.joints import JOINT_INDEX

EXAMPLE = Path(__file__).parents[2] / "examples" / "person.jpg"
WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]


def test_other_bodies_lie_beside_the_estimate(tmp_path, capsys):
    assert main(
        ["estimate", str(EXAMPLE), "--out", str(tmp_path), "--format", "npz", "--hypotheses", "2", "--json"]
    ) == 0  # fmt: skip
    (outcome,) = json.loads(capsys.readouterr().out)
    names = [f"person.hypothesis_{number}.npz" for number in (1, 2)]
    assert [name for name in outcome["files"] if name != "person.npz"] == names
    assert all(any(remark.startswith(name) for remark in outcome["remarks"]) for name in names)
    own = BodyEstimate.load(tmp_path / "person.npz")
    for name in names:
        other = BodyEstimate.load(tmp_path / name)
        assert np.linalg.norm(other.joints_2d - own.joints_2d, axis=-1).max() < 0.03 * max(own.image_size)
        assert np.abs(other.joints_3d[0, WRISTS, 2] - own.joints_3d[0, WRISTS, 2]).max() > 0.1
        assert np.array_equal(other.betas, own.betas) and np.array_equal(other.silhouette, own.silhouette)


@pytest.mark.parametrize("wrong", [("--hypotheses", "0"), ("--hypotheses", "many")])
def test_a_count_that_is_none_is_refused(tmp_path, wrong):
    with pytest.raises(SystemExit):
        main(["estimate", str(EXAMPLE), "--out", str(tmp_path), *wrong])


@pytest.mark.parametrize("other", [("--motion",), ("--format", "overlay")])
def test_it_is_of_pictures_and_their_npz(tmp_path, other, capsys):
    assert main(["estimate", str(EXAMPLE), "--out", str(tmp_path), "--hypotheses", "2", *other]) == 2
    assert "--hypotheses" in capsys.readouterr().err
