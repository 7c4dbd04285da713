"""Run as a script in a fresh Blender: install the zip, estimate sequences, and print what was seen as JSON.

`BLENDER_USER_RESOURCES=… python sequence_in_blender.py ZIP FOLDER`, where FOLDER holds what test_sequences.py wrote.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import bpy

ZIP, FOLDER = sys.argv[1], Path(sys.argv[2])
PACKAGE = "bl_ext.user_default.body_from_image"
KINDS = ("objects", "collections", "meshes", "armatures", "cameras", "materials", "actions", "images", "texts")
NOTE = "body_from_image_motion"


def module(name):
    return sys.modules[f"{PACKAGE}.{name}"]


def blocks():
    scene = bpy.context.scene
    settings = [scene.render.fps, scene.render.resolution_x, scene.frame_start, scene.frame_end]
    return {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in KINDS} | {"settings": settings}


def attempt(**options):
    """The operator's result, or what it says when it fails."""
    try:
        return sorted(bpy.ops.body_from_image.estimate_sequence(**options))
    except RuntimeError as error:
        return str(error)


def keys():
    """The keys of the active character: frames of the first, and all values, one row a curve."""
    action = bpy.context.active_object.animation_data.action
    curves = action.layers[0].strips[0].channelbags[0].fcurves if hasattr(action, "layers") else action.fcurves
    return [key.co[0] for key in curves[0].keyframe_points], [
        [round(key.co[1], 6) for key in curve.keyframe_points] for curve in curves
    ]


def motion():
    """What a film became."""
    armature, scene = bpy.context.active_object, bpy.context.scene
    frames, values = keys()
    image = armature["body_from_image"]["camera"].data.background_images
    return {
        "name": armature.name,
        "frames": frames,
        "curves": len(values),
        "fps": scene.render.fps / scene.render.fps_base,
        "range": [scene.frame_start, scene.frame_end],
        "behind": image[0].image.source if len(image) else None,
        "remarks": armature["body_from_image"]["remarks"],
        "lowest": lowest_point(armature["body_from_image"]["mesh"], scene),
    }


def lowest_point(body, scene):
    lowest = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
        lowest.append(min((evaluated.matrix_world @ vertex.co).z for vertex in evaluated.data.vertices))
    scene.frame_set(scene.frame_start)
    return min(lowest)


def smooth(**options):
    result = sorted(bpy.ops.body_from_image.smooth_motion(**options))
    frames, values = keys()
    camera = bpy.context.active_object["body_from_image"]["camera"]
    return {"result": result, "frames": frames, "values": values, "camera": list(camera.location)}


def films():
    scene = bpy.context.scene
    scene.render.fps = 24
    seen = {"film": attempt(filepath=str(FOLDER / "film.mp4")), "film_motion": motion()}
    scene.render.fps, scene.render.fps_base = 24, 1.0
    seen["folder"] = attempt(directory=str(FOLDER / "walk"), start_frame=10, scene_setup="ALWAYS")
    seen["folder_motion"] = motion()
    seen["folder_keys"] = keys()[1]
    seen["unrefined_keys"] = keys_unrefined(directory=str(FOLDER / "walk"), start_frame=10)
    seen["numbered"] = attempt(directory=str(FOLDER / "walk"), files=[{"name": "step_0003.png"}])
    seen["numbered_motion"] = motion()
    seen["chosen"] = attempt(directory=str(FOLDER / "walk"), files=[{"name": f"step_000{n}.png"} for n in (1, 2)])
    seen["chosen_motion"] = motion()
    seen["broken"] = attempt(directory=str(FOLDER / "broken"))
    seen["broken_motion"] = motion()
    seen["broken_first"] = attempt(directory=str(FOLDER / "broken_first"))
    seen["broken_first_motion"] = motion()
    return seen


def keys_unrefined(**options):
    """The keys that a sequence gets when it is not refined."""
    operator = module("operators.estimate_sequence")
    settings = operator.engine_settings
    operator.engine_settings = lambda *asked: settings(*asked) | {"refine": False}
    try:
        attempt(**options)
        return keys()[1]
    finally:
        operator.engine_settings = settings


def several():
    """Two people of a film, the second of whom comes in later; and one of them smoothed anew."""
    bpy.ops.wm.read_homefile(app_template="", use_empty=True, use_factory_startup=False)
    seen = {"pair": attempt(directory=str(FOLDER / "pair"), people=0, start_frame=5)}
    people = sorted((item for item in bpy.data.objects if item.type == "ARMATURE"), key=lambda item: item.name)
    cameras = {item["body_from_image"]["camera"] for item in people}
    seen["names"], seen["cameras"] = [item.name for item in people], len(cameras)
    seen["frames"] = []
    for item in people:
        bpy.context.view_layer.objects.active = item
        seen["frames"].append(keys()[0])
    camera, places = cameras.pop(), [list(item.pose.bones["pelvis"].head) for item in people]
    before = list(camera.location)
    seen["smoothed"] = smooth(strength=0.5)["result"]
    bpy.context.scene.frame_set(8)
    seen["camera_moved"] = max(abs(a - b) for a, b in zip(before, camera.location, strict=True))
    seen["apart"] = abs(people[0].pose.bones["pelvis"].head.x - people[1].pose.bones["pelvis"].head.x)
    return seen | {"places": places}


