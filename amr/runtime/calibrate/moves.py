"""The few motions that a calibration is made of, each a generator of wishes."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

from amr.calibration.base import CalibrationError
from amr.geometry import STANDSTILL, Twist2
from amr.messages import LinkState, McuState, StopCategory
from amr.runtime.calibrate.session import Pilot, Wish
from amr.units import NS_PER_S, ns_from_s

LINK_S: Final = 8.0
ARM_S: Final = 3.0
SETTLE_S: Final = 0.4
"""After the wheels have stopped the body still rocks."""
_ARMED: Final = frozenset({McuState.ARMED, McuState.DRIVING})


@dataclass(frozen=True, slots=True)
class Standstill:
    """A window of rest: (ns, ns), and the counts in it."""

    start_ns: int
    end_ns: int
    left_ticks: int
    right_ticks: int


Still = Generator[Wish, None, Standstill]
Motion = Generator[Wish, None, None]


def connect(pilot: Pilot) -> Motion:
    """Wait for the link after other settings were sent, and arm."""
    end_ns = pilot.now_ns + ns_from_s(LINK_S)
    heard = 0
    while heard < 10:
        yield Wish(arm=False)
        heard = heard + 1 if pilot.link_state is LinkState.UP else 0
        if pilot.now_ns > end_ns:
            raise CalibrationError(f"the link does not come up: {pilot.link_reason}")
    end_ns = pilot.now_ns + ns_from_s(ARM_S)
    while not (pilot.armed and pilot.base is not None and pilot.base.state in _ARMED):
        yield Wish()
        if pilot.now_ns > end_ns:
            raise CalibrationError(
                f"the robot cannot be armed: {pilot.stop.cause or pilot.stop.reason.value}; board: {pilot.link_reason}"
            )


def rest(pilot: Pilot, seconds: float, *, arm: bool = True) -> Motion:
    """Stand for so long."""
    end_ns = pilot.now_ns + ns_from_s(seconds)
    while pilot.now_ns < end_ns:
        yield Wish(arm=arm)


def stand(pilot: Pilot, seconds: float) -> Still:
    """Wait until the wheels rest, then stand for so long."""
    ticks, since_ns = pilot.recording.newest_wheels, pilot.now_ns
    limit_ns = pilot.now_ns + 5 * NS_PER_S
    while pilot.now_ns - since_ns < ns_from_s(SETTLE_S):
        yield Wish()
        now = pilot.recording.newest_wheels
        if now != ticks:
            ticks, since_ns = now, pilot.now_ns
        if pilot.now_ns > limit_ns:
            raise CalibrationError("the wheels do not come to rest")
    start_ns = pilot.now_ns
    yield from rest(pilot, seconds)
    if pilot.recording.newest_wheels != ticks or ticks is None:
        raise CalibrationError("the wheels turn while the robot should stand: is somebody pushing it?")
    return Standstill(start_ns, pilot.now_ns, *ticks)


def hold(pilot: Pilot, twist: Twist2, seconds: float) -> Motion:
    """Wish a twist for so long."""
    end_ns = pilot.now_ns + ns_from_s(seconds)
    while pilot.now_ns < end_ns:
        yield Wish(twist)


def until(pilot: Pilot, twist: Callable[[float], Twist2], done: Callable[[], bool], limit_s: float) -> Motion:
    """Wish ``twist(seconds since the start)`` until ``done``; ``CalibrationError`` when that takes too long."""
    start_ns = pilot.now_ns
    while not done():
        elapsed_s = (pilot.now_ns - start_ns) * 1e-9
        if elapsed_s > limit_s:
            raise CalibrationError(f"{pilot.stage}: not done after {limit_s:.1f} s; {pilot.stop.cause}")
        yield Wish(twist(elapsed_s))


def straight(pilot: Pilot, way_m: float, speed_mps: float, turn_per_m: float = 0.0) -> Motion:
    """Drive ``way_m`` (< 0: backward) by the wheels, on an arc of that curvature (rad/m, left positive)."""
    start_m = 0.5 * (pilot.left_m + pilot.right_m)
    v_mps = math.copysign(speed_mps, way_m)
    twist = Twist2(v_mps, v_mps * turn_per_m)
    stop_m = 0.5 * speed_mps**2 / pilot.robot.limits.brake_mps2

    def near() -> bool:
        return abs(0.5 * (pilot.left_m + pilot.right_m) - start_m) >= abs(way_m) - stop_m

    yield from until(pilot, lambda _: twist, near, 4.0 + 3.0 * abs(way_m) / speed_mps)
    yield from rest(pilot, 0.2 + speed_mps / pilot.robot.limits.brake_mps2)


def turn(pilot: Pilot, angle_rad: float, rate_radps: float) -> Motion:
    """Turn in place by the wheels (left positive)."""
    track_m = pilot.robot.drive.track_m
    start_rad = (pilot.right_m - pilot.left_m) / track_m
    twist = Twist2(0.0, math.copysign(rate_radps, angle_rad))
    stop_rad = 0.5 * rate_radps**2 / pilot.robot.limits.alpha_max_radps2

    def near() -> bool:
        return abs((pilot.right_m - pilot.left_m) / track_m - start_rad) >= abs(angle_rad) - stop_rad

    yield from until(pilot, lambda _: twist, near, 4.0 + 3.0 * abs(angle_rad) / rate_radps)
    yield from rest(pilot, 0.2 + rate_radps / pilot.robot.limits.alpha_max_radps2)


def hard_stop(pilot: Pilot, seconds: float) -> Motion:
    """The firmware's own ramp, as hard as it is configured."""
    end_ns = pilot.now_ns + ns_from_s(seconds)
    while pilot.now_ns < end_ns:
        yield Wish(STANDSTILL, StopCategory.RAMP)
