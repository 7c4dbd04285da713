"""The photos2d pack: crops of real people with keypoints and silhouettes, as arrays in memory.

LSP-style labels have neither pelvis nor thorax. We derive them as the middles of the hips and of the shoulders, the
same definition that `inference.joints` uses for the body model, so that 2D and 3D agree. What people did not label, and
the nine keypoints beyond MPII's, come from a teacher (MediaPipe), where it agrees with them on the rest.
"""

import tarfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from ...inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, KEYPOINT_NAMES
from ...inference.networks.crop import box_around
from .packs import pack

LSPET, CCP, COCO = 0, 1, 4
SYNTHETIC = 100
"""`LabelledCrop.source` of what is in no pack."""
CALIBRATION_SHARE = 20
"""Every twentieth training crop is never trained on: confidence is calibrated and the lifter's noise measured on it, so
that the validation split is only ever reported."""
NEAR_DUPLICATES = (1142, 6832, 8775, 9165)
"""Crops that show the same moment as one of another split: nothing is trained or measured on them."""
LONGEST_SIDE = 256
TEACHER_AGREEMENT = 0.7
"""MediaPipe is a teacher where its landmarks agree with at least this share of the human labels."""
TEACHER_SEES = 0.6
"""Visibility from which a teacher's landmark is a label."""
TEACHER_WEIGHT = 0.6
"""Of a teacher's label in training, to a human one's 1."""
CONTRADICTION = 0.15
"""Distance, over the longer side of the labelled joints' box, from which a teacher contradicts a human label."""
AGREES, EXCHANGED = 0.1, 0.4
"""A teacher's landmark agrees within this share of the box; sides are exchanged when so much more of them agree
crosswise."""
TEACHER_DEPTH = 0.35
"""What MediaPipe's depths are multiplied by: with it, of 3 768 people of the pack people2d, left and right limbs are
most nearly of one length, and limbs most nearly of one proportion (as they come they are three times too deep)."""
TEACHER_DEPTH_WEIGHT = 0.5
CONTRADICTED_WEIGHT = 0.2
"""What is left of a human label's weight then: people mislabel about one limb in eight, mostly by exchanging sides."""

_FROM_LSP = {
    "right_ankle": 0, "right_knee": 1, "right_hip": 2, "left_hip": 3, "left_knee": 4, "left_ankle": 5, "right_wrist": 6,
    "right_elbow": 7, "right_shoulder": 8, "left_shoulder": 9, "left_elbow": 10, "left_wrist": 11, "upper_neck": 12,
    "head_top": 13,
}  # fmt: skip
_FROM_MEDIAPIPE = {
    "right_ankle": (28,), "right_knee": (26,), "right_hip": (24,), "left_hip": (23,), "left_knee": (25,),
    "left_ankle": (27,), "right_wrist": (16,), "right_elbow": (14,), "right_shoulder": (12,), "left_shoulder": (11,),
    "left_elbow": (13,), "left_wrist": (15,), "nose": (0,), "right_ear": (8,), "left_ear": (7,), "right_heel": (30,),
    "left_heel": (29,), "right_big_toe": (32,), "left_big_toe": (31,), "right_knuckles": (18, 20),
    "left_knuckles": (17, 19),
}  # fmt: skip
"""MediaPipe's landmarks that a keypoint is the mean of; the knuckles lie between those of little and index finger."""


@dataclass(frozen=True)
class LabelledCrop:
    """`image` (H, W, 3) uint8 RGB; `keypoints` (25, 3) x, y, weight (0: no label, 1: a trusted one); `mask` (H, W)
    uint8 0/255 or None; `depth` (25, 2), how far behind the pelvis each keypoint is, in pixels of the image at the
    pelvis' distance, and the weight of that."""

    id: int
    source: int
    image: np.ndarray
    keypoints: np.ndarray
    mask: np.ndarray | None
    human_mask: bool
    depth: np.ndarray = field(default_factory=lambda: np.zeros((len(KEYPOINT_NAMES), 2), np.float32))

    @property
    def nobody(self) -> bool:
        """Whether this is known to be a picture without a person."""
        return self.mask is not None and not self.mask.any() and not self.keypoints[:, 2].any()

    @property
    def box(self) -> np.ndarray:
        """Person's box (x, y, width, height): around the silhouette where there is one, else around the joints."""
        labelled = self.keypoints[self.keypoints[:, 2] > 0, :2]
        if self.mask is not None and self.mask.any():
            x, y, width, height = cv2.boundingRect(self.mask)
            points = np.array([[x, y], [x + width - 1, y + height - 1]], float)
            if len(labelled):
                points = np.concatenate([points, labelled])
            low, high = points.min(0), points.max(0)
            return np.concatenate([low, high - low + 1])
        if len(labelled) >= 2:
            return box_around(labelled)
        height, width = self.image.shape[:2]
        return np.array([0.0, 0.0, width, height])


