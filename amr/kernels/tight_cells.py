"""Costs around a way that keep a straightened one where the outline has room: forbidden too close, dear in between."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.footprint_sweep import ROOM, TILE, near_tile
from amr.kernels.grid_search import BLOCKED, Array

_SAVED = 2
"""Mark in ``tiles``: costs changed, the true ones kept aside."""
_AROUND = 16
"""Cells around the way that are looked at: a vertex slides by less."""
_DEAREST = 252


@kernel("int64(int64, int64)")
def _tile(at: Any, size: Any) -> Any:
    """The tile that a row or column lies in, which is moved into the map before."""
    if at < 0:
        return 0
    return (at if at < size else size - 1) // TILE


@kernel("int64(int64, int64)")
def _end(tile: Any, size: Any) -> Any:
    """First row or column after a tile."""
    end = (tile + 1) * TILE
    return end if end < size else size


@kernel(f"void({ROOM}, float64[:,::1], float64, uint8[::1])")
def close_tight(room: Any, points: Array, narrowest: Any, saved: Array) -> None:
    """Raise ``padded`` in the tiles around ``points`` [n, 2]; the true costs go to ``saved``, of the same size.

    Cells whose center is closer to a wall than ``narrowest`` cells (the least half width) are forbidden, except where
    the way itself goes; up to the reach of the outline costs fall to what they were.
    """
    padded, stride, _, _, reach, cap, tiles, squared, _ = room
    rows, columns = np.int64(padded.size // stride), np.int64(stride)
    closed, far = narrowest + 0.5, reach + 0.5
    slope = _DEAREST / max(far - closed, 1e-9)
    for k in range(points.shape[0]):
        x, y = np.int64(points[np.uint64(k), 0]), np.int64(points[np.uint64(k), 1])
        top, left = _tile(y - _AROUND, rows), _tile(x - _AROUND, columns)
        bottom, right = _tile(y + _AROUND, rows), _tile(x + _AROUND, columns)
        for tile_row in range(top, bottom + 1):
            for tile_column in range(left, right + 1):
                t, u = np.uint64(tile_row), np.uint64(tile_column)
                if tiles[t, u] == _SAVED:
                    continue
                if tiles[t, u] == 0:
                    near_tile(padded, stride, tile_row, tile_column, cap, squared)
                tiles[t, u] = _SAVED
                for j in range(tile_row * TILE, _end(tile_row, rows)):
                    for i in range(tile_column * TILE, _end(tile_column, columns)):
                        cell = np.uint64(j * columns + i)
                        value = padded[cell]
                        saved[cell] = value
                        if value >= BLOCKED:
                            continue
                        distance = math.sqrt(np.float64(squared[np.uint64(j), np.uint64(i)]))
                        if distance < closed:
                            padded[cell] = np.uint8(BLOCKED)
                        elif distance < far:
                            padded[cell] = max(value, np.uint8((far - distance) * slope))
    for k in range(points.shape[0] - 1):
        a, b = np.uint64(k), np.uint64(k + 1)
        dx, dy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
        pieces = np.int64(math.sqrt(dx * dx + dy * dy) * 8.0) + 1
        for n in range(pieces + 1):
            x, y = points[a, 0] + n / pieces * dx, points[a, 1] + n / pieces * dy
            cell = np.uint64(np.int64(y) * columns + np.int64(x))
            if padded[cell] >= BLOCKED and saved[cell] < BLOCKED:
                padded[cell] = np.uint8(_DEAREST)


@kernel(f"void({ROOM}, uint8[::1])")
def reopen(room: Any, saved: Array) -> None:
    """Put the true costs back."""
    padded, stride, _, _, _, _, tiles, _, _ = room
    rows, columns = np.int64(padded.size // stride), np.int64(stride)
    for tile_row in range(tiles.shape[0]):
        for tile_column in range(tiles.shape[1]):
            if tiles[np.uint64(tile_row), np.uint64(tile_column)] != _SAVED:
                continue
            tiles[np.uint64(tile_row), np.uint64(tile_column)] = 1
            for j in range(tile_row * TILE, _end(tile_row, rows)):
                for i in range(tile_column * TILE, _end(tile_column, columns)):
                    cell = np.uint64(j * columns + i)
                    padded[cell] = saved[cell]
