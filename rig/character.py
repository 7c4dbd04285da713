"""From an estimate to a character in the scene: armature, skin, shape sliders, pose and camera."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..inference.body.assembly import turned_motion
from ..inference.body.body_estimate import BodyEstimate, rotations_of
from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from .action import write_action
from .armature import create_armature, joint_bones, place_bones, placed_betas, rest_frame, rest_rotations
from .axes import points_to_blender
from .bone_names import preset
from .camera import create_camera, key_camera, show_photo
from .ground import move_to_ground, upright_turn
from .mesh import PEOPLE, create_mesh, paint
from .pose import bone_channels
from .rest_frame import units_per_metre
from .scene_setup import set_photo, set_time
from .shape_keys import add_shape_keys, betas_of, set_betas


@dataclass(frozen=True)
class Character:
    """The objects of one character. They are Blender's: undo, or another file, makes them invalid."""

    armature: bpy.types.Object
    mesh: bpy.types.Object
    camera: bpy.types.Object | None
    """None for a motion that no camera saw."""


def build_character(
    estimate: BodyEstimate,
    model: BodyModel,
    *,
    photo: Path | Sequence[Path] | None,
    name: str,
    stand_on_ground: bool = False,
    start_frame: int = 1,
    frame_rate: float | None = None,
    bone_names: str = "smpl",
    set_up: bool = True,
) -> Character:
    """Build the character of `estimate` in the current scene, in a collection of its own called `name`.

    The pose is keyed from `start_frame`, one frame each; if `set_up`, the scene gets the photo's resolution, the clip's
    range and frame rate (`frame_rate`, else the estimate's own, else the scene's stays), and the camera. `photo` must
    be upright in the file (see `camera.show_photo`). `stand_on_ground` moves character and camera together, so that the
    lowest point of the clip is at z = 0, the first pelvis above the origin, and the photo still matches.

    The skin is plain linear blend skinning; `correctives.add_correctives` adds a licensed file's `posedirs`. Raises
    UserError when the estimate belongs to another body model, or for a photo that cannot be shown.
    """
    rate = frame_rate or estimate.mocap_framerate
    (character,) = _build_scene(
        [estimate], model, [name], photo, _Staging(name, stand_on_ground, start_frame, [0], rate, bone_names, set_up)
    )
    return character


def build_beside(
    estimate: BodyEstimate, model: BodyModel, beside: Character, *, name: str, number: int, bone_names: str = "smpl"
) -> Character:
    """Build the character of somebody else in the photo of `beside`, before its camera, in its collection. `number`,
    from 0, chooses the colour. Raises UserError where that camera is gone."""
    _check_model(estimate, model)
    if beside.camera is None:
        raise UserError(f"The camera of {beside.armature.name} was deleted, so nobody can be put before it.")
    armature, body = _create_body(model, estimate.betas, name, bone_names)
    paint(body, PEOPLE[number % len(PEOPLE)])
    for item in (armature, body):
        beside.armature.users_collection[0].objects.link(item)
    frame = bpy.context.scene.frame_start
    key_pose(armature, rotations_of(np.asarray(estimate.poses, np.float64)), np.array(estimate.trans), name, frame)
    # The estimate's origin is the camera, wherever it was moved to since.
    bpy.context.view_layer.update()
    armature.matrix_world = beside.camera.matrix_world @ Matrix.Rotation(-math.pi / 2, 4, "X")
    return Character(armature, body, beside.camera)


def build_people(
    estimates: Sequence[BodyEstimate],
    model: BodyModel,
    *,
    photo: Path | Sequence[Path] | None,
    name: str,
    stand_on_ground: bool = False,
    start_frame: int = 1,
    firsts: Sequence[int] | None = None,
    bone_names: str = "smpl",
    set_up: bool = True,
) -> list[Character]:
    """Build a character for each person of one photo or film in the current scene, in one collection called `name`,
    before one camera, as `build_character` does for one. Characters are called `name`.1, `name`.2 and so on, and have
    colours of their own; each's keys begin `firsts` frames after `start_frame`. `stand_on_ground` moves them all
    together: whoever is lowest stands at z = 0, the first pelvis above the origin.
    """
    names = [f"{name}.{number}" for number in range(1, len(estimates) + 1)]
    begins, rate = list(firsts or [0] * len(estimates)), estimates[0].mocap_framerate
    staging = _Staging(name, stand_on_ground, start_frame, begins, rate, bone_names, set_up)
    people = _build_scene(estimates, model, names, photo, staging)
    for number, person in enumerate(people):
        paint(person.mesh, PEOPLE[number % len(PEOPLE)])
    return people


