"""What it is worth to correct a limb, where the truth is known in space: people of held-out mocap clips, whose
keypoints are spoilt as Human2D's are."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import CAMERA_FROM_SMPL, BodyEstimate
from ...inference.body.body_model import BodyModel
from ...inference.body.correction import Correction
from ...inference.correction.by_hand import order_in_depth
from ...inference.correction.correct import correct_estimate
from ...inference.correction.local import projected
from ...inference.engine import Engine
from ...inference.errors import NoPersonError
from ...inference.geometry.joints import JOINT_INDEX, KEYPOINT_INDEX, KEYPOINT_PARENTS
from ...inference.refinement.refine import evidence_of, parameters_of
from ..lifting.frames import keypoints_in_space
from ..measure.metrics import similarity_aligned
from ..measure.photos3d import LIMB_NAMES
from ..people.instances import VIEW, People, true_keypoints
from ..priors.corruption import CORRUPTION, corrupt
from ..priors.detector_errors import torso_length

PICTURE, PERSON = 1000, 700
"""Sides in pixels of the square picture, and of the person in it."""
WRONG = 0.2
"""Share of the torso from which a projected keypoint counts as wrong, as in PCK."""
LIMBS = {"arm": ("elbow", "wrist"), "leg": ("knee", "ankle")}
_JOINTS = [JOINT_INDEX[name] for name in LIMB_NAMES]


@dataclass(frozen=True)
class SeenPerson:
    """Somebody of a clip: true `keypoints` (25, 2) in the picture, true `points` (25, 3) and `joints` (24, 3) in the
    camera's frame, and the engine's `estimate` of the spoilt keypoints."""

    keypoints: np.ndarray
    points: np.ndarray
    joints: np.ndarray
    estimate: BodyEstimate


def seen_people(engine: Engine, split: str, count: int, seed: int = 5) -> Iterator[SeenPerson]:
    """People of a split's clips in whom the engine found a body. Raises PackMissing."""
    rng = np.random.default_rng(seed)
    made = People(engine.body, split, widen=False).draw(count, rng)
    places = true_keypoints(made)
    spoilt = corrupt(places, rng, CORRUPTION)
    points, joints = (one @ CAMERA_FROM_SMPL.T for one in (keypoints_in_space(made), made.joints))
    for number in range(count):
        scale = PERSON / np.ptp(places[number], axis=0).max()
        middle = (PICTURE - 1) / 2
        found = np.column_stack([spoilt[number, :, :2] * scale + middle, spoilt[number, :, 2]]).astype(np.float32)
        try:
            result = engine.estimate_from_keypoints(found, (PICTURE, PICTURE), Path("clip"), VIEW.focal * scale)
        except NoPersonError:
            continue
        yield SeenPerson(places[number] * scale + middle, points[number], joints[number], result.estimate)


def worst_limb(body: BodyModel, person: SeenPerson) -> tuple[str, str] | None:
    """Names of the two far keypoints of the limb that is farthest off in the picture; None when none is wrong."""
    found = person.estimate
    pixels = projected(body, parameters_of(body, found), evidence_of(found))
    apart = np.linalg.norm(pixels - person.keypoints, axis=1) / torso_length(person.keypoints[None])[0]
    limbs = [tuple(f"{side}_{end}" for end in ends) for side in ("left", "right") for ends in LIMBS.values()]
    off, limb = max((max(apart[KEYPOINT_INDEX[name]] for name in limb), limb) for limb in limbs)
    return limb if off > WRONG else None


def said(person: SeenPerson, limb: tuple[str, str], order: bool) -> list[Correction]:
    """Both keypoints of a limb put where they are; with `order`, also whether each is nearer or farther than the joint
    that it hangs on, where a person would see it."""
    corrections = []
    for name in limb:
        number = KEYPOINT_INDEX[name]
        nearer = order_in_depth(person.points[number], person.points[KEYPOINT_PARENTS[number]]) if order else 0
        corrections.append(Correction(name, tuple(float(value) for value in person.keypoints[number]), nearer))
    return corrections


def limb_errors(person: SeenPerson, estimate: BodyEstimate, limb: tuple[str, str]) -> tuple[float, float]:
    """Mean error in mm of a limb's two far joints: pelvis-aligned, and with the limbs aligned by similarity."""
    found, rows = estimate.joints_3d[0].astype(float), [JOINT_INDEX[name] for name in limb]
    about = (found - found[0])[rows] - (person.joints - person.joints[0])[rows]
    truth = similarity_aligned(person.joints[_JOINTS][None].astype(float), found[_JOINTS][None])[0]
    aligned = (truth - found[_JOINTS])[[LIMB_NAMES.index(name) for name in limb]]
    return tuple(1e3 * float(np.linalg.norm(one, axis=1).mean()) for one in (about, aligned))


def in_clips(engine: Engine, split: str, count: int) -> dict[str, list[float]]:
    """Errors of the worst limb before and after it was corrected, of those people who have a wrong one."""
    figures = defaultdict(list)
    for person in seen_people(engine, split, count):
        limb = worst_limb(engine.body, person)
        if limb is None:
            continue
        for name, order in (("before", None), ("after", False), ("after, and nearer", True)):
            found = person.estimate
            if order is not None:
                found, _ = correct_estimate(engine.body, found, said(person, limb, order))
            for metric, error in zip(("MPJPE", "PA-MPJPE"), limb_errors(person, found, limb), strict=True):
                figures[f"clips: wrong limb, {metric} {name}"].append(error)
    return figures
