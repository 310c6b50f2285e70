"""A scan as points in the robot's frame, with the robot's motion during the turn taken out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.mapping.base import ScanVerdict, scan_verdict
from amr.messages import Scan

Array = NDArray[Any]


def scan_points(scan: Scan, base_from_lidar: Pose2, base_from_base_end: Pose2, max_range_m: float) -> Array:
    """float64 [n, 2] (m): what the beams met, in the frame of the robot at the first beam, in the order of the beams.

    ``base_from_base_end``: where the robot was at the last beam, seen from the first; in between evenly. Beams without
    a return, not finite, too near or beyond ``max_range_m`` are left out; nothing is left of a scan that is unsound or
    of a motion that is not finite.
    """
    if scan_verdict(scan) is not ScanVerdict.INSERTED or not base_from_base_end.is_finite():
        return np.zeros((0, 2))
    ranges = scan.ranges_m.astype(np.float64)
    with np.errstate(invalid="ignore"):
        good = np.nonzero((ranges >= scan.range_min_m) & (ranges <= min(scan.range_max_m, max_range_m)))[0]
    distance_m = ranges[good]
    angles = scan.angle_min_rad + good * scan.angle_increment_rad + base_from_lidar.yaw_rad
    x = base_from_lidar.x_m + distance_m * np.cos(angles)
    y = base_from_lidar.y_m + distance_m * np.sin(angles)
    share = good / max(1, ranges.size - 1)
    turn = share * base_from_base_end.yaw_rad
    s, c = np.sin(turn), np.cos(turn)
    return np.column_stack([
        share * base_from_base_end.x_m + c * x - s * y,
        share * base_from_base_end.y_m + s * x + c * y,
    ])  # fmt: skip


def thinned(points: Array, count: int) -> Array:
    """At most ``count`` of ``points`` [n, 2], evenly along the order of the beams."""
    if len(points) <= count:
        return points
    picked: Array = points[(np.arange(count) * len(points)) // count]
    return picked
