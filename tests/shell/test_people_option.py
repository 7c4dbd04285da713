"""`--people`: a body for each person of a picture, numbered, and one overlay and one scene of all."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference import engine
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.worker import Worker

from ..conftest import EXAMPLE


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The example's person twice, the second mirrored and smaller."""
    picture = cv2.imread(str(EXAMPLE))
    small = cv2.resize(picture[:, ::-1], None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    beside = cv2.copyMakeBorder(small, picture.shape[0] - small.shape[0], 0, 0, 0, cv2.BORDER_REPLICATE)
    path = tmp_path_factory.mktemp("pair") / "pair.png"
    cv2.imwrite(str(path), np.concatenate([picture, beside], 1))
    return path


def estimate(capsys, *arguments):
    code = main(["estimate", *map(str, arguments), "--device", "cpu"])
    return code, capsys.readouterr()


def test_all_are_written_the_most_prominent_first(pair, tmp_path, capsys):
    code, said = estimate(capsys, pair, "--people", "all", "--out", tmp_path, "--format", "npz,overlay,mask", "--json")
    assert code == 0
    (outcome,) = json.loads(said.out)
    own = [[f"pair.{number}.npz", f"pair.{number}.mask.png"] for number in (1, 2)]
    assert [person["files"] for person in outcome["people"]] == own
    written = {file.name for file in tmp_path.iterdir() if file.is_file()}
    assert written == {*own[0], *own[1], "pair.overlay.png"}
    large, small = (BodyEstimate.load(tmp_path / files[0]) for files in own)
    width = cv2.imread(str(pair)).shape[1]
    assert large.joints_2d[0, 0, 0] < width / 2 < small.joints_2d[0, 0, 0]
    assert large.focal == small.focal
    # As tall a person seen .7 as large stands 1 / .7 as far away.
    assert small.joints_3d[0, 0, 2] / large.joints_3d[0, 0, 2] == pytest.approx(1 / 0.7, rel=0.1)
    masks = [cv2.imread(str(tmp_path / files[1]), cv2.IMREAD_GRAYSCALE) > 0 for files in own]
    assert not (masks[0] & masks[1]).any()


def test_one_is_the_one_without_the_option(pair, tmp_path, capsys):
    estimate(capsys, pair, "--out", tmp_path / "plain", "--format", "npz")
    estimate(capsys, pair, "--people", "1", "--out", tmp_path / "one", "--format", "npz")
    assert (tmp_path / "one" / "pair.npz").read_bytes() == (tmp_path / "plain" / "pair.npz").read_bytes()


def test_of_a_film_each_is_told_in_which_frames_they_were_not_seen(pair, tmp_path, capsys):
    folder = tmp_path / "film"
    folder.mkdir()
    picture = cv2.resize(cv2.imread(str(pair)), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for number in range(6):
        cv2.imwrite(str(folder / f"film_{number}.png"), np.roll(picture, number, axis=1))
    (folder / "film_3.png").write_bytes(b"no picture")
    options = ["--motion", "--people", "all", "--no-refine", "--format", "npz", "--json"]
    code, said = estimate(capsys, folder, *options, "--out", tmp_path / "out")
    (outcome,) = json.loads(said.out)
    lost = "No person was found in 1 of 6 frames (3, from 0); they were filled in."
    assert code == 0 and len(outcome["people"]) == 2
    for number, person in enumerate(outcome["people"], 1):
        assert lost in person["remarks"] and f"{number}: {lost}" in outcome["remarks"]
    assert any("film_3.png" in remark for remark in outcome["remarks"])


@pytest.fixture
def two_more(monkeypatch):
    """Of two more people in any picture, too little is seen."""
    found = engine.find_everybody
    monkeypatch.setattr(engine, "find_everybody", lambda *asked: replace(found(*asked), refused=2))


def test_who_was_seen_but_too_little_of_them_is_told_of_once(pair, tmp_path, capsys, two_more):
    options = ["--people", "all", "--no-refine", "--format", "npz", "--json"]
    code, said = estimate(capsys, pair, *options, "--out", tmp_path)
    (outcome,) = json.loads(said.out)
    assert code == 0 and len(outcome["people"]) == 2
    assert sum("There may be 2 more people" in remark for remark in outcome["remarks"]) == 1


def test_blender_is_told_of_them_too(pair, tmp_path, two_more):
    settings = {"device": "cpu", "refine": False}
    answer = Worker().people(lambda message: None, str(pair), None, settings, str(tmp_path))
    assert len(answer["people"]) == 2 and "There may be 2 more people" in answer["remarks"][0]


@pytest.mark.parametrize("option", [["--box", "1,1,50,50"], ["--hypotheses", "2"]])
def test_what_is_said_of_one_person_does_not_go_with_it(pair, tmp_path, capsys, option):
    code, said = estimate(capsys, pair, "--people", "2", "--out", tmp_path / "out", "--format", "npz", *option)
    assert code == 2 and option[0] in said.err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5"])
def test_a_number_of_people_is_a_number(pair, tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        estimate(capsys, pair, "--people", wrong, "--out", tmp_path)
    assert ended.value.code == 2 and "not a number of people" in capsys.readouterr().err
