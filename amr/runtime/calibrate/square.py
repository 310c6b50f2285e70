"""A square driven by the robot's own odometry: does it close?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from amr.geometry import IDENTITY, Pose2, Twist2, wrap_angle
from amr.runtime.calibrate import moves
from amr.runtime.calibrate.moves import Standstill
from amr.runtime.calibrate.session import Pilot, Programme

_HEADING_GAIN: Final = 2.0
_SIDE_GAIN: Final = 1.5
_TURN_GAIN: Final = 3.0
_NEAR_RAD: Final = 0.01
_SLOW_RADPS: Final = 0.15


@dataclass(slots=True)
class Square:
    """``left``: counter-clockwise. Filled by ``drive``: rests before and after, odometry from the start to the end."""

    side_m: float
    left: bool
    before: Standstill | None = None
    after: Standstill | None = None
    odometry: Pose2 = IDENTITY

    @property
    def perimeter_m(self) -> float:
        """Its way."""
        return 4.0 * self.side_m


def drive(pilot: Pilot, square: Square, stand_s: float) -> Programme:
    """Four sides and four turns, from rest to rest; ends with the heading of the start."""
    square.before = yield from moves.stand(pilot, stand_s)
    start = pilot.pose
    turn_rad = 0.5 * math.pi if square.left else -0.5 * math.pi
    corner = start
    for _ in range(4):
        yield from _side(pilot, corner, square.side_m)
        corner = corner @ Pose2(square.side_m, 0.0, turn_rad)
        yield from _face(pilot, corner.yaw_rad)
    square.after = yield from moves.stand(pilot, stand_s)
    square.odometry = start.inverse() @ pilot.pose


def _side(pilot: Pilot, line: Pose2, way_m: float) -> Programme:
    """Along the x axis of ``line`` until ``way_m``."""
    limits = pilot.robot.limits
    speed_mps = limits.v_max_mps

    def twist(_: float) -> Twist2:
        here = line.inverse() @ pilot.pose
        left_m = max(0.0, way_m - here.x_m)
        v_mps = min(speed_mps, max(0.03, math.sqrt(limits.brake_mps2 * left_m)))
        w_radps = -_HEADING_GAIN * here.yaw_rad - _SIDE_GAIN * here.y_m * min(1.0, v_mps / 0.2)
        return Twist2(v_mps, max(-0.8, min(0.8, w_radps)))

    def there() -> bool:
        return (line.inverse() @ pilot.pose).x_m >= way_m - 0.002

    yield from moves.until(pilot, twist, there, 10.0 + 3.0 * way_m / speed_mps)
    yield from moves.rest(pilot, 0.5)


def _face(pilot: Pilot, yaw_rad: float) -> Programme:
    """Turn in place to a heading of the odometry."""
    most_radps = 0.7 * pilot.robot.limits.w_max_radps

    def off() -> float:
        return wrap_angle(yaw_rad - pilot.pose.yaw_rad)

    def twist(_: float) -> Twist2:
        rate = max(_SLOW_RADPS, min(most_radps, _TURN_GAIN * abs(off())))
        return Twist2(0.0, math.copysign(rate, off()))

    yield from moves.until(pilot, twist, lambda: abs(off()) < _NEAR_RAD, 15.0)
    yield from moves.rest(pilot, 0.5)
