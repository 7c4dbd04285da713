"""Keyframes, written in bulk: an action on every Blender from 4.2 (with and without slots and layers)."""

from collections.abc import Callable, Iterable

import bpy
import numpy as np

from .linked import keep_edits, require_own_object

LINEAR, BEZIER = 1, 2
"""Blender's numbers for how values lie between keys."""
ALIGNED = 3
"""And for handles that lie on one line."""


def write_action(
    armature: bpy.types.Object, name: str, start_frame: int, channels: Iterable[tuple[str, str, np.ndarray]]
) -> bpy.types.Action:
    """Give `armature` a new action with a key on every frame from `start_frame`. The one it had stays in the file.

    Each of `channels` is a bone's name, its property ("rotation_quaternion", "location", "scale") and values (F, n).
    Raises UserError for an armature that is linked from another file.
    """
    require_own_object(armature)
    keep_edits(armature)
    action = new_action(name, armature.name, start_frame, channels)
    animation = armature.animation_data_create()
    if animation.action and not animation.action.library:
        animation.action.use_fake_user = True  # else it would be gone from the file once that is saved
    use_action(armature, action)
    return action


def use_action(owner: bpy.types.Object, action: bpy.types.Action) -> None:
    """Let `owner` move by an action that was made for it alone."""
    animation = owner.animation_data_create()
    animation.action = action
    if hasattr(action, "slots"):  # since 4.4
        animation.action_slot = action.slots[0]


def own_action(owner: bpy.types.Object) -> None:
    """Make the action of an override one of this file, so that keys can be added. Raises UserError for an object that
    is linked from another file."""
    require_own_object(owner)
    keep_edits(owner)
    animation = owner.animation_data
    if animation and animation.action and animation.action.library:
        slot = animation.action_slot.identifier if hasattr(animation, "action_slot") else None  # since 4.4
        animation.action = animation.action.copy()
        if slot:
            animation.action_slot = animation.action.slots[slot]


def new_action(
    name: str, slot_name: str, start_frame: int, channels: Iterable[tuple[str, str, np.ndarray]]
) -> bpy.types.Action:
    """The same action, not yet used by any object."""
    paths = (
        (f'pose.bones["{bpy.utils.escape_identifier(bone)}"].{channel}', bone, values)
        for bone, channel, values in channels
    )
    return action_of(name, slot_name, "OBJECT", start_frame, paths)


def action_of(
    name: str, slot_name: str, id_type: str, start_frame: int, paths: Iterable[tuple[str, str, np.ndarray]]
) -> bpy.types.Action:
    """A new action for a datablock of type `id_type`; each of `paths` is a data path, its group ("" for none) and
    values (F, n), one key a frame."""
    action = bpy.data.actions.new(name)
    new_curve = _curve_factory(action, slot_name, id_type)
    for path, group, values in paths:
        frames = np.arange(start_frame, start_frame + len(values))
        for index in range(values.shape[1]):
            _key_straight(new_curve(path, index, group), frames, values[:, index])
    return action


def _curve_factory(
    action: bpy.types.Action, slot_name: str, id_type: str
) -> Callable[[str, int, str], bpy.types.FCurve]:
    """A function (data path, index, group) → new curve of `action`."""
    if not hasattr(action, "layers"):  # before 4.4
        return lambda path, index, group: action.fcurves.new(path, index=index, action_group=group)
    slot = action.slots.new(id_type=id_type, name=slot_name)
    channels = action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(slot, ensure=True)

    def new_curve(path: str, index: int, group: str) -> bpy.types.FCurve:
        curve = channels.fcurves.new(path, index=index)
        if group:
            curve.group = channels.groups.get(group) or channels.groups.new(group)
        return curve

    return new_curve


def key_smoothly(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> None:
    """Let `curve` have keys `values` (K,) at `frames` (K,) and no others, and a cubic between each two that leaves them
    by `slopes` (K,), a frame: handles over a third of the interval make time run evenly."""
    thirds = np.diff(frames) / 3 if len(frames) > 1 else np.ones(1)
    before, after = np.concatenate([thirds[:1], thirds])[: len(frames)], np.append(thirds, thirds[-1])[: len(frames)]
    points = curve.keyframe_points
    points.clear()
    points.add(len(frames))
    for name, shift in (("co", 0 * before), ("handle_left", -before), ("handle_right", after)):
        points.foreach_set(name, np.column_stack([frames + shift, values + slopes * shift]).astype(np.float32).ravel())
    for name, number in (("interpolation", BEZIER), ("handle_left_type", ALIGNED), ("handle_right_type", ALIGNED)):
        points.foreach_set(name, np.full(len(frames), number, np.int32))
    curve.update()


def key_every_frame(curves: Iterable[bpy.types.FCurve]) -> None:
    """Let each curve that has fewer keys than frames from its first to its last have one in each, and straight lines
    between."""
    for curve in curves:
        first, last = (round(frame) for frame in curve.range())
        if len(curve.keyframe_points) > last - first:
            continue
        frames = np.arange(first, last + 1)
        _key_straight(curve, frames, np.array([curve.evaluate(frame) for frame in frames]))


def _key_straight(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> None:
    """Let `curve` have keys `values` (K,) at `frames` (K,) and no others, and straight lines between."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(frames))
    points.foreach_set("co", np.column_stack([frames, values]).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(frames), LINEAR, np.int32))
    curve.update()


def keyed_paths(owner: bpy.types.Object) -> set[str]:
    """Data paths that the action of `owner` holds keys for; empty without one."""
    return {curve.data_path for curve in curves_of(owner)}


def curves_of(owner: bpy.types.Object) -> list[bpy.types.FCurve]:
    """The curves of the action of `owner`; none without one."""
    animation = owner.animation_data
    action = animation.action if animation else None
    if action is None:
        return []
    if not hasattr(action, "layers"):  # before 4.4
        return list(action.fcurves)
    strips = (strip for layer in action.layers for strip in layer.strips)
    channels = (strip.channelbag(animation.action_slot) for strip in strips if animation.action_slot)
    return [curve for bag in channels if bag for curve in bag.fcurves]
