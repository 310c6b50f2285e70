"""``amr bench planners``: own planners and peers on the same maps, in one process, measured by one ruler."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from amr.config.planning import Kinematic
from amr.errors import DataError
from amr.geometry import Pose2
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome
from amr.registry import KINEMATIC_PLANNERS, PLANNERS, make_kinematic_planner, make_planner
from amr.runtime.bench.planner_cases import InflationAsked, PlannerCase, Query, load_case, synthetic_case
from amr.runtime.bench.planner_measure import path_cost_m, path_length_m
from amr.runtime.bench.planner_peers import PEERS, Plan, make_peer
from amr.runtime.bench.planner_plot import picture_png
from amr.runtime.bench.planner_replan import measure_replanning

DEFAULT_PLANNERS: Final = ("astar", "any_angle")
_EXACT: Final = "astar"


@dataclass(slots=True)
class _Answers:
    """What one planner answered: an outcome per query, and its times in ms, one list per query."""

    outcomes: list[PlanOutcome] = field(default_factory=list)
    times_ms: list[list[float]] = field(default_factory=list)


def run(
    map_path: Path | None,
    queries_path: Path | None,
    planner_names: list[str] | None = None,
    repeat: int = 1,
    allow_unknown: bool = False,
    out_dir: Path | None = None,
    *,
    inflate_m: float | None = None,
    scaling_per_m: float = 3.0,
    robot_radius_m: float = 0.22,
    synthetic: str | None = None,
    query_count: int = 100,
    limit: int | None = None,
    replan: bool = False,
    plot: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """The benchmark's result as JSON values (see the command-line contract).

    ``map_path`` with ``queries_path`` (without: random ones), or ``synthetic`` (``KIND:SIZE:SEED``). ``replan`` also
    measures planning again after small changes, and each own planner's cold queries (``cold_ms``). ``plot`` writes the
    picture (``out_dir`` gets it anyway). ``inflate_m`` inflates a ROS map (None = as it is); ``limit`` takes that many
    queries, evenly spread. Each query is timed ``repeat`` times; rounds go through the planners in turn, so that
    foreign load hits all alike. Raises ``DataError`` for wrong files or names.
    """
    tell = progress or (lambda _: None)
    case = _case(map_path, queries_path, synthetic, query_count, inflate_m, scaling_per_m, robot_radius_m)
    queries = _spread(case.queries, limit)
    names = list(dict.fromkeys(planner_names or DEFAULT_PLANNERS))
    if repeat < 1:
        raise DataError(f"--repeat {repeat}: expected at least 1")
    plans = {name: _plan_function(name, case, allow_unknown) for name in names}
    answers = {name: _Answers([], [[] for _ in queries]) for name in names}
    for name, plan in plans.items():
        plan(queries[0].start, queries[0].goal)  # touches its memory and loads its code
        tell(f"{name}: ready")
    for turn in range(repeat):
        for name, plan in plans.items():
            _time_queries(plan, queries, answers[name], keep=turn == 0)
            tell(f"{name}: round {turn + 1} of {repeat}")
    reference = _reference_costs(case, queries, answers, allow_unknown)
    result: dict[str, Any] = {
        "planners": {
            name: _summary(case, queries, answers[name], reference, allow_unknown, name not in PEERS) for name in names
        },
        "map": {
            "width": case.grid.frame.width,
            "height": case.grid.frame.height,
            "resolution_m": case.resolution_m,
        },
    }
    if replan:
        tell("replanning")
        result["replan"] = measure_replanning(case, queries, allow_unknown)
        for name in names:
            if name in PLANNERS:
                result["planners"][name]["cold_ms"] = _cold_ms(name, case, queries, allow_unknown)
    if out_dir is not None:
        _write_raw(out_dir, case, queries, result)
    for file in (plot, None if out_dir is None else out_dir / "planners.png"):
        if file is not None:
            _write_bytes(file, picture_png(case.grid, result["planners"], reference))
    return result


def _case(
    map_path: Path | None,
    queries_path: Path | None,
    synthetic: str | None,
    query_count: int,
    inflate_m: float | None,
    scaling_per_m: float,
    robot_radius_m: float,
) -> PlannerCase:
    lengths = (inflate_m or 0.0, scaling_per_m, robot_radius_m)
    if not all(math.isfinite(value) and value >= 0.0 for value in lengths):
        raise DataError("--inflate, --scaling, --robot-radius: expected numbers >= 0")
    asked = None if inflate_m is None else InflationAsked(inflate_m, scaling_per_m, robot_radius_m)
    if query_count < 1:
        raise DataError(f"--query-count {query_count}: expected at least 1")
    if synthetic is not None:
        return synthetic_case(synthetic, query_count, asked)
    if map_path is None:
        raise DataError("--map is needed (or --synthetic KIND:SIZE:SEED)")
    return load_case(map_path, queries_path, asked, query_count)


def _spread(queries: list[Query], limit: int | None) -> list[Query]:
    """At most ``limit`` queries, evenly spread over the list."""
    if limit is None or limit >= len(queries):
        return queries
    if limit < 1:
        raise DataError(f"--limit {limit}: expected at least 1")
    return [queries[k * len(queries) // limit] for k in range(limit)]


def _plan_function(name: str, case: PlannerCase, allow_unknown: bool) -> Plan:
    if name in PEERS:
        return make_peer(name, case.grid, allow_unknown)
    known = [*PLANNERS, *KINEMATIC_PLANNERS, *PEERS]
    if name not in known:
        raise DataError(f"--planner {name}: expected one of {', '.join(sorted(known))}")
    planner = make_kinematic_planner(name, None, Kinematic()) if name in KINEMATIC_PLANNERS else make_planner(name)
    options = PlanOptions(unknown="free" if allow_unknown else "lethal")

    def plan(start: Pose2, goal: Pose2) -> PlanOutcome:
        return planner.plan(case.grid, start, goal, options)

    return plan


def _time_queries(plan: Plan, queries: list[Query], answers: _Answers, keep: bool) -> None:
    """One round; ``keep`` = note the outcomes too (they are the same in every round)."""
    for number, query in enumerate(queries):
        begin = time.perf_counter()
        outcome = plan(query.start, query.goal)
        answers.times_ms[number].append((time.perf_counter() - begin) * 1e3)
        if keep:
            answers.outcomes.append(outcome)


def _cold_ms(name: str, case: PlannerCase, queries: list[Query], allow_unknown: bool) -> dict[str, float]:
    """Times of one planner that prepares its map anew for each query, in memory that was touched before."""
    planner: Any = make_planner(name)
    options = PlanOptions(unknown="free" if allow_unknown else "lethal")
    planner.plan(case.grid, queries[0].start, queries[0].goal, options)
    times = []
    for query in queries:
        planner.forget()
        begin = time.perf_counter()
        planner.plan(case.grid, query.start, query.goal, options)
        times.append((time.perf_counter() - begin) * 1e3)
    return {"median": float(np.median(times)), "max": max(times)}


def _reference_costs(
    case: PlannerCase, queries: list[Query], answers: dict[str, _Answers], allow_unknown: bool
) -> list[float | None]:
    """Per query the known optimum (Moving AI), else the cost of the exact planner (run untimed when not asked for)."""
    if case.is_octile:
        return [query.optimum for query in queries]
    if _EXACT in answers:
        exact = answers[_EXACT].outcomes
    else:
        plan = _plan_function(_EXACT, case, allow_unknown)
        exact = [plan(query.start, query.goal) for query in queries]
    return [
        path_cost_m(case.grid, outcome.path, allow_unknown) if outcome.status is PlanStatus.OK else None
        for outcome in exact
    ]


def _summary(
    case: PlannerCase,
    queries: list[Query],
    answers: _Answers,
    reference: list[float | None],
    allow_unknown: bool,
    counts_expanded: bool,
) -> dict[str, Any]:
    """The figures of one planner."""
    rows, excess, times, expanded = [], [], [], []
    for outcome, times_ms, best in zip(answers.outcomes, answers.times_ms, reference, strict=True):
        row = _row(case, outcome, float(np.median(times_ms)), allow_unknown)
        rows.append(row)
        times.append(row["time_ms"])
        expanded.append(outcome.expanded)
        if row["solved"] and best is not None and best > 0.0:
            excess.append(row["cost"] / best - 1.0)
    solved = [row for row in rows if row["solved"]]
    everything = [t for times_ms in answers.times_ms for t in times_ms]
    return {
        "queries": len(queries),
        "solved": len(solved),
        "time_ms": {
            "median": float(np.median(times)),
            "p99": float(np.percentile(times, 99)),
            "min": float(min(everything)),
            "max": float(max(times)),
        },
        "length_m": {"mean": _mean([row["length_m"] for row in solved])},
        "cost": {"mean": _mean([row["cost"] for row in solved])},
        "expanded": {"median": float(np.median(expanded)) if counts_expanded else None},
        "suboptimality": {"max": max(excess), "mean": _mean(excess)} if excess else None,
        "latency_fit": _latency_fit(expanded, times) if counts_expanded else None,
        "per_query": rows,
    }


def _row(case: PlannerCase, outcome: PlanOutcome, time_ms: float, allow_unknown: bool) -> dict[str, Any]:
    """One answer; a path that enters what it must not is not solved."""
    row: dict[str, Any] = {"solved": False, "time_ms": time_ms, "length_m": None, "cost": None}
    row |= {"reason": outcome.reason or outcome.status.value, "path": outcome.path.tolist()}
    if outcome.status is not PlanStatus.OK:
        return row
    cost = path_cost_m(case.grid, outcome.path, allow_unknown)
    if not math.isfinite(cost):
        return row | {"reason": "enters a forbidden cell"}
    return row | {"solved": True, "length_m": path_length_m(outcome.path), "cost": cost, "reason": outcome.reason}


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _latency_fit(expanded: list[int], times_ms: list[float]) -> dict[str, float] | None:
    """Least squares of time = base + expanded * per_expansion: what a robot file's ``planning.latency_*`` may be."""
    if len(set(expanded)) < 2:
        return None
    x, y = np.array(expanded, np.float64), np.array(times_ms) * 1e-3
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    base = float(y.mean() - slope * x.mean())
    rest = y - base - slope * x
    return {"base_s": base, "per_expansion_s": slope, "rms_s": float(np.sqrt((rest * rest).mean()))}


def _write_bytes(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error


def _write_raw(out_dir: Path, case: PlannerCase, queries: list[Query], result: dict[str, Any]) -> None:
    """``planners.json`` (result with all paths), ``costs.npy`` and ``queries.json``: all that a second ruler needs."""
    asked = [
        {
            "start": [query.start.x_m, query.start.y_m, query.start.yaw_rad],
            "goal": [query.goal.x_m, query.goal.y_m, query.goal.yaw_rad],
        }
        for query in queries
    ]
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        np.save(out_dir / "costs.npy", case.grid.cost)
        (out_dir / "queries.json").write_text(
            json.dumps({"resolution_m": case.resolution_m, "queries": asked}), encoding="utf-8"
        )
        (out_dir / "planners.json").write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{out_dir}: cannot be written: {error.strerror}") from error
