"""Ways to read Human2D's maps, on maps whose truth is known."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from body_from_image.inference.geometry.joints import KEYPOINT_NAMES
from body_from_image.training.data.photos2d import CCP, LabelledCrop
from body_from_image.training.human2d import reading


@pytest.mark.parametrize("name", reading.DECODERS)
def test_every_decoder_finds_the_peak(name):
    rng = np.random.default_rng(0)
    places = rng.uniform(12, 50, (3, 25, 2))
    y, x = np.mgrid[:64, :64]
    maps = np.exp(-((x - places[..., 0, None, None]) ** 2 + (y - places[..., 1, None, None]) ** 2) / 8)
    maps /= 1.1 * maps.sum((2, 3), keepdims=True)
    error = np.linalg.norm(reading.DECODERS[name](maps) - places, axis=-1)
    # A quarter of a cell, or less where the neighbours are asked.
    assert error.mean() < (0.42 if name == "peak of the heatmap" else 0.25)
    assert error.mean() < 0.1 or name not in ("DARK", reading.SHIPPED)


def person() -> LabelledCrop:
    """A figure with thin limbs, brown before blue, 200 × 300 pixels."""
    mask = np.zeros((300, 200), np.uint8)
    for a, b in (((100, 60), (100, 160)), ((100, 160), (70, 270)), ((100, 160), (130, 270)), ((100, 80), (40, 150))):
        cv2.line(mask, a, b, 255, 18)
    image = np.where(mask[..., None] > 0, (150, 90, 60), (60, 90, 150)).astype(np.uint8)
    return LabelledCrop(0, CCP, image, np.zeros((len(KEYPOINT_NAMES), 3), np.float32), mask, True)


def coarse(pictures: np.ndarray) -> list[np.ndarray]:
    """A network that knows brown from blue, but sees 32 cells only."""
    brown = (pictures[:, 0] > pictures[:, 2]).astype(np.float32)
    maps = [cv2.resize(cv2.resize(one, (32, 32), interpolation=cv2.INTER_AREA), (64, 64)) for one in brown]
    return [np.zeros((len(pictures), 25, 64, 64), np.float32), np.stack(maps)[:, None]]


def test_the_filter_makes_silhouettes_better():
    one, mirrored, filtered, both = reading.silhouette_rows(coarse, [person()] * 2).values()
    assert one < filtered < 1 and mirrored < both < 1 and one == pytest.approx(mirrored, abs=0.01)


def test_a_mirror_symmetric_network_says_the_same_with_the_mirror_image():
    def run(pictures: np.ndarray) -> list[np.ndarray]:
        """Every keypoint lies in the middle."""
        maps = np.zeros((len(pictures), 25, 64, 64), np.float32)
        maps[:, :, 30:34, 30:34] = 1 / 16
        return [maps, coarse(pictures)[1]]

    picture = np.random.default_rng(0).random((1, 3, 256, 256), np.float32)
    for alone, both in zip(run(picture), reading.with_flip(run)(picture), strict=True):
        assert np.allclose(alone, both, atol=1e-6)
