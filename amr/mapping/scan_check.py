"""Is this a scan at all? Asked by both grids before anything changes."""

from __future__ import annotations

import math

import numpy as np

from amr.mapping.base import ScanVerdict
from amr.messages import Scan

_TURN_TOLERANCE_BEAMS = 1.5


def scan_verdict(scan: Scan) -> ScanVerdict:
    """INSERTED when the scan's geometry is sound, else the reason to refuse it. Ranges may hold nan and infinities."""
    ranges = scan.ranges_m
    if not isinstance(ranges, np.ndarray) or ranges.ndim != 1 or ranges.dtype != np.float32:
        return ScanVerdict.GEOMETRY_INVALID
    if ranges.size == 0:
        return ScanVerdict.EMPTY
    values = (scan.angle_min_rad, scan.angle_increment_rad, scan.range_min_m, scan.range_max_m, scan.time_increment_s)
    if not all(math.isfinite(value) for value in values):
        return ScanVerdict.GEOMETRY_INVALID
    increment = abs(scan.angle_increment_rad)
    if increment < 1e-6 or (ranges.size - _TURN_TOLERANCE_BEAMS) * increment > 2.0 * math.pi:
        return ScanVerdict.GEOMETRY_INVALID
    if not 0.0 <= scan.range_min_m < scan.range_max_m or abs(scan.angle_min_rad) > 4.0 * math.pi:
        return ScanVerdict.GEOMETRY_INVALID
    return ScanVerdict.INSERTED


def covers_full_turn(scan: Scan) -> bool:
    """True when the beam after the last one is the first again."""
    return 2.0 * math.pi / abs(scan.angle_increment_rad) < scan.ranges_m.size + 0.5
