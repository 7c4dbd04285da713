"""Human2D: a crop of a photo to 25 keypoints, their depth and a silhouette (Pavlakos et al. 2018, §4.1)."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ..geometry.joints import KEYPOINT_MIRROR, KEYPOINT_NAMES, MPII_COUNT
from .crop import Crop, heatmap_affine, heatmap_to_crop, network_input
from .heatmaps import calibrate, decode_heatmaps
from .runtime import Network

MIN_MASS = 0.6
"""Probability of lying anywhere in the crop from which a keypoint counts as one that the picture shows."""
EDGE_CELLS, EDGE_DOUBT = 2, 0.5
"""Cells along the photo's edge, and the share of the probability there that counts as being beyond: what a photo cuts
off, a network likes to see at its edge. On calibration pictures that were cut off, .27 of what lies beyond is then
claimed to be seen in sports photos and .07 in fashion's, .34 and .13 without; of what is left, one right keypoint in
seventy and one in twenty is given up, and of whole people none."""
TOGETHER = "calibration_together"
"""What files call the curve of the confidence of several looks."""
FEWEST_PRESENT = 6
"""Keypoints that a score is the mean of at least: a few sure ones are no person."""


@dataclass(frozen=True)
class Detection:
    """What Human2D saw in one crop. `keypoints` (25, 3): x, y in photo pixels and confidence; `silhouette` (S, S) is
    the probability that a cell is the person, in the crop's own frame: 64 cells, or more once it has been sharpened;
    `heatmaps` (25, 64, 64) are the keypoints' probabilities, in that frame, too; `depth` (25,) says how far behind the
    pelvis each keypoint is, in pixels of the photo at the pelvis' distance; `presence` is the probability that there is
    a person at all, however sure their pose. None is what the network does not tell; `photo_size` is width, height;
    `picture` (256, 256, 3) uint8 is what a single look was shown."""

    crop: Crop
    keypoints: np.ndarray
    silhouette: np.ndarray
    heatmaps: np.ndarray | None = field(default=None, repr=False)
    depth: np.ndarray | None = None
    presence: float | None = None
    photo_size: tuple[int, int] | None = None
    picture: np.ndarray | None = field(default=None, repr=False)

    @property
    def stride(self) -> float:
        """Crop pixels to a cell of the silhouette."""
        return self.crop.size / self.silhouette.shape[0]

    @property
    def score(self) -> float:
        """How sure what is seen is, whether or not the picture shows all of the person: the mean confidence of MPII's
        keypoints that are present."""
        confidence = self.keypoints[:MPII_COUNT, 2]
        return float(confidence.sum() / max((confidence > 0).sum(), FEWEST_PRESENT))


def present(heatmaps: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Whether keypoints of heatmaps (..., K, H, W) likely enough lie somewhere in the picture (..., K): not those of
    legs that it cuts off. `edge` (..., H, W) are the cells along the photo's edge, as 0 or 1."""
    shares = (1 - EDGE_DOUBT * edge).reshape(*edge.shape[:-2], -1, 1)
    return (heatmaps.reshape(*heatmaps.shape[:-2], -1) @ shares)[..., 0] >= MIN_MASS


def score_of(keypoints: np.ndarray) -> float:
    """Mean confidence of MPII's keypoints among (25, 3): near 1 for a whole person in plain sight."""
    return float(keypoints[:MPII_COUNT, 2].mean())


