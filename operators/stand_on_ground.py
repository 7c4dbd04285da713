"""The active character onto the floor: `bpy.ops.body_from_image.stand_on_ground()`."""

from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.ground import lower_to_ground
from .active_character import active_armature, active_character


class BODY_FROM_IMAGE_OT_stand_on_ground(bpy.types.Operator):
    bl_idname = "body_from_image.stand_on_ground"
    bl_label = "Stand on Ground"
    bl_description = "Raise or lower character and camera so that the body touches z = 0 in this frame"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Select a character that was made from an image first")
        return active_armature(context) is not None

    def execute(self, context):
        try:
            character = active_character(context)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        movable = [item for item in (character.armature, character.camera) if item is not None]
        lower_to_ground(character.mesh, movable, context.evaluated_depsgraph_get())
        return {"FINISHED"}
