"""The bones of the active character to its present shape: `bpy.ops.body_from_image.fit_bones()`."""

from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.character import refit_armature
from .active_character import active_armature, active_character


class BODY_FROM_IMAGE_OT_fit_bones(bpy.types.Operator):
    bl_idname = "body_from_image.fit_bones"
    bl_label = "Fit Bones to Shape"
    bl_description = "Move the joints to where they are in the body that the sliders show. The pose stays"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return active_armature(context) is not None

    def execute(self, context):
        try:
            refit_armature(active_character(context))
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}
