"""All good poses of a scan in a window, not only the best: branch and bound that keeps the best of each place.

Bounds as in ``scan_match_window``. A place's poses differ by less than ``near`` cells and ``near_angles`` steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.scan_match_window import BLOCKS, block_sums, cells_of_level, turn_points

Array = NDArray[Any]

MODE = 4
"""Columns of ``modes``: score; x m, y m, yaw rad."""


@kernel("int64(float64[:,::1], int64, int64, int64, int64, int64)")
def _threshold(modes: Array, count: int, least: int, keep_percent: int, capacity: int, best: int) -> int:
    """A pose must score more than this to become a mode."""
    limit = max(least, best * keep_percent // 100)
    if count == capacity:
        worst = modes[0, 0]
        for m in range(1, count):
            worst = min(worst, modes[m, 0])
        limit = max(limit, int(worst))
    return limit


@kernel("int64(float64[:,::1], int64, float64[::1], float64, float64)")
def _mode_of(modes: Array, count: int, pose: Array, near_m: float, near_rad: float) -> int:
    """The mode whose place holds the pose (score, x, y, yaw), or -1."""
    for m in range(count):
        turn = modes[m, 3] - pose[3]
        turn -= 2.0 * np.pi * np.floor(turn / (2.0 * np.pi) + 0.5)
        if abs(modes[m, 1] - pose[1]) < near_m and abs(modes[m, 2] - pose[2]) < near_m and abs(turn) < near_rad:
            return m
    return -1


@kernel("int64(float64[:,::1], int64, float64[::1], float64, float64)")
def _enter(modes: Array, count: int, pose: Array, near_m: float, near_rad: float) -> int:
    """Put the pose (score, x, y, yaw) among the modes; returns how many there are then."""
    same = _mode_of(modes, count, pose, near_m, near_rad)
    if same >= 0:
        if pose[0] > modes[same, 0]:
            modes[same] = pose
        return count
    if count < modes.shape[0]:
        modes[count] = pose
        return count + 1
    worst = 0
    for m in range(1, count):
        if modes[m, 0] < modes[worst, 0]:
            worst = m
    modes[worst] = pose
    return count


@kernel(
    "int64(float64[:,::1], uint8[::1], int64[:,::1], float64[::1], float64[::1], uint8[:,::1], uint8[:,::1], int64,"
    " float64, int64, int64, float64, float64, float64[:,::1], int64)"
)
def modes_in_window(
    points: Array, flat: Array, levels: Array, frame: Array, center: Array, allowed: Array, allowed_blocks: Array,
    angles: int, step_rad: float, least: int, keep_percent: int, near_m: float, near_rad: float, modes: Array,
    count: int,
) -> int:  # fmt: skip
    """Add to ``modes`` [capacity, MODE] (``count`` of them used) the poses of a square window; returns the new count.

    ``points``, ``flat``, ``levels``, ``frame`` as in ``best_in_window``; ``center`` = x, y, first yaw. ``allowed``
    uint8 [span, span] (odd) marks the cells, ``allowed_blocks`` those squares of the coarsest level, where the robot
    may stand; ``angles`` steps from the first yaw on. A mode scores more than ``least``, and at least ``keep_percent``
    of the best (those that no longer do when a better one is found stay in the table; so compare the scores).
    """
    top = levels.shape[0] - 1
    span = allowed.shape[0]
    half = span // 2
    blocks = allowed_blocks.shape[0]
    columns = (blocks + BLOCKS - 1) // BLOCKS * BLOCKS
    turned = np.empty((angles, 2, points.shape[0]), np.int32)
    counts = np.empty(angles, np.int64)
    middle = np.empty(3)
    middle[0], middle[1], middle[2] = center[0], center[1], center[2] + (angles // 2) * step_rad
    turn_points(points, frame, middle, half, step_rad, levels[0, 1], levels[0, 2], turned, counts)
    cells = np.empty(points.shape[0], np.uint64)
    sums = np.empty(BLOCKS, np.uint32)
    bounds = np.empty((blocks, columns), np.uint32)
    stack = np.empty((64, 4), np.int64)
    pose = np.empty(MODE)
    best = 0
    for m in range(count):
        best = max(best, int(modes[m, 0]))
    limit = _threshold(modes, count, least, keep_percent, modes.shape[0], best)
    # far angles first: the best is met early, and then bounds most of the rest
    stride = 16
    for n in range(stride * ((angles + stride - 1) // stride)):
        per_turn = (angles + stride - 1) // stride
        a = (n % per_turn) * stride + n // per_turn
        if a >= angles:
            continue
        cells_of_level(turned[a], counts[a], top, levels[top, 0], levels[top, 1], cells)
        for j in range(blocks):
            for i in range(0, columns, BLOCKS):
                block_sums(flat, cells, counts[a], j * levels[top, 1] + i, sums)
                for d in range(BLOCKS):
                    bounds[j, i + d] = sums[d]
        at_level = top
        for j0 in range(blocks):
            for i0 in range(blocks):
                if bounds[j0, i0] <= limit or allowed_blocks[j0, i0] == 0:
                    continue
                stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = top, j0, i0, bounds[j0, i0]
                height = 1
                while height > 0:
                    height -= 1
                    level, row, column, bound = stack[height, 0], stack[height, 1], stack[height, 2], stack[height, 3]
                    if bound <= limit:
                        continue
                    if level == 0:
                        if allowed[row, column] == 0:
                            continue
                        pose[0] = bound
                        pose[1] = center[0] + (column - half) * frame[2]
                        pose[2] = center[1] + (row - half) * frame[2]
                        pose[3] = center[2] + a * step_rad
                        count = _enter(modes, count, pose, near_m, near_rad)
                        best = max(best, bound)
                        limit = _threshold(modes, count, least, keep_percent, modes.shape[0], best)
                        continue
                    below = level - 1
                    if at_level != below:
                        cells_of_level(turned[a], counts[a], below, levels[below, 0], levels[below, 1], cells)
                        at_level = below
                    first = height
                    beyond = (span + (1 << (2 * below)) - 1) >> (2 * below)
                    for dj in range(4):
                        child_row = 4 * row + dj
                        if child_row >= beyond:
                            continue
                        block_sums(flat, cells, counts[a], child_row * levels[below, 1] + 4 * column, sums)
                        for di in range(4):
                            child_column = 4 * column + di
                            if child_column >= beyond or sums[di] <= limit:
                                continue
                            slot = height
                            while slot > first and stack[slot - 1, 3] >= sums[di]:
                                stack[slot] = stack[slot - 1]
                                slot -= 1
                            stack[slot, 0], stack[slot, 1], stack[slot, 2] = below, child_row, child_column
                            stack[slot, 3] = sums[di]
                            height += 1
    return count
