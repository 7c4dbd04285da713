"""The active character's pose into the pose library: `bpy.ops.body_from_image.mark_pose_asset(name=…)`."""

from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.pose_asset import mark_pose_asset
from .active_character import active_armature, active_character


class BODY_FROM_IMAGE_OT_mark_pose_asset(bpy.types.Operator):
    bl_idname = "body_from_image.mark_pose_asset"
    bl_label = "Create Pose Asset"
    bl_description = "Put the pose that is shown now into the pose library of this file, for any character"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    name: bpy.props.StringProperty(
        name="Name", options={"SKIP_SAVE"}, description="What the pose is called. Empty: as the character"
    )

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
        action = mark_pose_asset(character, self.name or character.armature.name)
        self.report({"INFO"}, f"{action.name} is in this file's pose library.")
        return {"FINISHED"}
