"""Everybody in a picture, each once: what is made of the finder's candidates and of the looks at them."""

import numpy as np
import pytest
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, KEYPOINT_NAMES
from body_from_image.inference.networks.crop import crop_of_box
from body_from_image.inference.networks.everybody import (
    SHARED,
    Seen,
    everybody_of,
    looks_at,
    with_own_limbs,
)
from body_from_image.inference.networks.finder import Candidate
from body_from_image.inference.networks.human2d import Detection
from body_from_image.inference.remarks import remarks_on_refused

LEFT, RIGHT, FAR = (np.array([x, 40.0, 60, 160]) for x in (100, 130, 400))


def candidate(box, score=0.3):
    return Candidate(box, np.zeros((17, 3)), score)


def look(asked, seen, confidence=0.9, presence=0.99):
    """Human2D looks at one box and sees somebody in another, whose keypoints fill it."""
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5)), -1).reshape(-1, 2)
    keypoints = np.column_stack([seen[:2] + grid * seen[2:], np.full(len(KEYPOINT_NAMES), confidence)])
    silhouette = np.zeros((64, 64), np.float32)
    return Seen(candidate(asked), Detection(crop_of_box(seen), keypoints, silhouette, presence=presence))


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_looks_at_one_person_the_one_that_was_meant_stays(order):
    astray, meant = look(LEFT, RIGHT), look(RIGHT, RIGHT, confidence=0.85)
    (kept,) = everybody_of([astray, meant][::order]).found
    assert kept is meant


def test_people_beside_each_other_are_two():
    looks = [look(LEFT, LEFT), look(RIGHT, RIGHT), look(FAR, FAR)]
    assert everybody_of(looks).found == looks
    assert everybody_of(looks, most=2).found == looks[:2]


def test_nobody_is_kept_where_scores_or_presence_are_low():
    assert not everybody_of([look(LEFT, LEFT, confidence=0.05), look(RIGHT, RIGHT, presence=0.5)]).found
    assert not everybody_of([look(LEFT, FAR, confidence=0.6)]).found, "seen elsewhere, it must be surer"
    assert everybody_of([look(LEFT, LEFT, confidence=0.6)]).found


def test_who_was_seen_but_too_little_of_them_is_counted_once():
    refused = look(FAR, FAR, presence=0.5)
    looks = [look(LEFT, LEFT), refused, look(FAR + [5, 0, 0, 0], FAR, presence=0.5), look(LEFT, LEFT, presence=0.5)]
    assert everybody_of(looks).refused == [refused]
    hardly = Seen(candidate(FAR, score=0.06), refused.detection)
    assert not everybody_of([look(LEFT, LEFT), hardly]).refused, "the finder does not see anybody either"


def test_the_user_is_told_of_them_in_a_sentence():
    assert remarks_on_refused(0) == ()
    assert remarks_on_refused(1)[0].startswith("There may be 1 more person in the picture, too small or too hidden")
    assert remarks_on_refused(3)[0].startswith("There may be 3 more people in the picture")


class Human2D:
    """Sees somebody at one box, as surely as is told, wherever it looks."""

    def __init__(self, box, confidence):
        self.box, self.confidence, self.looks = box, confidence, 0

    def __call__(self, photo, crops, prompt=None):
        self.looks += len(crops)
        return [look(LEFT, self.box, self.confidence).detection for _ in crops]

    def together(self, seen, crop):
        return seen[0]


PHOTO = np.zeros((220, 500, 3), np.uint8)


@pytest.mark.parametrize(("confidence", "asked"), [(0.1, 1), (0.9, 2)])
def test_nobody_is_looked_at_twice_where_the_first_look_tells_of_nobody(confidence, asked):
    human2d = Human2D(FAR, confidence)
    (seen,) = looks_at(PHOTO, human2d, [candidate(LEFT)])
    assert human2d.looks == asked and seen.candidate.box is LEFT


@pytest.mark.parametrize(("second", "asked"), [(FAR, 3), (LEFT + [4, 0, 0, 0], 4)])
def test_nobody_is_looked_at_twice_who_is_clearly_somebody_else(second, asked):
    """Both looks see the one on the left; the second time somebody elsewhere was meant, or nearly they."""
    human2d = Human2D(LEFT, 0.9)
    looks = everybody_of(looks_at(PHOTO, human2d, [candidate(LEFT), candidate(second, score=0.2)]))
    assert human2d.looks == asked and [one.candidate.box is LEFT for one in looks.found] == [True]


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_foot_that_is_the_neighbours_is_not_believed(mirrored):
    before, behind = look(RIGHT, RIGHT), look(LEFT, LEFT, confidence=0.6)
    foot = KEYPOINT_INDEX["left_ankle"]
    theirs = KEYPOINT_MIRROR[foot] if mirrored else foot
    behind.detection.keypoints[foot, :2] = before.detection.keypoints[theirs, :2] + 3
    first, second = with_own_limbs([before, behind])
    np.testing.assert_array_equal(first.keypoints, before.detection.keypoints)
    assert second.keypoints[foot, 2] == SHARED
    others = np.arange(len(KEYPOINT_NAMES)) != foot
    np.testing.assert_array_equal(second.keypoints[others], behind.detection.keypoints[others])


def test_who_is_as_sure_keeps_their_foot():
    one, other = look(RIGHT, RIGHT), look(LEFT, LEFT, confidence=0.85)
    other.detection.keypoints[:, :2] = one.detection.keypoints[:, :2] + 2
    assert all((seen.keypoints[:, 2] > 0.8).all() for seen in with_own_limbs([one, other]))
