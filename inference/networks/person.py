"""Finding the person: who may be in the photo, then at most two looks at the one who is wanted."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ..errors import NoPersonError
from ..geometry.joints import KEYPOINT_INDEX
from .crop import (
    HEATMAP_STRIDE,
    Crop,
    box_around,
    crop_of_box,
    crop_of_photo,
    crop_to_heatmap,
    heatmap_to_crop,
)
from .finder import Candidate, Finder, distinct
from .guided_filter import sharpened
from .human2d import Detection, Human2D

SURE_CONFIDENCE = 0.3
"""Keypoints of at least this confidence say where the person is."""
MIN_PRESENCE = 0.82
"""Probability of there being a person below which there is none: of calibration pictures, 2 of 54 empty ones are let
through, 17 at one half; one in twenty sports photos is lost, one in six of those that are cut off, and no fashion
photo."""
MIN_SCORE_ALONE = 0.5
"""The same of a network that does not tell presence, and whose pose's score stands in for it."""
MIN_PRESENCE_IN_BOX = 0.1
"""The same where the user drew the box: that somebody is there is known."""
MIN_CANDIDATE = 0.05
"""The finder's score from which somebody may be there, for Human2D to look at."""
CLEAR_SCORE = 0.2
"""The finder's score from which a person seen in the whole photo is not looked for in its parts as well."""
SMALL_SHARE = 0.35
"""Of the photo's longer side: where somebody is smaller, others may be too small to be seen in the whole photo."""
NEAR_OTHERS = 0.05
"""Overlap of boxes from which two people are near each other."""
ANOTHER_SCORE = 0.3
"""The finder's score from which somebody else in the picture is worth telling the user of."""
FEWEST_SURE = 3
"""Sure keypoints without which no body can be placed."""
MIN_LEAN = np.radians(45)
"""How far a torso leans from the vertical when the second look is turned until it is upright."""
MIN_CROP_OVERLAP = 0.6
"""Overlap of the crop that was looked at with that of the box that was seen there, below which the second look is at
the latter."""
WINDOW_STEP = 0.6
"""From one part to the next, over their side: somebody who is cut by one is whole in another."""
SILHOUETTE_REACH = 0.5
"""Of the longer side of the box about the sure keypoints: how far beyond it the silhouette counts as the person's: of
336 in composed crowds of calibration pictures 286 are found so, at .15 279, and five instead of one are nobody."""


@dataclass(frozen=True)
class Found:
    """The person, and where others are: their boxes (N, 4: x, y, width, height), the most prominent first."""

    detection: Detection
    others: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))


def find_person(photo: np.ndarray, human2d: Human2D, finder: Finder, box: np.ndarray | None = None) -> Found:
    """The most prominent person in a photo (H, W, 3) uint8 RGB, or the one in `box` (x, y, width, height).

    Raises NoPersonError, with what speaks for it, when there is none.
    """
    found = most_like_a_person(photo, human2d, finder, box)
    check_person(found.detection, boxed=box is not None)
    return found


def most_like_a_person(photo: np.ndarray, human2d: Human2D, finder: Finder, box: np.ndarray | None = None) -> Found:
    """As `find_person`, but whatever it is that looks most like a person, if nothing much does."""
    if box is not None:
        return Found(look_twice(photo, human2d, crop_of_box(box)))
    people = find_people(photo, finder)
    if not people:
        height, width = photo.shape[:2]
        return Found(look_twice(photo, human2d, crop_of_photo(width, height)))
    best, *rest = sorted(people, key=prominence, reverse=True)
    others = [one.box for one in rest if one.score >= ANOTHER_SCORE]
    # Not told whom: of the most prominent person a look sees more than the finder. On calibration photos, whole
    # pictures, .630 and .837 of sports and everyday people's joints are right so, .622 and .802 with prompts.
    return Found(look_twice(photo, human2d, crop_of_box(best.box)), np.array(others).reshape(-1, 4))


def find_people(photo: np.ndarray, finder: Finder, everybody: bool = False) -> list[Candidate]:
    """Who may be in a photo (H, W, 3) uint8 RGB, the surest first: in the whole, and where that shows nobody clearly,
    in overlapping parts of it half as large; there, too, if `everybody` is wanted and some are small."""
    people = finder(photo)
    small = everybody and any(person.box[2:].max() < SMALL_SHARE * max(photo.shape[:2]) for person in people)
    if small or not people or people[0].score < CLEAR_SCORE:
        people = distinct(people + finder(photo, windows_of_parts(*photo.shape[1::-1], 2)))
    return [person for person in people if person.score >= MIN_CANDIDATE]


