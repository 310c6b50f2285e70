"""Obstacles for planner benchmarks, generated from a seed: blobs, mazes, rooms."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_MAZE_PITCH: Final = 24
_MAZE_WALL: Final = 3
_MAZE_LOOPS_FRAC: Final = 0.08


def _blobs(size: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Discs of 3 to 24 cells that cover about a sixth of the map before inflation."""
    occupied = np.zeros((size, size), bool)
    for _ in range(size * size // 3000):
        x, y = random.integers(0, size, 2)
        radius = int(random.integers(3, 25))
        y0, x0 = max(0, y - radius), max(0, x - radius)
        block = occupied[y0 : y + radius + 1, x0 : x + radius + 1]
        jj, ii = np.ogrid[y0 : y0 + block.shape[0], x0 : x0 + block.shape[1]]
        block |= (jj - y) ** 2 + (ii - x) ** 2 <= radius * radius
    return occupied


def _maze(size: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """A depth-first maze with a few extra openings, so that there is more than one way."""
    n = max(2, (size - _MAZE_WALL) // _MAZE_PITCH)
    open_right, open_up = np.zeros((n, n), bool), np.zeros((n, n), bool)
    visited = np.zeros((n, n), bool)
    stack = [(0, 0)]
    visited[0, 0] = True
    while stack:
        j, i = stack[-1]
        steps = [
            (j + dj, i + di)
            for dj, di in ((0, 1), (1, 0), (0, -1), (-1, 0))
            if 0 <= j + dj < n and 0 <= i + di < n and not visited[j + dj, i + di]
        ]
        if not steps:
            stack.pop()
            continue
        to_j, to_i = steps[int(random.integers(len(steps)))]
        (open_right if to_j == j else open_up)[min(j, to_j), min(i, to_i)] = True
        visited[to_j, to_i] = True
        stack.append((to_j, to_i))
    open_right |= random.random((n, n)) < _MAZE_LOOPS_FRAC
    open_up |= random.random((n, n)) < _MAZE_LOOPS_FRAC
    return _walls(size, _MAZE_PITCH, open_right, open_up)


def _rooms(size: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Square rooms of 64 cells; most neighbors share a door as wide as the wall is long, or 20 cells."""
    pitch, n = 64, max(2, (size - _MAZE_WALL) // 64)
    occupied = _walls(size, pitch, np.zeros((n, n), bool), np.zeros((n, n), bool))
    for j in range(n):
        for i in range(n):
            for vertical in (True, False):
                if random.random() < 0.3 or (i if vertical else j) == n - 1:
                    continue
                offset = int(random.integers(_MAZE_WALL + 2, pitch - 22))
                along = slice((j if vertical else i) * pitch + offset, (j if vertical else i) * pitch + offset + 20)
                across = slice(((i if vertical else j) + 1) * pitch, ((i if vertical else j) + 1) * pitch + _MAZE_WALL)
                occupied[(along, across) if vertical else (across, along)] = False
    return occupied


def _walls(size: int, pitch: int, open_right: NDArray[np.bool_], open_up: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Walls around each square of ``pitch`` cells, except where it is open to the right or up; all beyond is solid."""
    n = len(open_right)
    occupied = np.ones((size, size), bool)
    inner = pitch - _MAZE_WALL
    for j in range(n):
        for i in range(n):
            y, x = j * pitch + _MAZE_WALL, i * pitch + _MAZE_WALL
            occupied[y : y + inner, x : x + inner] = False
            if open_right[j, i] and i + 1 < n:
                occupied[y : y + inner, x + inner : x + pitch] = False
            if open_up[j, i] and j + 1 < n:
                occupied[y + inner : y + pitch, x : x + inner] = False
    return occupied


GENERATORS: Final = {"blobs": _blobs, "maze": _maze, "rooms": _rooms}
"""Name -> function(size, random) of occupied cells, bool [size, size]."""
