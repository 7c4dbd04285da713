"""The armature: SMPL's 24 bones, placed at the rest joints of a shape, and placed anew when the shape changes.

Directions and rolls of the bones come from the mean body and do not change with the shape, so one pose has the same
keys on every body, and a refit leaves all keys valid. Left and right are mirror images, as Blender's flipped paste
wants.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Vector

from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from ..inference.geometry.joints import JOINT_INDEX, JOINT_NAMES, JOINT_PARENTS
from .axes import points_to_blender
from .linked import require_own_data
from .rest_frame import RestFrame, fit_frame

JOINT_PROPERTY = "smpl_joint"
"""Custom property of each bone: the index of its joint. It outlives renaming."""
BODY_MODEL_PROPERTY = "body_model"
"""Custom property of the armature's data: the hash of the body model that its betas belong to."""
PLACED_PROPERTY = "bones_placed_for"
"""Custom property of the armature's data: the betas that the bones were last placed for."""

AIMS = {
    int(parent): joint for joint, parent in reversed(list(enumerate(JOINT_PARENTS))) if parent >= 0
} | {JOINT_INDEX["pelvis"]: JOINT_INDEX["spine1"], JOINT_INDEX["spine3"]: JOINT_INDEX["neck"]}  # fmt: skip
"""The joint that each bone points at; the leaves (head, hands, feet) are absent."""

_HIDDEN = "The bones of {} cannot be placed while it is hidden. Switch it on in the outliner first."

FORWARD, UP = Vector((0, -1, 0)), Vector((0, 0, 1))
TOE_LENGTH = 0.06
FINGERS_PER_PALM = 1.0


def create_armature(model: BodyModel, betas: np.ndarray, bone_names: tuple[str, ...], name: str) -> bpy.types.Object:
    """An armature object at the origin whose bones rest at the joints of `betas` (S,). It is not linked to any scene.

    The joints as a linear function of the betas are stored in the armature, so that `place_bones` needs no model.
    """
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    zero = np.zeros((1, len(betas)), np.float32)
    template = points_to_blender(model.rest_joints(zero)[0])
    unit = points_to_blender(model.rest_joints(np.eye(len(betas), dtype=np.float32)))
    armature.data[BODY_MODEL_PROPERTY] = model.hash
    armature.data["rest_joints"] = template.astype(float).ravel().tolist()
    armature.data["rest_joints_per_beta"] = (unit - template).astype(float).ravel().tolist()
    armature.show_in_front = True
    head_top = points_to_blender(model.v_template[model.head_top])
    tips = _mean_tips(template, head_top)
    bpy.context.scene.collection.objects.link(armature)
    with editing(armature) as bones:
        for joint, bone_name in enumerate(bone_names):
            bone = bones.new(bone_name)
            bone[JOINT_PROPERTY] = joint
            bone.head, bone.tail = template[joint], tips[joint]
            bone.align_roll(UP if JOINT_NAMES[joint].endswith(("ankle", "foot")) else FORWARD)
            if JOINT_PARENTS[joint] >= 0:
                bone.parent = bones[bone_names[JOINT_PARENTS[joint]]]
    armature.data[PLACED_PROPERTY] = [0.0] * len(betas)
    place_bones(armature, betas)
    bpy.context.scene.collection.objects.unlink(armature)
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    return armature


def place_bones(armature: bpy.types.Object, betas: np.ndarray) -> None:
    """Move the rest bones to the joints of `betas` (S,), wherever transforms that were applied have put the rest pose.
    Directions, rolls and all keys stay as they are. Raises UserError when the armature is hidden or linked, or its rest
    pose is another one."""
    frame = rest_frame(armature)
    with editing(armature) as bones:
        _move_bones(bones, frame.place(rest_joints(armature, betas)))
    # Noted in the same datablock that holds the bones, so that undo takes both back together.
    armature.data[PLACED_PROPERTY] = np.asarray(betas, float).tolist()


def placed_betas(armature: bpy.types.Object) -> np.ndarray:
    """Betas (S,) that the bones were last placed for."""
    return np.array(armature.data[PLACED_PROPERTY], np.float64)


