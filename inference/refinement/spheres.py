"""Limbs must not pass through each other: spheres along the bones, and the pairs of them that may not overlap.

SMPLify approximates the body by capsules and these by spheres (Bogo et al. 2016, §3.1). Ours are inscribed: each
touches the skin of the resting body and leaves the thickness of flesh beyond it free to be pressed.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from ..body.body_model import BodyModel
from ..geometry.joints import JOINT_NAMES

SPHERE_LIMBS = {
    "upper_arm": ("shoulder", "elbow", (0.35, 0.65, 1.0)),
    "forearm": ("elbow", "wrist", (0.35, 0.65, 1.0)),
    "hand": ("wrist", "hand", (0.8,)),
    "thigh": ("hip", "knee", (0.3, 0.5, 0.75, 1.0)),
    "shin": ("knee", "ankle", (0.25, 0.5, 0.75, 1.0)),
    "foot": ("ankle", "foot", (0.6,)),
}
"""Where spheres sit along a limb: shares of the way from its first joint to its last."""
TRUNK = ((0.1, 0.35), (0.35, 0.4), (0.6, 0.45), (0.8, 0.45))
"""Trunk: share of the way up from the hips to the shoulders, and out from the middle to the side."""
TOUCHING = {
    frozenset(pair) for pair in (
        ("trunk", "upper_arm"), ("trunk", "thigh"), ("trunk", "head"), ("upper_arm", "forearm"), ("forearm", "hand"),
        ("thigh", "shin"), ("shin", "foot"), ("head", "upper_arm"), ("upper_arm", "hand"),
    )
}  # fmt: skip
"""Parts of one side that meet, or may be pressed together, whatever the pose."""


@dataclass(frozen=True)
class Spheres:
    """Q spheres whose centres are weighted sums of the joints."""

    centres: np.ndarray
    """(Q, 24) rows that sum to 1."""
    radii: np.ndarray
    """(Q,) metres."""
    pairs: np.ndarray
    """(M, 2) spheres that may not overlap."""

    @classmethod
    def of(cls, body: BodyModel, betas: np.ndarray) -> "Spheres":
        """Spheres in a body of shape `betas` (S,)."""
        centres, apart = _lay_out()
        joints = body.rest_joints(betas[None])[0].astype(np.float64)
        vertices = body.rest_vertices(betas[None])[0].astype(np.float64)
        places = centres @ joints
        squares = (places**2).sum(1)[:, None] + (vertices**2).sum(1) - 2 * places @ vertices.T
        radii = np.sqrt(np.maximum(squares.min(1), 0))
        rest = np.linalg.norm(places[apart[:, 0]] - places[apart[:, 1]], axis=1)
        return cls(centres, radii, apart[rest > radii[apart].sum(1)])

    def overlaps(self, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which pairs (A,) overlap for joints (24, 3), how deep (A,) metres, and the directions (A, 3) from each
        second sphere to the first."""
        places = self.centres @ joints
        apart = places[self.pairs[:, 0]] - places[self.pairs[:, 1]]
        distance = np.linalg.norm(apart, axis=1)
        depth = self.radii[self.pairs].sum(1) - distance
        which = np.flatnonzero(depth > 0)
        return which, depth[which], apart[which] / np.maximum(distance[which, None], 1e-6)


def _touching(a: tuple[str, str], b: tuple[str, str]) -> bool:
    same_side = a[0] == b[0] or "" in (a[0], b[0])
    return same_side and (a[1] == b[1] or frozenset((a[1], b[1])) in TOUCHING)


@cache
def _lay_out() -> tuple[np.ndarray, np.ndarray]:
    """The centres of the spheres as sums of joints (Q, 24), and the pairs (M, 2) whose parts do not meet."""
    joint = dict(zip(JOINT_NAMES, np.eye(len(JOINT_NAMES)), strict=True))
    parts, centres = [], []
    for side in ("left", "right"):
        for part, (first, last, shares) in SPHERE_LIMBS.items():
            start, end = joint[f"{side}_{first}"], joint[f"{side}_{last}"]
            centres += [start * (1 - share) + end * share for share in shares]
            parts += [(side, part)] * len(shares)
        for up, out in TRUNK:
            middle, at_side = (
                sum(joint[f"{who}_hip"] * (1 - up) + joint[f"{who}_shoulder"] * up for who in sides) / len(sides)
                for sides in (("left", "right"), (side,))
            )
            centres.append(middle * (1 - out) + at_side * out)
            parts.append(("", "trunk"))
    # The head joint is at the base of the skull; twice the way from the neck is about its middle.
    centres.append(1.7 * joint["head"] - 0.7 * joint["neck"])
    parts.append(("", "head"))
    apart = [pair for pair in combinations(range(len(parts)), 2) if not _touching(*(parts[one] for one in pair))]
    return np.stack(centres), np.array(apart)
