"""What else a picture may show: limbs mirrored in depth, and how plausible each such body is.

One picture shows where a bone lies, not whether it comes towards the camera or goes away from it: the ray of its end
meets the sphere about its beginning twice (Taylor 2000; Sminchisescu and Triggs 2003, "kinematic jump processes").
Everything is in the camera's OpenCV frame, metres.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..body.body_model import BodyModel
from ..body.pose_density import PoseDensity
from ..geometry.joints import JOINT_INDEX
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, shortest_turn, turn_vector
from .parametric_body import JOINTS, Parameters
from .refine import BodyEnergy, Evidence, body_depth, sparse_body
from .spheres import Spheres
from .terms import MIN_DEPTH, Weights

STRAIGHT, BENT = np.deg2rad(8.0), np.deg2rad(20.0)
"""Up to the first angle an elbow or a knee counts as straight: about which axis it bends says nothing, and the limb
need not be twisted for it. From the second on it is bent."""
DISTINCT = np.deg2rad(30.0)
"""Limbs none of whose bones a flip turns by more lie about in the picture's plane: that is no other hypothesis."""
LENIENT = np.deg2rad(15.0)
"""How far beyond its limits, which are coarse, a flip may turn a joint."""
SWAY = 0.06
"""Metres by which an elbow or a knee may leave its place in the picture when its limb is swung as a whole."""
BEAM = 8
"""Bodies that are kept while limb after limb is tried."""
NETWORK = 0.2
"""How much the network's own answer counts beside the other terms. With none, the others put a worse body first."""
UNCERTAINTY = 20.0
"""Degrees, of estimates that do not know how sure they are."""


@dataclass(frozen=True)
class Limb:
    """Two bones: from joint `upper` to `hinge`, and from there to `end`. `axis` (3,) is what the hinge bends about, in
    the upper bone's frame."""

    upper: int
    hinge: int
    end: int
    axis: np.ndarray

    @property
    def turned(self) -> list[int]:
        """The joints that a flip turns."""
        return [self.upper, self.hinge]

    @property
    def places(self) -> list[int]:
        """The joints where its bones begin and end."""
        return [self.upper, self.hinge, self.end]


def _limb(names: str, axis: tuple[float, float, float]) -> Limb:
    return Limb(*(JOINT_INDEX[name] for name in names.split()), np.array(axis))


FLIPPED_LIMBS = {
    "left_arm": _limb("left_shoulder left_elbow left_wrist", (0.0, -1.0, 0.0)),
    "right_arm": _limb("right_shoulder right_elbow right_wrist", (0.0, 1.0, 0.0)),
    "left_leg": _limb("left_hip left_knee left_ankle", (1.0, 0.0, 0.0)),
    "right_leg": _limb("right_hip right_knee right_ankle", (1.0, 0.0, 0.0)),
}
LOWER_PARTS = {name: name.replace("_arm", "_lower_arm").replace("_leg", "_lower_leg") for name in FLIPPED_LIMBS}
FLIPS = {
    **{name: (limb, True) for name, limb in FLIPPED_LIMBS.items()},
    **{LOWER_PARTS[name]: (limb, False) for name, limb in FLIPPED_LIMBS.items()},
}
"""What can be flipped: the limb, and whether its upper bone is flipped, too."""


@dataclass(frozen=True)
class Hypothesis:
    """A body that explains the picture. `flips` names the parts that were flipped, in order; none for the body that was
    given. `weight` is the softmax of the negative energies of all that were listed: a ranking among these, by terms
    that were weighed by hand, and no calibrated probability."""

    parameters: Parameters
    flips: tuple[str, ...]
    energy: float
    weight: float = 1.0

    @property
    def sentence(self) -> str:
        """What a person is told of it."""
        flips = ", ".join(part.replace("_", " ") for part in self.flips)
        return f"{flips} flipped in depth" if flips else "as it was"


def flipped(body: BodyModel, parameters: Parameters, part: str) -> Parameters | None:
    """The body with one of `FLIPS` flipped in depth, as bodies can: `mirrored`, else for a whole limb `swung`, if its
    picture is nearly the same; None where neither is possible, such as for a knee that would bend backwards.

    Doing it twice gives back the body, up to the twist of a limb that was straight, and where a bone could not reach
    its ray.
    """
    limb, whole = FLIPS[part]
    before = _places(body, parameters, limb)
    exact = mirrored(body, parameters, part)
    if _possible(parameters, exact, limb):
        return exact
    if not whole:
        return None
    near = swung(body, parameters, part)
    after = _places(body, near, limb)
    off = np.linalg.norm(after[:, :2] / after[:, 2:] - before[:, :2] / before[:, 2:], axis=1).max() * before[0, 2]
    return near if off < SWAY and _possible(parameters, near, limb) else None


