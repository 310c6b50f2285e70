"""What every grid planner takes and gives: the only file of this package that a sibling may import.

The cost of a path is the integral of (1 + c/252) ds in metres along its polyline, c the cost of the cell that ds lies
in. A path never enters a cell of 253 and above; what unknown cells (255) count as is an option. A polyline that
passes through the corner of four cells needs both cells beside it to be allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid
from amr.messages import PlanStatus

UnknownPolicy = Literal["free", "costly", "lethal"]

NO_PATH: NDArray[np.float64] = np.zeros((0, 3))
NO_PATH.setflags(write=False)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a plan may do; the defaults are the strict ones that planners are compared by."""

    unknown: UnknownPolicy = "lethal"
    unknown_cost: int = 0
    """Cost of an unknown cell when ``unknown`` is ``costly``: 0 to 252."""
    goal_tolerance_m: float = 0.0
    """When the goal's own cell cannot be reached, the nearest cell that can is taken within this distance."""
    escape_radius_m: float = 0.0
    """How far from a start in a forbidden cell the first allowed cell may lie; 0 = such a start is refused."""
    goal_yaw_matters: bool = True
    """False = the last point looks along the path."""


@dataclass(frozen=True, slots=True, eq=False)
class PlanOutcome:
    """How a plan ended. ``path``: float64 [n, 3] (x m, y m, yaw rad) in the grid's frame, n >= 2 when OK, else [0, 3].

    ``cost`` in metres by the measure above (the escape out of forbidden cells is not in it), nan without a path;
    ``expanded``: cells whose neighbors were looked at; ``reason``: for a person, empty for a path as asked for.
    ``escape_points``: how many leading points of the path lie in forbidden cells (0 without an escape).
    """

    status: PlanStatus
    reason: str
    path: NDArray[np.float64]
    cost: float
    expanded: int
    escape_points: int = 0


def refusal(status: PlanStatus, reason: str, expanded: int = 0) -> PlanOutcome:
    """An outcome without a path."""
    return PlanOutcome(status, reason, NO_PATH, float("nan"), expanded)


class GridPlanner(Protocol):
    """A path planner on a cost grid. Keeps scratch memory only: equal arguments give equal outcomes, to the bit."""

    def plan(self, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions) -> PlanOutcome:
        """A path from ``start`` to ``goal`` (both in the grid's frame). Never raises on values: errors are outcomes."""
        ...
