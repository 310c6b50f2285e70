"""Circles through the returns of a scan: free (algebraic) and of known radius (geometric)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel

Array = NDArray[Any]

_ITERATIONS = 6
_TIGHT_M, _TIGHT_SIGMAS = 0.03, 2.5


@kernel("UniTuple(float64, 4)(float64[:,::1], int64, int64)")
def free_circle(points: Array, first: int, last: int) -> tuple[float, float, float, float]:
    """(x, y, radius, rms of the residual) of the circle through points [first, last); radius -1 where there is none.

    Kasa's fit (1976): linear least squares of x^2 + y^2 + B x + C y + D, about the centroid.
    """
    n = float(last - first)
    mx, my = 0.0, 0.0
    for k in range(first, last):
        mx += points[np.uint64(k), 0]
        my += points[np.uint64(k), 1]
    mx, my = mx / n, my / n
    sxx, sxy, syy, sxz, syz, szz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(first, last):
        x, y = points[np.uint64(k), 0] - mx, points[np.uint64(k), 1] - my
        z = x * x + y * y
        sxx += x * x
        sxy += x * y
        syy += y * y
        sxz += x * z
        syz += y * z
        szz += z
    det = sxx * syy - sxy * sxy
    if det <= 1e-9 * (sxx + syy) * (sxx + syy):
        return mx, my, -1.0, 0.0
    a = 0.5 * (sxz * syy - syz * sxy) / det
    b = 0.5 * (syz * sxx - sxz * sxy) / det
    radius = math.sqrt(a * a + b * b + szz / n)
    total = 0.0
    for k in range(first, last):
        x, y = points[np.uint64(k), 0] - mx - a, points[np.uint64(k), 1] - my - b
        e = math.sqrt(x * x + y * y) - radius
        total += e * e
    return mx + a, my + b, radius, math.sqrt(total / n)


@kernel("UniTuple(float64, 5)(float64[:,::1], int64, float64, float64, float64, float64)")
def known_circle(
    points: Array, count: int, x_m: float, y_m: float, radius_m: float, tolerance_m: float
) -> tuple[float, float, float, float, float]:
    """(x, y, spread, rms, used) of the circle of that radius through the first ``count`` points, from a guess.

    Gauss-Newton on the distances (Gander, Golub, Strebel 1994, section 3). ``spread``: largest eigenvalue of the
    inverse normal matrix: times the variance of a point it is the variance of the centre along its worst direction.
    After three rounds only points within ``tolerance_m`` of the circle count, and then only those that lie about as
    near as the others; ``used`` = how many those are.
    """
    x, y = x_m, y_m
    spread, rms, used = 1e6, 0.0, 0.0
    for turn in range(_ITERATIONS):
        limit = 1e9 if turn < 3 else tolerance_m if turn == 3 else min(tolerance_m, max(_TIGHT_M, _TIGHT_SIGMAS * rms))
        axx, axy, ayy, bx, by, total, used = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(np.uint64(count)):
            dx, dy = points[k, 0] - x, points[k, 1] - y
            d = math.sqrt(dx * dx + dy * dy)
            e = d - radius_m
            if d < 1e-6 or abs(e) > limit:
                continue
            nx, ny = dx / d, dy / d
            axx += nx * nx
            axy += nx * ny
            ayy += ny * ny
            bx += nx * e
            by += ny * e
            total += e * e
            used += 1.0
        if used < 2.0:
            return x, y, 1e6, 0.0, used
        # a touch of damping: a short arc says little across the line of sight
        axx += 0.02
        ayy += 0.02
        det = axx * ayy - axy * axy
        x += (ayy * bx - axy * by) / det
        y += (axx * by - axy * bx) / det
        middle = 0.5 * (axx + ayy)
        low = middle - math.sqrt(max(0.0, 0.25 * (axx - ayy) * (axx - ayy) + axy * axy))
        spread = 1.0 / max(low, 1e-6)
        rms = math.sqrt(total / used)
    return x, y, spread, rms, used
