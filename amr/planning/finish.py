"""From a planner's path to one that can be followed: even points, smooth curves, headings.

A grid planner's polyline is smoothed (``amr.planning.smooth``) and measured afterwards; where the result is dearer
than allowed, a shorter filter is taken, at last the polyline. A path whose headings say more than the direction to
the next point (reverse stretches, turns in place, arcs) comes from a kinematic planner and stays as it is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.geometry import wrap_angle
from amr.kernels.path_shape import resample, set_headings, set_tangents
from amr.messages import PlanStatus
from amr.planning.base import PlanOutcome
from amr.planning.path_meter import PathMeter
from amr.planning.smooth import smoothed
from amr.planning.trace import Points

_LENGTHS_M: Final = ((0.5, 0.3), (0.2, 0.2))
"""How far along the path a corner is felt, in a first and a second pass: points move sideways only, which around a
corner of the polyline makes them uneven; the second pass begins from a smooth path. Against one pass of 0.5 m, on 180
paths of made maps (blobs, rooms, maze): the largest jump of curvature from point to point halves (0.74 to 0.30 1/m on
rooms), 26 % less variation of curvature there, 0.3 % more cost."""
_DEARER_FRAC: Final = 0.02
"""A smooth path may be this much dearer than the polyline: a curve outside the corner is longer."""

_NOTHING: Final = np.zeros((0, 2))


def finish(meter: PathMeter, outcome: PlanOutcome, spacing_m: float) -> PlanOutcome:
    """``outcome`` with points about ``spacing_m`` apart at most, smooth, headings set; unchanged without a path.

    First and last point stay to the bit, the last heading too; the escape in front, if any, is only resampled.
    """
    if outcome.status is not PlanStatus.OK or is_kinematic(outcome.path):
        return outcome
    first = outcome.escape_points
    escape = resampled(np.ascontiguousarray(outcome.path[: first + 1, :2]), spacing_m)[:-1] if first else _NOTHING
    polyline = np.ascontiguousarray(outcome.path[first:, :2])
    points, cost_m = _smoothest(meter, polyline, spacing_m)
    path = np.zeros((len(escape) + len(points), 3))
    path[:, :2] = np.vstack([escape, points])
    path[0, :2], path[-1, :2] = outcome.path[0, :2], outcome.path[-1, :2]
    set_tangents(path)
    path[-1, 2] = outcome.path[-1, 2]
    return replace(outcome, path=path, cost=cost_m, escape_points=len(escape))


def is_kinematic(path: NDArray[np.float64]) -> bool:
    """True when the headings of ``path`` [n >= 2, 3], the last apart, are not those of a plain polyline."""
    plain = np.array(path)
    set_headings(plain)
    return not np.array_equal(plain[:-1, 2], path[:-1, 2])


def resampled(points_m: Points, spacing_m: float) -> Points:
    """All vertices and points between them, at most ``spacing_m`` apart."""
    steps = np.diff(points_m, axis=0)
    room = int(np.ceil(np.sqrt((steps * steps).sum(axis=1)) / spacing_m).sum()) + len(points_m) + 1
    out = np.empty((room, 2))
    return out[: resample(points_m, spacing_m, out)]


def resampled_motions(path: NDArray[np.float64], spacing_m: float) -> NDArray[np.float64]:
    """A kinematic planner's ``path`` [n >= 2, 3] with points at most ``spacing_m`` apart; its turns in place stay.

    The shortest leg gets a point inside: between two stops a speed can only be told there.
    """
    pieces = [path[:1]]
    for before, after in pairwise(path):
        way_m = math.sqrt((after[0] - before[0]) ** 2 + (after[1] - before[1]) ** 2)
        count = max(2, math.ceil(way_m / spacing_m)) if way_m > 0.0 else 1
        parts = np.linspace(0.0, 1.0, count + 1)[1:, None]
        leg = before + parts * np.array((after[0] - before[0], after[1] - before[1], wrap_angle(after[2] - before[2])))
        leg[:, 2] = [wrap_angle(yaw_rad) for yaw_rad in leg[:, 2].tolist()]
        leg[-1] = after
        pieces.append(leg)
    return np.ascontiguousarray(np.vstack(pieces))


def _smoothest(meter: PathMeter, polyline_m: Points, spacing_m: float) -> tuple[Points, float]:
    """Points and cost of the smoothest path that is not too dear."""
    plain_m = resampled(polyline_m, spacing_m)
    plain_cost_m = meter.cost_m(plain_m)
    for first_m, second_m in _LENGTHS_M:
        points_m = smoothed(meter, smoothed(meter, polyline_m, spacing_m, first_m), spacing_m, second_m)
        points_m[0], points_m[-1] = polyline_m[0], polyline_m[-1]
        cost_m = meter.cost_m(points_m)
        if cost_m <= plain_cost_m * (1.0 + _DEARER_FRAC) and math.isfinite(cost_m):
            return points_m, cost_m
    return plain_m, plain_cost_m
