"""What a map says to each beam of a scan: it ends at a wall, in the open, in the unknown, or went through a wall."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.trig import sin_cos

Array = NDArray[Any]

HIT, SHORT, UNKNOWN, THROUGH = 0, 1, 2, 3
"""Columns of the counts."""


@kernel(
    "void(float64[:,::1], float64[::1], float64[::1], uint8[:,::1], uint8[:,::1], float64[::1], float64, float64,"
    " uint8[::1])"
)
def check_beams(
    points: Array, origin: Array, pose: Array, clearance: Array, unknown: Array, frame: Array, reach: float,
    margin: float, verdicts: Array,
) -> None:  # fmt: skip
    """``verdicts[k]`` for each beam from ``origin`` [2] to ``points`` [n, 2] (m, robot's frame), robot at ``pose``.

    ``clearance`` = whole cells to the nearest occupied one, rounded down (0: occupied); ``unknown`` = 1 where nothing
    was ever seen; ``frame`` as in ``beam_penalties``. Within ``reach`` (cells) of an obstacle a beam ends at it.
    A beam that met an occupied cell more than ``margin`` (cells) before its end went through. Beyond the map all is
    unknown.
    """
    height, width = clearance.shape
    s, c = sin_cos(pose[2])
    scale = 1.0 / frame[2]
    x0 = (pose[0] + c * origin[0] - s * origin[1] - frame[0]) * scale
    y0 = (pose[1] + s * origin[0] + c * origin[1] - frame[1]) * scale
    for k in range(np.uint64(points.shape[0])):
        x1 = (pose[0] + c * points[k, 0] - s * points[k, 1] - frame[0]) * scale
        y1 = (pose[1] + s * points[k, 0] + c * points[k, 1] - frame[1]) * scale
        verdicts[k] = UNKNOWN
        if not (0.0 <= x1 < width and 0.0 <= y1 < height):
            continue
        i, j = np.uint64(x1), np.uint64(y1)
        if clearance[j, i] <= reach:
            verdicts[k] = HIT
        elif unknown[j, i] == 0:
            verdicts[k] = SHORT
        length = math.sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0))
        walked, last = 0.0, length - margin
        while walked < last:
            share = walked / length
            x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
            gap = 1.0
            if 0.0 <= x < width and 0.0 <= y < height:
                gap = float(clearance[np.uint64(y), np.uint64(x)])
                if gap == 0.0:
                    verdicts[k] = THROUGH
                    break
            # a cell's diagonal less than what is told is free
            walked += max(0.5, gap - 1.5)
