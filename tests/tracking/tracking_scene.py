"""Scenes with movers of known motion, an exact lidar with noise, and the tracker over them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from exact_lidar import first_hit, packaged_jackal, scan_over

from amr.config.robot import RobotConfig
from amr.geometry import IDENTITY, Pose2
from amr.movers import Mover
from amr.tracking.tracker import MoverTracker

MOUNT_X_M = 0.055
Motion = Callable[[float], tuple[float, float]]
Route = Callable[[float], Pose2]


def jackal(**tracking: object) -> RobotConfig:
    """The packaged Jackal with some settings of ``tracking`` replaced."""
    return packaged_jackal(tracking=tracking)


def line(x_m: float, y_m: float, vx_mps: float, vy_mps: float) -> Motion:
    """A constant velocity."""
    return lambda t: (x_m + vx_mps * t, y_m + vy_mps * t)


@dataclass
class Scene:
    """Circles (x, y, radius) and walls (x0, y0, x1, y1) that stand, and discs (motion, radius) that move."""

    circles: tuple[tuple[float, float, float], ...] = ()
    walls: tuple[tuple[float, float, float, float], ...] = ()
    movers: tuple[tuple[Motion, float], ...] = ()

    def ranges(self, base: Pose2, t: float, beams: int, fov_rad: float) -> np.ndarray:
        yaw = base.yaw_rad - 0.5 * fov_rad + fov_rad * np.arange(beams) / max(1, beams - 1)
        x = base.x_m + MOUNT_X_M * math.cos(base.yaw_rad)
        y = base.y_m + MOUNT_X_M * math.sin(base.yaw_rad)
        moving = tuple((*motion(t), radius) for motion, radius in self.movers)
        return first_hit(x, y, yaw, (*self.circles, *moving), self.walls)


@dataclass
class Moment:
    """One scan of a run."""

    t_s: float
    movers: tuple[Mover, ...]
    truth: list[tuple[float, float]]
    """Of the discs that move."""


@dataclass
class Run:
    """A tracker over a scene, at 50 Hz unless asked otherwise."""

    scene: Scene
    route: Route = field(default=lambda _: IDENTITY)
    period_s: float = 0.02
    beams: int = 720
    fov_rad: float = math.radians(270.0)
    sigma_m: float = 0.003
    pose_error: Route = field(default=lambda _: IDENTITY)
    """Of the odometry, in the base frame."""
    change: Callable[[np.ndarray, int], np.ndarray] = field(default=lambda ranges, _: ranges)
    tracker: MoverTracker = field(default_factory=lambda: MoverTracker(jackal()))
    moments: list[Moment] = field(default_factory=list)

    def drive(self, duration_s: float) -> Run:
        """Go on for that long."""
        random = np.random.default_rng(7)
        begin = len(self.moments)
        for number in range(begin, begin + round(duration_s / self.period_s)):
            t = number * self.period_s
            stamp_ns = round(t * 1e9)
            base = self.route(t)
            ranges = self.scene.ranges(base, t, self.beams, self.fov_rad)
            ranges = self.change(ranges + self.sigma_m * random.standard_normal(self.beams), number)
            believed = base @ self.pose_error(t)
            self.tracker.update(scan_over(ranges, stamp_ns, self.fov_rad), believed, believed)
            truth = [motion(t) for motion, _ in self.scene.movers]
            self.moments.append(Moment(t, self.tracker.movers(stamp_ns), truth))
        return self

    def nearest(self, moment: Moment, number: int) -> tuple[float, Mover | None]:
        """The mover nearest to the true disc ``number`` and its distance."""
        x, y = moment.truth[number]
        best = min(moment.movers, key=lambda m: math.hypot(m.x_m - x, m.y_m - y), default=None)
        return (math.inf, None) if best is None else (math.hypot(best.x_m - x, best.y_m - y), best)

    def ghosts(self) -> int:
        """Movers, over all moments, that are farther than half a metre from every true one."""
        return sum(
            min((math.hypot(m.x_m - x, m.y_m - y) for x, y in moment.truth), default=math.inf) > 0.5
            for moment in self.moments
            for m in moment.movers
        )
