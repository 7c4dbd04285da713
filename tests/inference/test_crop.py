"""Crops: the maps between photo, crop and heatmap agree with each other and with what OpenCV draws."""

import cv2
import numpy as np
import pytest
from body_from_image.inference.networks.crop import (
    Crop,
    box_around,
    crop_of_box,
    crop_of_photo,
    crop_to_heatmap,
    heatmap_affine,
    heatmap_to_crop,
)

CROPS = [
    Crop(np.array([60.0, 40.0]), 80.0, 64),
    Crop(np.array([60.0, 40.0]), 80.0, 64, angle=0.6),
    Crop(np.array([50.0, 45.0]), 50.0, 64, angle=-0.3, flip=True),
    Crop(np.array([300.0, 200.0]), 500.0, 64),
]


@pytest.mark.parametrize("crop", CROPS)
def test_maps_are_inverse(crop):
    points = np.random.default_rng(0).uniform(-20, 300, (50, 2))
    assert np.allclose(crop.to_crop(crop.to_photo(points)), points)
    assert np.allclose(heatmap_to_crop(crop_to_heatmap(points)), points)


@pytest.mark.parametrize("crop", CROPS)
def test_a_dot_lands_where_the_map_says(crop):
    """Draw a soft dot in the photo, cut the crop, and find it again by its centre of mass."""
    spot = crop.to_photo(np.array([20.0, 37.0]))
    y, x = np.mgrid[0:400, 0:600]
    width = 2.0 * crop.side / crop.size
    photo = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * width**2)).astype(np.float32)
    drawn = crop.cut(photo, fill=(0,))
    rows, columns = np.mgrid[0 : crop.size, 0 : crop.size]
    centre = np.array([(columns * drawn).sum(), (rows * drawn).sum()]) / drawn.sum()
    assert np.abs(centre - [20, 37]).max() < 0.06


def test_a_much_finer_photo_is_averaged_not_sampled():
    """A one-pixel chequerboard is grey from afar; sampling it directly would give black and white."""
    board = (np.indices((1200, 1200)).sum(0) % 2 * 255).astype(np.uint8)
    drawn = crop_of_photo(1200, 1200, 128).cut(board, fill=(0,))
    assert np.abs(drawn[8:-8, 8:-8].astype(int) - 127).max() < 12


def test_heatmap_cells_sit_in_the_middle_of_their_pixels():
    assert np.allclose(heatmap_to_crop(np.array([0.0, 63.0])), [1.5, 253.5])


def test_the_crop_of_a_box_holds_it_with_room():
    box = np.array([10.0, 20.0, 40.0, 100.0])
    crop = crop_of_box(box)
    corners = crop.to_crop(np.array([[10, 20], [49, 119]], float))
    assert corners.min() > 0 and corners.max() < crop.size - 1
    assert crop.side == pytest.approx(125)


def test_the_box_around_joints_is_wider_than_the_joints():
    x, y, width, height = box_around(np.array([[10.0, 10.0], [30.0, 110.0]]))
    assert x < 10 and y < 10 and x + width > 30 and y + height > 110


def test_letterbox_covers_the_photo():
    crop = crop_of_photo(640, 480)
    corners = crop.to_crop(np.array([[0, 0], [639, 479]], float))
    assert corners.min() >= -0.5 and corners.max() <= crop.size - 0.5


def test_the_cut_equals_opencv_resize_for_an_even_reduction():
    photo = np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8)
    ours = crop_of_photo(512, 512, 256).cut(photo)
    reference = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA)
    assert np.abs(ours.astype(int) - reference).max() <= 1


@pytest.mark.parametrize("flip", [False, True])
def test_cells_of_one_crop_are_found_in_another(flip):
    a, b = Crop(np.array([120.0, 80.0]), 200.0), Crop(np.array([150.0, 95.0]), 130.0, flip=flip)
    cells = np.random.default_rng(0).uniform(0, 64, (20, 2))
    affine = heatmap_affine(a, b)
    there = cells @ affine[:, :2].T + affine[:, 2]
    assert np.allclose(b.to_photo(heatmap_to_crop(there)), a.to_photo(heatmap_to_crop(cells)))
