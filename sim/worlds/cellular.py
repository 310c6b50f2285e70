"""Worlds as BARN makes them: a cellular automaton grows clumps of cylinders in a walled yard (Perille et al. 2020).

Same frame and rules as ``BARN``'s files: yard of 30 x 64 cells of 0.15 m with walls left, right and behind the start;
obstacles in the 30 rows from row 34 on; a reference path by Dijkstra over the rows of obstacles with the cylinders
grown by 0.30 m; length = start to path to goal by straight lines. BARN's own paths begin in a random column, ours in
the best one: on BARN's worlds ours is 0.6 m shorter in the median, so a score by it is no easier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sim.world import Bounds, Circle, World
from sim.worlds.passable import Node, free_space, shortest_path

COLUMNS, ROWS, FIRST_ROW, FIELD_ROWS = 30, 64, 34, 30
CELL_M, RADIUS_M = 0.15, 0.075
X_OFFSET_M, Y_OFFSET_M = -4.425, 0.075
PATH_X_OFFSET_M, PATH_Y_OFFSET_M = -4.575, 5.075
GROWTH_M = 0.30
"""No path cell lies nearer to a cylinder's axis."""
START, GOAL = (-2.25, 3.0), (-2.25, 13.0)
PASSABLE_RADIUS_M = 0.36
"""A disc of this radius gets through (the tightest of BARN's worlds lets one of 0.367 m pass)."""


@dataclass(frozen=True, slots=True)
class CellularWorld:
    """Cylinder cells (column, row), the reference path in path cells (column, row), and its length."""

    cells: tuple[tuple[int, int], ...]
    path: tuple[tuple[int, int], ...]
    path_length_m: float


def cellular_world(seed: int, fill_frac: float, smoothing_steps: int) -> CellularWorld:
    """The first passable field of this seed; raises ``ValueError`` when 200 tries give none (too full)."""
    for attempt in range(200):
        random = np.random.default_rng((seed, 21, attempt))
        field = grow_field(random.random((FIELD_ROWS, COLUMNS)) < fill_frac, smoothing_steps)
        cells = yard_cells(field)
        path = reference_path(cells)
        if path is not None and _passable(cells):
            return CellularWorld(cells, path, path_length_m(path))
    raise ValueError(f"no passable field with fill_frac {fill_frac} after {smoothing_steps} steps: use less of either")


def grow_field(field: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """``steps`` rounds of the automaton: 5 or more full neighbours fill a cell, 1 or fewer empty it."""
    for _ in range(steps):
        padded = np.pad(field, 1).astype(np.int64)
        around = sum(
            padded[1 + dr : 1 + dr + field.shape[0], 1 + dc : 1 + dc + field.shape[1]]
            for dr in (-1, 0, 1)
            for dc in (-1, 0, 1)
            if dr or dc
        )
        field = np.where(np.asarray(around) >= 5, True, np.where(np.asarray(around) <= 1, False, field))
    return field


def yard_cells(field: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """(column, row) of all cylinders: walls left, right and behind, and the field."""
    cells = {(column, 0) for column in range(COLUMNS)}
    cells |= {(column, row) for column in (0, COLUMNS - 1) for row in range(ROWS)}
    cells |= {(int(c), int(r) + FIRST_ROW) for r, c in np.argwhere(field)}
    return tuple(sorted(cells))


def reference_path(cells: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...] | None:
    """Path cells (column, row) through the field, shortest from start to goal; None when there is no way."""
    axes = np.array([(c * CELL_M + X_OFFSET_M, r * CELL_M + Y_OFFSET_M) for c, r in cells])
    free: dict[Node, bool] = {}

    def is_free(node: Node) -> bool:
        row, column = node
        if not (0 <= row < FIELD_ROWS and 0 <= column < COLUMNS):
            return False
        if node not in free:
            x, y = _path_xy((column, row))
            free[node] = bool(((axes[:, 0] - x) ** 2 + (axes[:, 1] - y) ** 2).min() >= GROWTH_M * GROWTH_M)
        return free[node]

    sources = {
        (0, column): math.dist(START, _path_xy((column, 0))) / CELL_M
        for column in range(COLUMNS)
        if is_free((0, column))
    }

    def finish_cost(node: Node) -> float | None:
        last = node[0] == FIELD_ROWS - 1
        return math.dist(_path_xy((node[1], node[0])), GOAL) / CELL_M if last else None

    nodes = shortest_path(sources, is_free, finish_cost)
    return None if nodes is None else tuple((column, row) for row, column in nodes)


def path_length_m(path: tuple[tuple[int, int], ...]) -> float:
    """Start, path points, goal, joined by straight lines."""
    points = [START, *(_path_xy(cell) for cell in path), GOAL]
    return sum(math.dist(a, b) for a, b in pairwise(points))


def _path_xy(cell: tuple[int, int]) -> tuple[float, float]:
    return cell[0] * CELL_M + PATH_X_OFFSET_M, cell[1] * CELL_M + PATH_Y_OFFSET_M


def _passable(cells: tuple[tuple[int, int], ...]) -> bool:
    circles = tuple(Circle(c * CELL_M + X_OFFSET_M, r * CELL_M + Y_OFFSET_M, RADIUS_M) for c, r in cells)
    # the bounds end at the walls' axes, so that the way does not lead around the yard
    bounds = Bounds(X_OFFSET_M, Y_OFFSET_M, X_OFFSET_M + (COLUMNS - 1) * CELL_M, GOAL[1] + 0.5)
    return free_space(World("yard", circles, bounds=bounds), 0.03).joined([START, GOAL], PASSABLE_RADIUS_M)
