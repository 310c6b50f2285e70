"""Bias, noise and scale of gyro and accelerometer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from amr.calibration.base import CalibrationError, Estimate, Floats, mean_of, spread_of

STILL_RADPS = 0.2
"""A gyro whose rest tells more than this does not rest, or is broken."""


@dataclass(frozen=True, slots=True)
class AtRest:
    """Mean and standard deviation of the samples of a robot that stands."""

    gyro_bias_radps: Estimate
    gyro_noise_radps: Estimate
    accel_x_bias_mps2: Estimate
    accel_y_bias_mps2: Estimate
    accel_noise_mps2: Estimate


def at_rest(gyro_radps: Floats, accel_x_mps2: Floats, accel_y_mps2: Floats) -> AtRest:
    """From samples [n] of standstill. Raises ``CalibrationError`` for a robot that moves, or a sensor that repeats."""
    bias = mean_of(gyro_radps)
    if abs(bias.value) > STILL_RADPS:
        raise CalibrationError(
            f"the gyro tells {bias.value:.3f} rad/s at rest: it is broken, or the robot is being turned"
        )
    noise = spread_of(gyro_radps)
    half = len(gyro_radps) // 2
    drift = abs(float(np.mean(gyro_radps[:half]) - np.mean(gyro_radps[half:])))
    if drift > max(0.01, 8.0 * noise.value / math.sqrt(max(1, half))):
        raise CalibrationError(f"the gyro changes by {drift:.3f} rad/s at rest: the robot is not standing still")
    residuals = np.concatenate([accel_x_mps2 - np.mean(accel_x_mps2), accel_y_mps2 - np.mean(accel_y_mps2)])
    return AtRest(bias, noise, mean_of(accel_x_mps2), mean_of(accel_y_mps2), spread_of(residuals))


def scale_of(true_change: Floats, told_change: Floats, true_sigma: float) -> Estimate:
    """True over told, by least squares through the origin over changes [n] whose bias is taken off.

    ``true_sigma``: standard deviation of one true change; the residuals may say that it is larger.
    """
    power = float(np.sum(told_change**2))
    if len(true_change) < 2 or power <= 0.0:
        raise CalibrationError("too little motion to tell a scale")
    scale = float(np.sum(true_change * told_change)) / power
    rms = math.sqrt(float(np.sum((true_change - scale * told_change) ** 2)) / (len(true_change) - 1))
    return Estimate(scale, max(rms, true_sigma) / math.sqrt(power), len(true_change) - 1)
