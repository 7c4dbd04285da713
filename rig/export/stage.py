"""A stage for exporters: clean copies of one character alone in a scene, at rest, with its clip on one NLA strip.

Blender's exporters write what they find: other actions as extra clips, shape keys with driven weights, the pose of the
current frame as the bind pose. On the stage there is nothing to find but one skeleton, one skin and one clip.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import bpy
import numpy as np
from mathutils import Matrix

from ...inference.errors import UserError
from ..action import action_of, write_action
from ..armature import editing
from ..axes import BLENDER_FROM_SMPL
from ..bone_names import BoneNames
from ..character import Character
from ..correctives import without_correctives
from ..mesh import bind
from .correctives import BakedCorrectives, bake_correctives
from .options import ExportOptions
from .renaming import rename_bones
from .root_motion import ROOT_BONE, ROOT_LENGTH, with_root_motion
from .sampling import SampledClip, clip_channels, sample_clip

FIRST_FRAME = 1


@contextmanager
def staged(
    characters: Sequence[Character], options: ExportOptions, *, y_up: bool = False
) -> Iterator[bpy.types.Scene]:
    """A scene, current while the block runs, that holds copies of the armatures and the skins and nothing else.

    The current shape is part of each mesh. The clip begins at `FIRST_FRAME`, its rest pose one frame earlier, and the
    scene stands before that: no strip reaches there, so every bone is at rest. All characters' strips have one name,
    that of the first's armature, so that a format that knows clips has one of all. `y_up` turns bones and vertices to y
    up and the armatures' objects by +90° about x, which shows the same picture; an exporter to a y-up format then
    writes armatures without rotation. Afterwards all is removed.
    """
    clips = [
        with_root_motion(sample_clip(character.armature), character, options.root_motion) for character in characters
    ]
    clip_name, first_frame = characters[0].armature.name, FIRST_FRAME
    if options.rest_frame:
        clips, first_frame = [clip.after_rest() for clip in clips], FIRST_FRAME - 1
    if len(characters) > 1:
        options = replace(options, names=replace(options.names, armature=None))
    with ExitStack() as cleanup:
        begin = min(clip.first_frame for clip in clips)
        length = max(clip.first_frame - begin + clip.frame_count for clip in clips)
        scene = _new_scene(length, first_frame, cleanup)
        for character, clip in zip(characters, clips, strict=True):
            # Who comes later into a film does so in the file.
            take = _Take(clip_name, first_frame + clip.first_frame - begin, options, y_up)
            _stand_in(scene, character, clip, take, cleanup)
        cleanup.enter_context(_current(scene))
        scene.frame_set(first_frame - 1)
        yield scene


@dataclass(frozen=True)
class _Take:
    """What all characters on a stage have in common."""

    clip_name: str
    first_frame: int
    options: ExportOptions
    y_up: bool


def _stand_in(
    scene: bpy.types.Scene, character: Character, clip: SampledClip, take: _Take, cleanup: ExitStack
) -> None:
    """Put copies of one character's armature and skin, with its clip, into the scene."""
    options = take.options
    armature = _copy_armature(character.armature, options.names, clip, cleanup)
    scene.collection.objects.link(armature)
    correctives = bake_correctives(character, clip, _to_armature(character)) if options.mesh else None
    body = _copy_skin(character, armature, correctives, scene, cleanup) if options.mesh else None
    rename_bones(armature, options.names.bones)
    names = [bone.name for bone in armature.data.bones]
    if clip.bones[0] == ROOT_BONE:
        _add_root_bone(armature, clip)
        names.insert(0, ROOT_BONE)
    if take.y_up:
        turn = Matrix(BLENDER_FROM_SMPL).to_4x4()
        armature.data.transform(turn.inverted())
        if body is not None:
            body.data.transform(turn.inverted(), shape_keys=True)
        armature.matrix_world = armature.matrix_world @ turn
    scene.view_layers[0].update()  # The pose comes to be with the first evaluation; actions need it.
    channels = clip_channels(clip, names)
    action = write_action(armature, take.clip_name, take.first_frame, channels)
    _put_on_strip(armature, action, take.clip_name, cleanup)
    if correctives is not None:
        action = _weights_action(body, correctives, take.clip_name, take.first_frame)
        _put_on_strip(body.data.shape_keys, action, take.clip_name, cleanup)


def _new_scene(frame_count: int, first_frame: int, cleanup: ExitStack) -> bpy.types.Scene:
    scene = bpy.data.scenes.new("export")
    cleanup.callback(bpy.data.scenes.remove, scene)
    scene.render.fps = bpy.context.scene.render.fps
    scene.render.fps_base = bpy.context.scene.render.fps_base
    scene.frame_start, scene.frame_end = first_frame, first_frame + frame_count - 1
    return scene


def _copy_armature(
    original: bpy.types.Object, names: BoneNames, clip: SampledClip, cleanup: ExitStack
) -> bpy.types.Object:
    """The same bones without constraints or keys. The file shows object and data names, so the copies get the names."""
    name = names.armature or original.name
    _free_name(bpy.data.objects, name, cleanup)
    _free_name(bpy.data.armatures, name, cleanup)
    data = original.data.copy()
    cleanup.callback(bpy.data.armatures.remove, data)
    data.name = name
    data.transform(Matrix.Scale(_metres(), 4))
    data.pose_position = "POSE"
    for bone in data.bones:
        bone.use_inherit_rotation, bone.inherit_scale, bone.use_local_location = True, "FULL", True
    armature = bpy.data.objects.new(name, data)
    cleanup.callback(bpy.data.objects.remove, armature)
    armature.matrix_world = Matrix(clip.world)
    return armature


