"""What a method says of a picture, in one form for all methods: our network, the engine around it, and others."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ....inference.errors import NoPersonError
from ....inference.geometry.joints import KEYPOINT_NAMES
from ....inference.networks.crop import crop_of_box
from ....inference.networks.finder import Finder
from ....inference.networks.human2d import Detection, Human2D
from ....inference.networks.person import box_of, check_person, most_like_a_person, photo_mask, presence_of
from ...data.photos2d import LabelledCrop
from ...measure.keypoints2d import in_photo


@dataclass(frozen=True)
class Answer:
    """A person in a picture: `keypoints` (25, 3) x, y, confidence; `mask` (H, W) bool; `box` (x, y, width, height) or
    None; `presence`, how sure the method is that there is somebody, and `score`, how sure of their pose. Where the
    method refuses, `found` is false, and the rest is what it would have said."""

    keypoints: np.ndarray
    mask: np.ndarray
    box: np.ndarray | None
    presence: float
    score: float
    found: bool


def nobody(size: tuple[int, int]) -> Answer:
    """The answer of a method that found nothing at all in a picture of `size` (width, height)."""
    keypoints = np.full((len(KEYPOINT_NAMES), 3), np.inf)
    keypoints[:, 2] = 0
    return Answer(keypoints, np.zeros(size[::-1], bool), None, 0.0, 0.0, False)


def points(answers: list[Answer]) -> np.ndarray:
    """Keypoints (N, 25, 2), at infinity where nobody was found."""
    return np.stack([np.where(one.found, one.keypoints[:, :2], np.inf) for one in answers])


def confidences(answers: list[Answer]) -> np.ndarray:
    """Confidence (N, 25) of the keypoints."""
    return np.stack([one.keypoints[:, 2] for one in answers])


def masks(answers: list[Answer]) -> list[np.ndarray]:
    """Silhouettes (H, W) bool, empty where nobody was found."""
    return [one.mask & one.found for one in answers]


@dataclass(frozen=True)
class Eyes:
    """What the engine sees with: Human2D from any exported file, and the finder that ships; on the processor."""

    human2d: Human2D
    finder: Finder


def open_network(file: Path, threads: int | None = None) -> Eyes:
    """Human2D from any exported file, and the finder."""
    return Eyes(Human2D(device="cpu", threads=threads, file=file), Finder("cpu", threads))


def looks_in_boxes(eyes: Eyes, crops: list[LabelledCrop]) -> list[Answer]:
    """The bare network: one look at each labelled box, and nothing refused."""
    answers = []
    for crop in tqdm(crops, "one look", disable=None):
        detection = eyes.human2d(crop.image, [crop_of_box(crop.box)])[0]
        silhouette = in_photo(detection.silhouette, detection.crop, crop.image.shape[1::-1])
        answers.append(
            Answer(
                _all_keypoints(detection), silhouette >= 0.5, crop.box, presence_of(detection), detection.score, True
            )
        )
    return answers


def engine_in_boxes(eyes: Eyes, crops: list[LabelledCrop]) -> list[Answer]:
    """The engine where the user draws each labelled box."""
    return [_engine(eyes, crop.image, crop.box) for crop in tqdm(crops, "in the box", disable=None)]


def engine_in_pictures(eyes: Eyes, images: Iterable[np.ndarray]) -> list[Answer]:
    """The engine where it looks for the person in each picture (H, W, 3) uint8 RGB."""
    return [_engine(eyes, image, None) for image in tqdm(images, "in the picture", disable=None)]


def _engine(eyes: Eyes, image: np.ndarray, box: np.ndarray | None) -> Answer:
    detection = most_like_a_person(image, eyes.human2d, eyes.finder, box).detection
    try:
        check_person(detection, boxed=box is not None)
        found = True
    except NoPersonError:
        found = False
    mask = photo_mask(detection, *image.shape[1::-1]) > 0
    return Answer(_all_keypoints(detection), mask, box_of(detection), presence_of(detection), detection.score, found)


def _all_keypoints(detection: Detection) -> np.ndarray:
    """Keypoints (25, 3); those that a network of MPII's sixteen does not know have confidence 0."""
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3))
    keypoints[: len(detection.keypoints)] = detection.keypoints
    return keypoints
