"""Hybrid A* in SE(2) for the true outline: complete to its step and headings, slower than a path made drivable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.planning import Kinematic
from amr.kernels import goal_field, hybrid_search
from amr.kernels.drive_check import drive_cost
from amr.kernels.drive_polyline import RADIUS
from amr.kernels.trig import arctan2
from amr.planning.hybrid_motions import START_HEADING, MotionTables
from amr.planning.room import Room
from amr.portable_math import sin_cos

STEP_M: Final = 0.1
"""Length of a motion, unless told otherwise; at least two cells."""
_BLOCK_M: Final = 0.2
_RADIUS_M: Final = 1.0
_PACE: Final = 8.0
_NODES: Final = 1 << 16


Walls = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Poses [n, 3] in padded cells and radians, price in cells, expansions; no poses when there is no way.

    ``stuck_at``: the block (row, column) of the goal field that the search hoped to pass when it stalled, or None.
    """

    poses: NDArray[np.float64] | None
    price: float
    expanded: int
    gave_up: bool
    stuck_at: tuple[int, int] | None = None


def prices_of(settings: Kinematic, resolution_m: float) -> NDArray[np.float64]:
    """``hybrid_search.prices`` in cells."""
    prices = np.zeros(9)
    prices[hybrid_search.REVERSE] = settings.reverse_factor
    prices[hybrid_search.CUSP] = settings.cusp_m / resolution_m
    prices[hybrid_search.STOP] = settings.stop_m / resolution_m
    prices[hybrid_search.TURN_RAD] = settings.turn_m_per_rad / resolution_m
    prices[hybrid_search.ARC_RAD] = settings.arc_m_per_rad / resolution_m
    prices[hybrid_search.WEIGHT] = 1.02
    prices[hybrid_search.SLACK] = 0.01
    prices[hybrid_search.HEADING] = 1.0 * settings.arc_m_per_rad / resolution_m
    prices[RADIUS] = _RADIUS_M / resolution_m
    return prices


