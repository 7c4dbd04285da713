"""The outline of a projected mesh, compiled: which parts of which edges border on the background.

Turn every projected triangle the same way round and add up their boundaries: inside the surface edges cancel, and what
is left, the *contour*, are the edges where the surface folds over or ends. Between contour edges the number of
triangles that lie over a point cannot change. So contour edges, cut where they cross one another, are wholly on the
outline or wholly within it, and a few hundred of them tell what 13 776 triangles cover.

Coordinates are cells, counted from the corner of the map: cell (0, 0) is the square from (0, 0) to (1, 1).
"""

import numpy as np
from numba import njit

HAIR = 1e-8
"""Cells. How far beside an edge one looks for what lies there: more than doubles err by, less than matters."""


def edge_table(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mesh's edges (E, 2), the three edges of each face (F, 3), and whether the face runs along them (1) or
    against them (-1), (F, 3)."""
    directed = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    edges, numbers = np.unique(np.sort(directed, axis=1), axis=0, return_inverse=True)
    signs = np.where(directed[:, 0] < directed[:, 1], 1, -1)
    return edges.astype(np.int64), numbers.reshape(-1, 3), signs.reshape(-1, 3)


@njit(cache=True)
def contour(points, faces, edges, face_edges, face_signs, size):
    """Contour edges of vertices (V, 2), as far as they matter to a map `size` cells a side.

    Returns their vertices (M, 2), turned so that the surface lies where (b - a) × (x - a) is positive, and how many
    layers of it (M,) end there: one at a border, two at a fold. Faces with a vertex that is not finite are left out.
    """
    balance = np.zeros(len(edges), np.int64)
    for face in range(len(faces)):
        a, b, c = faces[face]
        area = (points[b, 0] - points[a, 0]) * (points[c, 1] - points[a, 1])
        area -= (points[b, 1] - points[a, 1]) * (points[c, 0] - points[a, 0])
        if not np.isfinite(area) or area == 0:
            continue
        for side in range(3):
            balance[face_edges[face, side]] += face_signs[face, side] if area > 0 else -face_signs[face, side]
    ends = np.empty((len(edges), 2), np.int64)
    layers = np.empty(len(edges), np.int64)
    count = 0
    for edge in range(len(edges)):
        if balance[edge] == 0:
            continue
        a, b = edges[edge]
        if max(points[a, 1], points[b, 1]) <= 0 or min(points[a, 1], points[b, 1]) >= size:
            continue
        if min(points[a, 0], points[b, 0]) >= size:
            continue
        ends[count, 0], ends[count, 1] = (a, b) if balance[edge] > 0 else (b, a)
        layers[count] = abs(balance[edge])
        count += 1
    return ends[:count], layers[:count]


@njit(cache=True)
def bands(segments, size):
    """Which segments (M, 4), each x, y, x, y, enter which row: row r has `members[starts[r]:starts[r + 1]]`."""
    starts = np.zeros(size + 1, np.int64)
    for segment in range(len(segments)):
        first, last = _rows(segments[segment, 1], segments[segment, 3], size)
        starts[first + 1 : last + 2] += 1
    starts = np.cumsum(starts)
    members = np.empty(starts[size], np.int64)
    filled = starts.copy()
    for segment in range(len(segments)):
        first, last = _rows(segments[segment, 1], segments[segment, 3], size)
        for row in range(first, last + 1):
            members[filled[row]] = segment
            filled[row] += 1
    return starts, members


@njit(cache=True)
def _rows(y, other_y, size):
    first = int(np.floor(max(min(y, other_y), 0.0)))
    return min(first, size - 1), int(min(np.floor(max(y, other_y)), size - 1.0))


@njit(cache=True)
def _layers_at(x, y, segments, layers, starts, members):
    """How many triangles lie over a point: layers that begin to the left of it, less those that end there."""
    row = int(min(max(np.floor(y), 0), len(starts) - 2))
    count = 0
    for place in range(starts[row], starts[row + 1]):
        segment = members[place]
        ax, ay, bx, by = segments[segment]
        if (ay <= y) != (by <= y) and ax + (y - ay) * (bx - ax) / (by - ay) < x:
            count += layers[segment] if ay > by else -layers[segment]
    return count


@njit(cache=True)
def _cut(segment, segments, ends, starts, members, asked, cuts):
    """Where a segment is crossed by others, as shares of its length in rising order, between where it enters and where
    it leaves the map (but for its left side). Fills `cuts`, returns how many."""
    ax, ay, bx, by = segments[segment]
    dx, dy = bx - ax, by - ay
    size = len(starts) - 1
    begin, end = 0.0, 1.0
    if dy != 0:
        at_top, at_bottom = -ay / dy, (size - ay) / dy
        begin, end = max(begin, min(at_top, at_bottom)), min(end, max(at_top, at_bottom))
    # What lies right of the map covers nothing in it; `contour` leaves edges there out, so nothing may be asked there.
    if dx > 0:
        end = min(end, (size - ax) / dx)
    elif dx < 0:
        begin = max(begin, (size - ax) / dx)
    cuts[0] = begin
    count = 1
    first, last = _rows(ay, by, size)
    for row in range(first, last + 1):
        for place in range(starts[row], starts[row + 1]):
            other = members[place]
            if asked[other] == segment:
                continue
            asked[other] = segment
            cx, cy, ex, ey = segments[other]
            if max(cx, ex) < min(ax, bx) or min(cx, ex) > max(ax, bx):
                continue
            if max(cy, ey) < min(ay, by) or min(cy, ey) > max(ay, by):
                continue
            a, b = ends[segment]
            c, e = ends[other]
            across = dx * (ey - cy) - dy * (ex - cx)
            if across == 0 or a in (c, e) or b in (c, e):
                continue
            share = ((cx - ax) * (ey - cy) - (cy - ay) * (ex - cx)) / across
            other_share = ((cx - ax) * dy - (cy - ay) * dx) / across
            if begin < share < end and 0 <= other_share <= 1:
                cuts[count] = share
                count += 1
    cuts[count] = end
    cuts[1:count].sort()
    return count + 1


@njit(cache=True)
def outline(segments, ends, layers, size):
    """The pieces of contour edges that border on the background: the edge's number (P,), and (P, 3) where on it the
    piece begins and ends as shares of its length, and how much of the step from background to surface it is (1, but
    where edges lie on top of one another).

    `segments` (M, 4) are the ends' x, y, x, y; the rest is what `contour` returns.
    """
    starts, members = bands(segments, size)
    asked = np.full(len(segments), -1)
    cuts = np.empty(len(segments) + 2)
    owner = np.empty(len(segments) + 16, np.int64)
    pieces = np.empty((len(segments) + 16, 3))
    found = 0
    for segment in range(len(segments)):
        ax, ay, bx, by = segments[segment]
        length = np.hypot(bx - ax, by - ay)
        if length == 0:
            continue
        aside_x, aside_y = HAIR * (by - ay) / length, -HAIR * (bx - ax) / length
        count = _cut(segment, segments, ends, starts, members, asked, cuts)
        for cut in range(count - 1):
            if cuts[cut] >= cuts[cut + 1]:
                continue
            middle = (cuts[cut] + cuts[cut + 1]) / 2
            x, y = ax + middle * (bx - ax), ay + middle * (by - ay)
            if _layers_at(x + aside_x, y + aside_y, segments, layers, starts, members) > 0:
                continue
            inside = _layers_at(x - aside_x, y - aside_y, segments, layers, starts, members)
            if inside <= 0:
                continue
            if found == len(owner):
                owner, pieces = np.concatenate((owner, owner)), np.concatenate((pieces, pieces))
            owner[found] = segment
            pieces[found, 0], pieces[found, 1], pieces[found, 2] = cuts[cut], cuts[cut + 1], layers[segment] / inside
            found += 1
    return owner[:found], pieces[:found]
