"""What the panel's fields mean to the operators that estimate."""

import bpy


def estimate_options(context: bpy.types.Context) -> dict[str, object]:
    """The properties of `body_from_image.estimate` as the panel is filled in."""
    settings = context.scene.body_from_image
    return {
        "filepath": settings.filepath if settings.source == "FILE" else "",
        "image": settings.image.name if settings.source == "IMAGE" and settings.image else "",
        "box": tuple(settings.box) if settings.use_box else (0, 0, 0, 0),
        "field_of_view": settings.field_of_view,
        "height": settings.height,
        "stand_on_ground": settings.stand_on_ground,
    }
