"""The pictures that Human2D is measured on, at full size, with labels by people and nothing that a teacher added."""

import tarfile
from dataclasses import replace

import cv2
import numpy as np

from ...data.packs import pack
from ...data.people2d import load_everyday, load_more2d
from ...data.photos2d import CCP, COCO, LSPET, LabelledCrop, human_keypoints, load_crops

SOURCES = {"lspet": LSPET, "ccp": CCP, "coco128": COCO}
PHOTOS3D = 5
"""Number of photos3d's only source in its annotations."""
THIRD = 3
"""Of stanford40's held-out crops every third is measured on, to save time."""
LARGEST = 10_000
"""Pixels: no crop of the packs is reduced."""


def photos2d(name: str, split: str = "validation", limit: int | None = None) -> list[LabelledCrop]:
    """Crops of one of `SOURCES`. Silhouettes are those that people drew; without one, the box is that of the joints."""
    crops = load_crops(split, (SOURCES[name],), limit, longest_side=LARGEST)
    return [crop if crop.human_mask else replace(crop, mask=None) for crop in crops]


def photos3d(limit: int | None = None) -> list[LabelledCrop]:
    """photos3d's frames as the pack holds them: one man in a dark suit, joints labelled by people. Raises
    PackMissing."""
    folder = pack("photos3d")
    annotations = np.load(folder / "annotations.npz")
    with tarfile.open(folder / "nia3d.tar") as tar:
        files = {int(member.name[:6]): tar.extractfile(member).read() for member in tar}
    return [
        LabelledCrop(int(number), PHOTOS3D, _decoded(files[int(number)]), human_keypoints(joints), None, False)
        for number, joints in list(zip(annotations["id"], annotations["joints"], strict=True))[:limit]
    ]


def demo_photos(limit: int | None = None) -> list[np.ndarray]:
    """Whole photos (H, W, 3) uint8 RGB that other projects show; nothing about them is labelled. Raises PackMissing."""
    paths = sorted(pack("photos").glob("*.jpg"))[:limit]
    return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]


def _decoded(data: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def validation(limit: int | None = None) -> dict[str, list[LabelledCrop]]:
    """All that is measured on, by the name it has in the report."""
    crops = {name: photos2d(name, limit=limit) for name in SOURCES} | {"photos3d": photos3d(limit)}
    return crops | {
        "stanford40": load_more2d("validation", limit)[::THIRD],
        "everyday": load_everyday("validation", limit),
    }


def further_labels(name: str, limit: int | None = None) -> list[LabelledCrop]:
    """Crops of a source as `photos2d`'s, with MediaPipe's landmarks where it agrees with people: the only labels there
    are of nose, ears, heels, toes and knuckles."""
    return load_crops("validation", (SOURCES[name],), limit, taught=True, longest_side=LARGEST)
