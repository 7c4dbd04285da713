"""Does the person's box come out right in a whole picture, and does nobody come out where nobody is?"""

from dataclasses import dataclass

import numpy as np

from ....inference.networks.person import box_overlap
from ...measure.keypoints2d import pck, relative_errors
from .answers import Answer, points
from .compositions import HEIGHTS, Scene

OVERLAP = 0.5
"""IoU from which a box is on the right person."""


@dataclass(frozen=True)
class Finding:
    """Over `count` pictures: the share in which the person was found, mean IoU of the boxes (0 where refused), the
    share in which somebody else was taken instead, and PCK@0.2 of all."""

    count: int
    found: float
    overlap: float
    other: float
    pck: float


def overlap(box: np.ndarray | None, truth: np.ndarray | None) -> float:
    """IoU of two boxes; 0 where there is none."""
    return 0.0 if box is None or truth is None else box_overlap(box, truth)


def finding(answers: list[Answer], scenes: list[Scene]) -> Finding:
    """How well people are found in some scenes."""
    pairs = list(zip(answers, scenes, strict=True))
    own = np.array([one.found * overlap(one.box, scene.picture.box) for one, scene in pairs])
    others = np.array([one.found * overlap(one.box, scene.other) for one, scene in pairs])
    errors = relative_errors(points(answers), [scene.picture for scene in scenes])
    return Finding(
        len(scenes), float((own >= OVERLAP).mean()), float(own.mean()),
        float(((own < OVERLAP) & (others >= OVERLAP)).mean()), pck(errors),
    )  # fmt: skip


def groups_of_scenes(scenes: list[Scene]) -> dict[str, np.ndarray]:
    """Masks (N,) of the scenes by the person's height over the picture's, and by whether somebody is near."""
    heights, near = (
        np.array([scene.height for scene in scenes]),
        np.array([scene.other is not None for scene in scenes]),
    )
    nearest = np.abs(heights[:, None] - np.array(HEIGHTS)).argmin(1)
    groups = {f"{100 * height:.0f} % of the height": nearest == number for number, height in enumerate(HEIGHTS)}
    return groups | {"alone": ~near, "somebody near": near, "all": np.ones(len(scenes), bool)}


def findings(answers: list[Answer], scenes: list[Scene]) -> dict[str, Finding]:
    """`finding` of each of `groups_of_scenes` that holds any."""
    groups = {name: np.flatnonzero(group) for name, group in groups_of_scenes(scenes).items() if group.any()}
    return {
        name: finding([answers[row] for row in rows], [scenes[row] for row in rows]) for name, rows in groups.items()
    }


@dataclass(frozen=True)
class Refusal:
    """At a threshold of the presence: shares of the scenes in which the right person is refused, and in which something
    else is let through; and of the empty pictures in which somebody is seen."""

    threshold: float
    missed: float
    wrong: float
    false_alarms: float


def refusals(
    answers: list[Answer], scenes: list[Scene], on_empty: list[Answer], thresholds: np.ndarray
) -> list[Refusal]:
    """What each threshold of the presence would refuse and let through, whatever the engine itself refused."""
    right = np.array(
        [overlap(one.box, scene.picture.box) >= OVERLAP for one, scene in zip(answers, scenes, strict=True)]
    )
    scores, empty = np.array([one.presence for one in answers]), np.array([one.presence for one in on_empty])
    return [
        Refusal(
            float(threshold), float((right & (scores < threshold)).mean()),
            float((~right & (scores >= threshold)).mean()), float((empty >= threshold).mean()),
        )
        for threshold in thresholds
    ]  # fmt: skip


@dataclass(frozen=True)
class ScoreBin:
    """Pictures whose score is in one range: how many, PCK@0.2 over them, and the share whose own PCK is below half."""

    low: float
    count: int
    pck: float
    bad: float


def meaning_of_score(answers: list[Answer], crops: list, edges: np.ndarray) -> list[ScoreBin]:
    """How good the keypoints are at each score: what DOUBTFUL_SCORE is to be judged by."""
    errors = relative_errors(np.stack([one.keypoints[:, :2] for one in answers]), crops)
    own = np.array([pck(row[None]) for row in errors])
    place = np.digitize([one.score for one in answers], edges) - 1
    bins = [(edges[number], (place == number) & ~np.isnan(own)) for number in range(len(edges))]
    return [
        ScoreBin(float(low), int(inside.sum()), pck(errors[inside]), float((own[inside] < 0.5).mean()))
        for low, inside in bins
        if inside.any()
    ]
