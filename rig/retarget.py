"""A character's motion on somebody else's skeleton: other bones, rest pose, rolls and proportions.

What is carried over is how far each joint has turned from its rest in the world. Where the two rests differ (arms
down or level), the target's bone is first swung from its own rest direction to the character's, the short way, so
that arms and legs point where the character's do. Torso, head and shoulders keep the posture that the target was
built with; feet keep their soles and only take over the direction in which they point.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.errors import UserError
from ..inference.geometry.joints import JOINT_INDEX
from ..inference.geometry.rotations import axis_angle_to_matrix, continuous_quaternions, matrix_to_quaternion
from .action import write_action
from .bone_maps import BoneMap, find_bones
from .character import Character, skin_frame
from .export.sampling import keeping_pose, sample_joints
from .linked import require_own_object
from .shape_keys import rest_vertices
from .skeleton import Skeleton

NEXT = {
    f"{side}_{joint}": f"{side}_{following}"
    for side in ("left", "right")
    for joint, following in (
        ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("shoulder", "elbow"), ("elbow", "wrist"),
        ("wrist", "hand"),
    )
}  # fmt: skip
"""Where the bones of the limbs point."""
SWUNG = [joint for joint in NEXT if not joint.endswith("ankle")]
HIPS = ("left_hip", "right_hip")
LEGS = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle"))
FLOOR_TOLERANCE = 0.15
"""How far a target's lowest bone may be from its origin, over the height of its hips, with the origin still its
floor."""


@dataclass(frozen=True)
class Retargeted:
    """What `retarget` did."""

    action: bpy.types.Action
    bone_map: BoneMap
    bone_count: int
    frame_count: int


@dataclass(frozen=True)
class Motion:
    """F frames of SMPL's 24 joints in Blender's world."""

    first_frame: int
    turned: np.ndarray
    """(F, 24, 3, 3) from the rest pose to the world."""
    heads: np.ndarray
    """(F, 24, 3) metres."""
    rest_heads: np.ndarray
    """(24, 3) metres."""
    sole: float
    """Height of the lowest vertex of the rest pose, metres."""


def retarget(character: Character, target: bpy.types.Object, bone_map: BoneMap | None = None) -> Retargeted:
    """Key the bones of `target` so that they do what the character does, in a new action over the same frames. Which
    bone is which joint is told by `bone_map`, else by their names.

    Mapped bones are keyed as quaternions in every frame, and their rotation mode is set to that; other bones keep the
    pose that they have. Limbs point the same way in the world, wherever the target faced and whichever axis of its
    space was up. The path of the hips is scaled by the length of the legs and begins at the target's origin, so a
    target can stand beside the character. Its action so far stays in the file. Raises UserError when the target cannot
    be keyed.
    """
    bone_map = bone_map or find_bones(target)
    _check(target, bone_map)
    bpy.context.view_layer.update()  # a script may have moved the target just now
    for joint, name in bone_map.bones.items():
        if not joint.endswith("hand"):
            _prepare(target.pose.bones[name])
    motion, skeleton = _motion_of(character), Skeleton.of(target)
    from_world = np.array(target.matrix_world.to_quaternion().to_matrix(), np.float64).T
    wanted = _orientations(motion, skeleton, bone_map.bones, from_world)
    turned = skeleton.turn(wanted, len(motion.heads))
    hips = [bone_map.bones[joint] for joint in HIPS]
    shift = _hips_path(motion, skeleton, bone_map.bones, from_world) - sum(turned.head(name) for name in hips) / 2
    carrier = skeleton.movable(bone_map.bones["pelvis"])
    turns = {name: continuous_quaternions(matrix_to_quaternion(turned.rotation(name))) for name in wanted}
    channels = [(name, "rotation_quaternion", quaternions) for name, quaternions in turns.items()]
    channels.append((carrier, "location", skeleton.location(carrier) + turned.location(carrier, shift)))
    action = write_action(target, f"{target.name} {character.armature.name}", motion.first_frame, channels)
    return Retargeted(action, bone_map, len(wanted), len(motion.heads))


def body_axes(skeleton: Skeleton, bones: Mapping[str, str]) -> np.ndarray:
    """The body's left, back and up (the columns, as x, y and z are in Blender) at rest: the axes of the target's space
    that its hips and its legs are nearest to."""
    left_hip, right_hip = (skeleton.head(bones[joint]) for joint in HIPS)
    ankles = sum(skeleton.head(bones[f"{side}_ankle"]) for side in ("left", "right")) / 2
    up = _nearest_axis((left_hip + right_hip) / 2 - ankles)
    left = _nearest_axis((left_hip - right_hip) * (up == 0))
    return np.column_stack([left, np.cross(up, left), up])


def swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotation (3, 3) that takes the direction `start` (3,) to `end` (3,)."""
    axis, cosine = np.cross(start, end), float(start @ end)
    sine = np.linalg.norm(axis)
    if sine < 1e-9 * np.linalg.norm(start) * np.linalg.norm(end):  # one line: stay, or turn round about any normal
        axis = np.cross(start, np.eye(3)[np.argmin(np.abs(start))])
        return axis_angle_to_matrix(axis / np.linalg.norm(axis) * np.pi) if cosine < 0 else np.eye(3)
    return axis_angle_to_matrix(axis / sine * np.arctan2(sine, cosine))


