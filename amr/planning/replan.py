"""Planning again to the same goal while the start moves and the map changes a little: exact, and mostly for free.

Equal in cost to ``astar`` (or, pulled straight, never dearer), whatever came before. What does depend on what came
before is the effort, ``expanded``, and which of several ways of equal cost is taken: so a holder whose answers must
repeat from a snapshot calls ``forget`` when it takes one and when it restores one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from amr.geometry import Pose2
from amr.grid import CostGrid
from amr.kernels import path_pull
from amr.kernels.path_cost import polyline_costs, segment_cost
from amr.messages import PlanStatus
from amr.planning.any_angle import pull_straight
from amr.planning.base import PlanOptions, PlanOutcome
from amr.planning.cell_search import CellSearch, Seeds
from amr.planning.goal_labels import GoalLabels
from amr.planning.prepared import unknown_cost
from amr.planning.query import (
    CellPath,
    check,
    find_cells_between,
    nearest_reachable,
    padded_cell,
    short_of_goal,
    start_cells,
    target_cell,
)
from amr.planning.trace import Points, anchored, cost_cells, finished_path

_JOINTS: Final = 5
"""Vertices of the path before that are tried for a joint."""
_STEPS: Final = (1.0, 0.5, 0.25)
_WORSE_FRAC: Final = 0.002
"""What is left of a path may be this much worse, measured by the grid path's cost, than the whole was."""
_UNSURE: Final = 20_000
"""After this many cells the blocks are asked whether there is a way at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Pulled:
    """A path that was pulled straight (padded cells), and what part of its grid path's cost it costs."""

    points: Points
    share: float


def rest_from(found: CellPath, points: Points, start: Points) -> tuple[Points, float] | None:
    """What is left of the polyline ``points`` for one who stands at ``start``, and its cost; None when it is blocked.

    The vertex where it is joined is the best of the few next to ``start``; the first vertices then slide to their
    new place.
    """
    away = points - start
    nearest = int(np.argmin((away * away).sum(axis=1)))
    first = min(max(1, nearest - 1), len(points) - 1)
    costs = np.empty(len(points) - first)
    if not math.isfinite(polyline_costs(found.padded, found.stride, points[first:], costs)):
        return None
    best, join = math.inf, first
    for k in range(first, min(first + _JOINTS, len(points))):
        leg = segment_cost(found.padded, found.stride, start[0], start[1], points[k, 0], points[k, 1])
        cost = leg + float(costs[k - first : -1].sum())
        if cost < best:
            best, join = cost, k
    if not math.isfinite(best):
        return None
    rest = np.ascontiguousarray(np.vstack([start, points[join:]]))
    costs = np.empty(len(rest))
    polyline_costs(found.padded, found.stride, rest, costs)
    for step in _STEPS:
        path_pull.slide(found.padded, found.stride, rest, costs, min(len(rest), _JOINTS + 4), step, 2)
    return rest, float(polyline_costs(found.padded, found.stride, rest, costs))


class ReplanningPlanner:
    """``amr.planning.base.GridPlanner`` with a memory: fast when goal, options and most of the map stay the same."""

    def __init__(self, straight: bool = True) -> None:
        """``straight``: pull the grid path straight (as ``any_angle`` does); else it stays the one of ``astar``."""
        self._straight = straight
        self._search = CellSearch(exact=True)
        self._labels = GoalLabels()
        self._stands_in = False
        """Another cell stands for the goal, which cannot be reached."""
        self._kept: Pulled | None = None

    def forget(self) -> None:
        """The next plan starts from nothing: neither effort nor choice depends on what came before."""
        self._search.map.forget()
        self._labels.root = None
        self._stands_in = False
        self._kept = None

    def plan(self, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions) -> PlanOutcome:
        """See ``GridPlanner.plan``."""
        found = self._find(grid, start, goal, options)
        if isinstance(found, PlanOutcome):
            return found
        points = anchored(found, grid.frame, start, goal)
        if self._straight:
            points, cost = self._pulled(found, points)
        else:
            cost = cost_cells(found, points)
        path, escape_points = finished_path(found, grid.frame, points, start, goal, options.goal_yaw_matters)
        cost_m = cost * grid.frame.resolution_m
        return PlanOutcome(PlanStatus.OK, found.note, path, cost_m, found.expanded, escape_points)

    def _pulled(self, found: CellPath, points: Points) -> tuple[Points, float]:
        """``points`` pulled straight; or what is left of the answer before, where that is as good a bargain."""
        grid_cost = cost_cells(found, points)
        kept = self._kept
        if kept is not None and len(points) > 2 and (kept.points[-1] == points[-1]).all() and not len(found.escape):
            rest = rest_from(found, kept.points, points[0])
            if rest is not None and rest[1] <= grid_cost * min(kept.share * (1.0 + _WORSE_FRAC), 1.0):
                self._kept = Pulled(rest[0], kept.share)
                return rest
        pulled, cost = pull_straight(found, points)
        self._kept = Pulled(pulled, cost / grid_cost if grid_cost > 0.0 else 1.0)
        return pulled, cost

    def _find(self, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions) -> CellPath | PlanOutcome:
        """The cells from start to goal, by the labels that are kept; by a search of its own where those do not fit."""
        refused = check(grid, start, goal, options)
        if refused is not None:
            return refused
        prepared, labels = self._search.map, self._labels
        prepared.refresh(grid, unknown_cost(options))
        labels.expanded = self._search.expanded = 0
        if not labels.repair(prepared):
            labels.root = None
        begin = start_cells(prepared.padded, grid.frame, start, options)
        if isinstance(begin, PlanOutcome):
            return begin
        goal_cell = target_cell(prepared.padded, grid, goal, options.goal_tolerance_m)
        if isinstance(goal_cell, PlanOutcome):
            return goal_cell
        if begin.escape_label is not None:
            return find_cells_between(self._search, grid, begin, goal_cell, start, goal, options)
        cell, target = int(begin.seeds.cells[0]), goal_cell
        if not self._reach(begin.seeds, target):
            self._stands_in = True
            another = nearest_reachable(self._search, begin.seeds, grid.frame, start, goal, options)
            if isinstance(another, PlanOutcome):
                return another
            target = another
            if not self._reach(begin.seeds, target):
                return find_cells_between(self._search, grid, begin, goal_cell, start, goal, options)
        else:
            self._stands_in = False
        reaches_goal = target == padded_cell(grid.frame, goal)
        return CellPath(
            prepared.padded,
            prepared.stride,
            begin.seeds.cells[:0],
            labels.way(prepared, cell),
            reaches_goal,
            "" if reaches_goal else short_of_goal(grid.frame, target, goal),
            labels.expanded + self._search.expanded,
        )

    def _reach(self, seeds: Seeds, target: int) -> bool:
        """Make the labels lead from the seed, exactly, to ``target``; False when it cannot be reached."""
        prepared, labels = self._search.map, self._labels
        # while another cell stands for the goal its labels are kept, so the goal itself is only asked of the blocks
        if labels.root != target and self._stands_in and not self._search.connected(seeds, target):
            return False
        if labels.root != target:
            labels.begin(prepared, target)
        cell = int(seeds.cells[0])
        found = labels.search(prepared, cell, _UNSURE)
        if found is None:
            found = self._search.connected(seeds, target) and labels.search(prepared, cell, 1 << 62)
        elif not found:
            self._search.connected(seeds, target)  # so that it can be asked what is
        return bool(found)
