"""How much faster a plan is when goal and most of the map stay the same, against planning from nothing.

Per query the planner answers from nothing, then after the start moved along the path, then after an obstacle appeared
a few metres ahead, then after it was gone again (the planner is told in which cells, as one that shares the map's
change list would be). Costs are compared with ``astar`` on the same maps.
"""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, COST_UNKNOWN, CostGrid
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome
from amr.planning.prepared import Cells
from amr.planning.replan import ReplanningPlanner
from amr.registry import make_planner
from amr.runtime.bench.planner_cases import InflationAsked, PlannerCase, Query, inflate

_MOVED_CELLS: Final = 8.0
_AHEAD_CELLS: Final = (40.0, 80.0)
"""Where the obstacle appears along the path, from the start on: 2 to 4 m at 0.05 m."""
_ASIDE_CELLS: Final = 15
_OBSTACLE_RADIUS_CELLS: Final = 3


def measure_replanning(case: PlannerCase, queries: list[Query], allow_unknown: bool) -> dict[str, Any]:
    """``{"cold_ms", "start_moved_ms", "map_changed_ms": {"median", "max"}, "cold_over_replan": {...}, "equal_cost"}``.

    ``equal_cost``: every grid path that was repaired costs what ``astar`` finds; ``plans``: how many were compared.
    """
    options = PlanOptions(unknown="free" if allow_unknown else "lethal")
    timed, grid_path, exact = ReplanningPlanner(), ReplanningPlanner(straight=False), make_planner("astar")
    random = np.random.default_rng(0)
    times_ms: dict[str, list[float]] = {"cold": [], "start_moved": [], "map_changed": []}
    compared, equal = 0, True
    timed.plan(case.grid, queries[0].start, queries[0].goal, options)  # touches its memory
    for asked in queries:
        query = Query(_centered(case, asked.start), _centered(case, asked.goal))
        timed.forget()
        cold = _timed(timed, case.grid, query.start, query.goal, options, times_ms["cold"])
        grid_path.plan(case.grid, query.start, query.goal, options)
        if cold.status is not PlanStatus.OK:
            times_ms["cold"].pop()
            continue
        start = _along(case, cold.path, _MOVED_CELLS, query.start)
        changed, where = _with_obstacle(case, cold.path, query, random)
        for kind, grid in (("start_moved", case.grid), ("map_changed", changed), ("map_changed", case.grid)):
            told = where if kind == "map_changed" else None
            outcome = _timed(timed, grid, start, query.goal, options, times_ms[kind], told)
            kept = grid_path.plan(grid, start, query.goal, options)
            anew = exact.plan(grid, start, query.goal, options)
            compared += 1
            equal &= kept.status is anew.status is outcome.status
            if anew.status is PlanStatus.OK:
                equal &= abs(kept.cost - anew.cost) <= 1e-9 * max(anew.cost, case.resolution_m)
                equal &= outcome.cost <= anew.cost * (1.0 + 1e-9)
    return _summary(times_ms, compared, bool(equal))


def _summary(times_ms: dict[str, list[float]], compared: int, equal: bool) -> dict[str, Any]:
    def figures(values: list[float]) -> dict[str, float | None]:
        return {"median": float(np.median(values)) if values else None, "max": max(values) if values else None}

    ratios = {}
    for kind, each in (("start_moved", 1), ("map_changed", 2)):
        cold = np.repeat(times_ms["cold"], each)
        ratios[kind] = float(np.median(cold / np.array(times_ms[kind]))) if len(cold) else None
    return {f"{kind}_ms": figures(values) for kind, values in times_ms.items()} | {
        "cold_over_replan": ratios,
        "plans": compared,
        "equal_cost": equal,
    }


def _timed(
    planner: ReplanningPlanner,
    grid: CostGrid,
    start: Pose2,
    goal: Pose2,
    options: PlanOptions,
    times_ms: list[float],
    changed: Cells | None = None,
) -> PlanOutcome:
    begin = time.perf_counter()
    outcome = planner.plan(grid, start, goal, options, changed)
    times_ms.append((time.perf_counter() - begin) * 1e3)
    return outcome


def _along(case: PlannerCase, path: NDArray[np.float64], distance_cells: float, start: Pose2) -> Pose2:
    """The center of the cell ``distance_cells`` along the path (or at its end), with the heading of ``start``."""
    steps = np.diff(path[:, :2], axis=0)
    lengths = np.sqrt((steps * steps).sum(axis=1))
    gone = np.concatenate([[0.0], np.cumsum(lengths)])
    x_m, y_m = (float(np.interp(distance_cells * case.resolution_m, gone, path[:, axis])) for axis in range(2))
    return _centered(case, Pose2(x_m, y_m, start.yaw_rad))


def _centered(case: PlannerCase, pose: Pose2) -> Pose2:
    """``pose`` moved to the center of its cell: there the grid's optimum has one cost, however the ends are joined."""
    return Pose2(*case.grid.frame.center(*case.grid.frame.cell(pose.x_m, pose.y_m)), pose.yaw_rad)


def _with_obstacle(
    case: PlannerCase, path: NDArray[np.float64], query: Query, random: np.random.Generator
) -> tuple[CostGrid, Cells]:
    """(the map with one more obstacle ahead, inflated like the others, the cells where it differs).

    Not where it would cover start or goal: then the map as it was.
    """
    grid, resolution_m = case.grid, case.resolution_m
    asked = None if case.is_octile else InflationAsked(0.70, 3.0, 0.22)
    reach = 3 * _OBSTACLE_RADIUS_CELLS + (0 if asked is None else int(asked.radius_m / resolution_m))
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = inflate(rows**2 + columns**2 <= _OBSTACLE_RADIUS_CELLS**2, np.zeros((1, 1), bool), resolution_m, asked)
    ahead = _along(case, path, random.uniform(*_AHEAD_CELLS), query.start)
    row, column = grid.frame.cell(ahead.x_m, ahead.y_m)
    row += int(random.integers(-_ASIDE_CELLS, _ASIDE_CELLS + 1))
    column += int(random.integers(-_ASIDE_CELLS, _ASIDE_CELLS + 1))
    cost = np.pad(grid.cost, reach)
    row, column = (min(max(row, 0), grid.frame.height - 1), min(max(column, 0), grid.frame.width - 1))
    patch = cost[row : row + 2 * reach + 1, column : column + 2 * reach + 1]
    np.copyto(patch, np.maximum(patch, disc), where=patch != COST_UNKNOWN)
    changed = np.ascontiguousarray(cost[reach:-reach, reach:-reach])
    for pose in (_along(case, path, _MOVED_CELLS, query.start), query.goal):
        if changed[grid.frame.cell(pose.x_m, pose.y_m)] >= COST_INSCRIBED:
            return CostGrid(grid.frame, grid.cost.copy()), (slice(0, 0), slice(0, 0))
    where = slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1)
    return CostGrid(grid.frame, changed), where