def mirrored(body: BodyModel, parameters: Parameters, part: str) -> Parameters:
    """The body with one of `FLIPS` mirrored in depth, whether limbs bend so or not.

    Each bone's end stays on its ray, so the picture stays what it is; where the bone is too short to reach the ray, it
    comes as near as it can. The bones turn the shortest way, and then the upper one about itself until the hinge bends
    as it did, or as it can. Hand and foot follow.
    """
    limb, whole = FLIPS[part]
    placed = sparse_body(body).place(parameters)
    root, hinge, end = placed.points[limb.places]
    new_hinge = _on_ray(hinge, root, root, whole)
    new_end = _on_ray(end, hinge, new_hinge, True)
    above = placed.world[body.parents[limb.upper]]
    upper, lower = placed.world[limb.upper], placed.world[limb.hinge]
    new_upper = _upper_turn(limb, upper, (hinge - root, end - hinge), (new_hinge - root, new_end - new_hinge))
    # Seen from the upper bone, the lower one turns the shortest way, which for a hinge is about its axis.
    before, after = upper.T @ (end - hinge), new_upper.T @ (new_end - new_hinge)
    rotations = parameters.rotations.copy()
    rotations[limb.upper] = above.T @ new_upper
    rotations[limb.hinge] = shortest_turn(before, after) @ upper.T @ lower
    return replace(parameters, rotations=rotations)


def swung(body: BodyModel, parameters: Parameters, part: str) -> Parameters:
    """The body with a whole limb swung about its root until its end is mirrored in depth; its hinge stays as bent as it
    is, so it leaves its place in the picture by a little."""
    limb, _ = FLIPS[part]
    placed = sparse_body(body).place(parameters)
    root, _, end = placed.points[limb.places]
    above = placed.world[body.parents[limb.upper]]
    turn = shortest_turn(end - root, _on_ray(end, root, root, True) - root)
    rotations = parameters.rotations.copy()
    rotations[limb.upper] = above.T @ turn @ placed.world[limb.upper]
    return replace(parameters, rotations=rotations)


def bone_turn(body: BodyModel, before: Parameters, after: Parameters, part: str) -> float:
    """The larger angle, radians, by which one of the part's bones points elsewhere."""
    return _turn(*(_bones(body, one, FLIPS[part][0]) for one in (before, after)))


def _places(body: BodyModel, parameters: Parameters, limb: Limb) -> np.ndarray:
    """Where a limb's bones begin and end (3, 3)."""
    return sparse_body(body).place(parameters).points[limb.places]


def _bones(body: BodyModel, parameters: Parameters, limb: Limb) -> np.ndarray:
    """A limb's two bones (2, 3)."""
    return np.diff(_places(body, parameters, limb), axis=0)


def _possible(before: Parameters, after: Parameters, limb: Limb) -> bool:
    """Whether the limb's joints are within their limits, or not much further beyond than they were."""
    density = PoseDensity.load()
    beyond = [
        np.abs(density.beyond_limits(matrix_to_axis_angle(one.rotations[limb.turned]), limb.turned)).max()
        for one in (before, after)
    ]
    return beyond[1] <= beyond[0] + LENIENT


def _turn(before: np.ndarray, after: np.ndarray) -> float:
    """The larger angle between bones (2, 3) and others."""
    return float(np.linalg.norm(turn_vector(before, after), axis=1).max())


def hypotheses(
    body: BodyModel,
    parameters: Parameters,
    evidence: Evidence,
    uncertainty: np.ndarray | None = None,
    most: int = BEAM,
    network: float = NETWORK,
) -> list[Hypothesis]:
    """The most plausible bodies, first the best, among those whose limbs and lower limbs are flipped or not.

    `parameters` is the network's answer, or a refined one, and is always among them; `uncertainty` (24,) degrees as
    `BodyEstimate.joint_uncertainty`. Plausible is what is common, within the joints' limits, does not pass through
    itself, lies on the keypoints, and is not further from the network's answer than its uncertainty.
    """
    energy = _Energy(body, parameters, evidence, uncertainty, network)
    found = [Hypothesis(parameters, (), energy(parameters))]
    for whole, lower in LOWER_PARTS.items():
        others = [
            Hypothesis(moved, (*start.flips, *flips), energy(moved))
            for start in found
            for flips, moved in _alternatives(body, start.parameters, whole, lower)
        ]
        ranked = sorted([*found, *others], key=lambda one: one.energy)
        own = next(one for one in ranked if not one.flips)
        found = [own, *(one for one in ranked if one is not own)][:BEAM]
    kept = sorted([found[0], *sorted(found[1:], key=lambda one: one.energy)[: most - 1]], key=lambda one: one.energy)
    weights = np.exp(kept[0].energy - np.array([one.energy for one in kept]))
    return [replace(one, weight=float(w)) for one, w in zip(kept, weights / weights.sum(), strict=True)]


