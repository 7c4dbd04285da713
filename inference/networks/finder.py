"""Finding everybody in a photo: MoveNet MultiPose (Google 2021, Apache-2.0), decoded here.

It is a CenterNet (Zhou et al. 2019): a map of people's centres and, from each centre, the box and the places of COCO's
17 keypoints, which maps of these keypoints then correct. It wants people large: the whole photo is seen 256 pixels
long, and parts of it where people are small.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..geometry.joints import KEYPOINT_NAMES, SHARED_COCOS, SHARED_OURS
from .crop import network_input
from .runtime import Network

SIDE = 256
"""Pixels of the longer side of what the network sees; with more it finds less."""
STRIDE = 4
"""Pixels of a cell of its maps."""
MULTIPLE = 32
"""Its input's sides are multiples of so many pixels."""
MIN_CENTER = 0.1
"""Probability of a centre from which it is somebody at all, to be judged by the rest."""
MOST_PEOPLE = 40
KEYPOINT_SEEN = 0.127
"""Confidence from which a keypoint counts (the network's own constant)."""
EXPECTED_SPREAD = 0.3
"""How far from where the centre expects it a keypoint may be: the square of that distance in cells over this share of
the map's shorter side (the network's own constant)."""
MIN_SAME_OVERLAP = 0.5
"""Overlap of two boxes from which they are of one person, if their keypoints agree as well."""
WINDOW_EDGE = 0.02
"""Of a window's longer side: a box that comes so near to its edge may go on beyond."""
CUT_SCORE = 0.5
"""Share of the score that counts of somebody whom a window cuts, beside the same person in another."""
MAX_POSE_DISTANCE = 0.15
"""Mean distance of common keypoints, over the longer side of the smaller box, up to which they agree."""


@dataclass(frozen=True)
class Candidate:
    """Somebody in a photo: `box` (x, y, width, height), `keypoints` (17, 3), x, y and confidence in COCO's order, and
    `score` in 0–1; `cut` when the part of the photo that was searched may end on them. Pixels of the photo."""

    box: np.ndarray
    keypoints: np.ndarray
    score: float
    cut: bool = False

    @property
    def prompt(self) -> np.ndarray:
        """The keypoints that are sure enough, as Human2D is told whom it is to look at: (25, 3), x, y and 0/1."""
        prompt = np.zeros((len(KEYPOINT_NAMES), 3))
        prompt[SHARED_OURS] = self.keypoints[SHARED_COCOS]
        prompt[:, 2] = prompt[:, 2] > KEYPOINT_SEEN
        return prompt


class Finder:
    """The network and its decoding."""

    def __init__(self, device: str = "auto", threads: int | None = None):
        self.network = Network("finder", device, threads)

    def __call__(self, photo: np.ndarray, windows: np.ndarray | None = None) -> list[Candidate]:
        """Everybody in a photo (H, W, 3) uint8 RGB, or in `windows` of it (N, 4: x, y, width, height), the surest
        first."""
        return distinct(self.proposals(photo, windows))

    def proposals(self, photo: np.ndarray, windows: np.ndarray | None = None) -> list[Candidate]:
        """The same, who are seen in several windows as often."""
        height, width = photo.shape[:2]
        found = []
        for x, y, w, h in [(0, 0, width, height)] if windows is None else np.asarray(windows, int).tolist():
            picture, scale = reduced(photo[y : y + h, x : x + w])
            maps = self.network(network_input([picture]))
            people = [moved(one, 1 / scale, (x, y)) for one in decode(*(own[0] for own in maps))]
            found += [replace(one, cut=ends_on(one.box, (x, y, w, h), (width, height))) for one in people]
        return found


