"""Sentences in Blender's interface, which cuts a label off where it does not wrap it."""

import textwrap

import bpy

PIXELS_PER_CHARACTER = 7
MARGIN = 50


def draw_text(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """Draw `text` in lines as wide as the region, the icon before the first one."""
    scale = context.preferences.system.ui_scale
    width = context.region.width / scale if context.region else 300
    column = layout.column(align=True)
    column.scale_y = 0.8
    for line in textwrap.wrap(text, max(int((width - MARGIN) / PIXELS_PER_CHARACTER), 16)):
        column.label(text=line, icon=icon)
        icon = "BLANK1" if icon != "NONE" else icon
