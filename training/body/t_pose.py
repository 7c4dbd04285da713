"""From Anny's A-pose, where everybody stands a little differently, to one T-pose in SMPL's manner."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import spmatrix

from ...inference.geometry.joints import JOINT_INDEX, JOINT_PARENTS
from ...inference.geometry.rotations import axis_angle_to_matrix
from .joints import SIDES, joint_of_bone, joints_from_bones
from .population import Population
from .regressor import fit_regressor
from .source import AnnySource
from .weights import joint_weights

CHUNK = 100
DIRECTIONS = {
    "upper_arm": (1.0, -0.05, -0.09), "forearm": (1.0, 0.02, 0.0), "hand": (1.0, -0.06, -0.06),
    "thigh": (0.085, -1.0, -0.012), "shin": (-0.034, -1.0, -0.10),
}  # fmt: skip
"""Where the bones of the left side point in SMPL's T-pose; the right side is the mirror image."""
FOOT_YAW = np.deg2rad(11)
COLLAR_LIFT = np.deg2rad(8)
FOREARM_TWIST = {"lowerarm01": 0.30, "lowerarm02": 0.75}
"""How much of the hand's turn about the forearm its two bones take over."""
PELVIS = np.array([0.0, -0.22, 0.02])
"""Where the pelvis is put: below the origin, as in SMPL."""


def t_posed_people(source: AnnySource, people: Population, vertex_map: spmatrix) -> tuple[np.ndarray, np.ndarray]:
    """Everybody in T-pose: vertices (N, V', 3) float32, as `vertex_map` (V', V) picks them, and joints (N, 24, 3).

    Anny's bone heads slide against its skin from person to person, which would bend the limbs in T-pose. So joints are
    regressed from the skin, by a regressor that fits the bone heads on average.
    """
    regressor = a_pose_regressor(source, people)
    vertices, joints = [], []
    for a_pose, bone_heads in in_a_pose(source, people, len(people.stature)):
        t_pose, posed_joints = to_t_pose(source, a_pose, bone_heads, np.einsum("jv,bvx->bjx", regressor, a_pose))
        shift = PELVIS - posed_joints[:, :1]
        vertices.append(np.stack([vertex_map @ body for body in t_pose + shift]).astype(np.float32))
        joints.append(posed_joints + shift)
    return np.concatenate(vertices), np.concatenate(joints)


def in_a_pose(source: AnnySource, people: Population, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, count, CHUNK):
        chunk = slice(start, min(start + CHUNK, count))
        yield source.rest(people.phenotypes[chunk], people.local_changes[chunk])


def a_pose_regressor(source: AnnySource, people: Population) -> np.ndarray:
    """(24, V) fitted on the first 400 people."""
    a_pose, joints = [], []
    for vertices, bone_heads in in_a_pose(source, people, min(400, len(people.stature))):
        a_pose.append(vertices)
        joints.append(joints_from_bones(source, bone_heads))
    vertices, joints = np.concatenate(a_pose), np.concatenate(joints)
    training = len(vertices) * 3 // 4
    return fit_regressor(vertices, joints, training, joint_weights(source), source.mirror)


