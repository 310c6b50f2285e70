"""Settings of ``amr.estimation``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive


class Estimation(Section):
    """Wheel odometry and IMU fusion."""

    wheel_speed_noise_frac: NotNegative = 0.02
    """Standard deviation of the travelled distance after 1 m; grows with the root of the way."""
    turn_slip_noise_m: NotNegative = 0.02
    """Standard deviation of the position, to all sides, after 1 rad of turning; grows with the root of the angle."""
    wheel_slip_yaw_noise_radps: NotNegative = 0.1
    """Standard deviation of the yaw rate that the wheels tell, as an error that lasts about a second."""
    gyro_bias_walk_radps2: Positive = 1e-4
    """Random walk of the bias: standard deviation after 1 s (rad/s per root second)."""
    standstill_s: Positive = 0.15
    """Wheels that did not turn for this long stand still: the gyro then shows its bias."""
    standstill_rate_radps: Positive = 0.05
    """A gyro that differs more from its bias is being turned by someone, wheels or not."""
    slip_creep_mps: Annotated[float, Field(ge=0.005, le=1.0)] = 0.01
    """Slip of a wheel at which friction reaches 0.7 of its full value (skid steer)."""
    grip_enabled: bool = True
    """Find out by the accelerometer when a skid steer's floor gives less friction than ``physics.friction``, and keep
    to that part of the limits on braking, acceleration and lateral acceleration."""
    accel_model_noise_mps2: Positive = 0.35
    """What the accelerometer feels beside sliding (vibration, late wheel speeds), as the mean over 40 ms."""
    slip_threshold_radps: Positive = 0.6
    """Wheels and gyro that disagree by more count as slipping."""
    tick_speed_limit_factor: Annotated[float, Field(ge=1.0, le=20.0)] = 3.0
    """Ticks that tell more than this times the fastest wheel are refused."""
    history_s: Positive = 1.0
    """How far back a late measurement can still be placed."""
    extrapolate_s: NotNegative = 0.05
    """The pose is carried on at the last speed for so long after the last wheel message, then held."""
    future_tolerance_s: NotNegative = 0.05
    """Measurements stamped later than now by more are refused."""
