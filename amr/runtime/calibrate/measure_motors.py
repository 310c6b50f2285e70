"""Open-loop runs to and fro: dead band, feed-forward, time constant, and the wheel loop that follows."""

from __future__ import annotations

from typing import Final

import numpy as np

from amr.calibration import motor
from amr.calibration.base import CalibrationError, mean_of
from amr.geometry import Twist2
from amr.runtime.calibrate import moves
from amr.runtime.calibrate.drives import Drives, Level
from amr.runtime.calibrate.session import Pilot, Programme
from amr.runtime.calibrate.settings import back_mps, careful, open_loop, regulated
from amr.units import ns_from_s
from firmware_bridge.link_config import wiring_flags

LEVELS_FRAC: Final = (0.4, 0.65, 0.9)
"""Parts of the careful speed."""
_LEVEL_S: Final = 1.6
_SETTLED_S: Final = 0.5


def measure_motors(pilot: Pilot, drives: Drives) -> Programme:
    """Run open loop to and fro at a few levels; ``drives.robot`` gets the wheel loop."""
    pilot.stage = "motors: open loop, to and fro"
    robot = careful(drives.robot)
    slope = drives.robot.firmware.feed_forward_duty_s_per_m
    flags = wiring_flags(drives.robot.firmware.wiring)
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
