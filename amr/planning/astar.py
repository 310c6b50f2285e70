"""Exact cost-aware A* over eight neighbors: the cheapest path through cell centers, proven and repeatable to the bit.

A step between neighbors costs its length times the mean of (1 + c/252) of the two cells, which is exactly the
integral of the cost along it; a diagonal step needs both cells beside it.
"""

from __future__ import annotations

from amr.geometry import Pose2
from amr.grid import CostGrid
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome
from amr.planning.cell_search import CellSearch
from amr.planning.query import find_cells
from amr.planning.trace import anchored, cost_cells, finished_path


class AstarPlanner:
    """``amr.planning.base.GridPlanner``; the optimum among paths from cell center to cell center."""

    def __init__(self) -> None:
        self._search = CellSearch(exact=True)

    def forget(self) -> None:
        """The next plan prepares its map anew, as one on another map would."""
        self._search.map.forget()

    def plan(self, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions) -> PlanOutcome:
        """See ``GridPlanner.plan``."""
        found = find_cells(self._search, grid, start, goal, options)
        if isinstance(found, PlanOutcome):
            return found
        points = anchored(found, grid.frame, start, goal)
        cost_m = cost_cells(found, points) * grid.frame.resolution_m
        path, escape_points = finished_path(found, grid.frame, points, start, goal, options.goal_yaw_matters)
        return PlanOutcome(PlanStatus.OK, found.note, path, cost_m, found.expanded, escape_points)
