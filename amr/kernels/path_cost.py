"""The cost of straight segments and polylines on a padded cost grid: exact, cell by cell.

Points are in cells of the *padded* grid: cell [row, column] covers [column, column + 1) x [row, row + 1). The cost of
a segment is the integral of (1 + c/252) ds, in cells; infinite where it enters a blocked cell. Touching counts: a
segment through a corner, or along a line between cells, needs the cells on both sides to be allowed, so a reader who
rounds another way sees no blocked cell either.
"""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import BLOCKED, Array

_TOUCH = 1e-7
"""Closer than this many cells to a corner or a line between cells counts as touching."""


@kernel("float64(uint8[::1], uint64, float64, float64, float64, float64)")
def segment_cost(padded: Array, stride: int, x0: float, y0: float, x1: float, y1: float) -> float:
    """Cost of the segment from (x0, y0) to (x1, y1); infinite when it touches a blocked cell or leaves the grid."""
    height = np.int64(padded.size // stride)
    width = np.int64(stride)
    if not (1.0 <= x0 < width - 1 and 1.0 <= x1 < width - 1 and 1.0 <= y0 < height - 1 and 1.0 <= y1 < height - 1):
        return math.inf
    dx, dy = x1 - x0, y1 - y0
    length = math.sqrt(dx * dx + dy * dy)
    column, row = np.int64(x0), np.int64(y0)
    cell = np.uint64(row) * stride + np.uint64(column)
    value = padded[cell]
    if value >= np.uint8(BLOCKED):
        return math.inf
    if length == 0.0:
        return 0.0
    step_x, step_y = (1 if dx > 0.0 else -1), (1 if dy > 0.0 else -1)
    far = 4.0
    next_x = ((column + 1 if dx > 0.0 else column) - x0) / dx if dx != 0.0 else far
    next_y = ((row + 1 if dy > 0.0 else row) - y0) / dy if dy != 0.0 else far
    delta_x = abs(1.0 / dx) if dx != 0.0 else far
    delta_y = abs(1.0 / dy) if dy != 0.0 else far
    touch = _TOUCH / length
    jump_x, jump_y = np.uint64(np.int64(step_x)), np.uint64(np.int64(step_y) * np.int64(stride))
    # along a line between two columns or rows: the other side counts too
    side = np.uint64(0)
    if abs(dx) < _TOUCH and abs(x0 - np.rint(x0)) < _TOUCH:
        side = np.uint64(1) if x0 - column > 0.5 else np.uint64(np.int64(-1))
    elif abs(dy) < _TOUCH and abs(y0 - np.rint(y0)) < _TOUCH:
        side = np.uint64(stride) if y0 - row > 0.5 else np.uint64(-np.int64(stride))
    if side != np.uint64(0) and padded[cell + side] >= np.uint8(BLOCKED):
        return math.inf
    total = 0.0
    at = 0.0
    while True:
        nearest = min(next_x, next_y)
        if nearest >= 1.0:
            break
        total += (nearest - at) * (252.0 + np.float64(value))
        at = nearest
        if abs(next_x - next_y) <= touch:
            if padded[cell + jump_x] >= np.uint8(BLOCKED) or padded[cell + jump_y] >= np.uint8(BLOCKED):
                return math.inf
            cell += jump_x + jump_y
            next_x += delta_x
            next_y += delta_y
        elif next_x < next_y:
            cell += jump_x
            next_x += delta_x
        else:
            cell += jump_y
            next_y += delta_y
        value = padded[cell]
        if value >= np.uint8(BLOCKED):
            return math.inf
        if side != np.uint64(0) and padded[cell + side] >= np.uint8(BLOCKED):
            return math.inf
    total += (1.0 - at) * (252.0 + np.float64(value))
    return total * length / 252.0


@kernel("float64(uint8[::1], uint64, float64[:,::1], float64[::1])")
def polyline_costs(padded: Array, stride: int, points: Array, out: Array) -> float:
    """Cost of each segment of ``points`` [n, 2] into ``out`` [n - 1]; returns their sum in order."""
    total = 0.0
    for k in range(points.shape[0] - 1):
        i = np.uint64(k)
        j = np.uint64(k + 1)
        out[i] = segment_cost(padded, stride, points[i, 0], points[i, 1], points[j, 0], points[j, 1])
        total += out[i]
    return total
