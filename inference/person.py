"""Finding the person: a look at the whole photo, closer looks where it shows none, then crops until the box is
stable."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .crop import (
    HEATMAP_STRIDE,
    Crop,
    box_around,
    crop_of_box,
    crop_of_photo,
    crop_to_heatmap,
    heatmap_affine,
    heatmap_to_crop,
)
from .errors import NoPersonError
from .guided_filter import sharpened
from .human2d import Detection, Human2D
from .joints import KEYPOINT_INDEX

SURE = 0.3
"""Keypoints of at least this confidence say where the person is."""
PERSON = 0.45
"""Score below which there is no person: on held-back training pictures it lets none of 54 pictures without a person
through, and refuses nobody who was found rightly (`evaluate-human2d --thresholds`)."""
PERSON_IN_BOX = 0.2
"""The same where the user drew the box: that somebody is there is known, and a doubtful answer can be put right."""
ANOTHER = 0.55
"""Score from which somebody else in the picture is worth telling the user of."""
STABLE = 0.9
"""Overlap of one box with the next at which cropping stops."""
MOST_CROPS = 4
NEARER = 0.87
"""Side of the crop of a nearer look, over the first one's."""
TILT = 0.35
"""Radians, either way, by which the looks at the mirror image are turned."""
CLEAR = 0.6
"""Score from which a person found in the whole photo is not looked for in its parts as well."""
STEP = 0.6
"""From one part to the next, over their side: somebody who is cut by one is whole in another."""
CLOSER_LOOKS = 2
"""How many of the most promising looks at parts are followed up."""
REACH = 0.15
"""Of the longer side of the box about the sure keypoints: how far beyond it the silhouette counts as the person's."""
SOMEBODY = 0.3
"""Area of another silhouette, over the person's own, from which it is taken for somebody else."""
_TORSO = [
    KEYPOINT_INDEX[name] for name in ("right_hip", "left_hip", "right_shoulder", "left_shoulder", "thorax", "pelvis")
]


@dataclass(frozen=True)
class Found:
    """The person, and whether there are others who were seen about as well."""

    detection: Detection
    others: bool


def find_person(photo: np.ndarray, human2d: Human2D, box: np.ndarray | None = None) -> Found:
    """The most prominent person in a photo (H, W, 3) uint8 RGB, or the one in `box` (x, y, width, height).

    Raises NoPersonError, with the score, when there is none or too little of one.
    """
    found = most_like_a_person(photo, human2d, box)
    check_person(found.detection, boxed=box is not None)
    return found


def most_like_a_person(photo: np.ndarray, human2d: Human2D, box: np.ndarray | None = None, clear=CLEAR) -> Found:
    """As `find_person`, but whatever it is that looks most like a person, if nothing much does."""
    if box is not None:
        return Found(_looked_at_again(photo, human2d, human2d(photo, [crop_of_box(box)])[0]), False)
    height, width = photo.shape[:2]
    whole = human2d(photo, [crop_of_photo(width, height)])[0]
    people = [_settle(photo, human2d, whole)]
    # Halves of the photo where the whole shows nobody clearly; quarters only where they show nobody at all.
    for parts, enough in ((2, clear), (4, min(clear, PERSON))):
        if max(person.score for person in people) < enough:
            looks = human2d(photo, crops_of_parts(width, height, parts))
            looks.sort(key=lambda look: look.evidence, reverse=True)
            people = _distinct([*people, *(_settle(photo, human2d, look) for look in looks[:CLOSER_LOOKS])])
    best = max(people, key=_prominence)
    others = any(person is not best and person.score >= ANOTHER for person in people)
    return Found(_looked_at_again(photo, human2d, best), others or _somebody_else(whole))


def _settle(photo: np.ndarray, human2d: Human2D, detection: Detection) -> Detection:
    """Crop anew about what was found until the box stays; the look that shows most is kept."""
    best, box = detection, box_of(detection)
    for _ in range(MOST_CROPS):
        if box is None:
            break
        detection = human2d(photo, [crop_of_box(box)])[0]
        before, box = box, box_of(detection)
        settled = box is not None and box_overlap(before, box) > STABLE
        if settled or detection.evidence > best.evidence:
            best = detection
        if settled:
            break
    return best


def _looked_at_again(photo: np.ndarray, human2d: Human2D, detection: Detection) -> Detection:
    """Look three times more, from nearer and twice at the mirror image, a little turned; the four looks decide together
    on the keypoints, and the nearer one, which shows most, on the silhouette."""
    crop = detection.crop
    mirrored = [replace(crop, flip=not crop.flip, angle=crop.angle + angle) for angle in (TILT, -TILT)]
    looks = human2d(photo, [replace(crop, side=crop.side * NEARER), *mirrored])
    silhouette = sharpened(laid_over(detection, looks[0]), crop.cut(photo))
    return replace(human2d.together([detection, *looks]), silhouette=silhouette)


