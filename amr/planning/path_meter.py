"""What a polyline costs on a grid: the one measure of paths from planners, smoothed ones and ones to be kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amr.grid import COST_UNKNOWN, CostGrid
from amr.kernels.grid_search import pad_costs
from amr.kernels.path_cost import polyline_costs
from amr.planning.base import PlanOptions
from amr.planning.trace import Points, cells_from_metres


class PathMeter:
    """Measures polylines on one cost grid under one policy for unknown space."""

    def __init__(self, grid: CostGrid, options: PlanOptions) -> None:
        """Copies the costs once; ``grid`` must be one that a planner has accepted."""
        self.frame = grid.frame
        self.stride = grid.frame.width + 2
        self.padded: NDArray[np.uint8] = np.empty(self.stride * (grid.frame.height + 2), np.uint8)
        unknown_as = {"free": 0, "costly": options.unknown_cost, "lethal": COST_UNKNOWN}[options.unknown]
        pad_costs(np.ascontiguousarray(grid.cost), self.padded, unknown_as)

    def cost_m(self, points_m: Points) -> float:
        """Cost in metres of the polyline ``points_m`` [n, 2 or 3]; infinite where it touches a forbidden cell."""
        cells = cells_from_metres(self.frame, points_m)
        return (
            float(polyline_costs(self.padded, self.stride, cells, np.empty(max(1, len(cells) - 1))))
            * self.frame.resolution_m
        )
