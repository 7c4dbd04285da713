"""Postures that the mocap lacks: sitting, squatting, kneeling, on all fours, lying, upside down.

Each is a range for the legs and the root, sometimes for the arms; the rest of the body keeps its own mocap pose. In
SMPL's frame, about x, a thigh bends forward by a negative angle and a knee bends by a positive one; about z, a left leg
or arm is raised sideways by a positive angle, and a right one by a negative.
"""

from dataclasses import dataclass

import numpy as np

from ...inference.geometry.joints import JOINT_INDEX
from ...inference.geometry.rotations import axis_angle_to_matrix

Range = tuple[float, float]


@dataclass(frozen=True)
class Posture:
    """Ranges in degrees, uniform; None leaves the mocap pose. Each leg and arm is drawn by itself."""

    lean: Range
    """The trunk forwards: 0 upright, 90 face down, -90 face up, 180 upside down."""
    tilt: Range = (-8, 8)
    """The trunk to its side."""
    bend: Range | None = None
    """Thighs forwards."""
    spread: Range = (-5, 25)
    """Thighs outwards."""
    twist: Range = (-15, 25)
    """Thighs about themselves, outwards."""
    knee: Range = (0, 10)
    raise_arms: Range | None = None
    """Upper arms from the T-pose up."""
    reach: Range = (0, 0)
    """Upper arms from the T-pose forwards."""
    weight: float = 1.0


POSTURES = (
    Posture(lean=(-20, 25), bend=(65, 110), knee=(55, 120), weight=2),  # on a chair
    Posture(lean=(-20, 20), bend=(65, 110), spread=(0, 35), knee=(0, 125)),  # on the ground
    Posture(lean=(-10, 25), bend=(75, 105), spread=(15, 50), twist=(25, 65), knee=(85, 135)),  # cross-legged
    Posture(lean=(0, 45), bend=(75, 130), spread=(0, 40), knee=(85, 145)),  # squatting
    Posture(lean=(-15, 25), bend=(-10, 60), spread=(-5, 15), knee=(85, 145)),  # kneeling
    Posture(lean=(-10, 30), bend=(-25, 100), spread=(-5, 15), knee=(10, 130)),  # on one knee, lunging
    Posture(
        lean=(60, 105), bend=(45, 110), spread=(-5, 20), knee=(30, 110), raise_arms=(-25, 25), reach=(50, 100)
    ),  # on all fours
    Posture(lean=(70, 110)),  # lying on the belly
    Posture(lean=(-110, -70), weight=2),  # on the back
    Posture(lean=(-20, 20), tilt=(65, 110)),  # on the side
    Posture(lean=(150, 210), bend=(-30, 60), knee=(0, 60), raise_arms=(50, 95), reach=(-10, 50)),  # handstand
    Posture(lean=(110, 250)),  # upside down
)
_WEIGHTS = np.array([posture.weight for posture in POSTURES]) / sum(posture.weight for posture in POSTURES)


def take_postures(rotations: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Rotations (B, 24, 3, 3) with the `share` of them in a posture drawn from `POSTURES`."""
    rotations = rotations.copy()
    kind = np.where(rng.random(len(rotations)) < share, rng.choice(len(POSTURES), len(rotations), p=_WEIGHTS), -1)
    for number, posture in enumerate(POSTURES):
        rows = np.flatnonzero(kind == number)
        if len(rows):
            rotations[rows] = pose_as(rotations[rows], posture, rng)
    return rotations


def pose_as(rotations: np.ndarray, posture: Posture, rng: np.random.Generator) -> np.ndarray:
    """Rotations (B, 24, 3, 3), changed in place to people in one posture."""
    count = len(rotations)

    def draw(bounds: Range) -> np.ndarray:
        return np.deg2rad(rng.uniform(*bounds, count))

    tilt = draw(posture.tilt) * np.where(rng.random(count) < 0.5, -1, 1)
    rotations[:, 0] = about("z", tilt) @ about("x", draw(posture.lean))
    for side, outwards in (("left", 1), ("right", -1)):
        if posture.bend:
            hip = about("z", outwards * draw(posture.spread)) @ about("x", -draw(posture.bend))
            rotations[:, JOINT_INDEX[f"{side}_hip"]] = hip @ about("y", outwards * draw(posture.twist))
            rotations[:, JOINT_INDEX[f"{side}_knee"]] = about("x", draw(posture.knee))
        if posture.raise_arms:
            arm = about("y", -outwards * draw(posture.reach)) @ about("z", outwards * draw(posture.raise_arms))
            rotations[:, JOINT_INDEX[f"{side}_shoulder"]] = arm
    return rotations


def about(axis: str, angle: np.ndarray) -> np.ndarray:
    """Rotations (B, 3, 3) about x, y or z by angles (B,) in radians."""
    return axis_angle_to_matrix(np.eye(3)["xyz".index(axis)] * angle[:, None])
