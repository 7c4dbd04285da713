"""Triangles to pixels, compiled: a z-buffer that remembers which triangle is seen where, and a depth map for shadows.

`inference.rasterizer` needs no compiler and sorts triangles; a thousand pictures a minute with hair, hems and
interpenetrating clothes need a z-buffer. Both take pixel (0, 0) to have its centre at (0, 0).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

ALPHA = 128
"""Opacity of a texture, out of 255, from which it is drawn at all."""


class Surface(NamedTuple):
    """A part's triangles as they are drawn. `screen` (V, 3) is x, y in pixels and 1/z, or 0 for what is behind the
    camera; `faces` (T, 3), counter-clockwise from outside. `cut` (V,): nothing is drawn where it interpolates to less
    than 0. `uvs` (T, 3, 2) and `texture` (S, S, 4): nothing is drawn where the texture is transparent; no texture,
    (0, 0, 4), is opaque."""

    screen: np.ndarray
    faces: np.ndarray
    two_sided: bool
    cut: np.ndarray
    uvs: np.ndarray
    texture: np.ndarray


class Sight(NamedTuple):
    """What is seen at each sample: number of the triangle `seen` (H, W) int32, -1 for none; `nearness` (H, W) float32
    1/z; `place` (H, W, 2) float32: weights of the second and third corner on the triangle."""

    seen: np.ndarray
    nearness: np.ndarray
    place: np.ndarray


@njit(cache=True, fastmath=True)
def project(vertices, focal, center, nearest, size):
    """Camera-frame vertices (V, 3) as x, y in samples and 1/z (V, 3), which is 0 for what is nearer than `nearest`; and
    the window (4,) of a picture `size` samples a side that holds them: left, top, right, bottom."""
    screen = np.empty_like(vertices)
    left, top, right, bottom = 1e9, 1e9, -1e9, -1e9
    for vertex in range(len(vertices)):
        x, y, z = vertices[vertex]
        if z <= nearest:
            screen[vertex] = 0
            continue
        x, y = x / z * focal + center[0], y / z * focal + center[1]
        screen[vertex, 0], screen[vertex, 1], screen[vertex, 2] = x, y, 1 / z
        left, top, right, bottom = min(left, x), min(top, y), max(right, x), max(bottom, y)
    window = np.zeros(4, np.int64)
    if left <= right:
        window[0], window[1] = max(np.floor(left), 0), max(np.floor(top), 0)
        window[2], window[3] = min(np.floor(right) + 1, size), min(np.floor(bottom) + 1, size)
    return screen, window


@njit(cache=True, fastmath=True)
def draw(surface, first, sight):
    """Draw a part, a `Surface`, into a `Sight`; triangle `t` leaves the number `first + t`."""
    screen, faces, two_sided, cut, uvs, texture = surface
    seen, nearness, place = sight
    height, width = seen.shape
    size = texture.shape[0]
    for triangle in range(len(faces)):
        a, b, c = faces[triangle]
        if cut[a] < 0 and cut[b] < 0 and cut[c] < 0:
            continue
        near_a, near_b, near_c = screen[a, 2], screen[b, 2], screen[c, 2]
        if near_a <= 0 or near_b <= 0 or near_c <= 0:
            continue
        ax, ay, bx, by, cx, cy = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if (area >= 0 and not two_sided) or abs(area) < 1e-6:
            continue
        left = max(int(np.ceil(min(ax, bx, cx))), 0)
        right = min(int(np.floor(max(ax, bx, cx))), width - 1)
        top = max(int(np.ceil(min(ay, by, cy))), 0)
        bottom = min(int(np.floor(max(ay, by, cy))), height - 1)
        if left > right or top > bottom:
            continue
        inverse = 1 / area
        # Weights of the corners are linear on the screen; times 1/z they are linear on the triangle.
        step_b, step_c = (cy - ay) * inverse, (ay - by) * inverse
        whole = cut[a] >= 0 and cut[b] >= 0 and cut[c] >= 0
        for y in range(top, bottom + 1):
            weight_b = ((left - ax) * (cy - ay) - (y - ay) * (cx - ax)) * inverse
            weight_c = ((bx - ax) * (y - ay) - (by - ay) * (left - ax)) * inverse
            for x in range(left, right + 1):
                weight_a = 1 - weight_b - weight_c
                if weight_a >= 0 and weight_b >= 0 and weight_c >= 0:
                    near = weight_a * near_a + weight_b * near_b + weight_c * near_c
                    if near > nearness[y, x]:
                        second, third = weight_b * near_b / near, weight_c * near_c / near
                        first_weight = 1 - second - third
                        drawn = whole or first_weight * cut[a] + second * cut[b] + third * cut[c] >= 0
                        if drawn and size:
                            corners = uvs[triangle]
                            u = first_weight * corners[0, 0] + second * corners[1, 0] + third * corners[2, 0]
                            v = first_weight * corners[0, 1] + second * corners[1, 1] + third * corners[2, 1]
                            drawn = texture[int((1 - v) * size) % size, int(u * size) % size, 3] >= ALPHA
                        if drawn:
                            nearness[y, x] = near
                            seen[y, x] = first + triangle
                            place[y, x, 0] = second
                            place[y, x, 1] = third
                weight_b += step_b
                weight_c += step_c


@njit(cache=True, fastmath=True)
def draw_nearness(screen, faces, cut, nearness):
    """The z-buffer alone, of both sides of triangles; `screen` (V, 3) is x, y and whatever is larger when nearer and
    linear on the screen. For silhouettes and for shadow maps, whose camera is orthographic."""
    height, width = nearness.shape
    for triangle in range(len(faces)):
        a, b, c = faces[triangle]
        if cut[a] < 0 or cut[b] < 0 or cut[c] < 0:
            continue
        ax, ay, bx, by, cx, cy = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-6 or screen[a, 2] <= 0 or screen[b, 2] <= 0 or screen[c, 2] <= 0:
            continue
        left = max(int(np.ceil(min(ax, bx, cx))), 0)
        right = min(int(np.floor(max(ax, bx, cx))), width - 1)
        top = max(int(np.ceil(min(ay, by, cy))), 0)
        bottom = min(int(np.floor(max(ay, by, cy))), height - 1)
        inverse = 1 / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                weight_b = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) * inverse
                weight_c = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) * inverse
                if weight_b >= 0 and weight_c >= 0 and weight_b + weight_c <= 1:
                    near = screen[a, 2] + weight_b * (screen[b, 2] - screen[a, 2])
                    near += weight_c * (screen[c, 2] - screen[a, 2])
                    nearness[y, x] = max(nearness[y, x], near)
