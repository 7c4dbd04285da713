"""Left and right exchanged for a moment, found and put right: keypoints must go on as they came.

Networks take a left leg for a right one, most of all from the side and from behind. One picture does not tell; the
frames before and after do. Legs, arms and ears are each followed on their own, by Viterbi's algorithm: a frame costs as
much as its keypoints jump from where the last two frames lead to, an exchange costs something by itself, so that legs
may cross, and what most frames say is taken for true.
"""

import numpy as np

from ..geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR

_PARTS = (
    ("hip", "knee", "ankle", "heel", "big_toe"),
    ("shoulder", "elbow", "wrist", "knuckles"),
    ("ear",),
)
GROUPS = tuple(
    np.array([KEYPOINT_INDEX[f"{side}_{name}"] for name in names for side in ("left", "right")]) for names in _PARTS
)
USUAL_JUMP = 0.06
"""Of the person's height in the picture: how far a keypoint usually is from where the last two frames lead to."""
CHANGE_COST = 1.0
"""An exchange from one frame to the next costs as much as this many sure keypoints that are elsewhere."""
SWAPPED_COST = 0.02
"""A frame whose sides are exchanged costs this much more."""


def repair_sides(keypoints: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (F, K, 3) with exchanged sides put right, and which frames (F,) were changed.

    `known` (F,) tells the frames in which the person was found; the others stay as they are.
    """
    there = np.flatnonzero(known)
    repaired, changed = keypoints.copy(), np.zeros(len(keypoints), bool)
    if len(there) < 3:
        return repaired, changed
    for group in GROUPS:
        swapped = there[_swapped(keypoints[there], there, group)]
        repaired[np.ix_(swapped, group)] = keypoints[np.ix_(swapped, KEYPOINT_MIRROR[group])]
        changed[swapped] |= (keypoints[np.ix_(swapped, group)][..., 2] > 0).any(1)
    return repaired, changed


def _swapped(keypoints: np.ndarray, frames: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Which of the found frames (N,) have this group's sides exchanged. `frames` (N,) are their numbers."""
    costs = _jumps(keypoints, frames, group)
    # A state is (this frame exchanged, the one before exchanged), numbered 2 · this + before.
    best, came_from = np.array([0.0, np.inf, np.inf, SWAPPED_COST]), []
    for jump in costs:
        arrival, origin = np.empty(4), np.empty(4, int)
        for state in range(4):
            now, before = divmod(state, 2)
            ways = [best[2 * before + earlier] + jump[before ^ earlier, now ^ before] for earlier in (0, 1)]
            earlier = int(ways[1] < ways[0])
            arrival[state] = ways[earlier] + CHANGE_COST * (now != before) + SWAPPED_COST * now
            origin[state] = 2 * before + earlier
        best = arrival
        came_from.append(origin)
    state = int(best.argmin())
    states = [state]
    for origin in reversed(came_from):
        state = origin[state]
        states.append(state)
    return np.array(states[::-1]) >= 2


def _jumps(keypoints: np.ndarray, frames: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Costs (N - 1, 2, 2) of each frame but the first, by whether sides were exchanged between the two frames before
    it, and between the last one and it."""
    seen = keypoints[..., 2] > 0
    height = np.array([np.ptp(frame[mask, :2], axis=0).max() for frame, mask in zip(keypoints, seen, strict=True)])
    scale = (USUAL_JUMP * np.maximum(np.median(height), 1.0)) * np.diff(frames)[:, None]
    steady = np.concatenate([[False], (np.diff(frames)[1:] == 1) & (np.diff(frames)[:-1] == 1)])[:, None, None]
    own, other = keypoints[:, group], keypoints[:, KEYPOINT_MIRROR[group]]
    certainty = (own[..., 2] * other[..., 2]) ** 0.5
    certainty = np.minimum(certainty[1:], certainty[:-1])
    costs = np.empty((len(keypoints) - 1, 2, 2))
    for before in (0, 1):
        # Where the last two frames lead to, in the last one's own sides; after a gap, where the last one was.
        earlier = (other if before else own)[np.maximum(np.arange(len(own) - 1) - 1, 0), :, :2]
        expected = np.where(steady, 2 * own[:-1, :, :2] - earlier, own[:-1, :, :2])
        for now in (0, 1):
            found = (other if now else own)[1:, :, :2]
            distance = np.linalg.norm(found - expected, axis=-1) / scale
            costs[:, before, now] = (certainty * distance**2 / (1 + distance**2)).sum(1)
    return costs
