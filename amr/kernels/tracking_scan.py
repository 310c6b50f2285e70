"""What a scan says about a point: seen through, hidden, out of view; so, what is gone and what has moved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.local_grid import DX, DY, HIT, REACH, YAW, X, Y
from amr.kernels.trig import arctan2

Array = NDArray[Any]

_TWO_PI = 6.283185307179586
UNKNOWN, HIDDEN, THROUGH, HERE = 0, 1, 2, 3


@kernel("UniTuple(float64, 2)(float64[:,::1], float64, float64, float64, float64)")
def beam_towards(beams: Array, angle_min: float, increment: float, x: float, y: float) -> tuple[float, float]:
    """(number of the beam that points to the odom-frame point as a real number, distance m); -1 = out of view."""
    n = beams.shape[0]
    turn = abs(_TWO_PI / increment)
    at = np.uint64(n // 2)
    number, distance = -1.0, 0.0
    moves = beams[0, X] != beams[n - 1, X] or beams[0, Y] != beams[n - 1, Y] or beams[0, YAW] != beams[n - 1, YAW]
    for _look in range(2 if moves else 1):
        dx, dy = x - beams[at, X], y - beams[at, Y]
        distance = math.sqrt(dx * dx + dy * dy)
        number = (arctan2(dy, dx) - beams[at, YAW] - angle_min) / increment
        number -= math.floor(number / turn) * turn
        if number > n - 1.0:
            if number < turn - 0.5 and not number < n - 0.5:
                return -1.0, distance
            number = 0.0 if number >= turn - 0.5 else n - 1.0
        at = np.uint64(number + 0.5)
    return number, distance


@kernel("int64(float64[:,::1], float64, float64, float64, float64, float64)")
def look_at(beams: Array, angle_min: float, increment: float, x: float, y: float, margin_m: float) -> int:
    """THROUGH when both beams that bracket the point reach ``margin_m`` beyond it, HIDDEN when one ends that much
    before it, HERE when one ends about there, UNKNOWN out of view or where the beams tell nothing.
    """
    number, distance = beam_towards(beams, angle_min, increment, x, y)
    if number < 0.0:
        return UNKNOWN
    n = beams.shape[0]
    first = int(number)
    answer = UNKNOWN
    known = 0
    for k in range(first, min(first + 2, n)):
        reach = beams[np.uint64(k), REACH]
        if reach < 0.0:
            continue
        known += 1
        if reach < distance - margin_m:
            return HIDDEN
        if reach < distance + margin_m:
            answer = HERE
    if answer == HERE:
        return HERE
    return THROUGH if known > 0 else UNKNOWN


@kernel("boolean(float64[:,::1], float64, float64, float64, float64, float64)")
def is_empty(beams: Array, angle_min: float, increment: float, x: float, y: float, margin_m: float) -> bool:
    """True when the scan proves that nothing is within ``margin_m`` of the point.

    All beams within that of its bearing (at least two on each side) that tell something reach beyond the point by
    the margin, and end at least that far from it. So neither an edge nor a wall seen at a grazing angle, nor a pose
    that is off by less than the margin, makes a place look empty.
    """
    number, distance = beam_towards(beams, angle_min, increment, x, y)
    if number < 0.0:
        return False
    n = beams.shape[0]
    wide = int(min(60.0, margin_m / (max(distance, 0.05) * abs(increment)))) + 2
    known = 0
    for k in range(max(0, int(number) + 1 - wide), min(n, int(number) + 1 + wide)):
        b = np.uint64(k)
        reach = beams[b, REACH]
        if reach < 0.0:
            continue
        known += 1
        if reach < distance + margin_m:
            return False
        if beams[b, HIT] > 0.0:
            ex, ey = beams[b, X] + reach * beams[b, DX] - x, beams[b, Y] + reach * beams[b, DY] - y
            if ex * ex + ey * ey < margin_m * margin_m:
                return False
    return known >= wide


@kernel("boolean(float64[:,::1], float64, float64, float64, float64, float64)")
def is_taken(beams: Array, angle_min: float, increment: float, x: float, y: float, margin_m: float) -> bool:
    """True when a return of the scan lies within ``margin_m`` of the point."""
    number, distance = beam_towards(beams, angle_min, increment, x, y)
    if number < 0.0:
        return False
    wide = int(min(60.0, margin_m / (max(distance, 0.05) * abs(increment)))) + 1
    for k in range(max(0, int(number) + 1 - wide), min(beams.shape[0], int(number) + 1 + wide)):
        b = np.uint64(k)
        if beams[b, HIT] > 0.0:
            ex, ey = beams[b, X] + beams[b, REACH] * beams[b, DX] - x, beams[b, Y] + beams[b, REACH] * beams[b, DY] - y
            if ex * ex + ey * ey < margin_m * margin_m:
                return True
    return False
