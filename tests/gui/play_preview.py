"""What a person sees and does while a film is read: the preview moves, work goes on beside it, undo and Esc leave none
of it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bpy
from gaps import watch_modal
from window import EXCHANGE, facts, install, module, override, play, screenshot, show_sidebar, xdotool

ZIP, FOLDER = sys.argv[sys.argv.index("--") + 1 :]
KINDS = ("objects", "collections", "meshes", "armatures", "cameras", "materials", "actions", "images", "texts")


def running():
    return bpy.context.window_manager.body_from_image.running


def start():
    with override():
        bpy.ops.body_from_image.estimate_sequence("INVOKE_DEFAULT", directory=str(EXCHANGE / FOLDER))


def shown():
    """Where the preview's first vertex is; None when there is no preview."""
    mark = module("rig.preview").MARK
    body = next((item for item in bpy.data.objects if mark in item and item.type == "MESH"), None)
    return None if body is None else tuple(body.data.vertices[0].co)


def blocks():
    return {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in KINDS}


def scenario():
    install(ZIP)
    yield from show_sidebar()
    bpy.ops.ed.undo_push(message="Begin")
    before = blocks()
    calls = watch_modal(module("operators.estimate_sequence").BODY_FROM_IMAGE_OT_estimate_sequence)
    start()
    yield shown
    places = {shown()}
    with override():
        bpy.ops.object.empty_add()
    bpy.context.object.name = "Beside"
    bpy.ops.ed.undo_push(message="Beside")
    beside = sorted([*before["objects"], "Beside"])
    while running():
        if shown() is not None:
            places.add(shown())
        if len(places) == 4:
            screenshot("preview")
        yield 0.05
    facts["poses"], facts["left"] = len(places), shown()
    facts["calls"] = sorted(calls[:-1])[-3:]  # the last one builds the character
    built = blocks()
    facts["built"] = sorted(set(built["objects"]) - set(beside))
    for step in ("undone", "undone_twice"):
        xdotool("key", "ctrl+z")
        yield 1.0
        facts[step] = blocks()["objects"]
    xdotool("key", "ctrl+shift+z")
    yield 1.0
    xdotool("key", "ctrl+shift+z")
    yield 1.0
    facts["redone"], facts["expected"] = blocks() == built, [beside, before["objects"]]
    xdotool("key", "ctrl+z")
    yield 1.0
    xdotool("key", "ctrl+z")
    yield 1.0
    yield from beside_edit_mode(before)


def beside_edit_mode(before):
    """Somebody edits a mesh, and undoes, while the film is read."""
    cube = bpy.data.objects["Cube"]
    with override():
        bpy.context.view_layer.objects.active = cube
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.ed.undo_push(message="Edit")
    start()
    yield shown
    with override():
        bpy.ops.mesh.subdivide()
        bpy.ops.ed.undo_push(message="Subdivide")
    facts["while_editing"] = [bpy.context.mode, running()]
    yield 0.7
    xdotool("key", "ctrl+z")
    yield 1.0
    facts["after_undo"] = [bpy.context.mode, running(), shown() is not None]
    xdotool("key", "Escape")
    yield lambda: not running()
    yield 0.3
    facts["after_escape"] = [bpy.context.mode, shown()]
    with override():
        bpy.ops.object.mode_set(mode="OBJECT")
    facts["escape_left"] = blocks() == before


play(scenario)
