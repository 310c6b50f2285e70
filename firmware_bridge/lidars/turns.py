"""Points of a spinning lidar become scans on the beams of the robot file.

A turn is cut at the seam of the robot file's beams, so that the beams of one scan were measured one after the other. A
sensor that turns clockwise measures the last beam first: its ``time_increment_s`` is negative, and the stamp, that of
beam 0, is its newest time.

A beam holds the nearest of its points; one without a point takes its neighbor's, if that is the next one; else it is
nan: not measured. A lost packet is never open space.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from statistics import median

import numpy as np

from amr.config.hardware import Lidar
from amr.messages import Scan
from firmware_bridge.lidars.dialect import Point

_TURN_RAD = 2.0 * math.pi
_PERIODS_KEPT = 5
_EARLY_FRAC = 0.01
"""A turn may take this much longer than those before it: what arrives later than that was delayed on its way."""
_LAG_TURNS = 0.5
_BACK_RAD = math.radians(20.0)
_PERIOD_MIN_NS, _PERIOD_MAX_NS = 10_000_000, 1_000_000_000


class Turns:
    """``delay_ns``: from the light of a point to the arrival of the bytes that hold it."""

    def __init__(self, lidar: Lidar, *, clockwise: bool, delay_ns: int) -> None:
        self._lidar = lidar
        self._clockwise = clockwise
        self._sense = -1.0 if clockwise else 1.0
        self._delay_ns = delay_ns
        half_rad = 0.5 * lidar.angle_increment_rad
        last_rad = lidar.angle_min_rad + (lidar.beams - 1) * lidar.angle_increment_rad
        self._seam_rad = last_rad + half_rad if clockwise else lidar.angle_min_rad - half_rad
        self._periods_ns: deque[int] = deque(maxlen=_PERIODS_KEPT)
        self.turns = 0
        """Whole turns given out."""
        self.restart()

    def restart(self) -> None:
        """What comes next does not follow on what came: the turn under way is thrown away."""
        self._phase_rad: float | None = None
        self._jump = False
        self._ranges = np.full(self._lidar.beams, np.inf)
        self._filled = np.zeros(self._lidar.beams, np.bool_)
        self._pointed_ns: int | None = None
        self._arrived_ns: int | None = None
        self._end_ns: int | None = None
        self._periods_ns.clear()

    def skip(self) -> None:
        """Bytes were lost: the next point may lie anywhere, ahead in this turn or in the next one."""
        self._jump = True

    def add(self, points: Iterable[Point], now_ns: int) -> list[Scan]:
        """The scans that these points end; they arrived now, in the order of their measurement."""
        lidar, scans = self._lidar, []
        per_beam = 1.0 / lidar.angle_increment_rad
        for angle_rad, range_m in points:
            # angle since the seam, in the sense of rotation
            phase_rad = (angle_rad - self._sense * self._seam_rad) % _TURN_RAD
            if self._begins_a_turn(phase_rad, now_ns):
                scan = self._finish(now_ns)
                if scan is not None:
                    scans.append(scan)
            elif phase_rad > math.pi and self._phase_rad is not None and self._phase_rad < _BACK_RAD and not self._jump:
                continue  # back over the seam by an angle's noise: this turn has begun already
            self._phase_rad, self._jump, self._pointed_ns = phase_rad, False, now_ns
            step = int(phase_rad * per_beam)
            if step < lidar.beams:
                beam = lidar.beams - 1 - step if self._clockwise else step
                self._filled[beam] = True
                if range_m < self._ranges[beam]:
                    self._ranges[beam] = range_m
        return scans

    def _begins_a_turn(self, phase_rad: float, now_ns: int) -> bool:
        """Whether this point lies beyond the seam. After half a turn without points nobody can tell: begin anew."""
        if self._phase_rad is None or self._pointed_ns is None:
            return False
        half_ns = (median(self._periods_ns) if self._periods_ns else _PERIOD_MAX_NS) // 2
        if now_ns - self._pointed_ns > half_ns:
            self.restart()
            return False
        return phase_rad < self._phase_rad if self._jump else phase_rad < self._phase_rad - math.pi

    def _finish(self, now_ns: int) -> Scan | None:
        """The scan of the turn that ends here; None for the first, which had begun before us, and had no period."""
        end_ns = self._time_of_end(now_ns)
        ranges_m, self._ranges = self._ranges, np.full(self._lidar.beams, np.inf)
        filled, self._filled = self._filled, np.zeros(self._lidar.beams, np.bool_)
        if not self._periods_ns:
            return None
        self.turns += 1
        period_ns = round(median(self._periods_ns))
        return self._scan(ranges_m, filled, end_ns - self._delay_ns, period_ns)

    def _scan(self, ranges_m: np.ndarray, filled: np.ndarray, end_ns: int, period_ns: int) -> Scan:
        lidar = self._lidar
        ranges_m[ranges_m > lidar.range_max_m] = np.inf
        empty = ~filled
        for shift in (1, -1):
            lent = empty & np.roll(filled, shift) & ~np.isnan(ranges_m)
            ranges_m[lent] = np.minimum(ranges_m[lent], np.roll(ranges_m, shift)[lent])
        near = np.roll(filled, 1) | np.roll(filled, -1)
        ranges_m[empty & ~near] = np.nan
        beam_ns = period_ns * lidar.angle_increment_rad / _TURN_RAD
        if self._clockwise:
            # the seam is half a beam beyond the last beam, where the turn began
            stamp_ns = end_ns - period_ns + round(beam_ns * (lidar.beams - 0.5))
        else:
            stamp_ns = end_ns - period_ns + round(0.5 * beam_ns)
        return Scan(
            stamp_ns,
            lidar.angle_min_rad,
            lidar.angle_increment_rad,
            lidar.range_min_m,
            lidar.range_max_m,
            self._sense * beam_ns * 1e-9,
            ranges_m.astype(np.float32),
        )

    def _time_of_end(self, now_ns: int) -> int:
        """When the turn ended: the arrival, less what it waited on its way compared with the turns before."""
        if self._arrived_ns is not None and _PERIOD_MIN_NS <= now_ns - self._arrived_ns <= _PERIOD_MAX_NS:
            self._periods_ns.append(now_ns - self._arrived_ns)
        self._arrived_ns = now_ns
        end_ns = now_ns
        if self._end_ns is not None and self._periods_ns:
            period_ns = round(median(self._periods_ns) * (1.0 + _EARLY_FRAC))
            expected_ns = self._end_ns + period_ns
            if now_ns - expected_ns < _LAG_TURNS * period_ns:
                end_ns = min(now_ns, expected_ns)
        self._end_ns = end_ns
        return end_ns
