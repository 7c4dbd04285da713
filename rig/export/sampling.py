"""What Blender evaluates for an armature, frame by frame: keys, constraints and hand corrections alike."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...inference.errors import UserError
from ...inference.geometry.joints import JOINT_NAMES, JOINT_PARENTS
from ...inference.geometry.rotations import continuous_quaternions, matrix_to_quaternion
from ..armature import joint_bones, rest_frame
from ..rest_frame import RestFrame

CHANNELS = {"location": 3, "rotation_quaternion": 4, "rotation_euler": 3, "rotation_axis_angle": 4, "scale": 3}


@dataclass(frozen=True)
class SampledClip:
    """F frames of N bones, parents before children. Matrices are in the armature's space at the first frame; lengths
    are metres, whatever the scene's units, but for `sample_now`."""

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    """Index of each bone's parent in `bones`, -1 for a root."""
    rest: np.ndarray
    """(N, 4, 4)."""
    pose: np.ndarray
    """(F, N, 4, 4)."""
    world: np.ndarray
    """(4, 4) the armature object at the first frame."""
    frame_rate: float
    """Frames a second."""
    first_frame: int

    @property
    def frame_count(self) -> int:
        return len(self.pose)

    def placed(self) -> np.ndarray:
        """(F, N, 4, 4) the posed bones in the world."""
        return self.world @ self.pose

    def turned(self) -> np.ndarray:
        """Rotations (F, N, 3, 3) that take each bone from its rest in the armature to its pose in the world."""
        return _without_scale(self.placed()) @ np.swapaxes(_without_scale(self.rest), -1, -2)

    def in_metres(self, metres: float) -> "SampledClip":
        """The same of a scene whose units are so many `metres` long. Scales of bones and object are no lengths."""

        def shrunk(matrices: np.ndarray) -> np.ndarray:
            matrices = matrices.copy()
            matrices[..., :3, 3] *= metres
            return matrices

        return replace(self, rest=shrunk(self.rest), pose=shrunk(self.pose), world=shrunk(self.world))

    def from_rest(self, frame: RestFrame) -> "SampledClip":
        """The same motion of bones that rest in SMPL's own rest pose: `frame` (in metres) goes to the object."""
        back, size = np.linalg.inv(frame.matrix), np.diag([frame.scale] * 3 + [1])
        return replace(
            self, rest=back @ self.rest @ size, pose=back @ self.pose @ size, world=self.world @ frame.matrix
        )

    def after_rest(self) -> "SampledClip":
        """The same with a frame of the rest pose before the first."""
        return replace(self, pose=np.concatenate([self.rest[None], self.pose]))


def sample_clip(armature: bpy.types.Object) -> SampledClip:
    """Evaluate every frame of the armature's action (of the scene's range, when it has none).

    A clip of one frame is the pose that Blender shows: whoever corrects a still picture's pose by hand need not key it.
    The armature is evaluated in a scene of its own, so that neither the user's scene moves nor its other objects cost
    time. An object that moves as a whole has its movement put into the bones.
    """
    frames, metres = _frames(armature), bpy.context.scene.unit_settings.scale_length
    if len(frames) == 1 and armature.name in bpy.context.view_layer.objects:
        return sample_now(armature).in_metres(metres)
    return _clip(armature, frames[0], *_evaluate(armature, frames)).in_metres(metres)


def sample_joints(armature: bpy.types.Object) -> SampledClip:
    """The same of SMPL's 24 joints alone, in its order and from its own rest pose, wherever an applied transform has
    put the bones' rest. Raises UserError when they rest in another pose."""
    clip, frame = sample_clip(armature), rest_frame(armature)
    metres = bpy.context.scene.unit_settings.scale_length
    order = [clip.bones.index(bone) for bone in joint_bones(armature)]
    joints = replace(
        clip, bones=JOINT_NAMES, parents=tuple(JOINT_PARENTS.tolist()), rest=clip.rest[order], pose=clip.pose[:, order]
    )
    return joints.from_rest(replace(frame, scale=metres * frame.scale, shift=metres * frame.shift))


def sample_now(armature: bpy.types.Object) -> SampledClip:
    """The pose that Blender shows, as a clip of one frame, in the scene's units."""
    return _clip(armature, bpy.context.scene.frame_current, *_evaluate_now(armature))


def _clip(armature: bpy.types.Object, first_frame: int, worlds: np.ndarray, poses: np.ndarray) -> SampledClip:
    bones = armature.data.bones
    names = tuple(bone.name for bone in bones)
    if abs(np.linalg.det(worlds[0])) < 1e-18:
        raise UserError(f"{armature.name} is scaled to nothing, so it has no pose. Scale it to 1 first.")
    relative = np.linalg.inv(worlds[0]) @ worlds
    return SampledClip(
        bones=names,
        parents=tuple(names.index(bone.parent.name) if bone.parent else -1 for bone in bones),
        rest=np.array([np.array(bone.matrix_local) for bone in bones], np.float64),
        pose=relative[:, None] @ poses,
        world=worlds[0],
        frame_rate=bpy.context.scene.render.fps / bpy.context.scene.render.fps_base,
        first_frame=first_frame,
    )


