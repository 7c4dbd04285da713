"""MakeHuman's clothes, shoes and hair, hung on the open body so that they follow its shape and pose.

A garment is fitted to MakeHuman's base mesh, brought into T-pose with it, and then tied to the body's vertices near it:
it is moved by what those differ between the two bodies, and takes over their shape directions and skinning weights.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ...inference.body.body_model import BUNDLED_BODY, BodyModel
from ..body.makehuman import (
    METRES,
    Garment,
    joint_positions,
    joint_transforms,
    joint_weights,
    read_garment,
    shaped_base,
    skin,
)
from ..data.packs import pack
from .skinning import Skinned, vertex_normals
from .textures import mean_colour, read_texture

SHAPES = {
    "male": {"macrodetails/caucasian-male-young": 1.0},
    "female": {"macrodetails/caucasian-female-young": 1.0},
}
TIES = 12
"""Body vertices that one vertex of a garment follows."""
CLEARANCE = 0.004
"""Metres that a garment is kept off the skin."""
WAIST = -0.1
"""Height in the template, metres, that parts the upper from the lower pieces of a suit."""
DENSE = 10000
"""Triangles above which a garment is left out, for speed."""


@dataclass(frozen=True, eq=False)
class Asset:
    """A garment on the open body."""

    name: str
    kind: str
    """suit, shoes, hair or hat."""
    surface: Skinned
    faces: np.ndarray
    """(T, 3) int32"""
    uvs: np.ndarray
    """(T, 3, 2) float32"""
    lower: np.ndarray
    """(T,) bool: what is worn on the legs, dyed apart from the rest."""
    texture: np.ndarray | None
    """(S, S, 4) uint8; None where the pack has none."""
    mean: np.ndarray
    """(3,) mean linear colour of the texture."""
    covered: np.ndarray
    """(V,) bool: vertices of the body that it hides."""


def load_assets(model: BodyModel) -> list[Asset]:
    """Everything wearable in the pack render_assets, except what is too finely meshed. Raises PackMissing."""
    assets, folder = [], pack("render_assets")
    index = np.load(BUNDLED_BODY)["makehuman_index"]
    for sex, targets in SHAPES.items():
        mannequin = _Mannequin(targets, model, index)
        for path in sorted(folder.glob("*/*.mhclo.gz")):
            for_women = path.name.startswith("female") or path.parent.name == "hair"
            if for_women == (sex == "female"):
                garment = read_garment(path)
                if sum(len(polygon) - 2 for polygon in garment.polygons) <= DENSE:
                    assets.append(mannequin.wearing(path, garment))
    return assets


class _Mannequin:
    """MakeHuman's base mesh in T-pose, and the open body's template, vertex by vertex."""

    def __init__(self, targets: dict[str, float], model: BodyModel, index: np.ndarray):
        self.model, self.index = model, index
        self.base = shaped_base(targets).vertices
        self.weights = joint_weights()
        self.transforms = joint_transforms(joint_positions(self.base), np.zeros((24, 3)))
        self.body = skin(self.base, self.weights, self.transforms)[index] * METRES
        self.tree = cKDTree(self.body)
        self.normals = vertex_normals(model.v_template, model.faces)

    def wearing(self, path: Path, garment: Garment) -> Asset:
        resting = skin(garment.fit(self.base), garment.carry(self.weights), self.transforms) * METRES
        distance, near = self.tree.query(resting, TIES)
        share = 1 / (distance + 0.01) ** 2
        share /= share.sum(1, keepdims=True)

        def carried(values: np.ndarray) -> np.ndarray:
            return np.einsum("nk,nk...->n...", share, values[near])

        kind = "hat" if "fedora" in path.name else path.parent.name
        kind = "shoes" if "shoes" in path.name else {"clothes": "suit"}.get(kind, kind)
        template = resting + carried(self.model.v_template - self.body)
        template = self._clear(template)
        surface = Skinned.of(template, carried(self.model.shapedirs), carried(self.model.lbs_weights))
        faces, uvs = _triangles(garment)
        texture = _texture_of(path)
        return Asset(
            name=path.name.split(".")[0], kind=kind, surface=surface, faces=faces, uvs=uvs,
            lower=_piece_heights(template, faces) < WAIST, texture=texture,
            mean=np.full(3, 0.5) if texture is None else mean_colour(texture),
            covered=np.isin(self.index, garment.covered),
        )  # fmt: skip

    def _clear(self, template: np.ndarray) -> np.ndarray:
        """Move what lies in or on the skin out of it."""
        near = cKDTree(self.model.v_template).query(template)[1]
        normal = self.normals[near]
        height = ((template - self.model.v_template[near]) * normal).sum(1)
        return template + normal * np.maximum(CLEARANCE - height, 0)[:, None]


def _triangles(garment: Garment) -> tuple[np.ndarray, np.ndarray]:
    """Fans of the polygons: faces (T, 3) and their texture coordinates (T, 3, 2)."""
    faces, uvs = [], []
    for polygon, corners in zip(garment.polygons, garment.uvs, strict=True):
        for k in range(1, len(polygon) - 1):
            faces.append([polygon[0], polygon[k], polygon[k + 1]])
            uvs.append([corners[0], corners[k], corners[k + 1]])
    return np.array(faces, np.int32), np.array(uvs, np.float32)


def _piece_heights(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """For each triangle the mean height of the connected piece that it belongs to."""
    edges = faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(len(vertices), len(vertices)))
    piece = connected_components(graph, directed=False)[1]
    height = np.bincount(piece, vertices[:, 1]) / np.bincount(piece)
    return height[piece[faces[:, 0]]]


def _texture_of(path: Path) -> np.ndarray | None:
    name = path.name.split(".")[0]
    for candidate in (f"{name}_diffuse.jpg", f"{name}_diffuse.png"):
        if (path.parent / candidate).exists():
            return read_texture(path.parent / candidate)
    return None
