"""Configurations (x, y, heading) of an outline that keeps clear of a distance grid, and which of them are joined."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from sim.kernels.arrays import Floats, Indices


@kernel("float64(float64[:, ::1], float64, float64)")
def bilinear(grid: Floats, row: float, column: float) -> float:
    """Value between cell centres (``row``, ``column`` count from the first centre); 0 outside of the grid."""
    rows, columns = grid.shape
    if not (0.0 <= row <= rows - 1.0 and 0.0 <= column <= columns - 1.0):
        return 0.0
    r, c = min(int(row), rows - 2), min(int(column), columns - 2)
    u, v = row - r, column - c
    low = grid[r, c] + v * (grid[r, c + 1] - grid[r, c])
    high = grid[r + 1, c] + v * (grid[r + 1, c + 1] - grid[r + 1, c])
    value: float = low + u * (high - low)
    return value


@kernel("void(float64[:, ::1], float64[:, ::1], float64, float64, float64, float64, uint8[:, :, ::1])")
def mark_free(
    distance_m: Floats,
    rim_m: Floats,
    spacing_m: float,
    resolution_m: float,
    inradius_m: float,
    clearance_m: float,
    free: NDArray[np.uint8],
) -> None:
    """``free[heading, row, column]`` = 1 where every point of the rim has more than ``clearance_m``.

    ``rim_m`` [n, 2]: points (x, y) around a convex outline in order, at most ``spacing_m`` apart, base frame; it holds
    a disc of ``inradius_m`` about the base. Headings divide a turn evenly. A point that is farther from everything
    than it must be vouches for its neighbours, so most points are skipped.
    """
    headings, rows, columns = free.shape
    count = rim_m.shape[0]
    turned = np.empty_like(rim_m)
    for h in range(headings):
        angle = 2.0 * math.pi * h / headings
        cosine, sine = math.cos(angle), math.sin(angle)
        for k in range(count):
            x, y = rim_m[k, 0] / resolution_m, rim_m[k, 1] / resolution_m
            turned[k, 0] = cosine * x - sine * y
            turned[k, 1] = sine * x + cosine * y
        for row in range(rows):
            for column in range(columns):
                clear = distance_m[row, column] > inradius_m + clearance_m
                k = 0
                while clear and k < count:
                    room_m = bilinear(distance_m, row + turned[k, 1], column + turned[k, 0]) - clearance_m
                    clear = room_m > 0.0
                    k += max(1, int(room_m / spacing_m))
                free[h, row, column] = 1 if clear else 0


@kernel("int64(uint8[:, :, ::1], int64, int64, int64, int64[::1])")
def flood(free: NDArray[np.uint8], heading: int, row: int, column: int, queue: Indices) -> int:
    """Turn all 1s joined to the given configuration into 2s; how many there are (0 when it is not a 1).

    Neighbours: one heading to either side, one cell along x or y. ``queue`` holds at least ``free.size``.
    """
    headings, rows, columns = free.shape
    if not (0 <= row < rows and 0 <= column < columns) or free[heading, row, column] != 1:
        return 0
    free[heading, row, column] = 2
    queue[0] = (heading * rows + row) * columns + column
    head, tail = 0, 1
    while head < tail:
        index = queue[head]
        head += 1
        c = index % columns
        r = index // columns % rows
        h = index // columns // rows
        for side in range(6):
            nh, nr, nc = h, r, c
            if side == 0:
                nh = h + 1 if h + 1 < headings else 0
            elif side == 1:
                nh = h - 1 if h > 0 else headings - 1
            elif side == 2:
                nr = r + 1
            elif side == 3:
                nr = r - 1
            elif side == 4:
                nc = c + 1
            else:
                nc = c - 1
            if 0 <= nr < rows and 0 <= nc < columns and free[nh, nr, nc] == 1:
                free[nh, nr, nc] = 2
                queue[tail] = (nh * rows + nr) * columns + nc
                tail += 1
    return tail
