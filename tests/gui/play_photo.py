"""A photo from click to character, in Blender's window; what goes wrong on the way, and what is done with it after.

The pictures of docs/tutorial.md are screenshots of this: ready, refined and slider.
"""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bpy
from gaps import Gaps, watch_modal
from window import (
    EXCHANGE,
    PACKAGE,
    drag,
    facts,
    find,
    install,
    module,
    move,
    override,
    play,
    region,
    screenshot,
    show_sidebar,
    sidebar_screenshot,
    view,
    xdotool,
)

ZIP, PHOTO, EMPTY = sys.argv[sys.argv.index("--") + 1 :]
KINDS = ("objects", "collections", "meshes", "armatures", "cameras", "materials", "actions", "images")


def state():
    return bpy.context.window_manager.body_from_image


def settings():
    return bpy.context.scene.body_from_image


def blocks():
    return {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in KINDS}


def bones_fit():
    return bool(module("rig.character").bones_fit_shape(bpy.context.active_object))


def head_height():
    """Where the head's joint is, in the armature at rest."""
    armature = bpy.context.active_object
    return armature.data.bones[module("rig.armature").joint_bones(armature)[15]].head_local.z


def over_viewport():
    place = region("WINDOW")
    move(place.x + place.width * 0.3, place.y + place.height * 0.3)
    yield 0.3


def press(key):
    yield from over_viewport()
    xdotool("key", key)
    yield 0.6


def click(wanted):
    yield from find(wanted)
    xdotool("click", 1)


def click_estimate():
    """Click; returns when the click was made."""
    yield from find("body_from_image.estimate(")
    clicked = time.monotonic()
    xdotool("click", 1)
    yield lambda: state().running
    return clicked


def estimate():
    """Click and wait for the end; returns the seconds from one to the other."""
    clicked = yield from click_estimate()
    yield lambda: not state().running
    return time.monotonic() - clicked


def choose(file):
    """Fill in the panel's field; like a person's typing, that is a step of its own for undo."""
    settings().filepath = file
    bpy.ops.ed.undo_push(message="Choose")
    view()[1].tag_redraw()


def select(name):
    """Select the character of this name; with none, nothing."""
    for item in bpy.context.selected_objects:
        item.select_set(False)
    armature = bpy.data.objects.get(name)
    if armature:
        armature.select_set(True)
    bpy.context.view_layer.objects.active = armature


def scenario():
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    install(ZIP)
    import addon_utils

    facts["warnings"] = {name: list(texts) for name, texts in addon_utils._extensions_warnings_get().items()}
    yield 0.5
    yield from show_sidebar()
    sidebar_screenshot("empty")
    choose(str(EXCHANGE / PHOTO))
    yield 1.5
    sidebar_screenshot("ready")
    yield from first_estimate()
    yield from undo_and_redo()
    yield from escape()
    yield from nobody()
    yield from worker_killed()
    yield from worker_hung()
    yield from photo_behind()
    yield from shape_slider()
    yield from box()
    yield from character_panel()
    yield from save_and_reopen()
    exports()
    yield from body_model_deleted()


def first_estimate():
    gaps = Gaps()
    yield 2.0
    facts["gaps_idle"] = gaps.stop()
    facts["before"] = blocks()
    operator = module("operators.estimate").BODY_FROM_IMAGE_OT_estimate
    calls = watch_modal(operator)
    shares = set()
    clicked = yield from click_estimate()
    gaps = Gaps()
    while state().running:
        shares.add((round(state().share, 2), state().stage))
        yield 0.01
    facts["cold"] = time.monotonic() - clicked
    facts["gaps_cold"], facts["shares"] = gaps.stop(), sorted(shares)
    facts["estimated"], facts["error"] = blocks(), state().error
    facts["provider"] = state().provider
    yield 0.5
    screenshot("estimated")
    facts["calls_cold"] = sorted(calls)[-3:]