class HybridSearch:
    """The search alone, in a ``Room``. Scratch memory only."""

    def __init__(self, room: Room, settings: Kinematic, step_m: float = STEP_M, node_m: float = 0.0) -> None:
        self._room, self._settings = room, settings
        self._step_m, self._node_m = step_m, node_m
        self._tables: MotionTables | None = None
        self._tables_resolution_m = 0.0
        self._base = 1
        self._grow(_NODES)
        self._heads = np.full(1 << 13, -1, np.int32)
        self._field_shape = (0, 0)

    def _grow(self, nodes: int) -> None:
        self._nodes = (
            np.zeros(nodes), np.zeros(nodes), np.zeros(nodes), np.zeros(nodes, np.int16), np.zeros(nodes, np.int8),
            np.zeros(nodes, np.int32), np.zeros(nodes, np.uint8), np.zeros(nodes, np.int64),
        )  # fmt: skip
        self._table = np.zeros(4 * nodes, np.int64)
        self._pool = np.zeros((4 * nodes, 2), np.int32)
        self._base = 1

    def _field(
        self, start: tuple[float, float], goal: tuple[float, float], block_m: float, walls: Walls
    ) -> tuple[Any, ...]:
        """A goal field that has just begun."""
        padded, stride = self._room.arrays[0], self._room.arrays[1]
        frame = self._room.frame
        block = max(1, round(block_m / frame.resolution_m))
        shape = ((frame.height + 2) // block + 1, (frame.width + 2) // block + 1)
        if shape != self._field_shape:
            self._field_shape = shape
            self._field_arrays = (
                np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.uint8),
                np.zeros(goal_field.STATE_SIZE, np.int64), np.zeros(3, np.float32),
                np.full(1 << 12, -1, np.int32), np.zeros((4 * shape[0] * shape[1] + 16, 2), np.int32),
                np.zeros(shape, np.uint8),
            )  # fmt: skip
        weight, value, settled, state, ends, heads, pool, doors = self._field_arrays
        ends[:] = (start[1] / block - 0.5, start[0] / block - 0.5, 1.0 / block)
        field = (padded, stride, block, weight, value, settled, state, ends, heads, pool, doors)
        goal_field.begin(field, goal[0], goal[1])
        for row, column in walls:
            weight[row, column], doors[row, column] = goal_field.WALL, 0
        return field

    def run(
        self,
        start: tuple[float, float, float],
        goal: tuple[float, float, float],
        yaw_matters: bool,
        most: int,
        stall: int = 1 << 40,
        is_fine: bool = True,
        walls: Walls = (),
    ) -> Found:
        """The way between two free poses (padded cells, radians); see ``hybrid_search.search`` for ``most``, ``stall``.

        ``is_fine``: the goal field has every cell, not blocks of 0.2 m; ``walls``: blocks that count as closed.
        """
        room, frame = self._room.arrays, self._room.frame
        if self._tables is None or self._tables_resolution_m != frame.resolution_m:
            step = max(2.0, self._step_m / frame.resolution_m)
            self._tables = MotionTables(step, self._room.reach_m / frame.resolution_m)
            self._tables_resolution_m = frame.resolution_m
        self._tables.aim(start[2], goal[2])
        motions = self._tables.arrays()
        prices = prices_of(self._settings, frame.resolution_m)
        field = self._field(start[:2], goal[:2], 0.0 if is_fine else _BLOCK_M, walls)
        targets = self._targets(goal, yaw_matters, prices)
        while True:
            nodes = (*self._nodes, self._table, self._heads, self._pool)
            status, expanded, last, number, price, nearest = hybrid_search.search(
                room, field, motions, nodes, prices, targets, start[0], start[1], START_HEADING,
                max(1.0, self._node_m / frame.resolution_m), _PACE, self._base, most, stall, yaw_matters,
            )  # fmt: skip
            self._base += self._nodes[0].size
            if status != hybrid_search.FULL or expanded > most or last >= 0:
                break
            self._grow(4 * self._nodes[0].size)
        if last < 0:
            stuck_at = self._hoped_for(nearest, field) if status == hybrid_search.STALLED else None
            return Found(None, math.inf, expanded, status != hybrid_search.EXHAUSTED, stuck_at)
        return Found(self._poses(last, number, targets, goal, yaw_matters), price, expanded, False)

    def _hoped_for(self, nearest: int, field: tuple[Any, ...]) -> tuple[int, int] | None:
        """The block beside that of a node that the goal field falls to."""
        block, value, settled = field[2], field[4], field[5]
        row, column = int(self._nodes[1][nearest]) // block, int(self._nodes[0][nearest]) // block
        best, lowest = None, float(value[row, column])
        for j in range(max(0, row - 1), min(value.shape[0], row + 2)):
            for i in range(max(0, column - 1), min(value.shape[1], column + 2)):
                if settled[j, i] and value[j, i] < lowest:
                    best, lowest = (j, i), float(value[j, i])
        return best

    def _targets(
        self, goal: tuple[float, float, float], yaw_matters: bool, prices: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The goal, and points on its axis from which the outline can drive straight into it."""
        targets = [(goal[0], goal[1], 0.0, goal[2])]
        if self._room.has_outline and yaw_matters:
            sine, cosine = sin_cos(goal[2])
            reach = self._room.reach_m / self._room.frame.resolution_m
            for sign, factor in ((-1.0, 1.0), (1.0, float(prices[hybrid_search.REVERSE]))):
                for part in (1.0, 2.0, 3.0, 4.0, 6.0, 8.0):
                    x, y = goal[0] + sign * part * reach * cosine, goal[1] + sign * part * reach * sine
                    cost = drive_cost(self._room.arrays, x, y, goal[0], goal[1], goal[2])
                    if cost == math.inf:
                        break
                    targets.append((x, y, cost * factor, goal[2]))
        return np.array(targets)

    def _poses(
        self, last: int, number: int, targets: NDArray[np.float64], goal: tuple[float, float, float], yaw_matters: bool
    ) -> NDArray[np.float64]:
        """Node poses up to ``last``, then the shot."""
        xs, ys, _, headings, _, parents = self._nodes[:6]
        assert self._tables is not None
        yaw = self._tables.yaw
        order = []
        at = last
        while at >= 0:
            order.append(at)
            at = int(parents[at])
        order.reverse()
        poses = [(float(xs[n]), float(ys[n]), float(yaw[headings[n]])) for n in order]
        x, y, _ = poses[-1]
        tx, ty, _, target_yaw = targets[number // 2].tolist()
        if (tx - x) ** 2 + (ty - y) ** 2 >= 1e-12:
            dx, dy = (x - tx, y - ty) if number % 2 else (tx - x, ty - y)
            bearing = arctan2(dy, dx)
            poses += [(x, y, bearing), (tx, ty, bearing)]
        if yaw_matters:
            poses.append((tx, ty, target_yaw))
            if number // 2 > 0:
                poses.append((goal[0], goal[1], target_yaw))
        return np.array(poses)
