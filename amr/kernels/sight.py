"""Which cells the lidar can look at now: what stands between hides the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel


@kernel("void(float32[:,::1], float64, float64, float64, int64, int64, int64, boolean[:,::1])")
def in_sight(
    distance_m: Any, resolution_m: Any, eye_x: Any, eye_y: Any, row: Any, column: Any, stride: Any, visible: Any
) -> Any:
    """``visible[j, i]``: the line from the eye to the cell (row + j * stride, column + i * stride) meets no obstacle.

    ``distance_m``: to the nearest occupied cell, 0 in occupied ones; the eye in cells from its corner. The line walks
    by the free distance around it (sphere tracing, Hart 1996) and ends a cell before its target, so that obstacles
    themselves are in sight.
    """
    height, width = distance_m.shape
    for j in range(visible.shape[0]):
        for i in range(visible.shape[1]):
            dx = column + i * stride + 0.5 - eye_x
            dy = row + j * stride + 0.5 - eye_y
            length = math.sqrt(dx * dx + dy * dy)
            along = 0.0
            free = True
            while along < length - 1.0:
                part = along / length
                x = min(max(int(eye_x + part * dx), 0), width - 1)
                y = min(max(int(eye_y + part * dy), 0), height - 1)
                away = float(distance_m[np.uint64(y), np.uint64(x)]) / resolution_m
                if away < 0.5:
                    free = False
                    break
                # distances count from centre to centre: up to 0.71 cells too many at either end
                along += max(away - 1.5, 0.5)
            visible[np.uint64(j), np.uint64(i)] = free