def to_t_pose(
    source: AnnySource, vertices: np.ndarray, bone_heads: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (B, V, 3) and joints (B, 24, 3) in T-pose, from the same in A-pose.

    Bound by *inverse* skinning: the T-pose is the body that linear blend skinning poses back to the A-pose.
    """
    rotations, hand_twists = t_pose_rotations(source, bone_heads, joints)
    posed = move_joints(joints, rotations)
    bones = bone_transforms(source, joints, posed, rotations, hand_twists)
    return skin_inversely(vertices, source.bone_weights, invert(bones)), posed


def t_pose_rotations(
    source: AnnySource, bone_heads: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """World rotations (B, 24, 3, 3) from A-pose to T-pose, and each hand's turn about itself (B,) in radians.

    Along a limb every rotation is the smallest that turns the bone, after its parent's, to the wanted direction. Feet
    only turn about the vertical; hands also turn about themselves until the palm is down.
    """
    rotations = np.tile(np.eye(3), (len(joints), len(JOINT_INDEX), 1, 1))
    twists = {}
    for side, letter in SIDES:
        sign = 1.0 if side == "left" else -1.0
        wanted = {name: unit(np.array(vector) * [sign, 1, 1]) for name, vector in DIRECTIONS.items()}
        index = {name.removeprefix(f"{side}_"): k for name, k in JOINT_INDEX.items() if name.startswith(side)}

        def bone(start: str, end: str, index: dict[str, int] = index) -> np.ndarray:
            return joints[:, index[end]] - joints[:, index[start]]

        rotations[:, index["hip"]] = rotation_between(bone("hip", "knee"), wanted["thigh"])
        rotations[:, index["knee"]] = rotation_between(bone("knee", "ankle"), wanted["shin"])
        foot = bone("ankle", "foot")
        yaw = sign * FOOT_YAW - np.arctan2(foot[:, 0], foot[:, 2])
        rotations[:, index["ankle"]] = rotations[:, index["foot"]] = axis_angle_to_matrix(yaw[:, None] * [0, 1.0, 0])

        lifted = np.broadcast_to(axis_angle_to_matrix(np.array([0, 0, sign * COLLAR_LIFT])), (len(joints), 3, 3))
        shoulder = turn_towards(lifted, bone("shoulder", "elbow"), wanted["upper_arm"])
        elbow = turn_towards(shoulder, bone("elbow", "wrist"), wanted["forearm"])
        wrist = turn_towards(elbow, bone("wrist", "hand"), wanted["hand"])
        across = bone_heads[:, source.bones[f"finger5-1.{letter}"]] - bone_heads[:, source.bones[f"finger2-1.{letter}"]]
        twists[letter] = palm_down_angle(apply(wrist, across), wanted["hand"])
        hand = axis_angle_to_matrix(wanted["hand"] * twists[letter][:, None]) @ wrist
        for name, rotation in (
            ("collar", lifted),
            ("shoulder", shoulder),
            ("elbow", elbow),
            ("wrist", hand),
            ("hand", hand),
        ):
            rotations[:, index[name]] = rotation
    return rotations, twists


def palm_down_angle(across: np.ndarray, hand: np.ndarray) -> np.ndarray:
    """The turn (B,) about `hand` (3,) that brings the line from index to little finger (B, 3) to point backwards."""
    across = unit(across - (across @ hand)[:, None] * hand)
    backwards = np.array([0.0, 0.0, -1.0])
    backwards = unit(backwards - (backwards @ hand) * hand)
    return np.arctan2((np.cross(across, backwards) * hand).sum(-1), (across * backwards).sum(-1))


def move_joints(joints: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Joints (B, 24, 3) after every bone is turned by its joint's world rotation (B, 24, 3, 3)."""
    posed = joints.copy()
    for joint in range(1, len(JOINT_PARENTS)):
        parent = JOINT_PARENTS[joint]
        posed[:, joint] = posed[:, parent] + apply(rotations[:, parent], joints[:, joint] - joints[:, parent])
    return posed


def bone_transforms(
    source: AnnySource, joints: np.ndarray, posed: np.ndarray, rotations: np.ndarray, twists: dict[str, np.ndarray]
) -> np.ndarray:
    """Affine transforms (B, 104, 3, 4) of Anny's bones from A-pose to T-pose. The forearm shares the hand's turn."""
    owner = np.array([joint_of_bone(name) for name in source.bones])
    turned = rotations[:, owner]
    for side, letter in SIDES:
        forearm = unit(posed[:, JOINT_INDEX[f"{side}_wrist"]] - posed[:, JOINT_INDEX[f"{side}_elbow"]])
        for name, share in FOREARM_TWIST.items():
            bone = source.bones[f"{name}.{letter}"]
            turned[:, bone] = axis_angle_to_matrix(forearm * (twists[letter] * share)[:, None]) @ turned[:, bone]
    offsets = posed[:, owner] - apply(turned, joints[:, owner])
    return np.concatenate([turned, offsets[..., None]], axis=-1)


def skin_inversely(vertices: np.ndarray, weights: np.ndarray, inverse_bones: np.ndarray) -> np.ndarray:
    """The vertices (B, V, 3) that skinning with `inverse_bones` (B, J, 3, 4) would bring to the given ones."""
    blended = weights @ inverse_bones.reshape(*inverse_bones.shape[:2], 12)
    blended = blended.reshape(*vertices.shape[:2], 3, 4)
    return np.linalg.solve(blended[..., :3], (vertices - blended[..., 3])[..., None])[..., 0]


def invert(transforms: np.ndarray) -> np.ndarray:
    """Inverses of rigid transforms (..., 3, 4)."""
    transposed = np.swapaxes(transforms[..., :3], -1, -2)
    return np.concatenate([transposed, -(transposed @ transforms[..., 3:])], axis=-1)


def turn_towards(rotations: np.ndarray, bones: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """After `rotations` (B, 3, 3), the smallest further rotation that makes `bones` (B, 3) point to `wanted` (3,)."""
    return rotation_between(apply(rotations, bones), wanted) @ rotations


def rotation_between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotations (B, 3, 3) from directions (B, 3) to a direction (3,) that is not their opposite."""
    start, end = np.broadcast_arrays(unit(start), unit(end))
    axis, cosine = np.cross(start, end), (start * end).sum(-1)
    zero = np.zeros_like(cosine)
    x, y, z = np.moveaxis(axis, -1, 0)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*axis.shape, 3)
    return np.eye(3) + skew + skew @ skew / (1 + cosine)[..., None, None]


def apply(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return (matrices @ vectors[..., None])[..., 0]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
