"""Filters over time: gaps filled, jitter taken off without lag, and a wild frame outvoted by its neighbours.

The filter is local quadratic regression (Savitzky and Golay 1964, with Gaussian weights): in each frame a parabola is
fitted to the frames about it. Unlike a mean, it leaves the height of peaks and the speed of steady movement alone.
"""

import numpy as np

from ..geometry.rotations import continuous_quaternions, matrix_to_quaternion, quaternion_to_matrix

KERNEL_DEVIATIONS = 3.0
"""How far the filter looks, over its deviation."""
STIFFNESS = (0.01, 0.1)
"""Pulls slope and curvature towards 0, where few frames tell of them: at the ends, and in short clips."""
ROUGHNESS = 3.0
"""Distance from the neighbours, over the clip's own median, at which a frame counts a quarter."""
QUATERNION_NOISE = 0.03
"""Distances of quaternions below this are never wild: half an angle of 3.4°."""


def fill_gaps(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Straight lines over the unknown frames of (F, ...); beyond the first and last known one, those stay.

    `known` (F,) bool, at least one true.
    """
    frames, there = np.arange(len(values)), np.flatnonzero(known)
    after = np.clip(np.searchsorted(there, frames), 0, len(there) - 1)
    first, last = there[np.maximum(after - 1, 0)], there[after]
    first = np.where(frames > there[-1], there[-1], np.where(frames < there[0], there[0], first))
    share = np.clip((frames - first) / np.maximum(last - first, 1), 0, 1).reshape(-1, *[1] * (values.ndim - 1))
    return np.where(known.reshape(share.shape), values, values[first] * (1 - share) + values[last] * share)


def fill_rotation_gaps(rotations: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The same for rotation matrices (F, J, 3, 3): each turns the shortest way."""
    filled = rotations.copy()
    filled[~known] = np.eye(3)
    quaternions = matrix_to_quaternion(filled)
    quaternions[known] = continuous_quaternions(quaternions[known])
    quaternions = fill_gaps(quaternions, known)
    quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
    return np.where(known[:, None, None, None], rotations, quaternion_to_matrix(quaternions))


def smooth_rotations(rotations: np.ndarray, weights: np.ndarray, deviation: float) -> np.ndarray:
    """Rotation matrices (F, J, 3, 3), smoothed as quaternions; `weights` (F,), `deviation` in frames."""
    quaternions = continuous_quaternions(matrix_to_quaternion(rotations))
    smooth = smooth_robustly(quaternions, weights, deviation, QUATERNION_NOISE)
    return quaternion_to_matrix(smooth / np.linalg.norm(smooth, axis=-1, keepdims=True))


def smooth_robustly(values: np.ndarray, weights: np.ndarray, deviation: float, noise: float) -> np.ndarray:
    """Smooth J tracks (F, J, C), each frame by `weights` (F,) or (F, J), less when it lies far from its neighbours.

    `noise` is a distance in the values' unit below which nothing is far.
    """
    weights = np.broadcast_to(np.asarray(weights, float).reshape(len(values), -1), values.shape[:2])
    expected = local_quadratic(values, weights, deviation)
    distance = np.linalg.norm(values - expected, axis=-1)
    usual = np.maximum(ROUGHNESS * np.median(distance, axis=0), noise)
    return local_quadratic(values, weights / (1 + (distance / usual) ** 2) ** 2, deviation)


def local_quadratic(values: np.ndarray, weights: np.ndarray, deviation: float) -> np.ndarray:
    """Fit a parabola about each frame of (F, J, C), and return what it says of that frame.

    `weights` (F, J) ≥ 0; the neighbours count by a Gaussian of `deviation` frames.
    """
    reach = min(int(np.ceil(KERNEL_DEVIATIONS * deviation)), len(values) - 1)
    padded = np.pad(np.maximum(weights, 1e-6), ((reach, reach), (0, 0)))[..., None]
    weighted = padded * np.pad(values, ((reach, reach), (0, 0), (0, 0)))
    moments, sums = [0.0] * 5, [0.0] * 3
    for offset in range(-reach, reach + 1):
        place = offset / max(deviation, 1e-6)
        share, window = np.exp(-(place**2) / 2), slice(reach + offset, reach + offset + len(values))
        moments = [moment + share * place**power * padded[window] for power, moment in enumerate(moments)]
        sums = [total + share * place**power * weighted[window] for power, total in enumerate(sums)]
    return _height_at_zero(moments, sums)


def _height_at_zero(moments: list[np.ndarray], sums: list[np.ndarray]) -> np.ndarray:
    """The constant term of the parabola with these normal equations, by Cramer's rule."""
    m0, m1, m2, m3, m4 = moments
    m2_slope, m4 = m2 + STIFFNESS[0] * m0, m4 + STIFFNESS[1] * m0
    minors = m2_slope * m4 - m3**2, m1 * m4 - m2 * m3, m1 * m3 - m2 * m2_slope
    determinant = m0 * minors[0] - m1 * minors[1] + m2 * minors[2]
    return (sums[0] * minors[0] - sums[1] * minors[1] + sums[2] * minors[2]) / determinant
