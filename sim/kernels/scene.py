"""Moving obstacles put where they are at a time, in the flat arrays of ``sim.scene.Scene``."""

from __future__ import annotations

import numpy as np

from amr.jit import kernel
from sim.kernels.arrays import Flags, Floats, Indices


@kernel("void(float64, float64[:, ::1], int64[::1], float64[::1], uint8[::1], uint8[::1], float64[:, ::1])")
def positions_at(
    time_s: float, keys: Floats, key_start: Indices, period_s: Floats, loop: Flags, cubic: Flags, position: Floats
) -> None:
    """Fill ``position`` [m, 2]; the same as ``MovingObstacle.position``. ``keys`` rows are (t, x, y)."""
    for m in range(position.shape[0]):
        first, end = key_start[m], key_start[m + 1]
        t = np.fmod(time_s, period_s[m]) if loop[m] else time_s
        k = first
        while k + 1 < end and t >= keys[k + 1, 0]:
            k += 1
        if k + 1 >= end:
            position[m, 0] = keys[end - 1, 1]
            position[m, 1] = keys[end - 1, 2]
            continue
        u = (t - keys[k, 0]) / (keys[k + 1, 0] - keys[k, 0])
        before, after = max(k - 1, first), min(k + 2, end - 1)
        for axis in range(2):
            p1, p2 = keys[k, axis + 1], keys[k + 1, axis + 1]
            if cubic[m]:
                m1 = 0.5 * (p2 - keys[before, axis + 1])
                m2 = 0.5 * (keys[after, axis + 1] - p1)
                position[m, axis] = p1 + u * (
                    m1 + u * (3.0 * (p2 - p1) - 2.0 * m1 - m2 + u * (2.0 * (p1 - p2) + m1 + m2))
                )
            else:
                position[m, axis] = p1 + u * (p2 - p1)


@kernel(
    "void(float64[:, ::1], float64[:, ::1], float64[:, ::1], int64[::1], int64, "
    "float64[:, ::1], int64[::1], float64[:, ::1], float64[:, ::1], int64[::1], int64)"
)
def place(
    position: Floats,
    circles: Floats,
    circle_local: Floats,
    circle_owner: Indices,
    first_circle: int,
    points: Floats,
    point_start: Indices,
    points_local: Floats,
    boxes: Floats,
    polygon_owner: Indices,
    first_polygon: int,
) -> None:
    """Put moving circles (``first_circle`` on) and polygons (``first_polygon`` on) where their owners are."""
    for i in range(first_circle, circles.shape[0]):
        owner = circle_owner[i]
        circles[i, 0] = position[owner, 0] + circle_local[i, 0]
        circles[i, 1] = position[owner, 1] + circle_local[i, 1]
    for j in range(first_polygon, boxes.shape[0]):
        owner = polygon_owner[j]
        boxes[j, 0] = boxes[j, 1] = np.inf
        boxes[j, 2] = boxes[j, 3] = -np.inf
        for k in range(point_start[j], point_start[j + 1]):
            x = position[owner, 0] + points_local[k, 0]
            y = position[owner, 1] + points_local[k, 1]
            points[k, 0] = x
            points[k, 1] = y
            boxes[j, 0] = min(boxes[j, 0], x)
            boxes[j, 1] = min(boxes[j, 1], y)
            boxes[j, 2] = max(boxes[j, 2], x)
            boxes[j, 3] = max(boxes[j, 3], y)