def laid_over(detection: Detection, nearer: Detection) -> np.ndarray:
    """The silhouette (64, 64) of a look, with that of a nearer one where that one reaches."""
    return cv2.warpAffine(
        nearer.silhouette, heatmap_affine(nearer.crop, detection.crop), detection.silhouette.shape[::-1],
        dst=detection.silhouette.copy(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT,
    )  # fmt: skip


def _prominence(detection: Detection) -> float:
    """What is seen, and a little for size: of two people seen as well, the photo is of the nearer one."""
    box = box_of(detection)
    return 0.0 if box is None else detection.evidence * max(box[2:]) ** 0.25


def _distinct(detections: list[Detection]) -> list[Detection]:
    """One detection for each person: the best of those whose boxes overlap or lie in each other. One without a box is
    kept only where none has any."""
    ranked = sorted(detections, key=lambda look: look.evidence, reverse=True)
    kept: list[tuple[Detection, np.ndarray]] = []
    for detection in ranked:
        box = box_of(detection)
        if box is not None and all(_share_within(box, other) < 0.4 for _, other in kept):
            kept.append((detection, box))
    return [detection for detection, _ in kept] or ranked[:1]


def _share_within(a: np.ndarray, b: np.ndarray) -> float:
    """Share of the smaller of two boxes that lies in the other: a look that found half a person found the same one."""
    return _intersection(a, b) / max(min(np.prod(a[2:]), np.prod(b[2:])), 1e-6)


def crops_of_parts(width: int, height: int, parts: int) -> list[Crop]:
    """Overlapping square crops of a photo, `parts` of which go into its longer side, for people too small to be seen in
    the whole: nine of a square photo's halves, 36 of its quarters."""
    side = max(width, height) / parts

    def centers(extent: int) -> np.ndarray:
        count = int(np.ceil((extent - side) / (STEP * side))) + 1 if extent > side else 1
        return np.linspace(side / 2, extent - side / 2, count) if count > 1 else np.array([extent / 2])

    return [Crop(np.array([x - 0.5, y - 0.5]), side) for y in centers(height) for x in centers(width)]


def box_of(detection: Detection) -> np.ndarray | None:
    """Person's box (x, y, width, height): about the sure keypoints and as much of the silhouette as is near them."""
    sure = detection.keypoints[detection.keypoints[:, 2] >= SURE, :2]
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
    reach = REACH * max(*(high - low), 1.0)
    low, high = np.clip(outline[0], low - reach, low), np.clip(outline[1], high, high + reach)
    return np.concatenate([low, high - low])


def person_silhouette(detection: Detection) -> np.ndarray:
    """The silhouette (S, S) without pieces that none of the person's keypoints touch: other people, mostly."""
    silhouette = detection.silhouette
    count, labels = cv2.connectedComponents((silhouette >= 0.5).astype(np.uint8))
    if count <= 2:
        return silhouette
    sure = detection.keypoints[:, 2] >= SURE
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


def _somebody_else(whole: Detection) -> bool:
    """Whether a look at the whole photo shows a silhouette that none of the keypoints touch and that is not small."""
    own, all_of_them = person_silhouette(whole), whole.silhouette
    area = (own >= 0.5).sum()
    rest = ((all_of_them >= 0.5) & (own < 0.5)).astype(np.uint8)
    _, _, pieces, _ = cv2.connectedComponentsWithStats(rest)
    return bool(area and len(pieces) > 1 and pieces[1:, cv2.CC_STAT_AREA].max() > SOMEBODY * area)


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


def check_person(found: Detection, boxed: bool = False) -> None:
    """Raise NoPersonError, with the score, when this is no person, or too little of one; `boxed` when the user said
    where to look."""
    sure = found.keypoints[:, 2] >= SURE
    where, least = ("in the box", PERSON_IN_BOX) if boxed else ("in the picture", PERSON)
    if found.score < least or sure.sum() < 5:
        advice = "drawing the box closer can help" if boxed else "drawing a box around them can help"
        raise NoPersonError(
            f"No person was found {where} (score {found.score:.2f}). A person seen whole works best; {advice}."
        )
    if sure[_TORSO].sum() < 2:
        raise NoPersonError(
            f"Too little of a person is seen {where} to pose a body (score {found.score:.2f}): "
            "neither hips nor shoulders."
        )
