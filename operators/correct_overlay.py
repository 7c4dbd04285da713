"""The 25 keypoints drawn over the photo, while they are corrected."""

from dataclasses import dataclass, field

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..inference.geometry.joints import KEYPOINT_EDGES
from .correct_screen import Look, outline_of

RADIUS, PICKED_RADIUS = 6.0, 9.0
EDGE = (1.0, 1.0, 1.0, 0.35)
DARK = (0.0, 0.0, 0.0, 0.7)
MISSED = (0.2, 0.75, 1.0, 0.8)
TEXT_SIZE, TEXT_ASIDE = 13, 14


@dataclass
class CorrectOverlay:
    """What is to be drawn in one region, in its pixels."""

    region: bpy.types.Region
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    """(25, 2) where the body's keypoints are."""
    targets: dict[int, np.ndarray] = field(default_factory=dict)
    """Where a person said that some are, each (2,)."""
    looks: list[Look] = field(default_factory=list)
    picked: int | None = None
    label: str = ""
    message: str = ""
    scale: float = 1.0
    """Of Blender's interface."""

    def draw(self) -> None:
        """Draw into the region that is being drawn, when it is ours."""
        if bpy.context.region != self.region or not len(self.points):
            return
        gpu.state.blend_set("ALPHA")
        pairs = [self.points[end] for edge in KEYPOINT_EDGES for end in edge]
        _lines(pairs, EDGE, 1.5 * self.scale)
        for number, target in self.targets.items():
            _lines([self.points[number], target], MISSED, 1.5 * self.scale)
        for number, look in enumerate(self.looks):
            radius = (PICKED_RADIUS if number == self.picked else RADIUS) * self.scale
            _mark(self.points[number], look, radius)
        if self.picked is not None:
            _write(self.label, self.points[self.picked] + TEXT_ASIDE * self.scale, self.scale)
        if self.message:
            _write(self.message, np.array([40.0, 40.0]) * self.scale, self.scale)
        gpu.state.blend_set("NONE")


def _mark(place: np.ndarray, look: Look, radius: float) -> None:
    corners = place + outline_of(look.shape, radius)
    if look.shape == "cross":
        _lines(corners, DARK, radius * 0.9)
        _lines(corners, look.color, radius * 0.5)
        return
    fan = [(0, number, number + 1) for number in range(1, len(corners) - 1)]
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    for grown, color in ((place + outline_of(look.shape, radius * 1.35), DARK), (corners, look.color)):
        shader.uniform_float("color", color)
        batch_for_shader(shader, "TRIS", {"pos": grown.tolist()}, indices=fan).draw(shader)


def _lines(points, color: tuple[float, ...], width: float) -> None:
    """Every two points a line."""
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", width)
    shader.uniform_float("color", color)
    batch_for_shader(shader, "LINES", {"pos": [(float(x), float(y), 0.0) for x, y in points]}).draw(shader)


def _write(text: str, place: np.ndarray, scale: float) -> None:
    font = 0
    blf.size(font, TEXT_SIZE * scale)
    blf.enable(font, blf.SHADOW)
    blf.shadow(font, 5, 0.0, 0.0, 0.0, 1.0)
    blf.color(font, 1.0, 1.0, 1.0, 1.0)
    blf.position(font, float(place[0]), float(place[1]), 0)
    blf.draw(font, text)
    blf.disable(font, blf.SHADOW)
