"""Corrections of an earlier estimate of the same picture or film, for a new one of it."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..body.correction import Correction

MIN_TELLING = 0.3
"""Confidence from which a keypoint tells who somebody is."""
FEWEST = 4
"""Keypoints, in all frames together, that two estimates must both be sure of before they can be told to be alike."""
ALIKE = 0.1
"""Share of a person's extent in the picture that most keypoints of two estimates of them are apart at most: the same
networks look at the same picture, through another box perhaps."""


def same_person(before: np.ndarray, now: np.ndarray) -> bool:
    """Whether keypoints (F, 25, 3), which networks saw in the same frames of the same size, are of one person."""
    both = (before[..., 2] >= MIN_TELLING) & (now[..., 2] >= MIN_TELLING)
    if both.sum() < FEWEST:
        return False
    apart = []
    for frame in np.flatnonzero(both.any(1)):
        places = now[frame, both[frame], :2]
        extent = max(float(np.ptp(now[frame, now[frame, :, 2] >= MIN_TELLING, :2], axis=0).max()), 1.0)
        apart.extend(np.linalg.norm(places - before[frame, both[frame], :2], axis=1) / extent)
    return float(np.median(apart)) < ALIKE


def same_person_in_film(before: np.ndarray, now: np.ndarray, shift: int) -> bool:
    """The same of two films (F, 25, 3), the second of which begins `shift` frames after the first. At least half of the
    longer one's frames must be common."""
    first, last = max(shift, 0), min(len(before), len(now) + shift)
    if 2 * (last - first) < max(len(before), len(now)):
        return False
    return same_person(before[first:last], now[first - shift : last - shift])


def shifted(corrections: Iterable[Correction], shift: int, frames: int) -> tuple[Correction, ...]:
    """Corrections for a film that begins `shift` frames later and has so many `frames`; others are left out."""
    moved = (replace(one, frame=one.frame - shift) for one in corrections)
    return tuple(one for one in moved if 0 <= one.frame < frames)
