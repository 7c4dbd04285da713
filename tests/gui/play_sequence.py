"""Sixty frames, one of them broken, to an animated character in Blender's window; and pictures dropped on it."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bpy
from gaps import Gaps, watch_modal
from window import EXCHANGE, drop, facts, install, module, override, play, screenshot, show_sidebar, xdotool

ZIP, FOLDER, PHOTO = sys.argv[sys.argv.index("--") + 1 :]


def state():
    return bpy.context.window_manager.body_from_image


def start():
    """As the file browser does when its button is pressed."""
    with override():
        bpy.ops.body_from_image.estimate_sequence("INVOKE_DEFAULT", directory=str(EXCHANGE / FOLDER))


def keys_of(armature):
    first, last = armature.animation_data.action.frame_range
    return [first, last]


def scenario():
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    install(ZIP)
    yield 0.5
    yield from show_sidebar()
    bpy.ops.ed.undo_push(message="Begin")
    before = len(bpy.data.objects)
    yield from drop(*sorted((EXCHANGE / FOLDER).iterdir()))
    yield lambda: state().share > 0.1
    pressed = time.monotonic()
    xdotool("key", "Escape")
    yield lambda: not state().running
    facts["escape"] = time.monotonic() - pressed
    facts["escape_left"] = len(bpy.data.objects) == before
    calls = watch_modal(module("operators.estimate_sequence").BODY_FROM_IMAGE_OT_estimate_sequence)
    started = time.monotonic()
    start()
    gaps, shares = Gaps(), set()
    while state().running:
        shares.add(round(state().share, 2))
        if state().share > 0.4 and "stage" not in facts:
            facts["stage"] = state().stage
        yield 0.05
    facts["seconds"] = time.monotonic() - started
    facts["gaps"], facts["shares"] = gaps.stop(), sorted(shares)
    facts["error"] = state().error
    yield 0.5
    facts["calls"] = sorted(calls)[-3:]
    armature = bpy.context.active_object
    facts["keys"] = keys_of(armature)
    facts["remarks"] = armature["body_from_image"]["remarks"]
    facts["frames"] = [bpy.context.scene.frame_start, bpy.context.scene.frame_end]
    bpy.context.scene.frame_set(30)
    yield 0.5
    screenshot("sequence")
    xdotool("key", "ctrl+z")
    yield 1.0
    facts["undone"] = len(bpy.data.objects) == before
    xdotool("key", "ctrl+shift+z")
    yield 1.0
    facts["redone"] = keys_of(bpy.context.active_object)
    with override():
        facts["export"] = sorted(bpy.ops.body_from_image.export_fbx(filepath=str(EXCHANGE / "sequence.fbx")))
    yield from drop(EXCHANGE / PHOTO)
    yield lambda: state().running
    yield lambda: not state().running
    facts["dropped"] = [bpy.context.active_object.name, bpy.context.scene.body_from_image.filepath, state().error]


play(scenario)