def prominence(candidate: Candidate) -> float:
    """How sure a person is, and their size: of two people seen as well, the photo is of the nearer one."""
    return candidate.score * float(np.prod(candidate.box[2:])) ** 0.25


def look_twice(photo: np.ndarray, human2d: Human2D, crop: Crop, prompt: np.ndarray | None = None) -> Detection:
    """Look at a crop, and again at its mirror image: see `look_again`. `prompt` (25, 3) says who in the crop is meant,
    as `Human2D` takes it."""
    return look_again(photo, human2d, human2d(photo, [crop], prompt)[0], prompt)


def look_again(photo: np.ndarray, human2d: Human2D, first: Detection, prompt: np.ndarray | None = None) -> Detection:
    """Look at the mirror image of what was looked at `first`, turned upright where the person leans, and moved to where
    they are if the crop is far off. Both looks decide together, and the silhouette is brought to the picture's
    edges."""
    crop = first.crop
    box = box_of(first)
    if box is not None and _overlap_of_crops(crop, crop_of_box(box)) < MIN_CROP_OVERLAP:
        crop = crop_of_box(box)
    angle = lean(first.keypoints)
    second = replace(crop, flip=True, angle=angle if abs(angle) > MIN_LEAN else 0.0)
    seen = human2d.together([first, *human2d(photo, [second], prompt)], crop)
    picture = crop.cut(photo) if first.picture is None or crop is not first.crop else first.picture
    return replace(seen, silhouette=sharpened(seen.silhouette, picture))


def lean(keypoints: np.ndarray) -> float:
    """Radians by which the torso of keypoints (25, 3) is turned from upright in the picture, clockwise; 0 where it is
    not seen."""
    hips, chest = (keypoints[KEYPOINT_INDEX[name]] for name in ("pelvis", "thorax"))
    if min(hips[2], chest[2]) < SURE_CONFIDENCE:
        return 0.0
    x, y = chest[:2] - hips[:2]
    return float(np.arctan2(x, -y))


def _overlap_of_crops(a: Crop, b: Crop) -> float:
    """Overlap of two upright crops."""
    return box_overlap(*(np.array([*(crop.center - crop.side / 2), crop.side, crop.side]) for crop in (a, b)))