@dataclass(frozen=True)
class _Staging:
    """How characters are put into a scene: the collection's name, whether they are moved to the ground, the clip's
    first frame, how many frames after it each one's keys begin, the frame rate, the scheme of the bones' names, and
    whether the scene is set up for them."""

    collection: str
    stand_on_ground: bool
    start_frame: int
    firsts: Sequence[int]
    frame_rate: float
    bone_names: str
    set_up: bool


def _build_scene(
    estimates: Sequence[BodyEstimate], model: BodyModel, names: Sequence[str], photo: Path | Sequence[Path] | None,
    staging: _Staging,
) -> list[Character]:  # fmt: skip
    """Characters of all that one camera saw, in a collection of their own."""
    for estimate in estimates:
        _check_model(estimate, model)
    motions = [
        (rotations_of(np.asarray(one.poses, np.float64)), np.array(one.trans, np.float64)) for one in estimates
    ]
    turn, move = np.eye(3), np.zeros(3)
    if staging.stand_on_ground:
        turn = upright_turn(estimates[0])
        motions = [
            turned_motion(model, one.betas, *motion, turn) for one, motion in zip(estimates, motions, strict=True)
        ]
        move = _move_to_floor(model, estimates, motions)
    bodies = [
        _create_body(model, one.betas, name, staging.bone_names) for one, name in zip(estimates, names, strict=True)
    ]
    units = units_per_metre(bpy.context.scene)
    camera = create_camera(estimates[0], f"{staging.collection}_camera", points_to_blender(move), turn, units)
    seen, first = _whole_camera(estimates, staging.firsts)
    key_camera(camera, seen, turn, move, staging.start_frame + first, units)
    _link(staging.collection, *(item for body in bodies for item in body), camera)
    for (armature, _), name, (rotations, transl), first in zip(bodies, names, motions, staging.firsts, strict=True):
        key_pose(armature, rotations, transl + move, name, staging.start_frame + first)
    if staging.set_up:
        set_photo(estimates[0].image_size, camera)
        length = max(first + one.frame_count for first, one in zip(staging.firsts, estimates, strict=True))
        set_time(staging.start_frame, length, staging.frame_rate)
    if photo:
        show_photo(camera, photo, estimates[0].image_size, staging.start_frame)
    return [Character(armature, mesh, camera) for armature, mesh in bodies]


def _whole_camera(estimates: Sequence[BodyEstimate], firsts: Sequence[int]) -> tuple[BodyEstimate, int]:
    """An estimate with the turns and places of the one camera in all frames from the first in which it saw somebody,
    and that frame. In frames that nobody is in it goes on as before."""
    one = estimates[0]
    if len(estimates) == 1 or one.camera_rotations is None:
        return one, firsts[0]
    begin = min(firsts)
    length = max(first + own.frame_count for first, own in zip(firsts, estimates, strict=True)) - begin
    rotations, places = np.zeros((length, 3, 3), np.float32), np.zeros((length, 3), np.float32)
    known = np.zeros(length, bool)
    for first, own in reversed(list(zip(firsts, estimates, strict=True))):
        frames = slice(first - begin, first - begin + own.frame_count)
        rotations[frames], places[frames], known[frames] = own.camera_rotations, own.camera_places, True
    last = np.maximum.accumulate(np.where(known, np.arange(length), 0))
    return replace(one, camera_rotations=rotations[last], camera_places=places[last]), begin