def clip_channels(clip: SampledClip, names: list[str]) -> list[tuple[str, str, np.ndarray]]:
    """The sampled pose as keys: rotations for all bones, locations and scales where there are any."""
    channels = []
    basis = _local_poses(clip)
    scale = np.linalg.norm(basis[..., :3, :3], axis=-2)
    quaternions = continuous_quaternions(matrix_to_quaternion(local_rotations(clip)))
    for bone, parent in enumerate(clip.parents):
        location = basis[:, bone, :3, 3]
        channels.append((names[bone], "rotation_quaternion", quaternions[:, bone]))
        if parent < 0 or not np.allclose(location, 0, atol=1e-5):
            channels.append((names[bone], "location", location))
        if not np.allclose(scale[:, bone], 1, atol=1e-5):
            channels.append((names[bone], "scale", scale[:, bone]))
    return channels


def local_rotations(clip: SampledClip) -> np.ndarray:
    """(F, N, 3, 3): how each bone is turned relative to its parent, along its own axes at rest."""
    return _without_scale(_local_poses(clip))


def _local_poses(clip: SampledClip) -> np.ndarray:
    """(F, N, 4, 4): each bone's pose relative to its parent's, seen from the same at rest."""
    local = np.empty_like(clip.pose)
    for bone, parent in enumerate(clip.parents):
        rest, pose = clip.rest[bone], clip.pose[:, bone]
        if parent >= 0:
            rest = np.linalg.inv(clip.rest[parent]) @ rest
            pose = np.linalg.inv(clip.pose[:, parent]) @ pose
        local[:, bone] = np.linalg.inv(rest) @ pose
    return local


def shows_unkeyed_pose(armature: bpy.types.Object) -> bool:
    """Whether bones were posed by hand in a clip of several frames without keying them. Such a pose is gone as soon as
    the frame changes, so no file can have it."""
    frames, frame = _frames(armature), bpy.context.scene.frame_current
    if len(frames) == 1 or armature.name not in bpy.context.view_layer.objects:
        return False
    with keeping_pose(armature):
        shown = _evaluate_now(armature)[1]
        return not np.allclose(shown, _evaluate(armature, range(frame, frame + 1))[1], atol=1e-4)


@contextmanager
def keeping_pose(armature: bpy.types.Object) -> Iterator[None]:
    """The bones' own values as they are now, keyed or not, once the block is left. Evaluating other frames, and going
    from one scene to another, overwrites those that are animated."""
    bones = armature.pose.bones
    before = {channel: np.empty(len(bones) * width, np.float32) for channel, width in CHANNELS.items()}
    for channel, values in before.items():
        bones.foreach_get(channel, values)
    try:
        yield
    finally:
        for channel, values in before.items():
            bones.foreach_set(channel, values)
        armature.update_tag()


def _without_scale(matrices: np.ndarray) -> np.ndarray:
    columns = matrices[..., :3, :3]
    return columns / np.linalg.norm(columns, axis=-2, keepdims=True)


def _frames(armature: bpy.types.Object) -> range:
    animation = armature.animation_data
    if animation and animation.action:
        first, last = animation.action.frame_range
        return range(round(first), round(last) + 1)
    return range(bpy.context.scene.frame_start, bpy.context.scene.frame_end + 1)


def _evaluate_now(armature: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    return _matrices(armature, [armature.evaluated_get(bpy.context.evaluated_depsgraph_get())])


def _evaluate(armature: bpy.types.Object, frames: range) -> tuple[np.ndarray, np.ndarray]:
    """World matrices (F, 4, 4) of the object and pose matrices (F, N, 4, 4) of its bones."""
    scene = bpy.data.scenes.new("sampling")
    try:
        scene.collection.objects.link(armature)
        view_layer = scene.view_layers[0]
        view_layer.update()
        return _matrices(armature, (_at(armature, scene, frame) for frame in frames))
    finally:
        bpy.data.scenes.remove(scene)


def _at(armature: bpy.types.Object, scene: bpy.types.Scene, frame: int) -> bpy.types.Object:
    scene.frame_set(frame)
    return armature.evaluated_get(scene.view_layers[0].depsgraph)


def _matrices(armature: bpy.types.Object, evaluations: Iterable[bpy.types.Object]) -> tuple[np.ndarray, np.ndarray]:
    worlds, poses = [], []
    for evaluated in evaluations:
        worlds.append(np.array(evaluated.matrix_world, np.float64))
        poses.append([np.array(evaluated.pose.bones[bone.name].matrix) for bone in armature.data.bones])
    return np.array(worlds), np.array(poses, np.float64)
