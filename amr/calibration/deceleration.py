"""How hard the floor lets the robot brake: the plateau of a stop in which the wheels slide."""

from __future__ import annotations

import math

import numpy as np

from amr.calibration.base import CalibrationError, Estimate, Floats

SMOOTH = 3
"""Samples that the mean over which finds the plateau has."""
PLATEAU_FRAC = 0.96
"""Part of the largest smoothed deceleration that belongs to the plateau. Before it the load still moves onto the
leading wheels, after it the wheels catch up and brake less."""
BRAKED_FRAC = 0.7
"""Of the speed at the start that a stop must take away to be one."""


def plateau(accel_x_mps2: Floats, period_s: float, speed_mps: float) -> Floats:
    """Decelerations [m] (> 0) of the plateau around the largest; ``accel_x_mps2`` [n] unbiased, evenly spaced.

    ``speed_mps``: at the start. Raises ``CalibrationError`` when the samples do not tell of a stop.
    """
    lost = -float(np.sum(accel_x_mps2)) * period_s / speed_mps
    if not lost >= BRAKED_FRAC or len(accel_x_mps2) < 2 * SMOOTH:
        raise CalibrationError(f"the robot did not brake: it lost {lost:.0%} of its speed")
    smooth = np.convolve(-accel_x_mps2, np.full(SMOOTH, 1.0 / SMOOTH), mode="same")
    peak = int(np.argmax(smooth))
    inside = smooth >= PLATEAU_FRAC * smooth[peak]
    first, last = peak, peak
    while first > 0 and inside[first - 1]:
        first -= 1
    while last + 1 < len(inside) and inside[last + 1]:
        last += 1
    return -accel_x_mps2[first : last + 1]


def achievable_mps2(stops: list[Floats]) -> Estimate:
    """Mean over the plateaus of several stops; the spread from stop to stop counts."""
    if len(stops) < 2:
        raise CalibrationError(f"{len(stops)} stops, at least 2 are needed")
    weights = np.array([len(samples) for samples in stops], np.float64)
    means = np.array([float(np.mean(samples)) for samples in stops])
    mean = float(np.sum(weights * means) / np.sum(weights))
    within = float(np.std(np.concatenate(stops))) / math.sqrt(float(np.sum(weights)))
    between = float(np.std(means, ddof=1)) / math.sqrt(len(stops))
    return Estimate(mean, max(within, between), len(stops) - 1)


def certain_brake_mps2(file_mps2: float, achievable: Estimate, reserve: float = 0.8) -> float:
    """``limits.brake_mps2``: a part of what the floor surely gave, and never more than the robot file's own."""
    return min(file_mps2, max(0.05, reserve * achievable.interval[0]))
