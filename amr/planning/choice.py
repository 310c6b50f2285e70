"""Which of several routes to one goal: the one that takes the least time, where a narrow place costs time of its own.

The grid measure cannot say it: costs end at 252, so a metre through a gap that just fits costs as much as two in the
open, yet a robot takes seconds for it, and may find that it does not fit. So routes are priced by the time of their
speed profiles, which know the safety envelope, plus ``narrow_s`` for each narrow place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import MotionLimits
from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, CostGrid
from amr.mapping.base import Inflation
from amr.planning.route import Route
from amr.planning.speed_profile import EnvelopeBound, duration_s, fastest_speeds_mps, shape_of
from amr.portable_math import arctan2

_TURN_FRAC: Final = 0.5
"""Part of the largest yaw rate at which a robot turns on average to where a route begins."""
_HEADING_POINTS: Final = 6
"""So many points on, the way that a route begins with is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """A route with its speeds [n] m/s, the time that it is worth, and how many narrow places it passes."""

    route: Route
    speed_mps: NDArray[np.float64]
    price_s: float
    narrow: int


class RoutePricer:
    """Prices routes of one robot."""

    def __init__(self, config: RobotConfig, inflation: Inflation, discs: NDArray[np.float32]) -> None:
        """``inflation``: of the grids that come. ``discs`` float32 [k, 3] (x, y, radius m; base frame): the outline."""
        self._limits = MotionLimits.from_config(config.limits)
        self._envelope = EnvelopeBound(config, discs)
        self._narrow_cost = min(COST_INSCRIBED, inflation.cost_of(config.planning.narrow_m))
        self._narrow_s = config.planning.narrow_s
        self._widened = _widened(self._narrow_cost)
        self._reach_m = config.body.circumradius_m

    def price(self, route: Route, start: Pose2, grid: CostGrid) -> Priced:
        """``route`` on ``grid`` for a robot at ``start``. Places within its own reach of both ends do not count."""
        path = route.outcome.path
        shape = shape_of(path, route.is_kinematic)
        bounds_mps = self._envelope.speeds_mps(grid, path, shape)
        speed_mps = fastest_speeds_mps(shape, self._limits, bounds_mps)
        narrow = self._narrow_places(path, grid)
        price_s = duration_s(shape, speed_mps) + self._narrow_s * narrow + self._turn_s(path, start)
        return Priced(route, speed_mps, price_s, narrow)

    def without_narrow(self, grid: CostGrid) -> CostGrid:
        """``grid`` as it would be for a body wider by ``narrow_m`` on each side: its narrow places are closed."""
        return CostGrid(grid.frame, self._widened[grid.cost])

    def _narrow_places(self, path: NDArray[np.float64], grid: CostGrid) -> int:
        """Stretches of ``path`` in cells that ``without_narrow`` would close."""
        frame = grid.frame
        rows = np.floor((path[:, 1] - frame.origin_y_m) / frame.resolution_m).astype(np.int64)
        columns = np.floor((path[:, 0] - frame.origin_x_m) / frame.resolution_m).astype(np.int64)
        cost = grid.cost[np.clip(rows, 0, frame.height - 1), np.clip(columns, 0, frame.width - 1)]
        narrow = (cost >= self._narrow_cost) & (cost < COST_INSCRIBED)
        for end in (path[0], path[-1]):
            away = path[:, :2] - end[:2]
            narrow &= (away * away).sum(axis=1) > self._reach_m * self._reach_m
        return int(narrow[0]) + int((narrow[1:] & ~narrow[:-1]).sum())

    def _turn_s(self, path: NDArray[np.float64], start: Pose2) -> float:
        """Time to turn to where the path leads."""
        if not math.isfinite(start.yaw_rad) or self._limits.w_max_radps <= 0.0:
            return 0.0
        ahead = path[min(_HEADING_POINTS, len(path) - 1)]
        away = Pose2(start.x_m, start.y_m, start.yaw_rad).inverse().apply(float(ahead[0]), float(ahead[1]))
        return abs(arctan2(away[1], away[0])) / (_TURN_FRAC * self._limits.w_max_radps)


def _widened(narrow_cost: int) -> NDArray[np.uint8]:
    """uint8 [256]: cost for the wider body by cost. Costs fall exponentially with distance: wider is a factor."""
    table = np.arange(256)
    if narrow_cost < COST_INSCRIBED:
        table[:narrow_cost] = table[:narrow_cost] * (COST_INSCRIBED - 1) // max(narrow_cost, 1)
        table[narrow_cost:COST_INSCRIBED] = COST_INSCRIBED
    return table.astype(np.uint8)
