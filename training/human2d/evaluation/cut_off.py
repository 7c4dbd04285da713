"""Is somebody found whom the picture's edge cuts off, and are limbs made up that the picture does not show?"""

from dataclasses import dataclass

import numpy as np

from ....inference.geometry.joints import LIMB_KEYPOINTS
from ....inference.networks.person import SURE_CONFIDENCE
from ...data.photos2d import LabelledCrop
from ...measure.keypoints2d import torso_lengths
from ..augmentation import cut_off
from .answers import Answer
from .breakdown import RIGHT


@dataclass(frozen=True)
class CutPicture:
    """A labelled picture that ends on the person. `picture` has labels for what is left; `beyond` (25,) are the
    keypoints that are not, and `torso` is the person's, in pixels, wherever it ends."""

    picture: LabelledCrop
    beyond: np.ndarray
    torso: float


def cut_pictures(crops: list[LabelledCrop], seed: int = 0) -> list[CutPicture]:
    """Each picture cut off once, at a place drawn at random; those that would lose no keypoint are left out, and so are
    those without a labelled torso."""
    rng = np.random.default_rng(seed)
    cut = []
    for crop, torso in zip(crops, torso_lengths(crops), strict=True):
        picture, beyond = cut_off(crop, rng)
        if np.isfinite(torso) and beyond[LIMB_KEYPOINTS].any():
            cut.append(CutPicture(picture, beyond, float(torso)))
    return cut


@dataclass(frozen=True)
class CutFigures:
    """Over `count` pictures: the share in which somebody was found; PCK@0.2 of the limb keypoints that are left, all
    wrong where nobody was found; and the share of limb keypoints beyond the edge that were claimed to be seen."""

    count: int
    found: float
    pck: float
    made_up: float


def cut_figures(answers: list[Answer], pictures: list[CutPicture]) -> CutFigures:
    """How people who are cut off are seen."""
    right, made_up = [], []
    for answer, cut in zip(answers, pictures, strict=True):
        truth = cut.picture.keypoints[LIMB_KEYPOINTS]
        said = answer.keypoints[LIMB_KEYPOINTS]
        near = np.linalg.norm(said[:, :2] - truth[:, :2], axis=1) < RIGHT * cut.torso
        right.extend((near & answer.found)[truth[:, 2] > 0])
        if answer.found:
            made_up.extend(said[cut.beyond[LIMB_KEYPOINTS], 2] >= SURE_CONFIDENCE)
    found = float(np.mean([answer.found for answer in answers]))
    return CutFigures(len(pictures), found, float(np.mean(right)), float(np.mean(made_up)) if made_up else 0.0)
