"""Boxes, square crops and the maps between pixels of the photo, of the crop and of the heatmap.

Pixels count from the centre of the first pixel, (0, 0). A crop is square; `Crop` holds where it lies in the photo and
how large it is drawn. Training and inference use the same crop, so that a person is framed alike in both.
"""

from dataclasses import dataclass

import cv2
import numpy as np

CROP_SIZE = 256
"""Side of the network's input, pixels."""
HEATMAP_STRIDE = 4
"""Input pixels to a heatmap cell."""
FRAMING = 1.25
"""Side of the crop over the longer side of the person's box: leaves room for hands and feet beyond the joints."""
FILL = (124, 116, 104)
"""What lies outside the photo: the mean colour of photos."""
JOINT_MARGIN = 0.08
"""A body reaches beyond its outermost joints (toes, fingers, hair) by about this share of the box's longer side."""


@dataclass(frozen=True)
class Crop:
    """A square window: `center` (2,) and `side` in photo pixels, drawn `size` pixels large, turned by `angle`
    radians."""

    center: np.ndarray
    side: float
    size: int = CROP_SIZE
    angle: float = 0.0
    flip: bool = False

    @property
    def photo_from_crop(self) -> np.ndarray:
        """Affine map (2, 3) that takes crop pixels to photo pixels."""
        scale = self.side / self.size
        cosine, sine = scale * np.cos(self.angle), scale * np.sin(self.angle)
        linear = np.array([[cosine, -sine], [sine, cosine]])
        if self.flip:
            linear[:, 0] *= -1
        middle = (self.size - 1) / 2
        return np.hstack([linear, (self.center - linear @ [middle, middle])[:, None]])

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """Crop pixels (..., 2) as photo pixels."""
        affine = self.photo_from_crop
        return points @ affine[:, :2].T + affine[:, 2]

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Photo pixels (..., 2) as crop pixels."""
        affine = self.photo_from_crop
        return (points - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T

    def cut(self, photo: np.ndarray, border: int = cv2.BORDER_CONSTANT, fill: tuple = FILL) -> np.ndarray:
        """Draw the crop of a photo (H, W[, C]) as (size, size[, C]); outside the photo lies `fill`.

        A photo more than twice as fine as the crop is first reduced by area averaging: sampling it directly would
        alias.
        """
        affine = self.photo_from_crop
        reduction = int(self.side / self.size)
        if reduction >= 2:
            photo, affine = _reduced(photo, affine, reduction, self)
        return cv2.warpAffine(
            photo, affine, (self.size, self.size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border,
            borderValue=fill,
        )  # fmt: skip


def _reduced(photo: np.ndarray, affine: np.ndarray, reduction: int, crop: Crop) -> tuple[np.ndarray, np.ndarray]:
    """The part of the photo under the crop, averaged over blocks of `reduction` pixels, and the map into it."""
    height, width = photo.shape[:2]
    corners = crop.to_photo(np.array([[0, 0], [0, crop.size], [crop.size, 0], [crop.size, crop.size]], float))
    left, top = np.clip(np.floor(corners.min(0)).astype(int) - reduction, 0, [width - 1, height - 1])
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + reduction, [left + 1, top + 1], [width, height])
    new_width, new_height = max(1, (right - left) // reduction), max(1, (bottom - top) // reduction)
    # Whole blocks, which OpenCV averages eight times as fast as parts of some: up to one row of the crop is lost.
    right, bottom = min(right, left + new_width * reduction), min(bottom, top + new_height * reduction)
    small = cv2.resize(photo[top:bottom, left:right], (new_width, new_height), interpolation=cv2.INTER_AREA)
    scale = np.array([new_width / (right - left), new_height / (bottom - top)])
    linear = affine[:, :2] * scale[:, None]
    offset = (affine[:, 2] - [left, top] + 0.5) * scale - 0.5
    return small, np.hstack([linear, offset[:, None]])


def network_input(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures (H, W, 3) uint8 as networks take them: (B, 3, H, W) float32 in 0–1."""
    planes = np.stack([np.stack(cv2.split(picture)) for picture in pictures])
    return np.divide(planes, np.float32(255), dtype=np.float32)


def heatmap_to_crop(points: np.ndarray, stride: float = HEATMAP_STRIDE) -> np.ndarray:
    """Heatmap cells (..., 2) as crop pixels: cell 0 covers pixels 0 … stride - 1, so its centre is (stride - 1) / 2."""
    return (points + 0.5) * stride - 0.5


def crop_to_heatmap(points: np.ndarray, stride: float = HEATMAP_STRIDE) -> np.ndarray:
    """Crop pixels (..., 2) as heatmap cells; the inverse of `heatmap_to_crop`."""
    return (points + 0.5) / stride - 0.5


def heatmap_window(crop: Crop) -> np.ndarray:
    """Where the heatmap of an upright crop lies in the photo, (3,): the pixel at the centre of cell (0, 0), x and y,
    and pixels a cell."""
    first, second = crop.to_photo(heatmap_to_crop(np.array([[0.0, 0.0], [1.0, 0.0]])))
    return np.array([*first, second[0] - first[0]], np.float32)


def heatmap_affine(source: Crop, target: Crop) -> np.ndarray:
    """Affine map (2, 3) that takes heatmap cells of one crop of a photo to those of another."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    origin, right, down = crop_to_heatmap(target.to_crop(source.to_photo(heatmap_to_crop(corners))))
    return np.column_stack([right - origin, down - origin, origin])


def box_around(points: np.ndarray) -> np.ndarray:
    """Person's box (x, y, width, height) around joints (N, 2), widened by what a body reaches beyond its joints."""
    low, high = points.min(0), points.max(0)
    margin = JOINT_MARGIN * max(*(high - low), 1.0)
    return np.concatenate([low - margin, high - low + 2 * margin])


def crop_of_box(box: np.ndarray, size: int = CROP_SIZE) -> Crop:
    """The square crop that frames a person's box (x, y, width, height)."""
    x, y, width, height = (float(value) for value in box)
    return Crop(np.array([x + (width - 1) / 2, y + (height - 1) / 2]), FRAMING * max(width, height), size)


def crop_of_photo(width: int, height: int, size: int = CROP_SIZE) -> Crop:
    """The crop that letterboxes the whole photo."""
    return Crop(np.array([(width - 1) / 2, (height - 1) / 2]), float(max(width, height)), size)
