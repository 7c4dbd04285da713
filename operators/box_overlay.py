"""The picture that a box is drawn on, laid over a 3D view."""

from dataclasses import dataclass, field
from pathlib import Path

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

MARGIN = 20
DIM = (0.05, 0.05, 0.05, 0.92)
LINE = (1.0, 0.55, 0.1, 1.0)
SHADE = (0.0, 0.0, 0.0, 0.5)

Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]
"""Left, bottom, right, top in a region's pixels, y up."""


@dataclass
class BoxOverlay:
    """A picture in one 3D view, and the corners that were dragged on it so far, in the region's pixels."""

    region: bpy.types.Region
    texture: gpu.types.GPUTexture
    picture: Rectangle
    corners: list[Point] = field(default_factory=list)

    @property
    def rectangle(self) -> Rectangle | None:
        """What was dragged, within the picture; None before."""
        if len(self.corners) < 2:
            return None
        points = np.clip(self.corners, self.picture[:2], self.picture[2:])
        return (*points.min(0).tolist(), *points.max(0).tolist())

    def box_in_photo(self, photo_size: tuple[int, int]) -> tuple[float, float, float, float]:
        """The dragged rectangle as left, top, width, height in the photo's pixels."""
        left, bottom, right, top = self.rectangle
        scale = photo_size[0] / (self.picture[2] - self.picture[0])
        x, y = left - self.picture[0], self.picture[3] - top
        return x * scale, y * scale, (right - left) * scale, (top - bottom) * scale

    def draw(self) -> None:
        """Draw into the region that is being drawn, when it is ours."""
        if bpy.context.region != self.region:
            return
        gpu.state.blend_set("ALPHA")
        _fill((0, 0, self.region.width, self.region.height), DIM)
        _image(self.texture, self.picture)
        if self.rectangle:
            for shade in _around(self.rectangle, self.picture):
                _fill(shade, SHADE)
            _outline(self.rectangle, LINE)
        gpu.state.blend_set("NONE")


def load_texture(file: Path) -> gpu.types.GPUTexture:
    """The picture as a texture. A 3D view's overlays are drawn in linear light, so its colours are told to be sRGB."""
    image = bpy.data.images.load(str(file))
    try:
        pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
        image.pixels.foreach_get(pixels)
        return gpu.types.GPUTexture(
            image.size[:], format="SRGB8_A8", data=gpu.types.Buffer("FLOAT", len(pixels), pixels)
        )
    finally:
        bpy.data.images.remove(image)


def fit_picture(area: bpy.types.Area, region: bpy.types.Region, width: float, height: float) -> Rectangle:
    """The largest place for a picture of these proportions in what `area`'s sidebars leave free of `region`."""
    left, right = 0, region.width
    for other in area.regions:
        if other.type == "TOOLS" and other.width > 1:
            left = max(left, other.x + other.width - region.x)
        elif other.type == "UI" and other.width > 1:
            right = min(right, other.x - region.x)
    scale = min(max(right - left - 2 * MARGIN, 1) / width, max(region.height - 4 * MARGIN, 1) / height)
    center_x, center_y = (left + right) / 2, region.height / 2
    half_width, half_height = width * scale / 2, height * scale / 2
    return center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height


def _corners(rectangle: Rectangle) -> list[Point]:
    left, bottom, right, top = rectangle
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _around(inner: Rectangle, outer: Rectangle) -> list[Rectangle]:
    """What `inner` leaves of `outer`."""
    return [
        (outer[0], outer[1], inner[0], outer[3]),
        (inner[2], outer[1], outer[2], outer[3]),
        (inner[0], outer[1], inner[2], inner[1]),
        (inner[0], inner[3], inner[2], outer[3]),
    ]


def _fill(rectangle: Rectangle, color: tuple[float, ...]) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", color)
    batch_for_shader(shader, "TRIS", {"pos": _corners(rectangle)}, indices=[(0, 1, 2), (0, 2, 3)]).draw(shader)


def _outline(rectangle: Rectangle, color: tuple[float, ...]) -> None:
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", 2.0)
    shader.uniform_float("color", color)
    points = [(x, y, 0.0) for x, y in _corners(rectangle)]
    batch_for_shader(shader, "LINE_STRIP", {"pos": [*points, points[0]]}).draw(shader)


def _image(texture: gpu.types.GPUTexture, rectangle: Rectangle) -> None:
    shader = gpu.shader.from_builtin("IMAGE")
    shader.uniform_sampler("image", texture)
    content = {"pos": _corners(rectangle), "texCoord": _corners((0, 0, 1, 1))}
    batch_for_shader(shader, "TRIS", content, indices=[(0, 1, 2), (0, 2, 3)]).draw(shader)
