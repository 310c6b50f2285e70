"""A tiny world to look at: circles and walls, an exact lidar, and the Jackal's config."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import Scan

MOUNT = Pose2(0.055, 0.0, 0.0)
STEP_NS = 20_000_000


def jackal(**mapping: object) -> RobotConfig:
    """The packaged Jackal with some settings of ``mapping`` replaced."""
    text = (resources.files("seeds") / "robots" / "jackal.toml").read_text(encoding="utf-8")
    return RobotConfig(**{**tomllib.loads(text), "mapping": mapping})


@dataclass(frozen=True)
class World:
    """Circles (x, y, radius) and walls (x0, y0, x1, y1)."""

    circles: tuple[tuple[float, float, float], ...] = ()
    walls: tuple[tuple[float, float, float, float], ...] = ()

    def ranges(self, x_m, y_m, angle_rad):
        """Distances to the first surface from points in directions (arrays of one shape); inf where there is none."""
        dx, dy = np.cos(angle_rad), np.sin(angle_rad)
        nearest = np.full(np.shape(angle_rad), np.inf)
        for cx, cy, radius in self.circles:
            along = (cx - x_m) * dx + (cy - y_m) * dy
            aside = (cy - y_m) * dx - (cx - x_m) * dy
            hit = (np.abs(aside) < radius) & (along > 0.0)
            depth = np.sqrt(np.maximum(radius * radius - aside * aside, 0.0))
            nearest = np.where(hit, np.minimum(nearest, along - depth), nearest)
        for x0, y0, x1, y1 in self.walls:
            ex, ey = x1 - x0, y1 - y0
            cross = dx * ey - dy * ex
            cross = np.where(np.abs(cross) > 1e-12, cross, 1e-12)
            along = ((x0 - x_m) * ey - (y0 - y_m) * ex) / cross
            part = ((x0 - x_m) * dy - (y0 - y_m) * dx) / cross
            hit = (along > 0.0) & (part >= 0.0) & (part <= 1.0)
            nearest = np.where(hit, np.minimum(nearest, along), nearest)
        return nearest


def make_scan(ranges: object, stamp_ns: int = 0, fov_deg: float = 270.0, **changes: object) -> Scan:
    """A scan over ``fov_deg`` centered on the lidar's x axis."""
    values: NDArray[np.float32] = np.asarray(ranges, np.float32)
    fov = math.radians(fov_deg)
    parts: dict[str, object] = {
        "stamp_ns": stamp_ns,
        "angle_min_rad": -0.5 * fov,
        "angle_increment_rad": fov / max(1, values.size - 1),
        "range_min_m": 0.1,
        "range_max_m": 30.0,
        "time_increment_s": 0.0,
        "ranges_m": values,
        **changes,
    }
    return Scan(**parts)  # type: ignore[arg-type]


def look(world: World, base: Pose2, stamp_ns: int = 0, beams: int = 720, end: Pose2 | None = None) -> Scan:
    """What the Jackal's lidar sees from ``base``; from poses between ``base`` and ``end`` when it sweeps."""
    end = end or base
    part = np.linspace(0.0, 1.0, beams)
    yaw = base.yaw_rad + part * (end.yaw_rad - base.yaw_rad)
    x = base.x_m + part * (end.x_m - base.x_m) + MOUNT.x_m * np.cos(yaw)
    y = base.y_m + part * (end.y_m - base.y_m) + MOUNT.x_m * np.sin(yaw)
    return make_scan(world.ranges(x, y, yaw + math.radians(270.0) * (part - 0.5)), stamp_ns)
