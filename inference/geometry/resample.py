"""A motion at other moments: at another frame rate, or where frames are missing."""

import numpy as np

from .rotations import continuous_quaternions, matrix_to_quaternion, quaternion_to_matrix


def resampled(rotations: np.ndarray, transl: np.ndarray, rate: float, wanted: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F, J, 3, 3) and translations (F, 3) of `rate` frames a second at `wanted`, from the same first frame.

    Between two frames, rotations are blended as quaternions and normalised; at motion-capture rates that differs from
    the shortest turn by less than a thousandth of a degree.
    """
    last = len(rotations) - 1
    if last == 0 or rate == wanted:
        return rotations, transl
    places = np.arange(np.floor(last * wanted / rate + 1e-6) + 1) * rate / wanted
    before = np.minimum(places.astype(int), last - 1)
    return _between(rotations, transl, before, places - before)


def without_gaps(rotations: np.ndarray, transl: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F, J, 3, 3) and translations (F, 3) of the growing frame numbers `frames` (F,), F > 1, with those that
    are missing between them."""
    every = np.arange(frames[0], frames[-1] + 1)
    before = np.minimum(np.searchsorted(frames, every, "right") - 1, len(frames) - 2)
    return _between(rotations, transl, before, (every - frames[before]) / (frames[before + 1] - frames[before]))


def _between(
    rotations: np.ndarray, transl: np.ndarray, before: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is `share` (N,) of the way from the frames `before` (N,) to those that follow them."""
    share = share[:, None]
    quaternions = continuous_quaternions(matrix_to_quaternion(rotations))
    mixed = quaternions[before] * (1 - share[..., None]) + quaternions[before + 1] * share[..., None]
    mixed /= np.linalg.norm(mixed, axis=-1, keepdims=True)
    return quaternion_to_matrix(mixed), transl[before] * (1 - share) + transl[before + 1] * share
