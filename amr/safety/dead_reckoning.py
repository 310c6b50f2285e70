"""The ring's own odometry: raw wheel ticks and the raw gyro, so that no filter or map can mislead it.

Wheels know little of the yaw of a skid steer (errors of a quarter were measured in curves). Where gyro samples cover
the time between two poses they tell the turn, unless the wheels stand still; else the wheels do, with more doubt. How
its body slides over the floor is computed from friction (``amr.wheel_slide``): wheels alone were 0.2 m wrong within
0.3 s where a turn begins in braking. A differential drive does not slide.

Its frame is arbitrary (the pose of the first telemetry) and drifts; ``drift_m`` is the clock of that drift: the
difference of two readings is the uncertainty that a nearby point gathers between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.messages import BaseState, Imu
from amr.portable_math import sin_cos
from amr.wheel_slide import slide

TRAIL_LENGTH: Final = 64
"""Poses kept to place late scans; one a step, 1.3 s at 50 Hz."""
_EXTRAPOLATE_NS: Final = 20_000_000
_JUMP_SLACK_M: Final = 0.05
_GAP_NS: Final = 15_000_000
"""Longest time between gyro samples that still covers a turn."""
_RATE_MAX_RADPS: Final = 35.0
_FROZEN_RADPS: Final = 0.3
"""A gyro that says the very same while the turn of the wheels changes by so much is frozen."""
_SLIP_FRAC: Final = 0.6
"""Gyro and wheels may differ by this part of the turn: slip. What is beyond makes both doubtful."""
_LEVER_M: Final = 0.35
_SLIDE_DOUBT_FRAC: Final = 0.2
"""Part of the way slid that is doubtful."""

TrailPose = tuple[int, float, float, float]
"""(stamp_ns, x_m, y_m, yaw_rad); the yaw is not wrapped, so poses can be interpolated."""


@dataclass(frozen=True, slots=True)
class WheelGeometry:
    """What turns ticks into motion, and motion into doubt."""

    metres_per_tick_m: float
    track_m: float
    wheel_max_mps: float
    front_m: float
    """How far the leading wheels lie ahead of the base, forward and in reverse."""
    rear_m: float
    contacts_m: NDArray[np.float64]
    """[n, 2]: x, y of the wheels of a skid steer; empty for others."""
    creep_mps: float
    drift_m_per_m: float
    drift_m_per_rad: float
    drift_wheels_m_per_rad: float

    @classmethod
    def from_config(cls, config: RobotConfig) -> WheelGeometry:
        """From a robot file."""
        skids = config.drive.kind == "skid_steer"
        return cls(
            config.drive.metres_per_tick_m,
            config.drive.track_m,
            config.limits.v_max_mps + 0.5 * config.limits.w_max_radps * config.drive.track_m,
            max(0.0, max(x for x, _ in config.drive.wheel_positions_m)),
            max(0.0, -min(x for x, _ in config.drive.wheel_positions_m)),
            np.array(config.drive.wheel_positions_m if skids else (), np.float64).reshape(-1, 2),
            config.estimation.slip_creep_mps,
            config.safety.drift_m_per_m,
            config.safety.drift_m_per_rad,
            config.safety.drift_wheels_m_per_rad,
        )


@dataclass(frozen=True, slots=True)
class Odometer:
    """State of the dead reckoning at the newest telemetry."""

    boot_id: int
    left_ticks: int
    right_ticks: int
    drift_m: float
    travel_m: float
    """Way of the faster wheel, summed: grows whenever anything turns."""
    yaw_rate_radps: float | None
    """By the gyro, at the newest pose; None = no gyro then."""
    same_radps: float
    """What the gyro said last; nan before its first sample."""
    wheels_radps: float
    """Turn of the wheels when the gyro began to say it."""
    vx_mps: float
    vy_mps: float
    """Of the base over the floor, base frame."""
    trail: tuple[TrailPose, ...]
    """Oldest first; the last is the pose now."""


def start(base: BaseState) -> Odometer:
    """An odometer at the origin."""
    trail = ((base.stamp_ns, 0.0, 0.0, 0.0),)
    return Odometer(base.boot_id, base.left_ticks, base.right_ticks, 0.0, 0.0, None, nan, 0.0, 0.0, 0.0, trail)


def discontinuity(odometer: Odometer, base: BaseState, wheels: WheelGeometry) -> str:
    """Why the motion up to this telemetry is unknown, '' when it is known: then start anew and forget what was seen."""
    if base.boot_id != odometer.boot_id:
        return f"the microcontroller restarted (boot id {odometer.boot_id} to {base.boot_id})"
    left_m, right_m, duration_s = _wheel_steps(odometer, base, wheels)
    if max(abs(left_m), abs(right_m)) > _JUMP_SLACK_M + 1.5 * wheels.wheel_max_mps * max(0.0, duration_s):
        return f"ticks jumped by {left_m:.3f} m left, {right_m:.3f} m right in {duration_s * 1e3:.0f} ms"
    return ""


def advance(
    odometer: Odometer, base: BaseState, gyro: tuple[Imu, ...], wheels: WheelGeometry, friction_mps2: float
) -> Odometer:
    """The odometer at newer telemetry of the same run of the MCU; telemetry that is not newer changes nothing.

    ``gyro``: samples since the last telemetry, oldest first. ``friction_mps2``: deceleration that the floor gives.
    """
    stamp_ns, x_m, y_m, yaw_rad = odometer.trail[-1]
    if base.stamp_ns <= stamp_ns:
        return odometer
    left_m, right_m, duration_s = _wheel_steps(odometer, base, wheels)
    step_m = 0.5 * (left_m + right_m)
    wheels_radps = (base.right_mps - base.left_mps) / wheels.track_m
    same_radps, wheels_then_radps = odometer.same_radps, odometer.wheels_radps
    if any(sample.gyro_z_radps != same_radps for sample in gyro):
        same_radps, wheels_then_radps = gyro[-1].gyro_z_radps, wheels_radps
    frozen = abs(wheels_radps - wheels_then_radps) > _FROZEN_RADPS
    by_gyro = None if frozen else _gyro_turn(stamp_ns, base.stamp_ns, gyro)
    turn_rad, doubt_m, yaw_rate_radps = _turn(left_m, right_m, by_gyro, wheels)
    vx_mps, vy_mps, aside_m = 0.5 * (base.left_mps + base.right_mps), 0.0, 0.0
    if wheels.contacts_m.size:
        rolling_mps = vx_mps
        vx_mps, vy_mps = slide(
            odometer.vx_mps, odometer.vy_mps, turn_rad / duration_s, base.left_mps, base.right_mps, duration_s,
            friction_mps2, wheels.creep_mps, wheels.contacts_m,
        )  # fmt: skip
        if not vx_mps * vx_mps + vy_mps * vy_mps <= 9.0 * wheels.wheel_max_mps * wheels.wheel_max_mps:
            vx_mps, vy_mps = rolling_mps, 0.0
        slid_mps = vx_mps - rolling_mps
        step_m += slid_mps * duration_s
        aside_m = vy_mps * duration_s
        doubt_m += _SLIDE_DOUBT_FRAC * sqrt(slid_mps * slid_mps + vy_mps * vy_mps) * duration_s
    sine, cosine = sin_cos(yaw_rad + 0.5 * turn_rad)
    pose = (
        base.stamp_ns,
        x_m + cosine * step_m - sine * aside_m,
        y_m + sine * step_m + cosine * aside_m,
        yaw_rad + turn_rad,
    )
    return Odometer(
        base.boot_id,
        base.left_ticks,
        base.right_ticks,
        odometer.drift_m + wheels.drift_m_per_m * abs(step_m) + doubt_m,
        odometer.travel_m + max(abs(left_m), abs(right_m)),
        yaw_rate_radps,
        same_radps,
        wheels_then_radps,
        vx_mps,
        vy_mps,
        (*odometer.trail[-(TRAIL_LENGTH - 1) :], pose),
    )


def _turn(
    left_m: float, right_m: float, by_gyro: tuple[float, float] | None, wheels: WheelGeometry
) -> tuple[float, float, float | None]:
    """(turn rad, growth of the drift m, yaw rate of the gyro or None) of one step."""
    by_wheels_rad = (right_m - left_m) / wheels.track_m
    if by_gyro is None:
        return by_wheels_rad, wheels.drift_wheels_m_per_rad * abs(by_wheels_rad), None
    if left_m == 0.0 and right_m == 0.0:
        return 0.0, 0.0, by_gyro[1]
    turn_rad = by_gyro[0]
    apart_rad = abs(turn_rad - by_wheels_rad) - _SLIP_FRAC * max(abs(turn_rad), abs(by_wheels_rad))
    doubt_m = wheels.drift_m_per_rad * abs(turn_rad) + _LEVER_M * max(0.0, apart_rad)
    return turn_rad, doubt_m, by_gyro[1]


def _gyro_turn(from_ns: int, to_ns: int, gyro: tuple[Imu, ...]) -> tuple[float, float] | None:
    """(turn rad, last rate rad/s) between two times; None when samples are missing or not finite."""
    at_ns, turn_rad, rate_radps = from_ns, 0.0, 0.0
    for sample in gyro:
        if not at_ns < sample.stamp_ns <= to_ns:
            continue
        if sample.stamp_ns - at_ns > _GAP_NS or not abs(sample.gyro_z_radps) <= _RATE_MAX_RADPS:
            return None
        rate_radps = sample.gyro_z_radps
        turn_rad += rate_radps * (sample.stamp_ns - at_ns) * 1e-9
        at_ns = sample.stamp_ns
    if at_ns == from_ns or to_ns - at_ns > _GAP_NS:
        return None
    return turn_rad + rate_radps * (to_ns - at_ns) * 1e-9, rate_radps


def _wheel_steps(odometer: Odometer, base: BaseState, wheels: WheelGeometry) -> tuple[float, float, float]:
    """(left m, right m, duration s) since the odometer's newest pose."""
    return (
        (base.left_ticks - odometer.left_ticks) * wheels.metres_per_tick_m,
        (base.right_ticks - odometer.right_ticks) * wheels.metres_per_tick_m,
        (base.stamp_ns - odometer.trail[-1][0]) * 1e-9,
    )


def pose_at(odometer: Odometer, stamp_ns: int) -> tuple[float, float, float] | None:
    """(x_m, y_m, yaw_rad) at that time, interpolated; a little beyond the newest extrapolated; None where unknown."""
    trail = odometer.trail
    if len(trail) < 2 or stamp_ns < trail[0][0] or stamp_ns > trail[-1][0] + _EXTRAPOLATE_NS:
        return None
    index = len(trail) - 1
    while trail[index - 1][0] > stamp_ns:
        index -= 1
    before, after = trail[index - 1], trail[index]
    part = (stamp_ns - before[0]) / (after[0] - before[0])
    return (
        before[1] + part * (after[1] - before[1]),
        before[2] + part * (after[2] - before[2]),
        before[3] + part * (after[3] - before[3]),
    )
