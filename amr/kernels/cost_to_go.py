"""Cost-to-go over a local window: an isotropic arrival-time field by fast marching with a bucket queue.

The field solves the eikonal equation |grad u| = cost on a grid (Sethian 1996). The queue is an array of buckets one
smallest step wide ("untidy" fast marching: Yatziv, Bartesaghi, Sapiro 2006, O(N)); a cell that improves later is
queued again, so no cell keeps a value above that of a neighbour plus the step between them: without local minima.
Plain Dijkstra would be as fast, but its values belong to paths along eight directions: up to 8 % too long, and their
slope points up to 22 degrees aside.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel

BLOCKED = np.float32(-1.0)
"""Mark in the cost grid: not to be crossed."""


@kernel("void(float32[:,::1], uint8[:,::1], float32, float32, float32, float32, float32, float32, float32[:,::1])")
def cost_grid(
    distance_m: Any,
    unknown: Any,
    block_m: Any,
    tight_m: Any,
    tight_weight: Any,
    comfort_m: Any,
    comfort_weight: Any,
    unknown_weight: Any,
    cost: Any,
) -> None:
    """Cost of a metre for cells of two by two fine cells: 1 in the open, more near obstacles, ``BLOCKED`` at walls.

    ``cost`` is float32 [height // 2, width // 2]. The largest of the four distances counts, so that no gap closes by
    the coarser grid; whether a motion really passes is decided on the fine one.
    """
    one = np.float32(1.0)
    comfort_scale = one / (comfort_m - block_m)
    tight_scale = one / max(tight_m - block_m, np.float32(1e-3))
    for j in range(np.uint64(cost.shape[0])):
        for i in range(np.uint64(cost.shape[1])):
            y, x = np.uint64(2) * j, np.uint64(2) * i
            y1, x1 = y + np.uint64(1), x + np.uint64(1)
            d = max(max(distance_m[y, x], distance_m[y, x1]), max(distance_m[y1, x], distance_m[y1, x1]))
            if d < block_m:
                cost[j, i] = np.float32(-1.0)
                continue
            value = one
            if d < comfort_m:
                part = (comfort_m - d) * comfort_scale
                value += comfort_weight * part * part
            if d < tight_m:
                value += tight_weight * (tight_m - d) * tight_scale
            if unknown[y, x] + unknown[y, x1] + unknown[y1, x] + unknown[y1, x1] >= 3:
                value += unknown_weight
            cost[j, i] = value


@kernel(
    "int64(float32[:,::1], float32, int32[::1], float32[::1], int64, float32, float32,"
    " float32[:,::1], int32[::1], int32[::1], int32[::1])"
)
def march(
    cost: Any,
    resolution_m: Any,
    seed_cells: Any,
    seed_values: Any,
    stop_cell: Any,
    margin: Any,
    far: Any,
    value: Any,
    head: Any,
    following: Any,
    entry: Any,
) -> Any:
    """Fill ``value`` [height, width] with the cost-to-go from each free cell to the cheapest seed; returns cells done.

    Seeds are flat cell numbers with their own cost. The march ends when the bucket front is ``margin`` beyond the
    value of ``stop_cell``; free cells beyond that front get its value, others that were not reached ``far``. ``head``
    (buckets), ``following`` and ``entry`` (queue entries; 4 per cell plus seeds suffice) are scratch.
    """
    height, width = cost.shape
    cells = height * width
    flat_cost = cost.reshape(cells)
    flat = value.reshape(cells)
    infinity = np.float32(np.inf)
    for n in range(np.uint64(cells)):
        flat[n] = infinity
    buckets = head.size
    for n in range(np.uint64(buckets)):
        head[n] = -1
    lowest = infinity
    for n in range(np.uint64(seed_cells.size)):
        lowest = min(lowest, seed_values[n])
    scale = np.float32(1.0) / resolution_m
    used = 0
    for n in range(np.uint64(seed_cells.size)):
        cell = np.uint64(seed_cells[n])
        if flat_cost[cell] > np.float32(0.0) and seed_values[n] < flat[cell]:
            flat[cell] = seed_values[n]
            b = np.uint64(min(np.int64((seed_values[n] - lowest) * scale), buckets - 1))
            entry[np.uint64(used)] = np.int32(cell)
            following[np.uint64(used)] = head[b]
            head[b] = np.int32(used)
            used += 1
    settled = 0
    limit = infinity
    beyond = far
    capacity = entry.size
    for front in range(buckets):
        if lowest + np.float32(front) * resolution_m > limit:
            beyond = lowest + np.float32(front) * resolution_m
            break
        while head[np.uint64(front)] >= 0:
            slot = np.uint64(head[np.uint64(front)])
            head[np.uint64(front)] = following[slot]
            current = np.int64(entry[slot])
            u = flat[np.uint64(current)]
            at = min(np.int64((u - lowest) * scale), buckets - 1)
            if at < front:
                continue  # improved since, and handled in its own bucket
            settled += 1
            if current == stop_cell:
                limit = u + margin
            row = current // width
            column = current - row * width
            for side in range(4):
                if side == 0:
                    if column + 1 >= width:
                        continue
                    other = current + 1
                elif side == 1:
                    if column == 0:
                        continue
                    other = current - 1
                elif side == 2:
                    if row + 1 >= height:
                        continue
                    other = current + width
                else:
                    if row == 0:
                        continue
                    other = current - width
                o = np.uint64(other)
                c = flat_cost[o]
                if c <= np.float32(0.0) or flat[o] <= u:
                    continue
                o_row = other // width
                o_column = other - o_row * width
                a = infinity
                if o_column > 0:
                    a = flat[np.uint64(other - 1)]
                if o_column + 1 < width:
                    a = min(a, flat[np.uint64(other + 1)])
                d = infinity
                if o_row > 0:
                    d = flat[np.uint64(other - width)]
                if o_row + 1 < height:
                    d = min(d, flat[np.uint64(other + width)])
                step = c * resolution_m
                small, large = min(a, d), max(a, d)
                difference = large - small
                if difference >= step:
                    new = small + step
                else:
                    new = np.float32(0.5) * (
                        small + large + np.float32(math.sqrt(np.float32(2.0) * step * step - difference * difference))
                    )
                if new < flat[o] and used < capacity:
                    flat[o] = new
                    # never behind the front: a value can round into a bucket that is already empty
                    to = np.uint64(max(min(np.int64((new - lowest) * scale), buckets - 1), front))
                    entry[np.uint64(used)] = np.int32(other)
                    following[np.uint64(used)] = head[to]
                    head[to] = np.int32(used)
                    used += 1
    for n in range(np.uint64(cells)):
        if not flat[n] < infinity:
            flat[n] = beyond if flat_cost[n] > np.float32(0.0) else far
    return settled


@kernel("void(float32[:,::1], float32, float32, float32[:,::1])")
def fill_walls(value: Any, far: Any, rise: Any, filled: Any) -> None:
    """Copy ``value`` to ``filled``; cells at ``far`` beside reached ones get their smallest neighbour plus ``rise``.

    One ring: then bilinear sampling at the rim of a wall rises into it, in place of jumping to ``far``.
    """
    height, width = value.shape
    for j in range(height):
        for i in range(width):
            here = value[np.uint64(j), np.uint64(i)]
            if here >= far:
                best = far
                for dj in range(-1, 2):
                    for di in range(-1, 2):
                        y, x = j + dj, i + di
                        if 0 <= y < height and 0 <= x < width:
                            best = min(best, value[np.uint64(y), np.uint64(x)])
                if best < far:
                    here = best + rise
            filled[np.uint64(j), np.uint64(i)] = here


@kernel("UniTuple(float32, 3)(float32[:,::1], float32, float32)")
def sample(value: Any, column: Any, row: Any) -> Any:
    """(value, d/dcolumn, d/drow), bilinear, at fractional cell coordinates (0 = centre of the first cell)."""
    height, width = value.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    column = min(max(column, zero), np.float32(width - 1) - np.float32(1e-3))
    row = min(max(row, zero), np.float32(height - 1) - np.float32(1e-3))
    i, j = np.uint64(column), np.uint64(row)
    fx, fy = column - np.float32(i), row - np.float32(j)
    a, b = value[j, i], value[j, i + np.uint64(1)]
    c, d = value[j + np.uint64(1), i], value[j + np.uint64(1), i + np.uint64(1)]
    low, high = a + fx * (b - a), c + fx * (d - c)
    return low + fy * (high - low), (one - fy) * (b - a) + fy * (d - c), high - low
