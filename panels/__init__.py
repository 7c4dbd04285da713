"""What a person sees: the sidebar, the preferences, and the settings that the scene keeps."""

import bpy

from . import file_menus, thumbnail
from .character import (
    VIEW3D_PT_body_from_image_certainty,
    VIEW3D_PT_body_from_image_character,
    VIEW3D_PT_body_from_image_export,
    VIEW3D_PT_body_from_image_shape,
)
from .preferences import BodyFromImagePreferences
from .scene_settings import BodyFromImageSettings
from .sidebar import VIEW3D_PT_body_from_image, VIEW3D_PT_body_from_image_sequence

_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (
        BodyFromImagePreferences,
        BodyFromImageSettings,
        VIEW3D_PT_body_from_image,
        VIEW3D_PT_body_from_image_sequence,
        VIEW3D_PT_body_from_image_character,
        VIEW3D_PT_body_from_image_certainty,
        VIEW3D_PT_body_from_image_shape,
        VIEW3D_PT_body_from_image_export,
    )
)


def register() -> None:
    thumbnail.register()
    _register_classes()
    file_menus.register()
    bpy.types.Scene.body_from_image = bpy.props.PointerProperty(type=BodyFromImageSettings)


def unregister() -> None:
    file_menus.unregister()
    del bpy.types.Scene.body_from_image
    _unregister_classes()
    thumbnail.unregister()
