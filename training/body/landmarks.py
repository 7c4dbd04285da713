"""The 21 landmark vertices that the `smplx` package knows by number: found in the mesh, and given those numbers."""

import numpy as np

from ...inference.body.smpl_file import SMPL_LANDMARKS
from .source import AnnySource

FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def find_landmarks(
    source: AnnySource, rest: np.ndarray, closed: np.ndarray, is_skin: np.ndarray, in_socket: np.ndarray
) -> dict[str, int]:
    """Anny's vertices at the landmarks, in the order of `SMPL_LANDMARKS`; the right ones mirror the left.

    `rest` and `closed` (V, 3) are a body before and after its eye sockets were closed.
    """
    found = {"nose": nose(source, rest, is_skin & ~in_socket)}
    found["leye"] = furthest(np.flatnonzero(in_socket & (rest[:, 0] > 0)), closed[:, 2])
    found["lear"] = left_ear(source, rest, is_skin & ~in_socket)
    wrist = rest[source.weight_of("wrist.L") > 0.5].mean(0)
    for number, finger in enumerate(FINGERS, start=1):
        tip = np.flatnonzero(source.weight_of(f"finger{number}-3.L") > 0.5)
        found[f"l{finger}"] = furthest(tip, np.linalg.norm(rest - wrist, axis=1))
    found["LBigToe"] = furthest(np.flatnonzero(source.weight_of("toe1-2.L") > 0.5), rest[:, 2])
    small_toe = np.flatnonzero(source.weight_of("toe5-3.L") > 0.5)
    found["LSmallToe"] = furthest(small_toe, rest[:, 2] + 0.5 * rest[:, 0])
    found["LHeel"] = left_heel(source, rest)
    for name in list(found):
        if name != "nose":
            right = {"l": "r", "L": "R"}[name[0]] + name[1:]
            found[right] = int(source.mirror[found[name]])
    return {name: found[name] for name in SMPL_LANDMARKS}


def furthest(vertices: np.ndarray, along: np.ndarray) -> int:
    """Of some vertices the one for which `along` (V,) is largest."""
    return int(vertices[np.argmax(along[vertices])])


def is_head(source: AnnySource) -> np.ndarray:
    return source.weight_of("head", "neck03") > 0.5


def nose(source: AnnySource, rest: np.ndarray, is_candidate: np.ndarray) -> int:
    """The foremost vertex on the mid-line of the face."""
    below_top = rest[:, 1].max() - rest[:, 1]
    on_midline = source.mirror == np.arange(len(rest))
    in_face = is_candidate & is_head(source) & on_midline & (below_top > 0.07) & (below_top < 0.22)
    return furthest(np.flatnonzero(in_face), rest[:, 2])


def left_ear(source: AnnySource, rest: np.ndarray, is_candidate: np.ndarray) -> int:
    """The outermost vertex of the head, preferring the depth at which the outermost twenty lie."""
    side = np.flatnonzero(is_candidate & is_head(source) & (rest[:, 0] > 0))
    outermost = side[np.argsort(-rest[side, 0])[:20]]
    return furthest(side, rest[:, 0] - 0.3 * np.abs(rest[:, 2] - np.median(rest[outermost, 2])))


def left_heel(source: AnnySource, rest: np.ndarray) -> int:
    """The hindmost vertex within 3.5 cm of the sole."""
    toes = [name for name in source.bones if name.startswith("toe") and name.endswith(".L")]
    foot = source.weight_of("foot.L", *toes) > 0.5
    sole = np.flatnonzero(foot & (rest[:, 1] < rest[foot, 1].min() + 0.035))
    return furthest(sole, -rest[:, 2])


def put_landmarks_in_place(landmarks: dict[str, int], count: int) -> np.ndarray:
    """An order (count,), old vertex for each new number, in which landmarks (name to old vertex) have their numbers.

    Everything else stays where it is, but for the vertices that make room.
    """
    order, place = np.arange(count), np.arange(count)
    for name, vertex in landmarks.items():
        wanted, current = SMPL_LANDMARKS[name], place[vertex]
        other = order[wanted]
        order[wanted], order[current] = vertex, other
        place[vertex], place[other] = wanted, current
    return order
