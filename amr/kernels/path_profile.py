"""The fastest speed along a path under limits of speed, turn rate and their changes: a phase-plane sweep over v^2.

With x = v^2 and u = dv/dt constant between two points (so x is linear over the way s), the limits are linear in (x, u)
at both ends of each segment, and hold in between because the curvature is taken as linear in s there:

    -brake <= u <= a,   |k u + k' x| <= alpha   (w = k v, dw/dt = k dv/dt + k' v^2),   0 <= x <= cap

Backward, the largest x of each point from which the end can still be reached within the limits is found (a linear
program in two variables); forward, the largest u is taken. This is TOPP-RA (Pham and Pham 2018, "A New Approach to
Time-Optimal Path Parameterization Based on Reachability Analysis"), after the phase plane of Bobrow, Dubowsky and
Gibson (1985) and Shin and McKay (1985). (0, 0) is feasible everywhere, so the reachable sets are intervals from 0.

The greedy way is optimal but for the limit on dw/dt: where the curvature grows, the largest x of a point may leave
only rest for the next. So a point's x is the largest from which the robot can keep its speed, or come to the largest x
of the next point; what that loses against a convex optimizer is measured in the tests.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import Array
from amr.kernels.trig import arctan2, sin_cos

_STILL_M = 1e-3
"""A point closer than this to the one before is at the same place: the bend of a shorter segment would be noise."""
_STRAIGHT = 1e-9
"""Curvature (1/m) below this does not tie the acceleration to the turn rate."""


@kernel("boolean(float64[:,::1], int64, int64)")
def _turns(path: Array, first: Any, last: Any) -> bool:
    """True when the heading changes between the points ``first`` and ``last``, which are at one place."""
    for k in range(first, last):  # noqa: SIM110 - Numba has no generators
        if abs(path[np.uint64(k + 1), 2] - path[np.uint64(k), 2]) > 1e-6:
            return True
    return False


@kernel("void(float64[:,::1], boolean, float64, float64[::1], float64[:,::1], int8[::1], uint8[::1])")
def measure_path(
    path: Array, is_kinematic: bool, corner_rad: float, gaps: Array, bends: Array, drives: Array, stops: Array
) -> None:
    """The shape of ``path`` [n, 3] (m, rad): what the sweep needs.

    ``gaps`` [n - 1]: lengths of the segments, 0 where two points are one place; ``bends`` [n - 1, 2]: curvature (1/m,
    left positive in the direction of travel) where each begins and ends; ``drives`` [n - 1]: 1 forward, -1 reverse, 0
    without length; ``stops`` [n]: 1 where the robot must be at rest: at the end, at corners sharper than
    ``corner_rad``, and on a kinematic path where it reverses or turns in place.
    """
    n = path.shape[0]
    last = np.int64(-1)
    last_x = last_y = 0.0
    place_x, place_y = path[0, 0], path[0, 1]
    for k in range(n):
        stops[np.uint64(k)] = np.uint8(0)
    for k in range(n - 1):
        j, j1 = np.uint64(k), np.uint64(k + 1)
        dx, dy = path[j1, 0] - place_x, path[j1, 1] - place_y
        length = math.sqrt(dx * dx + dy * dy)
        bends[j, 0] = bends[j, 1] = 0.0
        if length < _STILL_M:
            gaps[j], drives[j] = 0.0, np.int8(0)
            continue
        gaps[j] = length
        place_x, place_y = path[j1, 0], path[j1, 1]
        dx, dy = dx / length, dy / length
        drives[j] = np.int8(1)
        if is_kinematic:
            sine, cosine = sin_cos(path[j, 2])
            if cosine * dx + sine * dy < 0.0:
                drives[j] = np.int8(-1)
        if last < 0:
            if is_kinematic and _turns(path, 0, k):
                for i in range(k + 1):
                    stops[np.uint64(i)] = np.uint8(1)
        else:
            before = np.uint64(last)
            angle = arctan2(last_x * dy - last_y * dx, last_x * dx + last_y * dy)
            is_stop = abs(angle) > corner_rad
            if is_kinematic:
                is_stop = is_stop or drives[before] != drives[j] or _turns(path, last + 1, k)
            if is_stop:
                for i in range(last + 1, k + 1):
                    stops[np.uint64(i)] = np.uint8(1)
                bends[before, 1] = bends[before, 0]
                bends[j, 0] = np.nan  # from its other end, below
            else:
                bend = angle / (0.5 * (gaps[before] + length))
                bends[before, 1] = bends[j, 0] = bend
                if math.isnan(bends[before, 0]):
                    bends[before, 0] = bend
        if last < 0:
            bends[j, 0] = np.nan
        last, last_x, last_y = np.int64(k), dx, dy
    if last >= 0:
        bends[np.uint64(last), 1] = bends[np.uint64(last), 0]
    for k in range(n - 1):
        for side in range(2):
            if math.isnan(bends[np.uint64(k), np.uint64(side)]):
                bends[np.uint64(k), np.uint64(side)] = 0.0
    for k in range(last + 1, n):
        stops[np.uint64(k)] = np.uint8(1)


@kernel("void(float64[::1], float64[:,::1], int8[::1], uint8[::1], float64[::1], float64[::1], float64[::1])")
def cap_squares(
    gaps: Array, bends: Array, drives: Array, stops: Array, bounds: Array, limits: Array, caps: Array
) -> None:
    """``caps`` [n] of v^2 from speed, turn rate, lateral acceleration, ``stops`` and ``bounds`` [n] (m/s).

    ``limits``: (v forward, v reverse, w, lateral acceleration). The larger curvature of a segment counts at both of
    its ends, so that the limits hold in between too.
    """
    n = caps.shape[0]
    for k in range(n):
        i = np.uint64(k)
        caps[i] = 0.0 if stops[i] != 0 else bounds[i] * bounds[i]
    for k in range(n - 1):
        i, j = np.uint64(k), np.uint64(k + 1)
        if gaps[i] == 0.0:
            continue
        speed = limits[0] if drives[i] > 0 else limits[1]
        cap = speed * speed
        bend = max(abs(bends[i, 0]), abs(bends[i, 1]))
        if bend > _STRAIGHT:
            cap = min(cap, min(limits[2] / bend * (limits[2] / bend), limits[3] / bend))
        caps[i], caps[j] = min(caps[i], cap), min(caps[j], cap)
    # points at one place have one speed
    for k in range(n - 1):
        if gaps[np.uint64(k)] == 0.0:
            caps[np.uint64(k + 1)] = min(caps[np.uint64(k + 1)], caps[np.uint64(k)])
    for back in range(2, n + 1):
        if gaps[np.uint64(n - back)] == 0.0:
            caps[np.uint64(n - back)] = caps[np.uint64(n - back + 1)]


@kernel("void(float64, float64, float64, float64, float64, float64, float64, float64[:,::1], float64[:,::1])")
def _lines(
    gap: float, bend: float, bend_next: float, next_cap: float, accel: float, brake: float, alpha: float,
    lowers: Array, uppers: Array,
) -> None:  # fmt: skip
    """Limits of u on a segment as lines over x: ``lowers``, ``uppers`` [4, 2] rows (at x = 0, slope).

    Row 1: x at the segment's end is between 0 and ``next_cap``.
    """
    slope = (bend_next - bend) / gap
    lowers[0, 0], lowers[0, 1] = -brake, 0.0
    lowers[1, 0], lowers[1, 1] = 0.0, -0.5 / gap
    uppers[0, 0], uppers[0, 1] = accel, 0.0
    uppers[1, 0], uppers[1, 1] = next_cap * 0.5 / gap, -0.5 / gap
    for end in range(2):
        row = np.uint64(2 + end)
        factor = bend if end == 0 else bend_next + 2.0 * gap * slope
        lowers[row, 0], lowers[row, 1] = -brake, 0.0
        uppers[row, 0], uppers[row, 1] = accel, 0.0
        if abs(factor) > _STRAIGHT:
            size = abs(factor)
            tilt = -slope / factor
            lowers[row, 0], lowers[row, 1] = -alpha / size, tilt
            uppers[row, 0], uppers[row, 1] = alpha / size, tilt


@kernel("float64(float64[:,::1], float64[:,::1], float64)")
def _largest(lowers: Array, uppers: Array, cap: float) -> float:
    """Largest x in [0, cap] with every lower line below every upper line; -1 when there is none."""
    least, most = 0.0, cap
    for a in range(np.uint64(4)):
        for b in range(np.uint64(4)):
            closing = lowers[a, 1] - uppers[b, 1]
            room = uppers[b, 0] - lowers[a, 0]
            if closing > 0.0:
                most = min(most, room / closing)
            elif closing < 0.0:
                least = max(least, room / closing)
            elif room < 0.0:
                return -1.0
    return most if least <= most else -1.0


@kernel("void(float64[::1], float64[:,::1], float64[::1], float64, float64, float64, float64, float64[::1])")
def sweep(
    gaps: Array, bends: Array, caps: Array, accel: float, brake: float, alpha: float, start: float, squares: Array
) -> None:
    """``squares`` [n] = v^2 of the fastest way along the path: from at most ``start`` (v^2) to the last cap.

    ``accel``, ``brake`` in m/s^2, ``alpha`` in rad/s^2, all > 0.
    """
    n = caps.shape[0]
    lowers, uppers = np.empty((4, 2)), np.empty((4, 2))
    squares[np.uint64(n - 1)] = caps[np.uint64(n - 1)]
    for back in range(2, n + 1):
        i, j = np.uint64(n - back), np.uint64(n - back + 1)
        if gaps[i] == 0.0:
            squares[i] = squares[j]
            continue
        cap = caps[i]
        slope = (bends[i, 1] - bends[i, 0]) / gaps[i]
        if abs(slope) > 0.0 and min(abs(bends[i, 0]), abs(bends[i, 1] + 2.0 * gaps[i] * slope)) <= _STRAIGHT:
            cap = min(cap, alpha / abs(slope))
        _lines(gaps[i], bends[i, 0], bends[i, 1], squares[j], accel, brake, alpha, lowers, uppers)
        lowers[1, 0], lowers[1, 1] = 0.0, 0.0
        steady = _largest(lowers, uppers, cap)
        lowers[1, 0], lowers[1, 1] = uppers[1, 0], uppers[1, 1]
        squares[i] = max(0.0, steady, _largest(lowers, uppers, cap))
    squares[0] = min(squares[0], start)
    for k in range(n - 1):
        i, j = np.uint64(k), np.uint64(k + 1)
        if gaps[i] == 0.0:
            squares[j] = min(squares[j], squares[i])
            continue
        x = squares[i]
        _lines(gaps[i], bends[i, 0], bends[i, 1], squares[j], accel, brake, alpha, lowers, uppers)
        u = uppers[0, 0] + uppers[0, 1] * x
        for b in range(np.uint64(1), np.uint64(4)):
            u = min(u, uppers[b, 0] + uppers[b, 1] * x)
        squares[j] = min(squares[j], max(0.0, x + 2.0 * gaps[i] * u))
