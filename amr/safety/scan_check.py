"""Is this scan a measurement of the world: the rules by which a scan is refused. A dead lidar is never "all clear"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.messages import Scan

_FUTURE_NS: Final = 5_000_000
_MOVED_M: Final = 0.02
_ANGLE_RAD: Final = 1.0e-3
_RANGE_M: Final = 1.0e-3
_LOSS_FRAC: Final = 0.1
"""Part of the beams that had returns, of a lidar that cannot lose all of them from one scan to the next."""
_NEAR_M: Final = 3.0
_FEW: Final = 24
"""Returns from so near that may go at once: twice what turning loses at the rim of the view (4 rad/s, 50 Hz)."""
_SECTOR_FRAC: Final = 0.25
"""Part of the beams that cannot lose their returns from one scan to the next: a dead sector looks like open space."""


def oldest_light_ns(scan: Scan) -> int:
    """When the first of its beams was measured: by a lidar that turns clockwise that is the last beam."""
    return scan.stamp_ns + min(0, round(scan.time_increment_s * (len(scan.ranges_m) - 1) * 1e9))


@dataclass(frozen=True, slots=True)
class ScanRules:
    """What a scan of this robot's lidar must look like."""

    beams: int
    angle_min_rad: float
    angle_increment_rad: float
    range_min_m: float
    range_max_m: float
    invalid_max_frac: float
    returns_min: int
    frozen_count: int
    has_noise: bool

    @classmethod
    def from_config(cls, config: RobotConfig) -> ScanRules:
        """From a robot file."""
        return cls(
            config.lidar.beams,
            config.lidar.angle_min_rad,
            config.lidar.angle_increment_rad,
            config.lidar.range_min_m,
            config.lidar.range_max_m,
            config.safety.scan_invalid_max_frac,
            config.safety.scan_returns_min,
            config.safety.scan_frozen_count,
            config.lidar.noise_sigma_m > 0.0,
        )


def refuse(scan: Scan, rules: ScanRules, now_ns: int) -> str:
    """Why the scan is invalid, naming frame, beam or rule; '' when it is a measurement."""
    ranges = scan.ranges_m
    if ranges.dtype != np.float32 or ranges.shape != (rules.beams,):
        return f"scan has {ranges.dtype}{list(ranges.shape)}, the robot file says {rules.beams} beams of float32"
    # 'not <=' also refuses nan
    if not abs(scan.angle_min_rad - rules.angle_min_rad) <= _ANGLE_RAD:
        return f"angle_min_rad {scan.angle_min_rad:.4f}, the robot file says {rules.angle_min_rad:.4f}"
    if not abs(scan.angle_increment_rad - rules.angle_increment_rad) * rules.beams <= _ANGLE_RAD:
        return (
            f"angle_increment_rad {scan.angle_increment_rad:.6f}, the robot file says {rules.angle_increment_rad:.6f}"
        )
    if not 0.0 <= scan.range_min_m <= rules.range_min_m + _RANGE_M:
        return f"range_min_m {scan.range_min_m:.3f}, the robot file says {rules.range_min_m:.3f}"
    if not scan.range_min_m < scan.range_max_m <= rules.range_max_m + _RANGE_M:
        return f"range_max_m {scan.range_max_m:.3f}, the robot file says {rules.range_max_m:.3f}"
    if not abs(scan.time_increment_s) * rules.beams <= 1.0:
        return f"time_increment_s {scan.time_increment_s:.6f} makes no scan within 1 s"
    if scan.stamp_ns > now_ns + _FUTURE_NS:
        return f"stamp lies {(scan.stamp_ns - now_ns) / 1e6:.0f} ms in the future"
    return _refuse_ranges(scan, rules)


def _refuse_ranges(scan: Scan, rules: ScanRules) -> str:
    """The rules for the ranges themselves."""
    ranges = scan.ranges_m
    negative = ranges < 0.0
    if negative.any():
        beam = int(negative.argmax())
        return f"beam {beam}: range {float(ranges[beam]):.3f} m is negative"
    returns = _count_returns(scan)
    infinite = int(np.count_nonzero(np.isposinf(ranges)))
    invalid = rules.beams - returns - infinite
    if invalid > rules.invalid_max_frac * rules.beams:
        beam = int((~((ranges <= scan.range_max_m) | np.isposinf(ranges))).argmax())
        return f"{invalid} of {rules.beams} beams are invalid, the first is beam {beam}"
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class ScanWatch:
    """Remembers the last scan, to notice one that repeats itself."""

    ranges_m: NDArray[np.float32]
    repeats: int
    """Scans in a row with these very bytes, the first included."""
    travel_m: float
    """Reading of ``Odometer.travel_m`` at the first of them."""
    returns: int
    """Beams of it that came back."""
    near: int
    """From within 3 m: nothing so near can be out of reach in the next scan."""


def watch(last: ScanWatch | None, scan: Scan, travel_m: float) -> ScanWatch:
    """The memory with the newest scan counted."""
    if last is None or not np.array_equal(last.ranges_m.view(np.int32), scan.ranges_m.view(np.int32)):
        return ScanWatch(scan.ranges_m.copy(), 1, travel_m, _count_returns(scan), _count_near(scan))
    return replace(last, repeats=last.repeats + 1)


def blind(last: ScanWatch | None, scan: Scan, rules: ScanRules) -> str:
    """Why a scan that lost its returns is refused, '' when it is not.

    An open field looks like a dead emitter. It is believed only of a lidar that has had returns (``last``: the newest
    scan that was taken), and that lost them bit by bit: driving and turning let them go over many scans, a cable does
    not.
    """
    returns = _count_returns(scan)
    if last is not None and last.returns - returns > _SECTOR_FRAC * rules.beams:
        return f"{returns} returns in {rules.beams} beams, {last.returns} in the scan before: a blinded lidar"
    if last is not None and rules.returns_min > 0:
        lost = min(last.near - _count_near(scan), last.returns - returns)
        if lost > max(_FEW, 0.5 * last.near):
            return f"{lost} of {last.near} returns from within {_NEAR_M:.0f} m are gone at once: a blinded lidar"
    if returns >= rules.returns_min:
        return ""
    if last is None:
        return f"{returns} returns in {rules.beams} beams, and none before: a dead lidar looks like this"
    if last.returns > _LOSS_FRAC * rules.beams:
        return f"{returns} returns in {rules.beams} beams, {last.returns} in the scan before: a blinded lidar"
    return ""


def _count_returns(scan: Scan) -> int:
    return int(np.count_nonzero(scan.ranges_m <= scan.range_max_m))


def _count_near(scan: Scan) -> int:
    return int(np.count_nonzero(scan.ranges_m <= min(_NEAR_M, scan.range_max_m)))


def repeats(last: ScanWatch, rules: ScanRules) -> bool:
    """True for a scan with the bytes of the one before, of a sensor with noise: it is not new, whatever its stamp says.

    What it showed stays where it was seen; taken for new, it would run ahead of the robot until it counts as frozen.
    """
    return rules.has_noise and last.repeats > 1 and last.returns > 0


def frozen(last: ScanWatch, rules: ScanRules, travel_m: float) -> str:
    """Why the lidar counts as frozen, '' when it does not: noise, and motion, change the bytes of returns."""
    if last.repeats < rules.frozen_count or last.returns == 0:
        return ""
    moved_m = travel_m - last.travel_m
    if moved_m > _MOVED_M:
        return f"{last.repeats} scans with equal bytes while the wheels moved {moved_m:.3f} m"
    if rules.has_noise:
        return f"{last.repeats} scans with equal bytes from a sensor with noise"
    return ""
