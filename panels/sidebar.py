"""The tab "Body from Image" in the 3D view's sidebar: from the picture to the button."""

import bpy

from ..operators.estimate_options import estimate_options, has_box
from .thumbnail import file_icon
from .wrapped_text import draw_text

THUMBNAIL_SCALE = 7.0


class SidebarPanel:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Body from Image"


class VIEW3D_PT_body_from_image(SidebarPanel, bpy.types.Panel):
    bl_label = "Estimate Body from Image"

    def draw(self, context):
        layout, settings, state = self.layout, context.scene.body_from_image, context.window_manager.body_from_image
        fields = layout.column()
        fields.enabled = not state.running
        chosen = _draw_source(fields, context, settings)
        if chosen:
            _draw_person(fields, settings)
        if state.running:
            layout.progress(text=state.stage, factor=state.share)
            layout.operator("body_from_image.cancel", icon="CANCEL")
            return
        _draw_button(layout, context, chosen)
        _draw_others(layout, context, state)
        if not chosen:
            draw_text(layout, context, _what_to_do(settings), "INFO")
        elif state.error:
            draw_text(layout, context, state.error, "ERROR")


class VIEW3D_PT_body_from_image_sequence(SidebarPanel, bpy.types.Panel):
    bl_label = "Sequence, Video, Motion"
    bl_parent_id = "VIEW3D_PT_body_from_image"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context):
        layout, options = self.layout, estimate_options(context)
        draw_text(layout, context, "A film, pictures or a folder: one moving person, or a character from each picture.")
        column = layout.column(align=True)
        sequence = column.operator("body_from_image.estimate_sequence", text="Estimate Sequence...", icon="FILE_MOVIE")
        for name in ("field_of_view", "height", "stand_on_ground"):
            setattr(sequence, name, options[name])
        column.operator("body_from_image.import_npz", text="Import Motion (.npz)...", icon="IMPORT")


def _draw_source(layout, context, settings) -> bool:
    """Draw what the picture is chosen with, and the picture; returns whether there is one."""
    layout.row().prop(settings, "source", expand=True)
    if settings.source == "IMAGE":
        layout.template_ID(settings, "image", open="image.open")
        if settings.image:
            layout.template_icon(settings.image.preview_ensure().icon_id, scale=THUMBNAIL_SCALE)
        return settings.image is not None
    layout.prop(settings, "filepath", text="")
    icon = file_icon(settings.filepath) if settings.filepath else 0
    if icon:
        layout.template_icon(icon, scale=THUMBNAIL_SCALE)
    elif settings.filepath:
        draw_text(layout, context, "There is no such file. Choose another one.", "ERROR")
    return bool(icon)


def _draw_person(layout, settings) -> None:
    row = layout.row(align=True)
    drawn = has_box(settings)
    if drawn:
        row.prop(settings, "use_box")
    row.operator("body_from_image.draw_box", text="Draw Again" if drawn else "Draw Box...", icon="SELECT_SET")
    lens = layout.column(align=True)
    lens.row(align=True).prop(settings, "lens", expand=True)
    if settings.lens == "ANGLE":
        lens.prop(settings, "field_of_view", text="Field of View (°)")
    elif settings.lens == "FOCAL":
        lens.prop(settings, "focal_length", text="Focal Length (mm)")
    layout.prop(settings, "height", text="Height in Metres")
    layout.prop(settings, "stand_on_ground")


def _draw_button(layout, context, chosen: bool) -> None:
    button = layout.row()
    button.scale_y = 1.4
    button.enabled = chosen
    estimate = button.operator("body_from_image.estimate", text="Estimate", icon="ARMATURE_DATA")
    options = estimate_options(context)
    for name, value in options.items():
        setattr(estimate, name, value)
    if not any(options["box"]):
        # A drawn box says which person it is; without one everybody can be meant.
        row = layout.row()
        row.enabled = chosen
        everybody = row.operator("body_from_image.estimate", text="Everybody in the Picture", icon="COMMUNITY")
        for name, value in options.items():
            setattr(everybody, name, value)
        everybody.people = 0


def _draw_others(layout, context, state) -> None:
    """Who else is in the picture: a click makes a character of them, before the same camera."""
    options = estimate_options(context)
    if state.others_of != (options["image"] or options["filepath"]) or not state.others:
        return
    layout.label(text="Also in the Picture:")
    grid = layout.grid_flow(columns=3, even_columns=True, align=True)
    for other in state.others:
        cell = grid.column(align=True)
        icon = file_icon(other.thumbnail) if other.thumbnail else 0
        if icon:
            cell.template_icon(icon, scale=3.0)
        cell.enabled = not other.done and other.beside in context.scene.objects
        text, sign = ("", "CHECKMARK") if other.done else ("Add", "ADD")
        add = cell.operator("body_from_image.estimate", text=text, icon=sign)
        for name in ("filepath", "image", "field_of_view"):
            setattr(add, name, options[name])
        add.box, add.beside = other.box, other.beside


def _what_to_do(settings) -> str:
    if settings.source == "IMAGE":
        return "Choose an image that is in this .blend, or open one."
    return "Choose a photo of one person, seen whole, or drop one on the 3D view."
