"""The photos3d pack: photos of one man whose joints were measured by motion capture. For validation only."""

import tarfile
from dataclasses import dataclass

import cv2
import numpy as np

from ...inference.geometry.joints import JOINT_INDEX
from ..data.packs import pack
from ..data.photos2d import human_keypoints
from .metrics import pa_mpjpe

LIMB_NAMES = [
    f"{side}_{joint}" for side in ("right", "left") for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
]
"""The twelve joints whose landmarks mean the same in the capture and in our body, more or less."""


@dataclass(frozen=True)
class MeasuredPhoto:
    """`image` (H, W, 3) uint8 RGB; `keypoints` (25, 3) as people labelled them, with weights 0/1; `limbs` (12, 3)
    metres, y up, in the order of `LIMB_NAMES`."""

    id: int
    image: np.ndarray
    keypoints: np.ndarray
    limbs: np.ndarray

    def error(self, joints: np.ndarray) -> float:
        """PA-MPJPE in millimetres of a body's joints (24, 3) in any frame: a turn is taken away by the alignment."""
        found = joints[[JOINT_INDEX[name] for name in LIMB_NAMES]].astype(float)
        return float(pa_mpjpe(found[None], self.limbs[None])[0])


def load_photos3d() -> list[MeasuredPhoto]:
    """All of them. Raises PackMissing."""
    folder = pack("photos3d")
    truth = np.load(folder / "nia3d_3d.npz")
    names = [str(name) for name in truth["joint_names"]]
    limbs = truth["mocap_cm"][:, [names.index(name) for name in LIMB_NAMES]].astype(float) / 100
    with tarfile.open(folder / "nia3d.tar") as tar:
        files = {int(member.name[:6]): tar.extractfile(member).read() for member in tar if member.name.endswith(".jpg")}
    annotations = np.load(folder / "annotations.npz")
    photos = []
    for number, labels, measured in zip(annotations["id"], annotations["joints"], limbs, strict=True):
        pixels = cv2.imdecode(np.frombuffer(files[int(number)], np.uint8), cv2.IMREAD_COLOR)
        image = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        photos.append(MeasuredPhoto(int(number), image, human_keypoints(labels), measured))
    return photos
