"""Pose correctives: what a licensed SMPL file's `posedirs` add to the skin when joints turn (Loper et al. 2015, eq. 9).

In Blender they are shape keys that drivers turn on, nine for each joint: one for each entry of the matrix (R - I) of
its bone. So they follow the pose however it comes about, by keys, by hand, or by constraints. SMPL counts those
entries along its own axes and a bone along its own; the shapes are turned accordingly, once, when they are made.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from ..inference.geometry.joints import JOINT_NAMES
from .armature import BODY_MODEL_PROPERTY, joint_bones, rest_rotations
from .axes import BLENDER_FROM_SMPL, points_to_blender
from .character import Character, skin_frame
from .linked import require_own_data

PREFIX = "corrective "
"""Of the keys' names; what follows is the joint's name, row and column."""
ENTRIES = {
    (0, 0): "-2*(y*y+z*z)", (0, 1): "2*(x*y-w*z)", (0, 2): "2*(x*z+w*y)",
    (1, 0): "2*(x*y+w*z)", (1, 1): "-2*(x*x+z*z)", (1, 2): "2*(y*z-w*x)",
    (2, 0): "2*(x*z-w*y)", (2, 1): "2*(y*z+w*x)", (2, 2): "-2*(x*x+y*y)",
}  # fmt: skip
"""The entries of (R - I), of the unit quaternion w, x, y, z. Blender evaluates such simple expressions itself, without
Python, so they also run where scripts are not trusted."""
NOTHING = 1e-9
"""Metres that no vertex needs a shape key for."""


def add_correctives(character: Character, model: BodyModel) -> int:
    """Give the character's skin the correctives of `model`, driven by its bones; returns how many shape keys that took.

    Those that it already had are replaced. Raises UserError when the model has none or is not the
    character's, and when the mesh is linked from another file.
    """
    armature, body = character.armature, character.mesh
    if model.posedirs is None:
        raise UserError(
            f"The body model {model.name!r} has no pose correctives. Choose an official SMPL file, which has them, in "
            "the extension's preferences, and make the character with it."
        )
    if armature.data[BODY_MODEL_PROPERTY] != model.hash:
        raise UserError(
            f"{armature.name} was made with another body model than {model.name!r}. Choose the one it was made with."
        )
    require_own_data(body)
    remove_correctives(character)
    basis = np.empty(3 * len(model.v_template), np.float32)
    body.data.shape_keys.key_blocks[0].data.foreach_get("co", basis)
    bones, count = joint_bones(armature), 0
    to_skin = skin_frame(character)[:3, :3].T.astype(np.float32)
    for joint, directions in _directions_along_bones(model, rest_rotations(armature)):
        for (row, column), expression in ENTRIES.items():
            offsets = directions[:, :, row, column] @ to_skin
            if np.abs(offsets).max() < NOTHING:
                continue
            key = body.shape_key_add(name=f"{PREFIX}{JOINT_NAMES[joint]} {row}{column}", from_mix=False)
            key.slider_min, key.slider_max = -2.0, 2.0
            key.data.foreach_set("co", basis + np.ascontiguousarray(offsets, np.float32).ravel())
            _drive(key, armature, bones[joint], expression)
            count += 1
    return count


def remove_correctives(character: Character) -> None:
    """Take the correctives from the character's skin; nothing happens when it has none. Raises UserError when the mesh
    is linked from another file."""
    require_own_data(character.mesh)
    for key in corrective_keys(character.mesh):
        key.driver_remove("value")
        character.mesh.shape_key_remove(key)


def corrective_keys(body: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    """The shape keys that are correctives; empty when there are none."""
    keys = body.data.shape_keys
    return [key for key in keys.key_blocks if key.name.startswith(PREFIX)] if keys else []


def entry_of(key: bpy.types.ShapeKey) -> tuple[int, int, int]:
    """Joint, row and column of a corrective."""
    name, place = key.name.removeprefix(PREFIX).rsplit(" ", 1)
    return JOINT_NAMES.index(name), int(place[0]), int(place[1])


@contextmanager
def without_correctives(body: bpy.types.Object) -> Iterator[None]:
    """The skin as it is without correctives, while the block runs."""
    shown = [key for key in corrective_keys(body) if not key.mute]
    for key in shown:
        key.mute = True
    try:
        yield
    finally:
        for key in shown:
            key.mute = False


def _directions_along_bones(model: BodyModel, rest: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each joint and its offsets (V, 3, 3, 3) in Blender's frame, for each entry of (B - I) along its bone's axes.

    R = M B Mᵀ with M = Cᵀ P, so the sum of posedirs · (R - I) is that of (Mᵀ posedirs M) · (B - I).
    """
    posedirs = model.posedirs.reshape(len(model.v_template), 3, len(JOINT_NAMES) - 1, 3, 3)
    for joint in range(1, len(JOINT_NAMES)):
        axes = BLENDER_FROM_SMPL.T @ rest[joint]
        along = np.einsum("rk,vdrc,cl->vdkl", axes, posedirs[:, :, joint - 1], axes, optimize=True)
        yield joint, np.moveaxis(points_to_blender(np.moveaxis(along, 1, -1)), -1, 1)


def _drive(key: bpy.types.ShapeKey, armature: bpy.types.Object, bone: str, expression: str) -> None:
    driver = key.driver_add("value").driver
    driver.type = "SCRIPTED"
    for name in "wxyz":
        if name not in expression:
            continue
        variable = driver.variables.new()
        variable.name, variable.type = name, "TRANSFORMS"
        target = variable.targets[0]
        target.id, target.bone_target = armature, bone
        target.transform_type, target.transform_space = f"ROT_{name.upper()}", "LOCAL_SPACE"
        target.rotation_mode = "QUATERNION"
    driver.expression = expression
