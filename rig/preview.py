"""Somebody of a film, shown while it is still being read: a mesh that is posed anew again and again, and the camera
before which it stands. Nothing else of the scene changes.

There are no bones, which only edit mode can make, and no keys. All of it is marked and looked for by its mark, as undo,
another file, or a person may have taken it away since the last time.
"""

import bpy
import numpy as np

from ..inference.body.body_estimate import CAMERA_FROM_SMPL, BodyEstimate
from .axes import points_to_blender
from .camera import create_camera
from .mesh import set_geometry
from .rest_frame import units_per_metre

MARK = "body_from_image_preview"
"""Custom property of all that a preview consists of."""
KINDS = ("collections", "objects", "meshes", "cameras")


def show_preview(estimate: BodyEstimate, name: str, stand_on_ground: bool) -> None:
    """Show a single picture's estimate, where a character of it would be built in the current scene: as the preview
    that is there already, or as a new one. Whatever is new in a later estimate moves the mesh, never the camera."""
    to_upright = CAMERA_FROM_SMPL.astype(np.float32)  # it is its own inverse
    vertices, pelvis = estimate.vertices[0] @ to_upright, estimate.joints_3d[0, 0] @ to_upright
    body = next((item for item in bpy.data.objects if MARK in item and item.type == "MESH"), None)
    if body is not None and len(body.data.vertices) == len(vertices):
        body.data.vertices.foreach_set("co", points_to_blender(vertices).astype(np.float32).ravel())
        body.data.update()
        return
    remove_preview()
    move = np.array([-pelvis[0], -vertices[:, 1].min(), -pelvis[2]]) if stand_on_ground else np.zeros(3)
    _build(estimate, points_to_blender(vertices), f"{name} (preview)", points_to_blender(move))


def _build(estimate: BodyEstimate, vertices: np.ndarray, name: str, location: np.ndarray) -> None:
    scene = bpy.context.scene
    units, collection, mesh = units_per_metre(scene), bpy.data.collections.new(name), bpy.data.meshes.new(name)
    set_geometry(mesh, vertices, estimate.faces)
    body, camera = bpy.data.objects.new(name, mesh), create_camera(estimate, name, location, units=units)
    body.location, body.scale = units * location, (units,) * 3
    for block in (collection, mesh, body, camera, camera.data):
        block[MARK] = True
    for item in (body, camera):
        item.hide_select = True  # nobody can be editing it when it goes
        collection.objects.link(item)
    scene.collection.children.link(collection)


def remove_preview() -> None:
    """Take everything of a preview out of the file, if there is one."""
    marked = [block for kind in KINDS for block in getattr(bpy.data, kind) if MARK in block and not block.library]
    if marked:
        bpy.data.batch_remove(marked)
