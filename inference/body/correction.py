"""What a person puts right of an estimate, keypoint by keypoint: evidence that is beyond doubt.

Corrections are kept apart from what the networks saw, so that each can be taken back.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from ..errors import UserError
from ..geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, KEYPOINT_NAMES, KEYPOINT_PARENTS

BEYOND = 0.5
"""Share of a picture's size that a keypoint may lie beyond its edge: limbs are cut off by pictures, not whole
people."""
EXCHANGED = {
    "arm": ("elbow", "wrist", "knuckles"),
    "leg": ("knee", "ankle", "heel", "big_toe"),
}
"""Limbs whose left and right can be exchanged, and their keypoints; all others stand for the whole body."""
MIN_CERTAIN = 0.7
"""Confidence from which a keypoint counts as certain."""
CARRIED = [number for number, name in enumerate(KEYPOINT_NAMES) if name.endswith(("knuckles", "heel", "big_toe"))]
"""Keypoints that lie where the networks have them beside a wrist or an ankle, wherever that was put, and are hidden
with it: who mistook the one mistook the other. But a foot is long: heel and toe that are certain are seen for
themselves, where trousers, a step or a box hide the ankle."""


@dataclass(frozen=True)
class Correction:
    """What a person said of one keypoint in one frame, counted from 0."""

    keypoint: str
    place: tuple[float, float] | None = None
    """Pixels of the upright photo; None where the networks' own place stands."""
    nearer: int = 0
    """1: nearer to the camera than the keypoint it hangs on; -1: farther; 0: nothing was said."""
    seen: bool | None = None
    """False takes the keypoint out of the evidence, True makes the networks' own place certain."""
    exchange: bool = False
    """Left and right of the keypoint's limb were exchanged; of the whole body, for keypoints of trunk and head."""
    flip: bool = False
    """The keypoint's limb is to be mirrored in depth. Once that is done, `nearer` says it."""
    frame: int = 0

    @property
    def index(self) -> int:
        return KEYPOINT_INDEX[self.keypoint]

    @property
    def says_nothing(self) -> bool:
        return self == Correction(self.keypoint, frame=self.frame)


def of_frame(corrections: Iterable[Correction], frame: int) -> tuple[Correction, ...]:
    """Those of one frame."""
    return tuple(one for one in corrections if one.frame == frame)


def with_correction(corrections: Iterable[Correction], new: Correction) -> tuple[Correction, ...]:
    """`new` in the place of what was said of the same keypoint in the same frame; nothing, where it says nothing."""
    others = tuple(one for one in corrections if (one.keypoint, one.frame) != (new.keypoint, new.frame))
    return others if new.says_nothing else (*others, new)


def limb_of(keypoint: str) -> str | None:
    """`arm` or `leg` for a keypoint that hangs on elbow or knee, or is one; None for all others."""
    part = keypoint.partition("_")[2]
    return next((limb for limb, parts in EXCHANGED.items() if part in parts), None)


def exchanged_order(keypoint: str) -> np.ndarray:
    """Where each of the 25 keypoints is found (25,) when left and right of this one's limb are exchanged."""
    limb = limb_of(keypoint)
    if limb is None:
        return KEYPOINT_MIRROR
    own = [limb_of(name) == limb for name in KEYPOINT_NAMES]
    return np.where(own, KEYPOINT_MIRROR, np.arange(len(KEYPOINT_NAMES)))


def exchanges(corrections: Iterable[Correction]) -> list[str]:
    """One keypoint for each limb, or the whole body, of which left and right are exchanged in one frame: twice is not
    at all."""
    by_limb: dict[str | None, list[str]] = {}
    for one in corrections:
        if one.exchange:
            by_limb.setdefault(limb_of(one.keypoint), []).append(one.keypoint)
    return [names[0] for names in by_limb.values() if len(names) % 2]


