"""Entries in Blender's own menus File ▸ Import and File ▸ Export."""

import bpy

EXPORTS = {
    "body_from_image.export_fbx": "Body from Image (.fbx)",
    "body_from_image.export_glb": "Body from Image (.glb)",
    "body_from_image.export_bvh": "Body from Image (.bvh)",
    "body_from_image.export_npz": "Body from Image, AMASS (.npz)",
}


def register() -> None:
    bpy.types.TOPBAR_MT_file_import.append(_draw_imports)
    bpy.types.TOPBAR_MT_file_export.append(_draw_exports)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_export.remove(_draw_exports)
    bpy.types.TOPBAR_MT_file_import.remove(_draw_imports)


def _draw_imports(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator("body_from_image.import_npz", text="Body from Image, AMASS (.npz)")


def _draw_exports(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    for operator, label in EXPORTS.items():
        menu.layout.operator(operator, text=label)
