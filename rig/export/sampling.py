"""What Blender evaluates for an armature, frame by frame: keys, constraints and hand corrections alike."""

from dataclasses import dataclass

import bpy
import numpy as np


@dataclass(frozen=True)
class SampledClip:
    """F frames of N bones, parents before children. Matrices are in the armature's space at the first frame."""

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

    @property
    def frame_count(self) -> int:
        return len(self.pose)


def sample_clip(armature: bpy.types.Object) -> SampledClip:
    """Evaluate every frame of the armature's action (of the scene's range, when it has none).

    The armature is evaluated in a scene of its own, so that neither the user's scene moves nor its other objects cost
    time. An object that moves as a whole has its movement put into the bones.
    """
    bones = armature.data.bones
    names = tuple(bone.name for bone in bones)
    worlds, poses = _evaluate(armature, _frames(armature))
    relative = np.linalg.inv(worlds[0]) @ worlds
    return SampledClip(
        bones=names,
        parents=tuple(names.index(bone.parent.name) if bone.parent else -1 for bone in bones),
        rest=np.array([np.array(bone.matrix_local) for bone in bones], np.float64),
        pose=relative[:, None] @ poses,
        world=worlds[0],
        frame_rate=bpy.context.scene.render.fps / bpy.context.scene.render.fps_base,
    )


def _frames(armature: bpy.types.Object) -> range:
    animation = armature.animation_data
    if animation and animation.action:
        first, last = animation.action.frame_range
        return range(round(first), round(last) + 1)
    return range(bpy.context.scene.frame_start, bpy.context.scene.frame_end + 1)


def _evaluate(armature: bpy.types.Object, frames: range) -> tuple[np.ndarray, np.ndarray]:
    """World matrices (F, 4, 4) of the object and pose matrices (F, N, 4, 4) of its bones."""
    scene = bpy.data.scenes.new("sampling")
    try:
        scene.collection.objects.link(armature)
        view_layer = scene.view_layers[0]
        view_layer.update()
        worlds, poses = [], []
        for frame in frames:
            scene.frame_set(frame)
            evaluated = armature.evaluated_get(view_layer.depsgraph)
            worlds.append(np.array(evaluated.matrix_world, np.float64))
            poses.append([np.array(evaluated.pose.bones[bone.name].matrix) for bone in armature.data.bones])
        return np.array(worlds), np.array(poses, np.float64)
    finally:
        bpy.data.scenes.remove(scene)
