"""Run as a script: read exported files back in a fresh Blender and write what it sees as npz.

`python read_with_blender.py FRAME_RATE FILE OUT.npz [FILE OUT.npz …]`
"""

import sys

import bpy
import numpy as np


def read(file):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if file.endswith(".blend"):
        bpy.ops.wm.open_mainfile(filepath=file)
        return
    bpy.context.scene.render.fps = round(float(sys.argv[1]))
    if file.endswith(".fbx"):
        bpy.ops.import_scene.fbx(filepath=file)
    elif file.endswith(".glb"):
        bpy.ops.import_scene.gltf(filepath=file)
    elif file.endswith(".bvh"):
        bpy.ops.import_anim.bvh(filepath=file)
    elif file.endswith(".obj"):
        bpy.ops.wm.obj_import(filepath=file)


def describe():
    objects = bpy.context.scene.objects
    meshes = [item for item in objects if item.type == "MESH" and "body" in item.name]
    armatures = [item for item in objects if item.type == "ARMATURE"]
    facts = {"clips": len(bpy.data.actions), "objects": sorted(item.name for item in objects)}
    frames = range(1, 2)
    if armatures:
        (armature,) = armatures
        bones = armature.data.bones
        first, last = armature.animation_data.action.frame_range
        frames = range(round(first), round(last) + 1)
        facts["bones"] = [bone.name for bone in bones]
        facts["scale"] = np.array(armature.matrix_world.to_scale())
        facts["rest"] = np.array([armature.matrix_world @ bone.head_local for bone in bones])
    joints, vertices = [], []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        if armatures:
            joints.append([armature.matrix_world @ armature.pose.bones[name].head for name in facts["bones"]])
        if meshes:
            body = meshes[0].evaluated_get(depsgraph)
            points = np.empty(len(body.data.vertices) * 3, np.float32)
            body.data.vertices.foreach_get("co", points)
            world = np.array(body.matrix_world)
            vertices.append(points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
    return facts | {"joints": np.array(joints), "vertices": np.array(vertices)}


for path, out in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
    read(path)
    np.savez(out, **describe())
