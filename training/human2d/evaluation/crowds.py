"""Is everybody found, and nobody twice: `python -m body_from_image.training evaluate-people`.

The truth is known where people are cut out of photos and put onto places without people, two to seven in a picture,
near and far, before and behind each other. MoveNet MultiPose by itself, whose answers are where the engine begins, is
the rival.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ....inference.engine import Engine, Settings
from ....inference.errors import NoPersonError
from ....inference.files.images import Photo
from ....inference.networks.finder import Finder
from ....inference.networks.person import ANOTHER_SCORE, box_of, box_overlap
from ...data.photos2d import LabelledCrop
from ...measure.timing import load
from . import page_command
from .compositions import SHAPES, empty_pictures, extent, pasted, people, photographed, places, view
from .report import table

REPORT = Path(__file__).parents[3] / "docs" / "training" / "people_figures.md"
COUNTS = range(2, 8)
TALL = (0.25, 0.85)
"""Of the nearest person over the picture's height; the others are down to a half of that."""
VISIBLE = 0.5
"""Share of a person's silhouette that must be seen for them to count as somebody to find."""
FOUND = 0.5
"""Overlap of boxes from which a person is found."""
SOMEBODY = 0.3
"""Overlap below which what was seen is nobody."""


@dataclass(frozen=True)
class Crowd:
    """A picture (H, W, 3) uint8 RGB, the boxes of those of its people who are seen well, (N, 2, 4): of what is seen of
    them and of all of them; the whole boxes of everybody (M, 4); and what share of each of the former is seen (N,)."""

    picture: np.ndarray
    wanted: np.ndarray
    all: np.ndarray
    shares: np.ndarray


def compose_crowds(split: str, each: int = 12, seed: int = 0) -> dict[int, list[Crowd]]:
    """`each` pictures for each number of people. Raises PackMissing."""
    rng = np.random.default_rng(seed)
    panoramas = places(split)
    crops = [crop for name in ("lspet", "ccp") for crop in people(split, name)]
    return {
        count: [_crowd(panoramas, [crops[i] for i in rng.choice(len(crops), count, False)], rng) for _ in range(each)]
        for count in COUNTS
    }


def _crowd(panoramas: list[np.ndarray], persons: list[LabelledCrop], rng: np.random.Generator) -> Crowd:
    """The far ones first, spread over the picture's width, so that the near ones hide something of them."""
    size = SHAPES[rng.integers(len(SHAPES))]
    picture = view(panoramas[rng.integers(len(panoramas))], size, rng)
    wide, tall = size
    nearest = rng.uniform(*TALL)
    heights = np.sort(nearest * rng.uniform(0.5, 1.0, len(persons)))
    slots = (rng.permutation(len(persons)) + rng.uniform(0.1, 0.9, len(persons))) / len(persons)
    seen: list[np.ndarray] = []
    whole: list[np.ndarray] = []
    for person, height, slot in zip(persons, heights, slots, strict=True):
        x, y, width, across = extent(person)
        scale = min(height * tall / across, 0.7 * wide / width)
        left = np.clip(slot * wide - scale * width / 2, -0.1 * scale * width, wide - 0.9 * scale * width)
        top = min(0.5 * tall + 0.5 * tall * height, tall) - scale * across
        picture, mask = pasted(picture, person, np.array([[scale, 0, left - scale * x], [0, scale, top - scale * y]]))
        drawn = mask > 127
        seen = [other & ~drawn for other in seen] + [drawn]
        whole.append(drawn)
    boxes = np.array([cv2.boundingRect(one.astype(np.uint8)) for one in whole], float)
    shares = np.array([own.sum() / max(full.sum(), 1) for own, full in zip(seen, whole, strict=True)])
    visible = shares >= VISIBLE
    parts = np.array([cv2.boundingRect(own.astype(np.uint8)) for own in seen], float)
    return Crowd(photographed(picture, rng), np.stack([parts, boxes], 1)[visible], boxes, shares[visible])


@dataclass(frozen=True)
class Count:
    """Of `wanted` people, how many were `found`; of all `seen`, how many are `false` (nobody) or seen `twice`; and
    seconds a picture."""

    wanted: int
    found: int
    seen: int
    false: int
    twice: int
    seconds: float


