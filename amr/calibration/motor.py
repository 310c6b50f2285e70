"""Dead band, feed-forward and time constant of a wheel from open-loop runs, and the loop gains that follow.

A DC gear motor with Coulomb friction runs at ``duty = static sign(v) + slope v`` when it is settled, and comes there
with one time constant (Kirtley, MIT OCW 6.685; current taken as quasi-static). The gains put the closed loop's pole
where ``wheel.c`` expects a healthy wheel: with feed-forward and proportional gain the lag is tau / (1 + P / slope).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from amr.calibration.base import CalibrationError, Estimate, Floats, least_squares

WHEEL_LAG_S = 0.03
"""``WHEEL_LAG_US`` of the firmware."""
INTEGRAL_TIME_S = 5.0 * WHEEL_LAG_S
"""The integral shall be slow against the proportional loop: it only has to hold load and friction."""
LEAST_PROPORTIONAL = 0.3
"""Part of the slope: a loop that is faster than the motor alone even where the motor is fast."""


@dataclass(frozen=True, slots=True)
class FeedForward:
    """``static``: duty; ``slope``: duty per m/s; ``rms``: residual duty."""

    static: Estimate
    slope: Estimate
    rms: float


@dataclass(frozen=True, slots=True)
class LoopGains:
    """``proportional``: duty per m/s, ``integral``: duty per m."""

    proportional: float
    integral: float


def feed_forward(duty: Floats, speed_mps: Floats) -> FeedForward:
    """From settled pairs, both directions and at least two levels of each. Raises ``CalibrationError``."""
    if not (np.all(np.isfinite(duty)) and np.all(np.isfinite(speed_mps))):
        raise CalibrationError("speeds or duties are not finite")
    if np.any(speed_mps * duty <= 0.0):
        raise CalibrationError("a wheel turned against its duty, or stood still under it")
    design = np.stack([np.sign(speed_mps), speed_mps], axis=1)
    x, covariance, rms = least_squares(design, duty)
    if x[1] <= 0.0:
        raise CalibrationError(f"more duty makes the wheels slower (slope {x[1]:.3f} duty per m/s)")
    freedom = len(duty) - 2
    return FeedForward(
        Estimate(max(0.0, float(x[0])), math.sqrt(covariance[0, 0]), freedom),
        Estimate(float(x[1]), math.sqrt(covariance[1, 1]), freedom),
        rms,
    )


def time_constant_s(duration_s: float, way_m: float, settled_mps: float) -> float:
    """Of a first-order response from rest: way = settled (T - tau), for T of several tau."""
    return duration_s - way_m / settled_mps


def loop_gains(slope: float, time_constant: Estimate) -> LoopGains:
    """Gains for the lag that the firmware expects; ``slope`` in duty per m/s."""
    ratio = time_constant.value / WHEEL_LAG_S - 1.0
    proportional = slope * max(ratio, LEAST_PROPORTIONAL)
    return LoopGains(proportional, proportional / INTEGRAL_TIME_S)
