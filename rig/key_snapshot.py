"""All keys of a character as they were, so that a mode can be left as if it had never been entered."""

from dataclasses import dataclass

import bpy
import numpy as np

from .action import curves_of

FIELDS = {
    "co": 2, "handle_left": 2, "handle_right": 2, "handle_left_type": 1, "handle_right_type": 1, "interpolation": 1,
}  # fmt: skip
"""What makes a key, with how many numbers; all fit into float32."""


@dataclass(frozen=True)
class KeySnapshot:
    """Keys by curve: data path and index, with the numbers of `FIELDS` (N, 9)."""

    armature: bpy.types.Object
    keys: dict[tuple[str, int], np.ndarray]

    @classmethod
    def of(cls, armature: bpy.types.Object) -> "KeySnapshot":
        """The keys as they are now."""
        return cls(armature, {_name(curve): _keys(curve) for curve in curves_of(armature)})

    def restore(self) -> None:
        """Let the keys be as they were. Curves that are new since hold no key any more."""
        for curve in curves_of(self.armature):
            now, points = _keys(curve), curve.keyframe_points
            before = self.keys.get(_name(curve), now[:0])
            if np.array_equal(before, now):
                continue
            if len(before) != len(now):
                points.clear()
                points.add(len(before))
            columns = np.split(before, np.cumsum([*FIELDS.values()])[:-1], axis=1)
            for (name, width), values in zip(FIELDS.items(), columns, strict=True):
                points.foreach_set(name, values.ravel().astype(_kind(width)))
            curve.update()


def _name(curve: bpy.types.FCurve) -> tuple[str, int]:
    return curve.data_path, curve.array_index


def _keys(curve: bpy.types.FCurve) -> np.ndarray:
    columns = [np.empty((len(curve.keyframe_points), width), _kind(width)) for width in FIELDS.values()]
    for name, values in zip(FIELDS, columns, strict=True):
        flat = values.ravel()
        curve.keyframe_points.foreach_get(name, flat)
        values[:] = flat.reshape(values.shape)
    return np.column_stack(columns).astype(np.float32)


def _kind(width: int) -> type:
    """Places are floats, and what is one of a few is its number."""
    return np.float32 if width > 1 else np.int32