def _move_to_floor(
    model: BodyModel, estimates: Sequence[BodyEstimate], motions: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Metres (3,), in SMPL's frame, that bring turned motions onto z = 0: their own floor or, without one, whoever is
    lowest. The first one's pelvis comes above the origin."""
    moves = [move_to_ground(model, one.betas, *motion) for one, motion in zip(estimates, motions, strict=True)]
    floor = estimates[0].floor
    height = max(own[1] for own in moves) if floor is None else -float(floor[3])
    return np.array([moves[0][0], height, moves[0][2]])


def build_moving_character(
    model: BodyModel,
    betas: np.ndarray,
    rotations: np.ndarray,
    transl: np.ndarray,
    *,
    name: str,
    start_frame: int = 1,
    frame_rate: float = 0.0,
    bone_names: str = "smpl",
    set_up: bool = True,
) -> Character:
    """Build a character of shape `betas` (S,) that moves by `rotations` (F, 24, 3, 3) and `transl` (F, 3), SMPL's
    frame, in a collection of its own called `name`. There is no camera and no photo; the rest is as in
    `build_character`.
    """
    armature, body = _create_body(model, betas, name, bone_names)
    _link(name, armature, body)
    key_pose(armature, rotations, transl, name, start_frame)
    if set_up:
        set_time(start_frame, len(rotations), frame_rate)
    return Character(armature, body, None)


def refit_armature(character: Character) -> None:
    """Place the bones where the armature's shape properties say now. The skin follows them by itself, the bones do not.

    All keys stay valid: the pose is the same pose on another body.
    """
    place_bones(character.armature, betas_of(character.armature))


def skin_frame(character: Character) -> np.ndarray:
    """(4, 4) from SMPL's rest pose, in Blender's axes and metres, to the mesh's own space. Raises UserError as
    `armature.rest_frame`."""
    to_mesh = character.mesh.matrix_world.inverted() @ character.armature.matrix_world
    return np.array(to_mesh, np.float64) @ rest_frame(character.armature).matrix


def reshape(character: Character, betas: np.ndarray) -> None:
    """Give the character another shape, `betas` (S,), skin and bones. Raises UserError, with nothing changed, where its
    bones cannot be placed."""
    place_bones(character.armature, betas)
    set_betas(character.armature, betas)


def bones_fit_shape(armature: bpy.types.Object) -> bool:
    """Whether the bones were placed for what the shape properties say now."""
    return np.allclose(placed_betas(armature), betas_of(armature), rtol=0, atol=1e-6)


def _check_model(estimate: BodyEstimate, model: BodyModel) -> None:
    if estimate.body_model != model.hash:
        raise UserError(
            f"This estimate was made with another body model than {model.name!r}. "
            "Choose the model that it was made with, or estimate the body again."
        )


def key_pose(
    armature: bpy.types.Object, rotations: np.ndarray, transl: np.ndarray, name: str, start_frame: int
) -> None:
    """Give `armature` a new action called `name` with `rotations` (F, 24, 3, 3) and `transl` (F, 3), SMPL's frame, a
    key a frame."""
    bones = joint_bones(armature)
    units = rest_frame(armature).scale
    quaternions, root_location = bone_channels(rest_rotations(armature), rotations, transl, units)
    turns = [(bone, "rotation_quaternion", quaternions[:, joint]) for joint, bone in enumerate(bones)]
    write_action(armature, name, start_frame, [*turns, (bones[0], "location", root_location)])


def _create_body(
    model: BodyModel, betas: np.ndarray, name: str, bone_names: str
) -> tuple[bpy.types.Object, bpy.types.Object]:
    armature = create_armature(model, betas, preset(bone_names).bones, name)
    body = create_mesh(model, armature, f"{name}_body")
    add_shape_keys(armature, body, model, betas)
    units = units_per_metre(bpy.context.scene)
    if units != 1:
        for item, options in ((armature, {}), (body, {"shape_keys": True})):
            item.data.transform(Matrix.Scale(units, 4), **options)
    return armature, body


def _link(name: str, *objects: bpy.types.Object) -> None:
    collection = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(collection)
    for item in objects:
        collection.objects.link(item)
