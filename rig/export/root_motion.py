"""Where a clip's path is kept, as game engines want it: in the pelvis, nowhere, or in a root bone on the floor."""

from dataclasses import replace

import bpy
import numpy as np

from ...inference.errors import UserError
from ...inference.geometry.rotations import matrix_to_quaternion
from ...inference.motion.smoothing import fill_gaps
from ..armature import joint_bones, placed_betas, rest_frame, rest_joints
from ..character import Character
from ..shape_keys import rest_vertices
from .sampling import SampledClip

ROOT_MOTIONS = ("pelvis", "in_place", "root_bone")
ROOT_BONE, ROOT_LENGTH = "root", 0.3
"""What the root bone is called, and how long it is, metres."""
AHEAD = np.diag([-1.0, -1.0, 1.0])
"""Axes of a root bone that lies on the floor, z up, and points to where SMPL's rest pose faces in Blender: -y."""
TURNED_OVER = 0.35
"""Length of a quaternion's part about the vertical below which somebody upside down has no heading of their own."""


def with_root_motion(clip: SampledClip, character: Character, root_motion: str) -> SampledClip:
    """The clip of a character with its path where `root_motion`, one of `ROOT_MOTIONS`, says: "in_place" takes the
    horizontal path of the pelvis off, "root_bone" hands path and heading to a bone more, the first of the clip, from
    which all others hang, and which stays on z = 0; everything is where it was. Raises UserError where another bone
    bears its name, or the bones rest as no body does."""
    if root_motion == "in_place":
        return _in_place(clip, joint_bones(character.armature)[0])
    return _with_root_bone(clip, character) if root_motion == "root_bone" else clip


def _in_place(clip: SampledClip, pelvis: str) -> SampledClip:
    path = clip.placed()[:, clip.bones.index(pelvis), :3, 3]
    back = np.tile(np.eye(4), (clip.frame_count, 1, 1))
    back[:, :2, 3] = path[0, :2] - path[:, :2]
    to_armature = np.linalg.inv(clip.world) @ back @ clip.world
    return replace(clip, pose=to_armature[:, None] @ clip.pose)


def _with_root_bone(clip: SampledClip, character: Character) -> SampledClip:
    if ROOT_BONE in clip.bones:
        raise UserError(f"{character.armature.name} already has a bone called {ROOT_BONE!r}. Rename that bone first.")
    pelvis = clip.bones.index(joint_bones(character.armature)[0])
    frame = rest_frame(character.armature)
    metres = bpy.context.scene.unit_settings.scale_length
    rest = np.eye(4)
    rest[:3, :3] = frame.turn @ AHEAD
    rest[:3, 3] = metres * frame.place(_below(character)[None])[0]
    placed = np.tile(np.eye(4), (clip.frame_count, 1, 1))
    turned = clip.turned()[:, pelvis] @ frame.turn
    placed[:, :3, :3] = np.linalg.norm(clip.world[:3, 0]) * _about_z(_headings(turned)) @ AHEAD
    placed[:, :2, 3] = clip.placed()[:, pelvis, :2, 3]
    return replace(
        clip,
        bones=(ROOT_BONE, *clip.bones),
        parents=(-1, *(parent + 1 for parent in clip.parents)),
        rest=np.concatenate([rest[None], clip.rest]),
        pose=np.concatenate([(np.linalg.inv(clip.world) @ placed)[:, None], clip.pose], 1),
    )


def _below(character: Character) -> np.ndarray:
    """(3,) the place below the pelvis on the floor that the rest pose stands on, as `rest_frame` takes it."""
    pelvis = rest_joints(character.armature, placed_betas(character.armature))[0]
    return np.array([*pelvis[:2], rest_vertices(character.armature, character.mesh)[:, 2].min()])


def _headings(turned: np.ndarray) -> np.ndarray:
    """Angles (F,) about z of rotations (F, 3, 3), radians, without jumps: the part of each that turns about z (swing
    and twist); of somebody upside down, between what it is before and after."""
    w, _, _, z = np.moveaxis(matrix_to_quaternion(turned), -1, 0)
    upright = np.hypot(w, z) > TURNED_OVER
    angles = 2 * np.arctan2(z, w)
    if not upright.any():
        return np.zeros(len(angles))
    angles[upright] = np.unwrap(angles[upright])
    return fill_gaps(angles, upright)


def _about_z(angles: np.ndarray) -> np.ndarray:
    """(F, 3, 3)."""
    turns = np.tile(np.eye(3), (len(angles), 1, 1))
    turns[:, 0, 0] = turns[:, 1, 1] = np.cos(angles)
    turns[:, 1, 0] = np.sin(angles)
    turns[:, 0, 1] = -turns[:, 1, 0]
    return turns
