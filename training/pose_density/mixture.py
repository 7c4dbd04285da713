"""A mixture of Gaussians by expectation maximisation, in numpy."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mixture:
    """M Gaussians over D numbers."""

    weights: np.ndarray
    """(M,), sum 1."""
    means: np.ndarray
    """(M, D)."""
    covariances: np.ndarray
    """(M, D, D)."""

    def log_densities(self, points: np.ndarray) -> np.ndarray:
        """log(weight × density) of points (N, D) under each Gaussian: (N, M)."""
        columns = []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            root = np.linalg.cholesky(covariance)
            white = np.linalg.solve(root, (points - mean).T)
            log_volume = np.log(np.diag(root)).sum() + 0.5 * len(mean) * np.log(2 * np.pi)
            columns.append(np.log(weight) - log_volume - 0.5 * (white**2).sum(0))
        return np.stack(columns, 1)

    def log_likelihood(self, points: np.ndarray) -> np.ndarray:
        """(N,) natural logarithm of the density at points (N, D)."""
        return _log_sum(self.log_densities(points))


def fit_mixture(
    points: np.ndarray, components: int, floor: np.ndarray, rng: np.random.Generator, iterations: int = 60
) -> Mixture:
    """Fit to points (N, D). `floor` (D,) is a deviation that is added to every Gaussian in every direction: what the
    data does not vary, the mixture still allows."""
    mixture = _start(points, components, floor, rng)
    for _ in range(iterations):
        logs = mixture.log_densities(points)
        shares = np.exp(logs - _log_sum(logs)[:, None])
        mixture = _maximise(points, shares, floor)
    return mixture


def _start(points: np.ndarray, components: int, floor: np.ndarray, rng: np.random.Generator) -> Mixture:
    """Centres far from each other (k-means++), and each point wholly the nearest one's."""
    centres = [points[rng.integers(len(points))]]
    for _ in range(components - 1):
        nearest = np.min([((points - centre) ** 2).sum(1) for centre in centres], 0)
        centres.append(points[rng.choice(len(points), p=nearest / nearest.sum())])
    distances = np.stack([((points - centre) ** 2).sum(1) for centre in centres], 1)
    return _maximise(points, np.eye(components)[distances.argmin(1)], floor)


def _maximise(points: np.ndarray, shares: np.ndarray, floor: np.ndarray) -> Mixture:
    totals = shares.sum(0) + 1e-6
    means = shares.T @ points / totals[:, None]
    covariances = []
    for share, total, mean in zip(shares.T, totals, means, strict=True):
        centred = points - mean
        covariances.append((centred * share[:, None]).T @ centred / total + np.diag(floor**2))
    return Mixture(totals / totals.sum(), means, np.stack(covariances))


def _log_sum(logs: np.ndarray) -> np.ndarray:
    highest = logs.max(1, keepdims=True)
    return (highest + np.log(np.exp(logs - highest).sum(1, keepdims=True)))[:, 0]
