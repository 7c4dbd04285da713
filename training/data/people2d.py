"""The pack people2d: more crops of real people, labelled by networks alone, as `LabelledCrop`s.

`more2d.npz` holds crops (Stanford 40 Actions, yoga) with the 25 keypoints, silhouettes and MediaPipe's depths;
`everyday.npz` whole photos in which people are labelled by MoveNet with COCO's keypoints: each becomes a crop with what
is around it."""

import cv2
import numpy as np

from ...inference.geometry.joints import KEYPOINT_NAMES, SHARED_COCOS, SHARED_OURS
from .packs import pack
from .photos2d import TEACHER_DEPTH, TEACHER_DEPTH_WEIGHT, LabelledCrop, with_middles

STANFORD40, YOGA, EVERYDAY = 10, 11, 20
"""`LabelledCrop.source` of the crops; the first two are the pack's own numbers."""
AROUND = 0.6
"""Of the box's longer side: how much of the photo a crop shows on each side of the person."""
SEEN = 0.3
"""MoveNet's confidence from which its keypoint is a label."""
HELD_OUT_SHARE = 20
"""Every twentieth crop of those that train is held back for choices (`calibration`)."""


def load_more2d(split: str, limit: int | None = None) -> list[LabelledCrop]:
    """Crops of `more2d.npz` of a split: `train`, `calibration` or `validation`. Raises PackMissing."""
    data = dict(np.load(pack("people2d") / "more2d.npz"))
    chosen = np.flatnonzero(_in_split(split, data["split"], data["id"]))[:limit]
    depth = data["depth"].astype(np.float32) * np.float32([TEACHER_DEPTH, TEACHER_DEPTH_WEIGHT])
    images, masks = _Stored(data, "image"), _Stored(data, "mask")
    return [
        LabelledCrop(
            int(data["id"][row]), int(data["source"][row]), images.colour(row), data["keypoints"][row], masks.grey(row),
            False, depth[row],
        )
        for row in chosen
    ]  # fmt: skip


def load_everyday(split: str, limit: int | None = None) -> list[LabelledCrop]:
    """A crop for each labelled person of `everyday.npz`'s photos of a split. Raises PackMissing.

    Silhouettes are people's, of photos with one person alone: where there are more, nobody tells whose is what.
    """
    data = dict(np.load(pack("people2d") / "everyday.npz"))
    photos = np.flatnonzero(_in_split(split, data["split"], np.arange(len(data["split"]))))
    images, masks = _Stored(data, "image"), _Stored(data, "mask")
    crops = []
    for photo in photos:
        people = np.flatnonzero(data["person_photo"] == photo)
        image, mask = images.colour(photo), masks.grey(photo) if len(people) == 1 else None
        for person in people:
            keypoints = coco_keypoints(data["keypoints"][person], SEEN)
            crops.append(_with_surroundings(int(person), image, mask, keypoints, data["box"][person]))
        if limit and len(crops) >= limit:
            break
    return crops[:limit]


def coco_keypoints(coco: np.ndarray, seen: float) -> np.ndarray:
    """COCO's keypoints (17, 3; x, y, confidence) as our 25 with weights: the confidence from `seen` on, else 0."""
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
    keypoints[SHARED_OURS] = coco[SHARED_COCOS]
    keypoints[:, 2] *= keypoints[:, 2] >= seen
    return with_middles(keypoints)


def _with_surroundings(
    number: int, image: np.ndarray, mask: np.ndarray | None, keypoints: np.ndarray, box: np.ndarray
) -> LabelledCrop:
    margin = AROUND * box[2:].max()
    low = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    high = np.minimum(np.ceil(box[:2] + box[2:] + margin).astype(int), image.shape[1::-1])
    part = slice(low[1], high[1]), slice(low[0], high[0])
    moved = keypoints - np.float32([*low, 0])
    cut = None if mask is None else np.ascontiguousarray(mask[part])
    return LabelledCrop(number, EVERYDAY, np.ascontiguousarray(image[part]), moved, cut, mask is not None)


def _in_split(split: str, held_out: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    calibration = (held_out == 0) & (numbers % HELD_OUT_SHARE == 0)
    return {
        "validation": held_out == 2, "calibration": calibration, "train": (held_out == 0) & ~calibration,
    }[split]  # fmt: skip


class _Stored:
    """Pictures that lie one after another in an array of bytes."""

    def __init__(self, data: dict[str, np.ndarray], kind: str):
        self.bytes, self.at = data[f"{kind}s"], data[f"{kind}_at"]

    def colour(self, row: int) -> np.ndarray:
        return cv2.cvtColor(cv2.imdecode(self._own(row), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    def grey(self, row: int) -> np.ndarray | None:
        """uint8 0/255, or None where there is none."""
        own = self._own(row)
        return (cv2.imdecode(own, cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8) * 255 if len(own) else None

    def _own(self, row: int) -> np.ndarray:
        return self.bytes[self.at[row] : self.at[row + 1]]
