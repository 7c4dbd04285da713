"""OBJ: the skin as Blender shows it in the current frame; y up, metres. Shape, triangles and UVs, no skeleton."""

from pathlib import Path

import bpy
import numpy as np

from ..axes import points_to_smpl
from ..character import Character
from .options import ExportOptions


def write_obj(character: Character, path: Path, options: ExportOptions) -> None:
    """Write the posed mesh. `options` are not used: there are no bones and no clip in the file."""
    body = character.mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = body.to_mesh()
    try:
        metres = np.diag([bpy.context.scene.unit_settings.scale_length] * 3 + [1])
        lines = _lines(mesh, metres @ np.array(body.matrix_world), character.mesh.name)
    finally:
        body.to_mesh_clear()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lines(mesh: bpy.types.Mesh, world: np.ndarray, name: str) -> list[str]:
    vertices = _read(mesh.vertices, "co", 3).astype(np.float64)
    lines = [f"o {name}"]
    placed = points_to_smpl(vertices @ world[:3, :3].T + world[:3, 3])
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in placed.tolist()]
    corners = [str(vertex + 1) for vertex in _read(mesh.loops, "vertex_index", 1).ravel().tolist()]
    if mesh.uv_layers.active:
        coordinates, index = np.unique(_read(mesh.uv_layers.active.data, "uv", 2), axis=0, return_inverse=True)
        lines += [f"vt {u:.6f} {v:.6f}" for u, v in coordinates.tolist()]
        corners = [f"{corner}/{texture + 1}" for corner, texture in zip(corners, index.ravel().tolist(), strict=True)]
    lines.append("s 1")
    for face in mesh.polygons:
        lines.append("f " + " ".join(corners[face.loop_start : face.loop_start + face.loop_total]))
    return lines


def _read(items: bpy.types.bpy_prop_collection, attribute: str, width: int) -> np.ndarray:
    values = np.empty(len(items) * width, np.int32 if attribute == "vertex_index" else np.float32)
    items.foreach_get(attribute, values)
    return values.reshape(-1, width)
