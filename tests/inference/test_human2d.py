"""What several looks at one person say together."""

from dataclasses import replace

import numpy as np
import pytest
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, KEYPOINT_NAMES
from body_from_image.inference.networks.crop import Crop, crop_to_heatmap, heatmap_to_crop
from body_from_image.inference.networks.human2d import Human2D

COUNT = len(KEYPOINT_NAMES)
PLACES = np.random.default_rng(3).uniform(60, 240, (COUNT, 2))
"""Photo pixels in which the made-up person's keypoints lie."""
CROP = Crop(np.array([150.0, 150.0]), 240.0)


class Sighted:
    """A network that knows where everything is, in the pictures that it is told of before it is shown them.

    As a real one it calls left what looks like a left side, so that it exchanges sides in mirror images.
    """

    def __init__(self):
        as_it_is = '{"mass": [0, 1], "confidence": [0, 1]}'
        self.metadata = {"calibration": as_it_is, "calibration_together": as_it_is}
        self.crops, self.places, self.inputs = [], PLACES, ["crops", "prompts"]
        self.told = None

    def __call__(self, pictures: np.ndarray, prompts: np.ndarray) -> list[np.ndarray]:
        self.told = prompts
        maps = np.zeros((len(pictures), COUNT, 64, 64), np.float32)
        rows, columns = np.mgrid[:64, :64]
        for own, crop in zip(maps, self.crops, strict=True):
            cells = crop_to_heatmap(crop.to_crop(self.places))
            for number, (x, y) in enumerate(cells[KEYPOINT_MIRROR] if crop.flip else cells):
                if -0.5 < x < 63.5 and -0.5 < y < 63.5:
                    own[number] = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4)
                    own[number] *= 0.9 / own[number].sum()
        return [maps, np.zeros((len(pictures), 1, 64, 64), np.float32)]


@pytest.fixture
def human2d():
    made = Human2D.__new__(Human2D)
    made.network, made.refiner = Sighted(), None
    return made


class Shifting:
    """A refiner that moves everything by three cells to the right."""

    def __init__(self):
        self.metadata = {"calibration_together": '{"mass": [0, 1], "confidence": [0, 0.5]}'}

    def __call__(self, heatmaps: np.ndarray) -> list[np.ndarray]:
        return [np.roll(heatmaps, 3, axis=3)]


def test_a_prompt_is_told_in_the_crops_own_frame(human2d):
    """Whatever the crop, the keypoints that are told are those that the network sees there, left and right as it calls
    them; what lies outside is not told."""
    prompt = np.column_stack([PLACES, np.ones(COUNT)])
    prompt[3, 2] = 0
    turned = [(flip, angle) for flip in (False, True) for angle in (0, 1)]
    crops = [Crop(np.array([150.0, 140.0]), 250.0, flip=flip, angle=angle) for flip, angle in turned]
    human2d.network.crops = crops
    human2d(np.zeros((300, 300, 3), np.uint8), crops, prompt)
    for crop, told in zip(crops, human2d.network.told, strict=True):
        own = KEYPOINT_MIRROR if crop.flip else np.arange(COUNT)
        places = (crop.to_crop(PLACES)[own] + 0.5) / crop.size
        inside = ((places >= 0) & (places < 1)).all(1) & (own != 3)
        np.testing.assert_array_equal(told[:, 2], inside)
        np.testing.assert_allclose(told[inside, :2], places[inside], atol=1e-6)
    human2d.network.crops = crops[:1]
    human2d(np.zeros((300, 300, 3), np.uint8), crops[:1])
    assert not human2d.network.told.any()


def looks(human2d: Human2D, *crops: Crop):
    human2d.network.crops = crops
    return human2d(np.zeros((300, 300, 3), np.uint8), list(crops))


def test_left_stays_left_in_a_mirror_image(human2d):
    for look in looks(human2d, CROP, replace(CROP, flip=True)):
        assert np.abs(look.keypoints[:, :2] - PLACES).max() < 0.1
        assert look.keypoints[:, 2] == pytest.approx(np.full(COUNT, 0.9), abs=0.01)


def test_what_may_well_be_nowhere_has_no_confidence(human2d):
    maps = np.zeros((1, COUNT, 64, 64), np.float32)
    cells = np.random.default_rng(0).permutation(64)[:COUNT]
    maps[0, np.arange(COUNT), cells, cells] = np.where(np.arange(COUNT) < 10, 0.65, 0.55)
    far = (1000, 1000)
    confidence = human2d._keypoints([CROP], maps, human2d.network.metadata["calibration"], far)[1][0, :, 2]
    assert confidence == pytest.approx(np.where(np.arange(COUNT) < 10, 0.65, 0.0))