def _add_root_bone(armature: bpy.types.Object, clip: SampledClip) -> None:
    """Give a copied armature the clip's first bone, from which all others hang."""
    scene, rest = bpy.context.scene, Matrix(clip.rest[0])
    scene.collection.objects.link(armature)  # bones are made in the scene that is open
    with editing(armature) as bones:
        tops = [bone for bone in bones if bone.parent is None]
        root = bones.new(ROOT_BONE)
        root.length = ROOT_LENGTH
        root.matrix = rest
        for bone in tops:
            bone.parent = root
    scene.collection.objects.unlink(armature)
    armature.pose.bones[ROOT_BONE].rotation_mode = "QUATERNION"


def _copy_skin(
    character: Character,
    armature: bpy.types.Object,
    correctives: BakedCorrectives | None,
    scene: bpy.types.Scene,
    cleanup: ExitStack,
) -> bpy.types.Object:
    """The unposed skin with its shape and other modifiers applied, linked to `scene` and bound to `armature`. The only
    shape keys are the `correctives`."""
    name, mesh_name = character.mesh.name, character.mesh.data.name
    _free_name(bpy.data.objects, name, cleanup)
    _free_name(bpy.data.meshes, mesh_name, cleanup)
    with without_correctives(character.mesh):
        mesh = _shaped_mesh(character.mesh, scene)
    cleanup.callback(bpy.data.meshes.remove, mesh)
    mesh.transform(_to_armature(character))
    mesh.name = mesh_name
    body = bpy.data.objects.new(name, mesh)
    cleanup.callback(bpy.data.objects.remove, body)
    scene.collection.objects.link(body)
    if correctives is not None:
        _add_shape_keys(body, correctives)
    body.parent = armature
    bind(body, armature)
    return body


def _add_shape_keys(body: bpy.types.Object, correctives: BakedCorrectives) -> None:
    count = len(body.data.vertices)
    if count != correctives.offsets.shape[1]:
        raise UserError(
            f"A modifier changes the number of vertices of {body.name}, so its pose correctives do not fit. Remove the "
            "modifier or the correctives, and export again."
        )
    basis = np.empty(3 * count, np.float32)
    body.data.vertices.foreach_get("co", basis)
    body.shape_key_add(name="Basis")
    for number, offsets in enumerate(correctives.offsets, start=1):
        key = body.shape_key_add(name=f"Corrective {number}", from_mix=False)
        key.slider_min, key.slider_max = -1.0, 1.0
        key.data.foreach_set("co", (basis + offsets.ravel()).astype(np.float32))


def _metres() -> float:
    """Length of the scene's unit. The stage is in metres."""
    return bpy.context.scene.unit_settings.scale_length


def _to_armature(character: Character) -> Matrix:
    """From the skin's own space to the armature's, in metres: nothing, but where a transform was applied to one of
    them alone, or somebody moved the skin."""
    return Matrix.Scale(_metres(), 4) @ character.armature.matrix_world.inverted() @ character.mesh.matrix_world


def _shaped_mesh(original: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Mesh:
    unposed = original.copy()
    try:
        unposed.parent = None
        for modifier in [m for m in unposed.modifiers if m.type == "ARMATURE"]:
            unposed.modifiers.remove(modifier)
        scene.collection.objects.link(unposed)
        scene.view_layers[0].update()
        depsgraph = scene.view_layers[0].depsgraph
        return bpy.data.meshes.new_from_object(
            unposed.evaluated_get(depsgraph), preserve_all_data_layers=True, depsgraph=depsgraph
        )
    finally:
        bpy.data.objects.remove(unposed)


def _free_name(blocks: bpy.types.bpy_prop_collection, name: str, cleanup: ExitStack) -> None:
    """Move whatever bears `name` out of the way until the stage is cleared. Blocks of other files may bear it, too:
    they are not in the way, and cannot be renamed."""
    holder = blocks.get((name, None))
    if holder is not None:
        holder.name = f"{name}.original"
        cleanup.callback(setattr, holder, "name", name)


def _weights_action(
    body: bpy.types.Object, correctives: BakedCorrectives, name: str, first_frame: int
) -> bpy.types.Action:
    keys = body.data.shape_keys
    paths = [
        (key.path_from_id("value"), "", weights[:, None])
        for key, weights in zip(keys.key_blocks[1:], correctives.weights.T, strict=True)
    ]
    return action_of(name, keys.name, "KEY", first_frame, paths)


def _put_on_strip(
    owner: bpy.types.Object | bpy.types.Key, action: bpy.types.Action, name: str, cleanup: ExitStack
) -> None:
    """Tracks of one name become one clip, whatever datablock they move."""
    cleanup.callback(bpy.data.actions.remove, action)
    animation = owner.animation_data_create()
    animation.action = None
    track = animation.nla_tracks.new()
    track.name = name
    strip = track.strips.new(name, round(action.frame_range[0]), action)
    strip.extrapolation = "NOTHING"
    if hasattr(strip, "action_slot"):  # since 4.4
        strip.action_slot = action.slots[0]


@contextmanager
def _current(scene: bpy.types.Scene) -> Iterator[None]:
    """Make `scene` the window's scene: exporters look at the context, and glTF's at the window."""
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    before = window.scene
    window.scene = scene
    try:
        with bpy.context.temp_override(window=window):
            yield
    finally:
        window.scene = before