_SIDED = np.arange(len(KEYPOINT_NAMES)) != KEYPOINT_MIRROR


def human_keypoints(lsp: np.ndarray) -> np.ndarray:
    """LSP-ordered joints (≥ 14, 3) as our keypoints (25, 3) with weights 0/1."""
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
    for name, index in _FROM_LSP.items():
        keypoints[KEYPOINT_INDEX[name]] = lsp[index]
    keypoints[:, 2] = keypoints[:, 2] > 0
    return with_middles(keypoints)


def with_middles(keypoints: np.ndarray) -> np.ndarray:
    """Pelvis and thorax put between hips and shoulders, as sure as the less sure of the two."""
    for middle, sides in (("pelvis", ("right_hip", "left_hip")), ("thorax", ("right_shoulder", "left_shoulder"))):
        pair = keypoints[[KEYPOINT_INDEX[side] for side in sides]]
        keypoints[KEYPOINT_INDEX[middle], :2] = pair[:, :2].mean(0)
        keypoints[KEYPOINT_INDEX[middle], 2] = pair[:, 2].min()
    return keypoints


def taught_keypoints(landmarks: np.ndarray) -> np.ndarray:
    """MediaPipe's landmarks (33, 4: x, y, visibility, z) as our keypoints (25, 3), those that it sees of weight 1."""
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
    for name, numbers in _FROM_MEDIAPIPE.items():
        chosen = landmarks[list(numbers)]
        seen = chosen[:, 2].min() >= TEACHER_SEES
        keypoints[KEYPOINT_INDEX[name]] = [*chosen[:, :2].mean(0), seen]
    return with_middles(keypoints)


def taught_depth(landmarks: np.ndarray) -> np.ndarray:
    """Depths (25, 2) behind the pelvis and their weights, from MediaPipe's landmarks (33, 4)."""
    depth = np.zeros((len(KEYPOINT_NAMES), 2), np.float32)
    for name, numbers in _FROM_MEDIAPIPE.items():
        chosen = landmarks[list(numbers)]
        depth[KEYPOINT_INDEX[name]] = chosen[:, 3].mean(), chosen[:, 2].min() >= TEACHER_SEES
    return depth * np.float32([TEACHER_DEPTH, TEACHER_DEPTH_WEIGHT])


def exchanged(human: np.ndarray, taught: np.ndarray) -> bool:
    """Whether human labels (25, 3) agree with the mirror image of the teacher's (25, 3) far better than with itself: of
    people seen from behind, left and right are often exchanged, and of those upside down nobody can be sure."""
    mirrored = taught[KEYPOINT_MIRROR]
    known = (human[:, 2] > 0) & (taught[:, 2] > 0) & (mirrored[:, 2] > 0)
    if not known.any():
        return False
    near = AGREES * np.ptp(human[human[:, 2] > 0, :2], axis=0).max()
    direct, crosswise = (
        (np.linalg.norm(human[known, :2] - other[known, :2], axis=1) < near).mean() for other in (taught, mirrored)
    )
    return bool(crosswise > direct + EXCHANGED)