class Human2D:
    """The network and its decoding. `size` is `fast` or `hourglass`; `file` another network than those that ship.

    What the looks of `fast` say together is corrected by the heatmap refiner, which has learnt how bodies look and how
    `fast` errs: the one that ships, another file, or None. What the paper's hourglass says is left as it is.
    """

    def __init__(
        self, size: str = "fast", device: str = "auto", threads: int | None = None, file: Path | None = None,
        refiner: str | Path | None = "heatmap_refiner",
    ):  # fmt: skip
        self.network = Network(file or f"human2d_{size}", device, threads)
        self.refiner = Network(refiner, device, threads) if refiner else None

    def __call__(
        self, photo: np.ndarray, crops: list[Crop], prompt: np.ndarray | None = None
    ) -> list[Detection]:
        """Look at several crops of one photo (H, W, 3) uint8 RGB at once. In one that shows the photo's mirror image
        left and right are still the person's own.

        `prompt` (25, 3) says whom of several people is meant: photo pixels and 1 where a keypoint roughly is, or 0. The
        `hourglass` does not hear it.
        """
        pictures = [crop.cut(photo) for crop in crops]
        inputs = [network_input(pictures)]
        if len(self.network.inputs) > 1:
            asked = np.zeros((len(KEYPOINT_NAMES), 3)) if prompt is None else prompt
            inputs.append(np.stack([prompt_in(crop, asked) for crop in crops]))
        heatmaps, silhouettes, *more = self.network(*inputs)
        depth = more[0] if more else [None] * len(crops)
        presence = more[1].astype(float) if len(more) > 1 else [None] * len(crops)
        size = photo.shape[1::-1]
        for number, crop in enumerate(crops):
            heatmaps[number] *= inside_by(size, crop, heatmaps.shape[-1]) >= 0
            if crop.flip:
                heatmaps[number] = heatmaps[number][KEYPOINT_MIRROR]
                depth[number] = depth[number][KEYPOINT_MIRROR] if more else None
        cells, keypoints = self._keypoints(crops, heatmaps, self.network.metadata["calibration"], size)
        return [
            Detection(crop, points, silhouette[0], own, _depth_at(deep, places, crop), there, size, picture)
            for crop, points, silhouette, own, deep, places, there, picture in zip(
                crops, keypoints, silhouettes, heatmaps, depth, cells, presence, pictures, strict=True
            )
        ]

    def together(self, looks: list[Detection], crop: Crop | None = None) -> Detection:
        """What all looks at a person say, in the frame of `crop`, or of the first: keypoints are read from the mean of
        the heatmaps, refined, and silhouettes, depths and presence are means, too.

        Where a look does not reach, the others decide. A mean of maps is less sure than its parts where they differ,
        and has a calibration of its own.
        """
        first, crop = looks[0], crop or looks[0].crop
        drawn = [_drawn_in(look, crop) for look in looks]
        count = np.maximum(sum(there for _, there in drawn), 0.5)
        heatmaps, silhouette = np.split(sum(maps for maps, _ in drawn) / count, [-1])
        heatmaps, curve = self._refined(heatmaps)
        _, keypoints = self._keypoints([crop], heatmaps[None], curve, first.photo_size)
        depth = None if first.depth is None else np.mean([look.depth for look in looks], 0)
        presence = None if first.presence is None else float(np.mean([look.presence for look in looks]))
        return Detection(crop, keypoints[0], silhouette[0], heatmaps, depth, presence, first.photo_size)

    def _refined(self, heatmaps: np.ndarray) -> tuple[np.ndarray, str]:
        """Heatmaps (25, 64, 64) of several looks, and the curve of their confidence."""
        if self.refiner is None or len(self.network.inputs) == 1:
            return heatmaps, self.network.metadata[TOGETHER]
        # Beyond the photo's edge, where every look says 0, nothing is seen now, either.
        return self.refiner(heatmaps[None])[0][0] * (heatmaps > 0), self.refiner.metadata[TOGETHER]

    def _keypoints(
        self, crops: list[Crop], heatmaps: np.ndarray, calibration: str, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cells (B, 25, 2), and photo pixels and confidence (B, 25, 3), of what heatmaps (B, 25, 64, 64) of crops of a
        photo of `size` show; the confidence, by a `calibration` curve as the networks' files have it, is 0 of a
        keypoint that is not in the picture."""
        cells, mass = decode_heatmaps(heatmaps)
        edge = np.stack([_along_the_edge(size, crop, heatmaps.shape[-1]) for crop in crops])
        confidence = calibrate(mass, calibration) * present(heatmaps, edge)
        places = [crop.to_photo(heatmap_to_crop(own)) for crop, own in zip(crops, cells, strict=True)]
        return cells, np.concatenate([places, confidence[..., None]], -1).astype(np.float32)


def prompt_in(crop: Crop, keypoints: np.ndarray) -> np.ndarray:
    """Keypoints (25, 3), photo pixels and 0/1, as the network is told them (25, 3) float32: places over the crop's
    side, and 1 where one is known and lies in the crop. In a mirror image left and right are exchanged."""
    own = keypoints[KEYPOINT_MIRROR] if crop.flip else keypoints
    places = (crop.to_crop(own[:, :2].astype(np.float64)) + 0.5) / crop.size
    known = (own[:, 2] > 0) & ((places >= 0) & (places < 1)).all(1)
    return np.column_stack([np.where(known[:, None], places, 0), known]).astype(np.float32)


def inside_by(size: tuple[int, int], crop: Crop, cells: int) -> np.ndarray:
    """How many pixels each cell (cells, cells) of a crop's map lies within a photo of `size` (width, height); negative
    beyond its edge, where nothing is seen, whatever a network makes up there."""
    along = heatmap_to_crop(np.arange(cells), crop.size / cells)
    by_axis = []
    for extent, (across, down, start) in zip(size, crop.photo_from_crop, strict=True):
        place = across * along + (down * along[:, None] + (start + 0.5))
        by_axis.append(np.minimum(place, extent - place))
    return np.minimum(*by_axis)


def _along_the_edge(size: tuple[int, int], crop: Crop, cells: int) -> np.ndarray:
    """The cells (cells, cells) of a crop's map along the edge of a photo of `size`, as 0 or 1."""
    inside = inside_by(size, crop, cells)
    return ((inside >= 0) & (inside < EDGE_CELLS * crop.side / cells)).astype(np.float32)


def _depth_at(depth: np.ndarray | None, cells: np.ndarray, crop: Crop) -> np.ndarray | None:
    """Depths (25,) in photo pixels from maps (25, 64, 64) in sides of the crop, at the keypoints' cells (25, 2)."""
    if depth is None:
        return None
    x, y = np.clip(np.round(cells).astype(int), 0, np.array(depth.shape[:0:-1]) - 1).T
    return depth[np.arange(len(depth)), y, x] * crop.side


def _drawn_in(look: Detection, crop: Crop) -> tuple[np.ndarray, np.ndarray]:
    """A look's heatmaps and silhouette (26, 64, 64) in the frame of another crop, and which of its cells (64, 64) the
    look reaches."""
    if look.crop is crop:
        return np.concatenate([look.heatmaps, look.silhouette[None]]), np.ones(look.heatmaps.shape[1:], np.float32)
    affine = heatmap_affine(look.crop, crop)
    size = look.heatmaps.shape[2], look.heatmaps.shape[1]
    there = np.ones(size[::-1], np.float32)
    *maps, silhouette, there = (
        cv2.warpAffine(one, affine, size, flags=cv2.INTER_LINEAR) for one in (*look.heatmaps, look.silhouette, there)
    )
    # The same probability on fewer cells is denser.
    return np.stack([*(np.stack(maps) / abs(np.linalg.det(affine[:, :2]))), silhouette]), there