def reduced(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A photo as the network sees it, black below and right of it; and its size (2,) there, over that in the photo."""
    height, width = photo.shape[:2]
    factor = SIDE / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    right, below = (-side % MULTIPLE for side in size)
    padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return padded, np.array(size) / (width, height)


def decode(
    center: np.ndarray, regress: np.ndarray, box_scale: np.ndarray, box_offset: np.ndarray, heatmaps: np.ndarray
) -> list[Candidate]:
    """Everybody in one picture's maps, in pixels of what the network saw: probabilities of centres (1, H, W) and
    keypoints (17, H, W); in cells, from each cell, places of the keypoints (34, H, W: y, x pairs), size of the box
    (2, H, W: y, x) and the offset of its centre."""
    highest = cv2.dilate(center[0], np.ones((3, 3)))
    rows, columns = np.nonzero((center[0] >= highest) & (center[0] >= MIN_CENTER))
    order = np.argsort(-center[0, rows, columns])[:MOST_PEOPLE]
    return [_candidate(row, column, center, regress, box_scale, box_offset, heatmaps)
            for row, column in zip(rows[order], columns[order], strict=True)]  # fmt: skip


def _candidate(row: int, column: int, center, regress, box_scale, box_offset, heatmaps) -> Candidate:
    shape = np.array(heatmaps.shape[1:])
    place, at = np.array([row, column]), (slice(None), row, column)
    middle, half = place + box_offset[at], np.maximum(box_scale[at], 0) / 2
    low, high = np.clip(middle - half, 0, shape), np.clip(middle + half, 0, shape)
    expected = place + regress[at].reshape(-1, 2)
    y, x = np.ogrid[: shape[0], : shape[1]]
    away = (y - expected[:, 0, None, None]) ** 2 + (x - expected[:, 1, None, None]) ** 2
    inside = (y >= low[0]) & (y < high[0]) & (x >= low[1]) & (x < high[1])
    weighed = heatmaps * np.exp(-away / (EXPECTED_SPREAD * shape.min())) * inside
    confidence = weighed.reshape(len(weighed), -1).max(1)
    best = np.stack(np.divmod(weighed.reshape(len(weighed), -1).argmax(1), shape[1]), 1)
    places = np.where(confidence[:, None] > 0, best, expected)
    sure = confidence > KEYPOINT_SEEN
    score = center[0, row, column] * confidence[sure].sum() / max(sure.sum(), 1)
    # A cell's middle is half a stride from its corner.
    points = (places[:, ::-1] + 0.5) * STRIDE - 0.5
    box = np.concatenate([low[::-1], (high - low)[::-1]]) * STRIDE
    return Candidate(box, np.column_stack([points, confidence]), float(score))


def moved(candidate: Candidate, scale: np.ndarray, origin: tuple[int, int]) -> Candidate:
    """A candidate of a part of a photo that begins at `origin` (2,) and was seen 1 / `scale` (2,) as large."""
    box = candidate.box * np.tile(scale, 2)
    box[:2] += origin
    keypoints = candidate.keypoints.copy()
    keypoints[:, :2] = (keypoints[:, :2] + 0.5) * scale - 0.5 + origin
    return replace(candidate, box=box, keypoints=keypoints)


def ends_on(box: np.ndarray, window: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    """Whether a window (x, y, width, height) of a photo of `size` (width, height) ends at a box, other than where the
    photo ends."""
    low, high = np.array(window[:2]), np.array(window[:2]) + window[2:]
    near = WINDOW_EDGE * max(window[2:])
    return bool(((box[:2] < low + near) & (low > 0) | (box[:2] + box[2:] > high - near) & (high < size)).any())


def distinct(candidates: list[Candidate]) -> list[Candidate]:
    """One for each person, the surest first. Of who is cut by one part of the photo and whole in another, the whole one
    is preferred: the rest of them would not be looked at."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda one: one.score * (CUT_SCORE if one.cut else 1), reverse=True):
        if not any(same_person(candidate, other) for other in kept):
            kept.append(candidate)
    return sorted(kept, key=lambda one: one.score, reverse=True)


def same_person(a: Candidate, b: Candidate) -> bool:
    """Whether two candidates are one person: their boxes overlap, or one lies in the other, and the keypoints that both
    see are at the same places."""
    low, high = np.maximum(a.box[:2], b.box[:2]), np.minimum(a.box[:2] + a.box[2:], b.box[:2] + b.box[2:])
    smaller = min(np.prod(a.box[2:]), np.prod(b.box[2:]))
    if np.prod(np.maximum(high - low, 0)) < MIN_SAME_OVERLAP * smaller:
        return False
    both = (a.keypoints[:, 2] > KEYPOINT_SEEN) & (b.keypoints[:, 2] > KEYPOINT_SEEN)
    if not both.any():
        return True
    apart = np.linalg.norm(a.keypoints[both, :2] - b.keypoints[both, :2], axis=1).mean()
    return bool(apart < MAX_POSE_DISTANCE * min(a.box[2:].max(), b.box[2:].max()))
