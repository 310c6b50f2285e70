"""Settings of ``amr.estimation``."""

from __future__ import annotations

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive


class Estimation(Section):
    """Wheel odometry and IMU fusion."""

    wheel_speed_noise_frac: NotNegative = 0.02
    """Standard deviation of the travelled distance per distance."""
    wheel_slip_yaw_noise_radps: NotNegative = 0.1
    """Standard deviation of the yaw rate that the wheels tell."""
    gyro_bias_walk_radps2: Positive = 1e-4
    history_s: Positive = 1.0
    """How far back a late measurement can still be placed."""
