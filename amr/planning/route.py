"""A route for a body: a planner's path, finished, and clear of obstacles for the true outline at the path's headings.

A grid planner knows a disc: its path keeps the inscribed radius from every obstacle, at any heading. A longer body
may still touch where the path bends. So the finished path is checked with the outline's polygons; where they touch,
the cells there are closed and the route is planned again. When that leads nowhere, the path that touches least is
taken and the reason says where: it may be driven by someone who turns the body another way than along the path.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.geometry import Pose2
from amr.grid import COST_INSCRIBED, COST_LETHAL, CostGrid
from amr.kernels.outline_contact import mark_contacts
from amr.messages import PlanStatus
from amr.planning.base import GridPlanner, PlanOptions, PlanOutcome
from amr.planning.finish import finish, is_kinematic, resampled_motions
from amr.planning.path_meter import PathMeter

_TRIES: Final = 6
"""Plans after the first: each closes a wider place."""
_STEP_CELLS: Final = 0.5
"""The outline is looked at this often along the path."""


class OutlineCheck:
    """The outline's polygons, ready for the kernel. ``margin_m`` is kept free around them."""

    def __init__(self, body: Body, margin_m: float) -> None:
        self._corners = np.array([point for polygon in body.outline_m for point in polygon], np.float64)
        sizes = [0] + [len(polygon) for polygon in body.outline_m]
        self._starts = np.cumsum(np.array(sizes, np.int64))
        self._margin_m = margin_m
        self.reach_m = body.circumradius_m + margin_m

    def contacts(self, grid: CostGrid, path: NDArray[np.float64]) -> NDArray[np.intp]:
        """Indices of the points of ``path`` [n, 3] at which, or behind which, the outline touches a lethal cell."""
        hits = np.empty(len(path), np.uint8)
        frame = grid.frame
        cost = np.ascontiguousarray(grid.cost)
        mark_contacts(
            cost, COST_LETHAL, path, frame.origin_x_m, frame.origin_y_m, frame.resolution_m, self._corners,
            self._starts, self._margin_m, _STEP_CELLS * frame.resolution_m, hits,
        )  # fmt: skip
        return np.flatnonzero(hits)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A plan that is ready to be driven. ``is_kinematic``: its headings tell reverse stretches and turns in place."""

    outcome: PlanOutcome
    is_kinematic: bool = False
    touches: int = 0
    """Points at which the outline touches."""
    poses: int = 0
    """Of what was expanded: poses that a kinematic planner looked at, which cost more time than cells."""


def plan_route(
    planner: GridPlanner, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions, outline: OutlineCheck,
    spacing_m: float, exact: GridPlanner | None = None,
) -> Route:  # fmt: skip
    """The finished route, and whether it touches anything.

    Where the outline would touch, cells are closed and the route is planned again; within the outline's reach of start
    and goal nothing is closed, for there the body stands by its own choice. Where it touches still, ``exact``, a
    kinematic planner for the true outline, has the last word. The escape out of forbidden cells is not looked at.
    """
    first = _finished(planner, grid, start, goal, options, outline, spacing_m, grid)
    if first.outcome.status is not PlanStatus.OK or first.is_kinematic or first.touches == 0:
        return first
    best = latest = first
    closed, expanded = grid, first.outcome.expanded
    for number in range(_TRIES):
        path = latest.outcome.path
        places = _between_ends(path, outline.contacts(grid, path), outline.reach_m)
        if not len(places):
            break
        closed = _with_closed(closed, path[places], 1 + number // 2)
        latest = _finished(planner, closed, start, goal, options, outline, spacing_m, grid)
        expanded += latest.outcome.expanded
        if latest.outcome.status is not PlanStatus.OK:
            break
        if latest.touches < best.touches:
            best = latest
        if best.touches == 0:
            break
    poses = 0
    if best.touches > 0 and exact is not None and math.isfinite(start.yaw_rad):
        driven = exact.plan(grid, start, goal, options)
        poses = driven.expanded
        if driven.status is PlanStatus.OK:
            path = resampled_motions(driven.path, spacing_m)
            best = Route(replace(driven, path=path), is_kinematic=True)
    return replace(best, outcome=replace(best.outcome, expanded=expanded + poses), poses=poses)


def _finished(
    planner: GridPlanner, closed: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions, outline: OutlineCheck,
    spacing_m: float, grid: CostGrid,
) -> Route:  # fmt: skip
    """A plan on ``closed``, finished; the outline is looked at on ``grid``."""
    raw = planner.plan(closed, start, goal, options)
    if raw.status is not PlanStatus.OK:
        return Route(raw)
    if is_kinematic(raw.path):
        return Route(raw, is_kinematic=True)
    outcome = finish(PathMeter(closed, options), raw, spacing_m)
    return Route(outcome, touches=len(outline.contacts(grid, outcome.path[outcome.escape_points :])))


def _between_ends(path: NDArray[np.float64], places: NDArray[np.intp], reach_m: float) -> NDArray[np.intp]:
    """Those of ``places`` that are farther than ``reach_m`` from both ends of ``path``."""
    far = np.ones(len(places), bool)
    for end in (path[0], path[-1]):
        away = path[places, :2] - end[:2]
        far &= (away * away).sum(axis=1) > reach_m * reach_m
    return places[far]


def _with_closed(grid: CostGrid, points: NDArray[np.float64], radius: int) -> CostGrid:
    """``grid`` with all cells within ``radius`` cells of the ``points`` closed."""
    frame = grid.frame
    cost = grid.cost.copy()
    for x_m, y_m in points[:, :2].tolist():
        row, column = frame.cell(x_m, y_m)
        block = cost[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1]
        np.maximum(block, np.uint8(COST_INSCRIBED), out=block)
    return CostGrid(frame, cost)


def noted(route: Route, outline: OutlineCheck, grid: CostGrid) -> PlanOutcome:
    """The outcome; where the outline touches, its ``reason`` says where: a path without a reason touches nothing."""
    outcome = route.outcome
    if route.touches == 0:
        return outcome
    first = outcome.escape_points + int(outline.contacts(grid, outcome.path[outcome.escape_points :])[0])
    x_m, y_m = outcome.path[first, :2].tolist()
    note = f"the outline would touch at ({x_m:.2f}, {y_m:.2f}) m when it looks along the path"
    return replace(outcome, reason=f"{outcome.reason}; {note}" if outcome.reason else note)
