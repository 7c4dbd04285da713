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
from .pose import bone_channels
from .shape_keys import betas_of

OPENCV_FROM_BLENDER_CAMERA = np.diag([1.0, -1.0, -1.0])
"""Blender's camera looks along its -z with y up; OpenCV's along +z with y down."""


def seen_pose(character: Character) -> Parameters:
    """Pose, shape and place in the camera's OpenCV frame, as they are in this frame of the scene, corrections and all.
    Raises UserError without a camera."""
    turn, shift = _camera_from_armature(character)
    armature, betas = character.armature, betas_of(character.armature)
    rest, bones = rest_rotations(armature), [armature.pose.bones[name] for name in joint_bones(armature)]
    basis = np.array([np.array(bone.matrix_basis.to_quaternion().to_matrix()) for bone in bones], np.float64)
    rotations = rotations_to_smpl(np.einsum("jab,jbc,jdc->jad", rest, basis, rest))
    pelvis = points_to_smpl(rest_joints(armature, betas)[0])
    moved = np.array(bones[0].matrix_basis.translation, np.float64) / rest_frame(armature).scale
    location = points_to_smpl(rest[0] @ moved)
    rotations[0] = turn @ rotations[0]
    return Parameters(rotations, betas, turn @ (pelvis + location) + shift - pelvis)


def show_pose(character: Character, parameters: Parameters, frame: int) -> None:
    """Give the character a pose, shape and place that are told in its camera's frame, with keys at `frame`. The
    camera and the armature's own place stay. Raises UserError without a camera, and where bones cannot be placed."""
    turn, shift = _camera_from_armature(character)
    armature, betas = character.armature, parameters.betas
    reshape(character, betas)
    pelvis = points_to_smpl(rest_joints(armature, betas)[0])
    rotations = parameters.rotations.copy()
    rotations[0] = turn.T @ rotations[0]
    transl = turn.T @ (pelvis + parameters.transl - shift) - pelvis
    units = rest_frame(armature).scale
    _, location = bone_channels(rest_rotations(armature), rotations[None], transl[None], units)
    root = armature.pose.bones[joint_bones(armature)[0]]
    key_joints(armature, rotations, range(len(rotations)), frame)
    root.location = location[0]
    root.keyframe_insert("location", frame=frame)


def key_joints(armature: bpy.types.Object, rotations: np.ndarray, joints: Iterable[int], frame: int) -> None:
    """Give some `joints` the rotations that `rotations` (24, 3, 3; relative to the parents) holds for them, with keys
    at `frame`. Raises UserError for an armature that is linked from another file."""
    own_action(armature)
    names = joint_bones(armature)
    quaternions, _ = bone_channels(rest_rotations(armature), rotations[None], np.zeros((1, 3)))
    for joint in joints:
        bone = armature.pose.bones[names[joint]]
        place, before = Matrix.Translation(bone.location), bone.rotation_quaternion.copy()
        bone.matrix_basis = place @ Quaternion(quaternions[0, joint]).to_matrix().to_4x4()
        if before.dot(bone.rotation_quaternion) < 0:  # between keys of either sign, Blender would go the long way round
            bone.rotation_quaternion.negate()
        channel = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}
        bone.keyframe_insert(channel.get(bone.rotation_mode, "rotation_euler"), frame=frame)


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
