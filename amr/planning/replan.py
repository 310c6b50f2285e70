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
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid
from amr.kernels import path_pull
from amr.kernels.path_cost import polyline_costs, segment_cost
from amr.messages import PlanStatus
from amr.planning.any_angle import pull_straight
from amr.planning.base import PlanOptions, PlanOutcome
from amr.planning.cell_search import CellSearch, Seeds
from amr.planning.goal_labels import GoalLabels
from amr.planning.prepared import Cells, unknown_cost
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
"""Cells by which vertices slide around a joint."""
_OVERLAP_CELLS: Final = 48
"""How far a new grid path has to run along the one before until it counts as that one."""
_WORSE_FRAC: Final = 0.002
"""What is left of a path may be this much worse, measured by the grid path's cost, than the whole was."""
_UNSURE: Final = 20_000
"""After this many cells the blocks are asked whether there is a way at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Pulled:
    """A path that was pulled straight (padded cells), its grid path, and what part of that one's cost it costs."""

    points: Points
    cells: NDArray[np.uint32]
    share: float


def rest_from(found: CellPath, kept: Pulled, points: Points) -> tuple[Points, float] | None:
    """What is left of the path before for one who stands at ``points[0]``, and its cost; None when it is blocked.

    The vertex where it is joined is the best of the few next to the start.
    """
    start = points[0]
    away = kept.points - start
    nearest = int(np.argmin((away * away).sum(axis=1)))
    first = min(max(1, nearest - 1), len(kept.points) - 1)
    costs = np.empty(len(kept.points) - first)
    if not math.isfinite(polyline_costs(found.padded, found.stride, kept.points[first:], costs)):
        return None
    best, join = math.inf, first
    for k in range(first, min(first + _JOINTS, len(kept.points))):
        leg = segment_cost(found.padded, found.stride, start[0], start[1], kept.points[k, 0], kept.points[k, 1])
        cost = leg + float(costs[k - first : -1].sum())
        if cost < best:
            best, join = cost, k
    return _joint(found, start[None, :], kept.points[join:]) if math.isfinite(best) else None


def joined_to(found: CellPath, kept: Pulled, points: Points) -> tuple[Points, float] | None:
    """``points`` pulled straight up to where the grid path before is met again, then what was pulled there before."""
    size = min(len(kept.cells), len(found.cells))
    same = kept.cells[len(kept.cells) - size :][::-1] == found.cells[len(found.cells) - size :][::-1]
    common = size if same.all() else int(np.argmin(same))
    meeting = len(points) - common + _OVERLAP_CELLS
    if common < 3 * _OVERLAP_CELLS or meeting < 2:
        return None
    away = kept.points - points[meeting]
    after = min(int(np.argmin((away * away).sum(axis=1))) + 1, len(kept.points) - 1)
    pulled, _ = pull_straight(found, np.ascontiguousarray(points[: meeting + 1]))
    return _joint(found, pulled, kept.points[after:])


def _joint(found: CellPath, before: Points, after: Points) -> tuple[Points, float] | None:
    """Both polylines as one, the vertices around the joint slid into place, and its cost; None when it is blocked."""
    whole = np.ascontiguousarray(np.vstack([before, after]))
    costs = np.empty(len(whole))
    if not math.isfinite(polyline_costs(found.padded, found.stride, whole, costs)):
        return None
    begin, end = max(0, len(before) - _JOINTS), min(len(whole), len(before) + _JOINTS)
    for step in _STEPS:
        path_pull.slide(found.padded, found.stride, whole[begin:end], costs[begin:end], end - begin, step, 2)
    return whole, float(polyline_costs(found.padded, found.stride, whole, costs))


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

    def plan(
        self, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions, changed: Cells | None = None
    ) -> PlanOutcome:
        """See ``GridPlanner.plan``. ``changed``, if the caller knows: rows and columns outside of which the grid holds
        what the one of the last call did; as D* Lite (Koenig and Likhachev 2002) is told of changed edges."""
        found = self._find(grid, start, goal, options, changed)
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
        """``points`` pulled straight; or as much of the answer before as is still as good a bargain."""
        grid_cost = cost_cells(found, points)
        kept = self._kept
        if kept is not None and len(points) > 2 and (kept.points[-1] == points[-1]).all():
            fair = grid_cost * min(kept.share * (1.0 + _WORSE_FRAC), 1.0)
            for reuse in (rest_from, joined_to):
                again = reuse(found, kept, points)
                if again is not None and again[1] <= fair:
                    self._kept = Pulled(again[0], found.cells, kept.share)
                    return again
        pulled, cost = pull_straight(found, points)
        self._kept = Pulled(pulled, found.cells, cost / grid_cost if grid_cost > 0.0 else 1.0)
        return pulled, cost

    def _find(
        self, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions, changed: Cells | None
    ) -> CellPath | PlanOutcome:
        """The cells from start to goal, by the labels that are kept; by a search of its own where those do not fit."""
        refused = check(grid, start, goal, options)
        if refused is not None:
            return refused
        prepared, labels = self._search.map, self._labels
        prepared.refresh(grid, unknown_cost(options), changed)
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
