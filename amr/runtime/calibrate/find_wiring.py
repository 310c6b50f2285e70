"""The first motions of a robot that may be wired anyhow: millimetres, with little duty and no regulation."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from amr.calibration import wiring
from amr.calibration.base import CalibrationError
from amr.geometry import Pose2, Twist2
from amr.messages import Scan
from amr.runtime.calibrate import moves
from amr.runtime.calibrate.drives import STAND_S, Drives
from amr.runtime.calibrate.moves import Standstill
from amr.runtime.calibrate.places import between
from amr.runtime.calibrate.session import Pilot, Programme
from amr.runtime.calibrate.settings import PUSH_DUTY_S_PER_M, open_loop
from firmware_bridge.link_config import wiring_flags

_PUSH_TURN_RAD: Final = 0.05
"""A push ends when the body turned so far, or the wheel as far as that takes."""
_PUSH_MOST_MPS: Final = 0.06
_PUSH_RISE_MPS2: Final = 0.02
_DIRECTION_WAY_M: Final = 0.10


def find_wiring(pilot: Pilot, drives: Drives) -> Programme:
    """Push each motor, then both; ``drives.robot`` gets wiring and, roughly, the lidar's yaw."""
    if drives.robot.drive.kind == "differential":
        pilot.stage = "wiring: one motor at a time"
        for pins in ((1.0, 0.0), (0.0, 1.0)):
            yield from _push(pilot, drives, pins)
        pushes = drives.pushes[0], drives.pushes[1]
    else:
        pilot.stage = "wiring: both motors alike, then against each other"
        for pins in ((1.0, 1.0), (1.0, -1.0)):
            yield from _push(pilot, drives, pins)
        pushes = wiring.apart(drives.pushes[0], drives.pushes[1])
    first, second = wiring.wirings(pushes)
    pilot.stage = "wiring: which way is forward"
    robot = pilot.robot
    pilot.adopt(robot, open_loop(robot, wiring_flags(first), PUSH_DUTY_S_PER_M))
    yield from moves.connect(pilot)
    before = yield from moves.stand(pilot, STAND_S)
    start_ns, start_m = pilot.now_ns, 0.5 * (pilot.left_m + pilot.right_m)

    def moved_m() -> float:
        return 0.5 * (pilot.left_m + pilot.right_m) - start_m

    def twist(elapsed_s: float) -> Twist2:
        return Twist2(min(_PUSH_MOST_MPS, _PUSH_RISE_MPS2 * elapsed_s), 0.0)

    yield from moves.until(pilot, twist, lambda: abs(moved_m()) >= _DIRECTION_WAY_M, 8.0)
    stop_ns = pilot.now_ns
    after = yield from moves.stand(pilot, STAND_S)
    if moved_m() < 0.5 * _DIRECTION_WAY_M:
        raise CalibrationError("both wheels were driven alike and did not count alike: encoders or wiring change")
    seen = between(_scans(pilot, before), _scans(pilot, after), drives.robot.lidar.range_max_m)
    lidar = drives.robot.lidar
    mounting = Pose2(lidar.x_m, lidar.y_m, lidar.yaw_rad)
    body = mounting @ seen.pose @ mounting.inverse()
    gained_mps = _gained_mps(pilot, drives, start_ns, stop_ns)
    forward = wiring.is_forward(body.x_m, gained_mps, moved_m())
    # the way in the lidar frame, freed of the little turn, points along the body's x axis
    heading = math.atan2(seen.pose.y_m, seen.pose.x_m) - 0.5 * seen.pose.yaw_rad + (0.0 if forward else math.pi)
    drives.lidar_yaw_rad = math.remainder(-heading, 2.0 * math.pi)
    names = first if forward else second
    drives.robot = drives.robot.model_copy(
        update={
            "firmware": drives.robot.firmware.model_copy(update={"wiring": names}),
            "lidar": lidar.model_copy(update={"yaw_rad": drives.lidar_yaw_rad}),
        }
    )


def _push(pilot: Pilot, drives: Drives, pins: tuple[float, float]) -> Programme:
    """Raise the duty of the pins, in these shares, until something moves."""
    before = yield from moves.stand(pilot, STAND_S)
    start_ns = pilot.now_ns
    bias_radps = drives.rest.gyro_bias_radps.value if drives.rest is not None else 0.0
    track_m = pilot.robot.drive.track_m
    speed_mps = 0.0

    def twist(elapsed_s: float) -> Twist2:
        nonlocal speed_mps
        speed_mps = min(_PUSH_MOST_MPS, _PUSH_RISE_MPS2 * elapsed_s)
        return Twist2(0.5 * (pins[0] + pins[1]) * speed_mps, (pins[1] - pins[0]) * speed_mps / track_m)

    def moved() -> bool:
        ways = [count * pilot.robot.drive.metres_per_tick_m for count in _counted(pilot, before)]
        turned = pilot.recording.turned_rad(start_ns, bias_radps)
        wheel_moved = max(abs(way) for way in ways) >= 1.2 * _PUSH_TURN_RAD * track_m
        spent = (pilot.now_ns - start_ns) * 1e-9 > _PUSH_MOST_MPS / _PUSH_RISE_MPS2 + 0.7
        return wheel_moved or abs(turned) >= _PUSH_TURN_RAD or spent

    yield from moves.until(pilot, twist, moved, 10.0)
    duty = speed_mps * PUSH_DUTY_S_PER_M
    yield from moves.rest(pilot, 0.3)
    turned_rad = pilot.recording.turned_rad(start_ns, bias_radps)
    after = yield from moves.stand(pilot, STAND_S)
    seen = between(_scans(pilot, before), _scans(pilot, after), drives.robot.lidar.range_max_m)
    ticks = (after.left_ticks - before.left_ticks, after.right_ticks - before.right_ticks)
    pin = 0 if pins[0] else 1
    drives.pushes.append(wiring.Push(pin, duty, ticks, turned_rad, seen.pose.yaw_rad))


def _counted(pilot: Pilot, since: Standstill) -> tuple[int, int]:
    left, right = pilot.recording.newest_wheels or (since.left_ticks, since.right_ticks)
    return left - since.left_ticks, right - since.right_ticks


def _gained_mps(pilot: Pilot, drives: Drives, start_ns: int, end_ns: int) -> float:
    """Speed along x by the accelerometer from rest until ``end_ns``; nan without one."""
    if drives.rest is None:
        return math.nan
    samples = pilot.recording.imu(start_ns, end_ns)
    accel = samples.accel_x_mps2 - drives.rest.accel_x_bias_mps2.value
    gained_mps = float(np.sum(accel[1:] * np.diff(samples.stamp_s)))
    duration_s = (end_ns - start_ns) * 1e-9
    noise = drives.rest.accel_noise_mps2.value * math.sqrt(duration_s / 200.0)
    noise = math.hypot(noise, drives.rest.accel_x_bias_mps2.sigma * duration_s)
    return gained_mps if abs(gained_mps) > 4.0 * noise else math.nan


def _scans(pilot: Pilot, still: Standstill) -> list[Scan]:
    return [scan for scan, _ in pilot.recording.scans(still.start_ns, still.end_ns)]
