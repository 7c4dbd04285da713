"""The shape space: principal components of people in T-pose, turned so that the first betas mean something."""

from dataclasses import dataclass

import numpy as np

from ...inference.geometry.joints import JOINT_INDEX

BETA_COUNT = 10
MEANINGS = ("stature", "body mass index", "gender")
BETA_NAMES = (*MEANINGS, *(f"shape {number}" for number in range(len(MEANINGS) + 1, BETA_COUNT + 1)))
SHOULDERS_WIDEN = (False, False, False, True, True, False, False)
"""Linear algebra leaves the signs of shape 4–10 open. They are fixed by whether the shoulders become wider with them,
as they did in the first body that was published, so that saved betas keep their meaning."""
FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class ShapeSpace:
    """A mean body, its directions of change, and the betas of the people they were learned from."""

    v_template: np.ndarray
    """(V, 3)"""
    shapedirs: np.ndarray
    """(V, 3, 10)"""
    betas: np.ndarray
    """(N, 10)"""
    explained: np.ndarray
    """(10,) the share of the variance that the first 1 … 10 components explain."""


def learn_shape_space(
    vertices: np.ndarray, training: int, faces: np.ndarray, mirror: np.ndarray, measures: np.ndarray
) -> ShapeSpace:
    """Learn from the first `training` of N people (N, V, 3).

    Their `measures` (N, 3) give the first betas their meaning. Vertices count by the area around them. Betas have unit
    variance and are uncorrelated.
    """
    mean = vertices[:training].mean(0).astype(np.float64)
    mean = (mean + mean[mirror] * FLIP) / 2
    areas = vertex_areas(mean, faces)
    area_weights = np.sqrt(np.maximum(areas, 1e-12) / areas.mean())[:, None]
    rows = ((vertices - mean) * area_weights).reshape(len(vertices), -1)
    trained = rows[:training]
    variances, vectors = np.linalg.eigh(trained @ trained.T / training)
    variances, vectors = variances[::-1], vectors[:, ::-1]
    deviations = np.sqrt(variances[:BETA_COUNT])
    components = trained.T @ vectors[:, :BETA_COUNT] / np.sqrt(variances[:BETA_COUNT] * training)
    betas = rows @ components / deviations
    shapedirs = (components * deviations).reshape(*mean.shape, BETA_COUNT) / area_weights[..., None]
    shapedirs = (shapedirs + shapedirs[mirror] * FLIP[:, None]) / 2
    turn = meaningful_axes(betas[:training], measures[:training])
    explained = np.cumsum(variances)[:BETA_COUNT] / variances.sum()
    return ShapeSpace(mean, shapedirs @ turn, betas @ turn, explained)


def meaningful_axes(betas: np.ndarray, measures: np.ndarray) -> np.ndarray:
    """A rotation (10, 10) of whitened betas that makes the first follow the measures, each freed of those before it."""
    standardised = (measures - measures.mean(0)) / measures.std(0)
    directions = betas.T @ standardised
    turn, triangle = np.linalg.qr(np.concatenate([directions, np.eye(BETA_COUNT)], axis=1))
    turn = turn[:, :BETA_COUNT]
    turn[:, : len(MEANINGS)] *= np.sign(np.diag(triangle)[: len(MEANINGS)])
    return turn


def fix_signs(space: ShapeSpace, regressor: np.ndarray) -> ShapeSpace:
    """Flip the betas whose sign means nothing until the shoulders widen with them as `SHOULDERS_WIDEN` says."""
    across = regressor[JOINT_INDEX["left_shoulder"]] - regressor[JOINT_INDEX["right_shoulder"]]
    widening = across @ space.shapedirs[:, 0, len(MEANINGS) :]
    signs = np.ones(BETA_COUNT)
    signs[len(MEANINGS) :] = np.where((widening > 0) == np.array(SHOULDERS_WIDEN), 1, -1)
    return ShapeSpace(space.v_template, space.shapedirs * signs, space.betas * signs, space.explained)


def vertex_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V,) a third of the triangles around each vertex, in square metres."""
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    thirds = np.linalg.norm(np.cross(second - first, third - first), axis=1) / 6
    areas = np.zeros(len(vertices))
    for corner in range(3):
        np.add.at(areas, faces[:, corner], thirds)
    return areas
