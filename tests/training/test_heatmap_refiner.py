"""The heatmap refiner: begins by changing nothing, learns what it is shown, and ships as it was trained."""

import numpy as np
import pytest
import torch
from body_from_image.inference.geometry.joints import KEYPOINT_MIRROR
from body_from_image.inference.networks.runtime import Network
from body_from_image.training.human2d.outputs import heatmap_probabilities
from body_from_image.training.human2d.refiner.augmentation import augmented
from body_from_image.training.human2d.refiner.network import HeatmapRefiner, Shipped
from body_from_image.training.human2d.refiner.samples import People
from body_from_image.training.human2d.refiner.train import Config, RefinerTask
from body_from_image.training.runs.onnx_export import export, load_weights
from body_from_image.training.runs.run import train

SIDE = 64


def blobs(points: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    """Heatmaps (N, 25, 64, 64) with all of the probability about points (N, 25, 2)."""
    x = np.arange(SIDE) - points[..., :1]
    y = np.arange(SIDE) - points[..., 1:]
    maps = np.exp(-(y[..., :, None] ** 2 + x[..., None, :] ** 2) / (2 * sigma**2))
    return (maps / maps.sum((2, 3), keepdims=True)).astype(np.float32)


def some_points(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 44, (count, 25, 2))


def test_an_untrained_refiner_changes_nothing():
    heatmaps = torch.from_numpy(0.8 * blobs(some_points(2)))
    with torch.no_grad():
        refined = Shipped(HeatmapRefiner().eval())(heatmaps)
    assert torch.allclose(refined, heatmaps, atol=1e-3)
    assert refined.sum((2, 3)).numpy() == pytest.approx(0.8, abs=0.01)


def test_labels_stay_on_their_peaks_when_people_are_shown_anew():
    points = some_points(64)
    labels = np.concatenate([points, np.ones((64, 25, 1))], 2).astype(np.float32)
    maps, moved = augmented(torch.from_numpy(blobs(points)), torch.from_numpy(labels), np.random.default_rng(1))
    mass = maps.sum((2, 3))
    cells = torch.arange(SIDE, dtype=torch.float32)
    sums = torch.stack([(maps.sum(2) * cells).sum(2), (maps.sum(3) * cells).sum(2)], 2)
    means = sums / mass[..., None].clamp_min(1e-6)
    whole = mass > 0.97
    assert whole.float().mean() > 0.7
    assert torch.linalg.norm(means - moved[..., :2], dim=2)[whole].max() < 0.5
    assert mass.max() < 1.1


def test_about_half_are_mirrored_and_left_becomes_right():
    points = np.full((200, 25, 2), 31.5)
    points[:, :, 0] = np.linspace(26, 37, 25)
    labels = np.concatenate([points, np.broadcast_to(np.arange(25)[:, None], (200, 25, 1))], 2).astype(np.float32)
    _, moved = augmented(torch.from_numpy(blobs(points)), torch.from_numpy(labels), np.random.default_rng(2))
    mirrored = (moved[..., 2] == torch.from_numpy(KEYPOINT_MIRROR).float()).all(1)
    assert 0.35 < mirrored.float().mean() < 0.65
    assert (moved[~mirrored][..., 2] == torch.arange(25)).all()


def test_learns_to_prefer_the_peak_that_goes_with_the_rest(tmp_path):
    """One keypoint has two peaks, the wrong one higher; where the others are says which is right."""
    rng = np.random.default_rng(3)
    points = np.tile(rng.uniform(24, 40, (1, 25, 2)), (64, 1, 1)) + rng.uniform(-6, 6, (64, 1, 2))
    heatmaps = blobs(points)
    wrong = points[:, :1] + np.array([12.0, 0.0])
    heatmaps[:, 0] = 0.4 * heatmaps[:, 0] + 0.6 * blobs(wrong)[:, 0]
    labels = np.concatenate([points, np.ones((64, 25, 1))], 2).astype(np.float32)
    people = People(heatmaps.astype(np.float16), labels)
    network = train(RefinerTask(Config(iterations=60, batch=16), people, sports=32), tmp_path, workers=0).eval()
    with torch.no_grad():
        refined = heatmap_probabilities(network(torch.from_numpy(heatmaps)))[:, 0]
    rows = np.arange(64)
    there = np.round(points[:, 0]).astype(int), np.round(wrong[:, 0]).astype(int)
    right, other = (refined[rows, y, x] for x, y in (place.T for place in there))
    assert (right > other).float().mean() > 0.9


def test_a_file_says_what_the_network_says_and_can_be_trained_on(tmp_path):
    torch.manual_seed(0)
    network = HeatmapRefiner()
    torch.nn.init.normal_(network.change.weight, std=0.05)
    example = torch.from_numpy(0.8 * blobs(some_points(2)))
    assert export(Shipped(network), example, tmp_path / "refiner.onnx", "heatmaps", ["refined"], {}) < 2e-3
    again = HeatmapRefiner()
    load_weights(again, tmp_path / "refiner.onnx", prefix="network.")
    with torch.no_grad():
        assert torch.allclose(again.eval()(example), network.eval()(example), atol=0.05)


def test_what_ships_leaves_whether_a_keypoint_is_in_the_picture_to_the_looks():
    shares = np.random.default_rng(7).uniform(0, 1, (3, 25, 1, 1)).astype(np.float32)
    refined = Network("heatmap_refiner", "cpu", 1)(shares * blobs(some_points(3, 5), 2.0))[0]
    assert refined.sum((2, 3)) == pytest.approx(shares[..., 0, 0], abs=0.01)
