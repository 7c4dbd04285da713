"""The rasteriser against brute force: every pixel centre tried against every triangle."""

import cv2
import numpy as np
import pytest
from body_from_image.inference.geometry.rasterizer import coverage, paint, project, spans_of


def inside(triangles, width, height):
    """(T, height, width) bool by the signs of three cross products."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    sides = []
    for corner in range(3):
        start, end = triangles[:, corner, :, None, None], triangles[:, (corner + 1) % 3, :, None, None]
        sides.append((end[:, 0] - start[:, 0]) * (y - start[:, 1]) - (end[:, 1] - start[:, 1]) * (x - start[:, 0]))
    sides = np.stack(sides)
    return (sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_coverage_is_that_of_brute_force(seed):
    random = np.random.default_rng(seed)
    triangles = random.uniform(-15, 60, (40, 1, 2)) + random.normal(0, 6, (40, 3, 2))
    covered = coverage(spans_of(triangles, 50, 40), 50, 40)
    assert np.array_equal(covered, inside(triangles, 50, 40).any(axis=0))


def test_coverage_is_that_of_opencv_but_for_the_border_it_adds():
    for triangle in np.random.default_rng(1).uniform(50, 350, (30, 3, 2)):
        covered = coverage(spans_of(triangle[None], 400, 400), 400, 400)
        theirs = np.zeros((400, 400), np.uint8)
        cv2.fillConvexPoly(theirs, np.round(triangle * 16).astype(np.int32), 1, cv2.LINE_8, 4)
        assert not (covered & (theirs == 0)).any()
        assert not ((cv2.erode(theirs, np.ones((3, 3))) > 0) & ~covered).any()


@pytest.mark.parametrize("jittered", [1.0, 0.5, 0.0])
def test_neighbours_leave_no_gap(jittered):
    """A grid of triangles covers every pixel; exactly once when no corner or edge meets a pixel's centre."""
    random = np.random.default_rng(2)
    across, down = np.meshgrid(np.arange(-5, 60, 2.5), np.arange(-5, 60, 2.5))
    points = np.stack([across, down], -1)
    points += random.uniform(-1, 1, points.shape) * (random.random((*across.shape, 1)) < jittered)
    quads = np.stack([points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]], axis=2).reshape(-1, 4, 2)
    spans = spans_of(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]), 50, 50)
    assert coverage(spans, 50, 50).all()
    if jittered == 1:
        assert (spans.stop - spans.start).sum() == 50 * 50


def test_degenerate_and_impossible_triangles_are_harmless():
    point, line = np.full((3, 2), 5.3), np.array([[1, 1], [9, 9], [5, 5.0]])
    missing = np.array([[1, 1], [np.nan, 2], [3, 3]])
    far = np.array([[-1e7, -1e7], [1e7, -1e7], [0, 1e7]])
    assert coverage(spans_of(np.stack([point, missing]), 10, 10), 10, 10).sum() == 0
    assert coverage(spans_of(line[None], 10, 10), 10, 10).sum() <= 10
    assert coverage(spans_of(far[None], 10, 10), 10, 10).all()
    assert coverage(spans_of(np.zeros((0, 3, 2)), 10, 10), 10, 10).sum() == 0


def test_projection_is_opencvs():
    points = np.random.default_rng(3).uniform([-1, -1, 1], [1, 1, 4], (50, 3))
    camera = np.array([[700, 0, 320.5], [0, 700, 240.25], [0, 0, 1]])
    expected = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera, None)[0][:, 0]
    assert np.allclose(project(points, 700.0, np.array([320.5, 240.25])), expected)


def test_what_is_behind_the_camera_has_no_place_in_the_picture():
    assert np.isnan(project(np.array([[0, 0, -1], [0, 0, 0], [0, 0, np.nan], [1, 1, 0.01]]), 700.0, np.zeros(2))).all()


def test_painting_is_linear_and_nearest_wins():
    random = np.random.default_rng(4)
    triangles = random.uniform(0, 40, (25, 3, 2))
    depth = random.permutation(25).astype(float)
    slope = random.normal(0, 1, (25, 3))  # value = a x + b y + c on each triangle
    values = (triangles * slope[:, None, :2]).sum(-1) + slope[:, 2:]
    canvas = np.full((40, 40), np.nan)
    paint(spans_of(triangles, 40, 40), triangles, values, depth, canvas)
    hit = inside(triangles, 40, 40)
    nearest = np.argmin(np.where(hit, depth[:, None, None], np.inf), axis=0)
    y, x = np.indices((40, 40))
    expected = slope[nearest, 0] * x + slope[nearest, 1] * y + slope[nearest, 2]
    expected[~hit.any(axis=0)] = np.nan
    np.testing.assert_allclose(canvas, expected, atol=1e-6)
