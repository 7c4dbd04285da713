"""Finding the person: what happens when there is hardly one."""

from dataclasses import replace

import numpy as np
import pytest
from body_from_image.inference.errors import NoPersonError
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES
from body_from_image.inference.networks import person
from body_from_image.inference.networks.crop import Crop
from body_from_image.inference.networks.human2d import Detection


def detection(confidence: float, sure: int = 0, at: float = 0.0) -> Detection:
    """A look whose first `sure` keypoints are certain and lie about `at`, the others of `confidence`."""
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3))
    keypoints[:, :2] = at + np.arange(len(KEYPOINT_NAMES))[:, None]
    keypoints[:, 2] = confidence
    keypoints[:sure, 2] = 1
    return Detection(Crop(np.array([50.0, 50.0]), 100.0), keypoints, np.zeros((64, 64), np.float32))


def seen(keypoints: int) -> Detection:
    """A look at somebody of whom the first `keypoints` are certain, and the others are nowhere in the picture."""
    return detection(0, sure=keypoints)


def test_legs_that_the_picture_cuts_off_do_not_speak_against_the_rest():
    half, whole, hand = seen(8), seen(16), seen(3)
    assert half.score == whole.score == 1
    assert hand.score == pytest.approx(0.5), "a few sure keypoints are no person"


def test_a_doubtful_pose_of_somebody_who_is_there_is_not_refused():
    doubtful = replace(detection(0.1, sure=4), presence=0.9)
    person.check_person(doubtful)
    with pytest.raises(NoPersonError, match=r"probability 0\.30"):
        person.check_person(replace(doubtful, presence=0.3))
    person.check_person(replace(doubtful, presence=0.3), boxed=True)
    with pytest.raises(NoPersonError, match="too little"):
        person.check_person(replace(detection(0.1, sure=2), presence=0.9))


def test_a_network_that_does_not_tell_presence_is_judged_by_its_score():
    person.check_person(detection(0.6))
    with pytest.raises(NoPersonError):
        person.check_person(detection(0.3))


@pytest.mark.parametrize("degrees", [0, 30, -80, 170])
def test_how_far_a_torso_leans(degrees):
    keypoints = detection(1.0).keypoints
    angle = np.radians(degrees)
    keypoints[KEYPOINT_INDEX["pelvis"], :2] = 50, 50
    keypoints[KEYPOINT_INDEX["thorax"], :2] = 50 + 20 * np.sin(angle), 50 - 20 * np.cos(angle)
    assert np.degrees(person.lean(keypoints)) == pytest.approx(degrees)
    # A crop turned by that angle shows the torso upright.
    turned = Crop(np.array([50.0, 50.0]), 100.0, angle=person.lean(keypoints)).to_crop(keypoints[:, :2])
    up = turned[KEYPOINT_INDEX["thorax"]] - turned[KEYPOINT_INDEX["pelvis"]]
    assert abs(up[0]) < 1e-6 and up[1] < 0
    keypoints[KEYPOINT_INDEX["thorax"], 2] = 0.1
    assert person.lean(keypoints) == 0


@pytest.mark.parametrize("size", [(640, 640), (1920, 1080), (300, 900), (64, 48)])
@pytest.mark.parametrize("parts", [2, 4])
def test_whoever_one_part_cuts_is_whole_in_another(size, parts):
    width, height = size
    windows = person.windows_of_parts(width, height, parts)
    side = max(size) / parts
    assert (windows[:, :2] >= 0).all() and (windows[:, :2] + windows[:, 2:] <= size).all()
    people = np.random.default_rng(0).uniform(0, 1, (200, 2)) * (np.array(size) - 0.4 * np.minimum(side, size))
    for left_top in people:
        right_bottom = left_top + 0.4 * np.minimum(side, size)
        assert any(
            (left_top >= window[:2] - 1).all() and (right_bottom <= window[:2] + window[2:] + 1).all()
            for window in windows
        )
