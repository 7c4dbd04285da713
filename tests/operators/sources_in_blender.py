"""Run as a script in a fresh Blender: install the zip, estimate images that are in Blender, and print what was seen.

`BLENDER_USER_RESOURCES=… python sources_in_blender.py ZIP FOLDER`; FOLDER holds person.jpg and a Python of its own in
`bare`.
"""

import json
import sys
from pathlib import Path

import bpy
from bpy_extras.object_utils import world_to_camera_view

ZIP, FOLDER = sys.argv[1], Path(sys.argv[2])
PACKAGE = "bl_ext.user_default.body_from_image"


def module(name):
    return sys.modules[f"{PACKAGE}.{name}"]


def attempt(operator, **options):
    try:
        return sorted(operator(**options))
    except RuntimeError as error:
        return str(error)


def behind():
    """The image behind the active character."""
    return bpy.context.active_object["body_from_image"]["camera"].data.background_images[0].image


def estimate(image):
    """Estimate an image that is in Blender; what came of it, and what it shows behind."""
    result = attempt(bpy.ops.body_from_image.estimate, image=image.name)
    return {
        "result": result, "own": behind() == image,
        "dirty": image.is_dirty, "source": image.source, "score": bpy.context.active_object["body_from_image"]["score"],
    }  # fmt: skip


def painted(photo):
    """The same picture as pixels that no file holds."""
    image = bpy.data.images.new("painted", *photo.size, alpha=False)
    image.pixels = photo.pixels[:]
    return image


def estimate_images():
    photo = bpy.data.images.load(str(FOLDER / "person.jpg"))
    facts = {"file": estimate(photo), "painted": estimate(painted(photo))}
    photo.pack()
    (FOLDER / "person.jpg").rename(FOLDER / "elsewhere.jpg")
    facts["packed"] = estimate(photo)
    facts["missing"] = attempt(bpy.ops.body_from_image.estimate, image="nothing")
    facts["no_picture"] = attempt(bpy.ops.body_from_image.estimate, image=bpy.data.images.new("a", 4, 4).name)
    return facts


def heights():
    """How tall the body at rest is, of a person said to be 1.60 m and 1.90 m, and how far from the camera."""
    found = []
    for height in (1.6, 1.9):
        bpy.ops.body_from_image.estimate(filepath=str(FOLDER / "elsewhere.jpg"), height=height)
        armature = bpy.context.active_object
        record = armature["body_from_image"]
        armature.data.pose_position = "REST"
        body = record["mesh"].evaluated_get(bpy.context.evaluated_depsgraph_get())
        tall = [vertex.co.z for vertex in body.data.vertices]
        found.append([max(tall) - min(tall), record["camera"].location.length, dict(record["certainty"])])
    return found


def everybody():
    """A picture of two, as two characters; standing on the ground, refined and exported together."""
    before = set(bpy.data.objects)
    result = attempt(bpy.ops.body_from_image.estimate, filepath=str(FOLDER / "pair.png"), people=0)
    new = [item for item in bpy.data.objects if item not in before and item.type == "ARMATURE"]
    armatures = sorted(new, key=lambda armature: armature.name)
    cameras = {armature["body_from_image"]["camera"] for armature in armatures}
    for armature in armatures:
        armature.select_set(True)
    apart = [round(armature.location.z, 5) for armature in armatures]
    bpy.context.view_layer.update()
    ground = attempt(bpy.ops.body_from_image.stand_on_ground)
    moved = [round(armature.location.z, 5) for armature in armatures]
    refined = attempt(bpy.ops.body_from_image.refine)
    attempt(bpy.ops.body_from_image.export_glb, filepath=str(FOLDER / "pair.glb"))
    with open(FOLDER / "pair.glb", "rb") as file:
        content = file.read()
    return {
        "result": result, "names": [armature.name for armature in armatures], "cameras": len(cameras),
        "background": len(next(iter(cameras)).data.background_images), "ground": ground, "refined": refined,
        "moved": [after - before for after, before in zip(moved, apart, strict=True)],
        "skins": len(json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])["skins"]),
        "most": attempt(bpy.ops.body_from_image.estimate, filepath=str(FOLDER / "pair.png"), people=5),
    }  # fmt: skip


def add_the_other():
    """One of a picture of two, and then the other one, whom the panel offers, after the camera was moved."""
    picture, state = str(FOLDER / "pair.png"), bpy.context.window_manager.body_from_image
    bpy.ops.body_from_image.estimate(filepath=picture, scene_setup="ALWAYS")
    first = bpy.context.active_object
    camera = first["body_from_image"]["camera"]
    others = [(list(other.box), other.thumbnail, other.beside) for other in state.others]
    for item in (camera, first):
        item.location.x += 2.0
    result = attempt(bpy.ops.body_from_image.estimate, filepath=picture, box=others[0][0], beside=others[0][2])
    second, scene = bpy.context.active_object, bpy.context.scene
    bpy.context.view_layer.update()
    places = []
    for armature in (first, second):
        pelvis = armature.matrix_world @ armature.pose.bones["pelvis"].head
        place = world_to_camera_view(scene, camera, pelvis)
        places.append([place.x * scene.render.resolution_x, (1 - place.y) * scene.render.resolution_y])
    return {
        "others": others, "result": result, "camera": second["body_from_image"]["camera"] == camera, "places": places,
        "thumbnail": Path(others[0][1]).stat().st_size, "done": [other.done for other in state.others],
        "collection": first.users_collection == second.users_collection, "name": second.name,
        "nobody": attempt(bpy.ops.body_from_image.estimate, filepath=picture, box=others[0][0], beside="nobody"),
    }  # fmt: skip


def shape_without_a_window():
    """Exports fit the bones by themselves; so does the operator."""
    armature = bpy.context.active_object
    fits = module("rig.character").bones_fit_shape
    armature["stature"] += 1.0
    before = fits(armature)
    bpy.ops.body_from_image.export_fbx(filepath=str(FOLDER / "taller.fbx"))
    return [before, fits(armature)]


def pythons():
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    state = bpy.context.window_manager.body_from_image
    found = [[attempt(bpy.ops.body_from_image.test_python), state.trial]]
    for python in (FOLDER / "bare" / "bin" / "python", FOLDER / "no_python"):
        preferences.external_python = str(python)
        found.append([attempt(bpy.ops.body_from_image.test_python), state.trial])
    found.append(attempt(bpy.ops.body_from_image.estimate, filepath=str(FOLDER / "elsewhere.jpg")))
    preferences.external_python = ""
    found.append(attempt(bpy.ops.body_from_image.estimate, filepath=str(FOLDER / "elsewhere.jpg")))
    preferences.device = "cuda"
    found.append(attempt(bpy.ops.body_from_image.estimate, filepath=str(FOLDER / "elsewhere.jpg")))
    return found


bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True, overwrite=True)
seen = {"images": estimate_images(), "heights": heights(), "everybody": everybody()}
seen |= {"other": add_the_other()}
seen |= {"shape": shape_without_a_window(), "pythons": pythons()}
bpy.ops.preferences.addon_disable(module=PACKAGE)
print("FACTS " + json.dumps(seen, default=str), flush=True)
