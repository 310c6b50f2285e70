"""Exact A* on a cost grid with eight neighbors: integer labels, a bucket queue, and nothing cleared between queries.

**Costs.** A step between neighboring cells with costs a and b costs ``(504 + a + b) * UNIT``, UNIT = STRAIGHT or
DIAGONAL. DIAGONAL / STRAIGHT is a convergent of sqrt(2) (relative error 3e-10), so a sum of steps is 504 * STRAIGHT
times the integral of (1 + c/252) ds in cells, in exact integers: labels do not depend on the order of additions.

**Labels.** ``label[cell]`` = generation's base + cost so far. Each query takes a lower base than the one before, with
enough room between them for the dearest path, so every label of an older query compares as "dearer than anything":
no clearing, no stamps, one load to compare.

**Queue.** A ring of buckets (linked stacks) over f = g + h, far narrower than the cheapest step. Inside a bucket the
order is last in, first out; a cell whose label falls again is pushed again (label correction) and its older entry is
seen to be stale. The search ends when the buckets reach the goal's cost: whatever is left cannot improve it, and stays
in the queue (``open_cells``), so that a later call can go on from there.

**Heuristic.** Octile distance times the cheapest cost on the map: consistent, so f never falls along an edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel

Array = NDArray[Any]

STRAIGHT = 33461
DIAGONAL = 47321
UNITS_PER_CELL = 504 * STRAIGHT
"""Label units of one cell's length at cost 0."""
BLOCKED = 253
"""Padded costs from here on are not entered."""
NO_CELL = 0xFFFFFFFF
FOUND = 0
EXHAUSTED = 1
POOL_FULL = 2
PAUSED = 3
UNREACHED = 0xFFFFFFFFFFFFFFFF

# E W N S NE NW SE SW; "N" is the next row (larger y)
_STEP_X = np.array([1, -1, 0, 0, 1, -1, 1, -1], dtype=np.int64)
_STEP_Y = np.array([0, 0, 1, -1, 1, 1, -1, -1], dtype=np.int64)
_UNIT = np.array([STRAIGHT] * 4 + [DIAGONAL] * 4, dtype=np.uint64)
_BESIDE = np.array([0, 0, 0, 0, 0b0101, 0b0110, 0b1001, 0b1010], dtype=np.uint64)
"""Bits of the straight neighbors that must be allowed for each diagonal step."""


@kernel("uint8(Array(uint8, 2, 'C', True), uint8[::1], uint8)")
def pad_costs(cost: Array, padded: Array, unknown_as: int) -> Any:
    """Copy ``cost`` [height, width] into ``padded`` [(height + 2) * (width + 2)] inside a blocked border.

    Unknown (255) becomes ``unknown_as``. Returns the smallest cost copied (255 for an empty map).
    """
    height, width = cost.shape
    stride = np.uint64(width + 2)
    least = np.uint8(255)
    for i in range(stride):
        padded[np.uint64(i)] = np.uint8(255)
        padded[np.uint64(height + 1) * stride + np.uint64(i)] = np.uint8(255)
    for j in range(height):
        begin = np.uint64(j + 1) * stride
        padded[begin] = np.uint8(255)
        padded[begin + stride - np.uint64(1)] = np.uint8(255)
        row = cost[j]
        out = padded[begin + np.uint64(1) : begin + stride - np.uint64(1)]
        for i in range(width):
            value: Any = row[i]
            value = unknown_as if value == np.uint8(255) else value
            out[i] = value
            least = value if value < least else least
    return least


