"""How hard the floor lets the robot brake: the plateau of a stop in which the wheels slide."""

from __future__ import annotations

import math

import numpy as np

from amr.calibration.base import CalibrationError, Estimate, Floats

PLATEAU_FRAC = (0.70, 0.40)
"""Part of the speed at the start that is left. Before it the load still moves onto the leading wheels, after it the
wheels catch up and brake less."""


def plateau(accel_x_mps2: Floats, period_s: float, speed_mps: float) -> Floats:
    """Decelerations [m] (> 0) of the samples between the fractions; ``accel_x_mps2`` [n] unbiased, evenly spaced.

    The speed is the integral of the samples themselves, from ``speed_mps`` on.
    """
    left = 1.0 - np.cumsum(-accel_x_mps2) * period_s / speed_mps
    begins = left < PLATEAU_FRAC[0]
    if not begins.any():
        raise CalibrationError(f"the robot did not brake: it kept {float(left.min()):.0%} of its speed")
    first = int(np.argmax(begins))
    ends = left[first:] < PLATEAU_FRAC[1]
    last = first + int(np.argmax(ends)) if ends.any() else len(left)
    return -accel_x_mps2[first : max(last, first + 1)]


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