def _alternatives(
    body: BodyModel, start: Parameters, whole: str, lower: str
) -> list[tuple[tuple[str, ...], Parameters]]:
    """The other ways in which a limb can lie, each with the flips that lead there."""
    limb = flipped(body, start, whole)
    ways = [((lower,), flipped(body, start, lower)), ((whole,), limb)]
    if limb is not None:
        ways.append(((whole, lower), flipped(body, limb, lower)))
    kept: list[tuple[tuple[str, ...], Parameters]] = []
    shown = [_bones(body, start, FLIPPED_LIMBS[whole])]
    for flips, moved in ways:
        if moved is None:
            continue
        bones = _bones(body, moved, FLIPPED_LIMBS[whole])
        if all(_turn(other, bones) > DISTINCT for other in shown):
            kept.append((flips, moved))
            shown.append(bones)
    return kept


class _Energy:
    """The energy of a hypothesis: the refinement's terms, and the distance from the network's answer."""

    def __init__(self, body: BodyModel, own: Parameters, evidence: Evidence, uncertainty, network: float):
        metre = evidence.camera.focal / max(float(body_depth(body, own)), 0.2)
        spheres = Spheres.of(body, own.betas)
        self.terms = BodyEnergy(sparse_body(body), spheres, replace(evidence, outline=None), metre, Weights())
        self.own, self.network = own, network
        degrees = np.full(JOINTS, UNCERTAINTY) if uncertainty is None else uncertainty
        self.uncertainty = np.deg2rad(degrees)

    def __call__(self, parameters: Parameters) -> float:
        turned = matrix_to_axis_angle(self.own.rotations.transpose(0, 2, 1) @ parameters.rotations)
        # Rotation vectors of density exp(-|ω|/b) have lengths of mean 3b: so the uncertainty was learned.
        apart = 3 * np.linalg.norm(turned, axis=1) / self.uncertainty
        return self.terms.energy(parameters) + self.network * float(apart.sum())


def _on_ray(point: np.ndarray, parent: np.ndarray, new_parent: np.ndarray, mirrored: bool) -> np.ndarray:
    """Where on its ray a bone's end `point` comes to lie when its beginning moves from `parent` to `new_parent`; on the
    other side of the nearest point if `mirrored`."""
    ray = point / np.linalg.norm(point)
    length = np.linalg.norm(point - parent)
    behind = (ray @ point > ray @ parent) != mirrored
    middle = ray @ new_parent
    square = middle**2 - new_parent @ new_parent + length**2
    found = ray * (middle + (1 if behind else -1) * np.sqrt(max(square, 0.0)))
    if found[2] < MIN_DEPTH:
        found = ray * (middle + np.sqrt(max(square, 0.0)))
    bone = found - new_parent
    return new_parent + bone * length / max(np.linalg.norm(bone), 1e-9)


def _upper_turn(limb: Limb, upper: np.ndarray, before: tuple, after: tuple) -> np.ndarray:
    """The upper bone's new rotation (3, 3): `before` and `after` are the directions of both bones."""
    new_upper = shortest_turn(before[0], after[0]) @ upper
    bent = max(_bend(*before), _bend(*after))
    wanted = new_upper @ _hinge_axis(limb, upper, *before)
    along = after[0] / np.linalg.norm(after[0])
    found = np.cross(*after)
    if np.linalg.norm(found) < 1e-9:
        return new_upper
    twist = np.arctan2(along @ np.cross(wanted, found), wanted @ found - (wanted @ along) * (found @ along))
    return axis_angle_to_matrix(_ramp(bent) * twist * along) @ new_upper


def _hinge_axis(limb: Limb, upper: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What the hinge bends about, in the upper bone's frame: as it is bent; the anatomical axis where it is straight or
    bent backwards."""
    across = upper.T @ np.cross(first, second)
    across /= max(np.linalg.norm(across), 1e-12)
    if across @ limb.axis <= 0:
        return limb.axis
    share = _ramp(_bend(first, second))
    return share * across + (1 - share) * limb.axis


def _bend(first: np.ndarray, second: np.ndarray) -> float:
    """Radians between the directions of two bones."""
    return float(np.linalg.norm(turn_vector(first, second)))


def _ramp(bend: float) -> float:
    """0 for a straight hinge, 1 for a bent one."""
    share = np.clip((bend - STRAIGHT) / (BENT - STRAIGHT), 0, 1)
    return float(share**2 * (3 - 2 * share))
