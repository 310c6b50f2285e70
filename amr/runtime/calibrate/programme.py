"""The programme: from tiny motions of a robot that may be wired anyhow to stops at the limit of the floor.

Each stage starts only from what the one before has proved. What comes out is not computed here but in ``fit``; here
only what the next stage needs: the wiring, the wheel loop, and roughly where the lidar looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from amr.calibration import inertial, motor, wiring
from amr.calibration.base import CalibrationError, Estimate, mean_of
from amr.config.robot import RobotConfig
from amr.geometry import STANDSTILL, Pose2, Twist2
from amr.messages import Scan
from amr.runtime.calibrate import moves
from amr.runtime.calibrate.moves import Standstill
from amr.runtime.calibrate.places import between
from amr.runtime.calibrate.recording import Floats
from amr.runtime.calibrate.session import Pilot, Programme, Wish
from amr.runtime.calibrate.settings import (
    PUSH_DUTY_S_PER_M,
    SPEED_MPS,
    back_mps,
    careful,
    closed_loop,
    open_loop,
    regulated,
    stopping_hard,
)
from amr.units import ns_from_s
from firmware_bridge.wire_values import ConfigFlag

ROOM_M: Final = 1.6
"""Free space that the programme needs around the robot's centre, to all sides."""
STRAIGHT_M: Final = 1.0
LEVELS_FRAC: Final = (0.4, 0.65, 0.9)
"""Open-loop runs: parts of the careful speed."""
SWING_S: Final = 9.0
SWING_FRAC: Final = 0.7
"""Of the careful turn rate; how fast it swings follows from the careful acceleration."""
STOPS: Final = 4
_STAND_S: Final = 1.3
_REST_S: Final = 3.0
_PUSH_TURN_RAD: Final = 0.05
"""A push ends when the body turned so far, or the wheel as far as that takes."""
_PUSH_MOST_MPS: Final = 0.06
_PUSH_RISE_MPS2: Final = 0.02
_DIRECTION_WAY_M: Final = 0.10
_LEVEL_S: Final = 1.6
_SETTLED_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Level:
    """An open-loop run: what was commanded when settled (the ring may have slowed it); the run, and its settled end."""

    duty: float
    duty_s_per_m: float
    start_ns: int
    settled_ns: int
    end_ns: int


@dataclass(slots=True)
class Drives:
    """What was driven when, and what was found on the way."""

    robot: RobotConfig
    """As the programme knows it so far: wiring, wheel loop and the lidar's yaw are replaced."""
    at_rest: Standstill | None = None
    rest: inertial.AtRest | None = None
    pushes: list[wiring.Push] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    forward: dict[str, motor.FeedForward] = field(default_factory=dict)
    speeds_mps: dict[str, Floats] = field(default_factory=dict)
    """Settled speeds of the left and right wheel, one for each level."""
    time_constant: Estimate | None = None
    lidar_yaw_rad: float = 0.0
    stands: list[Standstill] = field(default_factory=list)
    swing: tuple[int, int] = (0, 0)
    stops: list[tuple[int, int, int]] = field(default_factory=list)
    """(ns at rest before the run-up, ns of the order, ns at rest)."""


def programme(pilot: Pilot, drives: Drives) -> Programme:
    """All of it; fills ``drives``. Raises ``CalibrationError`` with the reason why it cannot go on."""
    yield from _listen(pilot, drives)
    yield from _find_wiring(pilot, drives)
    yield from _measure_motors(pilot, drives)
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


# ------------------------------------------------------------ wiring


def _find_wiring(pilot: Pilot, drives: Drives) -> Programme:
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
    pilot.adopt(robot, open_loop(robot, _flags(first), PUSH_DUTY_S_PER_M))
    yield from moves.connect(pilot)
    before = yield from moves.stand(pilot, _STAND_S)
    start_ns, start_m = pilot.now_ns, 0.5 * (pilot.left_m + pilot.right_m)

    def moved_m() -> float:
        return 0.5 * (pilot.left_m + pilot.right_m) - start_m

    def twist(elapsed_s: float) -> Twist2:
        return Twist2(min(_PUSH_MOST_MPS, _PUSH_RISE_MPS2 * elapsed_s), 0.0)

    yield from moves.until(pilot, twist, lambda: abs(moved_m()) >= _DIRECTION_WAY_M, 8.0)
    stop_ns = pilot.now_ns
    after = yield from moves.stand(pilot, _STAND_S)
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
    before = yield from moves.stand(pilot, _STAND_S)
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
    after = yield from moves.stand(pilot, _STAND_S)
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


