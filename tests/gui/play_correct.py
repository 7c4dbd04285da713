"""A wrist put right with the mouse, in Blender's window; keys, Esc, Enter and undo.

The pictures of docs/correct.md are screenshots of this: wrong, dragged and corrected.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bpy
import numpy as np
from gaps import watch_modal
from window import (
    EXCHANGE,
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
    view,
    xdotool,
)

ZIP, PHOTO = sys.argv[sys.argv.index("--") + 1 :]
WRIST, ELSEWHERE = "left_wrist", ("right_wrist", "right_elbow", "left_knee", "right_knee", "left_ankle", "right_ankle")
WRONG = {"left_wrist": (0, -90), "right_ankle": (-40, -70)}
"""Pixels of the photo by which limbs are put wrong before."""


def keypoints():
    """Where the body's keypoints are in the photo (25, 2), and the photo on the screen."""
    correcting = module("operators.correcting")
    characters = module("operators.active_character")
    with override():
        one = correcting.Correcting(bpy.context, characters.active_character(bpy.context))
    mode = module("operators.correct_mode")
    window = region("WINDOW")
    photo = mode.photo_on_screen(
        window, view()[1].spaces.active.region_3d, one.character.camera, one.seen.camera
    )
    return one.pixels(), photo


def on_screen(keypoint):
    """Window coordinates of a keypoint of the body."""
    names = module("inference.geometry.joints").KEYPOINT_INDEX
    return to_window(keypoints()[0][names[keypoint]])


def to_window(place):
    """Window coordinates of a place in the photo."""
    x, y = keypoints()[1].to_screen(place)
    return x + region("WINDOW").x, y + region("WINDOW").y


def places(*names):
    index = module("inference.geometry.joints").KEYPOINT_INDEX
    return keypoints()[0][[index[name] for name in names]]


def said():
    note = module("rig.correction_note")
    return [vars(one) for one in note.read_corrections(bpy.context.active_object)]


class Latency:
    """Seconds from the beginning of each movement of the mouse that moves the body to the end of the next drawing; and
    `ours`, of processor time, until the bones are turned and skin and constraints have followed."""

    def __init__(self):
        self.seconds, self.ours, self._begun = [], [], None
        kind = module("operators.correcting").Correcting
        self._kind, self._follow, latency = kind, kind.follow, self

        def follow(correcting, *arguments):
            latency._begun, began = latency._begun or time.monotonic(), time.process_time()
            latency._follow(correcting, *arguments)
            bpy.context.view_layer.update()
            latency.ours.append(time.process_time() - began)

        kind.follow = follow
        self._handler = bpy.types.SpaceView3D.draw_handler_add(self._drawn, (), "WINDOW", "POST_PIXEL")

    def _drawn(self):
        if self._begun is not None:
            self.seconds.append(time.monotonic() - self._begun)
            self._begun = None

    def stop(self):
        self._kind.follow = self._follow
        bpy.types.SpaceView3D.draw_handler_remove(self._handler, "WINDOW")
        return {"drawn": self.seconds, "ours": self.ours}


def enter():
    yield from find("body_from_image.correct_mode")
    xdotool("click", 1)
    yield 1.0


def press(key):
    xdotool("key", key)
    yield 0.8


def scenario():
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    install(ZIP)
    yield 0.5
    yield from show_sidebar()
    with override():
        bpy.ops.body_from_image.estimate(filepath=str(EXCHANGE / PHOTO))
    bpy.ops.ed.undo_push(message="Estimate")
    yield 1.0
    right = yield from dragged()
    yield from hidden_and_nearer(right)
    yield from escaped()


def make_wrong():
    """Let the estimate be as wrong as estimates are: limbs elsewhere, and nobody said so. Returns where they were."""
    right = places(*WRONG)
    for (name, shift), place in zip(WRONG.items(), right, strict=True):
        with override():
            bpy.ops.body_from_image.correct(keypoint=name, x=place[0] + shift[0], y=place[1] + shift[1])
    module("rig.correction_note").write_corrections(bpy.context.active_object, ())
    bpy.ops.ed.undo_push(message="Wrong")
    yield 0.5
    return right


def dragged():
    right = yield from make_wrong()
    yield from enter()
    facts["view"] = view()[1].spaces.active.region_3d.view_perspective
    screenshot("wrong")
    before, others = places(WRIST), places(*ELSEWHERE)
    facts["height"] = float(np.ptp(keypoints()[0][:, 1]))
    calls = watch_modal(module("operators.correct_mode").BODY_FROM_IMAGE_OT_correct_mode)
    latency, wanted = Latency(), right[0]
    yield from drag(*on_screen(WRIST), *to_window(wanted))
    yield 0.5
    facts["latency"], facts["calls"] = latency.stop(), calls
    screenshot("dragged")
    facts["missed"] = float(np.linalg.norm(places(WRIST)[0] - wanted))
    facts["moved"] = float(np.linalg.norm(places(WRIST)[0] - before[0]))
    facts["others"] = float(np.linalg.norm(places(*ELSEWHERE) - others, axis=1).max())
    facts["said"] = said()
    yield from press("Return")
    with override():
        bpy.ops.ed.undo()
    yield 0.5
    facts["undone"] = float(np.linalg.norm(places(WRIST)[0] - before[0]))
    facts["said_after_undo"] = said()
    with override():
        bpy.ops.ed.redo()
    yield 0.5
    facts["redone"] = float(np.linalg.norm(places(WRIST)[0] - wanted))
    return right


def hidden_and_nearer(right):
    yield from enter()
    yield from drag(*on_screen("right_ankle"), *to_window(right[1]))
    yield 0.3
    screenshot("corrected")
    yield from press("ctrl+z")
    move(*on_screen("right_wrist"))
    yield 0.5
    yield from press("h")
    move(*on_screen("left_ankle"))
    yield 0.5
    yield from press("plus")
    facts["said_by_keys"] = said()
    screenshot("keys")
    yield from press("ctrl+z")
    facts["said_after_taking_back"] = said()
    yield from press("Return")


def escaped():
    before = places(WRIST, *ELSEWHERE)
    facts["said_before_escape"] = said()
    yield from enter()
    x, y = on_screen("right_knee")
    yield from drag(x, y, x - 30, y + 10)
    facts["moved_before_escape"] = float(np.linalg.norm(places(WRIST, *ELSEWHERE) - before, axis=1).max())
    yield from press("Escape")
    facts["escaped"] = float(np.linalg.norm(places(WRIST, *ELSEWHERE) - before, axis=1).max())
    facts["said_after_escape"] = said()


play(scenario)
