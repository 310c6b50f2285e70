"""Upright prisms over circles and convex polygons as one triangle mesh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from amr.portable_math import TWO_PI, sin_cos
from sim.world import Circle, Shape

_CORNERS_OF_A_CIRCLE: Final = 24


def prism_mesh(shapes: Sequence[Shape], height_m: float) -> tuple[list[tuple[float, float, float]], list[int]]:
    """(vertices, three vertex numbers per triangle) of all prisms from the floor to ``height_m``; without lids.

    A circle becomes a regular polygon about it, so that nothing can enter it.
    """
    vertices: list[tuple[float, float, float]] = []
    indices: list[int] = []
    for shape in shapes:
        corners = _around(shape) if isinstance(shape, Circle) else shape.points
        first, count = len(vertices), len(corners)
        for x, y in corners:
            vertices += [(x, y, 0.0), (x, y, height_m)]
        for k in range(count):
            low, next_low = first + 2 * k, first + 2 * ((k + 1) % count)
            indices += [low, next_low, next_low + 1, low, next_low + 1, low + 1]
    return vertices, indices


def _around(circle: Circle) -> tuple[tuple[float, float], ...]:
    half = sin_cos(0.5 * TWO_PI / _CORNERS_OF_A_CIRCLE)[1]
    corners = []
    for k in range(_CORNERS_OF_A_CIRCLE):
        sine, cosine = sin_cos(k * TWO_PI / _CORNERS_OF_A_CIRCLE)
        corners.append((circle.x_m + circle.radius_m / half * cosine, circle.y_m + circle.radius_m / half * sine))
    return tuple(corners)
