"""Clearance of a robot's outline in a distance field, with the outline covered by discs.

Positions are in metres from the window's corner (the origin of the distance field's frame).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel


@kernel("float32(float32[:,::1], float32, float32, float32)")
def distance_at(distance_m: Any, x_m: Any, y_m: Any, cells_per_m: Any) -> Any:
    """Distance to the nearest occupied cell at a point, bilinear between cell centres, clamped to the window's rim."""
    height, width = distance_m.shape
    half, zero = np.float32(0.5), np.float32(0.0)
    column = x_m * cells_per_m - half
    row = y_m * cells_per_m - half
    column = min(max(column, zero), np.float32(width - 1) - np.float32(1e-3))
    row = min(max(row, zero), np.float32(height - 1) - np.float32(1e-3))
    i, j = np.uint32(column), np.uint32(row)
    fx, fy = column - np.float32(i), row - np.float32(j)
    i1, j1 = np.uint32(i + np.uint32(1)), np.uint32(j + np.uint32(1))
    low = distance_m[j, i] + fx * (distance_m[j, i1] - distance_m[j, i])
    high = distance_m[j1, i] + fx * (distance_m[j1, i1] - distance_m[j1, i])
    return low + fy * (high - low)


@kernel("float32(float32[:,::1], float32[:,::1], float32, float32, float32, float32, float32)")
def clearance_at(distance_m: Any, discs: Any, x_m: Any, y_m: Any, cosine: Any, sine: Any, cells_per_m: Any) -> Any:
    """Smallest clearance of the discs [n, 3] (x, y, radius; base frame) of a robot at that pose; below 0 = overlap."""
    lowest = np.float32(1e9)
    for n in range(np.uint32(discs.shape[0])):
        dx, dy = discs[n, 0], discs[n, 1]
        d = distance_at(distance_m, x_m + cosine * dx - sine * dy, y_m + sine * dx + cosine * dy, cells_per_m)
        lowest = min(lowest, d - discs[n, 2])
    return lowest


@kernel("void(float32[:,::1], float32[:,::1], float32[:,::1], float32, float32[::1])")
def clearances(distance_m: Any, discs: Any, poses: Any, cells_per_m: Any, clearance_m: Any) -> Any:
    """``clearance_m`` [n] of the outline at each of ``poses`` [n, 4] (x, y, cosine, sine)."""
    for n in range(np.uint32(poses.shape[0])):
        clearance_m[n] = clearance_at(
            distance_m, discs, poses[n, 0], poses[n, 1], poses[n, 2], poses[n, 3], cells_per_m
        )
