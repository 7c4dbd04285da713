"""The Correct mode without Blender: where keypoints lie on the screen, which one the mouse means, what a key does."""

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from ..inference.body.correction import MIN_CERTAIN, Correction
from ..inference.geometry.joints import KEYPOINT_PARENTS

PICK_RADIUS = 14.0
"""Pixels of the screen, at a scale of 1, within which the mouse means a keypoint."""
DOUBTFUL = 0.4
"""Confidence below which a keypoint was guessed."""


class Look(Enum):
    """How a keypoint is drawn: colour (RGBA) and a shape, so that nobody needs to tell colours apart."""

    CERTAIN = ((0.25, 0.9, 0.35, 1.0), "circle")
    UNCERTAIN = ((1.0, 0.8, 0.1, 1.0), "diamond")
    GUESSED = ((1.0, 0.3, 0.2, 1.0), "triangle")
    CORRECTED = ((0.2, 0.75, 1.0, 1.0), "square")
    HIDDEN = ((0.6, 0.6, 0.6, 1.0), "cross")

    @property
    def color(self) -> tuple[float, float, float, float]:
        return self.value[0]

    @property
    def shape(self) -> str:
        return self.value[1]


def look_of(correction: Correction, confidence: float) -> Look:
    """How a keypoint looks by what was said of it and how sure the networks were."""
    if correction.seen is False:
        return Look.HIDDEN
    if not correction.says_nothing:
        return Look.CORRECTED
    if confidence >= MIN_CERTAIN:
        return Look.CERTAIN
    return Look.UNCERTAIN if confidence >= DOUBTFUL else Look.GUESSED


def outline_of(shape: str, radius: float) -> np.ndarray:
    """A shape's corners (N, 2) about (0, 0), y up, closed by whoever draws it; a cross is two lines of two points."""
    if shape == "cross":
        return radius * np.array([(-1, -1), (1, 1), (-1, 1), (1, -1)], float)
    corners, first = {"circle": (16, 0.5), "diamond": (4, 0.5), "square": (4, 0.25), "triangle": (3, 0.5)}[shape]
    angles = np.pi * first + 2 * np.pi * np.arange(corners) / corners
    return radius * np.stack([np.cos(angles), np.sin(angles)], 1)


@dataclass(frozen=True)
class PhotoOnScreen:
    """Where a photo lies in a region: the region's pixels (y up) of the photo's pixel (0, 0), and how many a pixel
    takes; the second is negative, as photos count down."""

    origin: tuple[float, float]
    scale: tuple[float, float]

    @classmethod
    def between(cls, first: np.ndarray, last: np.ndarray, size: tuple[int, int]) -> "PhotoOnScreen":
        """From where the first and the last pixel's centres (2,) of a photo of `size` (width, height) lie."""
        scale = (np.asarray(last, float) - first) / (np.array(size) - 1)
        return cls(tuple(float(value) for value in first), tuple(float(value) for value in scale))

    def to_screen(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels of the photo (..., 2) as pixels of the region."""
        return np.asarray(self.origin) + np.asarray(pixels, float) * self.scale

    def to_photo(self, point: tuple[float, float]) -> tuple[float, float]:
        """A point of the region as a place in the photo."""
        x, y = (np.asarray(point, float) - self.origin) / self.scale
        return float(x), float(y)


def picked(points: np.ndarray, mouse: tuple[float, float], scale: float = 1.0) -> int | None:
    """The keypoint nearest to the mouse among `points` (25, 2) on the screen; None where none is near enough."""
    apart = np.linalg.norm(points - np.asarray(mouse, float), axis=1)
    nearest = int(apart.argmin())
    return nearest if apart[nearest] <= PICK_RADIUS * scale else None


class Action(Enum):
    """What a key does, with the sentence of it in the status bar."""

    KEEP = "Enter: keep"
    RESTORE = "Esc: cancel"
    HIDE = "H: hidden"
    CONFIRM = "C: confirm"
    NEARER = "+: nearer"
    FARTHER = "−: farther"
    FLIP = "F: flip"
    EXCHANGE = "X: swap left and right"
    EXCHANGE_ALL = "Shift X: swap all"
    RESET = "R: reset"
    RESET_ALL = "Shift R: reset all"
    TAKE_BACK = "Ctrl Z: undo"


HINT = "  ·  ".join(["Drag a keypoint", *(action.value for action in Action)])
WITHOUT_KEYPOINT = (Action.EXCHANGE_ALL, Action.RESET_ALL, Action.TAKE_BACK, Action.KEEP, Action.RESTORE)
"""Actions that need no keypoint under the mouse."""
_KEYS = {
    "H": Action.HIDE, "C": Action.CONFIRM, "X": Action.EXCHANGE, "F": Action.FLIP, "R": Action.RESET,
    "WHEELUPMOUSE": Action.NEARER, "NUMPAD_PLUS": Action.NEARER, "PLUS": Action.NEARER, "EQUAL": Action.NEARER,
    "WHEELDOWNMOUSE": Action.FARTHER, "NUMPAD_MINUS": Action.FARTHER, "MINUS": Action.FARTHER,
    "RET": Action.KEEP, "NUMPAD_ENTER": Action.KEEP, "ESC": Action.RESTORE,
}  # fmt: skip
_NAVIGATION = {
    "MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "LEFT_ARROW", "RIGHT_ARROW", "UP_ARROW", "DOWN_ARROW", "SPACE",
    "HOME", "INBETWEEN_MOUSEMOVE",
}  # fmt: skip
_WITH_SHIFT = {"X": Action.EXCHANGE_ALL, "R": Action.RESET_ALL, "EQUAL": Action.NEARER, "PLUS": Action.NEARER}


def action_of(key: str, shift: bool = False, ctrl: bool = False) -> Action | None:
    """What a key of Blender's (`Event.type`) does; None for one that is not ours."""
    if ctrl:
        return Action.TAKE_BACK if key == "Z" and not shift else None
    return _WITH_SHIFT.get(key) if shift else _KEYS.get(key)


def navigates(key: str) -> bool:
    """Whether a key moves the view or goes to another frame, which the mode leaves to Blender."""
    return key in _NAVIGATION or key.startswith(("TRACKPAD", "NUMPAD", "NDOF", "TIMER", "WINDOW"))


def corrected_by(action: Action, said: Correction) -> Correction:
    """What is said of a keypoint after a key was pressed over it."""
    if action is Action.HIDE:
        return replace(said, seen=None if said.seen is False else False, place=None)
    if action is Action.CONFIRM:
        return replace(said, seen=None if said.seen else True)
    if action in (Action.EXCHANGE, Action.EXCHANGE_ALL):
        return replace(said, exchange=not said.exchange)
    if action is Action.FLIP:
        return replace(said, flip=True)
    if action is Action.RESET:
        return Correction(said.keypoint, frame=said.frame)
    step = 1 if action is Action.NEARER else -1
    hangs = KEYPOINT_PARENTS[said.index] >= 0
    return replace(said, nearer=int(np.clip(said.nearer + step, -1, 1)) if hangs else 0)


def told(said: Correction, look: Look) -> str:
    """What is written beside the keypoint under the mouse."""
    words = [said.keypoint.replace("_", " "), look.name.lower()]
    if said.nearer:
        words.append("nearer" if said.nearer > 0 else "farther")
    if said.exchange:
        words.append("left and right exchanged")
    return ", ".join(words)