def corrected_keypoints(keypoints: np.ndarray, corrections: Sequence[Correction]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (25, 3) after the corrections of their frame, and which (25,) bool are beyond doubt: those have
    confidence 1, those that are not seen 0, all others what the networks gave them."""
    keypoints, certain = np.array(keypoints, np.float64), np.zeros(len(keypoints), bool)
    for keypoint in exchanges(corrections):
        keypoints = keypoints[exchanged_order(keypoint)]
    places = {one.index: np.array(one.place) for one in corrections if one.place is not None}
    hidden = {one.index for one in corrections if one.seen is False}
    for moved in CARRIED:
        above = KEYPOINT_PARENTS[moved]
        if above in places and moved not in places:
            keypoints[moved, :2] += places[above] - keypoints[above, :2]
        if above in hidden and not (limb_of(KEYPOINT_NAMES[moved]) == "leg" and keypoints[moved, 2] >= MIN_CERTAIN):
            keypoints[moved, 2] = 0.0
    for number, place in places.items():
        keypoints[number, :2] = place
    for one in corrections:
        if one.seen is False:
            keypoints[one.index, 2] = 0.0
        elif one.place is not None or one.seen:
            keypoints[one.index, 2] = 1.0
            certain[one.index] = True
    return keypoints, certain


def ordinals_of(corrections: Sequence[Correction]) -> np.ndarray:
    """What was said of depths: rows (N, 3) of a keypoint, the one that it hangs on, and 1 or -1 (see `nearer`)."""
    rows = [(one.index, KEYPOINT_PARENTS[one.index], one.nearer) for one in corrections if one.nearer]
    return np.array([row for row in rows if row[1] >= 0], int).reshape(-1, 3)


def corrections_to_json(corrections: Iterable[Correction]) -> str:
    """A JSON list with an object for each; what nothing was said of is left out."""
    return json.dumps([_as_object(one) for one in corrections])


def corrections_from_json(text: str, source: str) -> tuple[Correction, ...]:
    """What `corrections_to_json` wrote, or a person. Raises UserError, in which `source` says where it came from."""
    try:
        listed = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{source} is no JSON: {error}.") from error
    if not isinstance(listed, list):
        example = '[{"keypoint": "left_wrist", "x": 1, "y": 1}]'
        raise UserError(f"{source} must be a list of corrections, such as {example}.")
    found: tuple[Correction, ...] = ()
    for number, one in enumerate(listed, 1):
        correction = _from_object(one, f"{source}, correction {number}")
        if any((other.keypoint, other.frame) == (correction.keypoint, correction.frame) for other in found):
            raise UserError(f"{source} corrects {correction.keypoint} of frame {correction.frame} twice.")
        found = (*found, correction)
    return found


def check_frames(corrections: Iterable[Correction], frames: int) -> None:
    """Raise UserError for a frame that a clip of so many `frames` does not have."""
    for one in corrections:
        if one.frame >= frames:
            have = "there is one picture, frame 0" if frames == 1 else f"the frames are 0 to {frames - 1}"
            raise UserError(f"{one.keypoint} is corrected in frame {one.frame}, but {have}.")


def check_corrections(corrections: Iterable[Correction], size: tuple[int, int], frames: int = 1) -> None:
    """Raise UserError for a place that is too far beyond a picture of `size` (width, height), or a frame that a clip of
    so many `frames` does not have."""
    corrections = tuple(corrections)
    check_frames(corrections, frames)
    for one in corrections:
        if one.nearer and KEYPOINT_PARENTS[one.index] < 0:
            raise UserError(f"{one.keypoint} hangs on no other keypoint, so it is nearer than none.")
        if one.place is None:
            continue
        beyond = [
            not -BEYOND * side <= value <= (1 + BEYOND) * side for value, side in zip(one.place, size, strict=True)
        ]
        if any(beyond):
            raise UserError(
                f"{one.keypoint} is put at ({one.place[0]:.0f}, {one.place[1]:.0f}), which lies beyond the picture of "
                f"{size[0]}×{size[1]} pixels."
            )


def _as_object(one: Correction) -> dict:
    said = {} if one.place is None else {"x": one.place[0], "y": one.place[1]}
    for name in ("nearer", "exchange", "flip", "frame"):
        if getattr(one, name):
            said[name] = getattr(one, name)
    return {"keypoint": one.keypoint} | said | ({} if one.seen is None else {"seen": one.seen})


_KEYS = {"x", "y", *(field.name for field in fields(Correction))} - {"place"}


def _from_object(one: object, where: str) -> Correction:
    if not isinstance(one, dict) or not isinstance(one.get("keypoint"), str):
        raise UserError(f'{where} has no "keypoint", the name of one.')
    if one["keypoint"] not in KEYPOINT_INDEX:
        raise UserError(f"{where}: there is no keypoint {one['keypoint']!r}. There are {', '.join(KEYPOINT_NAMES)}.")
    if unknown := set(one) - _KEYS:
        raise UserError(f"{where}: {', '.join(sorted(map(str, unknown)))} means nothing. Known are {sorted(_KEYS)}.")
    if ("x" in one) != ("y" in one):
        raise UserError(f"{where}: a place needs both x and y.")
    place = tuple(_number(one[name], f"{where}: {name}") for name in ("x", "y")) if "x" in one else None
    for name in ("seen", "exchange", "flip"):
        if not isinstance(one.get(name, False), bool | None):
            raise UserError(f"{where}: {name} must be true or false, not {one[name]!r}.")
    nearer, frame = one.get("nearer", 0), one.get("frame", 0)
    if isinstance(nearer, bool) or nearer not in (-1, 0, 1):
        raise UserError(f"{where}: nearer must be 1, 0 or -1, not {nearer!r}.")
    if nearer and KEYPOINT_PARENTS[KEYPOINT_INDEX[one["keypoint"]]] < 0:
        raise UserError(f"{where}: {one['keypoint']} hangs on no other keypoint, so it is nearer than none.")
    if not isinstance(frame, int) or isinstance(frame, bool) or frame < 0:
        raise UserError(f"{where}: frame must be a whole number from 0, not {frame!r}.")
    return Correction(
        one["keypoint"], place, int(nearer), one.get("seen"), bool(one.get("exchange")), bool(one.get("flip")), frame
    )


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{what} must be a number of pixels, not {value!r}.")
    return float(value)
