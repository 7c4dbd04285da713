"""Pictures dropped on a 3D view: one becomes a character, several or a film a sequence."""

from pathlib import Path
from typing import ClassVar

import bpy

from ..inference.files.image_headers import IMAGE_SUFFIXES
from .estimate_options import estimate_options
from .run_state import run_state

FILM_SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg")


class BODY_FROM_IMAGE_OT_drop_image(bpy.types.Operator):
    bl_idname = "body_from_image.drop_image"
    bl_label = "Estimate Body from Image"
    bl_description = "Estimate the dropped picture; several pictures, or a film, as a sequence"
    bl_options: ClassVar = {"INTERNAL"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("An estimation is running")
        return not run_state(context).running

    def invoke(self, context, event):
        names = [file.name for file in self.files]
        if len(names) != 1 or Path(names[0]).suffix.lower() in FILM_SUFFIXES:
            files = [{"name": name} for name in names]
            return bpy.ops.body_from_image.estimate_sequence("INVOKE_DEFAULT", directory=self.directory, files=files)
        settings = context.scene.body_from_image
        settings.source, settings.filepath = "FILE", str(Path(self.directory) / names[0])
        return bpy.ops.body_from_image.estimate("INVOKE_DEFAULT", **estimate_options(context))


class BODY_FROM_IMAGE_FH_drop_image(bpy.types.FileHandler):
    bl_idname = "BODY_FROM_IMAGE_FH_drop_image"
    bl_label = "Estimate Body from Image"
    bl_import_operator = "body_from_image.drop_image"
    bl_file_extensions = ";".join(sorted(IMAGE_SUFFIXES | set(FILM_SUFFIXES)))

    @classmethod
    def poll_drop(cls, context):
        return context.area is not None and context.area.type == "VIEW_3D"
