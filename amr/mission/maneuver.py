"""Driving a path as it is told: forward, backward and turns in place, slowly and close to its headings.

For paths out of tight places, which a controller that weighs things against each other would not follow closely enough.
The safety ring watches over it like over any wish.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.mission import Mission
from amr.geometry import Pose2, Twist2, wrap_angle
from amr.portable_math import arctan2

_AHEAD_M: Final = 0.2
"""Pure pursuit aims so far ahead (Coulter 1992): a curve brings it back onto the path within about that way."""
_STANDS_M: Final = 1.0e-6
_THERE_M: Final = 0.01
_TURNED_RAD: Final = 0.03
_OFF_RAD: Final = 0.6
"""Farther off its heading than this it turns before it drives."""
_MOVED_M: Final = 0.05
_MOVED_RAD: Final = 0.3
_SIGHT_M: Final = 1.0
"""What a leg does beyond does not matter yet."""
_SLOW_MPS: Final = 0.08
_SLOW_RADPS: Final = 0.3
"""Slower a skid steer does not turn at all: friction holds its wheels."""
_SLOWER_FROM_S: Final = 0.8
"""Speeds fall to the slow ones in proportion to what is left of a leg: this many seconds of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """How far along a path the robot is. ``path`` float64 [n >= 2, 3], map frame; ``passed``: last point behind it."""

    path: NDArray[np.float64]
    passed: int = 0


def follow(drive: Drive, map_from_base: Pose2, settings: Mission) -> tuple[Drive, Twist2 | None]:
    """The drive from here, and the twist for this step; None at the path's end."""
    last = len(drive.path) - 1
    while drive.passed < last:
        sign = _direction(drive.path, drive.passed)
        twist = _turn(drive, map_from_base, settings) if sign == 0 else _leg(drive, sign, map_from_base, settings)
        if twist is not None:
            return drive, twist
        drive = replace(drive, passed=drive.passed + 1)
    return drive, None


def has_moved(drive: Drive, map_from_base: Pose2) -> bool:
    """True when the robot is not where the path begins."""
    begin = Pose2(*drive.path[0].tolist())
    return (
        begin.distance_m(map_from_base) > _MOVED_M
        or abs(wrap_angle(begin.yaw_rad - map_from_base.yaw_rad)) > _MOVED_RAD
    )


def _direction(path: NDArray[np.float64], number: int) -> int:
    """Of the step after a point: 1 forward, -1 backward, 0 a turn in place."""
    (x_m, y_m, yaw_rad), (next_x_m, next_y_m, next_yaw_rad) = path[number].tolist(), path[number + 1].tolist()
    if Pose2(x_m, y_m, 0.0).distance_m(Pose2(next_x_m, next_y_m, 0.0)) < _STANDS_M:
        return 0
    middle = Pose2(x_m, y_m, yaw_rad + 0.5 * wrap_angle(next_yaw_rad - yaw_rad))
    return 1 if abs(middle.bearing_rad(Pose2(next_x_m, next_y_m, 0.0))) <= 0.5 * math.pi else -1


def _turn(drive: Drive, pose: Pose2, settings: Mission) -> Twist2 | None:
    """Towards the heading of the next point; None when it has it."""
    left_rad = wrap_angle(float(drive.path[drive.passed + 1, 2]) - pose.yaw_rad)
    return None if abs(left_rad) < _TURNED_RAD else Twist2(0.0, _turn_rate_radps(left_rad, settings))


def _turn_rate_radps(left_rad: float, settings: Mission) -> float:
    rate_radps = min(settings.turn_radps, max(_SLOW_RADPS, abs(left_rad) / _SLOWER_FROM_S))
    return math.copysign(rate_radps, left_rad)


def _leg(drive: Drive, sign: int, pose: Pose2, settings: Mission) -> Twist2 | None:
    """Along the points that follow in the same direction; None when the next one is passed."""
    path, following = drive.path, drive.passed + 1
    end = following
    while end + 1 < len(path) and _away_m(path, end, pose) < _SIGHT_M and _direction(path, end) == sign:
        end += 1
    if _left_m(path, following, sign, pose) <= (_THERE_M if following == end else 0.0):
        return None
    number = following
    while number < end and _away_m(path, number, pose) < _AHEAD_M:
        number += 1
    aim = Pose2(*path[number].tolist())
    # beyond its end the leg goes on straight: so the last of it is driven as closely as the rest
    missing_m = max(0.0, _AHEAD_M - pose.distance_m(aim)) if number == end else 0.0
    x_m, y_m = pose.inverse().apply(*aim.apply(sign * missing_m, 0.0))
    off_rad = arctan2(sign * y_m, sign * x_m)
    if abs(off_rad) > _OFF_RAD:
        return Twist2(0.0, _turn_rate_radps(off_rad, settings))
    left_m = max(0.0, _left_m(path, end, sign, pose))
    v_mps = sign * min(settings.escape_mps, max(_SLOW_MPS, left_m / _SLOWER_FROM_S))
    w_radps = v_mps * 2.0 * y_m / max(x_m * x_m + y_m * y_m, 0.01)
    return Twist2(v_mps, max(-settings.turn_radps, min(settings.turn_radps, w_radps)))


def _away_m(path: NDArray[np.float64], number: int, pose: Pose2) -> float:
    return pose.distance_m(Pose2(*path[number].tolist()))


def _left_m(path: NDArray[np.float64], number: int, sign: int, pose: Pose2) -> float:
    """Way to a point along its own heading; negative behind it."""
    x_m, _ = Pose2(*path[number].tolist()).inverse().apply(pose.x_m, pose.y_m)
    return -sign * x_m
