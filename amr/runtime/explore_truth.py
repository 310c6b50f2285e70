"""How good a map is, against the true world: how much of the reachable floor it knows, how far off its walls are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from amr.geometry import Pose2
from amr.mapping.base import MapImage
from amr.runtime.result import finite
from sim.world import Circle, World
from sim.worlds.passable import free_space

_FREE, _OCCUPIED = 254, 0
_CHUNK: Final = 2000
_MARGIN_M: Final = 0.02

Array = NDArray[Any]


def judge_map(image: MapImage, world: World, start: Pose2, inradius_m: float) -> dict[str, Any]:
    """``image`` lies in the world's frame by the start's pose alone: nothing is fitted.

    ``mapped_frac``: part of the floor on which a disc of ``inradius_m`` can stand, coming from ``start``, that the map
    shows as free. ``wall_error_m``: distance of the map's occupied cells from the nearest true surface of what stands.
    """
    floor = _reachable_floor(world, start, inradius_m)
    walls = _cells(image, _OCCUPIED)
    errors = surface_distance(world, walls)
    shown = _shown_free(image, floor)
    return {
        "reachable_m2": float(len(floor)) * 0.05**2,
        "mapped_frac": float(shown.mean()) if len(floor) else None,
        "wall_cells": len(walls),
        "wall_error_m": {
            name: finite(float(np.percentile(errors, percent))) if len(errors) else None
            for name, percent in (("p50", 50.0), ("p95", 95.0))
        },
    }


def _reachable_floor(world: World, start: Pose2, inradius_m: float) -> Array:
    """[n, 2]: points 5 cm apart, m."""
    space = free_space(world)
    labels, _ = ndimage.label(space.distance_m > inradius_m + _MARGIN_M)
    row, column = space.cell(start.x_m, start.y_m)
    if not (0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]) or labels[row, column] == 0:
        return np.zeros((0, 2))
    places = np.argwhere(labels == labels[row, column])
    corner = np.array([space.bounds.x_min_m, space.bounds.y_min_m])
    return np.asarray(corner + (places[:, ::-1] + 0.5) * space.resolution_m)


def _shown_free(image: MapImage, points: Array) -> Array:
    frame = image.frame
    columns = np.floor((points[:, 0] - frame.origin_x_m) / frame.resolution_m).astype(int)
    rows = np.floor((points[:, 1] - frame.origin_y_m) / frame.resolution_m).astype(int)
    inside = (rows >= 0) & (rows < frame.height) & (columns >= 0) & (columns < frame.width)
    shown = np.zeros(len(points), bool)
    shown[inside] = image.pixels[rows[inside], columns[inside]] == _FREE
    return shown


def _cells(image: MapImage, value: int) -> Array:
    places = np.argwhere(image.pixels == value)
    corner = np.array([image.frame.origin_x_m, image.frame.origin_y_m])
    return np.asarray(corner + (places[:, ::-1] + 0.5) * image.frame.resolution_m)


def surface_distance(world: World, points: Array) -> Array:
    """[n]: distance of each of ``points`` [n, 2] from the nearest edge of a polygon or circle that stands, m."""
    edges = [
        (*one, *other)
        for polygon in world.polygons
        for one, other in zip(polygon.points, polygon.points[1:] + polygon.points[:1], strict=True)
    ]
    best = np.full(len(points), np.inf)
    rows = np.array(edges, np.float64).reshape(-1, 4)
    from_xy, along = rows[:, :2], rows[:, 2:] - rows[:, :2]
    squared = np.maximum((along**2).sum(axis=1), 1e-12)
    for first in range(0, len(points) if len(rows) else 0, _CHUNK):
        gap = points[first : first + _CHUNK, None, :] - from_xy[None, :, :]
        part = np.clip((gap * along).sum(axis=2) / squared, 0.0, 1.0)
        rest = gap - part[:, :, None] * along
        best[first : first + _CHUNK] = np.sqrt((rest**2).sum(axis=2).min(axis=1))
    for circle in world.circles:
        best = np.minimum(best, np.abs(_radius(points, circle) - circle.radius_m))
    return best


def _radius(points: Array, circle: Circle) -> Array:
    return np.asarray(np.hypot(points[:, 0] - circle.x_m, points[:, 1] - circle.y_m))
