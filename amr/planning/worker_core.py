"""The planning worker: keeps its own global map from the scans it is offered, and answers requests. Pure: no clock.

It runs inside the lockstep simulation and, with the same code, in a process of its own beside the robot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN, BlindSector, CostGrid, GridFrame
from amr.mapping.base import GlobalMap, Inflation, LocalMap
from amr.messages import (
    CloseFrontier,
    ForgetObstacles,
    FrontierRequest,
    FrontierResult,
    Goal,
    InsertScan,
    PlanRequest,
    PlanResult,
    PlanStatus,
    Request,
    Scan,
)
from amr.planning.base import GridPlanner, PlanOptions, PlanOutcome, refusal
from amr.planning.choice import Priced, RoutePricer
from amr.planning.explore_desk import ExploreDesk
from amr.planning.keep import KeptPath, rest_of_path
from amr.planning.path_meter import PathMeter
from amr.planning.route import OutlineCheck, Route, noted, plan_route
from amr.planning.scratch import LARGEST_CELLS
from amr.planning.way_out import WayOut
from amr.state import restore_into, tree_of
from amr.units import ns_from_s

_NO_SPEEDS: Final = np.zeros(0)
_BLIND_M = 1.0
"""As far as this behind the robot, what was never seen is planned through only when there is no other way."""

_HOPE_CELLS = 0.7
_TRY_ON = frozenset({PlanStatus.OK, PlanStatus.NO_PATH, PlanStatus.START_BLOCKED})
"""Answers after which another grid may have a better one."""


class PlanningWorker:
    """``amr.runtime.protocols.Worker``. Built by ``amr.registry.make_planning_worker(config)``."""

    snapshot_constants: ClassVar[tuple[str, ...]] = (
        *("_inflation", "_hopeful", "_planner", "_detours", "_pricer", "_outline"),
        *("_blind", "_base_from_lidar", "_vouched_m", "_exact"),
    )
    """Made from the config; a planner holds scratch memory only."""

    def __init__(
        self,
        config: RobotConfig,
        global_map: GlobalMap,
        near_map: LocalMap,
        planner: GridPlanner,
        detours: GridPlanner,
        exact: GridPlanner,
        discs: NDArray[np.float32],
        explore: ExploreDesk,
    ) -> None:
        """An empty map and no path yet.

        ``near_map``: a window of small cells in the map frame, see ``WayOut``.
        ``detours``: one more grid planner, for ways around narrow places, so that each keeps its own map prepared;
        ``exact``: a kinematic planner for the robot's body, asked where the grid planner's path would touch.
        ``discs`` float32 [k, 3] (x m, y m, radius m; base frame) cover the outline.
        """
        self._config = config.planning
        body = config.body
        self._inflation = Inflation(
            radius_m=config.planning.inflation_radius_m,
            scaling_per_m=config.planning.inflation_scaling_per_m,
            inradius_m=body.inradius_m,
            circumradius_m=body.circumradius_m,
            unknown=config.planning.unknown,
            unknown_cost=config.planning.unknown_cost,
        )
        # cells this much nearer to an obstacle's than the inscribed radius may still be free: half a cell on each side
        hope_m = _HOPE_CELLS * config.mapping.global_resolution_m
        self._hopeful = replace(self._inflation, inradius_m=max(0.0, body.inradius_m - hope_m))
        self._blind = BlindSector(config.lidar.blind_from_rad, _BLIND_M)
        self._base_from_lidar = Pose2(config.lidar.x_m, config.lidar.y_m, config.lidar.yaw_rad)
        self._vouched_m = body.circumradius_m + config.safety.armed_clear_m
        self._map = global_map
        self._way_out = WayOut(config, near_map, self._blind, self._vouched_m)
        self._planner, self._detours, self._exact = planner, detours, exact
        self._pricer = RoutePricer(config, self._inflation, discs)
        self._outline = OutlineCheck(body, config.safety.contact_margin_m)
        self._explore = explore
        self._scans: list[Scan] = []
        self._kept: KeptPath | None = None
        self.scans_missing = 0
        """``InsertScan`` requests whose scan was not here (never offered, or forgotten)."""

    @property
    def global_map(self) -> GlobalMap:
        """The map, for pictures."""
        return self._map

    def offer_scan(self, scan: Scan) -> None:
        """Keep a scan for the ``InsertScan`` requests to come; the oldest are forgotten."""
        self._scans.append(scan)
        del self._scans[: -self._config.scan_memory]

    def handle(self, request: Request) -> PlanResult | FrontierResult | None:
        """Do what is asked; a plan or frontier request has an answer, the others have none. Never raises on values."""
        if isinstance(request, InsertScan):
            self._insert(request)
            return None
        if isinstance(request, ForgetObstacles):
            self._map.forget_disc(request.x_m, request.y_m, request.radius_m)
            self._way_out.forget_disc(request.x_m, request.y_m, request.radius_m)
            return None
        if isinstance(request, CloseFrontier):
            self._explore.close(request)
            return None
        if isinstance(request, FrontierRequest):
            return self._look(request)
        return self._answer(request) if isinstance(request, PlanRequest) else None

    def state(self) -> dict[str, Any]:
        """Everything that the next answer depends on; shares no array with the worker."""
        return tree_of(self)

    def restore(self, tree: dict[str, Any]) -> None:
        """Become the worker that ``state()`` was taken from."""
        restore_into(self, tree)

    def _insert(self, request: InsertScan) -> None:
        for scan in reversed(self._scans):
            if scan.stamp_ns == request.scan_stamp_ns:
                self._map.insert(scan, request.map_from_lidar, request.map_from_lidar_end)
                self._way_out.insert(scan, request.map_from_lidar, request.map_from_lidar_end)
                return
        self.scans_missing += 1

    def _look(self, request: FrontierRequest) -> FrontierResult:
        """Where to look next, with the modelled latency on the stamp."""
        costs = self._map.cost_grid(self._inflation)
        result = self._explore.answer(request, costs, self._map.unseen(costs.frame))
        latency_s = self._config.latency_base_s + result.expanded * self._config.latency_per_expansion_s
        return replace(result, stamp_ns=request.stamp_ns + ns_from_s(latency_s))

    def _answer(self, request: PlanRequest) -> PlanResult:
        """Plan, finish, prefer what was answered before, and put the modelled latency on the stamp."""
        config = self._config
        if request.exact:
            outcome, speed_mps = self._plan_way_out(request.start_map, request.goal_map), _NO_SPEEDS
            latency_s = config.latency_way_out_s + outcome.expanded * config.latency_per_pose_s
        else:
            outcome, speed_mps, poses = self._plan(request.start_map, request.goal_map)
            cells = outcome.expanded - poses
            latency_s = config.latency_base_s + cells * config.latency_per_expansion_s
            latency_s += poses * config.latency_per_pose_s
        return PlanResult(
            stamp_ns=request.stamp_ns + ns_from_s(latency_s),
            request_id=request.request_id,
            status=outcome.status,
            reason=outcome.reason,
            path_map=outcome.path,
            cost=outcome.cost,
            expanded=outcome.expanded,
            map_version=request.map_version,
            speed_mps=speed_mps,
        )

    def _plan(self, start: Pose2, goal: Goal) -> tuple[PlanOutcome, NDArray[np.float64], int]:
        """How it ended, the speeds along the path, and how many of the expansions were poses."""
        options, target = self._options(goal), _pose_of(goal)
        route: Route | None = None
        expanded = poses = 0
        for candidate in self._grids(start, target):
            found = self._route(self._planner, candidate, start, target, options, self._exact)
            expanded += found.outcome.expanded
            poses += found.poses
            is_path = found.outcome.status is PlanStatus.OK
            # a start that only this grid's inflation forbids needs no escape on another
            is_best = (is_path and found.outcome.escape_points == 0) or found.outcome.status not in _TRY_ON
            if route is None or is_best or (is_path and route.outcome.status is not PlanStatus.OK):
                route, grid = found, candidate
            if is_best:
                break
        if route is None:
            return _too_far(start, target), _NO_SPEEDS, poses
        route = _with_expanded(route, expanded)
        if route.outcome.status is not PlanStatus.OK:
            self._kept = None
            return route.outcome, _NO_SPEEDS, poses
        priced = self._pricer.price(route, start, grid)
        if not route.is_kinematic:
            priced = self._quickest(priced, start, goal, target, grid, options)
        route = priced.route
        self._kept = None if route.is_kinematic else KeptPath(goal, route.outcome.path)
        return noted(route, self._outline, grid), priced.speed_mps, poses

    def _options(self, goal: Goal) -> PlanOptions:
        return PlanOptions(
            unknown=self._config.unknown,
            unknown_cost=self._config.unknown_cost,
            goal_tolerance_m=goal.tolerance_m,
            escape_radius_m=self._config.escape_radius_m,
            goal_yaw_matters=goal.yaw_rad is not None,
        )

    def _plan_way_out(self, start: Pose2, goal: Goal) -> PlanOutcome:
        """See ``WayOut.plan``; the next path begins without a previous one."""
        self._kept = None
        target = _pose_of(goal)
        grid = covering(self._map.cost_grid(self._hopeful), (start, target), self._config.map_margin_m)
        if grid is None or not start.is_finite():
            return _too_far(start, target)
        return self._way_out.plan(grid, self._map.unseen(grid.frame), start, target, self._options(goal))

    def _grids(self, start: Pose2, target: Pose2) -> Iterator[CostGrid]:
        """Costs to plan on in turn until there is a way; each is made when it is asked for.

        First without what was never seen right behind the robot's lidar, where it would have to reverse blind, and with
        it last; in each case also with gaps that only the cells' size may close. None when the span is too large.
        """
        unseen_last = start.is_finite() and self._config.unknown != "lethal"
        for blind in (False, True) if unseen_last else (True,):
            for inflation in (self._inflation, self._hopeful):
                grid = covering(self._map.cost_grid(inflation), (start, target), self._config.map_margin_m)
                if grid is None:
                    return
                if not blind:
                    lidar = start @ self._base_from_lidar
                    rows, columns, behind = self._blind.cells(grid.frame, lidar, self._vouched_m)
                    part = grid.cost[rows, columns]
                    unseen = self._map.unseen(grid.frame, rows, columns)
                    part[behind & unseen & (part != COST_LETHAL)] = COST_INSCRIBED
                yield grid

    def _route(
        self,
        planner: GridPlanner,
        grid: CostGrid,
        start: Pose2,
        target: Pose2,
        options: PlanOptions,
        exact: GridPlanner | None = None,
    ) -> Route:
        spacing_m = self._config.point_spacing_m
        return plan_route(planner, grid, start, target, options, self._outline, spacing_m, exact)

    def _quickest(
        self, fresh: Priced, start: Pose2, goal: Goal, target: Pose2, grid: CostGrid, options: PlanOptions
    ) -> Priced:
        """``fresh``, a way around its narrow places, or the rest of the previous path, which has a small bonus."""
        if fresh.route.outcome.escape_points > 0:
            return fresh
        best, expanded = fresh, fresh.route.outcome.expanded
        if fresh.narrow > 0:
            around = self._route(self._detours, self._pricer.without_narrow(grid), start, target, options)
            expanded += around.outcome.expanded
            best = self._quicker(best, self._on(grid, around, options), start, grid, 0.0)
        kept = self._kept_route(fresh.route, start, goal, grid, options)
        best = self._quicker(best, kept, start, grid, self._config.keep_path_frac)
        return replace(best, route=_with_expanded(best.route, expanded))

    def _quicker(self, best: Priced, rival: Route | None, start: Pose2, grid: CostGrid, bonus_frac: float) -> Priced:
        if rival is None or rival.touches > best.route.touches:
            return best
        priced = self._pricer.price(rival, start, grid)
        return priced if priced.price_s * (1.0 - bonus_frac) <= best.price_s else best

    def _on(self, grid: CostGrid, route: Route, options: PlanOptions) -> Route | None:
        """``route``, planned on another grid, with its cost on ``grid``; None when it is no path there."""
        if route.outcome.status is not PlanStatus.OK or route.is_kinematic:
            return None
        cost_m = PathMeter(grid, options).cost_m(route.outcome.path)
        if not math.isfinite(cost_m):
            return None
        touches = len(self._outline.contacts(grid, route.outcome.path[route.outcome.escape_points :]))
        return replace(route, outcome=replace(route.outcome, cost=cost_m), touches=touches)

    def _kept_route(self, fresh: Route, start: Pose2, goal: Goal, grid: CostGrid, options: PlanOptions) -> Route | None:
        """The rest of the previous path."""
        if self._kept is None:
            return None
        end = fresh.outcome.path[-1, :2]
        reach_m = self._config.keep_path_distance_m
        meter, spacing_m = PathMeter(grid, options), self._config.point_spacing_m
        rest = rest_of_path(self._kept, goal, start, end, meter, reach_m, spacing_m)
        if rest is None:
            return None
        outcome = replace(fresh.outcome, path=rest[0], cost=rest[1])
        return replace(fresh, outcome=outcome, touches=len(self._outline.contacts(grid, rest[0])))


def _with_expanded(route: Route, expanded: int) -> Route:
    return replace(route, outcome=replace(route.outcome, expanded=expanded))


def covering(grid: CostGrid, poses: tuple[Pose2, ...], margin_m: float) -> CostGrid | None:
    """``grid`` with unknown cells around it, so that it and all finite ``poses`` have ``margin_m`` on each side.

    None when that would be more cells than a search takes.
    """
    frame = grid.frame
    margin = math.ceil(margin_m / frame.resolution_m)
    rows, columns = [0, frame.height - 1], [0, frame.width - 1]
    for pose in poses:
        if pose.is_finite():
            row, column = frame.cell(pose.x_m, pose.y_m)
            rows.append(row)
            columns.append(column)
    below, left = margin - min(rows), margin - min(columns)
    height, width = below + max(rows) + 1 + margin, left + max(columns) + 1 + margin
    if (height + 2) * (width + 2) > LARGEST_CELLS:
        return None
    cost = np.full((height, width), COST_UNKNOWN, np.uint8)
    cost[below : below + frame.height, left : left + frame.width] = grid.cost
    resolution_m = frame.resolution_m
    origin_x_m, origin_y_m = frame.origin_x_m - left * resolution_m, frame.origin_y_m - below * resolution_m
    return CostGrid(GridFrame(origin_x_m, origin_y_m, resolution_m, width, height), cost)


def _pose_of(goal: Goal) -> Pose2:
    return Pose2(goal.x_m, goal.y_m, 0.0 if goal.yaw_rad is None else goal.yaw_rad)


def _too_far(start: Pose2, goal: Pose2) -> PlanOutcome:
    reason = f"start ({start.x_m:.2f}, {start.y_m:.2f}) and goal ({goal.x_m:.2f}, {goal.y_m:.2f}) m span too much"
    return refusal(PlanStatus.OUTSIDE_MAP, reason)
