"""Human2D: a crop of a photo to 25 keypoints and a silhouette (Pavlakos et al. 2018, §4.1)."""

from dataclasses import dataclass

import numpy as np

from .crop import Crop, heatmap_to_crop
from .heatmaps import calibrate, decode_heatmaps
from .joints import MPII_COUNT
from .networks import Network


@dataclass(frozen=True)
class Detection:
    """What Human2D saw in one crop. `keypoints` (25, 3): x, y in photo pixels and confidence; `silhouette` (S, S) is
    the probability that a cell is the person, in the crop's own frame: 64 cells, or more once it has been sharpened."""

    crop: Crop
    keypoints: np.ndarray
    silhouette: np.ndarray

    @property
    def stride(self) -> float:
        """Crop pixels to a cell of the silhouette."""
        return self.crop.size / self.silhouette.shape[0]

    @property
    def score(self) -> float:
        return score_of(self.keypoints)


def score_of(keypoints: np.ndarray) -> float:
    """Mean confidence of MPII's keypoints among (25, 3): near 1 for a whole person in plain sight."""
    return float(keypoints[:MPII_COUNT, 2].mean())


class Human2D:
    """The network and its decoding. `size` is `fast` or `hourglass`."""

    def __init__(self, size: str = "fast", device: str = "auto", threads: int | None = None):
        self.network = Network(f"human2d_{size}", device, threads)

    def __call__(self, photo: np.ndarray, crops: list[Crop]) -> list[Detection]:
        """Look at several crops of one photo (H, W, 3) uint8 RGB at once."""
        pixels = np.stack([crop.cut(photo) for crop in crops]).transpose(0, 3, 1, 2)
        heatmaps, silhouettes = self.network(pixels.astype(np.float32) / 255)
        cells, mass = decode_heatmaps(heatmaps)
        confidence = calibrate(mass, self.network.metadata["calibration"])
        return [
            Detection(
                crop, np.column_stack([crop.to_photo(heatmap_to_crop(cells[i])), confidence[i]]), silhouettes[i, 0]
            )
            for i, crop in enumerate(crops)
        ]
