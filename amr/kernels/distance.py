"""Exact Euclidean distance transform on a grid, capped.

Two passes: distance along each column (two sweeps), then along each row the minimum over k of ``k^2 + g^2``. The
second is brute force instead of the lower envelope of Felzenszwalb and Huttenlocher (2012): its inner loop has no
branch, becomes SIMD integer code and stops at the largest distance of the row, which is faster while distances are
some tens of cells, as they are here. Integers only, so the same bits on every CPU.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel

Array = NDArray[Any]

MAX_CAP_16 = 127
"""Largest cap in cells with int16 results: the sum of two squares must fit 15 bits."""
MAX_CAP_32 = 32_000


@kernel(["void(uint8[:,::1], uint8, int64, int16[:,::1])", "void(uint8[:,::1], uint8, int64, int32[:,::1])"])
def squared_distance(cells: Array, obstacle: int, cap: int, out: Array) -> None:
    """``out[j, i]`` = squared distance in cells to the nearest cell equal to ``obstacle``, at most ``cap**2``.

    1 <= cap <= ``MAX_CAP_16`` or ``MAX_CAP_32``, by the type of ``out``, which has the shape of ``cells``. A cap of
    width + height makes it a full transform. 0.06 to 0.16 ms for 240 x 240 cells and cap 38 with int16.
    """
    height, width = cells.shape
    if height == 0 or width == 0:
        return
    integer = out.dtype.type
    # each row has ``cap`` cells of "far" on both sides, so that the search below needs no bounds
    squares = np.empty((height, width + 2 * cap), out.dtype)
    left = np.uint64(cap)
    one = integer(1)
    far = integer(cap)
    far_squared = integer(cap * cap)
    columns = np.uint64(width)
    for i in range(columns):
        squares[0, i + left] = integer(0) if cells[0, i] == obstacle else far
    for j in range(np.uint64(1), np.uint64(height)):
        above = squares[j - np.uint64(1)][left:]
        here = squares[j][left:]
        row = cells[j]
        for i in range(columns):
            step = integer(min(integer(above[i] + one), far))
            here[i] = integer(0) if row[i] == obstacle else step
    for j in range(height - 2, -1, -1):
        below = squares[np.uint64(j + 1)][left:]
        here = squares[np.uint64(j)][left:]
        for i in range(columns):
            here[i] = integer(min(here[i], integer(below[i] + one)))
    for j in range(np.uint64(height)):
        wide = squares[j]
        here = wide[left:]
        best = out[j]
        for i in range(left):
            wide[i] = far_squared
            wide[i + left + columns] = far_squared
        for i in range(columns):
            here[i] = integer(here[i] * here[i])
            best[i] = here[i]
        for k in range(1, cap, 2):
            farthest = integer(0)
            for i in range(columns):
                farthest = integer(max(farthest, best[i]))
            if farthest <= integer(k * k):
                break
            # two steps at once: the loop is bound by loads and stores of ``best``
            near = integer(k * k)
            next_ = integer((k + 1) * (k + 1))
            before = wide[np.uint64(cap - k) :]
            after = wide[np.uint64(cap + k) :]
            before_next = wide[np.uint64(cap - k - 1) :]
            after_next = wide[np.uint64(cap + k + 1) :]
            for i in range(columns):
                a = integer(integer(min(before[i], after[i])) + near)
                b = integer(integer(min(before_next[i], after_next[i])) + next_)
                best[i] = integer(min(best[i], integer(min(a, b))))


@kernel("void(int16[:,::1], float32, float32, float32[:,::1])")
def meters_from_squared_cells(squared: Array, resolution_m: np.float32, cap_m: np.float32, out: Array) -> None:
    """``out`` = root of ``squared`` times the cell size, at most ``cap_m``."""
    height, width = squared.shape
    for j in range(np.uint64(height)):
        source = squared[j]
        target = out[j]
        for i in range(np.uint64(width)):
            distance = np.float32(math.sqrt(np.float32(source[i]))) * resolution_m
            target[i] = distance if distance < cap_m else cap_m
