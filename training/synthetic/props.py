"""Things that people hold, kick and stand on: balls, poles, boards and boxes, as solids among the people."""

import numpy as np

from ...inference.geometry.joints import KEYPOINT_INDEX
from ..people.instances import random_rotations
from .parts import Figure, Looks, Part
from .skinning import vertex_normals
from .textures import sample_dyes

_HANDS = ("right_knuckles", "left_knuckles")
_FEET = ("right_big_toe", "left_big_toe")


def revolved(profile: np.ndarray, around: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (N, 3), faces (T, 3) and uvs (T, 3, 2) of a profile (K, 2: radius, height), from its top
    down, turned about y."""
    turn = np.linspace(0, 2 * np.pi, around + 1)
    radius, height = profile.T
    vertices = np.stack(
        [np.outer(radius, np.sin(turn)), np.outer(height, np.ones(around + 1)), np.outer(radius, np.cos(turn))], -1
    ).reshape(-1, 3)
    row, column = np.meshgrid(np.arange(len(profile) - 1), np.arange(around), indexing="ij")
    a = (row * (around + 1) + column).ravel()
    b, c, d = a + 1, a + around + 1, a + around + 2
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    uvs = np.stack([faces % (around + 1) / around, faces // (around + 1) / (len(profile) - 1)], -1)
    return vertices.astype(np.float32), faces, uvs.astype(np.float32)


_ARC = np.linspace(np.pi, 0, 9)
BALL = revolved(np.stack([np.sin(_ARC), -np.cos(_ARC)], 1), 14)
"""Radius 1."""
POLE = revolved(np.array([[0, 0.5], [1, 0.5], [1, -0.5], [0, -0.5]]), 8)
"""Radius 1 and length 1, along y."""
BOX = revolved(np.array([[0, 0.5], [np.sqrt(0.5), 0.5], [np.sqrt(0.5), -0.5], [0, -0.5]]), 4)
"""Sides of 1, standing on an edge's diagonal: its sides are turned 45° about y."""


def sample_prop(figure: Figure, tiles: list[np.ndarray], rng: np.random.Generator) -> Figure:
    """A thing at the hands or feet of a figure, as a figure without keypoints of its own."""
    kind = rng.choice(["ball", "pole", "board"], p=[0.35, 0.4, 0.25])
    points = figure.keypoints
    if kind == "ball":
        radius = rng.uniform(0.03, 0.15)
        spot = points[KEYPOINT_INDEX[str(rng.choice(_HANDS + _FEET))]]
        away = random_rotations(1, rng)[0]
        return _solid(BALL, away * radius, spot + away[:, 0] * radius * rng.uniform(0.9, 2), figure, tiles, rng)
    if kind == "pole":
        one, other = (points[KEYPOINT_INDEX[hand]] for hand in _HANDS)
        axis = other - one if rng.random() < 0.4 else rng.normal(size=3)
        length = rng.uniform(0.3, 2.5)
        thickness = rng.uniform(0.008, 0.03)
        frame = _frame_along(axis) * [thickness, length, thickness]
        middle = (one if rng.random() < 0.5 else other) + frame[:, 1] * rng.uniform(-0.4, 0.4)
        return _solid(POLE, frame, middle, figure, tiles, rng)
    sides = np.array([rng.uniform(0.15, 0.5), rng.uniform(0.03, 0.5), rng.uniform(0.3, 1.0)])
    lowest = figure.parts[0].vertices[np.argmin(figure.parts[0].vertices @ figure.up)]
    frame = _frame_along(figure.up + rng.normal(0, 0.08, 3)) * sides
    return _solid(BOX, frame, lowest - frame[:, 1] / 2, figure, tiles, rng)


def _frame_along(axis: np.ndarray) -> np.ndarray:
    """Unit axes (3, 3) in columns, the second along `axis`."""
    axis = axis / (np.linalg.norm(axis) + 1e-9)
    side = np.cross(axis, [0.3, 0.5, 0.8])
    side /= np.linalg.norm(side) + 1e-9
    return np.stack([side, axis, np.cross(side, axis)], 1)


def _solid(shape, frame: np.ndarray, center: np.ndarray, figure: Figure, tiles, rng: np.random.Generator) -> Figure:
    vertices = (shape[0] @ frame.T + center).astype(np.float32)
    looks = Looks(tiles[rng.integers(len(tiles))], sample_dyes(rng), float(rng.choice([0.0, 0.4])))
    whole = np.ones(len(vertices), np.float32)
    part = Part(vertices, vertex_normals(vertices, shape[1]), shape[1], shape[2], whole, looks, two_sided=True)
    return Figure([part], np.zeros((0, 3), np.float32), figure.up)