def test_what_is_seen_on_the_very_edge_of_the_photo_may_lie_beyond_it(human2d):
    maps = np.zeros((1, COUNT, 64, 64), np.float32)
    x, y = crop_to_heatmap(CROP.to_crop(np.array([90.0, 90.0]))).round().astype(int)
    maps[0, :, y, x] = 0.8
    curve = human2d.network.metadata["calibration"]
    said = {size: human2d._keypoints([CROP], maps, curve, size)[1][0, 0, 2] for size in ((300, 300), (95, 300))}
    assert said[300, 300] == pytest.approx(0.8) and said[95, 300] == 0


def test_one_look_and_several_have_calibrations_of_their_own(human2d):
    human2d.network.metadata["calibration_together"] = '{"mass": [0, 1], "confidence": [0, 0.5]}'
    one, other = looks(human2d, CROP, replace(CROP, flip=True))
    assert one.keypoints[:, 2] == pytest.approx(np.full(COUNT, 0.9), abs=0.01)
    assert human2d.together([one, other]).keypoints[:, 2] == pytest.approx(np.full(COUNT, 0.45), abs=0.02)


@pytest.mark.parametrize(
    "other", [{"side": 210.0}, {"side": 300.0}, {"flip": True}, {"center": np.array([170.0, 140])}]
)
def test_looks_that_agree_say_the_same_together(human2d, other):
    """However the other crop lies: the same places and, since probability is kept, the same confidence."""
    found = human2d.together(looks(human2d, CROP, replace(CROP, **other)))
    assert found.crop is CROP
    assert np.abs(found.keypoints[:, :2] - PLACES).max() < 0.25
    assert np.abs(found.keypoints[:, 2] - 0.9).max() < 0.03
    again = crop_to_heatmap(CROP.to_crop(found.keypoints[:, :2]))
    assert np.allclose(CROP.to_photo(heatmap_to_crop(again)), found.keypoints[:, :2])


def test_two_looks_outdo_a_third(human2d):
    knee = KEYPOINT_INDEX["left_knee"]
    wrong = PLACES.copy()
    wrong[knee] = [80, 220] if PLACES[knee, 0] > 150 else [220, 80]
    human2d.network.places = wrong
    mistaken = looks(human2d, CROP)
    human2d.network.places = PLACES
    found = human2d.together(mistaken + looks(human2d, replace(CROP, side=210.0), replace(CROP, flip=True)))
    assert np.linalg.norm(found.keypoints[knee, :2] - PLACES[knee]) < 0.5
    assert found.keypoints[knee, 2] == pytest.approx(0.6, abs=0.02)
    others = np.arange(COUNT) != knee
    assert np.abs(found.keypoints[others, 2] - 0.9).max() < 0.03


def test_what_a_nearer_look_cannot_see_is_left_to_the_first(human2d):
    places = PLACES.copy()
    hand = KEYPOINT_INDEX["right_wrist"]
    places[hand] = [40, 150]
    human2d.network.places = places
    found = human2d.together(looks(human2d, CROP, replace(CROP, side=180.0)))
    assert np.linalg.norm(found.keypoints[hand, :2] - places[hand]) < 0.5
    assert found.keypoints[hand, 2] == pytest.approx(0.9, abs=0.02)


def test_what_looks_say_together_is_refined(human2d):
    """Places and confidence are the refiner's, but for cells that no look sees anything in."""
    found = looks(human2d, CROP, replace(CROP, flip=True))
    before = human2d.together(found)
    human2d.refiner = Shifting()
    after = human2d.together(found)
    moved = (after.keypoints - before.keypoints)[:, :2] / (CROP.side / 64)
    inside = before.heatmaps[:, :, :-3].sum((1, 2)) > 0.5
    assert moved[inside] == pytest.approx(np.tile([3.0, 0.0], (inside.sum(), 1)), abs=0.3)
    assert after.keypoints[:, 2] == pytest.approx(np.full(COUNT, 0.45), abs=0.03)
    assert not after.heatmaps[before.heatmaps == 0].any()
    human2d.network.inputs = ["crops"]
    assert human2d.together(found).keypoints == pytest.approx(before.keypoints), "the hourglass has stacks for that"
