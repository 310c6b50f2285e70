"""Maps as they are after months, to fit "am I lost?" on: by a mapping that errs, of a place where things moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.mapping.base import MapImage
from amr.runtime.bench.localize_world import Site, true_map
from sim.world import Circle, Polygon, Shape

Array = NDArray[Any]
_Shape = TypeVar("_Shape", Circle, Polygon)

_POSE_SIGMA: Final = (0.04, 0.04, 0.012)
"""Of each scan that the map was made of: m, m, rad."""
_LARGEST_M: Final = 1.7
"""What is larger in x or y was not moved: walls, shelves."""
_MOVED_FRAC: Final = 0.3
_MOVED_M: Final = 0.8


def worn_map(site: Site, robot: RobotConfig, seed: int) -> MapImage:
    """A map of the ``site`` before some of its furniture was moved, by a mapping that was a few centimetres off."""
    random = np.random.default_rng((seed, 81))
    world = site.world
    before = replace(
        world,
        circles=tuple(_elsewhere(circle, random) for circle in world.circles),
        polygons=tuple(_elsewhere(polygon, random) for polygon in world.polygons),
    )
    return true_map(
        replace(site, world=before), robot, errors=lambda scans: random.normal(0.0, _POSE_SIGMA, (scans, 3))
    )


def _elsewhere(shape: _Shape, random: np.random.Generator) -> _Shape:
    if _size_m(shape) > _LARGEST_M or random.random() > _MOVED_FRAC:
        return shape
    dx_m, dy_m = random.uniform(-_MOVED_M, _MOVED_M, 2).tolist()
    if isinstance(shape, Circle):
        return replace(shape, x_m=shape.x_m + dx_m, y_m=shape.y_m + dy_m)
    return replace(shape, points=tuple((x_m + dx_m, y_m + dy_m) for x_m, y_m in shape.points))


def _size_m(shape: Shape) -> float:
    if isinstance(shape, Circle):
        return 2.0 * shape.radius_m
    return float(np.ptp(np.array(shape.points), axis=0).max())
