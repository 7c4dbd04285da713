"""Colours for what the z-buffer saw: texture, light from all around, sun with shadows, dark creases; then a photograph.

All light is linear; a picture's 8 bits are made at the very end, by `develop`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

LINEAR = (np.arange(256, dtype=np.float32) / 255) ** 2.2
"""From 8 bits to linear light."""
_STEPS = 4096
ENCODED = np.round(255 * (np.arange(_STEPS) / (_STEPS - 1)) ** (1 / 2.2)).astype(np.uint8)
CREASE = 0.15
"""Metres behind its neighbours at which a surface is darkest."""


@njit(cache=True, fastmath=True, inline="always")
def _sky(x, y, z, channel, harmonics):
    """Irradiance over π from direction (x, y, z), by real spherical harmonics of order 2 (9, 3)."""
    value = harmonics[0, channel] + harmonics[1, channel] * y + harmonics[2, channel] * z + harmonics[3, channel] * x
    value += harmonics[4, channel] * x * y + harmonics[5, channel] * y * z + harmonics[7, channel] * x * z
    value += harmonics[6, channel] * (3 * z * z - 1) + harmonics[8, channel] * (x * x - y * y)
    return max(value, 0.02 * harmonics[0, channel])


@njit(cache=True, fastmath=True, inline="always")
def _lit(x, y, z, shadow, light_from_camera):
    """0–1: how much of the sun reaches a point, four neighbours of the shadow map agreeing."""
    column = light_from_camera[0, 0] * x + light_from_camera[0, 1] * y + light_from_camera[0, 2] * z
    row = light_from_camera[1, 0] * x + light_from_camera[1, 1] * y + light_from_camera[1, 2] * z
    near = light_from_camera[2, 0] * x + light_from_camera[2, 1] * y + light_from_camera[2, 2] * z
    left, top = int(column + light_from_camera[0, 3]), int(row + light_from_camera[1, 3])
    near += light_from_camera[2, 3]
    if left < 0 or top < 0 or left + 1 >= shadow.shape[1] or top + 1 >= shadow.shape[0]:
        return 1.0
    free = 0.0
    for dy in range(2):
        for dx in range(2):
            if shadow[top + dy, left + dx] <= near + 0.01:
                free += 0.25
    return free


@njit(cache=True, fastmath=True, inline="always")
def _open(nearness, y, x, reach):
    """0–1: how little the surroundings stand before a pixel, from eight neighbours at `reach` pixels."""
    height, width = nearness.shape
    depth, hidden = 1 / nearness[y, x], 0.0
    for number in range(8):
        far = reach if number % 2 else reach // 2 + 1
        dy, dx = far * ((number // 3) % 3 - 1), far * (number % 3 - 1)
        if number == 4:
            dy, dx = far, far
        row, column = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
        if nearness[row, column] > 0:
            behind = depth - 1 / nearness[row, column]
            if 0 < behind < 4 * CREASE:
                hidden += min(behind / CREASE, 1.0)
    return 1 - 0.7 * hidden / 8


class Material(NamedTuple):
    """A part's surface: `faces` (T, 3); `vertices` and `normals` (V, 3) in the camera's frame; `uvs` (T, 3, 2) in
    `texture` (S, S, 4) uint8, whose `linear` (256,) colours `colour` (3, 3) is applied to; `shine` is the strength of
    highlights."""

    faces: np.ndarray
    vertices: np.ndarray
    normals: np.ndarray
    uvs: np.ndarray
    texture: np.ndarray
    linear: np.ndarray
    colour: np.ndarray
    shine: float


class Lighting(NamedTuple):
    """`harmonics` (9, 3) of the sky in its frame; `sun` (3,) points to it in the camera's frame, `sunlight` (3,);
    `shadow` (N, N) is what `draw_nearness` made from the sun's side, of points moved by `light_from_camera` (3, 4)."""

    harmonics: np.ndarray
    sky_from_camera: np.ndarray
    sun: np.ndarray
    sunlight: np.ndarray
    shadow: np.ndarray
    light_from_camera: np.ndarray


