"""The shape of a path: headings, even spacing, the dearest cell nearby."""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import Array
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


@kernel("void(float64[:,::1])")
def set_tangents(path: Array) -> None:
    """Write into column 2 of ``path`` [n, 3] the direction of the curve: half-way between those of both segments.

    By length: the short one's counts most, as on a circle. Ends, and points that coincide with a neighbor, look as
    ``set_headings`` says.
    """
    set_headings(path)
    n = path.shape[0]
    before_x = before_y = 0.0
    for k in range(n - 1):
        i, j = np.uint64(k), np.uint64(k + 1)
        dx, dy = path[j, 0] - path[i, 0], path[j, 1] - path[i, 1]
        squared = dx * dx + dy * dy
        if squared == 0.0:
            before_x = before_y = 0.0
            continue
        dx, dy = dx / squared, dy / squared
        if before_x != 0.0 or before_y != 0.0:
            x, y = before_x + dx, before_y + dy
            if x * dx + y * dy > 0.0:
                path[i, 2] = arctan2(y, x)
        before_x, before_y = dx, dy


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


@kernel("void(float64[:,::1], float64[:,::1], int64[::1])")
def resample_evenly(points: Array, out: Array, before: Array) -> None:
    """``out`` [m >= 2, 2]: points of the polyline ``points`` [n >= 2, 2], equally far apart along it, both ends kept.

    ``before`` [m]: index of the vertex that each stands on or behind.
    """
    n, m = points.shape[0], out.shape[0]
    length = 0.0
    for k in range(n - 1):
        i, j = np.uint64(k), np.uint64(k + 1)
        dx, dy = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1]
        length += math.sqrt(dx * dx + dy * dy)
    vertex, gone, piece = 0, 0.0, -1.0
    for k in range(m):
        target = length * k / (m - 1)
        while True:
            i, j = np.uint64(vertex), np.uint64(vertex + 1)
            dx, dy = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1]
            piece = math.sqrt(dx * dx + dy * dy)
            if gone + piece >= target or vertex >= n - 2:
                break
            gone += piece
            vertex += 1
        part = min(1.0, (target - gone) / piece) if piece > 0.0 else 0.0
        at = np.uint64(k)
        out[at, 0] = points[i, 0] + part * dx
        out[at, 1] = points[i, 1] + part * dy
        before[at] = vertex
    last, end = np.uint64(m - 1), np.uint64(n - 1)
    out[last, 0], out[last, 1] = points[end, 0], points[end, 1]


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
