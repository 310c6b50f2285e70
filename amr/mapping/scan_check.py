"""Questions about a scan's geometry that the grids ask."""

from __future__ import annotations

import math

from amr.messages import Scan


def covers_full_turn(scan: Scan) -> bool:
    """True when the beam after the last one is the first again."""
    return 2.0 * math.pi / abs(scan.angle_increment_rad) < scan.ranges_m.size + 0.5
