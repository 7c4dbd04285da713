"""Several people of a film, composed of walks that are known: one camera, still or carried, and one floor."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from body_from_image.inference import moving_people
from body_from_image.inference.body.assembly import turned_motion
from body_from_image.inference.body.body_estimate import CAMERA_FROM_SMPL, rotations_of
from body_from_image.inference.clip import Frame, MotionOptions, PersonInClip, RawMotion, finished
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.inference.motion.legs import sole_points
from body_from_image.inference.motion.smooth_motion import up_of
from body_from_image.inference.moving_people import estimate_motions
from body_from_image.inference.remarks import CAMERA_UNKNOWN, nobody_in_clip, remarks_on_cuts, remarks_on_motion

from .conftest import _walk, estimate_of, shaken

FRAMES, LATER, BESIDE = 90, slice(20, 80), np.array([1.1, 0.0, -0.4])
OPTIONS = MotionOptions(strength=0.25)


def seen(body, walk, frames, carried, seed):
    """What each of some frames shows of a walk, before a camera that stands or is `carried` along and turned."""
    time = np.arange(FRAMES) / FRAMES
    turns = axis_angle_to_matrix(time[:, None] * [0.05, 0.25, 0.0]) if carried else np.tile(np.eye(3), (FRAMES, 1, 1))
    places = carried * time[:, None] * [0.5, 0.05, -0.3]
    own = CAMERA_FROM_SMPL @ turns @ CAMERA_FROM_SMPL
    from_there = turned_motion(body, np.zeros(10, np.float32), walk.rotations, walk.trans - places, own)
    before = _walk(body, *from_there)
    raw = shaken(body, replace(walk, trans=walk.trans - places, keypoints=before.keypoints), seed)
    part = {name: getattr(raw, name)[frames] for name in ("poses", "trans", "keypoints_2d", "score")}
    raw = replace(
        estimate_of(body, rotations_of(part["poses"].astype(float)), part["trans"], part["keypoints_2d"]),
        camera_rotations=turns[frames].astype(np.float32) if carried else None,
        camera_places=np.zeros_like(part["trans"]) if carried else None, camera_moves=bool(carried),
    )  # fmt: skip
    return RawMotion(raw, 0, 0, ())


@pytest.fixture(params=[False, True], ids=["still", "carried"])
def film(request, body, walk, monkeypatch):
    """A body's engine, two people and what is seen of each, the one who stays shorter 6 % too far away."""
    other = _walk(body, walk.rotations, walk.trans + BESIDE)
    raws = [seen(body, walk, slice(0, FRAMES), request.param, 1), seen(body, other, LATER, request.param, 2)]
    farther = replace(raws[1].estimate, trans=raws[1].estimate.trans * np.float32([1.06, 1.06, 1.06]))
    raws[1] = replace(raws[1], estimate=farther)
    monkeypatch.setattr(moving_people, "_raw", lambda engine, person, *_: raws[person.first > 0])
    turns = [None] * FRAMES
    people = [PersonInClip(0, [Frame()] * FRAMES, turns), PersonInClip(LATER.start, [Frame()] * 60, turns)]
    return SimpleNamespace(body=body), people, raws


def test_they_stand_on_one_floor_before_one_camera(film):
    engine, people, raws = film
    (leader, other), remarks = estimate_motions(engine, people, SimpleNamespace(fps=30.0, path=None), OPTIONS, False)
    leader, other = leader.estimate, other.estimate
    np.testing.assert_allclose(other.floor, leader.floor, atol=1e-3)
    alone = finished(engine, raws[1], OPTIONS, False).estimate
    assert np.abs(alone.floor - leader.floor).max() > 0.02, "by themselves they stand elsewhere"
    if leader.camera_moves:
        np.testing.assert_allclose(other.camera_places, leader.camera_places[LATER], atol=1e-4)
        assert np.ptp(leader.camera_places, axis=0).max() > 0.2
    soles = sole_points(engine.body, other.betas, rotations_of(other.poses.astype(float)), other.trans.astype(float))
    above = soles @ leader.floor[:3] - leader.floor[3]
    still = np.linalg.norm(np.diff(soles, axis=0), axis=-1) < 1e-4
    assert still.any(1).mean() > 0.7 and np.abs(above.min(1)).mean() < 0.02
    apart, by_themselves = (
        np.linalg.norm(one.trans - leader.trans[LATER] - BESIDE, axis=1).mean() for one in (other, alone)
    )
    assert apart < (0.7 * by_themselves if leader.camera_moves else 0.06)
    assert remarks == (CAMERA_UNKNOWN,)


def test_a_tilt_that_the_user_gave_is_that_of_one_floor(film):
    engine, people, _ = film
    tilted = replace(OPTIONS, camera_tilt=(1.0, 0.5))
    motions, _ = estimate_motions(engine, people, SimpleNamespace(fps=30.0, path=None), tilted, False)
    leader, other = (moving.estimate.floor for moving in motions)
    np.testing.assert_allclose(leader[:3], up_of(1.0, 0.5), atol=1e-5)
    np.testing.assert_allclose(other, leader, atol=1e-3)


def test_where_nobody_stands_each_moves_by_themselves(film):
    engine, people, raws = film
    floating = replace(OPTIONS, keep_feet=False)
    motions, _ = estimate_motions(engine, people, SimpleNamespace(fps=30.0, path=None), floating, False)
    for moving, raw in zip(motions, raws, strict=True):
        assert moving.estimate.floor is None
        np.testing.assert_allclose(moving.estimate.trans, finished(engine, raw, floating, False).estimate.trans)


def test_frames_that_were_lost_or_are_doubtful_are_told_by_their_place_in_the_film():
    scores = np.full(30, 0.9)
    scores[[4, 5, 6, 20]], scores[25:] = 0.0, 0.4
    lost, doubtful, swapped = remarks_on_motion(scores, 2, first=100)
    assert "4 of 30 frames (104–106, 120, from 0)" in lost and "5 of 30 frames (125–129, from 0)" in doubtful
    assert "2 of 30 frames" in swapped and remarks_on_motion(np.ones(30), 0) == ()
    scores[::2] = 0.0
    assert "…" in remarks_on_motion(scores, 0)[0]


def test_cuts_are_told():
    assert remarks_on_cuts([], True) == ()
    assert "cut before frame 40 (from 0): everybody is somebody new" in remarks_on_cuts([40], True)[0]
    assert "before frames 40 and 90 (from 0): whoever is most prominent" in remarks_on_cuts([40, 90], False)[0]
    assert "and more" in remarks_on_cuts(range(9), False)[0]


def test_a_clip_of_nobody_has_the_name_of_its_film_or_of_its_folder():
    assert nobody_in_clip(5, Path("in/walk.mp4")).endswith("5 frames of walk.mp4.")
    assert nobody_in_clip(5, Path("in/walk/f_001.JPG")).endswith("5 frames of walk.")
