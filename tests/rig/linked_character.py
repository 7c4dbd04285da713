"""A character in a file of its own, brought into another one as studios do."""

import bpy
import numpy as np

WAYS = ("linked", "override")


def bring_in(file, collection, way):
    """Link `collection` of a .blend into an empty file, or make an override of it; its objects by their names."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(file), link=True) as (_, wanted):
        wanted.collections = [collection]
    linked = bpy.data.collections[collection]
    if way == "override":
        linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    else:
        bpy.context.scene.collection.children.link(linked)
    bpy.context.view_layer.update()
    return {item.name: item for item in bpy.context.scene.objects}


def curves(action):
    """Each curve's path and index, with its keys' values."""
    if hasattr(action, "layers"):
        (bag,) = (bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags)
        found = bag.fcurves
    else:
        found = action.fcurves
    return {(one.data_path, one.array_index): np.array([key.co[1] for key in one.keyframe_points]) for one in found}
