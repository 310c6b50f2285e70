"""Where the seen floor ends (Yamauchi 1997), and how much can be seen from there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel

Array = NDArray[Any]

SEEN, UNSEEN, OPAQUE = 0, 1, 2
"""Cells as a look from a frontier meets them."""


@kernel("int64(uint8[:,::1], uint8[:,::1], int32[:,::1], int32[::1])")
def label_frontiers(allowed: Array, unseen: Array, label: Array, stack: Array) -> int:
    """Number the frontiers in ``label`` (0 = none), by their first cell row by row; returns how many there are.

    A frontier is a set of ``allowed`` cells connected over eight neighbors, each with an ``unseen`` cell, or the
    border of the grid, at one of its four sides. All arrays have one shape; ``stack`` has a place for each cell.
    """
    height, width = allowed.shape
    for j in range(height):
        for i in range(width):
            y, x = np.uint64(j), np.uint64(i)
            label[y, x] = 0
            if allowed[y, x] == 0:
                continue
            ends = j == 0 or i == 0 or j == height - 1 or i == width - 1
            if not ends:
                ends = (
                    unseen[np.uint64(j - 1), x] != 0
                    or unseen[np.uint64(j + 1), x] != 0
                    or unseen[y, np.uint64(i - 1)] != 0
                    or unseen[y, np.uint64(i + 1)] != 0
                )
            if ends:
                label[y, x] = -1
    count = 0
    for j in range(height):
        for i in range(width):
            if label[np.uint64(j), np.uint64(i)] != -1:
                continue
            count += 1
            label[np.uint64(j), np.uint64(i)] = count
            stack[0] = j * width + i
            used = 1
            while used > 0:
                used -= 1
                cell = stack[np.uint64(used)]
                row = cell // width
                column = cell - row * width
                for r in range(max(row - 1, 0), min(row + 2, height)):
                    for c in range(max(column - 1, 0), min(column + 2, width)):
                        if label[np.uint64(r), np.uint64(c)] == -1:
                            label[np.uint64(r), np.uint64(c)] = count
                            stack[np.uint64(used)] = r * width + c
                            used += 1
    return count


@kernel("void(uint8[:,::1], int32[:,::1], float64[:,::1], float64, float64[::1])")
def unseen_area(kinds: Array, places: Array, directions: Array, reach: float, area: Array) -> None:
    """``area[k]`` = unseen cells that a look from cell ``places[k]`` (row, column) would show, within ``reach`` cells.

    ``directions`` [m, 2]: unit vectors (column, row) all around. Rays are sampled at each cell's length; each sample
    stands for its part of the ring, ``r * 2 pi / m``. Opaque cells end a ray; beyond the grid all is unseen.
    """
    height, width = kinds.shape
    part = 2.0 * math.pi / directions.shape[0]
    steps = int(reach)
    for k in range(np.uint64(places.shape[0])):
        y0, x0 = float(places[k, 0]) + 0.5, float(places[k, 1]) + 0.5
        total = 0.0
        for d in range(np.uint64(directions.shape[0])):
            for n in range(steps):
                r = n + 0.5
                x, y = x0 + r * directions[d, 0], y0 + r * directions[d, 1]
                if not (0.0 <= x < width and 0.0 <= y < height):
                    total += r * part
                    continue
                kind = kinds[np.uint64(y), np.uint64(x)]
                if kind == OPAQUE:
                    break
                if kind == UNSEEN:
                    total += r * part
        area[k] = total
