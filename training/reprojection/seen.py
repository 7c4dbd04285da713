"""Photos with 2D labels as the priors see them: what Human2D found in each, and what people labelled, in one map.

Human2D looks at every photo once; the answers are kept in a file, since finetuning the priors shows each photo many
times.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from ...inference.geometry.camera import choose_camera
from ...inference.geometry.joints import KEYPOINT_MIRROR, LIMB_KEYPOINTS
from ...inference.networks.crop import CROP_SIZE, HEATMAP_STRIDE, Crop, crop_of_box, crop_to_heatmap, heatmap_window
from ...inference.networks.human2d import Human2D
from ...inference.networks.person import MIN_PRESENCE_IN_BOX, look_twice, person_cells, presence_of
from ..data.photos2d import LabelledCrop

CELLS = CROP_SIZE // HEATMAP_STRIDE
FEWEST_LABELS = 8
"""Of the twelve limb keypoints; with fewer there is little to lie on."""


@dataclass(frozen=True)
class SeenPhotos:
    """N photos of one person each; pixels are the photo's."""

    number: np.ndarray
    """(N,) each photo's place in the list that was looked at."""
    keypoints: np.ndarray
    """(N, 25, 3) Human2D's: pixels and confidence."""
    silhouette: np.ndarray
    """(N, 64, 64) uint8: Human2D's, 255 where it is sure of the person."""
    window: np.ndarray
    """(N, 3): the pixel at the centre of the map's cell (0, 0), x and y, and pixels a cell."""
    focal: np.ndarray
    center: np.ndarray
    """(N,) and (N, 2): the camera that the engine assumes."""
    labels: np.ndarray
    """(N, 25, 3): labelled keypoints in cells of the map, and the weight of each label."""
    mask: np.ndarray
    """(N, 64, 64) uint8: the labelled person, all 0 where there is no mask."""
    has_mask: np.ndarray

    def __len__(self) -> int:
        return len(self.number)

    def save(self, path: Path) -> None:
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "SeenPhotos":
        with np.load(path) as archive:
            return cls(**archive)

    def take(self, rows: np.ndarray, mirror: np.ndarray) -> dict[str, np.ndarray]:
        """A batch of the photos in `rows` (B,), those with `mirror` (B,) as their mirror images; float32."""
        batch = {field.name: getattr(self, field.name)[rows] for field in fields(self)}
        middle = batch["center"][:, 0]
        keypoints, labels, window = (batch[name].astype(np.float32) for name in ("keypoints", "labels", "window"))
        keypoints[mirror, :, 0] = 2 * middle[mirror, None] - keypoints[mirror, :, 0]
        keypoints[mirror] = keypoints[mirror][:, KEYPOINT_MIRROR]
        labels[mirror, :, 0] = CELLS - 1 - labels[mirror, :, 0]
        labels[mirror] = labels[mirror][:, KEYPOINT_MIRROR]
        window[mirror, 0] = 2 * middle[mirror] - (window[mirror, 0] + (CELLS - 1) * window[mirror, 2])
        for name in ("silhouette", "mask"):
            batch[name] = np.where(mirror[:, None, None], batch[name][..., ::-1], batch[name]).astype(np.float32) / 255
        batch |= {"keypoints": keypoints, "labels": labels, "window": window}
        return {name: values.astype(np.float32) for name, values in batch.items() if name != "number"}


def look(crops: list[LabelledCrop], human2d: Human2D) -> SeenPhotos:
    """What Human2D sees of every crop with enough labels in which it sees somebody at all."""
    rows = []
    for number, crop in enumerate(crops):
        if (crop.keypoints[LIMB_KEYPOINTS, 2] > 0).sum() < FEWEST_LABELS:
            continue
        detection = look_twice(crop.image, human2d, crop_of_box(crop.box))
        if presence_of(detection) < MIN_PRESENCE_IN_BOX:
            continue
        camera = choose_camera(crop.image.shape[1::-1])
        rows.append(
            (
                number, detection.keypoints, np.round(255 * person_cells(detection).clip(0, 1)).astype(np.uint8),
                heatmap_window(detection.crop), camera.focal, camera.center, labels_in(detection.crop, crop.keypoints),
                mask_in(detection.crop, crop.mask), crop.mask is not None,
            )
        )  # fmt: skip
    return SeenPhotos(*(np.array(column) for column in zip(*rows, strict=True)))


def labels_in(crop: Crop, keypoints: np.ndarray) -> np.ndarray:
    """Keypoints (25, 3) of a photo in cells of the crop's map; the weights stay."""
    cells = crop_to_heatmap(crop.to_crop(keypoints[:, :2].astype(np.float64)))
    return np.column_stack([cells, keypoints[:, 2]]).astype(np.float32)


def mask_in(crop: Crop, mask: np.ndarray | None) -> np.ndarray:
    """A photo's mask (H, W) uint8 in the crop's map, (64, 64) uint8."""
    if mask is None:
        return np.zeros((CELLS, CELLS), np.uint8)
    drawn = crop.cut(mask, cv2.BORDER_CONSTANT, (0,))
    return cv2.resize(drawn, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
