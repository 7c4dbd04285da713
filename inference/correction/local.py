"""Put a limb where a person says that it is, and nothing else: a few steps of refinement in which only the limb moves.

The energy is that of anchored SMPLify (refinement/refine.py) over the joints that the corrected keypoints hang on. All
other joints, shape and camera stay as they are, so nothing is re-lifted, and a step of a drag takes some milliseconds
in Blender's own process: numpy alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..body.body_model import BodyModel
from ..geometry.joints import JOINT_INDEX, JOINT_NAMES, KEYPOINT_INDEX, KEYPOINT_NAMES
from ..geometry.least_squares import minimise
from ..refinement.parametric_body import Parameters
from ..refinement.refine import BodyEnergy, Evidence, body_depth, sparse_body
from ..refinement.some_unknowns import SomeUnknowns, joints_and_place
from ..refinement.spheres import Spheres
from ..refinement.terms import Weights

STEPS = 3
"""Steps of the solver that one movement of the mouse is worth."""
SETTLED = 20
"""Steps after which a body that was let go rests."""
SHORT = 0.005
"""Share of the picture's longer side by which a body may miss a corrected place before that is said: what a person
sees."""
_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_HEAD, _TRUNK = ("neck", "head"), ("spine1", "spine2", "spine3")
ARM_KEYPOINTS, LEG_KEYPOINTS = ("elbow", "wrist", "knuckles"), ("knee", "ankle", "heel", "big_toe")
HEAD_KEYPOINTS = ("head_top", "nose", "right_ear", "left_ear")


@dataclass(frozen=True)
class Part:
    """What moves when a keypoint is corrected: `joints` turn, and if `place` the whole body moves; `keypoints` (25,)
    bool are those that are its own and follow the evidence, while all others stay where the body has them."""

    joints: np.ndarray
    keypoints: np.ndarray
    place: bool = False

    def __or__(self, other: "Part") -> "Part":
        joints = np.union1d(self.joints, other.joints)
        return Part(joints, self.keypoints | other.keypoints, self.place or other.place)


def part_of(keypoint: str) -> Part:
    """The limb, the head, the upper body, or for hips and pelvis the whole body."""
    side, _, name = keypoint.partition("_")
    if name in ARM_KEYPOINTS:
        return _part([f"{side}_{joint}" for joint in _ARM], [f"{side}_{one}" for one in ARM_KEYPOINTS])
    if name in LEG_KEYPOINTS:
        return _part([f"{side}_{joint}" for joint in _LEG], [f"{side}_{one}" for one in LEG_KEYPOINTS])
    if keypoint in HEAD_KEYPOINTS:
        return _part(_HEAD, HEAD_KEYPOINTS)
    if keypoint in ("thorax", "upper_neck") or name == "shoulder":
        arms = [f"{side}_{joint}" for side in ("left", "right") for joint in ("collar", *_ARM)]
        return _part([*_TRUNK, *_HEAD, *arms], [keypoint])
    return replace(_part(JOINT_NAMES, [keypoint]), place=True)


def parts_of(keypoints: Iterable[str]) -> Part:
    """What moves when several are corrected at once."""
    part = _part((), ())
    for keypoint in keypoints:
        part = part | part_of(keypoint)
    return part


def _part(joints: Iterable[str], keypoints: Iterable[str]) -> Part:
    own = np.zeros(len(KEYPOINT_NAMES), bool)
    own[[KEYPOINT_INDEX[name] for name in keypoints]] = True
    return Part(np.array(sorted(JOINT_INDEX[name] for name in joints), int), own)


class PartEnergy(SomeUnknowns):
    """The energy of a body of which only a `Part` moves, a `least_squares.Problem` over that part's unknowns."""

    def __init__(self, body: BodyModel, before: Parameters, evidence: Evidence, part: Part):
        """`before` is the body that was corrected: the anchor, and where all that is not in `part` stays."""
        self.body = body
        held = held_evidence(body, before, evidence, part)
        metre = evidence.camera.focal / max(float(body_depth(body, before)), 0.2)
        spheres = Spheres.of(body, before.betas)
        whole = BodyEnergy(sparse_body(body), spheres, held, metre, Weights(), anchor=before)
        super().__init__(whole, joints_and_place(before, part.joints, part.place))

    def solve(self, start: Parameters, steps: int) -> tuple[Parameters, float]:
        """The body of least energy that some steps from `start` reach, and its energy."""
        found, energy, _ = minimise(self, start, steps)
        return found, energy


def held_evidence(body: BodyModel, before: Parameters, evidence: Evidence, part: Part) -> Evidence:
    """Evidence in which all keypoints that are neither certain nor the part's own are where `before` has them."""
    pixels = projected(body, before, evidence)
    certain = np.zeros(len(pixels), bool) if evidence.certain is None else evidence.certain
    others = ~part.keypoints & ~certain
    keypoints = evidence.keypoints.copy()
    keypoints[others] = np.column_stack([pixels, np.ones(len(pixels))])[others]
    ordinals = np.zeros((0, 3), int) if evidence.ordinals is None else evidence.ordinals
    return replace(evidence, keypoints=keypoints, certain=certain, ordinals=ordinals, outline=None)


def projected(body: BodyModel, parameters: Parameters, evidence: Evidence) -> np.ndarray:
    """The body's keypoints (25, 2) in pixels."""
    return evidence.camera.project(keypoint_places(body, parameters))


def keypoint_places(body: BodyModel, parameters: Parameters) -> np.ndarray:
    """The body's keypoints (25, 3) in the camera's frame."""
    sparse = sparse_body(body)
    return sparse.keypoints_from_points @ sparse.place(parameters).points


def missed(body: BodyModel, parameters: Parameters, evidence: Evidence) -> list[str]:
    """Corrected keypoints that the body does not reach."""
    if evidence.certain is None:
        return []
    apart = np.linalg.norm(projected(body, parameters, evidence) - evidence.keypoints[:, :2], axis=1)
    far = evidence.certain & (apart > SHORT * max(evidence.camera.size))
    return [KEYPOINT_NAMES[number] for number in np.flatnonzero(far)]


def said_of_missed(keypoints: list[str]) -> str:
    """A sentence on those that the body does not reach."""
    names = ", ".join(keypoint.replace("_", " ") for keypoint in keypoints)
    return f"The body does not reach where {names} should be: its bones are too short for that, or would not bend so."
