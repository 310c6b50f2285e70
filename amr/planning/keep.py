"""Holding on to a path: equal routes must not take turns each time the robot asks again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.kernels.path_shape import set_tangents
from amr.messages import Goal
from amr.planning.path_meter import PathMeter
from amr.planning.smooth import smoothed

_JOIN_M: Final = 0.3
"""The kept path is joined this far ahead of the point nearest to the robot, so that the joint is no kink."""

_BLEND_M: Final = 1.0
"""So far from the robot the path may move a little, once more, so that curvature is continuous at the joint."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptPath:
    """The path that was answered last, map frame, float64 [n, 3], and the goal that it leads to."""

    goal: Goal
    path_map: NDArray[np.float64]


def rest_of_path(
    kept: KeptPath,
    goal: Goal,
    start: Pose2,
    end: NDArray[np.float64],
    meter: PathMeter,
    reach_m: float,
    spacing_m: float,
) -> tuple[NDArray[np.float64], float] | None:
    """What is left of ``kept`` from ``start`` on, and its cost in metres on today's map; None when it cannot be kept.

    The way from the robot onto it is smooth, its points ``spacing_m`` apart. It cannot be kept when the goal or the
    end that can be reached today (``end``: x m, y m) is another, when the robot is farther than ``reach_m`` from it,
    or when something stands in it.
    """
    path = kept.path_map
    step_m = meter.frame.resolution_m
    if kept.goal != goal or max(abs(path[-1, 0] - end[0]), abs(path[-1, 1] - end[1])) > step_m:
        return None
    dx, dy = path[:, 0] - start.x_m, path[:, 1] - start.y_m
    squared_m2 = dx * dx + dy * dy
    nearest = int(np.argmin(squared_m2))
    if squared_m2[nearest] > reach_m * reach_m:
        return None
    for join in (_ahead(path, nearest, _JOIN_M), min(nearest + 1, len(path) - 1)):
        rest = _joined(np.array([start.x_m, start.y_m]), path[join:], meter, spacing_m)
        cost_m = meter.cost_m(rest)
        if math.isfinite(cost_m):
            set_tangents(rest)
            rest[-1, 2] = path[-1, 2]
            return rest, cost_m
    return None


def _joined(
    start: NDArray[np.float64], ahead: NDArray[np.float64], meter: PathMeter, spacing_m: float
) -> NDArray[np.float64]:
    """The path ``ahead`` [n, 3] with ``start`` in front, [m, 3]; its beginning is smoothed where the grid lets it."""
    points = np.ascontiguousarray(np.vstack([start[None, :], ahead[:, :2]]))
    if math.isfinite(meter.cost_m(points)):
        points = smoothed(meter, points, spacing_m, _JOIN_M, _BLEND_M)
    rest = np.zeros((len(points), 3))
    rest[:, :2] = points
    rest[0, :2], rest[-1, :2] = start, ahead[-1, :2]
    return rest


def _ahead(path: NDArray[np.float64], index: int, distance_m: float) -> int:
    """Index of the first point at least ``distance_m`` further along the path, or of its end."""
    gone_m = 0.0
    while index < len(path) - 1 and gone_m < distance_m:
        dx, dy = float(path[index + 1, 0] - path[index, 0]), float(path[index + 1, 1] - path[index, 1])
        gone_m += math.sqrt(dx * dx + dy * dy)
        index += 1
    return index
