"""A path as an elastic beam in a tube: sideways offsets of even points that bend least, held by the free cells.

Points are in cells of the padded grid, ``spacing`` apart; point i may move along its normal by ``offset[i]``. The
offsets minimize

    sum e_i^2 + tension (l/h)^2 sum |q_(i+1) - q_i|^2 + (l/h)^4 sum |q_(i-1) - 2 q_i + q_(i+1)|^2,   q_i = p_i + e_i n_i

under ``low_i <= e_i <= high_i``: the smoothing spline of Reinsch (1967) with bounds. Far from bounds it is a filter of
length l; a bound acts as a point force, so the curvature stays continuous there (only its slope jumps). Solved by a
primal-dual active set (Hintermueller, Ito and Kunisch 2002) that takes in only the worst point of each stretch beyond
its bound: a staircase of cells then supports the beam at its corners. Each solve is one banded Cholesky, O(n).
"""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import BLOCKED, Array
from amr.kernels.path_cost import segment_cost

_TUBE_STEP = 0.25
"""Sideways step in cells while the width of the tube is probed."""
_ASIDE = 4
"""So many such steps aside the tube may begin."""
_SLACK = 1e-3
"""In cells: a point this little beyond its bound is within."""
_FREE, _LOW, _HIGH = np.uint8(0), np.uint8(1), np.uint8(2)


@kernel("void(float64[:,::1], float64[:,::1])")
def set_normals(points: Array, normals: Array) -> None:
    """Unit normals [n, 2], left of the direction from the point before to the point after; (0, 0) without one."""
    n = points.shape[0]
    for k in range(n):
        a, b = np.uint64(max(0, k - 1)), np.uint64(min(n - 1, k + 1))
        dx, dy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
        length = math.sqrt(dx * dx + dy * dy)
        i = np.uint64(k)
        normals[i, 0] = -dy / length if length > 0.0 else 0.0
        normals[i, 1] = dx / length if length > 0.0 else 0.0


