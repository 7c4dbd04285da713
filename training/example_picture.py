"""Renders `examples/person.jpg`: a dressed MakeHuman person before a brick wall, by Blender's Cycles.

Needs `bpy`, `anny`, and the data packs `render_assets` and `mocap`. Takes about ten minutes on two cores.
"""

import argparse
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from ..inference.geometry.joints import JOINT_INDEX
from .body.makehuman import EYES, Mesh, dressed_person, read_garment
from .data.packs import pack

WIDTH, HEIGHT = 768, 1024
SHAPE = {"macrodetails/caucasian-male-young": 1.0}
ROUGHNESS = {"cloth": 0.95, "leather": 0.5, "hair": 0.55, "skin": 0.5}
SKIN = "young_lightskinned_male_diffuse"
GARMENTS = {"clothes/male_casualsuit05": "cloth", "clothes/shoes01": "leather", "hair/short02": "hair"}
WORLD = "city"
FRAME, TURN = 45576, 0.0
"""Which mocap frame, and how many degrees the person is turned to their left."""
WALL = 1.6
"""Metres behind the person."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--percent", type=int, default=100, help="of the full size, for a quick look")
    options = parser.parse_args(arguments)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_person(pack("mocap"), pack("render_assets"))
    add_place()
    add_world(pack("render_assets") / "hdri" / f"{WORLD}.hdr")
    add_camera()
    render(options.output, options.samples, options.percent)


def standing_pose(mocap: Path) -> np.ndarray:
    """SMPL's poses (24, 3) of one mocap frame, turned to face the camera."""
    poses = np.load(mocap / "cmu_smpl24.npz")["poses"][FRAME].astype(float)
    poses[0] = (0, np.radians(TURN), 0)
    poses[[JOINT_INDEX["neck"], JOINT_INDEX["head"]]] *= 0.2  # look up, at the camera
    return poses


def add_person(mocap: Path, assets: Path) -> None:
    """Body, eyes, clothes, shoes and hair, standing on z = 0 at the origin and facing -y."""
    garments = {name: read_garment(assets / f"{name}.mhclo.gz") for name in GARMENTS}
    for name, part in dressed_person(SHAPE, garments, standing_pose(mocap)).items():
        x, y, z = part.vertices.T
        part = Mesh(np.column_stack([x, -z, y]), part.polygons, part.uvs)
        if name in GARMENTS:
            texture = next((assets / name).parent.glob(f"{Path(name).name}_diffuse.*"))
            add_mesh(name, part, textured_material(texture, GARMENTS[name]))
        elif name in EYES:
            add_mesh(name, part, eye_material(part.vertices))
        else:
            add_mesh(name, part, textured_material(assets / "skins" / f"{SKIN}.jpg", "skin"))


def add_mesh(name: str, part: Mesh, material: bpy.types.Material) -> None:
    """A smooth, once subdivided object."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(part.vertices.tolist(), [], part.polygons)
    mesh.uv_layers.new(name="uv").data.foreach_set("uv", np.concatenate(part.uvs).ravel())
    mesh.shade_smooth()
    mesh.materials.append(material)
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(thing)
    subdivision = thing.modifiers.new("smooth", "SUBSURF")
    subdivision.levels = subdivision.render_levels = 1


def new_material(name: str, roughness: float) -> tuple:
    """A material, its node tree and its shader node."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = roughness
    return material, material.node_tree, shader


def textured_material(texture: Path, kind: str) -> bpy.types.Material:
    material, tree, shader = new_material(texture.stem, ROUGHNESS[kind])
    image = tree.nodes.new("ShaderNodeTexImage")
    image.image = bpy.data.images.load(str(texture))
    tree.links.new(image.outputs["Color"], shader.inputs["Base Color"])
    if kind == "hair":
        tree.links.new(image.outputs["Alpha"], shader.inputs["Alpha"])
    if kind == "skin":
        shader.inputs["Subsurface Weight"].default_value = 0.15
        shader.inputs["Subsurface Radius"].default_value = (0.01, 0.004, 0.002)
    return material


