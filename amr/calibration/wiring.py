"""Which motor and which encoder sit on which pin, and which way round.

One motor at a time gets a little duty. The wheel that turns moves the body; the gyro (and the scan) tell the turn, the
encoders who counted. A turn to the left is the right wheel forward or the left wheel backward, so two answers remain
for the pair: they differ in what is the front. One short motion of both wheels, seen by lidar and accelerometer,
decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from amr.calibration.base import CalibrationError

LEAST_TICKS = 6
LEAST_TURN_RAD = 0.02
"""Well above what gyro and scan match err by at rest."""
OTHER_WHEEL_FRAC = 0.5
"""The wheel that is not driven may be dragged along by this part of the other's counts."""
PINS = ("left", "right")


@dataclass(frozen=True, slots=True)
class Push:
    """What came of positive duty on one motor pin (0 left, 1 right) from rest to rest.

    ``ticks``: counts on the (left, right) encoder pins; ``gyro_rad``, ``scan_rad``: how the body turned by the gyro and
    by the scans, nan where one is missing.
    """

    pin: int
    duty: float
    ticks: tuple[int, int]
    gyro_rad: float
    scan_rad: float


def apart(alike: Push, against: Push) -> tuple[Push, Push]:
    """What each motor does, from a push of both with equal and one with opposite duty.

    For robots that one motor does not turn: the wheels of a skid steer roll along rather than slide. Motion is linear
    in the two duties; the second is scaled to the way of the first.
    """
    way, other = (sum(abs(count) for count in push.ticks) for push in (alike, against))
    scale = way / other if other else 1.0

    def part(sign: float, pin: int) -> Push:
        ticks = tuple(round(0.5 * (a + sign * scale * b)) for a, b in zip(alike.ticks, against.ticks, strict=True))
        gyro_rad = 0.5 * (alike.gyro_rad + sign * scale * against.gyro_rad)
        scan_rad = 0.5 * (alike.scan_rad + sign * scale * against.scan_rad)
        return Push(pin, max(alike.duty, against.duty), (ticks[0], ticks[1]), gyro_rad, scan_rad)

    return part(1.0, 0), part(-1.0, 1)


def wirings(pushes: tuple[Push, Push]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The two wirings (names of ``amr.config.hardware.Crossed``) that explain a push of the left and the right pin.

    A robot that is wired in the second way drives backward when the first is taken for true.
    Raises ``CalibrationError`` naming what is not possible.
    """
    turns = [_turn(push) for push in pushes]
    encoders = [_encoder(push) for push in pushes]
    if encoders[0] == encoders[1]:
        raise CalibrationError(
            f"both motors turn the wheel whose encoder is on the {PINS[encoders[0]]} pins: is the other encoder dead, "
            "or are both motors on one bridge?"
        )
    first = _wiring(pushes, turns, encoders, left_pin=0)
    second = _wiring(pushes, turns, encoders, left_pin=1)
    return (first, second) if len(first) <= len(second) else (second, first)


def _turn(push: Push) -> int:
    """1 = the body turned left, -1 = right."""
    name = f"{PINS[push.pin]} motor"
    counted = max(abs(count) for count in push.ticks) >= LEAST_TICKS
    seen = [turn for turn in (push.gyro_rad, push.scan_rad) if math.isfinite(turn)]
    if not seen:
        raise CalibrationError("neither gyro nor lidar can tell how the robot turns")
    turned = max(abs(turn) for turn in seen) >= LEAST_TURN_RAD
    if not counted and not turned:
        raise CalibrationError(
            f"{name}: nothing moved up to a duty of {push.duty:.0%}: no motor power, a wire off, or a blocked wheel"
        )
    if not turned:
        raise CalibrationError(
            f"{name}: its encoder counts but the body does not turn: does the wheel touch the floor?"
        )
    if not counted:
        raise CalibrationError(f"{name}: the body turns but no encoder counts: encoder broken or not connected")
    if len(seen) == 2:
        if seen[0] * seen[1] < 0.0 and min(abs(turn) for turn in seen) >= 0.5 * LEAST_TURN_RAD:
            raise CalibrationError(
                f"{name}: the gyro turns to one side and the scans to the other: IMU or lidar is mounted upside down"
            )
        if min(abs(turn) for turn in seen) < 0.25 * max(abs(turn) for turn in seen):
            dead = "gyro" if abs(seen[0]) < abs(seen[1]) else "lidar"
            raise CalibrationError(f"{name}: the body turns but the {dead} does not see it")
    return 1 if max(seen, key=abs) > 0.0 else -1


def _encoder(push: Push) -> int:
    """Encoder pin (0 left, 1 right) of the wheel that turned."""
    left, right = (abs(count) for count in push.ticks)
    more, less = max(left, right), min(left, right)
    if less > OTHER_WHEEL_FRAC * more:
        raise CalibrationError(
            f"{PINS[push.pin]} motor: both encoders count ({push.ticks[0]} and {push.ticks[1]}) when one motor is "
            "driven"
        )
    return 0 if left > right else 1


def _wiring(pushes: tuple[Push, Push], turns: list[int], encoders: list[int], left_pin: int) -> tuple[str, ...]:
    """Names of what is crossed when the robot's left motor is on ``left_pin``."""
    names = ["motors_swapped"] if left_pin == 1 else []
    if encoders[left_pin] == 1:
        names.append("encoders_swapped")
    for side, pin in (("left", left_pin), ("right", 1 - left_pin)):
        forward_turn = -1 if side == "left" else 1
        motor_sign = 1 if turns[pin] == forward_turn else -1
        if motor_sign < 0:
            names.append(f"{side}_motor_inverted")
        if pushes[pin].ticks[encoders[pin]] * motor_sign < 0:
            names.append(f"{side}_encoder_inverted")
    return tuple(sorted(names))


def is_forward(scan_m: float, accelerometer_mps: float, way_m: float) -> bool:
    """Whether a short motion of ``way_m`` > 0 by the wheels went forward.

    ``scan_m``: way along the body's x axis by scans (lidar yaw of the robot file); ``accelerometer_mps``: speed gained
    at its start along x, nan without one. Raises ``CalibrationError`` where they contradict.
    """
    if abs(scan_m) < 0.3 * way_m:
        raise CalibrationError(
            f"the wheels went {way_m:.2f} m, the scans say {scan_m:.2f} m along x: lidar.yaw_rad is wrong by about 90 "
            "degrees, or something turns the wheels but not the robot"
        )
    if math.isfinite(accelerometer_mps) and scan_m * accelerometer_mps < 0.0:
        raise CalibrationError(
            "the scans and the accelerometer disagree about what is forward: the lidar's yaw in the robot file is "
            "wrong by more than 90 degrees, or the IMU's x axis does not point forward"
        )
    return scan_m > 0.0
