"""Numbered pictures: where in time each is, by its name."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

LONGEST_GAP = 300
"""Pictures that may be missing between two of a sequence; names whose numbers differ by more count something else."""


def places_by_number(pictures: Sequence[Path]) -> np.ndarray | None:
    """How many steps (N,) pictures of one folder are after the first, whose names differ in their last number only and
    count up; a step is what all their distances are multiples of. None for others, and across too long a gap."""
    numbers = last_numbers(pictures)
    if numbers is None:
        return None
    steps = np.diff(numbers)
    if steps.min() < 1 or (steps // np.gcd.reduce(steps)).max() > LONGEST_GAP:
        return None
    return (np.array(numbers) - numbers[0]) // np.gcd.reduce(steps)


def last_numbers(pictures: Sequence[Path]) -> list[int] | None:
    """The last numbers of pictures' names; None where these differ in more than that."""
    matches = [re.fullmatch(r"(.*?)(\d+)", picture.stem) for picture in pictures]
    if len(pictures) < 2 or not all(matches):
        return None
    if len({(match[1], picture.parent) for match, picture in zip(matches, pictures, strict=True)}) > 1:
        return None
    return [int(match[2]) for match in matches]
