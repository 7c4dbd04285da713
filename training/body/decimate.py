"""Symmetric half-edge collapse with quadric errors (Garland and Heckbert 1997), for several bodies at once.

A vertex is only ever merged *into* a neighbour. So the vertices that remain are vertices of the given mesh, and what is
known per vertex there (blend shapes, weights, UVs) holds for the result.
"""

import heapq
from dataclasses import dataclass

import numpy as np

LENGTH_PENALTY = 2e-3
"""Cost of a collapse per m⁴ of the removed edge: keeps flat regions evenly covered."""
MAX_VALENCE = 11
MIN_NORMAL_COSINE = 0.25
MIN_SLENDERNESS = 0.06
"""Twice the area over the square of the longest edge."""
MIN_DOUBLE_AREA = 1e-12
SHAPE_MATTERS = 0.05
"""Vertices of less importance than this (the inside of the mouth) may leave flipped and thin triangles behind."""


@dataclass(frozen=True, eq=False)
class MeshToDecimate:
    """C configurations of a closed, symmetric mesh with V vertices and T triangles."""

    positions: np.ndarray
    """(C, V, 3)"""
    faces: np.ndarray
    """(T, 3)"""
    face_uvs: np.ndarray
    """(T, 3)"""
    charts: np.ndarray
    """(T,) the texture island of each triangle; no collapse goes across their borders."""
    mirror: np.ndarray
    """(V,) the vertex on the other side; itself on the mid-line."""
    importance: np.ndarray
    """(V,) what the vertex's quadric is multiplied with."""
    protected: frozenset[int]
    """Vertices that stay."""


