"""A character's pose as an asset of Blender's pose library: an action of one frame, with a picture of the body."""

import bpy
import numpy as np

from ..inference.geometry.rasterizer import paint, spans_of
from .action import new_action
from .character import Character
from .export.sampling import clip_channels, sample_now

PREVIEW = 128
"""Pixels on a side, as the asset browser draws them."""
OVERSAMPLING = 3
MARGIN = 0.06
LIGHT = np.array([-0.35, -0.75, 0.55])
"""From the front, from above, a little from the body's right; Blender's frame."""
CLAY, AMBIENT = np.array([0.86, 0.78, 0.70]), 0.25


def mark_pose_asset(character: Character, name: str) -> bpy.types.Action:
    """The pose that Blender shows now, corrections and constraints included, as an action called `name` that is marked
    as an asset. All bones are in it, and the root's place; applying it to chosen bones is the pose library's affair.

    The picture is drawn here: Blender's own generator needs a window and a camera, and takes seconds without a GPU.
    """
    armature = character.armature
    clip = sample_now(armature)
    action = new_action(name, armature.name, 1, clip_channels(clip, list(clip.bones)))
    action.asset_mark()
    action.asset_data.description = f"Pose of {armature.name}, frame {bpy.context.scene.frame_current}"
    action.asset_data.tags.new("Body from Image", skip_if_exists=True)
    preview = action.preview_ensure()
    preview.image_size = (PREVIEW, PREVIEW)
    preview.image_pixels_float.foreach_set(_picture(character.mesh).astype(np.float32).ravel())
    return action


def _picture(body: bpy.types.Object) -> np.ndarray:
    """(PREVIEW, PREVIEW, 4) RGBA from the bottom row up: the body as it is posed, seen from the front."""
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.data
    points = _read(mesh.vertices, "co", 3) @ np.array(evaluated.matrix_world.to_3x3()).T
    mesh.calc_loop_triangles()
    corners = _read(mesh.loop_triangles, "vertices", 3, np.int32)
    normals = _vertex_normals(points, corners)
    side = PREVIEW * OVERSAMPLING
    seen = points[:, [0, 2]]
    low, high = seen.min(0), seen.max(0)
    scale = side * (1 - 2 * MARGIN) / (high - low).max()
    triangles = ((seen - (low + high) / 2) * scale + side / 2)[corners]
    shade = AMBIENT + (1 - AMBIENT) * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    canvas = np.full((side, side), np.nan)
    paint(spans_of(triangles, side, side), triangles, shade[corners], points[corners, 1].mean(1), canvas)
    colour = np.where(np.isnan(canvas)[..., None], 0, np.nan_to_num(canvas)[..., None] * CLAY)
    pixels = np.dstack([colour, ~np.isnan(canvas)])
    small = pixels.reshape(PREVIEW, OVERSAMPLING, PREVIEW, OVERSAMPLING, 4).mean((1, 3))
    small[..., :3] /= np.maximum(small[..., 3:], 1e-6)
    return np.clip(small, 0, 1)


def _vertex_normals(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    edges = points[corners[:, 1:]] - points[corners[:, :1]]
    faces = np.cross(edges[:, 0], edges[:, 1])
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, corners[:, corner], faces)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _read(items: bpy.types.bpy_prop_collection, attribute: str, width: int, dtype=np.float32) -> np.ndarray:
    values = np.empty(len(items) * width, dtype)
    items.foreach_get(attribute, values)
    return values.reshape(-1, width)
