"""How much of each cell of a map lies within an outline, exactly, and how that changes as the outline moves; compiled.

Coordinates are those of `outline`: cell (0, 0) is the square from (0, 0) to (1, 1).
"""

import numpy as np
from numba import njit


@njit(cache=True)
def cover(segments, owner, pieces, size):
    """Areas (size, size) of what lies within the outline's `pieces` (P, 3) of `segments` (M, 4), and their derivative.

    The derivative is sparse, K entries: the cell (K,), the segment (K,), and (K, 4) what moving the segment's first end
    in x and y, and its second end in x and y, adds to the cell's area. When an outline moves, an area grows by the
    integral along the outline of how fast it moves outwards (Reynolds' transport theorem); its corners do not matter.
    """
    most = 0
    for piece in range(len(owner)):
        ax, ay, bx, by = segments[owner[piece]]
        columns = abs(_place(bx, size) - _place(ax, size))
        most += columns + abs(_place(by, size) - _place(ay, size)) + 3
    cell, moved, slope = np.empty(most, np.int64), np.empty(most, np.int64), np.empty((most, 4))
    steps = np.zeros((size, size))
    found = 0
    for piece in range(len(owner)):
        ax, ay, bx, by = segments[owner[piece]]
        dx, dy = bx - ax, by - ay
        begin, end, part = pieces[piece]
        column, row = _place(_start(ax, dx, begin), size), _place(_start(ay, dy, begin), size)
        while begin < end:
            leave_column, leave_row = _leaving(ax, dx, column, size), _leaving(ay, dy, row, size)
            stop = max(min(leave_column, leave_row, end), begin)
            if 0 <= row < size and column < size:
                # The surface lies right of an edge that goes up the map; there it fills what is right of the edge.
                height = -part * (stop - begin) * dy
                middle = ax + (begin + stop) / 2 * dx - column
                if column < 0:
                    steps[row, 0] += height
                else:
                    steps[row, column] += height * (1 - middle)
                    if column + 1 < size:
                        steps[row, column + 1] += height * middle
                    second = part * (stop * stop - begin * begin) / 2
                    first = part * (stop - begin) - second
                    cell[found], moved[found] = row * size + column, owner[piece]
                    slope[found, 0], slope[found, 1] = first * dy, -first * dx
                    slope[found, 2], slope[found, 3] = second * dy, -second * dx
                    found += 1
            if stop >= end:
                break
            if leave_column <= leave_row:
                column += 1 if dx > 0 else -1
            else:
                row += 1 if dy > 0 else -1
            begin = stop
    for row in range(size):
        steps[row] = np.cumsum(steps[row])
    return steps, cell[:found], moved[:found], slope[:found]


@njit(cache=True)
def _start(a, d, share):
    return a + share * d


@njit(cache=True)
def _place(x, size):
    """The cell that holds a coordinate; -1 is all that comes before the map, `size` all that comes after."""
    return int(np.floor(min(max(x, -1.0), size + 0.0)))


@njit(cache=True)
def _leaving(a, d, place, size):
    """At which share of its length a segment from `a`, along `d`, leaves a row or column of cells."""
    if (d > 0 and place < size) or (d < 0 and place >= 0):
        return ((place + 1 if d > 0 else place) - a) / d
    return np.inf