def count(crowds: list[Crowd], answers: list[np.ndarray], seconds: float) -> Count:
    """Boxes (N, 4) that were seen in each picture against those that are there."""
    found = false = twice = 0
    for crowd, boxes in zip(crowds, answers, strict=True):
        matched = matches(crowd, boxes)
        free = [index for index in range(len(boxes)) if index not in matched.values()]
        found += len(matched)
        for index in free:
            best = max((box_overlap(boxes[index], one) for one in crowd.all), default=0.0)
            false += best < SOMEBODY
            # Somebody hidden for the most part is not asked for, but there.
            hidden = len(crowd.all) > len(crowd.wanted)
            twice += best >= SOMEBODY and not hidden
    wanted, seen = sum(len(crowd.wanted) for crowd in crowds), sum(len(boxes) for boxes in answers)
    return Count(wanted, found, seen, false, twice, seconds / max(len(crowds), 1))


def matches(crowd: Crowd, boxes: np.ndarray) -> dict[int, int]:
    """Whom of those to find boxes (N, 4) show: which box of each, the best first."""
    pairs = sorted(
        ((either_overlap(box, one), index, number)
         for number, one in enumerate(crowd.wanted) for index, box in enumerate(boxes)),
        reverse=True,
    )  # fmt: skip
    matched: dict[int, int] = {}
    for overlap, index, number in pairs:
        if overlap >= FOUND and index not in matched.values() and number not in matched:
            matched[number] = index
    return matched


def either_overlap(box: np.ndarray, wanted: np.ndarray) -> float:
    """Overlap with what is seen of somebody or with all of them, (2, 4): an answer may tell of either."""
    return max(box_overlap(box, one) for one in wanted)


def of_engine(engine: Engine, crowds: list[Crowd]) -> Count:
    answers, began = [], time.perf_counter()
    for crowd in crowds:
        try:
            seen = engine.estimate_people(Photo(crowd.picture, None, Path("crowd.jpg"))).people
        except NoPersonError:
            seen = []
        boxes = [box_of(one.detection) for one in seen]
        answers.append(np.array([box for box in boxes if box is not None]).reshape(-1, 4))
    return count(crowds, answers, time.perf_counter() - began)


def of_finder(finder: Finder, crowds: list[Crowd]) -> Count:
    """MultiPose on the whole picture, from the score at which the engine speaks of somebody else."""
    answers, began = [], time.perf_counter()
    for crowd in crowds:
        seen = [one.box for one in finder(crowd.picture) if one.score >= ANOTHER_SCORE]
        answers.append(np.array(seen).reshape(-1, 4))
    return count(crowds, answers, time.perf_counter() - began)


def measured(split: str, each: int, threads: int) -> str:
    """The page on composed pictures of a split, and on those of it that show nobody. Raises PackMissing."""
    empty = [Crowd(picture, np.zeros((0, 2, 4)), np.zeros((0, 4)), np.zeros(0)) for picture in empty_pictures(split)]
    return page(compose_crowds(split, each), empty, threads)


def page(crowds: dict[int, list[Crowd]], empty: list[Crowd], threads: int) -> str:
    engine = Engine(Settings(device="cpu", threads=threads))
    rows = []
    for number, pictures in [*crowds.items(), (0, empty)]:
        for name, found in (("engine", of_engine(engine, pictures)), ("MultiPose", of_finder(engine.finder, pictures))):
            share = found.found / found.wanted if found.wanted else float("nan")
            rows.append((number, name, found, share))
    lines = [
        [number or "nobody", name, one.wanted, share, one.seen, one.false, one.twice, one.seconds]
        for number, name, one, share in rows
    ]
    for name in ("engine", "MultiPose"):
        own = [one for number, label, one, _ in rows if label == name and number]
        total = Count(*(sum(getattr(one, field) for one in own) for field in Count.__dataclass_fields__))
        lines.append([
            "2 to 7", name, total.wanted, total.found / total.wanted, total.seen, total.false, total.twice,
            total.seconds / len(own),
        ])  # fmt: skip
    header = ["people in the picture", "", "to find", "found", "seen", "nobody there", "seen twice", "s a picture"]
    return (
        "# Everybody in the picture\n\n"
        f"`python -m body_from_image.training evaluate-people --each {len(crowds[2])} --threads {threads}`, {load()}. "
        "People cut out of validation photos, put onto places without people; whoever is hidden by more than half is "
        "not counted. "
        f"Found: a box that overlaps that of what is seen of them, or of all of them, by {FOUND}; nobody there: one "
        f"that overlaps nobody's by {SOMEBODY}. "
        "Seconds are of the whole estimate, refinement included. MultiPose's score must be "
        f"{ANOTHER_SCORE} or more.\n\n" + table(header, lines)
    )


def main(arguments: list[str]) -> None:
    each = page_command.Count("--each", 12, "pictures of each number of people")
    page_command.write_page(arguments, "evaluate-people", __doc__.splitlines()[0], each, REPORT, measured)
