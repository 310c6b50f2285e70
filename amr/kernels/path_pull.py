"""Shortens a grid path into an any-angle path: cut corners, then slide the vertices down the exact path cost.

Every change is accepted only when the exact cost (``path_cost.segment_cost``) does not rise and no blocked cell is
touched, so the result is never dearer than the path it came from. Points are in cells of the padded grid.
"""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import Array
from amr.kernels.path_cost import segment_cost

_EDGE = 0.02
"""Vertices keep this many cells away from the lines between cells: nobody's rounding puts them in another cell."""
_GAIN = 1e-9
"""Smaller differences of cost are noise, in cells."""
_COSTLY = 1.0005
"""A segment dearer than this per cell of length runs through cost and may pay for another vertex."""


@kernel("int64(uint8[::1], uint64, float64[:,::1], int64, float64[:,::1])")
def cut_corners(padded: Array, stride: int, points: Array, span: int, out: Array) -> int:
    """Keep few of ``points`` [n, 2] in ``out``: straight jumps of up to ``span`` points that are no dearer.

    Returns how many are kept.
    """
    n = points.shape[0]
    prefix = np.zeros(n)
    for k in range(1, n):
        i, j = np.uint64(k - 1), np.uint64(k)
        prefix[j] = prefix[i] + segment_cost(padded, stride, points[i, 0], points[i, 1], points[j, 0], points[j, 1])
    out[0, 0], out[0, 1] = points[0, 0], points[0, 1]
    size = 1
    at = 0
    while at < n - 1:
        reach = min(span, n - 1 - at)
        i = np.uint64(at)
        while reach > 1:
            j = np.uint64(at + reach)
            direct = segment_cost(padded, stride, points[i, 0], points[i, 1], points[j, 0], points[j, 1])
            if direct <= prefix[j] - prefix[i] + _GAIN:
                break
            reach >>= 1
        at += reach
        out[np.uint64(size), 0] = points[np.uint64(at), 0]
        out[np.uint64(size), 1] = points[np.uint64(at), 1]
        size += 1
    return size


@kernel("boolean(float64)")
def _keeps_off_lines(x: float) -> bool:
    """True when ``x`` is not close to a line between cells."""
    fraction = x - math.floor(x)
    return _EDGE < fraction < 1.0 - _EDGE


@kernel("int64(uint8[::1], uint64, float64[:,::1], float64[::1], int64, float64, int64)")
def slide(padded: Array, stride: int, points: Array, costs: Array, size: int, step: float, sweeps: int) -> int:
    """Move inner vertices by ``step`` cells across the path while that lowers its cost. Returns the number of moves.

    ``costs`` [size - 1]: cost of each segment, kept up to date. A vertex rests once it cannot move, until one beside it
    does; and it does not go back where it came from.
    """
    moves = 0
    awake = np.ones(size, np.uint8)
    went = np.zeros(size, np.int8)
    for _ in range(sweeps):
        moved = 0
        for k in range(1, size - 1):
            a, i, b = np.uint64(k - 1), np.uint64(k), np.uint64(k + 1)
            if awake[i] == 0:
                continue
            awake[i] = 0
            chord_x, chord_y = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
            length = math.sqrt(chord_x * chord_x + chord_y * chord_y)
            if length < 1e-6:
                continue
            across_x, across_y = -chord_y / length * step, chord_x / length * step
            for side in range(2):
                sign = 1.0 if side == 0 else -1.0
                if went[i] == (-1 if side == 0 else 1):
                    continue
                x, y = points[i, 0] + sign * across_x, points[i, 1] + sign * across_y
                if not (_keeps_off_lines(x) and _keeps_off_lines(y)):
                    continue
                limit = costs[a] + costs[i] - _GAIN
                before = segment_cost(padded, stride, points[a, 0], points[a, 1], x, y)
                if before >= limit:
                    continue
                after = segment_cost(padded, stride, x, y, points[b, 0], points[b, 1])
                if before + after < limit:
                    points[i, 0], points[i, 1] = x, y
                    costs[a], costs[i] = before, after
                    awake[a] = awake[i] = awake[b] = 1
                    went[i] = 1 if side == 0 else -1
                    moved += 1
                    break
        moves += moved
        if moved == 0:
            break
    return moves


@kernel("int64(uint8[::1], uint64, float64[:,::1], float64[::1], int64)")
def drop_needless(padded: Array, stride: int, points: Array, costs: Array, size: int) -> int:
    """Remove, in place, inner vertices without which the path is no dearer. Returns how many points are left."""
    kept = np.uint64(0)
    incoming = costs[np.uint64(0)]
    for k in range(1, size - 1):
        i, b = np.uint64(k), np.uint64(k + 1)
        direct = segment_cost(padded, stride, points[kept, 0], points[kept, 1], points[b, 0], points[b, 1])
        if direct <= incoming + costs[i] + _GAIN * 0.01:
            incoming = direct
            continue
        costs[kept] = incoming
        kept += np.uint64(1)
        points[kept, 0], points[kept, 1] = points[i, 0], points[i, 1]
        incoming = costs[i]
    costs[kept] = incoming
    kept += np.uint64(1)
    last = np.uint64(size - 1)
    points[kept, 0], points[kept, 1] = points[last, 0], points[last, 1]
    return int(kept) + 1


@kernel("int64(uint8[::1], uint64, float64[:,::1], float64[::1], int64, float64, float64[:,::1], float64[::1])")
def halve_costly(
    padded: Array,
    stride: int,
    points: Array,
    costs: Array,
    size: int,
    shortest: float,
    out: Array,
    out_costs: Array,
) -> int:
    """Copy the path to ``out``, with a new vertex in the middle of each segment that runs through cost.

    Only segments longer than ``shortest`` cells; stops adding when ``out`` is nearly full. Returns how many.
    """
    made = 0
    for k in range(size - 1):
        i, b = np.uint64(k), np.uint64(k + 1)
        out[np.uint64(made), 0], out[np.uint64(made), 1] = points[i, 0], points[i, 1]
        out_costs[np.uint64(made)] = costs[i]
        made += 1
        dx, dy = points[b, 0] - points[i, 0], points[b, 1] - points[i, 1]
        length = math.sqrt(dx * dx + dy * dy)
        if length <= shortest or costs[i] <= _COSTLY * length or made + (size - k) >= out.shape[0]:
            continue
        x, y = points[i, 0] + 0.5 * dx, points[i, 1] + 0.5 * dy
        if not (_keeps_off_lines(x) and _keeps_off_lines(y)):
            x, y = points[i, 0] + 0.4375 * dx, points[i, 1] + 0.4375 * dy
        before = segment_cost(padded, stride, points[i, 0], points[i, 1], x, y)
        after = segment_cost(padded, stride, x, y, points[b, 0], points[b, 1])
        if before + after <= costs[i] + _GAIN:
            out[np.uint64(made), 0], out[np.uint64(made), 1] = x, y
            out_costs[np.uint64(made - 1)] = before
            out_costs[np.uint64(made)] = after
            made += 1
    last = np.uint64(size - 1)
    out[np.uint64(made), 0], out[np.uint64(made), 1] = points[last, 0], points[last, 1]
    return made + 1
