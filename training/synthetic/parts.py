"""What the renderer draws: surfaces in the camera's frame, with their looks."""

from dataclasses import dataclass, field, replace

import numpy as np

WHOLE = np.zeros((0, 0, 4), np.uint8)
"""The texture to give to the z-buffer for what has no holes."""


@dataclass(frozen=True, eq=False)
class Looks:
    """How a surface looks. `colour` (3, 3) float32 is applied to the texture's linear colours."""

    texture: np.ndarray
    colour: np.ndarray
    shine: float = 0.0
    holed: bool = False
    """Whether the texture's transparency is heeded."""


@dataclass(frozen=True, eq=False)
class Part:
    """A surface: `vertices` (V, 3) metres in the camera's frame (OpenCV's), `normals` (V, 3), `faces` (T, 3) int32,
    `uvs` (T, 3, 2), `cut` (V,), positive where it is drawn. All float32 unless said."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    cut: np.ndarray
    looks: Looks
    two_sided: bool = False


@dataclass(frozen=True, eq=False)
class Figure:
    """A person before the camera: its parts, the first of which is the body, and its keypoints (25, 3); things have no
    `rotations` and `betas`."""

    parts: list[Part]
    keypoints: np.ndarray
    up: np.ndarray = field(default_factory=lambda: np.array([0.0, -1.0, 0.0]))
    """(3,) away from the ground, in the camera's frame."""
    rotations: np.ndarray | None = None
    """(24, 3, 3), the root's in the camera's upright frame (y up, z to the camera)."""
    betas: np.ndarray | None = None

    def moved(self, offset: np.ndarray) -> "Figure":
        """The figure elsewhere: everything moved by `offset` (3,)."""
        offset = offset.astype(np.float32)
        parts = [Part(p.vertices + offset, p.normals, p.faces, p.uvs, p.cut, p.looks, p.two_sided) for p in self.parts]
        return replace(self, parts=parts, keypoints=self.keypoints + offset)
