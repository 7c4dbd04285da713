"""Standing a character on the floor."""

from collections.abc import Iterable

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..inference.body.body_estimate import BodyEstimate
from ..inference.body.body_model import BodyModel
from ..inference.geometry.rotations import shortest_turn
from .action import curves_of
from .linked import require_own_object

FRAMES_AT_ONCE = 256
"""Keeps a long clip's heights within a few megabytes."""
UP = 1
UPWARDS = np.eye(3)[UP]


def move_to_ground(model: BodyModel, betas: np.ndarray, rotations: np.ndarray, transl: np.ndarray) -> np.ndarray:
    """Metres (3,), in SMPL's frame, to add to every translation so that the lowest vertex over all frames lies on the
    floor and the first frame's pelvis is above the origin.

    `betas` (S,), `rotations` (F, 24, 3, 3), `transl` (F, 3), SMPL's frame. Correctives are left out: they move the
    soles by millimetres.
    """
    pelvis = model.rest_joints(np.asarray(betas)[None])[0, 0] + transl[0]
    return np.array([-pelvis[0], -lowest_points(model, betas, rotations, transl).min(), -pelvis[2]])


def upright_turn(estimate: BodyEstimate) -> np.ndarray:
    """The rotation (3, 3) in SMPL's frame that makes the floor of a motion level; of others, none."""
    return np.eye(3) if estimate.floor is None else shortest_turn(estimate.floor[:3].astype(np.float64), UPWARDS)


def lowest_points(model: BodyModel, betas: np.ndarray, rotations: np.ndarray, transl: np.ndarray) -> np.ndarray:
    """Height (F,) of the lowest vertex of each frame, metres.

    Skinning is linear in the bones' transforms, so the heights of all vertices in many frames are one product of
    matrices: four numbers for each joint and frame, times what each vertex makes of them.
    """
    betas = np.asarray(betas, np.float32)[None]
    rest_joints, rest = model.rest_joints(betas), model.rest_vertices(betas)[0]
    homogeneous = np.column_stack([rest, np.ones(len(rest), np.float32)])
    per_vertex = np.einsum("vj,vk->jkv", model.lbs_weights, homogeneous).reshape(-1, len(rest)).astype(np.float32)
    lowest = np.empty(len(rotations))
    for start in range(0, len(rotations), FRAMES_AT_ONCE):
        frames = slice(start, start + FRAMES_AT_ONCE)
        turns = np.asarray(rotations[frames], np.float32)
        joints, world = model.skeleton(betas, turns)
        joints = joints + np.asarray(transl[frames], np.float32)[:, None]
        rows = world[:, :, UP]
        offsets = joints[..., UP] - np.einsum("fjk,jk->fj", rows, rest_joints[0])
        heights = np.concatenate([rows, offsets[..., None]], axis=-1).reshape(len(turns), -1) @ per_vertex
        lowest[frames] = heights.min(1)
    return lowest


def lower_to_ground(body: bpy.types.Object, others: Iterable[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> None:
    """Raise or lower `others` together so that `body`, which follows one of them, touches z = 0 in the present frame.

    Whatever was done to pose and shape since the estimate counts. Raises UserError when one of them is linked from
    another file.
    """
    others = list(others)
    for item in others:
        require_own_object(item)
    evaluated = body.evaluated_get(depsgraph)
    points = np.empty(3 * len(evaluated.data.vertices), np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    world = np.array(evaluated.matrix_world)
    lowest = float((points.reshape(-1, 3) @ world[2, :3] + world[2, 3]).min())
    for item in others:
        before = item.location.copy()
        item.matrix_world = Matrix.Translation((0, 0, -lowest)) @ item.matrix_world
        _move_keys(item, item.location - before)


def _move_keys(item: bpy.types.Object, by: Vector) -> None:
    """Let the keys of an object's location follow a move, or the next frame would take it back."""
    for curve in curves_of(item):
        if curve.data_path == "location":
            for key in curve.keyframe_points:
                key.co_ui[1] += by[curve.array_index]
            curve.update()