@kernel(
    "Tuple((int64, int64, uint64))(uint8[::1], uint64, uint64, uint64[::1], uint64, uint64, "
    "uint32[::1], uint64[::1], uint64, uint64, uint64, int64, uint32[::1], uint64[::1], uint64)"
)
def search(
    padded: Array,
    stride: int,
    weight_min: int,
    label: Array,
    base: int,
    end: int,
    seeds: Array,
    seed_costs: Array,
    goal: int,
    margin: int,
    most: int,
    budget: int,
    heads: Array,
    pool: Array,
    shift: int,
) -> tuple[int, int, Any]:
    """Cheapest way from any of ``seeds`` (each with a cost it starts at) to ``goal``; cells are padded indices.

    ``weight_min``: 252 + smallest cost of the map; 0 = do not aim at the goal. Labels from ``end`` on are of other
    queries. Ends ``margin`` label units beyond the goal's cost, at ``most``, or after ``budget`` cells. A seed that
    holds its label already (one of the open cells of a call before) is taken as it is. ``heads``: uint32, a power of
    two of buckets, each ``1 << shift`` label units wide; together they must span the largest jump of f along an edge
    and the spread of the seeds.
    ``pool``: uint64 [2 * entries]. Returns (FOUND, EXHAUSTED, POOL_FULL or PAUSED, cells expanded, cost of the goal).
    After EXHAUSTED every cell that can be reached (below ``most``) holds its exact label. POOL_FULL, unless the seeds
    alone fill it, and PAUSED leave labels and queue as they are between two cells: the open cells can go on.
    """
    one = np.uint64(1)
    mask = np.uint64(heads.size) - one
    capacity = np.uint64(pool.size) >> one
    low32 = np.uint64(0xFFFFFFFF)
    unreached = np.uint64(UNREACHED)
    goal_row = np.int64(goal // stride)
    goal_column = np.int64(goal % stride)
    straight_min = np.uint64(2 * STRAIGHT) * weight_min
    extra_min = np.uint64(2 * (DIAGONAL - STRAIGHT)) * weight_min
    offset = np.empty(8, np.uint64)
    for d in range(8):
        offset[d] = np.uint64(_STEP_Y[d] * np.int64(stride) + _STEP_X[d])
    heads[:] = np.uint32(NO_CELL)
    used = np.uint64(0)
    free_slot = np.uint64(NO_CELL)
    live = 0
    cursor = unreached
    goal_cost = label[goal] - base if label[goal] < end else unreached
    stop = min(most, goal_cost + margin) if goal_cost != unreached else most
    expanded = 0

    for k in range(seeds.size):
        cell = np.uint64(seeds[np.uint64(k)])
        cost_here = seed_costs[np.uint64(k)]
        if base + cost_here > label[cell] or padded[cell] >= np.uint8(BLOCKED):
            continue
        label[cell] = base + cost_here
        if cell == goal:
            goal_cost = cost_here
            stop = min(stop, cost_here + margin)
            if margin == np.uint64(0):
                continue
        dx = abs(np.int64(cell % stride) - goal_column)
        dy = abs(np.int64(cell // stride) - goal_row)
        f = cost_here + straight_min * np.uint64(max(dx, dy)) + extra_min * np.uint64(min(dx, dy))
        if used == capacity:
            return POOL_FULL, expanded, unreached
        bucket = f >> shift
        cursor = min(cursor, bucket)
        pool[used << one] = cell | (np.uint64(heads[bucket & mask]) << np.uint64(32))
        pool[(used << one) + one] = cost_here
        heads[bucket & mask] = np.uint32(used)
        used += one
        live += 1

    while live > 0:
        slot = np.uint64(heads[cursor & mask])
        while slot == low32:
            cursor += one
            slot = np.uint64(heads[cursor & mask])
        if (cursor << shift) >= stop:
            break
        if used + np.uint64(8) > capacity:
            return POOL_FULL, expanded, unreached
        if expanded >= budget:
            return PAUSED, expanded, unreached
        entry = pool[slot << one]
        cost_here = pool[(slot << one) + one]
        heads[cursor & mask] = np.uint32(entry >> np.uint64(32))
        pool[slot << one] = free_slot
        free_slot = slot
        live -= 1
        cell = entry & low32
        if label[cell] != base + cost_here:
            continue  # a cheaper way here was found after this entry was made
        expanded += 1
        weight = np.uint64(504) + np.uint64(padded[cell])
        row = cell // stride
        left = np.int64(cell - row * stride) - goal_column
        up = np.int64(row) - goal_row
        allowed = np.uint64(0)
        for d in range(8):
            if (allowed & _BESIDE[d]) != _BESIDE[d]:
                continue
            neighbor = cell + offset[d]
            value = padded[neighbor]
            if value >= np.uint8(BLOCKED):
                continue
            allowed |= one << np.uint64(d)
            there = cost_here + (weight + np.uint64(value)) * _UNIT[d]
            if base + there >= label[neighbor]:
                continue
            label[neighbor] = base + there
            dx = abs(left + _STEP_X[d])
            dy = abs(up + _STEP_Y[d])
            f = there + straight_min * np.uint64(max(dx, dy)) + extra_min * np.uint64(min(dx, dy))
            if neighbor == goal:
                goal_cost = there
                stop = min(stop, there + margin)
                if margin == np.uint64(0):
                    continue
            if free_slot != low32:
                slot = free_slot
                free_slot = pool[slot << one]
            else:
                slot = used
                used += one
            bucket = (f >> shift) & mask
            pool[slot << one] = neighbor | (np.uint64(heads[bucket]) << np.uint64(32))
            pool[(slot << one) + one] = there
            heads[bucket] = np.uint32(slot)
            live += 1
    return (EXHAUSTED if goal_cost == unreached else FOUND), expanded, goal_cost


@kernel("int64(uint64[::1], uint64, uint32[::1], uint64[::1], uint32[::1], uint64[::1])")
def open_cells(label: Array, base: int, heads: Array, pool: Array, cells: Array, costs: Array) -> int:
    """What the last search left in its queue: labelled cells that were not expanded, and their costs.

    Returns how many there are; ``cells`` and ``costs`` take as many as they hold.
    """
    one = np.uint64(1)
    count = 0
    for k in range(np.uint64(heads.size)):
        slot = np.uint64(heads[k])
        while slot != np.uint64(NO_CELL):
            entry = pool[slot << one]
            cell, cost = entry & np.uint64(0xFFFFFFFF), pool[(slot << one) + one]
            if label[cell] == base + cost:
                if count < cells.size:
                    cells[np.uint64(count)] = np.uint32(cell)
                    costs[np.uint64(count)] = cost
                count += 1
            slot = entry >> np.uint64(32)
    return count


@kernel("int64(uint8[::1], uint64, uint64[::1], uint64, uint64, uint32[::1])")
def backtrack(padded: Array, stride: int, label: Array, base: int, cell: int, out: Array) -> int:
    """Cells from ``cell`` back to its seed, by exact differences of labels, into ``out``; returns how many.

    Of equal predecessors the one that keeps the direction is taken. -1 when ``out`` is too short.
    """
    offset = np.empty(8, np.uint64)
    for d in range(8):
        offset[d] = np.uint64(_STEP_Y[d] * np.int64(stride) + _STEP_X[d])
    size = 0
    direction = 0
    while True:
        if size == out.size:
            return -1
        out[np.uint64(size)] = np.uint32(cell)
        size += 1
        weight = np.uint64(504) + np.uint64(padded[cell])
        allowed = np.uint64(0)
        equal = np.uint64(0)
        for d in range(8):
            if (allowed & _BESIDE[d]) != _BESIDE[d]:
                continue
            neighbor = cell + offset[d]
            value = padded[neighbor]
            if value >= np.uint8(BLOCKED):
                continue
            allowed |= np.uint64(1) << np.uint64(d)
            step = (weight + np.uint64(value)) * _UNIT[d]
            if label[cell] - base >= step and label[neighbor] == label[cell] - step:
                equal |= np.uint64(1) << np.uint64(d)
        if equal == np.uint64(0):
            return size
        if (equal >> np.uint64(direction)) & np.uint64(1) == np.uint64(0):
            direction = 0
            while (equal >> np.uint64(direction)) & np.uint64(1) == np.uint64(0):
                direction += 1
        cell = cell + offset[np.uint64(direction)]