def undo_and_redo():
    yield from press("ctrl+z")
    facts["undone"], facts["path_after_undo"] = blocks(), settings().filepath
    yield from press("ctrl+shift+z")
    facts["redone"] = blocks()
    yield from press("ctrl+z")
    operator = module("operators.estimate").BODY_FROM_IMAGE_OT_estimate
    calls = watch_modal(operator)
    clicked = yield from click_estimate()
    gaps = Gaps()
    yield lambda: not state().running
    facts["warm"] = time.monotonic() - clicked
    facts["gaps_warm"], facts["calls_warm"] = gaps.stop(), sorted(calls)[-3:]


def hold_worker():
    """Let the warm worker stand still, so that what happens meanwhile does not depend on who is quicker."""
    process = module("operators.estimation").worker.process_id
    os.kill(process, signal.SIGSTOP)
    return process


def escape():
    before = blocks()
    hold_worker()
    yield from click_estimate()
    state().share, state().stage = 0.5, "Finding the person"
    select("")
    yield 0.5
    sidebar_screenshot("running")
    pressed = time.monotonic()
    xdotool("key", "Escape")
    yield lambda: not state().running
    facts["escape"] = time.monotonic() - pressed
    facts["escape_left"] = blocks() == before
    facts["worker_after_escape"] = module("operators.estimation").worker.process_id


def nobody():
    choose(str(EXCHANGE / EMPTY))
    yield 1.0
    yield from estimate()
    facts["nobody"] = state().error
    yield from over_viewport()
    yield from press("Escape")  # Blender's own message goes, the panel's stays
    sidebar_screenshot("error")
    choose(str(EXCHANGE / PHOTO))
    yield 1.0


def worker_killed():
    before, process = blocks(), hold_worker()
    yield from click_estimate()
    os.kill(process, signal.SIGKILL)
    yield lambda: not state().running
    facts["killed"], facts["killed_left"] = state().error, blocks() == before
    yield from estimate()
    facts["error_after_killed"] = state().error


def worker_hung():
    worker = module("operators.estimation").worker
    patience, worker._patience = worker._patience, 1.0
    hold_worker()
    yield from click_estimate()
    yield lambda: not state().running
    worker._patience = patience
    facts["hung"] = state().error
    facts["seconds_after_hung"] = yield from estimate()
    facts["error_after_hung"] = state().error


def shape_slider():
    armature = bpy.context.active_object
    with override():
        bpy.ops.view3d.view_selected()
    before = armature["stature"], head_height()
    x, y = yield from find('["stature"]')
    gaps = Gaps()
    yield from drag(x, y, x + 60, y)
    facts["gaps_slider"] = gaps.stop()
    yield 0.5
    facts["slider"] = {"before": before, "after": (armature["stature"], head_height()), "fit": bones_fit()}
    screenshot("slider")
    yield from press("ctrl+z")
    armature = bpy.context.active_object
    facts["slider_undone"] = {"after": (armature["stature"], head_height()), "fit": bones_fit()}
    yield from press("ctrl+shift+z")
    facts["slider_redone"] = {"after": (bpy.context.active_object["stature"], head_height()), "fit": bones_fit()}
    facts["mode"] = bpy.context.mode
    for item in (bpy.context.active_object, bpy.context.active_object["body_from_image"]["camera"]):
        item.location.z += 1.0
    yield from click("body_from_image.stand_on_ground(")
    yield 0.5
    facts["lowest"] = lowest_point()


def lowest_point():
    body = bpy.context.active_object["body_from_image"]["mesh"]
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return min((evaluated.matrix_world @ vertex.co).z for vertex in evaluated.data.vertices)


def elbow():
    armature = bpy.context.active_object
    return armature.pose.bones[module("rig.armature").joint_bones(armature)[19]].head.copy()


def hide_all_but_active():
    active = bpy.context.active_object
    parts = (active, active["body_from_image"]["mesh"], active["body_from_image"]["camera"])
    for item in bpy.context.scene.objects:
        item.hide_set(item not in parts)


