"""The tab "Body from Image" in the 3D view's sidebar."""

import bpy

from ..operators.active_character import active_armature, record_of
from .wrapped_text import draw_text


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
        fields.prop(settings, "filepath", text="")
        fields.prop(settings, "field_of_view", text="Field of View (0: automatic)")
        fields.prop(settings, "stand_on_ground")
        if state.running:
            layout.progress(text=state.stage, factor=state.share)
            layout.operator("body_from_image.cancel", icon="CANCEL")
            return
        button = layout.row()
        button.scale_y = 1.4
        button.enabled = bool(settings.filepath)
        estimate = button.operator("body_from_image.estimate", text="Estimate", icon="ARMATURE_DATA")
        for name in ("filepath", "field_of_view", "stand_on_ground"):
            setattr(estimate, name, getattr(settings, name))
        if not settings.filepath:
            draw_text(layout, context, "Choose a photo of one person, seen whole.", "INFO")
        elif state.error:
            draw_text(layout, context, state.error, "ERROR")


class VIEW3D_PT_body_from_image_character(SidebarPanel, bpy.types.Panel):
    bl_label = "Character"

    def draw(self, context):
        armature = active_armature(context)
        if armature is None:
            draw_text(self.layout, context, "Select a character to see its score, change its shape, or export it.")
            return
        self._draw_estimate(context, armature)
        self._draw_shape(armature)
        self._draw_export(context)

    def _draw_estimate(self, context, armature) -> None:
        record = record_of(armature)
        score = "" if record["score"] is None else f": score {record['score']:.2f}"
        self.layout.label(text=armature.name + score, icon="ARMATURE_DATA")
        for remark in record["remarks"].splitlines():
            draw_text(self.layout, context, remark, "INFO")

    def _draw_shape(self, armature) -> None:
        column = self.layout.column(align=True)
        column.label(text="Shape")
        for name in armature.data.get("beta_names", ()):
            if name in armature:
                path = f'["{bpy.utils.escape_identifier(name)}"]'
                column.prop(armature, path, text=name.capitalize(), slider=True)
        column.operator("body_from_image.fit_bones", icon="BONE_DATA")

    def _draw_export(self, context) -> None:
        settings = context.scene.body_from_image
        column = self.layout.column(align=True)
        column.label(text="Export")
        column.prop(settings, "bone_names", text="")
        column.operator("body_from_image.export_fbx", icon="EXPORT").bone_names = settings.bone_names
