"""A bone map of one's own as a JSON file: which bone of an armature is which of SMPL's joints, to edit and to share."""

import json
from pathlib import Path

import bpy

from ..inference.errors import UserError
from ..inference.files.destination import replacing
from ..inference.geometry.joints import JOINT_NAMES
from .bone_maps import LIMB_CHAINS, BoneMap

LARGEST = 1_000_000
"""Bytes."""


def write_bone_map(bone_map: BoneMap, path: Path) -> None:
    """Write joint → bone for all joints, null for those without a bone. Raises UserError."""
    bones = {joint: bone_map.bones.get(joint) for joint in JOINT_NAMES}
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(bones, indent=2) + "\n", encoding="utf-8")


def read_bone_map(path: Path, armature: bpy.types.Object) -> BoneMap:
    """The map in a file, for this armature. Raises UserError for what is none, and for bones that the armature lacks:
    nothing is guessed beside it."""
    bones = _entries(path)
    for joint, bone in bones.items():
        if joint not in JOINT_NAMES:
            raise UserError(f"{path.name}: SMPL has no joint {joint!r}. It has {', '.join(JOINT_NAMES)}.")
        if bone not in armature.data.bones:
            raise UserError(f"{path.name}: {armature.name} has no bone {bone!r}, which {joint} is mapped to.")
    if len(set(bones.values())) < len(bones):
        raise UserError(f"{path.name} maps two joints to one bone.")
    needed = {"pelvis", *(joint for chain in LIMB_CHAINS[::2] for joint in chain)}
    if missing := sorted(needed - set(bones)):
        raise UserError(f"{path.name} maps no bone to {', '.join(missing)}. Pelvis and legs are needed.")
    return BoneMap(path.name, bones)


def _entries(path: Path) -> dict[str, str]:
    """What a file maps, without the joints that it leaves out."""
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path.name} is too large for a bone map.")
        listed = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path.name} is no JSON text.") from error
    if not isinstance(listed, dict) or not all(isinstance(bone, str | None) for bone in listed.values()):
        raise UserError(f'{path.name} is no bone map: it must be such as {{"left_hip": "thigh.L", …}}.')
    return {joint: bone for joint, bone in listed.items() if bone is not None}
