"""A motion at another frame rate."""

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
    share = (places - before)[:, None]
    quaternions = continuous_quaternions(matrix_to_quaternion(rotations))
    mixed = quaternions[before] * (1 - share[..., None]) + quaternions[before + 1] * share[..., None]
    mixed /= np.linalg.norm(mixed, axis=-1, keepdims=True)
    return quaternion_to_matrix(mixed), transl[before] * (1 - share) + transl[before + 1] * share