def decimate(mesh: MeshToDecimate, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Collapse the cheapest edges, always with their mirror images, until `target` vertices are left.

    Returns the kept vertices (target,), and faces (T', 3) and face UVs (T', 3) in terms of the kept.
    """
    state = _Collapser(mesh)
    heap = [entry for vertex in range(len(mesh.mirror)) for entry in state.collapses_of(vertex)]
    heapq.heapify(heap)
    remaining = len(np.unique(mesh.faces))
    while remaining > target and heap:
        _, gone, kept, gone_version, kept_version = heapq.heappop(heap)
        is_stale = state.version[gone] != gone_version or state.version[kept] != kept_version
        is_pair = mesh.mirror[gone] != gone
        if is_stale or state.is_gone[gone] or state.is_gone[kept] or (is_pair and remaining - target < 2):
            continue
        if not state.collapse_symmetrically(gone, kept):
            continue
        remaining -= 2 if is_pair else 1
        touched = {int(kept), int(mesh.mirror[kept])} if is_pair else {int(kept)}
        for vertex in touched:
            state.version[vertex] += 1
        for vertex in touched:
            for entry in state.collapses_around(vertex):
                heapq.heappush(heap, entry)
    return state.result()


class _Collapser:
    """The mesh while it shrinks: faces, who uses them, and the quadrics."""

    def __init__(self, mesh: MeshToDecimate):
        self.mesh = mesh
        count = len(mesh.mirror)
        self.faces, self.face_uvs = mesh.faces.copy(), mesh.face_uvs.copy()
        self.is_alive = np.ones(len(self.faces), bool)
        self.is_gone = np.zeros(count, bool)
        self.version = np.zeros(count, int)
        self.faces_of: list[set[int]] = [set() for _ in range(count)]
        self.uv_in_chart: list[dict[int, int]] = [{} for _ in range(count)]
        for face, corners in enumerate(self.faces):
            for vertex, uv in zip(corners, self.face_uvs[face], strict=True):
                self.faces_of[vertex].add(face)
                self.uv_in_chart[vertex][mesh.charts[face]] = uv
        self.points = mesh.positions.transpose(1, 0, 2).copy()
        self.homogeneous = np.concatenate([self.points, np.ones((*self.points.shape[:2], 1))], axis=2)
        self.quadrics = _vertex_quadrics(mesh.positions, mesh.faces) * mesh.importance[:, None, None, None]

    def neighbours(self, vertex: int) -> set[int]:
        return set(self.faces[list(self.faces_of[vertex])].ravel().tolist()) - {vertex}

    def collapses_of(self, vertex: int) -> list[tuple]:
        """Heap entries for merging a vertex into each of its neighbours."""
        return [self._entry(vertex, other) for other in self.neighbours(vertex) if self._keeps_symmetry(vertex, other)]

    def collapses_around(self, vertex: int) -> list[tuple]:
        """Heap entries for both directions of every edge at a vertex."""
        if self.is_gone[vertex]:
            return []
        edges = [edge for other in self.neighbours(vertex) for edge in ((vertex, other), (other, vertex))]
        return [self._entry(*edge) for edge in edges if self._keeps_symmetry(*edge)]

    def collapse_symmetrically(self, gone: int, kept: int) -> bool:
        """Merge a vertex into its neighbour, and its mirror image likewise; neither if one is not possible."""
        mirrored, mirrored_kept = self.mesh.mirror[gone], self.mesh.mirror[kept]
        if not self._is_possible(gone, kept):
            return False
        if mirrored == gone:
            self._collapse(gone, kept)
            return True
        if not self._is_possible(mirrored, mirrored_kept) or mirrored in self.neighbours(gone):
            return False
        before = {face: (self.faces[face].copy(), self.face_uvs[face].copy()) for face in self.faces_of[gone]}
        self._collapse(gone, kept)
        if not self._is_possible(mirrored, mirrored_kept):
            self._undo(gone, kept, before)
            return False
        self._collapse(mirrored, mirrored_kept)
        return True

    def result(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        is_used = np.array([len(faces) > 0 for faces in self.faces_of])
        kept = np.flatnonzero(is_used & ~self.is_gone)
        number = np.full(len(self.is_gone), -1)
        number[kept] = np.arange(len(kept))
        return kept, number[self.faces[self.is_alive]], self.face_uvs[self.is_alive]

    def _entry(self, gone: int, kept: int) -> tuple:
        point = self.homogeneous[kept]
        quadric = self.quadrics[gone] + self.quadrics[kept]
        error = np.einsum("ci,cij,cj->", point, quadric, point)
        squared_length = ((self.points[gone] - self.points[kept]) ** 2).sum()
        cost = error + LENGTH_PENALTY * squared_length**2 * self.mesh.importance[gone] + 1e-12
        return cost, gone, kept, self.version[gone], self.version[kept]

    def _keeps_symmetry(self, gone: int, kept: int) -> bool:
        """Vertices of the mid-line merge only along it, and none merges into its own mirror image."""
        mirror = self.mesh.mirror
        if gone in self.mesh.protected or kept == mirror[gone]:
            return False
        return mirror[gone] != gone or mirror[kept] == kept

    def _is_possible(self, gone: int, kept: int) -> bool:
        if self.is_gone[gone] or self.is_gone[kept] or gone in self.mesh.protected:
            return False
        around_gone, around_kept = self.neighbours(gone), self.neighbours(kept)
        stays_manifold = kept in around_gone and len(around_gone & around_kept) == 2
        if not stays_manifold or len(around_gone | around_kept) - 2 > MAX_VALENCE:
            return False
        moved = [face for face in self.faces_of[gone] if kept not in self.faces[face]]
        if any(self.mesh.charts[face] not in self.uv_in_chart[kept] for face in moved):
            return False
        return all(self._stays_well_shaped(face, gone, kept) for face in moved)

    def _stays_well_shaped(self, face: int, gone: int, kept: int) -> bool:
        corners = self.faces[face]
        before, after = self.points[corners], self.points[np.where(corners == gone, kept, corners)]
        normal_before, normal_after = (np.cross(x[1] - x[0], x[2] - x[0]) for x in (before, after))
        size_before, size_after = (np.linalg.norm(normal, axis=1) for normal in (normal_before, normal_after))
        if (size_after < MIN_DOUBLE_AREA).any():
            return False
        if self.mesh.importance[gone] <= SHAPE_MATTERS:
            return True
        if ((normal_before * normal_after).sum(1) < MIN_NORMAL_COSINE * size_before * size_after).any():
            return False
        longest = max(((after[i] - after[j]) ** 2).sum(-1).max() for i, j in ((0, 1), (1, 2), (2, 0)))
        return (size_after / longest).min() >= MIN_SLENDERNESS

    def _collapse(self, gone: int, kept: int) -> None:
        self.quadrics[kept] += self.quadrics[gone]
        for face in list(self.faces_of[gone]):
            corners = self.faces[face]
            if kept in corners:
                for vertex in corners:
                    self.faces_of[vertex].discard(face)
                self.is_alive[face] = False
            else:
                corner = list(corners).index(gone)
                self.faces[face, corner] = kept
                self.face_uvs[face, corner] = self.uv_in_chart[kept][self.mesh.charts[face]]
                self.faces_of[kept].add(face)
        self.faces_of[gone] = set()
        self.is_gone[gone] = True

    def _undo(self, gone: int, kept: int, before: dict[int, tuple[np.ndarray, np.ndarray]]) -> None:
        for face in before:
            for vertex in self.faces[face]:
                self.faces_of[vertex].discard(face)
        for face, (corners, uvs) in before.items():
            self.faces[face], self.face_uvs[face], self.is_alive[face] = corners, uvs, True
            for vertex in corners:
                self.faces_of[vertex].add(face)
        self.is_gone[gone] = False
        self.quadrics[kept] -= self.quadrics[gone]


def _vertex_quadrics(positions: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, C, 4, 4): the sums of the area-weighted plane quadrics of the triangles at each vertex."""
    first, second, third = (positions[:, faces[:, corner]] for corner in range(3))
    normals = np.cross(second - first, third - first)
    double_area = np.linalg.norm(normals, axis=2, keepdims=True)
    normals = normals / np.maximum(double_area, 1e-12)
    distances = -(normals * first).sum(2, keepdims=True)
    planes = np.concatenate([normals, distances], axis=2) * np.sqrt(double_area / 2)
    of_faces = np.einsum("cfi,cfj->fcij", planes, planes)
    quadrics = np.zeros((positions.shape[1], *of_faces.shape[1:]))
    for corner in range(3):
        np.add.at(quadrics, faces[:, corner], of_faces)
    return quadrics
