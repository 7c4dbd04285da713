"""An action with as few keys as its motion needs: Bézier curves between them, the body where it was in every frame."""

import bpy
import numpy as np

from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from ..inference.geometry.rotations import continuous_quaternions
from ..inference.motion.reduced_keys import reduce_keys, slopes
from .action import curves_of, key_every_frame, key_smoothly, own_action
from .armature import joint_bones, rest_frame, rest_rotations
from .pose import motion_of_channels
from .shape_keys import betas_of

REDUCED = "body_from_image_reduced"
"""Custom property of an action whose keys were reduced."""


def reduce_action(armature: bpy.types.Object, model: BodyModel, tolerance: float) -> tuple[int, int]:
    """Leave as few keys of the 24 bones' rotations and the root's place as hold the body within `tolerance` metres of
    where it is now in every frame (see `inference.motion.reduced_keys`). Other curves stay. Returns how many keys those
    curves had, and how many they have.

    Raises UserError without an action that keys all bones by quaternions, or one that is linked from another file.
    """
    own_action(armature)
    tracks = _tracks(armature)
    first, last = (round(frame) for frame in armature.animation_data.action.frame_range)
    values = [_values(own, first, last) for own in tracks]
    quaternions = continuous_quaternions(np.stack(values[:-1], 1))
    quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
    scale = rest_frame(armature).scale
    rotations, transl = motion_of_channels(rest_rotations(armature), quaternions, values[-1], scale)
    keys = reduce_keys(model, betas_of(armature), rotations, transl, tolerance)
    before = sum(len(curve.keyframe_points) for own in tracks for curve in own)
    for own, frames, kept in zip(tracks, keys, [*quaternions.swapaxes(0, 1), values[-1]], strict=True):
        for curve, value, slope in zip(own, kept[frames].T, slopes(kept)[frames].T, strict=True):
            key_smoothly(curve, first + frames, value, slope)
    armature.animation_data.action[REDUCED] = True
    return before, sum(len(curve.keyframe_points) for own in tracks for curve in own)


def restore_keys(armature: bpy.types.Object) -> None:
    """Let curves that `reduce_action` left few keys have one in each frame again; those of other actions stay."""
    animation = armature.animation_data
    if animation and animation.action and REDUCED in animation.action:
        own_action(armature)
        key_every_frame(curve for own in _tracks(armature) for curve in own)


def _tracks(armature: bpy.types.Object) -> list[list[bpy.types.FCurve]]:
    """The curves of each of the 24 bones' rotations, and of the root's place."""
    bones = joint_bones(armature)
    curves = {(curve.data_path, curve.array_index): curve for curve in curves_of(armature)}
    tracks = [_curves(armature, curves, bone, "rotation_quaternion", 4) for bone in bones]
    return [*tracks, _curves(armature, curves, bones[0], "location", 3)]


def _curves(armature: bpy.types.Object, curves: dict, bone: str, channel: str, width: int) -> list[bpy.types.FCurve]:
    path = armature.pose.bones[bone].path_from_id(channel)
    own = [curves.get((path, index)) for index in range(width)]
    if None in own:
        raise UserError(
            f"The {channel.split('_')[0]} of {bone} has no keys as {armature.name} was keyed when it was made, so they "
            "cannot be reduced. Choose the character's own action."
        )
    return own


def _values(curves: list[bpy.types.FCurve], first: int, last: int) -> np.ndarray:
    """(F, n) what curves say in each frame."""
    return np.array([[curve.evaluate(frame) for curve in curves] for frame in range(first, last + 1)])
