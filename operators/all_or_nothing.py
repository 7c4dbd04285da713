"""Building something in the open file so that a fault halfway leaves nothing of it behind."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

KINDS = ("collections", "objects", "meshes", "armatures", "cameras", "materials", "actions", "images", "texts")
RENDER = (
    "resolution_x", "resolution_y", "resolution_percentage", "pixel_aspect_x", "pixel_aspect_y", "fps", "fps_base",
)  # fmt: skip
SCENE = ("camera", "frame_start", "frame_end")


@contextmanager
def all_or_nothing(scene: bpy.types.Scene) -> Iterator[None]:
    """Remove what the block added to the file, and give `scene` its settings back, when the block raises.

    Undo would do the same, but it is not there without a window.
    """
    before = {kind: set(getattr(bpy.data, kind)) for kind in KINDS}
    render = {name: getattr(scene.render, name) for name in RENDER}
    settings, frame = {name: getattr(scene, name) for name in SCENE}, scene.frame_current
    try:
        yield
    except BaseException:
        added = [block for kind in KINDS for block in getattr(bpy.data, kind) if block not in before[kind]]
        bpy.data.batch_remove(added)
        for owner, values in ((scene.render, render), (scene, settings)):
            for name, value in values.items():
                setattr(owner, name, value)
        scene.frame_set(frame)
        raise
