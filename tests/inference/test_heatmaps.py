"""Decoding: the place of a known Gaussian comes back to a tenth of a cell, and confidence follows its curve."""

import json

import numpy as np
from body_from_image.inference.heatmaps import calibrate, decode_heatmaps


def gaussians(centres: np.ndarray, sigma: float = 2.0, side: int = 64) -> np.ndarray:
    axis = np.arange(side)
    x = np.exp(-((axis - centres[:, :1]) ** 2) / (2 * sigma**2))
    y = np.exp(-((axis - centres[:, 1:]) ** 2) / (2 * sigma**2))
    maps = y[:, :, None] * x[:, None, :]
    return (maps / maps.sum((1, 2), keepdims=True)).astype(np.float32)[None]


def test_places_are_found_between_cells():
    centres = np.random.default_rng(0).uniform(8, 56, (16, 2))
    cells, mass = decode_heatmaps(gaussians(centres))
    assert np.abs(cells[0] - centres).max() < 0.1
    assert mass.min() > 0.9


def test_a_peak_at_the_edge_stays_inside():
    cells, _ = decode_heatmaps(gaussians(np.array([[0.0, 63.0]])))
    assert cells.min() >= -0.5 and cells.max() <= 63.5


def test_mass_tells_a_sharp_peak_from_a_flat_map():
    flat = np.full((1, 1, 64, 64), 0.5 / 4096, np.float32)
    _, mass = decode_heatmaps(flat)
    assert mass[0, 0] < 0.02


def test_two_equal_peaks_share_the_mass():
    maps = (gaussians(np.array([[15.0, 15.0]])) + gaussians(np.array([[45.0, 40.0]]))) / 2
    cells, mass = decode_heatmaps(maps)
    assert np.abs(mass[0, 0] - 0.5) < 0.05
    assert min(np.abs(cells[0, 0] - [15, 15]).max(), np.abs(cells[0, 0] - [45, 40]).max()) < 0.1


def test_confidence_interpolates_its_curve():
    curve = json.dumps({"mass": [0, 0.5, 1], "confidence": [0, 0.2, 0.9]})
    assert np.allclose(calibrate(np.array([0.0, 0.25, 0.75, 2.0]), curve), [0, 0.1, 0.55, 0.9])