def joint_bones(armature: bpy.types.Object) -> list[str]:
    """Names of the 24 bones in SMPL's order, whatever they are called by now. Raises UserError when some were
    deleted."""
    by_joint = {bone[JOINT_PROPERTY]: bone.name for bone in armature.data.bones if JOINT_PROPERTY in bone}
    lost = [name for joint, name in enumerate(JOINT_NAMES) if joint not in by_joint]
    if lost:
        raise UserError(f"{armature.name} has lost bones that a body needs: {', '.join(lost)}. Undo that.")
    return [by_joint[joint] for joint in range(len(JOINT_NAMES))]


def rest_joints(armature: bpy.types.Object, betas: np.ndarray) -> np.ndarray:
    """Where the joints (24, 3) of a body of shape `betas` (S,) rest: Blender's axes, metres. See `rest_frame`."""
    template = np.array(armature.data["rest_joints"]).reshape(-1, 3)
    per_beta = np.array(armature.data["rest_joints_per_beta"]).reshape(-1, *template.shape)
    return template + np.tensordot(np.asarray(betas, np.float64), per_beta, axes=1)


def rest_frame(armature: bpy.types.Object) -> RestFrame:
    """Where SMPL's rest pose is in the armature's space now. Raises UserError when the bones rest in none."""
    bones = armature.data.bones
    heads = np.array([np.array(bones[name].head_local) for name in joint_bones(armature)], np.float64)
    return fit_frame(rest_joints(armature, placed_betas(armature)), heads, armature.name)


def rest_rotations(armature: bpy.types.Object) -> np.ndarray:
    """Rest orientations (24, 3, 3) of the joints' bones in SMPL's rest pose, Blender's axes; columns are the bones'
    axes."""
    bones, turn = armature.data.bones, rest_frame(armature).turn
    return turn.T @ np.array([np.array(bones[name].matrix_local)[:3, :3] for name in joint_bones(armature)], np.float64)


@contextmanager
def editing(armature: bpy.types.Object) -> Iterator[bpy.types.ArmatureEditBones]:
    """Edit mode of `armature`; the user's active object and mode come back afterwards. Raises UserError when the
    armature is linked from another file, or hidden in a way that keeps Blender from editing it."""
    require_own_data(armature)
    objects = bpy.context.view_layer.objects
    before = objects.active
    mode_before = before.mode if before else "OBJECT"
    if armature.name not in objects:
        raise UserError(_HIDDEN.format(armature.name))
    if mode_before != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    objects.active = armature
    try:
        if armature.hide_viewport or not bpy.ops.object.mode_set.poll():
            raise UserError(_HIDDEN.format(armature.name))
        bpy.ops.object.mode_set(mode="EDIT")
        yield armature.data.edit_bones
    finally:
        if armature.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        objects.active = before
        if mode_before != "OBJECT":
            bpy.ops.object.mode_set(mode=mode_before)


def _mean_tips(joints: np.ndarray, head_top: np.ndarray) -> np.ndarray:
    """Where the bones of the mean body end (24, 3): at the next joint; the leaves where head, toes and fingers do."""
    tips = np.array([joints[AIMS.get(joint, joint)] for joint in range(len(joints))])
    tips[JOINT_INDEX["head"]] = head_top
    for side in ("left", "right"):
        foot, ankle = JOINT_INDEX[f"{side}_foot"], JOINT_INDEX[f"{side}_ankle"]
        along = (joints[foot] - joints[ankle]) * [1, 1, 0]
        tips[foot] = joints[foot] + TOE_LENGTH * along / np.linalg.norm(along)
        hand, wrist = JOINT_INDEX[f"{side}_hand"], JOINT_INDEX[f"{side}_wrist"]
        tips[hand] = joints[hand] + FINGERS_PER_PALM * (joints[hand] - joints[wrist])
    return tips


def _move_bones(bones: bpy.types.ArmatureEditBones, joints: np.ndarray) -> None:
    """Put the heads to `joints` (24, 3) of the armature's space."""
    for bone in bones:
        joint = bone.get(JOINT_PROPERTY)
        if joint is None:
            continue
        direction = bone.vector.normalized()
        aim = AIMS.get(joint)
        length = bone.length if aim is None else float(np.linalg.norm(joints[aim] - joints[joint]))
        bone.head = joints[joint]
        bone.tail = bone.head + direction * length
