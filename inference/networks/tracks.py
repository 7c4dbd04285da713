"""Somebody in a film: as they were seen in one picture, and as they are followed through all."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from .colours import colour_distance, colours_of
from .everybody import same_pose
from .human2d import Detection
from .person import extent_of, prompt_of

COLOUR_RATE = 0.1
"""Of what somebody's colours are now, in what they are taken to be."""
PATIENCE = 90
"""Pictures for which somebody lost is waited for."""
LONGEST_MOVE = 10
"""Pictures for which somebody lost is taken to go on as they went."""
STEADY, GROWING = 0.5, 0.3
"""Of the last step, in the speed that somebody is taken to have; and of their size now, in what it is taken to be."""


@dataclass(frozen=True)
class Sighting:
    """Somebody seen in a picture: what Human2D saw, their box (4,), and the shares of colours of their silhouette."""

    detection: Detection
    box: np.ndarray
    colours: np.ndarray

    @classmethod
    def of(cls, detection: Detection, photo: np.ndarray) -> "Sighting":
        return cls(detection, extent_of(detection), colours_of(detection, photo))

    @property
    def center(self) -> np.ndarray:
        """The middle of their box."""
        return self.box[:2] + self.box[2:] / 2

    def same(self, others: Iterable["Sighting"]) -> bool:
        """Whether one of the others is the same person."""
        return any(same_pose(self.detection, other.detection, (self.box, other.box)) for other in others)


@dataclass
class Track:
    """Somebody who is followed: how they were seen last, the speed of their box's centre, and for how many pictures
    they have not been seen."""

    number: int
    last: Sighting
    colours: np.ndarray = field(init=False)
    """Of them, lately, where nobody else was near."""
    size: float = field(init=False)
    """Root of their box's area, lately."""
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    seen: int = 0
    """In how many pictures."""
    lost: int = 0

    def __post_init__(self):
        self.colours, self.size = self.last.colours, size_of(self.last.box)

    @property
    def patience(self) -> int:
        """Pictures for which one of many is waited for: who was seen for a moment may have been nobody."""
        return min(PATIENCE, 3 * self.seen)

    @property
    def box(self) -> np.ndarray:
        """Where they were last; of somebody lost, moved on as they moved since."""
        return np.concatenate([self.last.box[:2] + self._moved, self.last.box[2:]])

    @property
    def prompt(self) -> np.ndarray:
        """How they stood, moved alike, (25, 3), as Human2D is told whom to look at."""
        prompt = prompt_of(self.last.detection)
        prompt[:, :2] += self._moved
        return prompt

    @property
    def center(self) -> np.ndarray:
        """Where the middle of their box should be by now."""
        return self.last.center + self.velocity * min(self.lost + 1, LONGEST_MOVE)

    @property
    def _moved(self) -> np.ndarray:
        return self.velocity * min(self.lost, LONGEST_MOVE)

    def saw(self, sighting: Sighting, alone: bool) -> None:
        """Take down where they are and, if nobody else is near, how they look."""
        step = (sighting.center - self.last.center) / (self.lost + 1)
        self.velocity = STEADY * step + (1 - STEADY) * self.velocity
        self.last, self.lost, self.seen = sighting, 0, self.seen + 1
        self.size += GROWING * (size_of(sighting.box) - self.size)
        if alone:
            self.colours = (1 - COLOUR_RATE) * self.colours + COLOUR_RATE * sighting.colours

    def distance(self, sighting: Sighting) -> float:
        """How differently somebody is coloured, 0 to 1."""
        return colour_distance(self.colours, sighting.colours)

    def as_large(self, box: np.ndarray, limit: float) -> bool:
        """Whether a box is as large as theirs, within a ratio."""
        return abs(np.log(size_of(box) / self.size)) <= np.log(limit)


def size_of(box: np.ndarray) -> float:
    """Root of a box's area, which two people in one box double, nearly, and one who stretches does not."""
    return float(np.sqrt(max(box[2] * box[3], 1.0)))
