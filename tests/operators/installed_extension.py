"""Run as a script in a fresh Blender: install the zip as a user does, use it, and print what was seen as JSON.

`BLENDER_USER_RESOURCES=… python installed_extension.py ZIP PHOTO SIDEWAYS_PHOTO EMPTY_PHOTO FOLDER`
"""

import json
import sys
import threading
from pathlib import Path

import bpy

ZIP, PHOTO, SIDEWAYS, EMPTY, FOLDER = sys.argv[1:]
PACKAGE = "bl_ext.user_default.body_from_image"
KINDS = ("objects", "collections", "meshes", "armatures", "cameras", "materials", "actions", "images")


def install():
    bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True, overwrite=True)


def our_names():
    """Everything registered in Blender under our name."""
    types = [name for name in dir(bpy.types) if "body_from_image" in name.lower() or "BodyFromImage" in name]
    owners = (bpy.types.Scene, bpy.types.WindowManager, bpy.types.Object)
    properties = [f"{owner.__name__}.{name}" for owner in owners for name in dir(owner) if "body_from_image" in name]
    return sorted(types + properties + [name for name in dir(bpy.ops) if name == "body_from_image"])


def blocks():
    """What the file holds, and how its scene is set."""
    scene = bpy.context.scene
    settings = [scene.camera.name, scene.render.resolution_x, scene.render.resolution_y, scene.frame_end]
    return {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in KINDS} | {"settings": settings}


def attempt(operator, **options):
    """The operator's result, or what it says when it fails."""
    try:
        return sorted(operator(**options))
    except RuntimeError as error:
        return str(error)


def use():
    worker = sys.modules[f"{PACKAGE}.operators.estimation"].worker
    seen = {"before": blocks()}
    seen["missing"] = attempt(bpy.ops.body_from_image.estimate, filepath="/no/such/photo.jpg")
    seen["nobody"] = attempt(bpy.ops.body_from_image.estimate, filepath=EMPTY)
    seen["halfway"] = fail_halfway()
    seen["after_errors"] = blocks()
    seen["export_without_character"] = attempt(bpy.ops.body_from_image.export_fbx, filepath=f"{FOLDER}/none.fbx")
    seen["estimate"] = attempt(bpy.ops.body_from_image.estimate, filepath=PHOTO, stand_on_ground=True)
    seen["active"] = bpy.context.active_object.name
    seen["score"] = bpy.context.active_object["body_from_image"]["score"]
    seen["character"] = blocks()
    seen["lowest"] = lowest_point(bpy.context.active_object["body_from_image"]["mesh"])
    seen["fit_bones"] = attempt(bpy.ops.body_from_image.fit_bones)
    seen["export"] = attempt(bpy.ops.body_from_image.export_fbx, filepath=f"{FOLDER}/person.fbx", bone_names="unreal")
    seen["export_to_nowhere"] = attempt(bpy.ops.body_from_image.export_fbx, filepath="/no/such/folder/person.fbx")
    worker.send("ping")
    seen["worker"] = worker.wait()
    bpy.ops.object.mode_set(mode="EDIT")
    seen["sideways"] = attempt(bpy.ops.body_from_image.estimate, filepath=SIDEWAYS)
    seen["sideways_photo"] = photo_after_reopening()
    return seen


def fail_halfway():
    """Estimate a good photo when the last step of building the character fails."""
    character, sentence = sys.modules[f"{PACKAGE}.rig.character"], "The photo cannot be shown."

    def fail(*_):
        raise sys.modules[f"{PACKAGE}.inference.errors"].UserError(sentence)

    working, character.show_photo = character.show_photo, fail
    try:
        return attempt(bpy.ops.body_from_image.estimate, filepath=PHOTO)
    finally:
        character.show_photo = working


def lowest_point(body):
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = body.evaluated_get(depsgraph)
    return min((evaluated.matrix_world @ vertex.co).z for vertex in evaluated.data.vertices)


def photo_after_reopening():
    """What is behind the camera of the active character once the file was saved and opened again."""
    name = bpy.context.active_object.name
    bpy.ops.wm.save_as_mainfile(filepath=f"{FOLDER}/scene.blend")
    bpy.ops.wm.open_mainfile(filepath=f"{FOLDER}/scene.blend")
    image = bpy.data.objects[name]["body_from_image"]["camera"].data.background_images[0].image
    pixels = image.pixels[:]
    return {"size": list(image.size), "packed": image.packed_file is not None, "path": image.filepath,
            "top_left": pixels[4 * image.size[0] * (image.size[1] - 1):][:4]}  # fmt: skip


def main():
    import addon_utils  # on the path since bpy was imported

    install()
    addon = bpy.context.preferences.addons[PACKAGE]
    facts = {"registered": our_names(), "blender": bpy.app.version_string}
    installed = files_of(addon.module)
    facts.update(use())
    facts["in_parent"] = [name for name in ("cv2", "onnxruntime") if name in sys.modules]
    facts["body_model_verdict"] = check_body_model(addon.preferences)
    facts["files_changed"] = sorted(str(file) for file, _ in files_of(addon.module) ^ installed)
    process = sys.modules[f"{PACKAGE}.operators.estimation"].worker.process_id
    facts["left_behind"] = []
    for _ in range(3):
        bpy.ops.preferences.addon_disable(module=PACKAGE)
        facts["left_behind"] += our_names()
        bpy.ops.preferences.addon_enable(module=PACKAGE)
        facts["registered_again"] = our_names()
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    facts["left_behind"] += our_names()
    facts["worker_was_running"], facts["worker_runs_on"] = process is not None, runs(process)
    facts["threads"] = threading.active_count()
    facts["warnings"] = {name: list(texts) for name, texts in addon_utils._extensions_warnings_get().items()}
    print("FACTS " + json.dumps(facts, default=str), flush=True)


def files_of(module):
    """The files of the extension's folder and what they hold; without what Python itself compiles."""
    folder = Path(sys.modules[module].__file__).parent
    return {(file, hash(file.read_bytes())) for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"}


def check_body_model(preferences):
    preferences.body_model = PHOTO
    verdict = preferences.body_model_usable, preferences.body_model_verdict
    preferences.body_model = ""
    return verdict


def runs(process):
    return Path(f"/proc/{process}").exists()


main()
