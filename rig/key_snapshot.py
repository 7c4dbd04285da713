"""All keys of a character as they were, so that a mode can be left as if it had never been entered."""

from dataclasses import dataclass

import bpy
import numpy as np

from .action import curves_of


@dataclass(frozen=True)
class KeySnapshot:
    """Keys by curve: data path and index, with frames and values (N, 2)."""

    armature: bpy.types.Object
    keys: dict[tuple[str, int], np.ndarray]

    @classmethod
    def of(cls, armature: bpy.types.Object) -> "KeySnapshot":
        """The keys as they are now."""
        return cls(armature, {_name(curve): _keys(curve) for curve in curves_of(armature)})

    def restore(self) -> None:
        """Let the keys be as they were. Curves that are new since hold no key any more."""
        for curve in curves_of(self.armature):
            before = self.keys.get(_name(curve), np.zeros((0, 2), np.float32))
            if before.shape == (now := _keys(curve)).shape and np.array_equal(before, now):
                continue
            if len(before) != len(now):
                curve.keyframe_points.clear()
                curve.keyframe_points.add(len(before))
                curve.keyframe_points.foreach_set("interpolation", np.ones(len(before), np.int32))
            curve.keyframe_points.foreach_set("co", before.ravel())
            curve.update()


def _name(curve: bpy.types.FCurve) -> tuple[str, int]:
    return curve.data_path, curve.array_index


def _keys(curve: bpy.types.FCurve) -> np.ndarray:
    values = np.empty(2 * len(curve.keyframe_points), np.float32)
    curve.keyframe_points.foreach_get("co", values)
    return values.reshape(-1, 2)
