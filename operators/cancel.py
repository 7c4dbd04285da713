"""The panel's Cancel button."""

from typing import ClassVar

import bpy

from .run_state import run_state


class BODY_FROM_IMAGE_OT_cancel(bpy.types.Operator):
    bl_idname = "body_from_image.cancel"
    bl_label = "Cancel"
    bl_description = "Stop the running estimation. Esc does the same"
    bl_options: ClassVar = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        return run_state(context).running

    def execute(self, context):
        run_state(context).cancel_requested = True
        return {"FINISHED"}
