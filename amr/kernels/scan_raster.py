"""Scans into counts of hits and passes, for the picture of a map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.trig import sin_cos

Array = NDArray[Any]


@kernel("void(float64[:,::1], float64[::1], float64[::1], float64, int32[:,::1], int32[:,::1])")
def count_beams(points: Array, pose: Array, frame: Array, reach_m: float, hits: Array, passes: Array) -> None:
    """Count each of ``points`` [n, 2] (m, frame at ``pose`` x, y, yaw) as a hit, and the cells before it as passed.

    ``frame`` = origin x, origin y, cell size (m). Beams start at the pose; beyond ``reach_m`` they clear nothing, and
    their end counts nothing. A beam is sampled at every half cell; outside of the grid it counts nothing.
    """
    s, c = sin_cos(pose[2])
    height, width = hits.shape
    scale = 1.0 / frame[2]
    x0, y0 = (pose[0] - frame[0]) * scale, (pose[1] - frame[1]) * scale
    for k in range(np.uint64(points.shape[0])):
        dx = (c * points[k, 0] - s * points[k, 1]) * scale
        dy = (s * points[k, 0] + c * points[k, 1]) * scale
        length = np.sqrt(dx * dx + dy * dy)
        if not length < 1e6 or length == 0.0:
            continue
        near = length * frame[2] <= reach_m
        shown = length if near else reach_m * scale
        last_i, last_j = -1, -1
        end_i, end_j = -1, -1
        if near and 0.0 <= x0 + dx < width and 0.0 <= y0 + dy < height:
            end_i, end_j = int(x0 + dx), int(y0 + dy)
            hits[np.uint64(end_j), np.uint64(end_i)] += 1
        for n in range(int(2.0 * shown)):
            share = 0.5 * n / length
            x, y = x0 + share * dx, y0 + share * dy
            if not (0.0 <= x < width and 0.0 <= y < height):
                continue
            i, j = int(x), int(y)
            if (i == last_i and j == last_j) or (i == end_i and j == end_j):
                continue
            last_i, last_j = i, j
            passes[np.uint64(j), np.uint64(i)] += 1
