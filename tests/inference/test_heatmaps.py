"""Decoding: the place of a known Gaussian comes back to a tenth of a cell, and confidence follows its curve."""

import json

import numpy as np
import pytest
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES
from body_from_image.inference.networks.heatmaps import calibrate, decode_heatmaps, peaks, window_means


def gaussians(centres: np.ndarray, sigma: float = 2.0, side: int = 64) -> np.ndarray:
    axis = np.arange(side)
    x = np.exp(-((axis - centres[:, :1]) ** 2) / (2 * sigma**2))
    y = np.exp(-((axis - centres[:, 1:]) ** 2) / (2 * sigma**2))
    maps = y[:, :, None] * x[:, None, :]
    return (maps / maps.sum((1, 2), keepdims=True)).astype(np.float32)[None]


def decode(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return window_means(heatmaps, peaks(heatmaps))


def test_places_are_found_between_cells():
    centres = np.random.default_rng(0).uniform(8, 56, (16, 2))
    cells, mass = decode(gaussians(centres))
    assert np.abs(cells[0] - centres).max() < 0.1
    assert mass.min() > 0.9


def test_a_peak_at_the_edge_stays_inside():
    cells, _ = decode(gaussians(np.array([[0.0, 63.0]])))
    assert cells.min() >= -0.5 and cells.max() <= 63.5


def test_mass_tells_a_sharp_peak_from_a_flat_map():
    flat = np.full((1, 1, 64, 64), 0.5 / 4096, np.float32)
    _, mass = decode(flat)
    assert mass[0, 0] < 0.02


def test_two_equal_peaks_share_the_mass():
    maps = (gaussians(np.array([[15.0, 15.0]])) + gaussians(np.array([[45.0, 40.0]]))) / 2
    cells, mass = decode(maps)
    assert np.abs(mass[0, 0] - 0.5) < 0.05
    assert min(np.abs(cells[0, 0] - [15, 15]).max(), np.abs(cells[0, 0] - [45, 40]).max()) < 0.1


LEG, OTHER_LEG = np.array([[20.0, 50.0]]), np.array([[40.0, 50.0]])


def two_ankles(left_on_leg: float, right_on_leg: float) -> np.ndarray:
    """Heatmaps of somebody whose other keypoints are plain, and whose ankles have these shares on one leg and the rest
    on the other."""
    maps = gaussians(np.random.default_rng(0).uniform(8, 56, (len(KEYPOINT_NAMES), 2)))
    for name, share in (("left_ankle", left_on_leg), ("right_ankle", right_on_leg)):
        maps[0, KEYPOINT_INDEX[name]] = (share * gaussians(LEG) + (1 - share) * gaussians(OTHER_LEG))[0, 0]
    return maps


@pytest.mark.parametrize(
    ("left_on_leg", "right_on_leg", "left", "right"),
    [
        (0.55, 0.7, OTHER_LEG, LEG),
        (0.7, 0.55, LEG, OTHER_LEG),
        (0.9, 0.9, LEG, LEG),
        (0.6, 0.4, LEG, OTHER_LEG),
    ],
    ids=["the left one leaves", "the right one leaves", "both are sure to be there", "they are apart"],
)
def test_two_ankles_are_not_read_on_one_leg_that_have_two_to_be_on(left_on_leg, right_on_leg, left, right):
    maps = two_ankles(left_on_leg, right_on_leg)
    cells, mass = decode_heatmaps(maps)
    found = cells[0, [KEYPOINT_INDEX["left_ankle"], KEYPOINT_INDEX["right_ankle"]]]
    assert np.abs(found - np.concatenate([left, right])).max() < 0.1
    share = left_on_leg if left is LEG else 1 - left_on_leg
    assert abs(mass[0, KEYPOINT_INDEX["left_ankle"]] - share) < 0.05
    others = [index for name, index in KEYPOINT_INDEX.items() if not name.endswith("ankle")]
    assert np.array_equal(cells[0, others], decode(maps)[0][0, others])


def test_confidence_interpolates_its_curve():
    curve = json.dumps({"mass": [0, 0.5, 1], "confidence": [0, 0.2, 0.9]})
    assert np.allclose(calibrate(np.array([0.0, 0.25, 0.75, 2.0]), curve), [0, 0.1, 0.55, 0.9])
