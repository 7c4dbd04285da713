"""Bodies from which a correction may begin when the limb must go somewhere else altogether: exchanged left and right,
flipped in depth, or as such a limb usually lies.
"""

from dataclasses import replace

import numpy as np

from ..body.body_model import BodyModel
from ..body.correction import limb_of
from ..body.pose_density import MODELLED, PoseDensity
from ..geometry.joints import JOINT_INDEX, JOINT_MIRROR
from ..geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, shortest_turn
from ..refinement.depth_hypotheses import flipped
from ..refinement.parametric_body import Parameters
from ..refinement.refine import sparse_body

DEPTH_MIRROR, BODY_MIRROR = np.diag([1.0, 1.0, -1.0]), np.diag([-1.0, 1.0, 1.0])
_CHAINS = {"arm": ("shoulder", "elbow", "wrist", "hand"), "leg": ("hip", "knee", "ankle", "foot")}
FLIPPED_BY = {
    "elbow": ("arm",), "wrist": ("lower_arm", "arm"), "knuckles": ("lower_arm", "arm"),
    "knee": ("leg",), "ankle": ("lower_leg", "leg"), "heel": ("lower_leg", "leg"), "big_toe": ("lower_leg", "leg"),
}  # fmt: skip
"""The parts that may be flipped in depth so that a keypoint is nearer, and not farther, than the one it hangs on."""


def exchanged(body: BodyModel, parameters: Parameters, keypoint: str) -> Parameters:
    """The body with left and right of a keypoint's limb, or of the whole, exchanged in the picture."""
    limb = limb_of(keypoint)
    if limb is None:
        return turned_about(parameters, body)
    placed = sparse_body(body).place(parameters)
    world, points = placed.world.copy(), placed.points
    for side, other in (("left", "right"), ("right", "left")):
        chain, theirs = ([JOINT_INDEX[f"{one}_{name}"] for name in _CHAINS[limb]] for one in (side, other))
        for bone in range(len(chain) - 1):
            own = points[chain[bone + 1]] - points[chain[bone]]
            wanted = points[theirs[bone + 1]] - points[theirs[bone]]
            world[chain[bone]] = shortest_turn(own, wanted) @ placed.world[chain[bone]]
    rotations = parameters.rotations.copy()
    for side in ("left", "right"):
        for name in _CHAINS[limb][:-1]:
            joint = JOINT_INDEX[f"{side}_{name}"]
            rotations[joint] = world[body.parents[joint]].T @ world[joint]
    return replace(parameters, rotations=rotations)


def turned_about(parameters: Parameters, body: BodyModel) -> Parameters:
    """The body that has its back where its front was: mirrored in depth about its pelvis and, so that it is a body
    again, from left to right. The picture stays what it is, but for perspective."""
    rotations = BODY_MIRROR @ parameters.rotations[JOINT_MIRROR] @ BODY_MIRROR
    rotations[0] = DEPTH_MIRROR @ parameters.rotations[0] @ BODY_MIRROR
    return replace(parameters, rotations=rotations)


def flipped_at(body: BodyModel, parameters: Parameters, keypoint: str) -> list[Parameters]:
    """The bodies with the bone that ends at a keypoint, or its whole limb, flipped in depth; those that can be."""
    side, _, name = keypoint.partition("_")
    parts = [f"{side}_{part}" for part in FLIPPED_BY.get(name, ())]
    found = [flipped(body, parameters, part) for part in parts]
    return [one for one in found if one is not None]


def usual_limb(parameters: Parameters, joints: np.ndarray) -> Parameters:
    """The body with a limb's `joints` as they most probably are, all others given: the best of the conditional means of
    the pose density's Gaussians."""
    density = PoseDensity.load()
    asked = [place for place, joint in enumerate(MODELLED) if joint in joints]
    columns = (3 * np.array(asked)[:, None] + np.arange(3)).ravel()
    pose = matrix_to_axis_angle(parameters.rotations)
    found = []
    for mean, root in zip(density.means, density.roots, strict=True):
        white = root @ (pose[MODELLED].reshape(-1) - mean)
        # The numbers that are asked for are moved until what they add to the Mahalanobis distance is least.
        step = np.linalg.lstsq(root[:, columns], -white, rcond=None)[0]
        moved = pose.copy()
        moved[MODELLED[asked]] += step.reshape(-1, 3)
        found.append(moved)
    rotations = parameters.rotations.copy()
    rotations[MODELLED[asked]] = axis_angle_to_matrix(min(found, key=density.energy)[MODELLED[asked]])
    return replace(parameters, rotations=rotations)