def combined_keypoints(human: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """Human labels (25, 3), less trusted where a trusted teacher (25, 3) contradicts them, and its own where there are
    none."""
    labelled, seen = human[:, 2] > 0, taught[:, 2] > 0
    extent = np.ptp(human[labelled, :2], axis=0).max() if labelled.any() else 0.0
    apart = np.linalg.norm(human[:, :2] - taught[:, :2], axis=1) > CONTRADICTION * extent
    combined = np.where((labelled | ~seen)[:, None], human, taught * [1, 1, TEACHER_WEIGHT])
    combined[labelled & seen & apart, 2] *= CONTRADICTED_WEIGHT
    return combined.astype(np.float32)


def load_crops(
    split: str,
    sources: tuple[int, ...] = (LSPET, CCP, COCO),
    limit: int | None = None,
    taught: bool = False,
    longest_side: int = LONGEST_SIDE,
) -> list[LabelledCrop]:
    """Decode one split, `train`, `calibration` or `validation`, of some sources, reduced to `longest_side` pixels where
    they are larger. Raises PackMissing.

    With `taught`, the teacher's keypoints are added; what is measured on is labelled by the pack's own authors. All
    coco128 pictures are for validation: they are the only crowded and cut-off people with human silhouettes.
    """
    folder = pack("photos2d")
    annotations = dict(np.load(folder / "annotations.npz"))
    wanted = _in_split(annotations, split) & np.isin(annotations["source"], sources)
    wanted &= ~np.isin(annotations["id"], NEAR_DUPLICATES)
    ids = annotations["id"][wanted][:limit]
    files = _files(folder, set(ids.tolist()))
    teacher = _Teacher(folder)
    rows = {int(number): row for row, number in enumerate(annotations["id"])}
    return [
        reduced(_crop(int(number), rows[int(number)], annotations, files, teacher, taught), longest_side)
        for number in ids
    ]


def _in_split(annotations: dict, split: str) -> np.ndarray:
    validation = (annotations["split"] == 1) | (annotations["source"] == COCO)
    calibration = ~validation & (annotations["id"] % CALIBRATION_SHARE == 0)
    return {"validation": validation, "calibration": calibration, "train": ~validation & ~calibration}[split]


def _files(folder, ids: set[int]) -> dict[str, bytes]:
    files = {}
    for archive in ("lspet_0.tar", "lspet_1.tar", "ccp.tar", "coco128.tar"):
        with tarfile.open(folder / archive) as tar:
            for member in tar:
                if int(member.name[:6]) in ids:
                    files[member.name] = tar.extractfile(member).read()
    return files


class _Teacher:
    """MediaPipe's landmarks, and its silhouettes of the pictures on which it agrees with the human labels."""

    def __init__(self, folder: Path):
        found = np.load(folder / "mediapipe.npz")
        trusted = found["agreement"] >= TEACHER_AGREEMENT
        numbers = found["id"][trusted].tolist()
        self.trusted = set(numbers)
        self.landmarks = dict(zip(found["id"].tolist(), found["landmarks"], strict=True))
        with tarfile.open(folder / "mediapipe_masks.tar") as tar:
            self.masks = {int(m.name[:6]): tar.extractfile(m).read() for m in tar if int(m.name[:6]) in self.trusted}

    def depth(self, number: int) -> np.ndarray:
        """Depths (25, 2) and weights, 0 of pictures on which the teacher is not trusted."""
        return taught_depth(self.landmarks[number].astype(np.float32)) * np.float32([1, number in self.trusted])

    def correct(self, number: int, human: np.ndarray) -> np.ndarray:
        """Human labels (25, 3) of a picture with what the teacher has to say to them."""
        taught = taught_keypoints(self.landmarks[number])
        if number in self.trusted:
            return combined_keypoints(human, taught)
        # Exchanged sides are forgotten rather than put right: it cannot be told who is.
        if exchanged(human, taught):
            human[_SIDED, 2] = 0
        return human


def _decode(data: bytes, flag: int) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), flag)


def _crop(number: int, row: int, annotations: dict, files: dict, teacher: _Teacher, taught: bool) -> LabelledCrop:
    image = cv2.cvtColor(_decode(files[f"{number:06d}.jpg"], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    human = f"{number:06d}.png" in files
    data = files.get(f"{number:06d}.png") or teacher.masks.get(number)
    mask = (_decode(data, cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8) * 255 if data else None
    keypoints = human_keypoints(annotations["joints"][row])
    crop = LabelledCrop(number, int(annotations["source"][row]), image, keypoints, mask, human)
    if not taught:
        return crop
    return replace(crop, keypoints=teacher.correct(number, keypoints), depth=teacher.depth(number))


def reduced(crop: LabelledCrop, longest_side: int) -> LabelledCrop:
    """The crop no larger than `longest_side` pixels."""
    scale = longest_side / max(crop.image.shape[:2])
    if scale >= 1:
        return crop
    size = (round(crop.image.shape[1] * scale), round(crop.image.shape[0] * scale))
    keypoints = crop.keypoints.copy()
    keypoints[:, :2] = (keypoints[:, :2] + 0.5) * np.array(size) / crop.image.shape[1::-1] - 0.5
    image = cv2.resize(crop.image, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(crop.mask, size, interpolation=cv2.INTER_AREA) if crop.mask is not None else None
    return replace(crop, image=image, keypoints=keypoints, mask=mask, depth=crop.depth * np.float32([scale, 1]))
