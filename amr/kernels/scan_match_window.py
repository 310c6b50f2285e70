"""Correlative scan matching: the best pose in a window, exact on its lattice, by branch and bound.

Likelihood grid after Olson 2009; bounds after Hess et al. 2016 (real-time loop closure in 2D lidar SLAM), with two
changes. A coarse grid keeps every 4^level-th cell only, each the maximum over a square of twice that side: a little
looser as a bound, but 16^level times smaller. And bounds of eight neighbouring blocks are summed in one pass over the
points, eight bytes in one word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.jit_words import word_at
from amr.kernels.trig import sin_cos

Array = NDArray[Any]

FULL = 100
"""Value of a cell that holds a point of the reference."""
LARGEST_LEVELS = 3
BLOCKS = 8
_BUCKETS = 512
_RUN = 256
"""So many bytes a lane of 16 bits adds up without overflow, whatever they are."""


@kernel("void(float64[:,::1], float64[::1], float64[::1], uint8[:,::1], uint8[:,::1])")
def stamp_points(points: Array, pose: Array, frame: Array, stamp: Array, grid: Array) -> None:
    """Raise ``grid`` to ``stamp`` (odd square) around each of ``points`` [n, 2], placed by ``pose`` (x, y, yaw).

    ``frame`` = origin x, origin y, cell size (m). Points nearer to the border than half the stamp are left out.
    """
    s, c = sin_cos(pose[2])
    height, width = grid.shape
    size = stamp.shape[0]
    half = size // 2
    scale = 1.0 / frame[2]
    for k in range(np.uint64(points.shape[0])):
        x = (pose[0] + c * points[k, 0] - s * points[k, 1] - frame[0]) * scale
        y = (pose[1] + s * points[k, 0] + c * points[k, 1] - frame[1]) * scale
        if not (half <= x < width - half and half <= y < height - half):
            continue
        i, j = np.uint64(x) - np.uint64(half), np.uint64(y) - np.uint64(half)
        for dj in range(np.uint64(size)):
            for di in range(np.uint64(size)):
                value = stamp[dj, di]
                if value > grid[j + dj, i + di]:
                    grid[j + dj, i + di] = value


@kernel("void(uint8[:,::1], uint8[:,::1])")
def coarser(fine: Array, out: Array) -> None:
    """``out[j, i]`` = largest of ``fine[4j : 4j + 8, 4i : 4i + 8]``; cells beyond ``fine`` count as 0.

    From the level above the finest on this gives windows of 4^level * 2 cells or a little more: still bounds.
    """
    height, width = fine.shape
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            largest = np.uint8(0)
            for row in range(4 * j, min(4 * j + 8, height)):
                for column in range(4 * i, min(4 * i + 8, width)):
                    value = fine[np.uint64(row), np.uint64(column)]
                    largest = max(largest, value)
            out[j, i] = largest


@kernel("void(uint8[::1], uint64[::1], int64, int64, uint32[::1])")
def block_sums(flat: Array, cells: Array, count: int, shift: int, out: Array) -> None:
    """``out[0:8]`` = sums over the cells of ``flat[cell + shift + 0..7]``.

    A word holds the eight bytes; its even and its odd ones are summed in lanes of 16 bits, which a run cannot overflow.
    """
    lanes, sixteen = np.uint64(0x00FF00FF00FF00FF), np.uint64(0xFFFF)
    for d in range(BLOCKS):
        out[d] = np.uint32(0)
    first = np.uint64(0)
    while first < np.uint64(count):
        last = min(np.uint64(count), first + np.uint64(_RUN))
        even = odd = np.uint64(0)
        for k in range(first, last):
            word = word_at(flat, cells[k] + np.uint64(shift))
            even += word & lanes
            odd += (word >> np.uint64(8)) & lanes
        for d in range(np.uint64(BLOCKS // 2)):
            out[np.uint64(2) * d] += np.uint32((even >> (np.uint64(16) * d)) & sixteen)
            out[np.uint64(2) * d + np.uint64(1)] += np.uint32((odd >> (np.uint64(16) * d)) & sixteen)
        first = last


@kernel("void(float64[:,::1], float64[::1], float64[::1], int64, float64, int64, int64, int32[:,:,::1], int64[::1])")
def turn_points(
    points: Array, frame: Array, center: Array, half: int, step_rad: float, width: int, height: int, out: Array,
    counts: Array,
) -> None:  # fmt: skip
    """Cells of the turned points for each angle of the window, moved by -half so that offsets are not negative."""
    scale = 1.0 / frame[2]
    angles = out.shape[0]
    for a in range(angles):
        s, c = sin_cos(center[2] + (a - angles // 2) * step_rad)
        count = 0
        for k in range(np.uint64(points.shape[0])):
            x = (center[0] + c * points[k, 0] - s * points[k, 1] - frame[0]) * scale - half
            y = (center[1] + s * points[k, 0] + c * points[k, 1] - frame[1]) * scale - half
            if 0.0 <= x < width - 2 * half and 0.0 <= y < height - 2 * half:
                out[a, 0, count] = int(x)
                out[a, 1, count] = int(y)
                count += 1
        counts[a] = count


@kernel("void(int32[:,::1], int64, int64, int64, int64, uint64[::1])")
def cells_of_level(turned: Array, count: int, level: int, offset: int, width: int, out: Array) -> None:
    shift = np.int32(2 * level)
    for k in range(np.uint64(count)):
        out[k] = np.uint64(offset + (turned[1, k] >> shift) * width + (turned[0, k] >> shift))


@kernel(
    "int64(float64[:,::1], uint8[::1], int64[:,::1], float64[::1], float64[::1], int64, int64, float64, int64,"
    " int64[::1], float64[::1])"
)
def best_in_window(
    points: Array, flat: Array, levels: Array, frame: Array, center: Array, half: int, angles: int, step_rad: float,
    least: int, banned: Array, result: Array,
) -> int:  # fmt: skip
    """Best pose of ``points`` [n, 2] within ``half`` cells and ``angles`` (odd) steps around ``center`` (x, y, yaw).

    ``flat`` holds all grids, finest first; ``levels`` [L, 3] = offset, width, height of each. The points may lie
    anywhere in the grid; outside they count nothing. Returns the sum of the cell values, or ``least`` when no pose
    has more; ``result`` [3] is the pose then. ``banned`` [3] = column, row, radius: no answer from that square of
    offsets (in cells from the center of the window; a negative radius bans nothing). Ties go to the pose that is found
    first, in a fixed order.
    """
    top = levels.shape[0] - 1
    width0, height0 = levels[0, 1], levels[0, 2]
    span = 2 * half + 1
    stride = 1 << (2 * top)
    blocks = (span + stride - 1) // stride
    columns = (blocks + BLOCKS - 1) // BLOCKS * BLOCKS
    turned = np.empty((angles, 2, points.shape[0]), np.int32)
    counts = np.empty(angles, np.int64)
    turn_points(points, frame, center, half, step_rad, width0, height0, turned, counts)
    cells = np.empty(points.shape[0], np.uint64)
    sums = np.empty(BLOCKS, np.uint32)
    bounds = np.empty((angles, blocks, columns), np.uint32)
    largest = np.uint32(1)
    for a in range(angles):
        cells_of_level(turned[a], counts[a], top, levels[top, 0], levels[top, 1], cells)
        for j in range(blocks):
            for i in range(0, columns, BLOCKS):
                block_sums(flat, cells, counts[a], j * levels[top, 1] + i, sums)
                for d in range(BLOCKS):
                    bounds[a, j, i + d] = sums[d]
                    if i + d < blocks:
                        largest = max(largest, sums[d])
    # candidates from the highest bound down: a counting sort, equal buckets in order of angle, row, column
    starts = np.zeros(_BUCKETS + 1, np.int64)
    unit = largest // np.uint32(_BUCKETS) + np.uint32(1)
    for a in range(angles):
        for j in range(blocks):
            for i in range(blocks):
                if bounds[a, j, i] > least:
                    starts[_BUCKETS - int(bounds[a, j, i] // unit)] += 1
    for b in range(_BUCKETS):
        starts[b + 1] += starts[b]
    total = starts[_BUCKETS]
    order = np.empty((total, 3), np.int32)
    for a in range(angles - 1, -1, -1):
        for j in range(blocks - 1, -1, -1):
            for i in range(blocks - 1, -1, -1):
                if bounds[a, j, i] > least:
                    b = _BUCKETS - int(bounds[a, j, i] // unit)
                    starts[b] -= 1
                    at = starts[b]
                    order[at, 0], order[at, 1], order[at, 2] = a, j, i
    best = least
    stack = np.empty((64, 4), np.int64)  # level, row, column (in blocks of the level), bound
    for n in range(total):
        a, j, i = order[n, 0], order[n, 1], order[n, 2]
        if bounds[a, j, i] <= best:
            continue
        stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = top, j, i, bounds[a, j, i]
        height = 1
        at_level = -1
        while height > 0:
            height -= 1
            level, row, column, bound = stack[height, 0], stack[height, 1], stack[height, 2], stack[height, 3]
            if bound <= best:
                continue
            if level == 0:
                if abs(column - half - banned[0]) <= banned[2] and abs(row - half - banned[1]) <= banned[2]:
                    continue
                best = bound
                result[0] = center[0] + (column - half) * frame[2]
                result[1] = center[1] + (row - half) * frame[2]
                result[2] = center[2] + (a - angles // 2) * step_rad
                continue
            below = level - 1
            if at_level != below:
                cells_of_level(turned[a], counts[a], below, levels[below, 0], levels[below, 1], cells)
                at_level = below
            first = height
            limit = (span + (1 << (2 * below)) - 1) >> (2 * below)
            for dj in range(4):
                child_row = 4 * row + dj
                if child_row >= limit:
                    continue
                block_sums(flat, cells, counts[a], child_row * levels[below, 1] + 4 * column, sums)
                for di in range(4):
                    child_column = 4 * column + di
                    if child_column >= limit or sums[di] <= best:
                        continue
                    # kept in ascending order, so that the best is taken off first
                    slot = height
                    while slot > first and stack[slot - 1, 3] >= sums[di]:
                        stack[slot] = stack[slot - 1]
                        slot -= 1
                    stack[slot, 0], stack[slot, 1], stack[slot, 2] = below, child_row, child_column
                    stack[slot, 3] = sums[di]
                    height += 1
    return best
