"""The true outline, swept along a motion, against the cells of a padded cost grid: nothing is sampled.

Between two poses each point of a convex polygon moves along a chord (straight drive) or an arc (turn). The cells that
it comes to lie, row by row, between the outermost points of the polygon at both poses and of the chords of its
corners; arcs leave that by their sagitta at most, which the caller gives as ``margin``. So a sweep that touches no
lethal cell has none anywhere on the way, whatever the step. Cells are closed squares: touching counts.

Most poses are far from everything: the squared distance from each cell's center to the nearest lethal one, made tile by
tile where a query comes by, spares them the outline.

Units: cells of the padded grid (``grid_search.pad_costs``), whose border is lethal, as everything beyond it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.distance import squared_distance
from amr.kernels.grid_search import Array

LETHAL = 254
"""Cells from here on must not be touched by the outline; 253 only keeps the base origin out."""
TILE = 32
"""Cells a side of a tile of the distance field."""
_TOUCH = 1e-7
_FROM_CENTERS = 1.4143
"""A point of a cell is closer to a point of another by at most this than the two centers: half a diagonal each."""


@kernel("void(uint8[::1], uint64, int64, int64, int64, int16[:,::1])")
def near_tile(padded: Array, stride: Any, tile_row: Any, tile_column: Any, cap: Any, squared: Array) -> None:
    """Fill one tile of ``squared`` [rows, stride]: squared distance in cells to the nearest lethal cell, <= ``cap**2``.

    1 <= ``cap`` <= 127. What lies beyond the border is lethal too.
    """
    rows, columns = np.int64(padded.size // stride), np.int64(stride)
    top, left = tile_row * TILE - cap, tile_column * TILE - cap
    size = TILE + 2 * cap
    mask = np.empty((size, size), np.uint8)
    for j in range(size):
        row = top + j
        for i in range(size):
            column = left + i
            inside = 0 <= row < rows and 0 <= column < columns
            lethal = not inside or padded[np.uint64(row * columns + column)] >= np.uint8(LETHAL)
            mask[np.uint64(j), np.uint64(i)] = np.uint8(1) if lethal else np.uint8(0)
    distance = np.empty((size, size), np.int16)
    squared_distance(mask, 1, cap, distance)
    for j in range(cap, min(cap + TILE, rows - top)):
        for i in range(cap, min(cap + TILE, columns - left)):
            squared[np.uint64(top + j), np.uint64(left + i)] = distance[np.uint64(j), np.uint64(i)]


@kernel("void(float64, float64, float64, float64, float64, int64, int64, float64[:,::1])")
def _stamp(x0: Any, y0: Any, x1: Any, y1: Any, margin: Any, first: Any, last: Any, spans: Array) -> None:
    """Widen ``spans`` [last - first + 1, 2] (lowest, highest x of each row) by one segment."""
    if y0 > y1:
        x0, y0, x1, y1 = x1, y1, x0, y0
    low = max(first, np.int64(math.floor(y0 - margin)))
    high = min(last, np.int64(math.floor(y1 + margin)))
    slope = (x1 - x0) / (y1 - y0) if y1 > y0 else 0.0
    flat = y1 - y0 < 1e-12
    for row in range(low, high + 1):
        if flat:
            a, b = x0, x1
        else:
            below, above = max(y0, min(y1, row - margin)), max(y0, min(y1, row + 1 + margin))
            a, b = x0 + (below - y0) * slope, x0 + (above - y0) * slope
        k = np.uint64(row - first)
        spans[k, 0] = min(spans[k, 0], min(a, b))
        spans[k, 1] = max(spans[k, 1], max(a, b))


@kernel(
    "int64(uint8[::1], uint64, float64[:,::1], int64[::1], float64, float64, float64, float64,"
    " float64, float64, float64, float64, float64, float64[:,::1])"
)
def swept_lethal(
    padded: Array,
    stride: Any,
    corners: Array,
    starts: Array,
    x0: Any,
    y0: Any,
    cosine0: Any,
    sine0: Any,
    x1: Any,
    y1: Any,
    cosine1: Any,
    sine1: Any,
    margin: Any,
    spans: Array,
) -> Any:
    """How many lethal cells the outline touches from one pose to another; polygons count each for itself.

    ``corners`` [n, 2] in cells in the base frame, those of polygon p from ``starts[p]`` to ``starts[p + 1]``; ``spans``
    [rows, 2] is scratch: a polygon over more rows than it has counts as touching.
    """
    rows, columns = np.int64(padded.size // stride), np.int64(stride)
    margin += _TOUCH
    touched = 0
    for p in range(starts.size - 1):
        begin, end = starts[np.uint64(p)], starts[np.uint64(p + 1)]
        bottom, top = math.inf, -math.inf
        for k in range(begin, end):
            i = np.uint64(k)
            a = y0 + sine0 * corners[i, 0] + cosine0 * corners[i, 1]
            b = y1 + sine1 * corners[i, 0] + cosine1 * corners[i, 1]
            bottom, top = min(bottom, min(a, b)), max(top, max(a, b))
        if not (bottom - margin >= 0.0 and top + margin < rows):
            return touched + 1
        first, last = np.int64(bottom - margin), np.int64(top + margin)
        if last - first >= spans.shape[0]:
            return touched + 1
        for k in range(last - first + 1):
            spans[np.uint64(k), 0], spans[np.uint64(k), 1] = math.inf, -math.inf
        i = np.uint64(end - 1)
        ax, ay = (
            x0 + cosine0 * corners[i, 0] - sine0 * corners[i, 1],
            y0 + sine0 * corners[i, 0] + cosine0 * corners[i, 1],
        )
        bx, by = (
            x1 + cosine1 * corners[i, 0] - sine1 * corners[i, 1],
            y1 + sine1 * corners[i, 0] + cosine1 * corners[i, 1],
        )
        for k in range(begin, end):
            i = np.uint64(k)
            cx = x0 + cosine0 * corners[i, 0] - sine0 * corners[i, 1]
            cy = y0 + sine0 * corners[i, 0] + cosine0 * corners[i, 1]
            dx = x1 + cosine1 * corners[i, 0] - sine1 * corners[i, 1]
            dy = y1 + sine1 * corners[i, 0] + cosine1 * corners[i, 1]
            _stamp(ax, ay, cx, cy, margin, first, last, spans)
            _stamp(bx, by, dx, dy, margin, first, last, spans)
            _stamp(cx, cy, dx, dy, margin, first, last, spans)
            ax, ay, bx, by = cx, cy, dx, dy
        for k in range(last - first + 1):
            low, high = spans[np.uint64(k), 0] - margin, spans[np.uint64(k), 1] + margin
            if not (low >= 0.0 and high < columns):
                return touched + 1
            row = np.uint64(first + k) * stride
            for column in range(np.uint64(np.int64(low)), np.uint64(np.int64(high)) + np.uint64(1)):
                if padded[row + column] >= np.uint8(LETHAL):
                    touched += 1
    return touched


ROOM = (
    "Tuple((uint8[::1], uint64, float64[:,::1], int64[::1], float64, int64, uint8[:,::1], int16[:,::1],"
    " float64[:,::1]))"
)
"""Map and outline, made by ``amr.planning.room``: padded, stride, corners, starts, reach, cap, tiles, squared, spans.

