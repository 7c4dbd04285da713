"""Silhouettes brought to the edges of their pictures, and what the nearer look does to them."""

import cv2
import numpy as np
import pytest
from body_from_image.inference.geometry.joints import KEYPOINT_NAMES
from body_from_image.inference.networks import person
from body_from_image.inference.networks.crop import Crop
from body_from_image.inference.networks.guided_filter import sharpened
from body_from_image.inference.networks.human2d import Detection


def star(size: int = 256) -> np.ndarray:
    """A five-pointed star (size, size), 1 where it covers: thin arms, as people have."""
    angles = np.arange(10) * np.pi / 5
    radii = size * np.where(np.arange(10) % 2, 0.16, 0.42)
    corners = size / 2 + radii[:, None] * np.column_stack([np.sin(angles), -np.cos(angles)])
    return cv2.fillPoly(np.zeros((size, size), np.float32), [np.round(corners).astype(np.int32)], 1.0)


def coloured(shape: np.ndarray, inside=(180, 60, 50), outside=(70, 110, 160), noise: float = 8) -> np.ndarray:
    picture = np.where(shape[..., None] > 0.5, inside, outside) + np.random.default_rng(0).normal(
        0, noise, (*shape.shape, 3)
    )
    return picture.clip(0, 255).astype(np.uint8)


def coarse(shape: np.ndarray) -> np.ndarray:
    """As a network of half-size crops sees it: 32 cells, not quite sure where the edge is, enlarged to 64."""
    cells = cv2.GaussianBlur(cv2.resize(shape, (32, 32), interpolation=cv2.INTER_AREA), (0, 0), 1.2)
    return cv2.resize(cells, (64, 64))


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    found, truth = found >= 0.5, truth >= 0.5
    return (found & truth).sum() / (found | truth).sum()


def test_the_edge_goes_where_the_picture_has_one():
    shape = star()
    plain = cv2.resize(coarse(shape), (256, 256), interpolation=cv2.INTER_CUBIC)
    found = sharpened(coarse(shape), coloured(shape))
    assert found.shape == (256, 256) and found.min() >= 0 and found.max() <= 1
    missed, missed_before = 1 - overlap(found, shape), 1 - overlap(plain, shape)
    assert missed < 0.07 and missed < 0.7 * missed_before, (missed, missed_before)


@pytest.mark.parametrize("colour", [(0, 0, 0), (127, 127, 127), (255, 0, 0)])
def test_without_edges_it_stays_about_what_it_was(colour):
    shape = star()
    plain = cv2.resize(coarse(shape), (256, 256), interpolation=cv2.INTER_CUBIC)
    found = sharpened(coarse(shape), np.full((256, 256, 3), colour, np.uint8))
    assert np.isfinite(found).all() and overlap(found, plain) > 0.8


class Looker:
    """Human2D's stand-in: every look sees the star that lies in the photo, as coarsely as the network does."""

    def __init__(self, shape: np.ndarray):
        self.shape = shape

    def __call__(self, photo: np.ndarray, crops: list[Crop], prompt=None) -> list[Detection]:
        keypoints = np.zeros((len(KEYPOINT_NAMES), 3))
        around = np.linspace(0, 2 * np.pi, len(keypoints))
        places = np.array([290, 260]) + 150 * np.column_stack([np.cos(around), np.sin(around)])
        keypoints[:] = np.column_stack([places, np.full_like(around, 0.9)])
        return [Detection(crop, keypoints, coarse(crop.cut(self.shape, fill=(0,)))) for crop in crops]

    def together(self, looks: list[Detection], crop: Crop) -> Detection:
        return looks[0]


def test_the_mask_of_a_photo_has_the_photos_edges():
    shape = np.pad(star(400), ((60, 40), (90, 110)))
    photo, crop = coloured(shape), Crop(np.array([290.0, 260.0]), 480.0)
    looker = Looker(shape)
    look = looker(photo, [crop])[0]
    found_again = person.look_twice(photo, looker, crop)
    assert found_again.silhouette.shape == (256, 256) and found_again.stride == 1 and look.stride == 4
    before, after = (person.photo_mask(one, *photo.shape[1::-1]) / 255 for one in (look, found_again))
    missed, missed_before = 1 - overlap(after, shape), 1 - overlap(before, shape)
    assert missed < 0.11 and missed < 0.7 * missed_before, (missed, missed_before)
    truth = cv2.resize(crop.cut(shape, fill=(0,)), (64, 64), interpolation=cv2.INTER_AREA)
    cells = person.person_cells(found_again)
    assert cells.shape == (64, 64)
    assert np.abs(cells - truth).mean() <= np.abs(person.person_cells(look) - truth).mean()


def test_the_box_is_the_same_however_finely_the_silhouette_is_drawn():
    shape = star(500)
    crop = Crop(np.array([250.0, 250.0]), 500.0)
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3))
    keypoints[:, :2] = 250 + 160 * np.random.default_rng(1).uniform(-0.5, 0.5, (len(keypoints), 2))
    keypoints[:, 2] = 0.9
    fine = crop.cut(shape, fill=(0,))
    cells = cv2.resize(fine, (64, 64), interpolation=cv2.INTER_AREA)
    boxes = [person.box_of(Detection(crop, keypoints, silhouette)) for silhouette in (fine, cells)]
    assert np.abs(boxes[0] - boxes[1]).max() < 500 / 64 * 2
