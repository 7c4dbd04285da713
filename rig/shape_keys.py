"""The betas: one shape key for each, driven by a custom property of the armature that a person can drag."""

import bpy
import numpy as np

from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from .action import keyed_paths
from .axes import points_to_blender

SOFT_LIMIT, HARD_LIMIT = 3.0, 10.0
"""What a slider spans and what can be typed, in standard deviations. Blender clamps shape keys at ±10 itself."""

BETA_NAMES_PROPERTY = "beta_names"
"""Custom property of the armature's data: the names of the beta properties, in order."""


def add_shape_keys(armature: bpy.types.Object, body: bpy.types.Object, model: BodyModel, betas: np.ndarray) -> None:
    """Give `armature` one property per beta, set to `betas` (S,), and `body` the shape keys that follow them."""
    armature.data[BETA_NAMES_PROPERTY] = list(model.beta_names)
    template = points_to_blender(model.v_template)
    body.shape_key_add(name="Basis")
    for index, name in enumerate(model.beta_names):
        _add_property(armature, index, name, float(betas[index]))
        key = body.shape_key_add(name=name)
        key.slider_min, key.slider_max = -HARD_LIMIT, HARD_LIMIT
        shaped = template + points_to_blender(model.shapedirs[:, :, index])
        key.data.foreach_set("co", np.ascontiguousarray(shaped, np.float32).ravel())
        _drive(key, armature, name)


def betas_of(armature: bpy.types.Object) -> np.ndarray:
    """The betas (S,) that the armature's properties say now. Raises UserError when some were deleted."""
    lost = [name for name in armature.data[BETA_NAMES_PROPERTY] if name not in armature]
    if lost:
        raise UserError(f"{armature.name} has lost shape properties: {', '.join(lost)}. Undo that.")
    return np.array([armature[name] for name in armature.data[BETA_NAMES_PROPERTY]], np.float64)


def set_betas(armature: bpy.types.Object, betas: np.ndarray) -> None:
    """Let the armature's properties say `betas` (S,). The skin follows by itself, the bones when they are refitted."""
    for name, beta in zip(armature.data[BETA_NAMES_PROPERTY], betas, strict=True):
        armature[name] = float(beta)
    armature.update_tag()


def rest_vertices(armature: bpy.types.Object, body: bpy.types.Object) -> np.ndarray:
    """The skin (V, 3) at rest, in the shape that the armature's properties say now; Blender's frame."""
    keys = body.data.shape_keys.key_blocks
    basis = _points(keys[0])
    names = armature.data[BETA_NAMES_PROPERTY]
    return basis + sum(
        beta * (_points(keys[name]) - basis) for name, beta in zip(names, betas_of(armature), strict=True)
    )


def _points(key: bpy.types.ShapeKey) -> np.ndarray:
    points = np.empty(3 * len(key.data), np.float32)
    key.data.foreach_get("co", points)
    return points.reshape(-1, 3)


def has_shape(item: bpy.types.Object) -> bool:
    """Whether an object is an armature with shape properties, all of which are still there."""
    if item.type != "ARMATURE" or BETA_NAMES_PROPERTY not in item.data:
        return False
    return all(name in item for name in item.data[BETA_NAMES_PROPERTY])


def shape_is_animated(armature: bpy.types.Object) -> bool:
    """Whether a key or driver moves one of the shape properties."""
    paths = {_path(name) for name in armature.data[BETA_NAMES_PROPERTY]}
    drivers = armature.animation_data.drivers if armature.animation_data else ()
    return not paths.isdisjoint(keyed_paths(armature) | {driver.data_path for driver in drivers})


def _path(name: str) -> str:
    return f'["{bpy.utils.escape_identifier(name)}"]'


def _add_property(armature: bpy.types.Object, index: int, name: str, value: float) -> None:
    armature[name] = value
    armature.id_properties_ui(name).update(
        min=-HARD_LIMIT,
        max=HARD_LIMIT,
        soft_min=-SOFT_LIMIT,
        soft_max=SOFT_LIMIT,
        default=0.0,
        step=10,
        precision=2,
        description=f"Shape coefficient {index + 1} of the body ({name}), in standard deviations from the mean",
    )


def _drive(key: bpy.types.ShapeKey, armature: bpy.types.Object, name: str) -> None:
    # A sum of one variable is no Python expression, so it also runs where scripts are not trusted.
    driver = key.driver_add("value").driver
    driver.type = "SUM"
    target = driver.variables.new().targets[0]
    target.id = armature
    target.data_path = _path(name)
