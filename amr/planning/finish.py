"""From a planner's polyline to a path that can be followed: even points, rounded corners, headings.

Corners are rounded by relaxing points towards their neighbors' middle (the internal force of an elastic band; Quinlan
and Khatib 1993), held back by the grid: no point may come to a dearer cell than its own neighborhood on the unrounded
path has, so the clearance along the path does not shrink, and no segment may touch a forbidden cell. The result is
measured afterwards; where it is dearer than allowed, the unrounded path stays.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.grid import COST_UNKNOWN, CostGrid
from amr.kernels.grid_search import pad_costs
from amr.kernels.path_cost import polyline_costs
from amr.kernels.path_shape import local_ceiling, resample, round_corners, set_headings
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome
from amr.planning.trace import Points, cells_from_metres, metres_from_cells

_WINDOW_M: Final = 0.3
"""Half length of the stretch whose dearest cell a rounded corner may touch."""
_SWEEPS: Final = 120
_DEARER_FRAC: Final = 0.02
"""A rounded path may be this much dearer than the polyline: a curve outside the corner is longer."""


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


def finish(meter: PathMeter, outcome: PlanOutcome, spacing_m: float) -> PlanOutcome:
    """``outcome`` with points at most ``spacing_m`` apart, corners rounded, headings set; unchanged without a path.

    First and last point stay to the bit, the last heading too; the escape in front, if any, is only resampled.
    """
    if outcome.status is not PlanStatus.OK:
        return outcome
    first = outcome.escape_points
    escape = (
        _resampled(np.ascontiguousarray(outcome.path[: first + 1, :2]), spacing_m)[:-1] if first else np.zeros((0, 2))
    )
    plain = _resampled(np.ascontiguousarray(outcome.path[first:, :2]), spacing_m)
    rounded = _rounded(meter, plain, spacing_m)
    cost_m, plain_cost_m = meter.cost_m(rounded), meter.cost_m(plain)
    if not cost_m <= plain_cost_m * (1.0 + _DEARER_FRAC):
        rounded, cost_m = plain, plain_cost_m
    path = np.zeros((len(escape) + len(rounded), 3))
    path[:, :2] = np.vstack([escape, rounded])
    path[0, :2], path[-1, :2] = outcome.path[0, :2], outcome.path[-1, :2]
    set_headings(path)
    path[-1, 2] = outcome.path[-1, 2]
    return replace(outcome, path=path, cost=cost_m, escape_points=len(escape))


def _resampled(points_m: Points, spacing_m: float) -> Points:
    """All vertices and points between them, at most ``spacing_m`` apart."""
    room = len(points_m) + 1
    for a, b in zip(points_m[:-1].tolist(), points_m[1:].tolist(), strict=True):
        room += math.ceil(math.sqrt((b[0] - a[0]) * (b[0] - a[0]) + (b[1] - a[1]) * (b[1] - a[1])) / spacing_m)
    out = np.empty((room, 2))
    return out[: resample(points_m, spacing_m, out)]


def _rounded(meter: PathMeter, points_m: Points, spacing_m: float) -> Points:
    """The same number of points, corners rounded where the grid lets them."""
    points = cells_from_metres(meter.frame, points_m)
    ceiling = np.empty(len(points), np.uint8)
    local_ceiling(meter.padded, meter.stride, points, max(1, round(_WINDOW_M / spacing_m)), ceiling)
    round_corners(meter.padded, meter.stride, points, ceiling, _SWEEPS)
    return metres_from_cells(meter.frame, points)
