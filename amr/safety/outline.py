"""The robot's outline as the kernels want it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body, Point

_ROUNDING_M: Final = 1.0e-9


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """Convex counter-clockwise polygons in the base frame; the arrays are described in ``kernel``."""

    edges: NDArray[np.float64]
    discs: NDArray[np.float64]
    starts: NDArray[np.int64]

    @property
    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """The three, in the order in which kernels take them."""
        return self.edges, self.discs, self.starts

    @classmethod
    def from_points(cls, polygons: Sequence[Sequence[Point]]) -> Polygons:
        """From their corners in order, m."""
        edges, discs, starts = [], [], [0]
        for polygon in polygons:
            for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
                length_m = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2)
                edges.append((ax, ay, (bx - ax) / length_m, (by - ay) / length_m, length_m))
            center_x = sum(x for x, _ in polygon) / len(polygon)
            center_y = sum(y for _, y in polygon) / len(polygon)
            radius_m = max(math.sqrt((x - center_x) ** 2 + (y - center_y) ** 2) for x, y in polygon)
            discs.append((center_x, center_y, radius_m + _ROUNDING_M))
            starts.append(len(edges))
        return cls(np.array(edges, np.float64), np.array(discs, np.float64), np.array(starts, np.int64))


@dataclass(frozen=True, slots=True)
class Outline:
    """The robot's outline and its convex hull, seen from a point on its long axis."""

    parts: Polygons
    hull: Polygons
    circumradius_m: float
    """Distance of the farthest corner from that point."""
    ahead_m: float
    """Where the point lies: x in the base frame."""

    @classmethod
    def from_body(cls, body: Body, ahead_m: float = 0.0) -> Outline:
        """From a robot file."""
        polygons = [[(x - ahead_m, y) for x, y in polygon] for polygon in body.outline_m]
        points = [point for polygon in polygons for point in polygon]
        radius_m = max(math.sqrt(x * x + y * y) for x, y in points)
        return cls(Polygons.from_points(polygons), Polygons.from_points([convex_hull(points)]), radius_m, ahead_m)


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
