"""Planners of others, run in the same process on the same costs: what a user would otherwise install."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.errors import DataError
from amr.geometry import Pose2
from amr.grid import COST_FREE, COST_INSCRIBED, COST_UNKNOWN, CostGrid
from amr.messages import PlanStatus
from amr.planning.base import NO_PATH, PlanOutcome

Plan = Callable[[Pose2, Pose2], PlanOutcome]


def _weights(grid: CostGrid, allow_unknown: bool) -> NDArray[np.float64]:
    """1 + c/252 per cell; infinite where nobody may go."""
    cost = np.where(grid.cost == COST_UNKNOWN, COST_FREE, grid.cost) if allow_unknown else grid.cost
    return np.where(cost >= COST_INSCRIBED, np.inf, 1.0 + cost / 252.0)


def _outcome(grid: CostGrid, cells: NDArray[np.int64] | None) -> PlanOutcome:
    """An outcome through the centers of ``cells`` [n, 2] (row, column)."""
    if cells is None or len(cells) == 0:
        return PlanOutcome(PlanStatus.NO_PATH, "no path", NO_PATH, float("nan"), 0)
    cells = cells if len(cells) > 1 else np.repeat(cells, 2, axis=0)
    path = np.zeros((len(cells), 3))
    path[:, 0] = grid.frame.origin_x_m + (cells[:, 1] + 0.5) * grid.frame.resolution_m
    path[:, 1] = grid.frame.origin_y_m + (cells[:, 0] + 0.5) * grid.frame.resolution_m
    path[:-1, 2] = np.arctan2(np.diff(path[:, 1]), np.diff(path[:, 0]))
    path[-1, 2] = path[-2, 2]
    return PlanOutcome(PlanStatus.OK, "", path, float("nan"), 0)


def _pyastar2d(grid: CostGrid, allow_unknown: bool) -> Plan:
    """pyastar2d 1.x: A* in C++ with a binary heap, diagonals allowed."""
    import pyastar2d

    weights = _weights(grid, allow_unknown).astype(np.float32)

    def plan(start: Pose2, goal: Pose2) -> PlanOutcome:
        cells = pyastar2d.astar_path(
            weights, grid.frame.cell(start.x_m, start.y_m), grid.frame.cell(goal.x_m, goal.y_m), allow_diagonal=True
        )
        return _outcome(grid, None if cells is None else cells.astype(np.int64))

    return plan


def _skimage(grid: CostGrid, allow_unknown: bool) -> Plan:
    """scikit-image: Dijkstra (``MCP_Geometric``) that stops at the goal; built once for the map."""
    from skimage.graph import MCP_Geometric

    weights = _weights(grid, allow_unknown)
    search = MCP_Geometric(np.where(np.isinf(weights), -1.0, weights))

    def plan(start: Pose2, goal: Pose2) -> PlanOutcome:
        end = grid.frame.cell(goal.x_m, goal.y_m)
        costs, _ = search.find_costs([grid.frame.cell(start.x_m, start.y_m)], [end])
        return _outcome(grid, np.array(search.traceback(end)) if np.isfinite(costs[end]) else None)

    return plan


PEERS: Final = {"pyastar2d": _pyastar2d, "skimage": _skimage}


def make_peer(name: str, grid: CostGrid, allow_unknown: bool) -> Plan:
    """A peer by name; raises ``DataError`` when it is not installed."""
    try:
        return PEERS[name](grid, allow_unknown)
    except ImportError as error:
        raise DataError(f"--planner {name}: not installed (pip install 'amr[bench]')") from error
