"""The photo behind the active character, seen through its camera: `bpy.ops.body_from_image.show_photo()`."""

from typing import ClassVar

import bpy

from ..rig.scene_setup import set_photo
from .active_character import active_armature, record_of


def photo_is_shown(context: bpy.types.Context, camera: bpy.types.Object) -> bool:
    """Whether this 3D view looks through `camera`, with the photo behind."""
    through = context.space_data.region_3d.view_perspective == "CAMERA" and context.scene.camera == camera
    return through and camera.data.show_background_images


def look_through(context: bpy.types.Context, camera: bpy.types.Object) -> None:
    """Let this 3D view look through `camera`, with the photo behind."""
    context.scene.camera = camera
    camera.data.show_background_images = True
    context.space_data.region_3d.view_perspective = "CAMERA"
    window = next(region for region in context.area.regions if region.type == "WINDOW")
    with context.temp_override(region=window):
        bpy.ops.view3d.view_center_camera()


class BODY_FROM_IMAGE_OT_show_photo(bpy.types.Operator):
    bl_idname = "body_from_image.show_photo"
    bl_label = "Show Photo Behind"
    bl_description = (
        "Look through the camera that took the photo, with the photo behind the character. The scene takes over its "
        "camera and size. Press again to look away"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Select a character that has a camera and a photo, in a 3D view")
        armature = active_armature(context)
        if armature is None or context.area is None or context.area.type != "VIEW_3D":
            return False
        camera = record_of(armature)["camera"]
        return camera is not None and bool(camera.data.background_images)

    def execute(self, context):
        camera = record_of(active_armature(context))["camera"]
        view = context.space_data.region_3d
        if photo_is_shown(context, camera):
            view.view_perspective = "PERSP"
            return {"FINISHED"}
        background = camera.data.background_images[0].image
        if background is not None and all(background.size):
            set_photo(tuple(background.size), camera)
        look_through(context, camera)
        return {"FINISHED"}
