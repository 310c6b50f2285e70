"""Simple polygons in the plane: inside or not, how deep, their border as points, and the cells that they touch.

A polygon is float64 [n, 2] (m), corners in order, either sense. Only + - * / and roots, so the same bits everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import GridFrame
from amr.portable_math import sin_cos

Array = NDArray[Any]


def corners_of(points: Sequence[tuple[float, float]]) -> Array:
    """As an array."""
    return np.array(points, np.float64).reshape(-1, 2)


def placed(polygon: Array, parent_from_child: Pose2) -> Array:
    """The same corners in the parent frame."""
    s, c = sin_cos(parent_from_child.yaw_rad)
    x, y = polygon[:, 0], polygon[:, 1]
    return np.column_stack([parent_from_child.x_m + c * x - s * y, parent_from_child.y_m + s * x + c * y])


def is_inside(polygon: Array, x_m: float, y_m: float) -> bool:
    """True when the point lies inside (even-odd rule); False for nan."""
    inside = False
    ax, ay = polygon[-1].tolist()
    for bx, by in polygon.tolist():
        if (ay > y_m) != (by > y_m) and x_m < ax + (y_m - ay) * (bx - ax) / (by - ay):
            inside = not inside
        ax, ay = bx, by
    return inside


def signed_distance_m(polygon: Array, x_m: float, y_m: float) -> float:
    """Distance of the point to the border, negative inside."""
    best = math.inf
    ax, ay = polygon[-1].tolist()
    for bx, by in polygon.tolist():
        ex, ey = bx - ax, by - ay
        part = min(1.0, max(0.0, ((x_m - ax) * ex + (y_m - ay) * ey) / (ex * ex + ey * ey)))
        dx, dy = x_m - ax - part * ex, y_m - ay - part * ey
        best = min(best, dx * dx + dy * dy)
        ax, ay = bx, by
    return -math.sqrt(best) if is_inside(polygon, x_m, y_m) else math.sqrt(best)


def border_points(polygon: Array, spacing_m: float) -> Array:
    """[m, 2] points on the border, corners among them, at most ``spacing_m`` apart."""
    parts = []
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        dx, dy = (end - start).tolist()
        count = max(1, math.ceil(math.sqrt(dx * dx + dy * dy) / spacing_m))
        parts.append(start + (np.arange(count) / count)[:, None] * (end - start))
    return np.concatenate(parts)


def cells_inside(polygon: Array, frame: GridFrame) -> tuple[slice, slice, NDArray[np.bool_]]:
    """(rows, columns, mask of that part): the cells of a grid that the polygon covers or its border crosses."""
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    row0, column0 = frame.cell(float(low[0]), float(low[1]))
    row1, column1 = frame.cell(float(high[0]), float(high[1]))
    rows = slice(max(0, min(row0, frame.height)), max(0, min(row1 + 1, frame.height)))
    columns = slice(max(0, min(column0, frame.width)), max(0, min(column1 + 1, frame.width)))
    x = frame.origin_x_m + (np.arange(columns.start, columns.stop) + 0.5) * frame.resolution_m
    y = frame.origin_y_m + (np.arange(rows.start, rows.stop) + 0.5) * frame.resolution_m
    mask = np.zeros((len(y), len(x)), np.bool_)
    if mask.size == 0:
        return rows, columns, mask
    ax, ay = polygon[-1].tolist()
    for bx, by in polygon.tolist():
        if ay != by:
            crossed = (ay > y) != (by > y)
            mask ^= crossed[:, None] & (x[None, :] < (ax + (y - ay) * ((bx - ax) / (by - ay)))[:, None])
        ax, ay = bx, by
    for x_m, y_m in border_points(polygon, 0.5 * frame.resolution_m).tolist():
        row, column = frame.cell(x_m, y_m)
        if rows.start <= row < rows.stop and columns.start <= column < columns.stop:
            mask[row - rows.start, column - columns.start] = True
    return rows, columns, mask
