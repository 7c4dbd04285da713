"""A character's pose as its camera sees it, wherever both were moved to in the scene, and the way back."""

from collections.abc import Iterable

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from ..inference.errors import UserError
from ..inference.refinement.parametric_body import Parameters
from .action import own_action
from .armature import joint_bones, rest_frame, rest_joints, rest_rotations
from .axes import BLENDER_FROM_SMPL, points_to_smpl, rotations_to_smpl
from .character import Character, reshape
from .linked import set_property
from .pose import bone_channels
from .shape_keys import betas_of

OPENCV_FROM_BLENDER_CAMERA = np.diag([1.0, -1.0, -1.0])
"""Blender's camera looks along its -z with y up; OpenCV's along +z with y down."""
SHOWN = "body_from_image_shown"
"""Custom property of the armature: the bones' turns and the root's place as they were last set by us."""
UNMOVED = 0.01
"""Entries of turns, and metres, by which bones may differ from that and yet nobody posed them."""


def seen_pose(character: Character) -> Parameters:
    """Pose, shape and place in the camera's OpenCV frame, as they are in this frame of the scene, corrections and all.
    Raises UserError without a camera."""
    return _seen(character, *_channels(character.armature))


def _seen(character: Character, basis: np.ndarray, location: np.ndarray) -> Parameters:
    """The same for bones turned by `basis` (24, 3, 3) and a root moved by `location` (3,), in their own rest axes."""
    turn, shift = _camera_from_armature(character)
    armature, betas = character.armature, betas_of(character.armature)
    rest = rest_rotations(armature)
    rotations = rotations_to_smpl(np.einsum("jab,jbc,jdc->jad", rest, basis, rest))
    pelvis = points_to_smpl(rest_joints(armature, betas)[0])
    moved = location / rest_frame(armature).scale
    rotations[0] = turn @ rotations[0]
    return Parameters(rotations, betas, turn @ (pelvis + points_to_smpl(rest[0] @ moved)) + shift - pelvis)


def _channels(armature: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """How the 24 joints' bones are turned (24, 3, 3) and the root is moved (3,), in their own rest axes."""
    bones = [armature.pose.bones[name] for name in joint_bones(armature)]
    basis = [np.array(bone.matrix_basis.to_quaternion().to_matrix()) for bone in bones]
    return np.array(basis, np.float64), np.array(bones[0].matrix_basis.translation, np.float64)


def show_pose(character: Character, parameters: Parameters, frame: int) -> None:
    """Give the character a pose, shape and place that are told in its camera's frame, with keys at `frame`. The
    camera and the armature's own place stay. Raises UserError without a camera, and where bones cannot be placed."""
    linked = character.armature.data.library is not None
    if not linked or not np.array_equal(parameters.betas, betas_of(character.armature)):
        reshape(character, parameters.betas)
    move_bones(character, parameters, range(len(parameters.rotations)), frame)


def move_bones(character: Character, parameters: Parameters, joints: Iterable[int], frame: int | None) -> None:
    """Give some `joints` of the character, and its place, what `parameters` hold, told in its camera's frame. With keys
    at `frame`; without, for None, as while something is dragged. The shape stays. Raises
    UserError without a camera, and for keys of an armature that is linked from another file."""
    turn, shift = _camera_from_armature(character)
    armature = character.armature
    pelvis = points_to_smpl(rest_joints(armature, parameters.betas)[0])
    rotations = parameters.rotations.copy()
    rotations[0] = turn.T @ rotations[0]
    transl = turn.T @ (pelvis + parameters.transl - shift) - pelvis
    units = rest_frame(armature).scale
    if frame is not None:
        own_action(armature)
    _, location = bone_channels(rest_rotations(armature), rotations[None], transl[None], units)
    root = armature.pose.bones[joint_bones(armature)[0]]
    _turn_joints(armature, rotations, joints, frame)
    root.location = location[0]
    if frame is not None:
        root.keyframe_insert("location", frame=frame)
        note_shown(armature)


def key_joints(armature: bpy.types.Object, rotations: np.ndarray, joints: Iterable[int], frame: int) -> None:
    """Give some `joints` the rotations that `rotations` (24, 3, 3; relative to the parents) holds for them, with keys
    at `frame`. Raises UserError for an armature that is linked from another file."""
    own_action(armature)
    _turn_joints(armature, rotations, joints, frame)
    note_shown(armature)


def _turn_joints(armature: bpy.types.Object, rotations: np.ndarray, joints: Iterable[int], frame: int | None) -> None:
    names = joint_bones(armature)
    quaternions, _ = bone_channels(rest_rotations(armature), rotations[None], np.zeros((1, 3)))
    for joint in joints:
        bone = armature.pose.bones[names[joint]]
        place, before = Matrix.Translation(bone.location), bone.rotation_quaternion.copy()
        bone.matrix_basis = place @ Quaternion(quaternions[0, joint]).to_matrix().to_4x4()
        if before.dot(bone.rotation_quaternion) < 0:  # between keys of either sign, Blender would go the long way round
            bone.rotation_quaternion.negate()
        if frame is not None:
            channel = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}
            bone.keyframe_insert(channel.get(bone.rotation_mode, "rotation_euler"), frame=frame)


def note_shown(armature: bpy.types.Object) -> None:
    """Note how the bones are turned now, so that what a person poses from here on can be told apart."""
    basis, location = _channels(armature)
    set_property(armature, SHOWN, [*basis.ravel().tolist(), *location.tolist()])


def posed_by_hand(character: Character) -> Parameters | None:
    """The pose that was noted last, in the camera's frame; None where the bones are as they were noted, or were not.
    Raises UserError without a camera."""
    if SHOWN not in character.armature:
        return None
    noted = np.array(character.armature[SHOWN], np.float64)
    basis, location = noted[:-3].reshape(-1, 3, 3), noted[-3:]
    now = _channels(character.armature)
    if np.abs(now[0] - basis).max() < UNMOVED and np.abs(now[1] - location).max() < UNMOVED:
        return None
    return _seen(character, basis, location)


def _camera_from_armature(character: Character) -> tuple[np.ndarray, np.ndarray]:
    """Turn (3, 3) and shift (3,), in the metres of SMPL's rest pose, of points in its axes to the camera's OpenCV
    frame. What is twice as large twice as far away looks the same, so scale is taken off both."""
    if character.camera is None:
        name = character.armature.name
        raise UserError(f"The camera of {name} was deleted. Undo that, or estimate the image again.")
    to_camera = character.camera.matrix_world.normalized().inverted() @ character.armature.matrix_world
    between = np.array(to_camera, np.float64) @ rest_frame(character.armature).matrix
    size = np.cbrt(np.linalg.det(between[:3, :3]))
    if abs(size) < 1e-6:
        raise UserError(f"{character.armature.name} is scaled to nothing, so no camera sees it. Scale it to 1 first.")
    between[:3] /= size
    return OPENCV_FROM_BLENDER_CAMERA @ between[:3, :3] @ BLENDER_FROM_SMPL, OPENCV_FROM_BLENDER_CAMERA @ between[:3, 3]
