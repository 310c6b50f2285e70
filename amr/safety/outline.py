"""The robot's outline as the kernels want it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body, Point


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Convex counter-clockwise polygons in the base frame, and their convex hull."""

    vertices: NDArray[np.float64]
    """float64 [k, 2], m: all polygons one after the other."""
    starts: NDArray[np.int64]
    """int64 [polygons + 1]: where each begins."""
    hull: NDArray[np.float64]
    hull_starts: NDArray[np.int64]
    circumradius_m: float

    @classmethod
    def from_body(cls, body: Body) -> Outline:
        """From a robot file."""
        points = [point for polygon in body.outline_m for point in polygon]
        starts = [0]
        for polygon in body.outline_m:
            starts.append(starts[-1] + len(polygon))
        hull = convex_hull(points)
        return cls(
            np.array(points, np.float64),
            np.array(starts, np.int64),
            np.array(hull, np.float64),
            np.array((0, len(hull)), np.int64),
            body.circumradius_m,
        )


def convex_hull(points: list[Point]) -> list[Point]:
    """Corners of the convex hull, counter-clockwise (Andrew 1979: monotone chain)."""

    def chain(ordered: list[Point]) -> list[Point]:
        kept: list[Point] = []
        for point in ordered:
            while len(kept) >= 2 and _turn(kept[-2], kept[-1], point) <= 0.0:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    ordered = sorted(set(points))
    return chain(ordered) + chain(ordered[::-1])


def _turn(a: Point, b: Point, c: Point) -> float:
    """Positive when a, b, c turn left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