def eye_material(eye: np.ndarray) -> bpy.types.Material:
    """White with a brown iris: the colour depends on how far a point is from the front of the eyeball."""
    material, tree, shader = new_material("eye", 0.1)
    front = eye[np.argmin(eye[:, 1])]
    nodes, links = tree.nodes, tree.links
    position = nodes.new("ShaderNodeNewGeometry")
    distance = nodes.new("ShaderNodeVectorMath")
    distance.operation = "DISTANCE"
    distance.inputs[1].default_value = front
    ramp = nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.interpolation = "CONSTANT"
    reach = nodes.new("ShaderNodeMath")
    reach.operation = "DIVIDE"
    reach.inputs[1].default_value = 0.02
    stops = ((0.0, (0.01, 0.01, 0.01, 1)), (0.12, (0.12, 0.06, 0.03, 1)), (0.3, (0.75, 0.73, 0.7, 1)))
    for index, (place, colour) in enumerate(stops):
        stop = ramp.color_ramp.elements[index] if index < 2 else ramp.color_ramp.elements.new(place)
        stop.position, stop.color = place, colour
    links.new(position.outputs["Position"], distance.inputs[0])
    links.new(distance.outputs["Value"], reach.inputs[0])
    links.new(reach.outputs["Value"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    return material


def add_place() -> None:
    """A pavement of concrete slabs before a brick wall, and the sun."""
    slabs = bricks_material(
        "slabs", (0.6, 0.6), 0.006, ((0.30, 0.29, 0.27), (0.38, 0.37, 0.35)), (0.10, 0.10, 0.09), 0.0
    )
    wall = bricks_material(
        "wall", (0.24, 0.075), 0.011, ((0.27, 0.115, 0.075), (0.16, 0.07, 0.05)), (0.30, 0.275, 0.245), 0.5
    )
    add_plane("pavement", (0, 0, 0), (0, 0, 0), slabs)
    add_plane("wall", (0, WALL, 0), (np.pi / 2, 0, 0), wall)
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle, sun.color = 3.2, np.radians(1.5), (1.0, 0.93, 0.84)
    thing = bpy.data.objects.new("sun", sun)
    thing.rotation_euler = np.radians((48, 0, -38))
    bpy.context.collection.objects.link(thing)


def add_plane(name: str, location, rotation, material) -> None:
    bpy.ops.mesh.primitive_plane_add(size=40, location=location, rotation=rotation)
    bpy.context.object.name = name
    bpy.context.object.data.materials.append(material)


def bricks_material(name: str, size, joint: float, colours, joint_colour, offset: float):
    """Rows of bricks `size` metres large, weathered by noise, with sunken joints. Object coordinates are metres."""
    material, tree, shader = new_material(name, 0.85)
    nodes, links = tree.nodes, tree.links
    place = nodes.new("ShaderNodeTexCoord")
    bricks = nodes.new("ShaderNodeTexBrick")
    bricks.offset, bricks.squash = offset, 1.0
    settings = {"Scale": 1.0, "Brick Width": size[0], "Row Height": size[1], "Mortar Size": joint, "Mortar Smooth": 0.3}
    for setting, value in settings.items():
        bricks.inputs[setting].default_value = value
    for socket, colour in zip(("Color1", "Color2", "Mortar"), (*colours, joint_colour), strict=True):
        bricks.inputs[socket].default_value = (*colour, 1)
    fine, coarse = (noise(tree, place, scale) for scale in (70, 1.3))
    weathered = mix(tree, bricks.outputs["Color"], fine, 0.55)
    links.new(mix(tree, weathered, coarse, 0.45), shader.inputs["Base Color"])
    height = nodes.new("ShaderNodeMath")
    height.operation = "MULTIPLY_ADD"
    height.inputs[1].default_value = -1.0  # joints lie deeper
    grain = nodes.new("ShaderNodeMath")
    grain.operation = "MULTIPLY"
    grain.inputs[1].default_value = 0.35
    bump = nodes.new("ShaderNodeBump")
    bump.inputs["Distance"].default_value = 0.006
    links.new(place.outputs["Object"], bricks.inputs["Vector"])
    links.new(bricks.outputs["Fac"], height.inputs[0])
    links.new(fine, grain.inputs[0])
    links.new(grain.outputs["Value"], height.inputs[2])
    links.new(height.outputs["Value"], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    return material


def noise(tree, place, scale: float):
    node = tree.nodes.new("ShaderNodeTexNoise")
    node.inputs["Scale"].default_value, node.inputs["Detail"].default_value = scale, 8
    node.inputs["Roughness"].default_value = 0.65
    tree.links.new(place.outputs["Object"], node.inputs["Vector"])
    return node.outputs["Fac"]


def mix(tree, colour, factor, strength: float):
    """The colour, darkened and lightened by a factor around one half."""
    node = tree.nodes.new("ShaderNodeMix")
    node.data_type, node.blend_type = "RGBA", "OVERLAY"
    node.inputs["Factor"].default_value = strength
    tree.links.new(colour, node.inputs["A"])
    tree.links.new(factor, node.inputs["B"])
    return node.outputs["Result"]


def add_world(panorama: Path) -> None:
    """Light from the sky of a photographed place."""
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    image = nodes.new("ShaderNodeTexEnvironment")
    image.image = bpy.data.images.load(str(panorama))
    links.new(image.outputs["Color"], nodes["Background"].inputs["Color"])


def add_camera() -> None:
    """At a photographer's height, five metres away."""
    camera = bpy.data.cameras.new("camera")
    camera.lens, camera.sensor_width, camera.sensor_fit = 50, 36, "VERTICAL"
    thing = bpy.data.objects.new("camera", camera)
    thing.location = (0.25, -4.9, 1.35)
    thing.rotation_euler = (Vector((0, 0, 0.88)) - thing.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(thing)
    bpy.context.scene.camera = thing


def render(output: Path, samples: int, percent: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = samples, True
    scene.view_settings.view_transform = "AgX"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.resolution_percentage = percent
    scene.render.image_settings.file_format = "JPEG" if output.suffix == ".jpg" else "PNG"
    scene.render.image_settings.quality = 92
    scene.render.filepath = str(output.resolve())
    bpy.ops.render.render(write_still=True)
