"""The methods side by side, and all their answers, which every table is made of."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ....inference.networks.finder import Finder
from ....inference.networks.person import SURE_CONFIDENCE, most_like_a_person
from ...data.photos2d import LabelledCrop
from ...measure.timing import crop_milliseconds
from . import movenet_pose
from .answers import Answer, engine_in_boxes, engine_in_pictures, looks_in_boxes, open_network
from .beside import NAME, MediaPipe
from .compositions import Scene
from .cut_off import CutPicture


@dataclass(frozen=True)
class Pictures:
    """What is asked: labelled crops by source, the same cut off by the picture's edge, composed scenes, pictures
    without people, and demo photos."""

    crops: dict[str, list[LabelledCrop]]
    cut: dict[str, list[CutPicture]]
    scenes: list[Scene]
    empty: list[np.ndarray]
    photos: list[np.ndarray]

    def images(self) -> dict[str, list[np.ndarray]]:
        """All pictures (H, W, 3) by set; the sets of crops have their sources' names."""
        labelled = {name: [crop.image for crop in crops] for name, crops in self.crops.items()}
        cut = {f"{name}, cut off": [one.picture.image for one in pictures] for name, pictures in self.cut.items()}
        return labelled | cut | {
            "scenes": [scene.picture.image for scene in self.scenes],
            "empty": self.empty,
            "photos": self.photos,
        }  # fmt: skip


@dataclass(frozen=True)
class Method:
    """One column of the report. `answers` are by set of pictures; a method that is given boxes has none on whole
    pictures. `sees` says which of the 25 keypoints it knows."""

    name: str
    answers: dict[str, list[Answer]]
    sees: np.ndarray

    @property
    def searches(self) -> bool:
        return "scenes" in self.answers


@dataclass(frozen=True)
class Speeds:
    """Milliseconds of one crop by network; None where it could not be measured."""

    cpu: dict[str, float | None] = field(default_factory=dict)
    cuda: dict[str, float | None] = field(default_factory=dict)


def names_of(files: list[Path]) -> list[str]:
    """What networks are called: the file's name, with its folder's where that alone does not tell them apart."""
    stems = [file.stem for file in files]
    return [file.stem if stems.count(file.stem) == 1 else f"{file.parent.name}/{file.stem}" for file in files]


def of_network(name: str, file: Path, pictures: Pictures, threads: int | None) -> list[Method]:
    """One look at the given box, the engine in the given box, and the engine in the whole picture."""
    eyes = open_network(file, threads)
    boxed = {
        f"{name}, box given, one look": looks_in_boxes,
        f"{name}, box given, engine": engine_in_boxes,
    }
    answers = {
        how: {source: ask(eyes, crops) for source, crops in pictures.crops.items()} for how, ask in boxed.items()
    }
    answers[f"{name}, engine"] = {
        source: engine_in_pictures(eyes, images) for source, images in pictures.images().items()
    }
    return [Method(how, given, _seen(given)) for how, given in answers.items()]


def of_mediapipe(python: Path, pictures: Pictures) -> tuple[Method, float]:
    """MediaPipe on the same pictures, and its median milliseconds on the crops of photos2d."""
    mediapipe, answers, times = MediaPipe(python), {}, {}
    for name, images in pictures.images().items():
        answers[name], times[name] = mediapipe(images)
    return Method(NAME, answers, _seen(answers)), float(np.median(times["lspet"]))


def of_movenet(folder: Path, pictures: Pictures, threads: int | None) -> tuple[list[Method], dict[str, float]]:
    """MoveNet Thunder in the given boxes, MultiPose and Thunder in whole pictures; and milliseconds by name: of a crop,
    and of a whole picture's answer."""
    thunder, finder = movenet_pose.Thunder.load(folder, threads), Finder("cpu", threads)
    boxed = {name: movenet_pose.given_boxes(thunder, crops) for name, crops in pictures.crops.items()}
    whole, times = {}, {}
    for name, images in pictures.images().items():
        whole[name], times[name] = movenet_pose.in_pictures(thunder, finder, images)
    name = movenet_pose.NAME
    found = [Method(f"{name}, box given", boxed, _seen(boxed)), Method(name, whole, _seen(whole))]
    return found, {
        f"{name} Thunder, one crop": movenet_pose.milliseconds(thunder),
        f"{name}, whole answer": times["lspet"],
    }


def _seen(answers: dict[str, list[Answer]]) -> np.ndarray:
    """Keypoints (25,) that a method was ever sure of: one that was never trained is not."""
    return np.stack([one.keypoints[:, 2] for given in answers.values() for one in given]).max(0) > SURE_CONFIDENCE


def whole_answer(file: Path, images: list[np.ndarray], threads: int | None) -> float:
    """Median milliseconds in which the engine finds and sees the person in pictures (H, W, 3)."""
    eyes, times = open_network(file, threads), []
    for image in images:
        began = time.perf_counter()
        most_like_a_person(image, eyes.human2d, eyes.finder)
        times.append(1e3 * (time.perf_counter() - began))
    return float(np.median(times))


def speeds_of(files: list[Path]) -> Speeds:
    """Each network's speed on the processor and on CUDA."""
    named = dict(zip(names_of(files), files, strict=True))
    return Speeds(
        {name: crop_milliseconds(file) for name, file in named.items()},
        {name: crop_milliseconds(file, "cuda") for name, file in named.items()},
    )
