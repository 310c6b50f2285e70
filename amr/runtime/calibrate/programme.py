"""The programme: from tiny motions of a robot that may be wired anyhow to stops at the limit of the floor.

Each stage starts only from what the one before has proved. What comes out is not computed here but in ``fit``; here
only what the next stage needs: the wiring, the wheel loop, and roughly where the lidar looks.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from amr.calibration import inertial
from amr.calibration.base import CalibrationError
from amr.config.robot import RobotConfig
from amr.geometry import STANDSTILL, Twist2
from amr.messages import Scan
from amr.runtime.calibrate import moves
from amr.runtime.calibrate.drives import STAND_S, Drives
from amr.runtime.calibrate.find_wiring import find_wiring
from amr.runtime.calibrate.measure_motors import measure_motors
from amr.runtime.calibrate.session import Pilot, Programme, Wish
from amr.runtime.calibrate.settings import (
    PUSH_DUTY_S_PER_M,
    SPEED_MPS,
    back_mps,
    careful,
    closed_loop,
    open_loop,
    stopping_hard,
)
from amr.units import ns_from_s

ROOM_M: Final = 1.6
"""Free space that the programme needs around the robot's centre, to all sides."""
STRAIGHT_M: Final = 1.0
SWING_S: Final = 9.0
SWING_FRAC: Final = 0.7
"""Of the careful turn rate; how fast it swings follows from the careful acceleration."""
STOPS: Final = 4
_REST_S: Final = 3.0


def programme(pilot: Pilot, drives: Drives) -> Programme:
    """All of it; fills ``drives``. Raises ``CalibrationError`` with the reason why it cannot go on."""
    yield from _listen(pilot, drives)
    yield from find_wiring(pilot, drives)
    yield from measure_motors(pilot, drives)
    yield from _drive_geometry(pilot, drives)
    yield from _swing(pilot, drives)
    yield from _stop_hard(pilot, drives)


# ------------------------------------------------------------ listen


def _listen(pilot: Pilot, drives: Drives) -> Programme:
    pilot.stage = "listening"
    robot = careful(drives.robot)
    pilot.adopt(robot, open_loop(robot, 0, PUSH_DUTY_S_PER_M))
    yield from moves.connect(pilot)
    yield from moves.rest(pilot, 0.5)
    drives.at_rest = yield from moves.stand(pilot, _REST_S)
    window = (drives.at_rest.start_ns, drives.at_rest.end_ns)
    samples = pilot.recording.imu(*window)
    if pilot.recording.has_imu:
        if len(samples.stamp_s) < 20:
            raise CalibrationError(f"the IMU has gone silent: {pilot.link_reason}")
        drives.rest = inertial.at_rest(samples.gyro_radps, samples.accel_x_mps2, samples.accel_y_mps2)
    scans = pilot.recording.scans(*window)
    if len(scans) < 5:
        raise CalibrationError(f"{len(scans)} scans came in {_REST_S:.0f} s: is the lidar alive?")
    _refuse_little_room(scans[-1][0], robot)


def _refuse_little_room(scan: Scan, robot: RobotConfig) -> None:
    """By the nearest return, whatever its direction: nothing is known yet of where the lidar looks."""
    ranges = np.asarray(scan.ranges_m, np.float64)
    finite = ranges[np.isfinite(ranges)]
    if len(finite) < 0.2 * len(ranges):
        raise CalibrationError(f"only {len(finite)} of {len(ranges)} beams see something: too little to measure by")
    nearest_m = float(np.min(finite)) - math.hypot(robot.lidar.x_m, robot.lidar.y_m)
    if nearest_m < ROOM_M:
        raise CalibrationError(
            f"the programme needs {ROOM_M} m of free floor to all sides; something is {nearest_m:.2f} m away"
        )


# ------------------------------------------------------------ geometry, time, brake


def _drive_geometry(pilot: Pilot, drives: Drives) -> Programme:
    pilot.stage = "geometry: straights, turns and arcs between standstills"
    robot = careful(drives.robot)
    pilot.adopt(robot, closed_loop(robot))
    yield from moves.connect(pilot)
    slow_mps = back_mps(robot)
    speed_mps = min(SPEED_MPS, robot.limits.v_max_mps)
    rate_radps = 0.7 * robot.limits.w_max_radps
    quarter = 0.5 * math.pi
    legs: list[Programme] = [
        moves.straight(pilot, STRAIGHT_M, speed_mps),
        moves.straight(pilot, -2.0 * STRAIGHT_M, slow_mps),
        moves.straight(pilot, STRAIGHT_M, speed_mps),
        *(moves.turn(pilot, quarter, rate_radps) for _ in range(4)),
        moves.turn(pilot, 4.0 * math.pi, rate_radps),
        *(moves.turn(pilot, -quarter, rate_radps) for _ in range(4)),
        moves.turn(pilot, -4.0 * math.pi, rate_radps),
        moves.straight(pilot, STRAIGHT_M, speed_mps, 0.6),
        moves.straight(pilot, -STRAIGHT_M, slow_mps, 0.6),
        moves.straight(pilot, STRAIGHT_M, speed_mps, -0.6),
        moves.straight(pilot, -STRAIGHT_M, slow_mps, -0.6),
    ]
    drives.stands.append((yield from moves.stand(pilot, STAND_S)))
    for leg in legs:
        yield from leg
        drives.stands.append((yield from moves.stand(pilot, STAND_S)))


def _swing(pilot: Pilot, drives: Drives) -> Programme:
    pilot.stage = "delays: turning to and fro"
    start_ns = pilot.now_ns
    limits = pilot.robot.limits
    most_radps = SWING_FRAC * limits.w_max_radps
    omega = limits.alpha_max_radps2 / most_radps
    yield from moves.until(
        pilot,
        lambda s: Twist2(0.0, most_radps * math.cos(omega * s)),
        lambda: pilot.now_ns - start_ns >= ns_from_s(SWING_S),
        SWING_S + 1.0,
    )
    drives.swing = (start_ns, pilot.now_ns)
    yield from moves.rest(pilot, 1.0)
    drives.stands.append((yield from moves.stand(pilot, STAND_S)))


def _stop_hard(pilot: Pilot, drives: Drives) -> Programme:
    pilot.stage = "brake: stops as hard as the floor allows"
    robot = careful(drives.robot, v_max_mps=0.65)
    pilot.adopt(robot, stopping_hard(robot))
    yield from moves.connect(pilot)
    speed_mps = 0.95 * robot.limits.v_max_mps
    run_up_m = 0.5 * speed_mps**2 / robot.limits.a_max_mps2 + 0.12
    slow_mps = back_mps(robot)
    yield from moves.straight(pilot, -0.5 * run_up_m, slow_mps)
    for _ in range(STOPS):
        yield from moves.stand(pilot, 0.2)
        start_ns, start_m = pilot.now_ns, 0.5 * (pilot.left_m + pilot.right_m)

        def far(start_m: float = start_m) -> bool:
            return 0.5 * (pilot.left_m + pilot.right_m) - start_m >= run_up_m

        yield from moves.until(pilot, lambda _: Twist2(speed_mps, 0.0), far, 6.0)
        ordered_ns = pilot.now_ns
        yield from moves.hard_stop(pilot, 1.2)
        drives.stops.append((start_ns, ordered_ns, pilot.now_ns))
        yield Wish(STANDSTILL)
        yield from moves.straight(pilot, -(0.5 * (pilot.left_m + pilot.right_m) - start_m), slow_mps)
    drives.stands.append((yield from moves.stand(pilot, STAND_S)))
