"""Finding the person: what happens when there is hardly one."""

import numpy as np
import pytest
from body_from_image.inference import person
from body_from_image.inference.crop import Crop
from body_from_image.inference.errors import NoPersonError
from body_from_image.inference.human2d import Detection
from body_from_image.inference.joints import KEYPOINT_NAMES


def detection(confidence: float, sure: int = 0, at: float = 0.0) -> Detection:
    """A look whose first `sure` keypoints are certain and lie about `at`, the others of `confidence`."""
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3))
    keypoints[:, :2] = at + np.arange(len(KEYPOINT_NAMES))[:, None]
    keypoints[:, 2] = confidence
    keypoints[:sure, 2] = 1
    return Detection(Crop(np.array([50.0, 50.0]), 100.0), keypoints, np.zeros((64, 64), np.float32))


def test_a_look_without_a_box_gives_way_to_one_with_a_box():
    boxless, boxed = detection(0.29, sure=2), detection(0.0, sure=4)
    assert boxless.evidence > boxed.evidence and person.box_of(boxless) is None
    assert person._distinct([boxless, boxed]) == [boxed]
    assert person._distinct([boxless]) == [boxless]


def test_two_looks_at_one_person_are_one_person():
    here, again, there = detection(0.5, sure=16), detection(0.4, sure=16, at=1), detection(0.4, sure=16, at=60)
    assert person._distinct([here, again, there]) == [here, there]


def seen(keypoints: int) -> Detection:
    """A look at somebody of whom the first `keypoints` are certain, and the others are nowhere in the picture."""
    return detection(0, sure=keypoints)


def test_legs_that_the_picture_cuts_off_do_not_speak_against_the_rest():
    half, whole, hand = seen(8), seen(16), seen(3)
    assert half.score == whole.score == 1
    assert hand.score == pytest.approx(0.5), "a few sure keypoints are no person"
    assert whole.evidence > half.evidence > hand.evidence, "of two looks, the one that shows more counts"
    person.check_person(half)
    with pytest.raises(NoPersonError):
        person.check_person(hand)


@pytest.mark.parametrize("size", [(640, 640), (1920, 1080), (300, 900), (64, 48)])
@pytest.mark.parametrize("parts", [2, 4])
def test_whoever_one_part_cuts_is_whole_in_another(size, parts):
    width, height = size
    crops = person.crops_of_parts(width, height, parts)
    side = max(size) / parts
    people = np.random.default_rng(0).uniform(0, 1, (200, 2)) * (np.array(size) - 0.4 * np.minimum(side, size))
    for left_top in people:
        right_bottom = left_top + 0.4 * np.minimum(side, size)
        assert any(
            (left_top >= crop.center + 0.5 - crop.side / 2 - 1e-6).all()
            and (right_bottom <= crop.center + 0.5 + crop.side / 2 + 1e-6).all()
            for crop in crops
        )
