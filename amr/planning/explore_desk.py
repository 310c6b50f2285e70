"""The planning worker's answer to "where to look next?": the map as a strategy sees it, and what was given up."""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, COST_UNKNOWN, CostGrid
from amr.messages import CloseFrontier, FrontierRequest, FrontierResult, Goal
from amr.planning.base import PlanOptions
from amr.planning.cost_field import CostToGo
from amr.planning.exploration import ExplorationStrategy, ExplorationView

_CLOSED_MOST: Final = 1000
_STRICT: Final = PlanOptions()


class ExploreDesk:
    """State: the places that were given up."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_strategy", "_ways")

    def __init__(self, strategy: ExplorationStrategy, circumradius_m: float, escape_radius_m: float) -> None:
        """A body of ``circumradius_m`` that stands where it may not be begins at the allowed cells that it covers.

        Where it covers none, at the nearest within ``escape_radius_m``.
        """
        self._strategy = strategy
        self._circumradius_m, self._escape_radius_m = circumradius_m, escape_radius_m
        self._ways = CostToGo()
        self._closed: list[tuple[float, float, float]] = []

    def close(self, request: CloseFrontier) -> None:
        """Give up the frontiers of a disc; values that are not finite close nothing. The oldest of many open again."""
        disc = (request.x_m, request.y_m, request.radius_m)
        if all(math.isfinite(value) for value in disc) and request.radius_m >= 0.0:
            self._closed.append(disc)
            del self._closed[:-_CLOSED_MOST]

    def answer(self, request: FrontierRequest, costs: CostGrid, unseen: NDArray[np.bool_]) -> FrontierResult:
        """Where to look next on ``costs``, whose cells ``unseen`` were never seen. The stamp is the request's."""
        if request.afresh:
            self._closed.clear()
        frame = costs.frame
        cost = costs.cost.copy()
        cost[unseen & (cost < COST_INSCRIBED)] = COST_UNKNOWN
        grid = CostGrid(frame, cost)
        known_m2 = float(int((~unseen).sum())) * frame.resolution_m**2
        starts = self._allowed_starts(grid, request.start_map)
        if not starts:
            return _nowhere(request, known_m2, "the robot stands where it may not be, by the map")
        ways = self._ways.field(grid, [(start, 0.0) for start in starts], _STRICT)
        goal = request.target
        view = ExplorationView(
            grid=grid,
            unseen=unseen,
            closed=self._closed_cells(grid),
            start=request.start_map,
            way_m=ways.metres,
            target=None if goal is None else (goal.x_m, goal.y_m),
        )
        choice = self._strategy.choose(view)
        return FrontierResult(
            stamp_ns=request.stamp_ns,
            request_id=request.request_id,
            target=None if choice.target is None else Goal(*choice.target, None, request.tolerance_m),
            way_m=choice.way_m,
            gain_m2=choice.gain_m2,
            frontiers=choice.frontiers,
            unreachable=choice.unreachable,
            known_m2=known_m2,
            expanded=ways.reached,
            map_version=request.map_version,
            reason=ways.reason,
        )

    def _allowed_starts(self, grid: CostGrid, start: Pose2) -> list[Pose2]:
        """The start, or places where the robot may be that it stands upon, or the nearest; [] without one."""
        if not start.is_finite():
            return []
        frame = grid.frame
        row, column = frame.cell(start.x_m, start.y_m)
        if frame.contains(row, column) and grid.cost[row, column] < COST_INSCRIBED:
            return [start]
        reach = math.ceil(self._escape_radius_m / frame.resolution_m)
        rows = slice(max(0, row - reach), max(0, row + reach + 1))
        columns = slice(max(0, column - reach), max(0, column + reach + 1))
        places = np.argwhere(grid.cost[rows, columns] < COST_INSCRIBED)
        if not len(places):
            return []
        places += (rows.start, columns.start)
        squared = ((places - (row, column)) ** 2).sum(axis=1)
        body = self._circumradius_m / frame.resolution_m
        chosen = squared <= max(float(squared.min()), body * body)
        if squared.min() > reach * reach:
            return []
        return [Pose2(*frame.center(*place), start.yaw_rad) for place in places[chosen].tolist()]

    def _closed_cells(self, grid: CostGrid) -> NDArray[np.bool_]:
        frame = grid.frame
        closed = np.zeros(grid.cost.shape, bool)
        y_m = frame.origin_y_m + (np.arange(frame.height) + 0.5) * frame.resolution_m
        x_m = frame.origin_x_m + (np.arange(frame.width) + 0.5) * frame.resolution_m
        for at_x_m, at_y_m, radius_m in self._closed:
            rows = slice(*np.searchsorted(y_m, (at_y_m - radius_m, at_y_m + radius_m)).tolist())
            columns = slice(*np.searchsorted(x_m, (at_x_m - radius_m, at_x_m + radius_m)).tolist())
            dy, dx = y_m[rows, None] - at_y_m, x_m[None, columns] - at_x_m
            closed[rows, columns] |= dx * dx + dy * dy <= radius_m * radius_m
        return closed


def _nowhere(request: FrontierRequest, known_m2: float, reason: str) -> FrontierResult:
    return FrontierResult(
        request.stamp_ns, request.request_id, None, 0.0, 0.0, 0, 0, known_m2, 0, request.map_version, reason
    )
