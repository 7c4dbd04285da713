"""A person's corrections: the limb goes where it was put, nothing else moves, and what was said is kept and heeded."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.body.correction import (
    Correction,
    check_corrections,
    corrected_keypoints,
    corrections_from_json,
    corrections_to_json,
    with_correction,
)
from body_from_image.inference.correction.correct import Drag, correct, correct_estimate
from body_from_image.inference.correction.local import keypoint_places, part_of, projected
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.images import read_image
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES, KEYPOINT_PARENTS
from body_from_image.inference.refinement.refine import anchored_energy, evidence_of, parameters_of
from body_from_image.inference.refinement.terms import Weights

from ..conftest import EXAMPLE

LEFT_WRIST = KEYPOINT_INDEX["left_wrist"]
SIZE = (640, 480)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings(device="cpu", threads=1))


@pytest.fixture(scope="module")
def estimate(engine) -> BodyEstimate:
    return engine.estimate(read_image(EXAMPLE)).estimate


def seen_of(engine, estimate):
    """The body, what was seen, where its keypoints lie in the picture, and how tall it is there."""
    before, seen = parameters_of(engine.body, estimate), evidence_of(estimate)
    pixels = projected(engine.body, before, seen)
    return before, seen, pixels, np.ptp(pixels[:, 1])


@pytest.mark.parametrize(
    ("keypoint", "shift"),
    [("left_wrist", (60, -80)), ("left_wrist", (-150, -250)), ("left_ankle", (80, -60)), ("left_knee", (60, -60))],
)
def test_a_limb_goes_where_it_is_put_and_no_other_moves(engine, estimate, keypoint, shift):
    _, seen, pixels, height = seen_of(engine, estimate)
    own, place = part_of(keypoint).keypoints, pixels[KEYPOINT_INDEX[keypoint]] + shift
    after, remarks = correct_estimate(engine.body, estimate, [Correction(keypoint, tuple(place))])
    moved = projected(engine.body, parameters_of(engine.body, after), seen)
    assert remarks == ()
    assert np.linalg.norm(moved[KEYPOINT_INDEX[keypoint]] - place) < 0.005 * max(estimate.image_size)
    other_limbs = [
        number for number, name in enumerate(KEYPOINT_NAMES)
        if name.endswith(("wrist", "elbow", "knee", "ankle", "hip")) and not own[number]
    ]  # fmt: skip
    assert np.linalg.norm(moved - pixels, axis=1)[other_limbs].max() < 0.01 * height
    assert np.array_equal(after.betas, estimate.betas) and after.focal == estimate.focal


def test_a_drag_ends_where_it_is_let_go(engine, estimate):
    before, seen, pixels, _ = seen_of(engine, estimate)
    drag = Drag(engine.body, before, seen, (), "left_wrist")
    for share in np.arange(1, 21) / 20:
        drag.to(tuple(place := pixels[LEFT_WRIST] + share * np.array([-150, -250])))
    found = drag.release(tuple(place))
    assert np.linalg.norm(projected(engine.body, found.parameters, seen)[LEFT_WRIST] - place) < 5


@pytest.mark.bench
def test_a_drag_is_quick_enough_to_be_live(engine, estimate):
    before, seen, pixels, _ = seen_of(engine, estimate)
    drag, steps = Drag(engine.body, before, seen, (), "left_wrist"), []
    for share in np.arange(1, 21) / 20:
        place, began = pixels[LEFT_WRIST] + share * np.array([-150, -250]), time.process_time()
        drag.to(tuple(place))
        steps.append(time.process_time() - began)
    began = time.process_time()
    drag.release(tuple(place))
    assert np.median(steps) < 0.04
    assert time.process_time() - began < 0.2


def test_what_bones_cannot_reach_is_said(engine, estimate):
    _, _, pixels, height = seen_of(engine, estimate)
    far = Correction("left_wrist", tuple(pixels[LEFT_WRIST] - [0.0, 0.9 * height]))
    _, remarks = correct_estimate(engine.body, estimate, [replace(far, place=(-300.0, 0.0))])
    assert "left wrist" in remarks[0] and "too short" in remarks[0]


@pytest.mark.parametrize("nearer", [1, -1])
def test_an_end_is_nearer_or_farther_as_was_said(engine, estimate, nearer):
    after, _ = correct_estimate(engine.body, estimate, [Correction("left_wrist", nearer=nearer)])
    _, seen, pixels, height = seen_of(engine, estimate)
    parameters = parameters_of(engine.body, after)
    depth = keypoint_places(engine.body, parameters)[:, 2]
    assert nearer * (depth[KEYPOINT_PARENTS[LEFT_WRIST]] - depth[LEFT_WRIST]) > 0
    assert np.linalg.norm(projected(engine.body, parameters, seen) - pixels, axis=1).max() < 0.03 * height


def test_a_flip_is_remembered_as_an_ordinal(engine, estimate):
    depths = [keypoint_places(engine.body, parameters_of(engine.body, estimate))[:, 2]]
    after, _ = correct_estimate(engine.body, estimate, [Correction("left_wrist", flip=True)])
    depths.append(keypoint_places(engine.body, parameters_of(engine.body, after))[:, 2])
    lead = [depth[KEYPOINT_PARENTS[LEFT_WRIST]] - depth[LEFT_WRIST] for depth in depths]
    (kept,) = after.corrections
    assert lead[0] * lead[1] < 0 and not kept.flip and kept.nearer == np.sign(lead[1])


def test_arms_are_exchanged_and_exchanged_back(engine, estimate):
    _, seen, pixels, height = seen_of(engine, estimate)
    said = [Correction("left_wrist", exchange=True)]
    once, _ = correct_estimate(engine.body, estimate, said)
    found = projected(engine.body, parameters_of(engine.body, once), seen)
    left, right = KEYPOINT_INDEX["left_wrist"], KEYPOINT_INDEX["right_wrist"]
    # This photo's arms are not crossed, so they reach towards each other's places, and no further than they can.
    assert np.linalg.norm(found[left] - pixels[right]) < 0.5 * np.linalg.norm(pixels[left] - pixels[right])
    legs = [number for number, name in enumerate(KEYPOINT_NAMES) if name.endswith(("knee", "ankle", "toe"))]
    assert np.abs(found - pixels)[legs].max() < 0.01 * height
    back, _ = correct_estimate(engine.body, once, [])
    found = projected(engine.body, parameters_of(engine.body, back), seen)
    assert np.linalg.norm(found[left] - pixels[left]) < 0.1 * height


def test_the_whole_body_turned_about_looks_the_same(engine, estimate):
    before, seen, pixels, height = seen_of(engine, estimate)
    turned = correct(engine.body, before, seen, (), [Correction("nose", exchange=True)]).parameters
    found = projected(engine.body, turned, seen)
    mirrored = [KEYPOINT_INDEX[name] for name in ("right_wrist", "left_wrist", "right_ankle", "left_ankle")]
    others = [KEYPOINT_INDEX[name] for name in ("left_wrist", "right_wrist", "left_ankle", "right_ankle")]
    assert np.linalg.norm(found[mirrored] - pixels[others], axis=1).max() < 0.1 * height
    facing = [one.rotations[0] @ [0, 0, 1] for one in (before, turned)]
    assert facing[0] @ facing[1] < -0.5


def test_corrections_survive_refinement_and_hypotheses(engine, estimate):
    (_, seen, pixels, _), wrist = seen_of(engine, estimate), KEYPOINT_INDEX["right_wrist"]
    place = pixels[wrist] + [40, -60]
    after, _ = correct_estimate(engine.body, estimate, [Correction("right_wrist", tuple(place))])
    refined, _ = engine.refine(after)
    bodies = [refined, *(other for other, _ in engine.others(after, 3))]
    assert len(bodies) > 1
    for body in bodies[:2]:
        assert body.corrections == after.corrections
        found = projected(engine.body, parameters_of(engine.body, body), seen)[wrist]
        assert np.linalg.norm(found - place) < 0.01 * max(estimate.image_size)


def test_a_hidden_wrist_lets_the_forearm_go(engine, estimate):
    _, seen, pixels, height = seen_of(engine, estimate)
    after, _ = correct_estimate(engine.body, estimate, [Correction("left_wrist", seen=False)])
    apart = np.linalg.norm(projected(engine.body, parameters_of(engine.body, after), seen) - pixels, axis=1) / height
    assert apart[LEFT_WRIST] > 0.02, "it lies as forearms usually do"
    own = part_of("left_wrist").keypoints
    assert apart[KEYPOINT_INDEX["left_elbow"]] < 0.03 and apart[~own].max() < 1e-6


@pytest.mark.parametrize("sure", [0.9, 0.3])
def test_a_hidden_ankle_keeps_a_foot_that_is_seen(engine, estimate, sure):
    """The leg is lifted, and its ankle covered: heel and toe say where the foot is, unless nobody is sure of them."""
    _, _, pixels, height = seen_of(engine, estimate)
    place = pixels[KEYPOINT_INDEX["left_ankle"]] + [80, -60]
    lifted, _ = correct_estimate(engine.body, estimate, [Correction("left_ankle", tuple(place))])
    pixels = seen_of(engine, lifted)[2]
    foot = [KEYPOINT_INDEX[name] for name in ("left_heel", "left_big_toe")]
    keypoints = np.column_stack([pixels, np.full(25, 0.9)]).astype(np.float32)
    keypoints[foot, 2] = sure
    keypoints[KEYPOINT_INDEX["left_ankle"]] = [*(place + [150, 0]), 0.8]  # of whatever covers it
    covered = replace(lifted, keypoints_2d=keypoints[None], corrections=())
    after, _ = correct_estimate(engine.body, covered, [Correction("left_ankle", seen=False)])
    moved = np.linalg.norm(seen_of(engine, after)[2] - pixels, axis=1)[foot] / height
    assert moved.max() < 0.01 if sure > 0.5 else moved.min() > 0.02


def test_what_is_not_seen_pulls_at_nothing():
    keypoints = np.column_stack([np.arange(50.0).reshape(25, 2), np.full(25, 0.4)])
    said = [Correction("left_wrist", seen=False), Correction("left_elbow", (7.0, 8.0)), Correction("nose", seen=True)]
    found, certain = corrected_keypoints(keypoints, said)
    assert found[LEFT_WRIST, 2] == 0 and found[KEYPOINT_INDEX["left_elbow"]].tolist() == [7, 8, 1]
    assert found[KEYPOINT_INDEX["nose"]].tolist() == [32, 33, 1]
    moved, _ = corrected_keypoints(keypoints, [Correction("left_wrist", (100.0, 200.0))])
    knuckles, own = KEYPOINT_INDEX["left_knuckles"], keypoints[LEFT_WRIST, :2]
    assert np.array_equal(moved[knuckles, :2] - keypoints[knuckles, :2], [100, 200] - own), "the hand goes along"
    assert [KEYPOINT_NAMES[number] for number in np.flatnonzero(certain)] == ["left_elbow", "nose"]
    assert keypoints[LEFT_WRIST, 2] == 0.4, "what the networks saw stays"


def test_derivatives_of_corrections_are_difference_quotients(engine, estimate):
    said = [Correction("left_wrist", (300.0, 400.0)), Correction("nose", (310.0, 200.0))]
    said += [Correction(name, nearer=nearer) for name in ("right_wrist", "left_knee") for nearer in (1, -1)]
    before, seen, *_ = seen_of(engine, estimate)
    energy = anchored_energy(engine.body, before, replace(seen, outline=None).corrected(said), Weights())
    terms, step = energy.terms(before, derive=True), 1e-6
    for name in ("corrected", "ordinals"):
        ends = [
            [energy.terms(before.moved(sign * step * unit))[name].values for unit in np.eye(before.size)]
            for sign in (1, -1)
        ]
        assert len(terms[name].values)
        assert np.abs(terms[name].jacobian - (np.array(ends[0]) - ends[1]).T / (2 * step)).max() < 1e-3, name


def test_corrections_are_written_and_read(estimate, tmp_path):
    said = (Correction("left_wrist", (1.5, 2.5), 1, True), Correction("nose", exchange=True, frame=3))
    assert corrections_from_json(corrections_to_json(said), "here") == said
    replace(estimate, corrections=said).save(tmp_path / "a.npz")
    assert BodyEstimate.load(tmp_path / "a.npz").corrections == said
    with np.load(tmp_path / "a.npz") as archive:
        np.savez(tmp_path / "old.npz", **{name: archive[name] for name in archive.files if name != "corrections"})
    assert BodyEstimate.load(tmp_path / "old.npz").corrections == ()


def test_a_correction_takes_the_place_of_an_earlier_one():
    first, second = Correction("nose", (1.0, 2.0)), Correction("nose", seen=False)
    assert with_correction((first,), second) == (second,)
    assert with_correction((first,), Correction("nose")) == ()
    assert with_correction((first,), Correction("nose", seen=False, frame=1))[0] == first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("{}", "must be a list"),
        ('[{"x": 1}]', 'has no "keypoint"'),
        ('[{"keypoint": "tail"}]', "there is no keypoint 'tail'"),
        ('[{"keypoint": "nose", "x": 1}]', "both x and y"),
        ('[{"keypoint": "nose", "x": "a", "y": 1}]', "must be a number of pixels"),
        ('[{"keypoint": "nose", "x": NaN, "y": 1}]', "must be a number of pixels"),
        ('[{"keypoint": "nose", "nearer": 2}]', "nearer must be 1, 0 or -1"),
        ('[{"keypoint": "pelvis", "nearer": 1}]', "hangs on no other"),
        ('[{"keypoint": "nose", "seen": "yes"}]', "seen must be true or false"),
        ('[{"keypoint": "nose", "colour": 1}]', "colour means nothing"),
        ('[{"keypoint": "nose", "frame": -1}]', "whole number from 0"),
        ('[{"keypoint": "nose", "seen": true}, {"keypoint": "nose"}]', "twice"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(text, said):
    with pytest.raises(UserError, match=said):
        corrections_from_json(text, "corrections.json")


def test_what_hangs_on_nothing_is_nearer_than_none():
    with pytest.raises(UserError, match="hangs on no other"):
        check_corrections([Correction("pelvis", nearer=1)], SIZE)
    with pytest.raises(UserError, match="no JSON"):
        corrections_from_json(3, "The character's property")
    with pytest.raises(UserError, match="no JSON"):
        corrections_from_json("[" * 100_000, "corrections.json")


def test_places_beyond_the_picture_and_frames_beyond_the_clip_are_said():
    check_corrections([Correction("nose", (-100.0, 500.0))], SIZE)
    with pytest.raises(UserError, match="beyond the picture of 640×480"):
        check_corrections([Correction("nose", (5000.0, 10.0))], SIZE)
    with pytest.raises(UserError, match="frames are 0 to 4"):
        check_corrections([Correction("nose", frame=5)], SIZE, frames=5)


def test_the_shell_reads_corrections(tmp_path, estimate, engine):
    from body_from_image.shell.arguments import parser
    from body_from_image.shell.batch import Batch
    from body_from_image.shell.job import Job

    _, seen, pixels, _ = seen_of(engine, estimate)
    place = pixels[LEFT_WRIST] + [60, -80]
    file = tmp_path / "corrections.json"
    file.write_text(json.dumps([{"keypoint": "left_wrist", "x": place[0], "y": place[1]}]))
    arguments = ["estimate", str(EXAMPLE), "--out", str(tmp_path), "--format", "npz", "--correct", str(file)]
    (outcome,) = Batch(Job(parser().parse_args([*arguments, "--device", "cpu"]))).run()
    assert not outcome.error
    written = BodyEstimate.load(tmp_path / "person.npz")
    found = projected(engine.body, parameters_of(engine.body, written), seen)[LEFT_WRIST]
    assert np.linalg.norm(found - place) < 5
    assert written.corrections == (Correction("left_wrist", tuple(place)),)