@njit(cache=True, fastmath=True)
def shade(window, first, material, lighting, sight, reach, light):
    """Write the light (H, W, 3) that comes from one part's visible pixels.

    `window` is left, top, right, bottom of where the part can be, and `first` the number of its first triangle;
    `material` a `Material`, `lighting` a `Lighting`, `sight` a `rasterizer.Sight`; `reach` in pixels is how far what
    stands before a pixel darkens it.
    """
    faces, vertices, normals, uvs, texture, linear, colour, shine = material
    harmonics, sky_from_camera, sun, sunlight, shadow, light_from_camera = lighting
    seen, nearness, place = sight
    size = texture.shape[0]
    for y in range(window[1], window[3]):
        for x in range(window[0], window[2]):
            triangle = seen[y, x] - first
            if triangle < 0 or triangle >= len(faces):
                continue
            a, b, c = faces[triangle]
            wb, wc = place[y, x, 0], place[y, x, 1]
            wa = 1 - wb - wc
            px = wa * vertices[a, 0] + wb * vertices[b, 0] + wc * vertices[c, 0]
            py = wa * vertices[a, 1] + wb * vertices[b, 1] + wc * vertices[c, 1]
            pz = wa * vertices[a, 2] + wb * vertices[b, 2] + wc * vertices[c, 2]
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
            if nx * px + ny * py + nz * pz > 0:  # the inside of a skirt
                nx, ny, nz = -nx, -ny, -nz
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            corners = uvs[triangle]
            u = wa * corners[0, 0] + wb * corners[1, 0] + wc * corners[2, 0]
            v = wa * corners[0, 1] + wb * corners[1, 1] + wc * corners[2, 1]
            texel = texture[int(np.floor((1 - v) * size)) % size, int(np.floor(u * size)) % size]
            red, green, blue = linear[texel[0]], linear[texel[1]], linear[texel[2]]
            falling, glint = max(nx * sun[0] + ny * sun[1] + nz * sun[2], 0.0), 0.0
            if falling > 0:
                falling *= _lit(px + 0.012 * nx, py + 0.012 * ny, pz + 0.012 * nz, shadow, light_from_camera)
                distance = np.sqrt(px * px + py * py + pz * pz)
                hx, hy, hz = sun[0] - px / distance, sun[1] - py / distance, sun[2] - pz / distance
                half = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                glint = shine * max((nx * hx + ny * hy + nz * hz) / half, 0.0) ** 24 * min(falling * 4, 1.0)
            around = _open(nearness, y, x, reach)
            sx = sky_from_camera[0, 0] * nx + sky_from_camera[0, 1] * ny + sky_from_camera[0, 2] * nz
            sy = sky_from_camera[1, 0] * nx + sky_from_camera[1, 1] * ny + sky_from_camera[1, 2] * nz
            sz = sky_from_camera[2, 0] * nx + sky_from_camera[2, 1] * ny + sky_from_camera[2, 2] * nz
            for channel in range(3):
                albedo = colour[channel, 0] * red + colour[channel, 1] * green + colour[channel, 2] * blue
                albedo = min(max(albedo, 0.01), 0.95)
                arriving = _sky(sx, sy, sz, channel, harmonics) * around + sunlight[channel] * falling
                light[y, x, channel] = albedo * arriving + glint * sunlight[channel]


@njit(cache=True, fastmath=True)
def develop(light, seen, background, exposure, encoded, picture):
    """Average `light` (kH, kW, 3) over k × k samples, lay it over the linear `background` (H, W, 3) and write the 8-bit
    `picture` (H, W, 3). Where `seen` (kH, kW) is negative the background shows."""
    height, width, _ = picture.shape
    fine = seen.shape[0] // height
    steps = len(encoded) - 1
    for y in range(height):
        for x in range(width):
            red, green, blue, empty = 0.0, 0.0, 0.0, 0
            for row in range(y * fine, (y + 1) * fine):
                for column in range(x * fine, (x + 1) * fine):
                    if seen[row, column] < 0:
                        empty += 1
                    else:
                        red += min(light[row, column, 0] * exposure, 1.5)
                        green += min(light[row, column, 1] * exposure, 1.5)
                        blue += min(light[row, column, 2] * exposure, 1.5)
            behind, samples = background[y, x], fine * fine
            picture[y, x, 0] = encoded[int(min((red + empty * behind[0]) / samples, 1.0) * steps)]
            picture[y, x, 1] = encoded[int(min((green + empty * behind[1]) / samples, 1.0) * steps)]
            picture[y, x, 2] = encoded[int(min((blue + empty * behind[2]) / samples, 1.0) * steps)]
