"""The robot's outline as half planes, the form that the grid kernels read."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body


def outline_half_planes(body: Body) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(edges float64 [k, 3], starts int64 [polygons + 1]), base frame, m.

    A point lies in polygon p when a x + b y <= c for each row (a, b, c) of ``edges[starts[p]:starts[p + 1]]``;
    (a, b) has length 1, so the slack is a distance.
    """
    rows: list[tuple[float, float, float]] = []
    starts = [0]
    for polygon in body.outline_m:
        for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            length = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2)
            normal_x, normal_y = (by - ay) / length, (ax - bx) / length
            rows.append((normal_x, normal_y, normal_x * ax + normal_y * ay))
        starts.append(len(rows))
    return np.array(rows, dtype=np.float64), np.array(starts, dtype=np.int64)
