"""The one ruler for all planners: what a polyline costs, written apart from every planner.

Integral of (1 + c/252) ds in metres, cell by cell: a segment is cut at each line between cells, and each piece counts
with the cell that its middle lies in. Infinite when a piece lies in 253 or above (unknown 255 included, unless allowed;
it then counts as cost 0). Pieces shorter than a billionth of a cell are touches of a corner, not entries.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from amr.grid import COST_FREE, COST_INSCRIBED, COST_UNKNOWN, CostGrid

_TOUCH_CELLS = 1e-9


def path_length_m(path: NDArray[np.float64]) -> float:
    """Length of the polyline ``path`` [n, 2 or 3]."""
    steps = np.diff(path[:, :2], axis=0)
    return float(np.sqrt((steps * steps).sum(axis=1)).sum())


def path_cost_m(grid: CostGrid, path: NDArray[np.float64], allow_unknown: bool) -> float:
    """Cost of the polyline ``path`` [n, 2 or 3] in the grid's frame; infinite when it enters what it must not."""
    frame = grid.frame
    points = (path[:, :2] - (frame.origin_x_m, frame.origin_y_m)) / frame.resolution_m
    if not np.isfinite(points).all() or (points < 0.0).any() or (points > (frame.width, frame.height)).any():
        return math.inf
    total = sum(_segment_cost(grid, a, b, allow_unknown) for a, b in pairwise(points))
    return float(total * frame.resolution_m)


def _segment_cost(grid: CostGrid, a: NDArray[np.float64], b: NDArray[np.float64], allow_unknown: bool) -> float:
    """Cost of one segment, in cells."""
    delta = b - a
    length = math.sqrt(float(delta[0] * delta[0] + delta[1] * delta[1]))
    if length == 0.0:
        return 0.0
    cuts = [np.array([0.0, 1.0])]
    for axis in range(2):
        low, high = sorted((a[axis], b[axis]))
        lines = np.arange(math.floor(low) + 1, math.ceil(high))
        if len(lines):
            cuts.append((lines - a[axis]) / delta[axis])
    at = np.sort(np.concatenate(cuts))
    pieces = np.diff(at)
    real = pieces * length > _TOUCH_CELLS
    middles = a + (0.5 * (at[:-1] + at[1:])[real])[:, None] * delta
    rows = np.minimum(middles[:, 1].astype(np.int64), grid.frame.height - 1)
    columns = np.minimum(middles[:, 0].astype(np.int64), grid.frame.width - 1)
    costs = grid.cost[rows, columns]
    if allow_unknown:
        costs = np.where(costs == COST_UNKNOWN, COST_FREE, costs)
    if (costs >= COST_INSCRIBED).any():
        return math.inf
    return float((pieces[real] * (1.0 + costs / 252.0)).sum() * length)
