"""AMASS's npz: what the character does now, with all corrections, as SMPL's rotations and translation, z up."""

from pathlib import Path

import numpy as np

from ...inference.files.amass import write_motion
from ...inference.geometry.joints import JOINT_PARENTS
from ...inference.geometry.rotations import matrix_to_axis_angle
from ..armature import BODY_MODEL_PROPERTY, rest_joints
from ..axes import BLENDER_FROM_SMPL, points_to_smpl, rotations_to_smpl
from ..character import Character
from ..shape_keys import betas_of
from .options import ExportOptions
from .sampling import sample_joints


def write_npz(character: Character, path: Path, options: ExportOptions) -> None:
    """Write every frame of the clip. Blender's world is AMASS's: z up, so what stands upright here does so there.

    SMPL's joints only turn: bones that were moved or scaled by hand keep their turn and lose the rest.
    """
    armature = character.armature
    clip = sample_joints(armature)
    turned = clip.turned()
    relative = turned.copy()
    relative[:, 1:] = np.swapaxes(turned[:, JOINT_PARENTS[1:]], -1, -2) @ turned[:, 1:]
    rotations = rotations_to_smpl(relative)
    rotations[:, 0] = BLENDER_FROM_SMPL @ rotations[:, 0]
    betas = betas_of(armature)
    pelvis_rest = points_to_smpl(rest_joints(armature, betas)[0])
    write_motion(
        path,
        matrix_to_axis_angle(rotations).reshape(clip.frame_count, -1),
        clip.placed()[:, 0, :3, 3] - pelvis_rest,
        betas,
        clip.frame_rate,
        armature.data[BODY_MODEL_PROPERTY],
    )
