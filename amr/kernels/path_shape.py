"""The shape of a path in metres: headings, even spacing, rounded corners."""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import BLOCKED, Array
from amr.kernels.path_cost import segment_cost
from amr.kernels.trig import arctan2


@kernel("void(float64[:,::1])")
def set_headings(path: Array) -> None:
    """Write into column 2 of ``path`` [n, 3] the direction towards the next point; the last looks like the one before.

    A point that coincides with the next one takes the heading after it (before it, at the end); 0 when all coincide.
    """
    n = path.shape[0]
    heading = 0.0
    known = False
    for back in range(1, n):
        k = np.uint64(n - 1 - back)
        dx, dy = path[k + np.uint64(1), 0] - path[k, 0], path[k + np.uint64(1), 1] - path[k, 1]
        if dx != 0.0 or dy != 0.0:
            heading = arctan2(dy, dx)
            if not known:
                known = True
                for j in range(n - back, n):
                    path[np.uint64(j), 2] = heading
        path[k, 2] = heading
    if not known:
        for j in range(n):
            path[np.uint64(j), 2] = 0.0


@kernel("int64(float64[:,::1], float64, float64[:,::1])")
def resample(points: Array, spacing: float, out: Array) -> int:
    """Every vertex of ``points`` [n, 2], and evenly spaced points between, at most ``spacing`` apart; returns how many.

    Points beyond the size of ``out`` are left away, except that -1 is returned then.
    """
    size = 0
    n = points.shape[0]
    for k in range(n - 1):
        i, j = np.uint64(k), np.uint64(k + 1)
        dx, dy = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1]
        pieces = max(np.int64(1), np.int64(math.ceil(math.sqrt(dx * dx + dy * dy) / spacing)))
        if size + pieces + 1 > out.shape[0]:
            return -1
        for piece in range(pieces):
            part = piece / pieces
            out[np.uint64(size), 0] = points[i, 0] + part * dx
            out[np.uint64(size), 1] = points[i, 1] + part * dy
            size += 1
    last = np.uint64(n - 1)
    out[np.uint64(size), 0], out[np.uint64(size), 1] = points[last, 0], points[last, 1]
    return size + 1


@kernel("int64(uint8[::1], uint64, float64[:,::1], uint8[::1], int64)")
def round_corners(padded: Array, stride: int, points: Array, ceiling: Array, sweeps: int) -> int:
    """Relax the inner ``points`` [n, 2] (padded cells) towards least bending. Returns the moves of the last sweep.

    Gauss-Seidel on the sum of squared second differences: held at a corner by the grid, the points beside it swing
    out and share the turn. A point moves only where both its segments stay clear of blocked cells and the cell it
    comes to is not dearer than ``ceiling`` [n] allows there.
    """
    moves = 0
    n = points.shape[0]
    for _ in range(sweeps):
        moves = 0
        for k in range(1, n - 1):
            a, i, b = np.uint64(k - 1), np.uint64(k), np.uint64(k + 1)
            x, y = 0.5 * (points[a, 0] + points[b, 0]), 0.5 * (points[a, 1] + points[b, 1])
            if 2 <= k < n - 2:
                before, after = np.uint64(k - 2), np.uint64(k + 2)
                x = (8.0 * x - points[before, 0] - points[after, 0]) / 6.0
                y = (8.0 * y - points[before, 1] - points[after, 1]) / 6.0
            dx, dy = x - points[i, 0], y - points[i, 1]
            if dx * dx + dy * dy < 1e-10:
                continue
            if not (1.0 <= x < stride - 1.0 and stride * y + x < padded.size and y >= 1.0):
                continue
            value = padded[np.uint64(np.int64(y)) * stride + np.uint64(np.int64(x))]
            if value >= np.uint8(BLOCKED) or value > ceiling[i]:
                continue
            if segment_cost(padded, stride, points[a, 0], points[a, 1], x, y) == math.inf:
                continue
            if segment_cost(padded, stride, x, y, points[b, 0], points[b, 1]) == math.inf:
                continue
            points[i, 0], points[i, 1] = x, y
            moves += 1
        if moves == 0:
            break
    return moves


@kernel("void(uint8[::1], uint64, float64[:,::1], int64, uint8[::1])")
def local_ceiling(padded: Array, stride: int, points: Array, window: int, out: Array) -> None:
    """Largest cell cost among each point's ``window`` neighbors to both sides along the path, into ``out`` [n]."""
    n = points.shape[0]
    for k in range(n):
        largest = np.uint8(0)
        for j in range(max(0, k - window), min(n, k + window + 1)):
            i = np.uint64(j)
            value = padded[np.uint64(np.int64(points[i, 1])) * stride + np.uint64(np.int64(points[i, 0]))]
            largest = max(largest, value)
        out[np.uint64(k)] = largest
