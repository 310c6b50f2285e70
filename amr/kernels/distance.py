"""Exact Euclidean distance transform on a grid, capped.

Two passes: distance along each column (two sweeps), then along each row the minimum over k of ``k^2 + g^2``. The
second is the brute force instead of the lower envelope of Felzenszwalb and Huttenlocher (2012): its inner loop has
no branch, becomes SIMD integer code and stops at the largest distance of the row, which is faster while distances
are some tens of cells, as they are here. Integers only, so the same bits on every CPU.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel

Array = NDArray[Any]

MAX_CAP_16 = 127
"""Largest cap in cells of ``squared_distance_16``: the sum of two squares must fit 15 bits."""


@kernel("void(uint8[:,::1], uint8, int64, int16[:,::1])")
def squared_distance_16(cells: Array, obstacle: int, cap: int, out: Array) -> None:
    """``out[j, i]`` = squared distance in cells to the nearest cell equal to ``obstacle``, at most ``cap**2``.

    1 <= cap <= ``MAX_CAP_16``; out has the shape of cells.
    """
    height, width = cells.shape
    squares = np.empty((height, width), np.int16)
    far = np.int16(cap)
    one = np.int16(1)
    for i in range(np.uint64(width)):
        squares[0, i] = np.int16(0) if cells[0, i] == obstacle else far
    for j in range(np.uint64(1), np.uint64(height)):
        above = squares[j - np.uint64(1)]
        here = squares[j]
        row = cells[j]
        for i in range(np.uint64(width)):
            step = np.int16(min(np.int16(above[i] + one), far))
            here[i] = np.int16(0) if row[i] == obstacle else step
    for j in range(height - 2, -1, -1):
        below = squares[np.uint64(j + 1)]
        here = squares[np.uint64(j)]
        for i in range(np.uint64(width)):
            here[i] = np.int16(min(here[i], np.int16(below[i] + one)))
    for j in range(np.uint64(height)):
        here = squares[j]
        best = out[j]
        for i in range(np.uint64(width)):
            here[i] = np.int16(here[i] * here[i])
            best[i] = here[i]
        for k in range(1, min(cap, width)):
            kk = np.int16(k * k)
            if k % 2 == 1:
                farthest = np.int16(0)
                for i in range(np.uint64(width)):
                    farthest = np.int16(max(farthest, best[i]))
                if farthest <= kk:
                    break
            shift = np.uint64(k)
            rest = np.uint64(width) - shift
            ahead = here[shift:]
            for i in range(rest):
                best[i] = np.int16(min(best[i], np.int16(ahead[i] + kk)))
            after = best[shift:]
            for i in range(rest):
                after[i] = np.int16(min(after[i], np.int16(here[i] + kk)))


@kernel("void(uint8[:,::1], uint8, int64, int32[:,::1])")
def squared_distance(cells: Array, obstacle: int, cap: int, out: Array) -> None:
    """As ``squared_distance_16`` with 1 <= cap <= 32000; a cap of width + height makes it a full transform."""
    height, width = cells.shape
    squares = np.empty((height, width), np.int32)
    far = np.int32(cap)
    one = np.int32(1)
    for i in range(np.uint64(width)):
        squares[0, i] = np.int32(0) if cells[0, i] == obstacle else far
    for j in range(np.uint64(1), np.uint64(height)):
        above = squares[j - np.uint64(1)]
        here = squares[j]
        row = cells[j]
        for i in range(np.uint64(width)):
            step = np.int32(min(np.int32(above[i] + one), far))
            here[i] = np.int32(0) if row[i] == obstacle else step
    for j in range(height - 2, -1, -1):
        below = squares[np.uint64(j + 1)]
        here = squares[np.uint64(j)]
        for i in range(np.uint64(width)):
            here[i] = np.int32(min(here[i], np.int32(below[i] + one)))
    for j in range(np.uint64(height)):
        here = squares[j]
        best = out[j]
        for i in range(np.uint64(width)):
            here[i] = np.int32(here[i] * here[i])
            best[i] = here[i]
        for k in range(1, min(cap, width)):
            kk = np.int32(k * k)
            if k % 4 == 1:
                farthest = np.int32(0)
                for i in range(np.uint64(width)):
                    farthest = np.int32(max(farthest, best[i]))
                if farthest <= kk:
                    break
            shift = np.uint64(k)
            rest = np.uint64(width) - shift
            ahead = here[shift:]
            for i in range(rest):
                best[i] = np.int32(min(best[i], np.int32(ahead[i] + kk)))
            after = best[shift:]
            for i in range(rest):
                after[i] = np.int32(min(after[i], np.int32(here[i] + kk)))


@kernel("void(int16[:,::1], float32, float32, float32[:,::1])")
def metres_from_squared_cells(squared: Array, resolution_m: np.float32, cap_m: np.float32, out: Array) -> None:
    """``out`` = root of ``squared`` times the cell size, at most ``cap_m``."""
    height, width = squared.shape
    for j in range(np.uint64(height)):
        source = squared[j]
        target = out[j]
        for i in range(np.uint64(width)):
            distance = np.float32(math.sqrt(np.float32(source[i]))) * resolution_m
            target[i] = distance if distance < cap_m else cap_m