def smoothing():
    """Smooth anew with and without strength and feet, after saving and reopening, and after the text was spoilt."""
    attempt(directory=str(FOLDER / "walk"), start_frame=10, strength=0.5)
    seen = {"first": keys()[1]}
    seen["raw"] = smooth(strength=0.0)
    seen["again"] = smooth(strength=0.5)
    seen["lowest"] = lowest_point(bpy.context.active_object["body_from_image"]["mesh"], bpy.context.scene)
    seen["free"] = smooth(strength=0.5, keep_feet=False)
    seen["actions"] = [action.name for action in bpy.data.actions]
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "scene.blend"))
    seen["reopened"] = smooth(strength=0.5)
    made = module("rig.motion_note").read_smoothing(bpy.context.active_object)
    seen["note"] = {"strength": made.strength, "keep_feet": made.keep_feet}
    text = bpy.context.active_object[NOTE]["raw"]
    text.from_string(text.as_string()[:-500])
    try:
        bpy.ops.body_from_image.smooth_motion(strength=0.2)
    except RuntimeError as error:
        seen["spoilt"] = str(error)
    name, texts = text.name, len(bpy.data.texts)
    bpy.data.objects.remove(bpy.context.active_object)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "scene.blend"))
    seen["texts_gone_with_the_character"] = texts - len(bpy.data.texts), name in bpy.data.texts
    return seen


def contact_sheet():
    bpy.ops.wm.read_homefile(app_template="", use_empty=True, use_factory_startup=False)
    seen = {"pictures": attempt(directory=str(FOLDER / "broken"), result="CHARACTERS", pose_assets=True)}
    armatures = [item for item in bpy.data.objects if item.type == "ARMATURE"]
    seen["places"] = {item.name: list(item.location) for item in armatures}
    seen["assets"] = sorted(action.name for action in bpy.data.actions if action.asset_data)
    seen["collections"] = sorted(collection.name for collection in bpy.data.collections)
    return seen


def faults():
    bpy.ops.wm.read_homefile(app_template="", use_empty=True, use_factory_startup=False)
    worker = module("operators.estimation").worker
    seen = {"before": blocks()}
    seen["nothing_chosen"] = attempt()
    seen["missing"] = attempt(directory="/no/such/folder")
    seen["empty"] = attempt(directory=str(FOLDER / "empty"))
    seen["mixed"] = attempt(directory=str(FOLDER / "mixed"))
    seen["no_pictures"] = attempt(directory=str(FOLDER / "empty"), result="CHARACTERS")
    killer = threading.Timer(1.0, lambda: os.kill(worker.process_id, signal.SIGKILL))
    killer.start()
    seen["killed"] = attempt(filepath=str(FOLDER / "long.mp4"))
    killer.join()
    seen["cancelled"] = cancel_halfway(worker)
    seen["full_disk"] = with_full_disk()
    seen["halfway"] = fail_halfway()
    seen["after"] = blocks()
    seen["and_then"] = attempt(directory=str(FOLDER / "walk"))
    return seen


def cancel_halfway(worker):
    """What Esc does, in the middle of a film: how long it takes, and what is left."""
    estimation = module("operators.estimation")
    settings = {"device": "cpu", "threads": 1, "size": "fast", "body_model": None}
    options = {"frame_rate": 24, "strength": 0.5, "keep_feet": False}
    task = estimation.MotionEstimation([FOLDER / "long.mp4"], None, 1, settings, options)
    stages = []
    while len(stages) < 6:
        message = task.poll()
        if message is not None:
            stages.append(message.stage)
    process, folder, began = worker.process_id, Path(task._folder.name), time.monotonic()
    task.close()
    return {
        "seconds": time.monotonic() - began,
        "runs": Path(f"/proc/{process}").exists(),
        "folder": folder.exists(),
        "stages": stages,
    }


def with_full_disk():
    """No space left for the folder that the worker would write to."""
    estimation = module("operators.estimation")

    def full(**_):
        raise OSError(28, "No space left on device")

    working, estimation.TemporaryDirectory = estimation.TemporaryDirectory, full
    try:
        return attempt(directory=str(FOLDER / "walk"))
    finally:
        estimation.TemporaryDirectory = working


def fail_halfway():
    """The last step of building the character fails."""
    operator, sentence = module("operators.estimate_sequence"), "The note cannot be written."

    def fail(*_):
        raise module("inference.errors").UserError(sentence)

    working, operator.write_note = operator.write_note, fail
    try:
        return attempt(directory=str(FOLDER / "walk"))
    finally:
        operator.write_note = working


def main():
    bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True, overwrite=True)
    facts = {"films": films(), "smoothing": smoothing(), "several": several(), "sheet": contact_sheet()}
    facts["faults"] = faults()
    facts["in_parent"] = [name for name in ("cv2", "onnxruntime") if name in sys.modules]
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    print("FACTS " + json.dumps(facts, default=str), flush=True)


main()
