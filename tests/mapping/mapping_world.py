"""A tiny world to look at: circles and walls, an exact lidar, and the Jackal's config."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from exact_lidar import first_hit, packaged_jackal, scan_over

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import Scan

MOUNT = Pose2(0.055, 0.0, 0.0)
STEP_NS = 20_000_000


def jackal(**mapping: object) -> RobotConfig:
    """The packaged Jackal with some settings of ``mapping`` replaced."""
    return packaged_jackal(mapping=mapping)


@dataclass(frozen=True)
class World:
    """Circles (x, y, radius) and walls (x0, y0, x1, y1)."""

    circles: tuple[tuple[float, float, float], ...] = ()
    walls: tuple[tuple[float, float, float, float], ...] = ()

    def ranges(self, x_m, y_m, angle_rad):
        """Distances to the first surface from points in directions (arrays of one shape); inf where there is none."""
        return first_hit(x_m, y_m, angle_rad, self.circles, self.walls)


def make_scan(ranges: object, stamp_ns: int = 0, fov_deg: float = 270.0, **changes: object) -> Scan:
    """A scan over ``fov_deg`` centered on the lidar's x axis."""
    return scan_over(ranges, stamp_ns, math.radians(fov_deg), **changes)


def look(world: World, base: Pose2, stamp_ns: int = 0, beams: int = 720, end: Pose2 | None = None) -> Scan:
    """What the Jackal's lidar sees from ``base``; from poses between ``base`` and ``end`` when it sweeps."""
    end = end or base
    part = np.linspace(0.0, 1.0, beams)
    yaw = base.yaw_rad + part * (end.yaw_rad - base.yaw_rad)
    x = base.x_m + part * (end.x_m - base.x_m) + MOUNT.x_m * np.cos(yaw)
    y = base.y_m + part * (end.y_m - base.y_m) + MOUNT.x_m * np.sin(yaw)
    return make_scan(world.ranges(x, y, yaw + math.radians(270.0) * (part - 0.5)), stamp_ns)
