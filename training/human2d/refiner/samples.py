"""What the heatmap refiner learns from: how the Human2D that ships sees labelled people, as the engine's looks decide
together."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ....inference.geometry.joints import LIMB_KEYPOINTS
from ....inference.networks.crop import crop_of_box, crop_to_heatmap
from ....inference.networks.human2d import Detection, Human2D
from ....inference.networks.person import look_twice
from ...data.people2d import load_everyday, load_more2d
from ...data.photos2d import CALIBRATION_SHARE, CCP, LSPET, LabelledCrop, load_crops

FEWEST_TRUSTED, FEWEST_LABELLED = 8, 6
"""Limb keypoints that people have labelled in a sports photo, and that anybody has in others, for it to be learnt
from."""
COUNTS = {"sports": 5000, "more": 1500, "everyday": 1200, "fashion": 400}
"""Of photos, drawn at random."""
HEATMAPS, LABELS = "heatmaps.npy", "labels.npy"


class People(NamedTuple):
    """`heatmaps` (N, 25, 64, 64) float16, and `labels` (N, 25, 3): cells and the label's weight."""

    heatmaps: np.ndarray
    labels: np.ndarray


def training_photos() -> dict[str, list[LabelledCrop]]:
    """The photos of each source. Raises PackMissing."""
    sports = load_crops("train", (LSPET,), taught=True)
    more, everyday = (
        [crop for number, crop in enumerate(_labelled(load("train"))) if number % CALIBRATION_SHARE]
        for load in (load_more2d, load_everyday)
    )
    return {
        "sports": [crop for crop in sports if (crop.keypoints[LIMB_KEYPOINTS, 2] >= 1).sum() >= FEWEST_TRUSTED],
        "more": more,
        "everyday": everyday,
        "fashion": _labelled(load_crops("train", (CCP,), taught=True)),
    }


def calibration_photos() -> dict[str, list[LabelledCrop]]:
    """Photos to choose by. Human2D's heads have learnt from those of `more` and `everyday`; the refiner has not."""
    return {
        "sports": load_crops("calibration", (LSPET,)),
        "more": _labelled(load_more2d("train"))[::CALIBRATION_SHARE],
        "everyday": _labelled(load_everyday("train"))[::CALIBRATION_SHARE],
    }


def _labelled(crops: list[LabelledCrop]) -> list[LabelledCrop]:
    return [crop for crop in crops if (crop.keypoints[LIMB_KEYPOINTS, 2] > 0).sum() >= FEWEST_LABELLED]


def looks(human2d: Human2D, crops: list[LabelledCrop]) -> Iterator[tuple[Detection, np.ndarray]]:
    """What is seen of each labelled person, and where their labels (25, 3) are in the heatmaps."""
    for crop in crops:
        seen = look_twice(crop.image, human2d, crop_of_box(crop.box))
        cells = crop_to_heatmap(seen.crop.to_crop(crop.keypoints[:, :2].astype(np.float64)))
        yield seen, np.column_stack([cells, crop.keypoints[:, 2]])


def chosen_photos(seed: int) -> list[LabelledCrop]:
    """As many of each source as `COUNTS` says, those of sports first. Raises PackMissing."""
    rng, photos = np.random.default_rng(seed), training_photos()
    rows = {name: rng.permutation(len(photos[name]))[:count] for name, count in COUNTS.items()}
    return [photos[name][row] for name in COUNTS for row in rows[name]]


def draw(folder: Path, human2d: Human2D, seed: int = 0) -> People:
    """The people of `COUNTS`, as `human2d` sees them, kept in `folder`: 1.6 GB. Raises PackMissing."""
    if not (folder / LABELS).exists():
        chosen = chosen_photos(seed)
        folder.mkdir(parents=True, exist_ok=True)
        shape = (len(chosen), 25, 64, 64)
        heatmaps = np.lib.format.open_memmap(folder / HEATMAPS, "w+", np.float16, shape)
        labels = np.zeros((len(chosen), 25, 3), np.float32)
        for number, (seen, label) in enumerate(tqdm(looks(human2d, chosen), "looks", len(chosen), disable=None)):
            heatmaps[number], labels[number] = seen.heatmaps, label
        heatmaps.flush()
        np.save(folder / LABELS, labels)
    return People(np.load(folder / HEATMAPS, mmap_mode="r"), np.load(folder / LABELS))
