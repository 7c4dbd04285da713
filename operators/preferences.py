"""What the user set once for all photos, as the worker wants it."""

import os
from pathlib import Path

import bpy

PACKAGE = __package__.rpartition(".")[0]
"""The extension's name in Blender, such as `bl_ext.user_default.body_from_image`."""


def preferences(context: bpy.types.Context) -> bpy.types.AddonPreferences:
    """The extension's preferences (panels/preferences.py)."""
    return context.preferences.addons[PACKAGE].preferences


def body_model_file(context: bpy.types.Context) -> Path | None:
    """The user's SMPL file; None for the bundled body."""
    file = preferences(context).body_model
    return Path(bpy.path.abspath(file)) if file else None


def external_python(context: bpy.types.Context) -> Path | None:
    """The Python that the worker shall run on; None for Blender's own."""
    file = preferences(context).external_python
    return Path(bpy.path.abspath(file)) if file else None


def engine_settings(
    context: bpy.types.Context, field_of_view: float = 0, height: float = 0, refine: bool = True
) -> dict[str, object]:
    """The fields of `inference.engine.Settings`. `field_of_view` in degrees, 0 for the photo's own; `height` of the
    person in metres, 0 when nobody knows; `refine` to move the body until it lies on the photo."""
    chosen, file = preferences(context), body_model_file(context)
    return {
        "device": chosen.device,
        # With a thread on every core, Blender's window stutters.
        "threads": chosen.threads or max((os.cpu_count() or 2) - 1, 1),
        "size": chosen.size,
        "body_model": str(file) if file else None,
        "field_of_view": field_of_view or None,
        "height": height or None,
        "refine": refine,
    }
