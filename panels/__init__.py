"""What a person sees: the sidebar, the preferences, and the settings that the scene keeps."""

import bpy

from .preferences import BodyFromImagePreferences
from .scene_settings import BodyFromImageSettings
from .sidebar import VIEW3D_PT_body_from_image, VIEW3D_PT_body_from_image_character

_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (
        BodyFromImagePreferences,
        BodyFromImageSettings,
        VIEW3D_PT_body_from_image,
        VIEW3D_PT_body_from_image_character,
    )
)


def register() -> None:
    _register_classes()
    bpy.types.Scene.body_from_image = bpy.props.PointerProperty(type=BodyFromImageSettings)


def unregister() -> None:
    del bpy.types.Scene.body_from_image
    _unregister_classes()
