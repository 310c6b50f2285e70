"""A world: what stands on the floor, what moves, where the robot starts (world frame, yaw counter-clockwise)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from amr.geometry import IDENTITY, Pose2

Interpolation = Literal["linear", "catmull_rom"]


@dataclass(frozen=True, slots=True)
class Circle:
    """A disc: a pillar, a chair leg, a cylinder of BARN. ``radius_m`` > 0."""

    x_m: float
    y_m: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """A convex polygon: a wall, a box. ``points`` are (x_m, y_m), counter-clockwise, at least 3, no three on a line."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.points) < 3:
            raise ValueError("a polygon needs at least 3 points")
        turned = self.points[1:] + self.points[:1], self.points[2:] + self.points[:2]
        for a, b, c in zip(self.points, *turned, strict=True):
            cross = (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
            if not cross > 0.0:
                raise ValueError("a polygon must be convex and counter-clockwise")


Shape = Circle | Polygon


def box(center_x_m: float, center_y_m: float, size_x_m: float, size_y_m: float, yaw_rad: float = 0.0) -> Polygon:
    """A rectangle of ``size_x_m`` by ``size_y_m`` about its centre, turned by ``yaw_rad``."""
    world_from_box = Pose2(center_x_m, center_y_m, yaw_rad)
    half_x, half_y = 0.5 * size_x_m, 0.5 * size_y_m
    corners = ((-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y))
    return Polygon(tuple(world_from_box.apply(*corner) for corner in corners))


def wall(start: tuple[float, float], end: tuple[float, float], thickness_m: float) -> Polygon:
    """A wall along the segment, half of its thickness on either side; raises when the ends coincide."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length_m = math.sqrt(dx * dx + dy * dy)
    if not length_m > 0.0:
        raise ValueError("a wall needs two different ends")
    nx, ny = -0.5 * thickness_m * dy / length_m, 0.5 * thickness_m * dx / length_m
    return Polygon(
        (
            (start[0] - nx, start[1] - ny),
            (end[0] - nx, end[1] - ny),
            (end[0] + nx, end[1] + ny),
            (start[0] + nx, start[1] + ny),
        )
    )


@dataclass(frozen=True, slots=True)
class MovingObstacle:
    """A shape that is carried along keyframes and never turns.

    ``shape`` is given about the origin; at time t it stands at ``position(t)``. ``keyframes`` are (t_s, x_m, y_m) with
    rising times from 0. After ``period_s`` (at least the last keyframe's time) the motion starts again when ``loop``,
    and otherwise stands still. Catmull-Rom is uniform within a segment and one-sided at the ends,
    as in Gazebo's pose animation.
    """

    name: str
    shape: Shape
    keyframes: tuple[tuple[float, float, float], ...]
    period_s: float
    loop: bool = True
    interpolation: Interpolation = "linear"

    def __post_init__(self) -> None:
        times = [t for t, _, _ in self.keyframes]
        if not times or times[0] != 0.0:
            raise ValueError("keyframes: the first must be at 0 s")
        if any(not later > earlier for earlier, later in pairwise(times)):
            raise ValueError("keyframes: times must rise")
        if not self.period_s >= times[-1] or not self.period_s > 0.0:
            raise ValueError("period_s: must be > 0 and at least the last keyframe's time")

    def position(self, time_s: float) -> tuple[float, float]:
        """(x_m, y_m) at ``time_s`` >= 0."""
        index, u = self._segment(time_s)
        if index + 1 >= len(self.keyframes):
            return self.keyframes[-1][1:]
        return self._blend(index, u, 1), self._blend(index, u, 2)

    def velocity(self, time_s: float) -> tuple[float, float]:
        """(vx_mps, vy_mps) at ``time_s`` >= 0, by a symmetric difference of 2 ms."""
        early, late = max(0.0, time_s - 1e-3), time_s + 1e-3
        (x0, y0), (x1, y1) = self.position(early), self.position(late)
        return (x1 - x0) / (late - early), (y1 - y0) / (late - early)

    def _segment(self, time_s: float) -> tuple[int, float]:
        """Number of the segment and the fraction of it that has passed."""
        t = math.fmod(time_s, self.period_s) if self.loop else time_s
        times = [key[0] for key in self.keyframes]
        index = 0
        while index + 1 < len(times) and t >= times[index + 1]:
            index += 1
        if index + 1 >= len(times):
            return index, 0.0
        return index, (t - times[index]) / (times[index + 1] - times[index])

    def _blend(self, index: int, u: float, axis: int) -> float:
        keys = self.keyframes
        p1, p2 = keys[index][axis], keys[index + 1][axis]
        if self.interpolation == "linear":
            return p1 + u * (p2 - p1)
        p0 = keys[max(index - 1, 0)][axis]
        p3 = keys[min(index + 2, len(keys) - 1)][axis]
        m1, m2 = 0.5 * (p2 - p0), 0.5 * (p3 - p1)
        return p1 + u * (m1 + u * (3.0 * (p2 - p1) - 2.0 * m1 - m2 + u * (2.0 * (p1 - p2) + m1 + m2)))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The part of the floor that matters: for pictures and for generators, no wall by itself."""

    x_min_m: float
    y_min_m: float
    x_max_m: float
    y_max_m: float


@dataclass(frozen=True, slots=True)
class World:
    """All of it. ``friction`` replaces the robot file's floor friction when given."""

    name: str
    circles: tuple[Circle, ...] = ()
    polygons: tuple[Polygon, ...] = ()
    moving: tuple[MovingObstacle, ...] = ()
    start: Pose2 = IDENTITY
    goals: tuple[tuple[float, ...], ...] = ()
    """(x_m, y_m) or (x_m, y_m, yaw_rad) each."""
    bounds: Bounds = Bounds(-10.0, -10.0, 10.0, 10.0)
    friction: float | None = None
    description: str = ""
