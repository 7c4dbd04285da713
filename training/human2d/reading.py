"""Ways to read Human2D's maps, compared with one trained network on the calibration split: keypoints from heatmaps, and
silhouettes from several looks."""

import cv2
import numpy as np

from ...inference.geometry.joints import KEYPOINT_MIRROR
from ...inference.networks.crop import crop_of_box
from ...inference.networks.guided_filter import sharpened
from ...inference.networks.heatmaps import decode_heatmaps, peaks, window_means
from ..data.photos2d import LabelledCrop
from ..measure.keypoints2d import Run, in_photo, pck, predict, relative_errors, silhouette_iou


def quarter_offset(heatmaps: np.ndarray) -> np.ndarray:
    """The peak, moved a quarter of a cell towards its higher neighbour (Newell et al. 2016)."""
    cells = peaks(heatmaps).astype(float)
    return cells + 0.25 * np.sign(_slopes(heatmaps, cells)[0])


def dark(heatmaps: np.ndarray) -> np.ndarray:
    """The peak, moved by one Newton step on the logarithm of the smoothed heatmap (DARK, Zhang et al. 2020), without
    mixed second derivatives."""
    smooth = np.stack([[cv2.GaussianBlur(one, (0, 0), 1.0) for one in person] for person in heatmaps])
    cells = peaks(heatmaps).astype(float)
    first, second = _slopes(np.log(np.maximum(smooth, 1e-10)), cells)
    return cells + np.clip(np.where(second < 0, -first / np.minimum(second, -1e-6), 0), -1, 1)


def _slopes(heatmaps: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second differences (B, K, 2) across and down at `cells`."""
    padded = np.pad(heatmaps, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    x, y = (cells[..., axis].astype(int) + 1 for axis in (0, 1))
    person, keypoint = np.ogrid[: cells.shape[0], : cells.shape[1]]

    def at(right: int, down: int) -> np.ndarray:
        return padded[person, keypoint, y + down, x + right]

    ends = [(at(1, 0), at(-1, 0)), (at(0, 1), at(0, -1))]
    first = np.stack([(after - before) / 2 for after, before in ends], -1)
    second = np.stack([after - 2 * at(0, 0) + before for after, before in ends], -1)
    return first, second


def with_flip(run: Run) -> Run:
    """The mean of the answers to a crop and to its mirror image."""

    def both(images: np.ndarray) -> list[np.ndarray]:
        heatmaps, silhouettes, *_ = run(images)
        mirrored = run(np.ascontiguousarray(images[..., ::-1]))
        turned = mirrored[0][:, KEYPOINT_MIRROR, :, ::-1]
        return [(heatmaps + turned) / 2, (silhouettes + mirrored[1][..., ::-1]) / 2]

    return both


SHIPPED = "mean about the peak, left and right told apart (what ships)"
DECODERS = {
    "peak of the heatmap": lambda heatmaps: peaks(heatmaps).astype(float),
    "a quarter of a cell towards the neighbour": quarter_offset,
    "DARK": dark,
    "mean about the peak": lambda heatmaps: window_means(heatmaps, peaks(heatmaps))[0],
    SHIPPED: lambda heatmaps: decode_heatmaps(heatmaps)[0],
}


def decoding_rows(run: Run, sports: list[LabelledCrop]) -> dict[str, tuple[float, float]]:
    """PCK@0.2 and, since sub-cell places matter there, PCK@0.05, of each way to read the heatmaps."""
    rows = {}
    for name, looks, decoder in (
        *((name, run, decoder) for name, decoder in DECODERS.items()),
        ("the same, mirror image too", with_flip(run), DECODERS[SHIPPED]),
    ):
        points, _, _ = predict(looks, sports, decode=lambda h, cells=decoder: (cells(h), h.max((2, 3))))
        errors = relative_errors(points, sports)
        rows[name] = (pck(errors), pck(errors, threshold=0.05))
    return rows


def silhouette_rows(run: Run, fashion: list[LabelledCrop]) -> dict[str, float]:
    """IoU of each way to a silhouette, on crops with people's masks."""
    found: dict[str, list[np.ndarray]] = {}
    for example in fashion:
        crop = crop_of_box(example.box)
        picture = crop.cut(example.image)
        pictures = np.stack([picture, picture[:, ::-1]]).transpose(0, 3, 1, 2).astype(np.float32) / 255
        _, (own, mirrored), *_ = run(pictures)
        both = (own[0] + mirrored[0, :, ::-1]) / 2
        for name, silhouette in {
            "one look": own[0],
            "the mirror image too": both,
            "one look, guided filter": sharpened(own[0], picture),
            "the mirror image too, guided filter (what ships)": sharpened(both, picture),
        }.items():
            found.setdefault(name, []).append(in_photo(silhouette, crop, example.image.shape[1::-1]))
    return {name: silhouette_iou(silhouettes, fashion) for name, silhouettes in found.items()}
