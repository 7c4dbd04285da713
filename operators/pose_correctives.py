"""A licensed SMPL file's pose correctives on the active character: `bpy.ops.body_from_image.pose_correctives()`."""

from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.correctives import add_correctives, remove_correctives
from .active_character import active_armature, active_character
from .estimation import load_body_model
from .preferences import body_model_file


class BODY_FROM_IMAGE_OT_pose_correctives(bpy.types.Operator):
    bl_idname = "body_from_image.pose_correctives"
    bl_label = "Pose Correctives"
    bl_description = (
        "Let the skin bulge and fold as joints bend, as an official SMPL file says. Follows every pose and is exported"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    enable: bpy.props.BoolProperty(
        name="Enable", default=True, description="Add the correctives; off: take them from the skin"
    )

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Select a character that was made from an image first")
        return active_armature(context) is not None

    def execute(self, context):
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        try:
            character = active_character(context)
            if self.enable:
                add_correctives(character, load_body_model(body_model_file(context)))
            else:
                remove_correctives(character)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}
