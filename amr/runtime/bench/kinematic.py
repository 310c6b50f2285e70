"""``amr bench kinematic``: plans for a robot's true outline on a made or given map, each checked densely.

Beside the times: the cost against the any-angle grid path of the same query, which no outline and no heading limits
(a mark that a driven path need not reach), and on request against hybrid A* with the motions of Reeds and Shepp.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.config.planning import Kinematic
from amr.errors import DataError
from amr.geometry import Pose2, wrap_angle
from amr.grid import CostGrid, GridFrame
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome
from amr.planning.kinematic import motions
from amr.registry import KINEMATIC_PLANNERS, make_kinematic_planner, make_planner
from amr.runtime.bench.outline_check import OutlineCheck
from amr.runtime.bench.planner_cases import InflationAsked, Query, inflate, random_queries, synthetic_case
from amr.runtime.bench.planner_measure import path_cost_m
from amr.runtime.bench.reeds_shepp_reference import reeds_shepp_path
from amr.runtime.maps import load_ros_map

_SEED: Final = 20


def run(
    map_path: Path | None,
    synthetic: str | None,
    planner_name: str = "kinematic",
    body: Body | None = None,
    settings: Kinematic | None = None,
    *,
    count: int = 100,
    references: int = 0,
    robot_radius_m: float = 0.22,
    inflate_m: float = 0.70,
    scaling_per_m: float = 3.0,
    repeat: int = 1,
    seed: int = _SEED,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Figures of ``count`` random queries whose ends are free, as JSON values.

    ``body`` None: a disc of ``robot_radius_m``; else the map is inflated by the body's inradius. ``references``: so
    many of the queries are also given to the slow reference. Raises ``DataError`` for wrong names.
    """
    tell = progress or (lambda _: None)
    if planner_name not in KINEMATIC_PLANNERS:
        raise DataError(f"--planner {planner_name}: expected one of {', '.join(sorted(KINEMATIC_PLANNERS))}")
    asked = InflationAsked(inflate_m, scaling_per_m, robot_radius_m if body is None else body.inradius_m)
    if synthetic is not None:
        grid = synthetic_case(synthetic, 1, asked).grid
    elif map_path is not None:
        grid = _load_grid(map_path, asked)
    else:
        raise DataError("--map FILE or --synthetic KIND:SIZE:SEED is needed")
    check = OutlineCheck(grid, body)
    queries = _free_queries(grid, check, count, seed)
    begin = time.perf_counter()
    planner = make_kinematic_planner(planner_name, body, settings or Kinematic())
    options = PlanOptions()
    planner.plan(grid, queries[0].start, queries[0].goal, options)
    first_ms = (time.perf_counter() - begin) * 1e3
    grid_planner = make_planner("any_angle")
    tell("ready")
    rows = []
    for number, query in enumerate(queries):
        times_ms = []
        for _ in range(repeat):
            begin = time.perf_counter()
            outcome = planner.plan(grid, query.start, query.goal, options)
            times_ms.append((time.perf_counter() - begin) * 1e3)
        row = _row(grid, check, outcome, float(np.median(times_ms)))
        mark = grid_planner.plan(grid, query.start, query.goal, options)
        row["any_angle_cost"] = mark.cost if mark.status is PlanStatus.OK else None
        if number < references:
            row |= _reference(grid, body, query)
        rows.append(row)
        if number % 500 == 499:
            tell(f"{number + 1} of {len(queries)}")
    return _summary(rows, first_ms)


def _load_grid(path: Path, asked: InflationAsked) -> CostGrid:
    """An inflated ROS map, in metres from its lower left corner."""
    image = load_ros_map(path)
    cost = inflate(image.pixels == 0, image.pixels == 205, image.frame.resolution_m, asked)
    return CostGrid(GridFrame(0.0, 0.0, image.frame.resolution_m, cost.shape[1], cost.shape[0]), cost)


def _free_queries(grid: CostGrid, check: OutlineCheck, count: int, seed: int) -> list[Query]:
    """Random pairs from the largest region of allowed cells, with an outline that touches nothing at both ends."""
    random = np.random.default_rng(seed)
    queries: list[Query] = []
    for _ in range(60):
        drawn = random_queries(grid, count, random)
        blocked = _touching(check, [q.start for q in drawn]) | _touching(check, [q.goal for q in drawn])
        queries += [query for query, is_blocked in zip(drawn, blocked, strict=True) if not is_blocked]
        if len(queries) >= count:
            return queries[:count]
    raise DataError("map: expected room for the outline at random poses")


