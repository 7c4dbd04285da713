"""Does everybody stay who they are: `python -m body_from_image.training evaluate-tracking`.

Two people, cut out of photos, cross in a film; or one is hidden for ten pictures; or ten pictures cannot be read. They
do not move their limbs, but are known: which track follows whom can be told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ....inference.networks.finder import Finder
from ....inference.networks.human2d import Human2D
from ....inference.networks.person import box_overlap, extent_of
from ....inference.networks.tracking import Tracker
from ...data.photos2d import LabelledCrop
from ...measure.timing import load
from .compositions import extent, pasted, people, photographed, places, view
from .page_command import Count, write_page
from .report import table

REPORT = Path(__file__).parents[3] / "docs" / "training" / "tracking_figures.md"
SIZE = (720, 480)
"""Width and height of the films."""
PICTURES, ENDS = 40, 8
"""Of a film, and at each end of it, by which it is told who is who."""
LOST = 10
"""Pictures for which somebody is hidden, or nothing can be read."""
FOLLOWED = 0.4
"""Overlap of a track's box with a person's from which it follows them."""
KINDS = {"crossing": "two people cross", "hidden": "one is hidden", "unreadable": "pictures cannot be read"}


@dataclass(frozen=True)
class Film:
    """Pictures (H, W, 3) uint8 RGB, None for one that cannot be read, and the boxes (F, 2, 4) of its two people."""

    pictures: list[np.ndarray | None]
    boxes: np.ndarray


def compose_film(split: str, kind: str, seed: int) -> Film:
    """One film, of people and a place drawn at random. Raises PackMissing."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    crops = people(split, "ccp")
    pair = [crops[index] for index in rng.choice(len(crops), 2, False)]
    panoramas = places(split)
    background = view(panoramas[rng.integers(len(panoramas))], SIZE, rng)
    heights = rng.uniform(0.55, 0.85, 2)
    order = np.argsort(heights)
    pictures, boxes = [], np.zeros((PICTURES, 2, 4))
    for number in range(PICTURES):
        share = number / (PICTURES - 1)
        picture = background.copy()
        middle = (0.15 + 0.7 * share, 0.85 - 0.7 * share) if kind == "crossing" else (0.2 + 0.2 * share, 0.75)
        for one in order:
            picture, boxes[number, one] = _stand(picture, pair[one], heights[one], middle[one])
        begins = (PICTURES - LOST) // 2
        if kind == "hidden" and begins <= number < begins + LOST:
            x, width = boxes[number, 0, [0, 2]].astype(int)
            left = max(x - 20, 0)
            picture[:, left : x + width + 20] = np.roll(background, 97, axis=1)[:, left : x + width + 20]
        lost = kind == "unreadable" and begins <= number < begins + LOST
        pictures.append(None if lost else photographed(picture, rng))
    return Film(pictures, boxes)


def _stand(picture: np.ndarray, person: LabelledCrop, height: float, middle: float) -> tuple[np.ndarray, np.ndarray]:
    """A person of `height` of the picture, their box's middle at `middle` of its width; and their box."""
    x, y, width, across = extent(person)
    scale = height * SIZE[1] / across
    left, top = middle * SIZE[0] - scale * width / 2, (0.5 + 0.48 * height) * SIZE[1] - scale * across
    picture, mask = pasted(picture, person, np.array([[scale, 0, left - scale * x], [0, scale, top - scale * y]]))
    return picture, np.array(cv2.boundingRect((mask > 127).astype(np.uint8)), float)


def followed(film: Film, tracker: Tracker) -> Iterator[dict[int, np.ndarray]]:
    """Boxes by their tracks' numbers, a picture at a time."""
    for picture in film.pictures:
        if picture is None:
            tracker.skipped()
            yield {}
        else:
            yield {number: extent_of(one) for number, one in tracker(picture).items()}


def track_of(boxes: list[dict[int, np.ndarray]], truth: np.ndarray) -> int | None:
    """The track that mostly follows somebody with boxes `truth` (F, 4) in these pictures; None where none does."""
    votes: dict[int, int] = {}
    for own, wanted in zip(boxes, truth, strict=True):
        for number, box in own.items():
            if box_overlap(box, wanted) >= FOLLOWED:
                votes[number] = votes.get(number, 0) + 1
    best = max(votes, key=votes.get, default=None)
    return best if best is not None and votes[best] > len(truth) / 2 else None


@dataclass
class Identity:
    """Over the people of films: how many had a track at first, how many still have the same at the end, another, or
    none; and tracks that follow nobody."""

    begun: int = 0
    kept: int = 0
    exchanged: int = 0
    lost: int = 0
    extra: int = 0

    def take(self, film: Film, boxes: list[dict[int, np.ndarray]]) -> None:
        firsts = [track_of(boxes[:ENDS], film.boxes[:ENDS, one]) for one in range(2)]
        lasts = [track_of(boxes[-ENDS:], film.boxes[-ENDS:, one]) for one in range(2)]
        for first, last in zip(firsts, lasts, strict=True):
            if first is None:
                continue
            self.begun += 1
            self.kept += last == first
            self.lost += last is None
            self.exchanged += last is not None and last != first
        self.extra += len({number for own in boxes for number in own} - {*firsts, *lasts})


def page(split: str, films: int, threads: int) -> str:
    human2d, finder = Human2D(device="cpu", threads=threads), Finder("cpu", threads)
    rows = []
    for kind, name in KINDS.items():
        for most, whom in ((None, "everybody"), (1, "one")):
            identity = Identity()
            for seed in range(films):
                film = compose_film(split, kind, seed)
                identity.take(film, list(followed(film, Tracker(human2d, finder, most))))
            kept = identity.kept / identity.begun if identity.begun else float("nan")
            rows.append([name, whom, identity.begun, kept, identity.exchanged, identity.lost, identity.extra])
    header = ["", "followed", "people", "stay who they are", "exchanged", "not found again", "tracks of nobody else"]
    return (
        "# Staying who they are\n\n"
        f"`python -m body_from_image.training evaluate-tracking --films {films}`, {load()}. {films} composed films of "
        f"{PICTURES} pictures for each row, of two of the {split} split's fashion photos' people: who has a track in "
        "the first "
        f"{ENDS} pictures, and whether the same follows them in the last {ENDS}. Hidden and unreadable: for {LOST} "
        "pictures.\n\n" + table(header, rows)
    )


def main(arguments: list[str]) -> None:
    count = Count("--films", 20, "of each kind")
    write_page(arguments, "evaluate-tracking", __doc__.splitlines()[0], count, REPORT, page)
