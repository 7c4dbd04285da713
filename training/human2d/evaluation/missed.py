"""Why somebody in a composed crowd is missed: `python -m body_from_image.training evaluate-missed`.

On the calibration split, since what is learnt here is used: the finder and the looks are mended by it.
"""

from collections import Counter
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ....inference.networks.everybody import Seen, candidates, everybody_of, looks_at
from ....inference.networks.finder import Candidate, Finder
from ....inference.networks.human2d import Human2D
from ....inference.networks.person import MIN_CANDIDATE, box_overlap, is_person, windows_of_parts
from ...measure.timing import load
from .answers import Eyes
from .crowds import FOUND, VISIBLE, Crowd, compose_crowds, either_overlap, matches
from .page_command import Count, write_page
from .report import table

REPORT = Path(__file__).parents[3] / "docs" / "training" / "people_missed.md"
MOSTLY = 0.75
"""Share of somebody that is seen, below which they count as half hidden."""
CAUSES = (
    "the finder proposes nobody there", "proposed with too low a score", "taken for a neighbour by the finder",
    "nobody there, says Human2D", "found, but doubtful: scores and agreement are too low", "the look sees a neighbour",
    "the look's box is off", "taken for somebody seen already",
)  # fmt: skip
NOT_PROPOSED, LOW, MERGED, REFUSED, DOUBTFUL, NEIGHBOUR, BOX, SAME = CAUSES


def causes_in(eyes: Eyes, crowd: Crowd) -> dict[int, str]:
    """Why those of a crowd who are missed are, by their places in `wanted`."""
    looks = list(looks_at(crowd.picture, eyes.human2d, candidates(crowd.picture, eyes.finder)))
    found = everybody_of(looks).found
    matched = matches(crowd, np.array([one.box for one in found]).reshape(-1, 4))
    missed = [number for number in range(len(crowd.wanted)) if number not in matched]
    return {number: _cause(eyes, crowd, number, looks, found) for number in missed}


def _cause(eyes: Eyes, crowd: Crowd, number: int, looks: list[Seen], found: list[Seen]) -> str:
    own = [look for look in looks if is_theirs(look.candidate.box, crowd, number)]
    if not own:
        proposed = [one.score for one in proposals(eyes.finder, crowd) if is_theirs(one.box, crowd, number)]
        return NOT_PROPOSED if not proposed else LOW if max(proposed) < MIN_CANDIDATE else MERGED
    look = max(own, key=lambda one: either_overlap(one.box, crowd.wanted[number]))
    overlap = either_overlap(look.box, crowd.wanted[number])
    if not is_person(look.detection):
        return REFUSED
    if overlap < FOUND:
        return NEIGHBOUR if max(box_overlap(look.box, one) for one in crowd.all) > overlap else BOX
    return SAME if any(look.same(one) for one in found) else DOUBTFUL


def is_theirs(box: np.ndarray, crowd: Crowd, number: int) -> bool:
    """Whether a box is about somebody in a crowd, more than about others of those to find."""
    overlaps = [either_overlap(box, wanted) for wanted in crowd.wanted]
    return overlaps[number] >= max(FOUND, *overlaps)


def proposals(finder: Finder, crowd: Crowd) -> list[Candidate]:
    """All that the finder proposes in the whole picture and in its halves."""
    halves = windows_of_parts(*crowd.picture.shape[1::-1], 2)
    return finder.proposals(crowd.picture) + finder.proposals(crowd.picture, halves)


def page(split: str, each: int, threads: int) -> str:
    eyes = Eyes(Human2D(device="cpu", threads=threads), Finder("cpu", threads))
    crowds = [crowd for pictures in compose_crowds(split, each).values() for crowd in pictures]
    causes: Counter[tuple[str, bool]] = Counter()
    for crowd in tqdm(crowds, "crowds", disable=None):
        causes.update((cause, crowd.shares[number] < MOSTLY) for number, cause in causes_in(eyes, crowd).items())
    wanted, missed = sum(len(crowd.wanted) for crowd in crowds), sum(causes.values())
    rows = [[cause, causes[cause, False], causes[cause, True]] for cause in CAUSES]
    return (
        "# Who is missed, and why\n\n"
        f"`python -m body_from_image.training evaluate-missed --each {each} --threads {threads}`, {load()}. "
        f"Of {wanted} people to find in composed crowds of the {split} split, 2 to 7 in a picture, {missed} are missed "
        f"({missed / wanted:.3f}); whoever is hidden by more than {1 - VISIBLE:.0%} does not count.\n\n"
        + table(["", "missed", f"missed, of whom less than {MOSTLY:.0%} is seen"], rows)
    )


def main(arguments: list[str]) -> None:
    each = Count("--each", 6, "pictures of each number of people")
    write_page(arguments, "evaluate-missed", __doc__.splitlines()[0], each, REPORT, page, "calibration")
