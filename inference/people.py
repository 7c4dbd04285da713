"""Several people before one camera: each was placed by their own picture, and no two may stand in one place."""

from collections.abc import Sequence

import numpy as np

from .body.assembly import Motion, with_parameters
from .body.body_estimate import BodyEstimate
from .body.body_model import BodyModel
from .geometry.joints import JOINT_INDEX, JOINT_PARENTS

APART = 0.15
"""Metres between the middles of two people's limbs or trunks, the thinner of which has about half of that."""
TRUNK = 0.26
"""Metres between the middles of two trunks."""
FARTHEST = 0.08
"""Share of somebody's distance from the camera that they may be moved by: as well as a picture tells it."""
ROUNDS = 8
_TRUNK_BONES = [JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3", "neck")]


def stand_apart(body: BodyModel, people: Sequence[BodyEstimate]) -> list[BodyEstimate]:
    """Single pictures' estimates of people (of one camera), moved to and from the camera, each along the line of sight
    of their pelvis, until nobody's limbs or trunk are in anybody else's, as far as `FARTHEST` allows.

    A picture shows where people are across it to a centimetre, and how far to a tenth: so it is the distance that
    gives way, the nearer one coming nearer and the farther one going back.
    """
    if len(people) < 2:
        return list(people)
    joints = [person.joints_3d[0].astype(np.float64) for person in people]
    scale = np.ones(len(people))
    for _ in range(ROUNDS):
        moved = False
        for a in range(len(people)):
            for b in range(a + 1, len(people)):
                lacking = _lacking(scale[a] * joints[a][0] - joints[a][0] + joints[a],
                                   scale[b] * joints[b][0] - joints[b][0] + joints[b])  # fmt: skip
                if lacking <= 0:
                    continue
                near, far = sorted((a, b), key=lambda one: scale[one] * joints[one][0, 2])
                step = 0.5 * lacking / np.array([joints[near][0, 2], joints[far][0, 2]])
                before = scale[[near, far]]
                scale[near] = max(scale[near] - step[0], 1 - FARTHEST)
                scale[far] = min(scale[far] + step[1], 1 + FARTHEST)
                moved |= not np.array_equal(before, scale[[near, far]])
        if not moved:
            break
    return [person if one == 1 else _at(body, person, one) for person, one in zip(people, scale, strict=True)]


def _lacking(a: np.ndarray, b: np.ndarray) -> float:
    """By how many metres two skeletons (24, 3) come too near to each other."""
    worst = 0.0
    for bones_a, bones_b, room in ((slice(1, None),) * 2 + (APART,), (_TRUNK_BONES,) * 2 + (TRUNK,)):
        first, second = (0.5 * (one[bones] + one[JOINT_PARENTS[bones]]) for one, bones in ((a, bones_a), (b, bones_b)))
        distances = np.linalg.norm(first[:, None] - second[None], axis=-1)
        worst = max(worst, room - float(distances.min()))
    return worst


def _at(body: BodyModel, person: BodyEstimate, scale: float) -> BodyEstimate:
    """The same person with their pelvis `scale` times as far from the camera."""
    pelvis = body.rest_joints(person.betas[None])[0, 0]
    trans = scale * (pelvis + person.trans) - pelvis
    return with_parameters(person, body, Motion(person.poses, person.betas, trans))
