"""Can the true outline get from here to there, turning where it must? Exhaustive and slow, for generators and tests.

It shares no code with the robot. Motion is free in x, y and heading: a robot that can turn on the spot and drive both
ways reaches whatever is joined by open space (small-time controllability of the unicycle), if with many moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from amr.config.hardware import Body
from amr.geometry import Pose2
from amr.portable_math import TWO_PI
from sim.kernels.outline_space import flood, mark_free
from sim.world import World
from sim.worlds.passable import FreeSpace, free_space

HEADINGS: Final = 48
RESOLUTION_M: Final = 0.03
_SPACING_M: Final = 0.04


@dataclass(frozen=True, slots=True, eq=False)
class OutlineSpace:
    """``free`` uint8 [heading, row, column]: 1 where the outline keeps its clearance; heading 0 along x."""

    free: NDArray[np.uint8]
    space: FreeSpace

    def cell(self, pose: Pose2) -> tuple[int, int, int]:
        """(heading, row, column) nearest to a pose; row and column may lie outside."""
        heading = round(pose.yaw_rad / TWO_PI * self.free.shape[0]) % self.free.shape[0]
        return (heading, *self.space.cell(pose.x_m, pose.y_m))

    def reached_from(self, pose: Pose2, slack_cells: int = 1) -> NDArray[np.bool_]:
        """bool [heading, row, column]: joined to ``pose``, or to a free configuration within ``slack_cells`` of it."""
        marks = self.free.copy()
        queue = np.empty(marks.size, np.int64)
        heading, row, column = self.cell(pose)
        sides = range(-slack_cells, slack_cells + 1)
        for dh in sides:
            for dr in sides:
                for dc in sides:
                    flood(marks, (heading + dh) % marks.shape[0], row + dr, column + dc, queue)
        return np.asarray(marks == 2)

    def joins(self, pose: Pose2, goal_xy_m: tuple[float, float], radius_m: float) -> bool:
        """True when the base origin can get from ``pose`` to within ``radius_m`` of the goal."""
        _, rows, columns = self.free.shape
        bounds, resolution_m = self.space.bounds, self.space.resolution_m
        x_m = bounds.x_min_m + (np.arange(columns) + 0.5) * resolution_m - goal_xy_m[0]
        y_m = bounds.y_min_m + (np.arange(rows) + 0.5) * resolution_m - goal_xy_m[1]
        near = x_m[None, :] ** 2 + y_m[:, None] ** 2 <= radius_m**2
        return bool((self.reached_from(pose).any(axis=0) & near).any())


def outline_space(
    world: World,
    body: Body,
    clearance_m: float,
    resolution_m: float = RESOLUTION_M,
    headings: int = HEADINGS,
) -> OutlineSpace:
    """All configurations in the world's bounds in which ``body`` is more than ``clearance_m`` from what stands there.

    The outline counts with its convex hull, as points ``_SPACING_M`` apart: a corner of the world may come 2 cm nearer
    between two of them. So a clearance >= 0.02 says "surely a way", and one of 0 "surely none".
    """
    space = free_space(world, resolution_m)
    free = np.zeros((headings, *space.distance_m.shape), np.uint8)
    mark_free(space.distance_m, _rim(body), _SPACING_M, resolution_m, body.inradius_m, clearance_m, free)
    return OutlineSpace(free, space)


def _rim(body: Body) -> NDArray[np.float64]:
    """float64 [n, 2], m: points around the outline's convex hull, counter-clockwise."""
    corners = np.array([point for polygon in body.outline_m for point in polygon])
    hull = corners[ConvexHull(corners).vertices].tolist()
    points: list[tuple[float, float]] = []
    for a, b in zip(hull, hull[1:] + hull[:1], strict=True):
        parts = max(1, math.ceil(math.dist(a, b) / _SPACING_M))
        points += [(a[0] + (b[0] - a[0]) * k / parts, a[1] + (b[1] - a[1]) * k / parts) for k in range(parts)]
    return np.array(points)
