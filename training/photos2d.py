"""The photos2d pack: crops of real people with keypoints and silhouettes, as arrays in memory.

LSP-style labels have neither pelvis nor thorax. We derive them as the middles of the hips and of the shoulders, the
same definition that `inference.joints` uses for the body model, so that 2D and 3D agree.
"""

import tarfile
from dataclasses import dataclass

import cv2
import numpy as np

from ..inference.crop import box_around
from ..inference.joints import KEYPOINT_INDEX
from .packs import pack

LSPET, CCP, COCO = 0, 1, 4
CALIBRATION_SHARE = 20
"""Every twentieth training crop is never trained on: confidence is calibrated and the lifter's noise measured on it, so
that the validation split is only ever reported."""
LONGEST_SIDE = 256
TEACHER_AGREEMENT = 0.7
"""A MediaPipe silhouette is taken where its landmarks agree with at least this share of the human labels."""

_FROM_LSP = {
    "right_ankle": 0, "right_knee": 1, "right_hip": 2, "left_hip": 3, "left_knee": 4, "left_ankle": 5, "right_wrist": 6,
    "right_elbow": 7, "right_shoulder": 8, "left_shoulder": 9, "left_elbow": 10, "left_wrist": 11, "upper_neck": 12,
    "head_top": 13,
}  # fmt: skip


@dataclass(frozen=True)
class LabelledCrop:
    """`image` (H, W, 3) uint8 RGB; `keypoints` (16, 3) x, y, labelled (0/1); `mask` (H, W) uint8 0/255 or None."""

    id: int
    source: int
    image: np.ndarray
    keypoints: np.ndarray
    mask: np.ndarray | None
    human_mask: bool

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


def mpii_keypoints(lsp: np.ndarray) -> np.ndarray:
    """LSP-ordered joints (≥ 14, 3) as our 16 keypoints (16, 3) with labelled 0/1."""
    keypoints = np.zeros((16, 3), np.float32)
    for name, index in _FROM_LSP.items():
        keypoints[KEYPOINT_INDEX[name]] = lsp[index]
    keypoints[:, 2] = keypoints[:, 2] > 0
    for middle, sides in (("pelvis", ("right_hip", "left_hip")), ("thorax", ("right_shoulder", "left_shoulder"))):
        pair = keypoints[[KEYPOINT_INDEX[side] for side in sides]]
        keypoints[KEYPOINT_INDEX[middle]] = pair.mean(0) if pair[:, 2].all() else 0
    return keypoints


def load_crops(
    split: str, sources: tuple[int, ...] = (LSPET, CCP, COCO), limit: int | None = None
) -> list[LabelledCrop]:
    """Decode one split, `train`, `calibration` or `validation`, of some sources. Raises PackMissing."""
    folder = pack("photos2d")
    annotations = dict(np.load(folder / "annotations.npz"))
    wanted = _in_split(annotations, split) & np.isin(annotations["source"], sources)
    ids = annotations["id"][wanted][:limit]
    files = _files(folder, set(ids.tolist()))
    teacher = _teacher_masks(folder)
    rows = {int(number): row for row, number in enumerate(annotations["id"])}
    return [_crop(int(number), rows[int(number)], annotations, files, teacher) for number in ids]


def _in_split(annotations: dict, split: str) -> np.ndarray:
    validation = annotations["split"] == 1
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


def _teacher_masks(folder) -> dict[int, bytes]:
    teacher = np.load(folder / "mediapipe.npz")
    trusted = set(teacher["id"][teacher["agreement"] >= TEACHER_AGREEMENT].tolist())
    with tarfile.open(folder / "mediapipe_masks.tar") as tar:
        return {int(m.name[:6]): tar.extractfile(m).read() for m in tar if int(m.name[:6]) in trusted}


def _decode(data: bytes, flag: int) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), flag)


def _crop(number: int, row: int, annotations: dict, files: dict, teacher: dict) -> LabelledCrop:
    image = cv2.cvtColor(_decode(files[f"{number:06d}.jpg"], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    human = f"{number:06d}.png" in files
    data = files.get(f"{number:06d}.png") or teacher.get(number)
    mask = (_decode(data, cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8) * 255 if data else None
    keypoints = mpii_keypoints(annotations["joints"][row])
    scale = LONGEST_SIDE / max(image.shape[:2])
    if scale < 1:
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        keypoints[:, :2] = (keypoints[:, :2] + 0.5) * np.array(size) / image.shape[1::-1] - 0.5
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) if mask is not None else None
    return LabelledCrop(number, int(annotations["source"][row]), image, keypoints, mask, human)
