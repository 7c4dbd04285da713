"""From where something must be back to where it was, smoothly over some frames."""

import numpy as np

from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from .smoothing import fill_gaps


def nearness(known: np.ndarray, ease: float) -> np.ndarray:
    """1 (F,) where something is known, falling smoothly to 0 within `ease` frames."""
    if not known.any():
        return np.zeros(len(known))
    away = np.abs(np.arange(len(known)) - nearest(known))
    share = np.clip(1 - away / max(ease, 1.0), 0, 1)
    return share**2 * (3 - 2 * share)


def nearest(known: np.ndarray) -> np.ndarray:
    """The nearest frame (F,) in which something is known, which it must be in one."""
    there, frames = np.flatnonzero(known), np.arange(len(known))
    after = np.clip(np.searchsorted(there, frames), 1, max(len(there) - 1, 1))
    before, after = there[after - 1], there[np.minimum(after, len(there) - 1)]
    return np.where(np.abs(frames - before) <= np.abs(frames - after), before, after)


def lingering(known: np.ndarray, hold: float) -> np.ndarray:
    """The same within `hold` frames, but 0 (F,) at the latest midway between two places that are known, where the
    nearest changes."""
    if not known.any():
        return np.zeros(len(known))
    there, frames = np.flatnonzero(known), np.arange(len(known))
    after = np.searchsorted(there, frames)
    apart = np.concatenate([[np.inf], np.diff(there), [np.inf]])[after]
    away = np.abs(frames - nearest(known))
    share = np.clip(1 - away / np.minimum(max(hold, 1.0), np.maximum(np.floor(apart / 2), 1.0)), 0, 1)
    return share**2 * (3 - 2 * share)


def turned_towards(turn: np.ndarray, wanted: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rotations (F, 3, 3) turned by a share (F,) of the way to those wanted."""
    way = matrix_to_axis_angle(turn.swapaxes(1, 2) @ wanted)
    return np.where((share == 1)[:, None, None], wanted, turn @ axis_angle_to_matrix(share[:, None] * way))


def eased_turns(turn: np.ndarray, wanted: np.ndarray, known: np.ndarray, ease: float) -> np.ndarray:
    """Rotations (F, 3, 3) that are those wanted where they are `known` (F,). Elsewhere it is what these differ by from
    `turn` that fades within `ease` frames: whatever turns far from one place to the next turns as it was seen."""
    way = matrix_to_axis_angle(turn.swapaxes(1, 2) @ wanted)
    return np.where(known[:, None, None], wanted, turn @ axis_angle_to_matrix(eased(way, known, ease)))


def eased(values: np.ndarray, known: np.ndarray, ease: float) -> np.ndarray:
    """`values` (F, 3) where they are known, and from there smoothly to 0 within `ease` frames."""
    if not known.any():
        return np.zeros_like(values)
    return fill_gaps(np.where(known[:, None], values, 0), known) * nearness(known, ease)[:, None]