def _flags(names: tuple[str, ...]) -> int:
    return sum({ConfigFlag[name.upper()] for name in names})


# ------------------------------------------------------------ motors


def _measure_motors(pilot: Pilot, drives: Drives) -> Programme:
    pilot.stage = "motors: open loop, to and fro"
    robot = careful(drives.robot)
    slope = drives.robot.firmware.feed_forward_duty_s_per_m
    flags = _flags(drives.robot.firmware.wiring)
    pilot.adopt(robot, open_loop(robot, flags, slope))
    yield from moves.connect(pilot)
    for fraction in LEVELS_FRAC:
        for sign in (1.0, -1.0):
            yield from moves.stand(pilot, 0.2)
            speed_mps = fraction * (robot.limits.v_max_mps if sign > 0.0 else -back_mps(robot))
            start_ns = pilot.now_ns
            yield from moves.hold(pilot, Twist2(speed_mps, 0.0), _LEVEL_S)
            settled_ns = pilot.now_ns - ns_from_s(_SETTLED_S)
            told = pilot.recording.commands(settled_ns, pilot.now_ns).left_mps
            drives.levels.append(Level(slope * float(np.mean(told)), slope, start_ns, settled_ns, pilot.now_ns))
    yield from moves.stand(pilot, 0.2)
    _fit_motors(pilot, drives)


def _fit_motors(pilot: Pilot, drives: Drives) -> None:
    duty = np.array([level.duty for level in drives.levels])
    settled = [pilot.recording.wheels(level.settled_ns, level.end_ns) for level in drives.levels]
    mpt = drives.robot.drive.metres_per_tick_m
    speeds = drives.speeds_mps
    for side in ("left", "right"):
        ticks = [getattr(samples, f"{side}_ticks") for samples in settled]
        speeds[side] = np.array(
            [(t[-1] - t[0]) * mpt / (s.stamp_s[-1] - s.stamp_s[0]) for t, s in zip(ticks, settled, strict=True)]
        )
        drives.forward[side] = motor.feed_forward(duty, speeds[side])
    both = motor.feed_forward(np.tile(duty, 2), np.concatenate([speeds["left"], speeds["right"]]))
    drives.forward["both"] = both
    lags = [_lag_s(pilot, level, both, mpt) for level in drives.levels]
    drives.time_constant = mean_of(np.array(lags))
    if not 0.005 < drives.time_constant.value < 1.0:
        raise CalibrationError(
            f"the wheels follow their duty after {drives.time_constant.value:.3f} s: no motor does that"
        )
    gains = motor.loop_gains(both.slope.value, drives.time_constant)
    drives.robot = regulated(drives.robot, both, gains)


def _lag_s(pilot: Pilot, level: Level, forward: motor.FeedForward, metres_per_tick_m: float) -> float:
    """Time constant from one run: what the duties of the commands ask for, less the way that came of it."""
    wheels = pilot.recording.wheels(level.start_ns, level.end_ns)
    commands = pilot.recording.commands(level.start_ns - ns_from_s(0.5), level.end_ns)
    speed_of = dict(zip(commands.seq.tolist(), commands.left_mps.tolist(), strict=True))
    asked = np.array([abs(level.duty_s_per_m * speed_of.get(seq, 0.0)) for seq in wheels.command_seq.tolist()])
    asked_mps = np.maximum(0.0, asked - forward.static.value) / forward.slope.value
    steps = np.diff(wheels.stamp_s)
    way = 0.5 * (wheels.left_ticks + wheels.right_ticks) * metres_per_tick_m
    last = wheels.stamp_s > wheels.stamp_s[-1] - _SETTLED_S
    settled_mps = abs(way[last][-1] - way[last][0]) / (wheels.stamp_s[last][-1] - wheels.stamp_s[last][0])
    return float((np.sum(asked_mps[:-1] * steps) - abs(way[-1] - way[0])) / settled_mps)


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
    drives.stands.append((yield from moves.stand(pilot, _STAND_S)))
    for leg in legs:
        yield from leg
        drives.stands.append((yield from moves.stand(pilot, _STAND_S)))


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
    drives.stands.append((yield from moves.stand(pilot, _STAND_S)))


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
    drives.stands.append((yield from moves.stand(pilot, _STAND_S)))
