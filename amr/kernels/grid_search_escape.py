"""The way out for a robot that stands in cells that no plan may enter (inflation, a ghost, unseen floor below it).

A small search over the forbidden cells around the start: cells of obstacles are far dearer than inflated ones, and the
way never goes back from inflated cells into obstacles, so it cannot lead through a wall that the robot stands beside.
Each allowed cell at the rim of that region becomes a seed of the real search, with the cost of the way there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.grid_search import BLOCKED, DIAGONAL, STRAIGHT, Array

_INFLATED_WEIGHT = 4 * 252
_LETHAL_WEIGHT = 16 * 252
_LETHAL = 254
_UNSET = 0xFFFFFFFFFFFFFFFF
LARGEST_STEP = 2 * _LETHAL_WEIGHT * DIAGONAL
"""Dearest step of an escape in the label units of ``grid_search``."""

_STEP_X = np.array([1, -1, 0, 0, 1, -1, 1, -1], dtype=np.int64)
_STEP_Y = np.array([0, 0, 1, -1, 1, 1, -1, -1], dtype=np.int64)
_UNIT = np.array([STRAIGHT] * 4 + [DIAGONAL] * 4, dtype=np.uint64)


@kernel("uint64(uint8)")
def _weight(value: int) -> Any:
    """What half a step in a cell of this padded cost weighs during an escape."""
    if value < np.uint8(BLOCKED):
        return np.uint64(252) + np.uint64(value)
    return np.uint64(_LETHAL_WEIGHT) if value == np.uint8(_LETHAL) else np.uint64(_INFLATED_WEIGHT)


@kernel("void(uint8[::1], uint64, int64, int64, int64, uint64[:,::1])")
def escape_labels(padded: Array, stride: int, row: int, column: int, radius: int, label: Array) -> None:
    """Cost from the padded cell (row, column) to every cell within ``radius`` cells that an escape can reach.

    ``label``: uint64 [2 radius + 1, 2 radius + 1], centered on the start; 2**64 - 1 where it cannot get to.
    Sweeps to and fro until nothing changes: the window is small.
    """
    height, width = np.int64(padded.size // stride), np.int64(stride)
    side = 2 * radius + 1
    label[:] = np.uint64(_UNSET)
    label[np.uint64(radius), np.uint64(radius)] = np.uint64(0)
    changed = True
    forward = True
    while changed:
        changed = False
        for count in range(side * side):
            k = count if forward else side * side - 1 - count
            j, i = k // side, k % side
            here = label[np.uint64(j), np.uint64(i)]
            if here == np.uint64(_UNSET):
                continue
            value = padded[np.uint64((row + j - radius) * width + column + i - radius)]
            if value < np.uint8(BLOCKED):
                continue  # out already
            for d in range(8):
                nj, ni = j + _STEP_Y[d], i + _STEP_X[d]
                y, x = row + nj - radius, column + ni - radius
                if (nj - radius) * (nj - radius) + (ni - radius) * (ni - radius) > radius * radius:
                    continue
                if y < 1 or x < 1 or y >= height - 1 or x >= width - 1:
                    continue
                there_value = padded[np.uint64(y * width + x)]
                if there_value == np.uint8(_LETHAL) and value != np.uint8(_LETHAL):
                    continue
                there = here + (_weight(value) + _weight(there_value)) * _UNIT[d]
                if there < label[np.uint64(nj), np.uint64(ni)]:
                    label[np.uint64(nj), np.uint64(ni)] = there
                    changed = True
        forward = not forward


@kernel("int64(uint8[::1], uint64, int64, int64, uint64[:,::1], int64, int64, uint32[::1])")
def escape_way(
    padded: Array, stride: int, row: int, column: int, label: Array, end_row: int, end_column: int, out: Array
) -> int:
    """Padded cells from the rim cell (end_row, end_column) back to the start into ``out``; returns how many."""
    width = np.int64(stride)
    radius = np.int64(label.shape[0] // 2)
    y, x = end_row, end_column
    size = 0
    while size < out.size:
        out[np.uint64(size)] = np.uint32(y * width + x)
        size += 1
        if y == row and x == column:
            break
        here = label[np.uint64(y - row + radius), np.uint64(x - column + radius)]
        value = padded[np.uint64(y * width + x)]
        found = False
        for d in range(8):
            py, px = y - _STEP_Y[d], x - _STEP_X[d]
            j, i = py - row + radius, px - column + radius
            if j < 0 or i < 0 or j >= label.shape[0] or i >= label.shape[1]:
                continue
            before = padded[np.uint64(py * width + px)]
            if before < np.uint8(BLOCKED) or (value == np.uint8(_LETHAL) and before != np.uint8(_LETHAL)):
                continue
            step = (_weight(before) + _weight(value)) * _UNIT[d]
            if here >= step and label[np.uint64(j), np.uint64(i)] == here - step:
                y, x = py, px
                found = True
                break
        if not found:
            break
    return size