def _touching(check: OutlineCheck, poses: list[Pose2]) -> NDArray[np.bool_]:
    return check.touching(np.array([[pose.x_m, pose.y_m, pose.yaw_rad] for pose in poses]))


def _row(grid: CostGrid, check: OutlineCheck, outcome: PlanOutcome, time_ms: float) -> dict[str, Any]:
    """One answer by the independent rulers."""
    row: dict[str, Any] = {"solved": False, "time_ms": time_ms, "expanded": outcome.expanded, "reason": outcome.reason}
    if outcome.status is not PlanStatus.OK:
        return row
    cost = path_cost_m(grid, outcome.path, False)
    moves = motions(outcome.path)
    steps = np.diff(outcome.path[:, :2], axis=0)
    lengths = np.sqrt((steps * steps).sum(axis=1))
    turns = np.array([abs(wrap_angle(float(angle))) for angle in np.diff(outcome.path[:, 2])])
    return row | {
        "solved": True,
        "touches": check.touches(outcome.path) or not math.isfinite(cost),
        "cost": cost,
        "length_m": float(lengths.sum()),
        "backward_m": float(lengths[moves < 0].sum()),
        "turned_in_place_rad": float(turns[moves == 0].sum()),
        "stops_inside": _stops_inside(moves),
    }


def _stops_inside(moves: NDArray[np.int8]) -> int:
    """Changes of direction and turns in place between the first and the last drive."""
    driven = np.flatnonzero(moves != 0)
    if len(driven) == 0:
        return 0
    inner = moves[driven[0] : driven[-1] + 1]
    return int((np.diff(inner) != 0).sum() - ((inner[1:] != 0) & (inner[:-1] == 0)).sum())


def _reference(grid: CostGrid, body: Body | None, query: Query) -> dict[str, Any]:
    """What hybrid A* with Reeds and Shepp's motions finds."""
    begin = time.perf_counter()
    path = reeds_shepp_path(grid, body, query.start, query.goal)
    took_s = time.perf_counter() - begin
    cost = None if path is None else path_cost_m(grid, path, False)
    return {"reference_solved": path is not None, "reference_cost": cost, "reference_s": took_s}


def _summary(rows: list[dict[str, Any]], first_ms: float) -> dict[str, Any]:
    solved = [row for row in rows if row["solved"]]
    times = np.array([row["time_ms"] for row in rows])
    against = [row["cost"] / row["any_angle_cost"] for row in solved if row["any_angle_cost"]]
    compared = [row for row in rows if "reference_solved" in row]
    both = [row for row in compared if row["reference_solved"] and row["solved"] and row["reference_cost"]]
    return {
        "queries": len(rows),
        "solved": len(solved),
        "touching": sum(row["touches"] for row in solved),
        "first_query_ms": first_ms,
        "time_ms": {
            "median": float(np.median(times)),
            "p99": float(np.percentile(times, 99)),
            "max": float(times.max()),
        },
        "expanded": {"median": float(np.median([row["expanded"] for row in rows]))},
        "cost_over_any_angle": _spread(against),
        "backward_frac": sum(row["backward_m"] for row in solved) / max(1e-9, sum(row["length_m"] for row in solved)),
        "stops_inside": {"mean": float(np.mean([row["stops_inside"] for row in solved])) if solved else None},
        "reference": {
            "queries": len(compared),
            "solved": sum(row["reference_solved"] for row in compared),
            "solved_by_it_alone": sum(row["reference_solved"] and not row["solved"] for row in compared),
            "solved_by_us_alone": sum(row["solved"] and not row["reference_solved"] for row in compared),
            "cost_over_reference": _spread([row["cost"] / row["reference_cost"] for row in both]),
            "median_s": float(np.median([row["reference_s"] for row in compared])) if compared else None,
        },
        "per_query": rows,
    }


def _spread(values: list[float]) -> dict[str, float] | None:
    return {"mean": float(np.mean(values)), "max": max(values)} if values else None
