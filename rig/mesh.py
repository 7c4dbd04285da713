"""The skin: a mesh object with the model's faces, UVs and weights, bound to an armature."""

import bpy
import numpy as np

from ..inference.body.body_model import BodyModel
from .armature import joint_bones
from .axes import points_to_blender

CLAY = (0.62, 0.55, 0.50, 1.0)


PEOPLE = (
    CLAY, (0.80, 0.45, 0.05, 1.0), (0.10, 0.36, 0.62, 1.0), (0.03, 0.42, 0.28, 1.0), (0.62, 0.17, 0.03, 1.0),
    (0.55, 0.22, 0.42, 1.0), (0.75, 0.70, 0.10, 1.0),
)  # fmt: skip
"""Colours of several people in one picture, told apart by people with any kind of colour blindness; linear."""


def create_mesh(model: BodyModel, armature: bpy.types.Object, name: str) -> bpy.types.Object:
    """The mean body as a smooth-shaded mesh object, child of `armature` and deformed by it; not linked to any scene.

    Skinning is plain linear blend skinning; `correctives.add_correctives` adds the `posedirs` of a licensed SMPL file.
    """
    mesh = bpy.data.meshes.new(name)
    set_geometry(mesh, points_to_blender(model.v_template), model.faces)
    if model.vt is not None and model.ft is not None:
        uv_layer = mesh.uv_layers.new(name="UVMap")
        uv_layer.data.foreach_set("uv", np.ascontiguousarray(model.vt[model.ft], np.float32).ravel())
    mesh.materials.append(_plain_material(name))
    body = bpy.data.objects.new(name, mesh)
    _set_weights(body, joint_bones(armature), model.lbs_weights)
    body.parent = armature
    bind(body, armature)
    return body


def paint(body: bpy.types.Object, colour: tuple[float, float, float, float]) -> None:
    """Give a mesh of `create_mesh` another plain colour, in renders, in the solid view and in files."""
    for material in body.data.materials:
        material.diffuse_color = colour
        _shader(material).inputs["Base Color"].default_value = colour
    body.color = colour


def bind(body: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Let `armature` deform `body` by its vertex groups."""
    modifier = body.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    modifier.use_vertex_groups = True


def set_geometry(mesh: bpy.types.Mesh, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Give an empty mesh `vertices` (V, 3) and smooth `faces` (T, 3)."""
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, np.float32).ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(faces, np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    mesh.update(calc_edges=True)


def _set_weights(body: bpy.types.Object, group_names: list[str], weights: np.ndarray) -> None:
    """One vertex group per column of `weights` (V, 24), holding the vertices that it moves."""
    for column, name in enumerate(group_names):
        group = body.vertex_groups.new(name=name)
        for vertex in np.flatnonzero(weights[:, column]).tolist():
            group.add((vertex,), float(weights[vertex, column]), "REPLACE")


def _plain_material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    material.diffuse_color = CLAY
    material.roughness = 0.7
    if bpy.app.version < (5, 0):  # Since then every material has nodes.
        material.use_nodes = True
    shader = _shader(material)
    shader.inputs["Base Color"].default_value = CLAY
    shader.inputs["Roughness"].default_value = 0.7
    return material


def _shader(material: bpy.types.Material) -> bpy.types.Node:
    """By type: the node's name is translated in a Blender that speaks another language."""
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
