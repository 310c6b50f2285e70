"""Scans of a robot that turns: each beam put where the wheels say that the lidar was, then matched to the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amr.calibration.geometry import WheelGeometry
from amr.geometry import Pose2
from amr.messages import Scan
from amr.runtime.calibrate.places import SETTINGS, Floats, Places


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """Poses of the base by the wheels, float64 [n] each, from their own start; yaw unwrapped."""

    stamp_s: Floats
    x_m: Floats
    y_m: Floats
    yaw_rad: Floats
    mounting: Pose2

    @classmethod
    def of(
        cls,
        stamp_s: Floats,
        left_rad: Floats,
        right_rad: Floats,
        found: WheelGeometry,
        yaw_rad: Floats | None = None,
    ) -> Swept:
        """From wheel angles; ``yaw_rad`` in place of their yaw where wheels slide."""
        left, right = np.diff(left_rad) * found.left_radius_m, np.diff(right_rad) * found.right_radius_m
        turn = (right - left) / found.track_m
        yaw = np.concatenate([[0.0], np.cumsum(turn)]) if yaw_rad is None else yaw_rad
        middle = 0.5 * (yaw[1:] + yaw[:-1])
        way = 0.5 * (left + right)
        x = np.concatenate([[0.0], np.cumsum(way * np.cos(middle))])
        y = np.concatenate([[0.0], np.cumsum(way * np.sin(middle))])
        return cls(stamp_s, x, y, yaw, found.base_from_lidar)

    def lidar_at(self, time_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Poses of the lidar (x, y, yaw), in the frame of the base at the start."""
        x, y, yaw = (np.interp(time_s, self.stamp_s, values) for values in (self.x_m, self.y_m, self.yaw_rad))
        c, s = np.cos(yaw), np.sin(yaw)
        m = self.mounting
        return x + c * m.x_m - s * m.y_m, y + s * m.x_m + c * m.y_m, yaw + m.yaw_rad


def straightened(
    scans: list[Scan], swept: Swept, start: Pose2, places: Places, offset_s: float
) -> tuple[Floats, Floats]:
    """(time of the middle of each scan, heading of the base in the map's frame plus a constant).

    ``start``: the lidar's pose in the map when ``swept`` begins; wheels' stamps are ahead by ``offset_s``.
    """
    lines = places.map()
    map_from_base = start @ swept.mounting.inverse()
    times, yaws = [], []
    for scan in scans:
        count = len(scan.ranges_m)
        beams_s: Floats = 1e-9 * scan.stamp_ns + scan.time_increment_s * np.arange(count, dtype=np.float64)
        middle_s = float(beams_s[count // 2])
        ranges = np.asarray(scan.ranges_m, np.float64)
        used = np.isfinite(ranges) & (ranges >= scan.range_min_m)
        ranges = ranges[used]
        x, y, yaw = swept.lidar_at(beams_s[used] + offset_s)
        at = [float(value[0]) for value in swept.lidar_at(np.array([middle_s + offset_s]))]
        direction = yaw + scan.angle_min_rad + scan.angle_increment_rad * np.flatnonzero(used)
        px, py = x + ranges * np.cos(direction) - at[0], y + ranges * np.sin(direction) - at[1]
        c, s = np.cos(at[2]), np.sin(at[2])
        points = np.stack([c * px + s * py, c * py - s * px], axis=1)
        guess = map_from_base @ Pose2(*at)
        match = lines.match(
            np.ascontiguousarray(points), np.array([guess.x_m, guess.y_m, guess.yaw_rad]), SETTINGS.as_array()
        )
        times.append(middle_s)
        yaws.append(float(match.pose[2]))
    return np.array(times), np.array(yaws)
