"""What was found about the active character, its shape, and its way out of Blender."""

import bpy

from ..operators.active_character import active_armature, record_of
from ..operators.correct import BODY_FROM_IMAGE_OT_next_doubtful_frame
from ..operators.preferences import preferences
from ..operators.reduce_keys import BODY_FROM_IMAGE_OT_reduce_keys
from ..operators.resmooth import BODY_FROM_IMAGE_OT_smooth_motion
from ..operators.show_photo import photo_is_shown
from .sidebar import SidebarPanel
from .wrapped_text import draw_text

TICKED, WARNED = 0.7, 0.4
"""Certainty from which a limb gets a tick, and below which a warning."""


class VIEW3D_PT_body_from_image_character(SidebarPanel, bpy.types.Panel):
    bl_label = "Character"

    def draw(self, context):
        armature = active_armature(context)
        if armature is None:
            draw_text(self.layout, context, "Select a character to see its score, change its shape, or export it.")
            return
        record = record_of(armature)
        if record["score"] is None:
            self.layout.label(text=armature.name, icon="ARMATURE_DATA")
        else:
            self.layout.label(text=f"{armature.name}: score {record['score']:.2f}", icon="ARMATURE_DATA")
        for remark in record["remarks"].splitlines():
            draw_text(self.layout, context, remark, "INFO")
        self._draw_tools(context, record["camera"])

    def _draw_tools(self, context, camera) -> None:
        column = self.layout.column(align=True)
        shown = camera is not None and photo_is_shown(context, camera)
        column.operator("body_from_image.correct_mode", icon="RESTRICT_SELECT_OFF")
        if BODY_FROM_IMAGE_OT_next_doubtful_frame.poll(context):
            row = column.row(align=True)
            row.prop(context.scene.body_from_image, "correction_reach")
            row.operator("body_from_image.next_doubtful_frame", text="", icon="NEXT_KEYFRAME")
        column.operator("body_from_image.refine", icon="SHADERFX")
        row = column.row(align=True)
        row.operator_menu_enum("body_from_image.flip_in_depth", "part", icon="MOD_MIRROR")
        row.operator("body_from_image.next_hypothesis", text="Next", icon="FORWARD")
        column.operator("body_from_image.show_photo", icon="IMAGE_BACKGROUND", depress=shown)
        column.operator("body_from_image.stand_on_ground", icon="ALIGN_BOTTOM")
        if BODY_FROM_IMAGE_OT_smooth_motion.poll(context):
            column.operator("body_from_image.smooth_motion", icon="SMOOTHCURVE")
        if BODY_FROM_IMAGE_OT_reduce_keys.poll(context):
            column.operator("body_from_image.reduce_keys", icon="IPO_BEZIER")


class CharacterPanel(SidebarPanel):
    """A part of the character's panel, there when there is a character."""

    bl_parent_id = "VIEW3D_PT_body_from_image_character"

    @classmethod
    def poll(cls, context):
        return active_armature(context) is not None


class VIEW3D_PT_body_from_image_certainty(CharacterPanel, bpy.types.Panel):
    bl_label = "Certainty"

    @classmethod
    def poll(cls, context):
        armature = active_armature(context)
        return armature is not None and record_of(armature)["certainty"] is not None

    def draw(self, context):
        column = self.layout.column(align=True)
        for limb, certainty in record_of(active_armature(context))["certainty"].items():
            row = column.row(align=True)
            row.label(text="", icon=_icon(certainty))
            row.progress(text=f"{limb} {certainty:.0%}", factor=certainty)


class VIEW3D_PT_body_from_image_shape(CharacterPanel, bpy.types.Panel):
    bl_label = "Shape"

    def draw(self, context):
        armature = active_armature(context)
        column = self.layout.column(align=True)
        for name in armature.data.get("beta_names", ()):
            if name in armature:
                path = f'["{bpy.utils.escape_identifier(name)}"]'
                column.prop(armature, path, text=name.capitalize(), slider=True)
        if preferences(context).body_model:
            row = self.layout.row(align=True)
            row.operator("body_from_image.pose_correctives", icon="ADD").enable = True
            row.operator("body_from_image.pose_correctives", text="Remove", icon="REMOVE").enable = False


class VIEW3D_PT_body_from_image_export(CharacterPanel, bpy.types.Panel):
    bl_label = "Export"

    def draw(self, context):
        settings = context.scene.body_from_image
        column = self.layout.column(align=True)
        column.prop(settings, "bone_names", text="")
        column.operator("body_from_image.export_fbx", icon="EXPORT").bone_names = settings.bone_names
        row = column.row(align=True)
        row.operator("body_from_image.export_glb", text="GLB").bone_names = settings.bone_names
        row.operator("body_from_image.export_bvh", text="BVH").bone_names = settings.bone_names
        row.operator("body_from_image.export_npz", text="npz")
        column = self.layout.column(align=True)
        column.operator("body_from_image.retarget", icon="CON_ARMATURE")
        column.operator("body_from_image.save_bone_map", icon="TEXT")
        column.operator("body_from_image.mark_pose_asset", icon="ASSET_MANAGER")


def _icon(certainty: float) -> str:
    if certainty < WARNED:
        return "ERROR"
    return "CHECKMARK" if certainty >= TICKED else "DOT"
