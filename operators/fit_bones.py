"""The bones of the active character to its present shape: `bpy.ops.body_from_image.fit_bones()`."""

from typing import ClassVar

import bpy

from ..rig.character import Character, refit_armature
from .on_character import OnCharacter


class BODY_FROM_IMAGE_OT_fit_bones(OnCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.fit_bones"
    bl_label = "Fit Bones to Shape"
    bl_description = "Move the joints to fit the body shape that the sliders show. The pose stays"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def _apply(self, context, character: Character) -> None:
        refit_armature(character)