def _check(target: bpy.types.Object, bone_map: BoneMap) -> None:
    require_own_object(target)
    held = [
        name
        for joint, name in bone_map.bones.items()
        if not joint.endswith("hand") and any(not item.mute for item in target.pose.bones[name].constraints)
    ]
    if held:
        raise UserError(
            f"Constraints hold bones of {target.name} ({', '.join(held[:3])}{' …' if len(held) > 3 else ''}), so they "
            "would not follow their keys. Mute the constraints, or retarget onto a skeleton without, such as the "
            "metarig, and let the rig follow that."
        )


def _prepare(bone: bpy.types.PoseBone) -> None:
    """Only rotation is keyed; what else the bone was posed by would come on top."""
    bone.rotation_mode = "QUATERNION"
    bone.location, bone.scale = (0, 0, 0), (1, 1, 1)


def _motion_of(character: Character) -> Motion:
    with keeping_pose(character.armature):
        clip = sample_joints(character.armature)
    scale = np.linalg.norm(clip.world[:3, 0])
    return Motion(
        clip.first_frame,
        clip.turned(),
        clip.placed()[..., :3, 3],
        clip.rest[..., :3, 3] * scale,
        _sole(character) * scale,
    )


def _sole(character: Character) -> float:
    """Height of the lowest vertex in SMPL's own rest pose, metres."""
    from_skin = np.linalg.inv(skin_frame(character))
    skin = rest_vertices(character.armature, character.mesh)
    return float((skin @ from_skin[2, :3] + from_skin[2, 3]).min())


def _orientations(
    motion: Motion, skeleton: Skeleton, bones: Mapping[str, str], from_world: np.ndarray
) -> dict[str, np.ndarray]:
    """Orientation (F, 3, 3) in the target's space of each mapped bone. `from_world` (3, 3) leads into that space."""
    upright = from_world @ body_axes(skeleton, bones).T
    wanted = {}
    for joint, name in bones.items():
        if joint.endswith("hand"):  # SMPL's hands do not turn; these bones only tell where the palm points
            continue
        turned = from_world @ motion.turned[:, JOINT_INDEX[joint]] @ from_world.T
        rest = upright @ skeleton.rest[skeleton.names.index(name), :3, :3]
        wanted[name] = turned @ _to_same_rest(joint, motion, skeleton, bones, from_world, upright) @ rest
    return wanted


def _to_same_rest(
    joint: str,
    motion: Motion,
    skeleton: Skeleton,
    bones: Mapping[str, str],
    from_world: np.ndarray,
    upright: np.ndarray,
) -> np.ndarray:
    """The rotation (3, 3), in the target's space, that its rest bone needs to be as the character's. `upright` (3, 3)
    has made the target's rest pose stand and face as the character's does."""
    if joint in SWUNG:
        return swing(upright @ _rest_direction(joint, skeleton, bones), from_world @ _own_direction(joint, motion))
    if joint.endswith(("ankle", "foot")):
        ankle = f"{joint.split('_')[0]}_ankle"
        level = np.eye(3) - np.outer(from_world[:, 2], from_world[:, 2])
        own = from_world @ _own_direction(ankle, motion)
        return swing(level @ upright @ _rest_direction(ankle, skeleton, bones), level @ own)
    return np.eye(3)


def _own_direction(joint: str, motion: Motion) -> np.ndarray:
    return motion.rest_heads[JOINT_INDEX[NEXT[joint]]] - motion.rest_heads[JOINT_INDEX[joint]]


def _rest_direction(joint: str, skeleton: Skeleton, bones: Mapping[str, str]) -> np.ndarray:
    """Where a limb's bone points: to the next joint, or, when there is no bone for that, along itself."""
    following = bones.get(NEXT[joint])
    end = skeleton.head(following) if following else skeleton.tail(bones[joint])
    return end - skeleton.head(bones[joint])


def _hips_path(motion: Motion, skeleton: Skeleton, bones: Mapping[str, str], from_world: np.ndarray) -> np.ndarray:
    """Where the middle of the target's hips goes (F, 3): the character's path, scaled by the length of the legs, at
    such a height that a character that stands on the floor makes a target that does."""
    own = [JOINT_INDEX[joint] for joint in HIPS]
    own_height = motion.rest_heads[own].mean(0)[2] - motion.sole
    up = body_axes(skeleton, bones)[:, 2]
    lowest = min((skeleton.rest[:, :3, 3] @ up).min(), (skeleton.tails @ up).min())
    height = sum(skeleton.head(bones[joint]) for joint in HIPS) / 2 @ up - lowest
    if abs(lowest) < FLOOR_TOLERANCE * height:
        height += lowest
    legs = [skeleton.head(bones[joint]) for joint in LEGS]
    own_legs = [motion.rest_heads[JOINT_INDEX[joint]] for joint in LEGS]
    scale = _length(legs) / _length(own_legs)
    path = scale * motion.heads[:, own].mean(1) + [0, 0, height - scale * own_height]
    return path @ from_world.T


def _length(legs: list[np.ndarray]) -> float:
    """Of both legs together, from the hip by the knee to the ankle; joints (3,) in the order of `LEGS`."""
    return float(sum(np.linalg.norm(legs[joint + 1] - legs[joint]) for joint in (0, 1, 3, 4)))


def _nearest_axis(direction: np.ndarray) -> np.ndarray:
    axis = np.zeros(3)
    axis[np.argmax(np.abs(direction))] = np.sign(direction[np.argmax(np.abs(direction))])
    return axis
