"""Repairs the labels of a finished search after some cells changed their cost: what still holds is kept.

After Ramalingam and Reps (1996) and LPA* (Koenig, Likhachev, Furcy 2004). A label holds while another cell supports
it: one with a label that, with today's step between them, is no larger. Labels are looked at in rising order, so a
support is judged before whatever rests on it. Labels that lost their support are withdrawn, then each cell that was
withdrawn or stands beside a changed one gets the best that its neighbors offer, and waits in the queue to pass it on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import _BESIDE, _STEP_X, _STEP_Y, _UNIT, BLOCKED, DIAGONAL, STRAIGHT, UNREACHED, Array


@kernel("uint64(uint8[::1], uint64, uint64[::1], uint64, uint64)")
def best_offer(padded: Array, stride: Any, label: Array, end: Any, cell: Any) -> Any:
    """The smallest label that the neighbors of ``cell`` offer it; 2**64 - 1 when none does or it is blocked."""
    best = np.uint64(UNREACHED)
    if padded[cell] >= np.uint8(BLOCKED):
        return best
    weight = np.uint64(504) + np.uint64(padded[cell])
    allowed = np.uint64(0)
    for d in range(np.uint64(8)):
        if (allowed & _BESIDE[d]) != _BESIDE[d]:
            continue
        neighbor = cell + np.uint64(_STEP_Y[d] * np.int64(stride) + _STEP_X[d])
        value = padded[neighbor]
        if value >= np.uint8(BLOCKED):
            continue
        allowed |= np.uint64(1) << d
        if label[neighbor] < end:
            best = min(best, label[neighbor] + (weight + np.uint64(value)) * _UNIT[d])
    return best


@kernel("int64(uint64[::1], uint32[::1], int64, uint64, uint32)")
def _push(keys: Array, cells: Array, size: Any, key: Any, cell: Any) -> Any:
    """Add an entry to a binary heap of ``size``; returns the new size."""
    at = np.uint64(size)
    while at > np.uint64(0):
        above = (at - np.uint64(1)) >> np.uint64(1)
        if keys[above] <= key:
            break
        keys[at], cells[at] = keys[above], cells[above]
        at = above
    keys[at], cells[at] = key, cell
    return size + 1


@kernel("int64(uint64[::1], uint32[::1], int64)")
def _pop(keys: Array, cells: Array, size: Any) -> Any:
    """Remove the first entry of a binary heap of ``size``; returns the new size. Read keys[0], cells[0] before."""
    size -= 1
    key, cell = keys[np.uint64(size)], cells[np.uint64(size)]
    at = np.uint64(0)
    while True:
        child = np.uint64(2) * at + np.uint64(1)
        if child >= np.uint64(size):
            break
        if child + np.uint64(1) < np.uint64(size) and keys[child + np.uint64(1)] < keys[child]:
            child += np.uint64(1)
        if keys[child] >= key:
            break
        keys[at], cells[at] = keys[child], cells[child]
        at = child
    keys[at], cells[at] = key, cell
    return size


@kernel(
    "UniTuple(int64, 2)(uint8[::1], uint64, uint64[::1], uint64, uint32[::1], uint64, uint32[::1], uint64[::1],"
    " uint32[::1], uint32[::1], boolean[::1])"
)
def withdraw(
    padded: Array,
    stride: Any,
    label: Array,
    end: Any,
    changed: Array,
    root: Any,
    withdrawn: Array,
    keys: Array,
    cells: Array,
    beside: Array,
    marks: Array,
) -> Any:
    """Withdraw each label (2**64 - 1 in its place) that has no support since the cells ``changed`` have new costs.

    ``beside``: receives the changed cells and their neighbors (room for 9 for each changed one); ``withdrawn``: the
    cells that lost their label; ``marks``: bool [cells], all false before and after. ``keys`` and ``cells`` are scratch
    of equal size, at least that of ``beside``. Returns (how many were withdrawn, how many are in ``beside``); -1
    when ``withdrawn`` or the scratch do not suffice: then the labels are worth nothing any more.
    """
    offset = np.empty(9, np.uint64)
    offset[0] = np.uint64(0)
    for d in range(8):
        offset[d + 1] = np.uint64(_STEP_Y[d] * np.int64(stride) + _STEP_X[d])
    size, count, seen = 0, 0, 0
    capacity = keys.size
    for n in range(np.uint64(changed.size)):
        for d in range(np.uint64(9)):
            cell = np.uint64(changed[n]) + offset[d]
            if marks[cell]:
                continue
            marks[cell] = True
            beside[np.uint64(seen)] = np.uint32(cell)
            seen += 1
            # one that has support now is looked at again when that is withdrawn
            if cell != root and label[cell] < end and best_offer(padded, stride, label, end, cell) > label[cell]:
                size = _push(keys, cells, size, label[cell], np.uint32(cell))
    for n in range(np.uint64(seen)):
        marks[beside[n]] = False
    for n in range(np.uint64(size)):
        marks[cells[n]] = True  # from here on: waits in the heap
    while size > 0:
        key, cell = keys[0], np.uint64(cells[0])
        size = _pop(keys, cells, size)
        marks[cell] = False
        if best_offer(padded, stride, label, end, cell) <= key:
            continue
        if count == withdrawn.size or size + 8 > capacity:
            for n in range(np.uint64(size)):
                marks[cells[n]] = False
            return -1, seen
        label[cell] = np.uint64(UNREACHED)
        withdrawn[np.uint64(count)] = np.uint32(cell)
        count += 1
        for d in range(np.uint64(1), np.uint64(9)):
            neighbor = cell + offset[d]
            if key < label[neighbor] < end and neighbor != root and not marks[neighbor]:
                marks[neighbor] = True
                size = _push(keys, cells, size, label[neighbor], np.uint32(neighbor))
    return count, seen


@kernel("int64(uint8[::1], uint64, uint64[::1], uint64, uint64, uint32[::1], uint64, uint32[::1], uint64[::1], int64)")
def relabel(
    padded: Array,
    stride: Any,
    label: Array,
    base: Any,
    end: Any,
    cells: Array,
    root: Any,
    open_cells: Array,
    open_costs: Array,
    count: Any,
) -> Any:
    """Give each of ``cells`` the best label on offer, where that is lower; such cells are appended to the open ones.

    Returns the new number of open cells (``open_cells`` and ``open_costs`` must have room for all of ``cells``).
    """
    for n in range(np.uint64(cells.size)):
        cell = np.uint64(cells[n])
        if cell == root:
            continue
        best = best_offer(padded, stride, label, end, cell)
        if best < label[cell]:
            label[cell] = best
            open_cells[np.uint64(count)] = np.uint32(cell)
            open_costs[np.uint64(count)] = best - base
            count += 1
    return np.int64(count)


@kernel("Tuple((int64, uint64, uint64))(uint64, uint64, uint64[::1], uint64, uint64, uint32[::1], uint64[::1], int64)")
def still_open(
    stride: Any, weight_min: Any, label: Array, base: Any, goal: Any, cells: Array, costs: Array, count: int
) -> Any:
    """Keep, in place, the first ``count`` open cells whose cost is still their label's.

    Returns (how many, the smallest and the largest f = cost + octile distance to ``goal`` times ``weight_min``).
    """
    kept = np.uint64(0)
    least, most = np.uint64(UNREACHED), np.uint64(0)
    row, column = np.int64(goal // stride), np.int64(goal % stride)
    straight = np.uint64(2 * STRAIGHT) * weight_min
    extra = np.uint64(2 * (DIAGONAL - STRAIGHT)) * weight_min
    for n in range(np.uint64(count)):
        cell, cost = np.uint64(cells[n]), costs[n]
        if label[cell] != base + cost:
            continue
        cells[kept], costs[kept] = np.uint32(cell), cost
        kept += np.uint64(1)
        dx, dy = abs(np.int64(cell % stride) - column), abs(np.int64(cell // stride) - row)
        f = cost + straight * np.uint64(max(dx, dy)) + extra * np.uint64(min(dx, dy))
        least, most = min(least, f), max(most, f)
    return np.int64(kept), least, most
