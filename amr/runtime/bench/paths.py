"""``amr bench paths``: random queries through planner, smoothing, outline check and speed profile, judged apart."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import MotionLimits
from amr.control.footprint import cover_discs
from amr.errors import DataError
from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, CostGrid
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions
from amr.planning.finish import finish, is_kinematic, resampled
from amr.planning.path_meter import PathMeter
from amr.planning.route import OutlineCheck, noted, plan_route
from amr.planning.speed_profile import EnvelopeBound, duration_s, fastest_speeds_mps, shape_of
from amr.registry import make_kinematic_planner, make_planner
from amr.runtime.bench.path_checks import (
    Obstacles,
    body_points_m,
    curvatures_per_m,
    dense_poses,
    sign_changes,
    worst_use,
)
from amr.runtime.bench.planner_cases import InflationAsked, synthetic_case
from amr.runtime.bench.planner_measure import path_cost_m, path_length_m
from amr.runtime.files import load_robot

KINDS: Final = ("blobs", "rooms", "maze")
_SIZE: Final = 400
_QUERIES_A_MAP: Final = 50
_OVER: Final = 1.0 + 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Bench:
    """What all queries share."""

    config: RobotConfig
    limits: MotionLimits
    outline: OutlineCheck
    envelope: EnvelopeBound
    body_points: NDArray[np.float64]


def run(
    count: int = 1000,
    seed: int = 0,
    robot: str = "jackal",
    planner: str = "any_angle",
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """``count`` random queries over made maps (blobs, rooms, mazes of 20 m), each judged by code of its own.

    Start and goal are free of contact for the outline at a random heading. Contact is looked at each centimetre. Raises
    ``DataError`` for a wrong number or name.
    """
    if count < 1:
        raise DataError(f"--count {count}: expected at least 1")
    config = load_robot(robot)
    bench = _Bench(
        config,
        MotionLimits.from_config(config.limits),
        OutlineCheck(config.body, config.safety.contact_margin_m),
        EnvelopeBound(config, cover_discs(config.body)),
        body_points_m(config.body),
    )
    made = make_planner(planner)
    exact = make_kinematic_planner("kinematic", config.body, config.planning.kinematic)
    sums: dict[str, float] = defaultdict(float)
    lists: dict[str, list[float]] = defaultdict(list)
    tell = progress or (lambda _: None)
    done = 0
    for grid, obstacles, queries in _maps(bench, count, seed):
        for start, goal in queries:
            _one(bench, made, exact, grid, obstacles, start, goal, sums, lists)
            done += 1
        tell(f"{done}/{count} queries")
    return _result(robot, planner, count, sums, lists)


def _maps(bench: _Bench, count: int, seed: int) -> Iterator[tuple[CostGrid, Obstacles, list[tuple[Pose2, Pose2]]]]:
    """Maps with their share of the queries."""
    planning, body = bench.config.planning, bench.config.body
    asked = InflationAsked(planning.inflation_radius_m, planning.inflation_scaling_per_m, body.inradius_m)
    for number in range(math.ceil(count / _QUERIES_A_MAP)):
        kind = KINDS[number % len(KINDS)]
        grid = synthetic_case(f"{kind}:{_SIZE}:{seed + number}", 1, asked).grid
        random = np.random.default_rng((seed, number))
        obstacles = Obstacles.of(grid)
        wanted = min(_QUERIES_A_MAP, count - number * _QUERIES_A_MAP)
        poses = [_free_pose(bench, grid, obstacles, random) for _ in range(2 * wanted)]
        yield grid, obstacles, list(zip(poses[::2], poses[1::2], strict=True))


def _free_pose(bench: _Bench, grid: CostGrid, obstacles: Obstacles, random: np.random.Generator) -> Pose2:
    """A random pose at which the outline touches nothing."""
    free = np.flatnonzero(grid.cost.reshape(-1) < COST_INSCRIBED)
    reach_m = bench.config.body.circumradius_m
    while True:
        row, column = divmod(int(free[int(random.integers(len(free)))]), grid.frame.width)
        x_m, y_m = grid.frame.center(row, column)
        pose = np.array([[x_m, y_m, random.uniform(-math.pi, math.pi)]])
        if obstacles.contacts(bench.body_points, reach_m, pose) == 0:
            return Pose2(*pose[0].tolist())


def _one(
    bench: _Bench, planner: Any, exact: Any, grid: CostGrid, obstacles: Obstacles, start: Pose2, goal: Pose2,
    sums: dict[str, float], lists: dict[str, list[float]],
) -> None:  # fmt: skip
    """One query, judged into ``sums`` and ``lists``."""
    options = PlanOptions(goal_yaw_matters=False)
    spacing_m = bench.config.planning.point_spacing_m
    raw = planner.plan(grid, start, goal, options)
    if raw.status is not PlanStatus.OK:
        sums["no_path"] += 1
        return
    sums["paths"] += 1
    begin = time.perf_counter()
    finished = finish(PathMeter(grid, options), raw, spacing_m)
    lists["finish_ms"].append((time.perf_counter() - begin) * 1e3)
    route = plan_route(planner, grid, start, goal, options, bench.outline, spacing_m, exact)
    outcome = noted(route, bench.outline, grid)
    sums["kinematic"] += route.is_kinematic
    begin = time.perf_counter()
    shape = shape_of(outcome.path, route.is_kinematic)
    bounds = bench.envelope.speeds_mps(grid, outcome.path, shape)
    speeds = fastest_speeds_mps(shape, bench.limits, bounds, 0.0)
    lists["profile_ms"].append((time.perf_counter() - begin) * 1e3)
    _judge_contact(bench, obstacles, finished.path, outcome.path, outcome.reason, sums)
    _judge_smoothing(bench, grid, obstacles, raw.path, finished.path, sums, lists)
    used = worst_use(shape, speeds, bench.limits)
    used["envelope"] = float((np.abs(speeds) / bounds).max())
    for name, value in used.items():
        sums[f"over_{name}"] += value > _OVER
    lists["duration_s"].append(duration_s(shape, speeds))
    lists["route_length_m"].append(float(shape.gaps_m.sum()))


def _judge_contact(
    bench: _Bench, obstacles: Obstacles, finished: NDArray[np.float64], route: NDArray[np.float64], reason: str,
    sums: dict[str, float],
) -> None:  # fmt: skip
    reach_m = bench.config.body.circumradius_m
    before = obstacles.contacts(bench.body_points, reach_m, dense_poses(finished, 0.01))
    after = obstacles.contacts(bench.body_points, reach_m, dense_poses(route, 0.01))
    sums["touching_before_repair"] += before > 0
    sums["told_to_touch"] += reason != ""
    sums["touching_untold"] += after > 0 and reason == ""


def _judge_smoothing(
    bench: _Bench, grid: CostGrid, obstacles: Obstacles, raw: NDArray[np.float64], finished: NDArray[np.float64],
    sums: dict[str, float], lists: dict[str, list[float]],
) -> None:  # fmt: skip
    clear_raw, clear = obstacles.clearance_m(raw), obstacles.clearance_m(finished)
    sums["below_margin"] += clear <= bench.config.body.inradius_m
    sums["enters_forbidden"] += not math.isfinite(path_cost_m(grid, finished, allow_unknown=False))
    known_m = min(clear_raw, bench.config.planning.inflation_radius_m)  # beyond it, costs tell nothing
    sums["clearance_lowered"] += clear < known_m - 1e-9
    lists["clearance_change_m"].append(clear - known_m)
    spacing_m = bench.config.planning.point_spacing_m
    if is_kinematic(raw):
        return
    for name, path in (("raw", resampled(np.ascontiguousarray(raw[:, :2]), spacing_m)), ("smooth", finished)):
        bends = curvatures_per_m(path)
        lists[f"{name}_length_m"].append(path_length_m(path))
        lists[f"{name}_cost_m"].append(path_cost_m(grid, path, allow_unknown=False))
        lists[f"{name}_bend_max_per_m"].append(float(np.abs(bends).max(initial=0.0)))
        sums[f"{name}_sign_changes"] += sign_changes(bends)
        sums[f"{name}_variation_per_m"] += float(np.abs(np.diff(bends)).sum())


def _result(
    robot: str, planner: str, count: int, sums: dict[str, float], lists: dict[str, list[float]]
) -> dict[str, Any]:
    """All figures as JSON values."""
    counts = ("paths", "no_path", "kinematic", "touching_before_repair", "told_to_touch", "touching_untold",
              "below_margin", "enters_forbidden", "clearance_lowered")  # fmt: skip
    limits = ("v", "w", "lateral", "accelerate", "brake", "alpha", "envelope")
    shapes = {}
    for name in ("raw", "smooth"):
        length_m = sum(lists[f"{name}_length_m"])
        shapes[name] = {
            "length_m": _mean(lists[f"{name}_length_m"]),
            "cost_m": _mean(lists[f"{name}_cost_m"]),
            "sign_changes_per_m": sums[f"{name}_sign_changes"] / length_m if length_m else None,
            "curvature_variation_per_m2": sums[f"{name}_variation_per_m"] / length_m if length_m else None,
            "curvature_max_per_m": _percentiles(lists[f"{name}_bend_max_per_m"]),
        }
    moving = sum(lists["duration_s"])
    return {
        "robot": robot,
        "planner": planner,
        "queries": count,
        **{name: int(sums[name]) for name in counts},
        "clearance_change_min_m": min(lists["clearance_change_m"], default=None),
        "limit_violations": {name: int(sums[f"over_{name}"]) for name in limits},
        "shape": shapes,
        "finish_ms": _percentiles(lists["finish_ms"]),
        "profile_ms": _percentiles(lists["profile_ms"]),
        "mean_speed_mps": sum(lists["route_length_m"]) / moving if moving else None,
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _percentiles(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    p50, p95, top = np.percentile(values, (50, 95, 100))
    return {"p50": float(p50), "p95": float(p95), "max": float(top)}
