"""Delays of the line and of the lidar, from stamps alone.

The link maps the board's clock into the host's from round trips, and no round trip tells how its time divides between
the two ways (``firmware_bridge.clock``). The scans break the tie: the same turn seen by wheels (board's clock) and by
scans (host's clock) gives the error of that map. Then each way has a least delay of its own: a board that loops at a
fixed rate, and a host that polls, add a wait between nothing and one period, which drifting clocks sweep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from amr.calibration.base import CalibrationError, Estimate, Floats

RESOLUTION_S = 0.001
"""How finely drifting clocks are sure to sweep each other."""
LEAST_SAMPLES = 50
FASTEST_RADPS = 0.3
"""A turn that is slower tells nothing of time."""


@dataclass(frozen=True, slots=True)
class Delay:
    """``least``: s; ``jitter``: what 99 % of the samples stay within, beyond the least, s."""

    least: Estimate
    jitter_s: float


def least_delay(samples_s: Floats, wait_s: float) -> Delay:
    """Of samples that are a fixed delay plus a wait in [0, ``wait_s``) and now and then more."""
    if len(samples_s) < LEAST_SAMPLES:
        raise CalibrationError(f"{len(samples_s)} samples of a delay, at least {LEAST_SAMPLES} are needed")
    # the third smallest: one stray sample (a stamp of the clock map in motion) must not decide
    ordered = np.sort(samples_s)
    least = float(ordered[2])
    sigma = math.hypot(RESOLUTION_S / math.sqrt(12.0), 3.0 * wait_s / len(samples_s))
    return Delay(Estimate(least, sigma), float(ordered[int(0.99 * (len(ordered) - 1))]) - least)


def time_offset(
    lidar_time_s: Floats, lidar_yaw_rad: Floats, wheel_time_s: Floats, wheel_yaw_rad: Floats, start_s: float = 0.0
) -> Estimate:
    """By how much the wheels' stamps are ahead: yaw_lidar(t) = yaw_wheels(t + offset) + constant.

    Yaws are unwrapped and in one sense; the robot turns to and fro meanwhile. Gauss-Newton on offset and constant.
    """
    offset, rms, power = start_s, math.inf, 0.0
    for _ in range(20):
        at = lidar_time_s + offset
        used = (at > wheel_time_s[0] + 0.02) & (at < wheel_time_s[-1] - 0.02)
        if int(used.sum()) < 20:
            raise CalibrationError("too few scans during the turns that tell the time offset")
        rate = _rate(wheel_time_s, wheel_yaw_rad, at[used])
        residual = lidar_yaw_rad[used] - np.interp(at[used], wheel_time_s, wheel_yaw_rad)
        residual -= np.mean(residual)
        rate -= np.mean(rate)
        power = float(np.sum(rate * rate))
        if math.sqrt(power / len(rate)) < FASTEST_RADPS:
            raise CalibrationError("the robot turned too slowly to tell a time offset")
        step = float(np.sum(rate * residual)) / power
        offset += step
        rms = math.sqrt(float(np.sum((residual - rate * step) ** 2)) / (len(rate) - 2))
        if abs(step) < 1e-7:
            break
    if abs(offset) > 0.5:
        raise CalibrationError(f"wheels and scans are {offset:.2f} s apart: one of the two has wrong stamps")
    return Estimate(offset, rms / math.sqrt(power), int(used.sum()) - 2)


def _rate(time_s: Floats, yaw_rad: Floats, at_s: Floats) -> Floats:
    """Yaw rate over 20 ms around each time."""
    half = 0.01
    return np.asarray(
        (np.interp(at_s + half, time_s, yaw_rad) - np.interp(at_s - half, time_s, yaw_rad)) / (2.0 * half)
    )
