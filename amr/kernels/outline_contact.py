"""Does a robot's outline touch lethal cells at poses along a path? Exact for convex polygons against square cells."""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import Array
from amr.kernels.trig import sin_cos

_TWO_PI = 6.283185307179586


@kernel(
    "boolean(Array(uint8, 2, 'C', True), uint8, float64, float64, float64, float64, float64, float64[:,::1],"
    " int64[::1], float64, float64[:,::1])"
)
def touches(
    cost: Array, lethal: int, x: float, y: float, sine: float, cosine: float, cell: float, corners: Array,
    starts: Array, margin: float, turned: Array,
) -> bool:  # fmt: skip
    """True when a polygon at pose (x, y, heading) comes within ``margin`` of a cell of value ``lethal``.

    (x, y) from the grid's corner in m. Polygon p has the ``corners`` [k, 2] (base frame, counter-clockwise) from
    ``starts[p]`` to ``starts[p + 1]``; ``turned`` [k, 2] is scratch. Separating axes: those of the grid and the
    polygon's sides, each moved out by the margin (so a little more than the margin counts at corners).
    """
    height, width = cost.shape
    for p in range(starts.size - 1):
        first, last = starts[np.uint64(p)], starts[np.uint64(p + 1)]
        low_x = low_y = 1e18
        high_x = high_y = -1e18
        for k in range(first, last):
            i = np.uint64(k)
            cx = x + cosine * corners[i, 0] - sine * corners[i, 1]
            cy = y + sine * corners[i, 0] + cosine * corners[i, 1]
            turned[i, 0], turned[i, 1] = cx, cy
            low_x, high_x = min(low_x, cx), max(high_x, cx)
            low_y, high_y = min(low_y, cy), max(high_y, cy)
        column0 = max(np.int64(0), np.int64(math.floor((low_x - margin) / cell)))
        column1 = min(np.int64(width) - 1, np.int64(math.floor((high_x + margin) / cell)))
        row0 = max(np.int64(0), np.int64(math.floor((low_y - margin) / cell)))
        row1 = min(np.int64(height) - 1, np.int64(math.floor((high_y + margin) / cell)))
        for row in range(row0, row1 + 1):
            for column in range(column0, column1 + 1):
                if cost[np.uint64(row), np.uint64(column)] != lethal:
                    continue
                middle_x, middle_y = (column + 0.5) * cell, (row + 0.5) * cell
                apart = False
                for k in range(first, last):
                    i = np.uint64(k)
                    j = np.uint64(k + 1) if k + 1 < last else np.uint64(first)
                    side_x, side_y = turned[j, 0] - turned[i, 0], turned[j, 1] - turned[i, 1]
                    length = math.sqrt(side_x * side_x + side_y * side_y)
                    out_x, out_y = side_y / length, -side_x / length
                    nearest = out_x * (middle_x - turned[i, 0]) + out_y * (middle_y - turned[i, 1])
                    nearest -= 0.5 * cell * (abs(out_x) + abs(out_y))
                    if nearest > margin:
                        apart = True
                        break
                if not apart:
                    return True
    return False


@kernel(
    "int64(Array(uint8, 2, 'C', True), uint8, float64[:,::1], float64, float64, float64, float64[:,::1], int64[::1],"
    " float64, float64, uint8[::1])"
)
def mark_contacts(
    cost: Array, lethal: int, path: Array, origin_x: float, origin_y: float, cell: float, corners: Array, starts: Array,
    margin: float, step: float, hits: Array,
) -> int:  # fmt: skip
    """``hits`` [n] = 1 at the points of ``path`` [n, 3] where, or on the way to the next, the outline ``touches``.

    Looked at every ``step`` m or less; between two points place and heading change evenly. Returns how many.
    """
    n = path.shape[0]
    turned = np.empty(corners.shape)
    count = 0
    for k in range(n):
        i, j = np.uint64(k), np.uint64(min(k + 1, n - 1))
        dx, dy = path[j, 0] - path[i, 0], path[j, 1] - path[i, 1]
        turn = path[j, 2] - path[i, 2]
        turn -= _TWO_PI * np.floor(turn / _TWO_PI + 0.5)
        pieces = max(np.int64(1), np.int64(math.ceil(math.sqrt(dx * dx + dy * dy) / step)))
        hits[i] = np.uint8(0)
        for piece in range(pieces):
            part = piece / pieces
            sine, cosine = sin_cos(path[i, 2] + part * turn)
            x, y = path[i, 0] + part * dx - origin_x, path[i, 1] + part * dy - origin_y
            if touches(cost, lethal, x, y, sine, cosine, cell, corners, starts, margin, turned):
                hits[i] = np.uint8(1)
                count += 1
                break
    return count
