"""Smoothing a polyline on a cost grid without giving away clearance (the maths: ``amr.kernels.path_smooth``).

Every accepted path keeps two promises, checked segment by segment: none touches a forbidden cell, and none (looked at
in quarters) lies in a dearer cell than its own neighborhood on the polyline does. Where a promise fails, the tube is
made narrower there; at last the points are put back on the polyline, its vertices included, and the rest is solved
again around them: in the worst case that is the polyline itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.kernels import path_smooth
from amr.kernels.path_shape import local_ceiling, resample_evenly
from amr.planning.path_meter import PathMeter
from amr.planning.trace import Points, cells_from_metres, metres_from_cells

_WINDOW_M: Final = 0.3
"""Half length of the stretch of the polyline whose dearest cell a point may touch."""
_REACH_M: Final = 0.4
"""No point moves farther than this."""
_TENSION: Final = 0.5
"""0 = a spline that overshoots a corner by 4 %; 2 = a filter that never overshoots, and cuts corners."""
_ROUNDS: Final = 12
_NARROWINGS: Final = 4
"""So often the tube is made narrower where a segment touches, before points are put back."""
_REPAIRS: Final = 12
_SAME: Final = 1e-6
"""Cells."""


@dataclass(frozen=True, slots=True, eq=False)
class _Even:
    """A polyline at even points: ``points`` [m, 2] and their ``spacing`` in padded cells, and the dearest cells."""

    points: Points
    spacing: float
    vertices: Points
    before: NDArray[np.int64]
    ceiling: NDArray[np.uint8]


def smoothed(
    meter: PathMeter, polyline_m: Points, spacing_m: float, length_m: float, free_m: float = math.inf
) -> Points:
    """The polyline [n >= 2, 2] as a curve of points at most about ``spacing_m`` apart; [m, 2], ends kept.

    ``length_m``: how far along the path a corner is felt; its curvature becomes about angle / (2 length). Points
    farther than ``free_m`` from the beginning stay on the polyline.
    """
    even = _even(meter, polyline_m, spacing_m)
    if len(even.points) < 4 or even.spacing <= 0.0:
        return metres_from_cells(meter.frame, _with_vertices(even, even.points, np.ones(len(even.points), np.uint8)))
    free = len(even.points) if math.isinf(free_m) else round(free_m / spacing_m)
    points, fixed = _solve(meter, even, length_m / spacing_m, free)
    return metres_from_cells(meter.frame, _with_vertices(even, points, fixed))


def _even(meter: PathMeter, polyline_m: Points, spacing_m: float) -> _Even:
    vertices = cells_from_metres(meter.frame, polyline_m)
    steps = np.diff(vertices, axis=0)
    length = float(np.sqrt((steps * steps).sum(axis=1)).sum())
    pieces = max(1, math.ceil(length * meter.frame.resolution_m / spacing_m))
    points, before = np.empty((pieces + 1, 2)), np.empty(pieces + 1, np.int64)
    resample_evenly(vertices, points, before)
    ceiling = np.empty(pieces + 1, np.uint8)
    local_ceiling(meter.padded, meter.stride, points, max(1, round(_WINDOW_M / spacing_m)), ceiling)
    return _Even(points, length / pieces, vertices, before, ceiling)


def _solve(meter: PathMeter, even: _Even, length: float, free: int) -> tuple[Points, NDArray[np.uint8]]:
    """Smooth points, and 1 where they were put back on the polyline; ``length`` in points, the first ``free`` move."""
    n = len(even.points)
    normals, bounds, bands = np.empty((n, 2)), np.empty((n, 2)), np.empty((n, 3))
    force, offsets = np.empty(n), np.empty(n)
    held, fixed, bad = np.zeros(n, np.uint8), np.zeros(n, np.uint8), np.empty(n, np.uint8)
    path_smooth.set_normals(even.points, normals)
    path_smooth.set_tube(
        meter.padded, meter.stride, even.points, normals, even.ceiling, even.spacing,
        _REACH_M / meter.frame.resolution_m, bounds,
    )  # fmt: skip
    bounds[free:] = 0.0
    path_smooth.assemble(even.points, normals, _TENSION * length**2, length**4, bands, force)
    held[[0, -1]] = 1
    held[free:] = 1
    for repair in range(_REPAIRS):
        path_smooth.relax(bands, force, held, bounds, offsets, _ROUNDS)
        points = even.points + offsets[:, None] * normals
        if path_smooth.mark_bad(meter.padded, meter.stride, points, even.ceiling, fixed, bad) == 0:
            return points, fixed
        if repair < _NARROWINGS:
            _narrow(bounds, offsets, held, bad)
            continue
        reach = 1 << (repair - _NARROWINGS)
        for k in np.flatnonzero(bad).tolist():
            fixed[max(0, k - reach) : k + reach + 1] = 1
        bounds[fixed != 0] = 0.0
        held[fixed != 0] = 1
    return even.points, np.ones(n, np.uint8)


def _narrow(bounds: Points, offsets: NDArray[np.float64], held: NDArray[np.uint8], bad: NDArray[np.uint8]) -> None:
    """Moves the nearer bound of each ``bad`` point half a cell beyond its offset, away from what it touches."""
    for k in np.flatnonzero(bad[1:-1]).tolist():
        low, high = bounds[k + 1]
        offset = float(offsets[k + 1])
        if offset - low <= high - offset:
            bounds[k + 1, 0] = min(high, offset + 0.5)
        else:
            bounds[k + 1, 1] = max(low, offset - 0.5)
        held[k + 1] = 0


def _with_vertices(even: _Even, points: Points, fixed: NDArray[np.uint8]) -> Points:
    """``points`` with the polyline's own vertices between points that were put back on it."""
    pairs = np.flatnonzero((fixed[:-1] != 0) & (fixed[1:] != 0) & (even.before[1:] > even.before[:-1]))
    pieces, done = [], 0
    for k in pairs.tolist():
        pieces.append(points[done : k + 1])
        inner = even.vertices[even.before[k] + 1 : even.before[k + 1] + 1]
        # a vertex that is one of the points itself is not said twice
        apart = (np.abs(inner - points[k + 1]).max(axis=1) > _SAME) & (np.abs(inner - points[k]).max(axis=1) > _SAME)
        pieces.append(inner[apart])
        done = k + 1
    return np.ascontiguousarray(np.vstack([*pieces, points[done:]]))
