"""The packaged Jackal, and an exact lidar among circles and walls, for tests of mapping and tracking."""

from __future__ import annotations

import tomllib
from importlib import resources

import numpy as np

from amr.config.robot import RobotConfig
from amr.messages import Scan


def packaged_jackal(**sections: object) -> RobotConfig:
    """The packaged Jackal; of each of ``sections`` only the given settings differ from the defaults."""
    text = (resources.files("seeds") / "robots" / "jackal.toml").read_text(encoding="utf-8")
    return RobotConfig(**{**tomllib.loads(text), **sections})


def first_hit(x_m, y_m, angle_rad, circles=(), walls=()):
    """Distances to the first surface from points in directions (arrays of one shape); inf where there is none.

    ``circles``: (x, y, radius); ``walls``: (x0, y0, x1, y1).
    """
    dx, dy = np.cos(angle_rad), np.sin(angle_rad)
    nearest = np.full(np.shape(angle_rad), np.inf)
    for cx, cy, radius in circles:
        along = (cx - x_m) * dx + (cy - y_m) * dy
        aside = (cy - y_m) * dx - (cx - x_m) * dy
        hit = (np.abs(aside) < radius) & (along > 0.0)
        depth = np.sqrt(np.maximum(radius * radius - aside * aside, 0.0))
        nearest = np.where(hit, np.minimum(nearest, along - depth), nearest)
    for x0, y0, x1, y1 in walls:
        ex, ey = x1 - x0, y1 - y0
        cross = dx * ey - dy * ex
        cross = np.where(np.abs(cross) > 1e-12, cross, 1e-12)
        along = ((x0 - x_m) * ey - (y0 - y_m) * ex) / cross
        part = ((x0 - x_m) * dy - (y0 - y_m) * dx) / cross
        hit = (along > 0.0) & (part >= 0.0) & (part <= 1.0)
        nearest = np.where(hit, np.minimum(nearest, along), nearest)
    return nearest


def scan_over(ranges: object, stamp_ns: int, fov_rad: float, **changes: object) -> Scan:
    """A scan over ``fov_rad`` centered on the lidar's x axis."""
    values = np.asarray(ranges, np.float32)
    parts: dict[str, object] = {
        "stamp_ns": stamp_ns,
        "angle_min_rad": -0.5 * fov_rad,
        "angle_increment_rad": fov_rad / max(1, values.size - 1),
        "range_min_m": 0.1,
        "range_max_m": 30.0,
        "time_increment_s": 0.0,
        "ranges_m": values,
        **changes,
    }
    return Scan(**parts)  # type: ignore[arg-type]
