"""k-means, to see which poses are rare."""

import numpy as np

SAMPLE = 6000
ROUNDS = 8


def cluster(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Labels (N,) of points (N, D). The centres are found on a sample; every point then goes to the nearest."""
    sample = points[rng.choice(len(points), min(SAMPLE, len(points)), replace=False)].astype(np.float32)
    centers = sample[rng.choice(len(sample), min(count, len(sample)), replace=False)]
    for _ in range(ROUNDS):
        label = nearest(sample, centers)
        size = np.bincount(label, minlength=len(centers))
        total = np.zeros_like(centers)
        np.add.at(total, label, sample)
        centers = np.where(size[:, None] > 0, total / np.maximum(size, 1)[:, None], centers).astype(np.float32)
    return nearest(points.astype(np.float32), centers)


def nearest(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """The nearest centre (N,) of each point."""
    return ((centers**2).sum(1) - 2 * points @ centers.T).argmin(1)