``reach``: distance of the outline's farthest corner from the base origin; ``tiles`` [rows, columns]: 1 where
``squared`` is filled, with distances up to ``cap``.
"""


@kernel(f"boolean({ROOM}, float64, float64, float64, float64, float64, float64, float64, float64, float64)")
def sweep_is_free(
    room: Any,
    x0: Any,
    y0: Any,
    cosine0: Any,
    sine0: Any,
    x1: Any,
    y1: Any,
    cosine1: Any,
    sine1: Any,
    margin: Any,
) -> Any:
    """True when the outline touches no lethal cell from one pose to the other. Without polygons always true.

    Both poses lie on the grid.
    """
    padded, stride, corners, starts, reach, cap, tiles, squared, spans = room
    if starts.size <= 1:
        return True
    row, column = np.int64(0.5 * (y0 + y1)), np.int64(0.5 * (x0 + x1))
    tile_row, tile_column = np.uint64(row // TILE), np.uint64(column // TILE)
    if tiles[tile_row, tile_column] == 0:
        near_tile(padded, stride, np.int64(tile_row), np.int64(tile_column), cap, squared)
        tiles[tile_row, tile_column] = 1
    dx, dy = x1 - x0, y1 - y0
    needed = reach + 0.5 * math.sqrt(dx * dx + dy * dy) + margin + _FROM_CENTERS
    if np.float64(squared[np.uint64(row), np.uint64(column)]) > needed * needed:
        return True
    touched = swept_lethal(
        padded, stride, corners, starts, x0, y0, cosine0, sine0, x1, y1, cosine1, sine1, margin, spans
    )
    return touched == 0