def photo_behind():
    hide_all_but_active()
    yield from click("body_from_image.show_photo(")
    yield 0.8
    facts["through_camera"] = view()[1].spaces.active.region_3d.view_perspective
    screenshot("photo_behind")
    before = elbow()
    yield from click("body_from_image.refine(")
    yield 1.5
    facts["refined"] = (elbow() - before).length
    screenshot("refined")
    yield from click("body_from_image.show_photo(")
    yield 0.5
    facts["looked_away"] = view()[1].spaces.active.region_3d.view_perspective


def box():
    yield from click("body_from_image.draw_box(")
    yield lambda: not state().running
    yield 1.0
    yield from press("Escape")
    facts["box_after_escape"] = [settings().use_box, *settings().box]
    yield from click("body_from_image.draw_box(")
    yield lambda: not state().running
    yield 1.0
    window = region("WINDOW")
    place = module("operators.box_overlay").fit_picture(view()[1], window, 768, 1024)
    left, bottom, right, top = place
    width, height = right - left, top - bottom
    ends = (left + 0.1 * width, bottom + 0.95 * height), (left + 0.9 * width, bottom + 0.05 * height)
    points = [(window.x + x, window.y + y) for x, y in ends]
    move(*points[0])
    yield 0.2
    xdotool("mousedown", 1)
    yield 0.2
    move(*points[1])
    yield 0.4
    screenshot("box")
    xdotool("mouseup", 1)
    yield 0.5
    facts["box"] = [settings().use_box, *settings().box]
    facts["images_after_box"] = blocks()["images"]
    yield from estimate()
    facts["error_with_box"] = state().error


def character_panel():
    """With made-up numbers, so that the picture does not depend on the networks."""
    armature = bpy.context.active_object
    record = armature["body_from_image"]
    record["score"], record["remarks"] = 0.72, "Not seen, so guessed: arms."
    for number, limb in enumerate(record["certainty"]):
        record["certainty"][limb] = 0.9 - 0.15 * number
    for name in armature.data["beta_names"]:
        armature[name] = 0.0
    settings().use_box, settings().filepath = False, ""
    armature.name = "somebody"
    armature.update_tag()
    yield from over_viewport()
    yield 1.0
    sidebar_screenshot("character")


def save_and_reopen():
    settings().filepath = str(EXCHANGE / PHOTO)
    name = bpy.context.active_object.name
    bpy.ops.wm.save_as_mainfile(filepath=str(EXCHANGE / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(EXCHANGE / "scene.blend"))
    yield 1.0
    armature = bpy.context.active_object
    facts["reopened"] = [armature.name == name, settings().filepath, armature["body_from_image"]["score"]]
    yield from show_sidebar()
    before = head_height()
    armature["stature"] = 2.0
    armature.update_tag()
    yield 1.0
    facts["live_after_reopening"] = [head_height() - before, bones_fit()]
    facts["estimate_after_reopening"] = yield from estimate()


def exports():
    with override():
        facts["export"] = attempt(bpy.ops.body_from_image.export_fbx, filepath=str(EXCHANGE / "person.fbx"))
        facts["full_disk"] = attempt(bpy.ops.body_from_image.export_fbx, filepath="/mnt/small/person.fbx")
    facts["left_on_full_disk"] = os.listdir("/mnt/small")


def attempt(operator, **options):
    try:
        return sorted(operator(**options))
    except RuntimeError as error:
        return str(error)


def body_model_deleted():
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    bundled = Path(module("inference.body_model").BUNDLED_BODY)
    licensed = EXCHANGE / "licensed.npz"
    licensed.write_bytes(bundled.read_bytes())
    preferences.body_model = str(licensed)
    facts["body_model"] = [preferences.body_model_usable, preferences.body_model_verdict]
    licensed.unlink()
    before = blocks()
    yield from estimate()
    facts["body_model_deleted"], facts["body_model_left"] = state().error, blocks() == before
    preferences.body_model = ""
    facts["seconds_with_bundled_body"] = yield from estimate()
    facts["error_with_bundled_body"] = state().error


play(scenario)