def windows_of_parts(width: int, height: int, parts: int) -> np.ndarray:
    """Overlapping square windows (N, 4: x, y, width, height) of a photo, `parts` of which go into its longer side, for
    people too small to be seen in the whole: nine of a square photo's halves."""
    side = -(-max(width, height) // parts)

    def starts(extent: int) -> np.ndarray:
        count = int(np.ceil((extent - side) / (WINDOW_STEP * side))) + 1 if extent > side else 1
        return np.linspace(0, extent - side, count).round().astype(int) if count > 1 else np.array([0])

    return np.array([
        (x, y, min(side, width - x), min(side, height - y)) for y in starts(height) for x in starts(width)
    ])  # fmt: skip


def box_of(detection: Detection) -> np.ndarray | None:
    """Person's box (x, y, width, height): about the sure keypoints and as much of the silhouette as is near them."""
    sure = detection.keypoints[detection.keypoints[:, 2] >= SURE_CONFIDENCE, :2]
    if len(sure) < 3:
        return None
    silhouette = person_silhouette(detection) >= 0.5
    if not silhouette.any():
        return box_around(sure)
    x, y, width, height = cv2.boundingRect(silhouette.astype(np.uint8))
    ends = np.array([[x - 0.5, y - 0.5], [x + width - 0.5, y + height - 0.5]])
    # In a mirror image the left end is the right one.
    outline = np.sort(detection.crop.to_photo(heatmap_to_crop(ends, detection.stride)), axis=0)
    low, high = sure.min(0), sure.max(0)
    reach = SILHOUETTE_REACH * max(*(high - low), 1.0)
    low, high = np.clip(outline[0], low - reach, low), np.clip(outline[1], high, high + reach)
    return np.concatenate([low, high - low])


def prompt_of(detection: Detection) -> np.ndarray:
    """What was seen, as Human2D is told whom to look at again: (25, 3), x, y and 0/1."""
    sure = detection.keypoints[:, 2] >= SURE_CONFIDENCE
    return np.column_stack([detection.keypoints[:, :2], sure])


def extent_of(detection: Detection) -> np.ndarray:
    """The person's box (4,), or the whole crop when too few keypoints are sure enough to draw one."""
    box, crop = box_of(detection), detection.crop
    return np.array([*(crop.center - crop.side / 2), crop.side, crop.side]) if box is None else box


def person_silhouette(detection: Detection) -> np.ndarray:
    """The silhouette (S, S) without pieces that none of the person's keypoints touch: other people, mostly."""
    silhouette = detection.silhouette
    count, labels = cv2.connectedComponents((silhouette >= 0.5).astype(np.uint8))
    if count <= 2:
        return silhouette
    sure = detection.keypoints[:, 2] >= SURE_CONFIDENCE
    places = crop_to_heatmap(detection.crop.to_crop(detection.keypoints[sure, :2]), detection.stride)
    places = np.clip(np.round(places).astype(int), 0, np.array(silhouette.shape[::-1]) - 1)
    touched = np.unique(labels[places[:, 1], places[:, 0]])
    kept = np.isin(labels, touched[touched > 0])
    around = np.ones((round(2 * HEATMAP_STRIDE / detection.stride) + 1,) * 2)
    kept = cv2.dilate(kept.astype(np.uint8), around) > 0
    return silhouette * kept if touched.any() else silhouette


def person_cells(detection: Detection) -> np.ndarray:
    """The same (64, 64), a value for each cell of the heatmap: what ShapePrior and refinement are made for."""
    cells = detection.crop.size // HEATMAP_STRIDE
    return cv2.resize(person_silhouette(detection), (cells, cells), interpolation=cv2.INTER_AREA)


def photo_mask(detection: Detection, width: int, height: int) -> np.ndarray:
    """The person's silhouette at the photo's size, (height, width) uint8 0/255."""
    affine = detection.crop.photo_from_crop
    size = detection.crop.size
    large = cv2.resize(person_silhouette(detection), (size, size), interpolation=cv2.INTER_CUBIC)
    drawn = cv2.warpAffine(large, affine, (width, height), flags=cv2.INTER_LINEAR)
    return (drawn >= 0.5).astype(np.uint8) * 255


def box_overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    shared = _intersection(a, b)
    return float(shared / (np.prod(a[2:]) + np.prod(b[2:]) - shared))


def _intersection(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    return float(np.prod(np.maximum(high - low, 0)))


def presence_of(detection: Detection) -> float:
    """Probability of there being a person; of a network that does not tell, how sure the pose is."""
    return detection.score if detection.presence is None else detection.presence


def least_presence(found: Detection, boxed: bool = False) -> float:
    """What `presence_of` must be for somebody to be there; `boxed` when the user said where to look."""
    if boxed:
        return MIN_PRESENCE_IN_BOX
    return MIN_SCORE_ALONE if found.presence is None else MIN_PRESENCE


def is_person(found: Detection, boxed: bool = False) -> bool:
    """Whether somebody is there, and enough of them to pose a body; `boxed` when the user said where to look."""
    sure = int((found.keypoints[:, 2] >= SURE_CONFIDENCE).sum())
    return presence_of(found) >= least_presence(found, boxed) and sure >= FEWEST_SURE


def check_person(found: Detection, boxed: bool = False) -> None:
    """Raise NoPersonError when this is no person; `boxed` when the user said where to look. How well their pose is seen
    does not count: a doubtful pose is told, not refused."""
    if is_person(found, boxed):
        return
    where, least = "in the box" if boxed else "in the picture", least_presence(found, boxed)
    presence, sure = presence_of(found), int((found.keypoints[:, 2] >= SURE_CONFIDENCE).sum())
    advice = "drawing the box closer can help" if boxed else "drawing a box around them can help"
    seen = f"probability {presence:.2f}" if presence < least else f"too little of one to pose a body: {sure} keypoints"
    raise NoPersonError(f"No person was found {where} ({seen}). A person seen whole works best; {advice}.")
