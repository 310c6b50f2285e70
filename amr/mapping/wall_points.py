"""Where in its cell a wall lies: what a raster of occupied cells forgets.

A wall along the axes of the raster falls on one row of cells wherever in them it lies, so a robot that looks at the
cells' centers is off by up to half a cell, and no number of scans averages that out. The ends of the beams know better.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.grid import GridFrame

Array = NDArray[Any]

_OCCUPIED, _FREE = 0, 254
_NEIGHBORS: Final = tuple((dj, di) for dj in (-1, 0, 1) for di in (-1, 0, 1) if (dj, di) != (0, 0))
_EDGES: Final = ((-1, 0), (1, 0), (0, -1), (0, 1))


def border_cells(pixels: NDArray[np.uint8]) -> tuple[Array, Array]:
    """(rows, columns) of the occupied cells of a map's ``pixels`` that border on free ones: what a lidar sees."""
    free = np.pad(pixels == _FREE, 1)
    height, width = pixels.shape
    beside = np.zeros(pixels.shape, np.bool_)
    for dj, di in _NEIGHBORS:
        beside |= free[1 + dj : 1 + dj + height, 1 + di : 1 + di + width]
    rows, columns = np.nonzero((pixels == _OCCUPIED) & beside)
    return rows, columns


def centers(frame: GridFrame, rows: Array, columns: Array) -> Array:
    """[n, 2] (m)."""
    return np.column_stack([
        frame.origin_x_m + (columns + 0.5) * frame.resolution_m, frame.origin_y_m + (rows + 0.5) * frame.resolution_m,
    ])  # fmt: skip


def wall_points(ends: Array, frame: GridFrame, pixels: NDArray[np.uint8]) -> Array:
    """[n, 2] (m): the mean of the beams' ``ends`` [k, 2] (m, frame of the map) in each of ``border_cells``, in order.

    Ends in the occupied cells right behind it count as well: where a wall lies on the line between two cells, its noise
    falls into both. A cell that no beam ended in has its center.
    """
    rows, columns = border_cells(pixels)
    height, width = pixels.shape
    cells = (ends - np.array([frame.origin_x_m, frame.origin_y_m])) / frame.resolution_m
    i, j = np.floor(cells[:, 0]).astype(np.int64), np.floor(cells[:, 1]).astype(np.int64)
    inside = (i >= 0) & (i < width) & (j >= 0) & (j < height)
    inside[inside] = pixels[j[inside], i[inside]] == _OCCUPIED
    taken, number = np.unique(j[inside] * width + i[inside], return_inverse=True)
    sums = np.stack([np.bincount(number, weights, len(taken)) for weights in (None, *ends[inside].T)])
    border = np.sort(rows * width + columns)
    of_each = np.zeros((3, len(rows)))
    for dj, di in ((0, 0), *_EDGES):
        there = (columns + di >= 0) & (columns + di < width)
        wanted = (rows + dj) * width + columns + di
        at = np.minimum(np.searchsorted(taken, wanted), max(len(taken) - 1, 0))
        counts = there & (taken[at] == wanted) if len(taken) else np.zeros(len(rows), np.bool_)
        if (dj, di) != (0, 0):
            counts &= border[np.minimum(np.searchsorted(border, wanted), len(border) - 1)] != wanted
        of_each[:, counts] += sums[:, at[counts]]
    points = centers(frame, rows, columns)
    seen = of_each[0] > 0.0
    points[seen] = (of_each[1:, seen] / of_each[0, seen]).T
    return points
