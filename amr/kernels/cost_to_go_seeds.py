"""Where a cost-to-go march starts: at the goal, else where the global path leaves the window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel


@kernel("int64(float32[:,::1], float64, float64, float64, float64, float64, float64, int32[::1], float32[::1])")
def disc_seeds(
    cost: Any,
    origin_x_m: Any,
    origin_y_m: Any,
    resolution_m: Any,
    x_m: Any,
    y_m: Any,
    radius_m: Any,
    cells: Any,
    values: Any,
) -> Any:
    """Free cells with their centre within ``radius_m`` of the point, valued by the distance to it; returns a count."""
    height, width = cost.shape
    count = 0
    column_low = max(0, math.floor((x_m - radius_m - origin_x_m) / resolution_m))
    column_high = min(width - 1, math.floor((x_m + radius_m - origin_x_m) / resolution_m))
    row_low = max(0, math.floor((y_m - radius_m - origin_y_m) / resolution_m))
    row_high = min(height - 1, math.floor((y_m + radius_m - origin_y_m) / resolution_m))
    for j in range(row_low, row_high + 1):
        for i in range(column_low, column_high + 1):
            dx = origin_x_m + (i + 0.5) * resolution_m - x_m
            dy = origin_y_m + (j + 0.5) * resolution_m - y_m
            distance = math.sqrt(dx * dx + dy * dy)
            if distance <= radius_m and cost[np.uint64(j), np.uint64(i)] > np.float32(0.0) and count < cells.size:
                cells[np.uint64(count)] = j * width + i
                values[np.uint64(count)] = distance
                count += 1
    return count


@kernel(
    "int64(float32[:,::1], float64, float64, float64, float64, float64, float64[:,::1], float64,"
    " int32[::1], float32[::1])"
)
def path_seeds(
    cost: Any,
    origin_x_m: Any,
    origin_y_m: Any,
    resolution_m: Any,
    x_m: Any,
    y_m: Any,
    path: Any,
    keep_m: Any,
    cells: Any,
    values: Any,
) -> Any:
    """Seeds on the last ``keep_m`` of ``path`` before it leaves the window, valued by the length that remains after it.

    The search starts at the path's point nearest to the robot (x_m, y_m). Where all of those cells are blocked the
    seeds move back along the path, to the last ``keep_m`` that hold a free cell. Returns their number, 0 when no
    point of the path inside the window is free.
    """
    height, width = cost.shape
    n = path.shape[0]
    if n == 0:
        return 0
    nearest, nearest_squared = 0, np.inf
    for p in range(n):
        dx, dy = path[np.uint64(p), 0] - x_m, path[np.uint64(p), 1] - y_m
        squared = dx * dx + dy * dy
        if squared < nearest_squared:
            nearest, nearest_squared = p, squared
    last = nearest
    for p in range(nearest, n):
        column = math.floor((path[np.uint64(p), 0] - origin_x_m) / resolution_m)
        row = math.floor((path[np.uint64(p), 1] - origin_y_m) / resolution_m)
        if column < 1 or row < 1 or column >= width - 1 or row >= height - 1:
            break
        last = p
    remaining = 0.0
    for p in range(n - 1, last, -1):
        dx = path[np.uint64(p), 0] - path[np.uint64(p - 1), 0]
        dy = path[np.uint64(p), 1] - path[np.uint64(p - 1), 1]
        remaining += math.sqrt(dx * dx + dy * dy)
    count = 0
    first_kept = -1.0
    for p in range(last, nearest - 1, -1):
        if p < last:
            dx = path[np.uint64(p + 1), 0] - path[np.uint64(p), 0]
            dy = path[np.uint64(p + 1), 1] - path[np.uint64(p), 1]
            remaining += math.sqrt(dx * dx + dy * dy)
        if first_kept >= 0.0 and remaining > first_kept + keep_m:
            break
        column = math.floor((path[np.uint64(p), 0] - origin_x_m) / resolution_m)
        row = math.floor((path[np.uint64(p), 1] - origin_y_m) / resolution_m)
        if column < 0 or row < 0 or column >= width or row >= height:
            continue
        if cost[np.uint64(row), np.uint64(column)] > np.float32(0.0) and count < cells.size:
            cells[np.uint64(count)] = row * width + column
            values[np.uint64(count)] = remaining
            count += 1
            if first_kept < 0.0:
                first_kept = remaining
    return count


@kernel("int64(float32[:,::1], float64, float64, float64, float64, float64, int32[::1], float32[::1])")
def border_seeds(
    cost: Any,
    origin_x_m: Any,
    origin_y_m: Any,
    resolution_m: Any,
    goal_x_m: Any,
    goal_y_m: Any,
    cells: Any,
    values: Any,
) -> Any:
    """Free cells on the window's border, valued by their straight distance to the goal; returns their number."""
    height, width = cost.shape
    count = 0
    for j in range(height):
        for i in range(width):
            if 0 < j < height - 1 and 0 < i < width - 1:
                continue
            if cost[np.uint64(j), np.uint64(i)] > np.float32(0.0) and count < cells.size:
                dx = origin_x_m + (i + 0.5) * resolution_m - goal_x_m
                dy = origin_y_m + (j + 0.5) * resolution_m - goal_y_m
                cells[np.uint64(count)] = j * width + i
                values[np.uint64(count)] = math.sqrt(dx * dx + dy * dy)
                count += 1
    return count
