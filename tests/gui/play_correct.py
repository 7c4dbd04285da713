"""A wrist put right with the mouse, in Blender's window; keys, Esc, Enter and undo.

The pictures of docs/correct.md are screenshots of this: wrong, dragged and corrected.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bpy
import numpy as np
import window
from gaps import watch_modal

ZIP, PHOTO = sys.argv[sys.argv.index("--") + 1 :]
WRIST, ELSEWHERE = "left_wrist", ("right_wrist", "right_elbow", "left_knee", "right_knee", "left_ankle", "right_ankle")
WRONG = {"left_wrist": (0, -90), "right_ankle": (-40, -70)}
"""Pixels of the photo by which limbs are put wrong before."""


def keypoints():
    """Where the body's keypoints are in the photo (25, 2), and the photo on the screen."""
    correcting = window.module("operators.correcting")
    characters = window.module("operators.active_character")
    with window.override():
        one = correcting.Correcting(bpy.context, characters.active_character(bpy.context))
    mode = window.module("operators.correct_mode")
    region = window.region("WINDOW")
    photo = mode.photo_on_screen(
        region, window.view()[1].spaces.active.region_3d, one.character.camera, one.seen.camera
    )
    return one.pixels(), photo


def on_screen(keypoint):
    """Window coordinates of a keypoint of the body."""
    names = window.module("inference.geometry.joints").KEYPOINT_INDEX
    return to_window(keypoints()[0][names[keypoint]])


def to_window(place):
    """Window coordinates of a place in the photo."""
    x, y = keypoints()[1].to_screen(place)
    return x + window.region("WINDOW").x, y + window.region("WINDOW").y


def places(*names):
    index = window.module("inference.geometry.joints").KEYPOINT_INDEX
    return keypoints()[0][[index[name] for name in names]]


def said():
    note = window.module("rig.correction_note")
    return [vars(one) for one in note.read_corrections(bpy.context.active_object)]


class Latency:
    """Seconds from the beginning of each movement of the mouse that moves the body to the end of the next drawing; and
    `ours`, of processor time, until the bones are turned and skin and constraints have followed."""

    def __init__(self):
        self.seconds, self.ours, self._begun = [], [], None
        kind = window.module("operators.correcting").Correcting
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
    yield from window.find("body_from_image.correct_mode")
    window.xdotool("click", 1)
    yield 1.0


def press(key):
    window.xdotool("key", key)
    yield 0.8


def scenario():
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    window.install(ZIP)
    yield 0.5
    yield from window.show_sidebar()
    with window.override():
        bpy.ops.body_from_image.estimate(filepath=str(window.EXCHANGE / PHOTO))
    bpy.ops.ed.undo_push(message="Estimate")
    yield 1.0
    right = yield from dragged()
    yield from hidden_and_nearer(right)
    yield from escaped()


def make_wrong():
    """Let the estimate be as wrong as estimates are: limbs elsewhere, and nobody said so. Returns where they were."""
    right = places(*WRONG)
    for (name, shift), place in zip(WRONG.items(), right, strict=True):
        with window.override():
            bpy.ops.body_from_image.correct(keypoint=name, x=place[0] + shift[0], y=place[1] + shift[1])
    window.module("rig.correction_note").write_corrections(bpy.context.active_object, ())
    bpy.ops.ed.undo_push(message="Wrong")
    yield 0.5
    return right


def dragged():
    right = yield from make_wrong()
    yield from enter()
    window.facts["view"] = window.view()[1].spaces.active.region_3d.view_perspective
    window.screenshot("wrong")
    before, others = places(WRIST), places(*ELSEWHERE)
    window.facts["height"] = float(np.ptp(keypoints()[0][:, 1]))
    calls = watch_modal(window.module("operators.correct_mode").BODY_FROM_IMAGE_OT_correct_mode)
    latency, wanted = Latency(), right[0]
    yield from window.drag(*on_screen(WRIST), *to_window(wanted))
    yield 0.5
    window.facts["latency"], window.facts["calls"] = latency.stop(), calls
    window.screenshot("dragged")
    window.facts["missed"] = float(np.linalg.norm(places(WRIST)[0] - wanted))
    window.facts["moved"] = float(np.linalg.norm(places(WRIST)[0] - before[0]))
    window.facts["others"] = float(np.linalg.norm(places(*ELSEWHERE) - others, axis=1).max())
    window.facts["said"] = said()
    yield from press("Return")
    with window.override():
        bpy.ops.ed.undo()
    yield 0.5
    window.facts["undone"] = float(np.linalg.norm(places(WRIST)[0] - before[0]))
    window.facts["said_after_undo"] = said()
    with window.override():
        bpy.ops.ed.redo()
    yield 0.5
    window.facts["redone"] = float(np.linalg.norm(places(WRIST)[0] - wanted))
    return right


def hidden_and_nearer(right):
    yield from enter()
    yield from window.drag(*on_screen("right_ankle"), *to_window(right[1]))
    yield 0.3
    window.screenshot("corrected")
    yield from press("ctrl+z")
    window.move(*on_screen("right_wrist"))
    yield 0.5
    yield from press("h")
    window.move(*on_screen("left_ankle"))
    yield 0.5
    yield from press("plus")
    window.facts["said_by_keys"] = said()
    window.screenshot("keys")
    yield from press("ctrl+z")
    window.facts["said_after_taking_back"] = said()
    yield from press("Return")


def escaped():
    before = places(WRIST, *ELSEWHERE)
    window.facts["said_before_escape"] = said()
    yield from enter()
    x, y = on_screen("right_knee")
    yield from window.drag(x, y, x - 30, y + 10)
    window.facts["moved_before_escape"] = float(np.linalg.norm(places(WRIST, *ELSEWHERE) - before, axis=1).max())
    yield from press("Escape")
    window.facts["escaped"] = float(np.linalg.norm(places(WRIST, *ELSEWHERE) - before, axis=1).max())
    window.facts["said_after_escape"] = said()


window.play(scenario)