@kernel("void(uint8[::1], uint64, float64[:,::1], float64[:,::1], uint8[::1], float64, float64, float64[:,::1])")
def set_tube(
    padded: Array, stride: int, points: Array, normals: Array, ceiling: Array, spacing: float, reach: float,
    bounds: Array,
) -> None:  # fmt: skip
    """``bounds`` [n, 2] (low <= high): how far each point may move along its normal, at most ``reach`` cells.

    On the way it meets no blocked cell and none dearer than ``ceiling`` [n], nor half a ``spacing`` before and behind:
    so the segments to its neighbors, moved alike, are free too. A point beside the corner of a blocked cell begins a
    little aside. First and last points stay, and so does a point without room.
    """
    n = points.shape[0]
    count = np.int64(reach / _TUBE_STEP)
    right, top = np.float64(stride) - 1.0, np.float64(padded.size // stride) - 1.0
    for k in range(n):
        i = np.uint64(k)
        bounds[i, 0], bounds[i, 1] = 0.0, 0.0
        if k == 0 or k == n - 1:
            continue
        limit = min(np.int64(ceiling[i]), np.int64(BLOCKED) - 1)
        along_x, along_y = 0.5 * spacing * normals[i, 1], -0.5 * spacing * normals[i, 0]
        begin = np.int64(0)
        at = np.int64(0)
        direction = np.int64(0)  # 0: looking for a place to begin; then down, then up
        while True:
            offset = at * _TUBE_STEP
            x, y = points[i, 0] + offset * normals[i, 0], points[i, 1] + offset * normals[i, 1]
            allowed = 1.0 <= x < right and 1.0 <= y < top
            allowed = allowed and abs(along_x) <= x < right + 1.0 - abs(along_x)
            allowed = allowed and abs(along_y) <= y < top + 1.0 - abs(along_y)
            if allowed:
                here = np.uint64(np.int64(y)) * stride + np.uint64(np.int64(x))
                before = np.uint64(np.int64(y - along_y)) * stride + np.uint64(np.int64(x - along_x))
                after = np.uint64(np.int64(y + along_y)) * stride + np.uint64(np.int64(x + along_x))
                allowed = (
                    np.int64(padded[here]) <= limit
                    and np.int64(padded[before]) <= limit
                    and np.int64(padded[after]) <= limit
                )
            if direction == 0:
                if not allowed:
                    at = -at if at > 0 else 1 - at
                    if at > _ASIDE:
                        break
                    continue
                begin, direction = at, np.int64(-1)
            elif not allowed or abs(at) > count:
                bounds[i, np.uint64(0) if direction < 0 else np.uint64(1)] = (at - direction) * _TUBE_STEP
                if direction > 0:
                    break
                at, direction = begin, np.int64(1)
            at += direction


@kernel("void(float64[:,::1], float64[:,::1], float64, float64, float64[:,::1], float64[::1])")
def assemble(points: Array, normals: Array, tension: float, bending: float, bands: Array, force: Array) -> None:
    """Matrix ``bands`` [n, 3] (diagonal, next, next but one) and ``force`` [n] of the energy's gradient H e + force."""
    n = points.shape[0]
    rest = np.zeros((n, 2))
    weights = np.zeros((n, 3))
    for k in range(n - 1):
        i, j = np.uint64(k), np.uint64(k + 1)
        weights[i, 0] += tension
        weights[j, 0] += tension
        weights[i, 1] -= tension
    for k in range(1, n - 1):
        a, i, b = np.uint64(k - 1), np.uint64(k), np.uint64(k + 1)
        weights[a, 0] += bending
        weights[i, 0] += 4.0 * bending
        weights[b, 0] += bending
        weights[a, 1] -= 2.0 * bending
        weights[i, 1] -= 2.0 * bending
        weights[a, 2] += bending
    for axis in range(2):
        c = np.uint64(axis)
        for k in range(n - 1):
            i, j = np.uint64(k), np.uint64(k + 1)
            pull = tension * (points[j, c] - points[i, c])
            rest[i, c] -= pull
            rest[j, c] += pull
        for k in range(1, n - 1):
            a, i, b = np.uint64(k - 1), np.uint64(k), np.uint64(k + 1)
            bend = bending * (points[a, c] - 2.0 * points[i, c] + points[b, c])
            rest[a, c] += bend
            rest[i, c] -= 2.0 * bend
            rest[b, c] += bend
    for k in range(n):
        i = np.uint64(k)
        force[i] = normals[i, 0] * rest[i, 0] + normals[i, 1] * rest[i, 1]
        bands[i, 0] = 1.0 + weights[i, 0] * (normals[i, 0] * normals[i, 0] + normals[i, 1] * normals[i, 1])
        for step in range(1, 3):
            s = np.uint64(step)
            bands[i, s] = 0.0
            if k + step < n:
                j = np.uint64(k + step)
                bands[i, s] = weights[i, s] * (normals[i, 0] * normals[j, 0] + normals[i, 1] * normals[j, 1])


@kernel("void(float64[:,::1], float64[::1], uint8[::1], float64[:,::1], float64[::1], float64[:,::1])")
def solve_held(bands: Array, force: Array, held: Array, bounds: Array, offsets: Array, factor: Array) -> None:
    """Offsets [n] with H e + force = 0 at free points, and at their bound where ``held``; ``factor`` [n, 3] is scratch.

    LDL^T of a matrix with two bands beside its diagonal; held rows are those of the identity.
    """
    n = force.shape[0]
    for k in range(n):
        i = np.uint64(k)
        if held[i] != _FREE:
            offsets[i] = bounds[i, np.uint64(0)] if held[i] == _LOW else bounds[i, np.uint64(1)]
            factor[i, 0], factor[i, 1], factor[i, 2] = 1.0, 0.0, 0.0
            continue
        right = -force[i]
        diagonal = bands[i, 0]
        first = second = 0.0
        if k >= 2:
            j = np.uint64(k - 2)
            if held[j] == _FREE:
                second = bands[j, 2] / factor[j, 0]
            else:
                right -= bands[j, 2] * (bounds[j, 0] if held[j] == _LOW else bounds[j, 1])
        if k >= 1:
            j = np.uint64(k - 1)
            if held[j] == _FREE:
                first = bands[j, 1]
                if second != 0.0:
                    first -= second * factor[np.uint64(k - 2), 0] * factor[j, 1]
                first /= factor[j, 0]
            else:
                right -= bands[j, 1] * (bounds[j, 0] if held[j] == _LOW else bounds[j, 1])
        for step in range(1, 3):
            if k + step < n:
                j = np.uint64(k + step)
                if held[j] != _FREE:
                    right -= bands[i, np.uint64(step)] * (bounds[j, 0] if held[j] == _LOW else bounds[j, 1])
        if k >= 1:
            j = np.uint64(k - 1)
            diagonal -= first * first * factor[j, 0]
            if held[j] == _FREE:
                right -= first * offsets[j]
        if k >= 2:
            j = np.uint64(k - 2)
            diagonal -= second * second * factor[j, 0]
            if held[j] == _FREE:
                right -= second * offsets[j]
        factor[i, 0], factor[i, 1], factor[i, 2] = diagonal, first, second
        offsets[i] = right
    for back in range(1, n + 1):
        k = n - back
        i = np.uint64(k)
        if held[i] != _FREE:
            continue
        value = offsets[i] / factor[i, 0]
        if k + 1 < n and held[np.uint64(k + 1)] == _FREE:
            value -= factor[np.uint64(k + 1), 1] * offsets[np.uint64(k + 1)]
        if k + 2 < n and held[np.uint64(k + 2)] == _FREE:
            value -= factor[np.uint64(k + 2), 2] * offsets[np.uint64(k + 2)]
        offsets[i] = value


@kernel("int64(float64[:,::1], float64[::1], uint8[::1], float64[::1])")
def _let_go(bands: Array, force: Array, held: Array, offsets: Array) -> int:
    """Free the held points that the energy pulls inward (never first and last); how many."""
    n = force.shape[0]
    count = 0
    for k in range(1, n - 1):
        i = np.uint64(k)
        if held[i] == _FREE:
            continue
        pull = force[i] + bands[i, 0] * offsets[i]
        for step in range(1, 3):
            s = np.uint64(step)
            if k >= step:
                j = np.uint64(k - step)
                pull += bands[j, s] * offsets[j]
            if k + step < n:
                j = np.uint64(k + step)
                pull += bands[i, s] * offsets[j]
        if (held[i] == _HIGH and pull > 1e-9) or (held[i] == _LOW and pull < -1e-9):
            held[i] = _FREE
            count += 1
    return count


@kernel("int64(uint8[::1], float64[:,::1], float64[::1])")
def _take_in(held: Array, bounds: Array, offsets: Array) -> int:
    """Hold the point that is farthest beyond its bound in each stretch of such points; how many."""
    n = offsets.shape[0]
    count = 0
    worst, depth, side = np.int64(-1), 0.0, _FREE
    for k in range(n + 1):
        beyond, where = 0.0, _FREE
        if k < n and held[np.uint64(k)] == _FREE:
            i = np.uint64(k)
            if offsets[i] > bounds[i, 1] + _SLACK:
                beyond, where = offsets[i] - bounds[i, 1], _HIGH
            elif offsets[i] < bounds[i, 0] - _SLACK:
                beyond, where = bounds[i, 0] - offsets[i], _LOW
        if worst >= 0 and where != side:
            held[np.uint64(worst)] = side
            count += 1
            worst, depth = np.int64(-1), 0.0
        side = where
        if where != _FREE and beyond > depth:
            worst, depth = np.int64(k), beyond
    return count


@kernel("int64(float64[:,::1], float64[::1], uint8[::1], float64[:,::1], float64[::1], int64)")
def relax(bands: Array, force: Array, held: Array, bounds: Array, offsets: Array, rounds: int) -> int:
    """Least energy within the ``bounds``; returns how often it was solved. ``held`` [n]: where to begin; updated.

    Held points are let go while they are pulled inward in the first ``rounds`` solves; afterwards points are only
    taken in, so it ends, at the latest by moving what is still outside to its bound.
    """
    n = force.shape[0]
    factor = np.empty((n, 3))
    for solved in range(2 * rounds):
        solve_held(bands, force, held, bounds, offsets, factor)
        changes = 0
        if solved < rounds:
            changes += _let_go(bands, force, held, offsets)
        changes += _take_in(held, bounds, offsets)
        if changes == 0:
            return solved + 1
    for k in range(n):
        i = np.uint64(k)
        offsets[i] = min(max(offsets[i], bounds[i, 0]), bounds[i, 1])
    return 2 * rounds


@kernel("int64(uint8[::1], uint64, float64[:,::1], uint8[::1], uint8[::1], uint8[::1])")
def mark_bad(padded: Array, stride: int, points: Array, ceiling: Array, fixed: Array, bad: Array) -> int:
    """``bad`` [n] = 1 at both ends of segments that are forbidden or, looked at in quarters, in a dearer cell than
    ``ceiling`` [n] at both ends; returns how many.

    What is ``fixed`` [n] is not looked at, nor the segment between two such points.
    """
    n = points.shape[0]
    count = 0
    bad[:] = np.uint8(0)
    for k in range(n - 1):
        i, j = np.uint64(k), np.uint64(k + 1)
        if fixed[i] != 0 and fixed[j] != 0:
            continue
        is_bad = segment_cost(padded, stride, points[i, 0], points[i, 1], points[j, 0], points[j, 1]) == math.inf
        if not is_bad:
            most = max(ceiling[i], ceiling[j])
            dx, dy = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1]
            for quarter in range(5):
                x, y = points[i, 0] + 0.25 * quarter * dx, points[i, 1] + 0.25 * quarter * dy
                is_bad = is_bad or padded[np.uint64(np.int64(y)) * stride + np.uint64(np.int64(x))] > most
        if is_bad:
            bad[i] = bad[j] = np.uint8(1)
            count += 1
    return count
