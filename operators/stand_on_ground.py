"""The active character onto the floor: `bpy.ops.body_from_image.stand_on_ground()`."""

from typing import ClassVar

import bpy

from ..rig.character import Character
from ..rig.ground import lower_to_ground
from .active_character import before_the_same_camera
from .on_character import OnCharacter


class BODY_FROM_IMAGE_OT_stand_on_ground(OnCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.stand_on_ground"
    bl_label = "Stand on Ground"
    bl_description = (
        "Raise or lower character, camera and who else is in the photo so that the body touches z = 0 in this frame"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def _apply(self, context, character: Character) -> None:
        movable = before_the_same_camera(context, character)
        movable += [character.camera] if character.camera else []
        lower_to_ground(character.mesh, movable, context.evaluated_depsgraph_get())
