"""Settings of ``amr.safety``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from amr.config.base import Section
from amr.config.hardware import Fraction, NotNegative, Positive


class Safety(Section):
    """The last stage: envelope, staleness, arm state."""

    margin_m: NotNegative = 0.02
    """Kept free around the outline where the robot comes to rest."""
    margin_per_speed_s: NotNegative = 0.03
    """Growth of the margin with the speed of the outline: control error that a slower robot does not have."""
    contact_margin_m: NotNegative = 0.01
    """Below this clearance only motion that increases it is allowed; between it and ``margin_m`` the robot creeps."""
    reaction_s: NotNegative = 0.1
    """Light on the lidar to torque on the wheel."""
    settle_s: NotNegative = 0.03
    """Wheel speed follows its command later by this (time constant of the velocity loop under a brake ramp)."""
    cycle_s: Positive = 0.02
    """Longest time from one command to the next."""
    creep_mps: Positive = 0.15
    """Speed of the outline inside the margin of a point, along it or away from it."""
    blind_mps: Positive = 0.2
    """Speed of the outline while its stopping sweep enters space that was not seen."""
    armed_clear_m: NotNegative = 0.1
    """Who arms the robot vouches for this much free space around it where no sensor looks: it counts as seen."""
    yaw_error_frac: Fraction = 0.1
    """Part by which a stop may turn more or less than commanded, after correction by what the gyro measures."""
    obstacle_speed_mps: NotNegative = 0.0
    """Speed at which any point may approach while the robot stops; 0 = the world is assumed to be at rest."""

    scan_timeout_s: Positive = 0.3
    scan_invalid_max_frac: Fraction = 0.2
    """A scan with a larger part of nan or impossible beams is refused."""
    scan_returns_min: Annotated[int, Field(ge=0)] = 3
    """Fewer returns are what a dead emitter gives, too: refused until the lidar has proved alive, and after a sudden
    loss (see ``scan_check.blind``). 0 = never refused."""
    scan_frozen_count: Annotated[int, Field(ge=2, le=1000)] = 5
    """So many scans with equal bytes in a row are a frozen sensor (if it has noise, or if the wheels turned)."""

    base_timeout_s: Positive = 0.1
    base_fault_mask: Annotated[int, Field(ge=0, le=0xFFFF)] = 0xFFFF
    """Bits of ``BaseState.faults`` that stop the robot."""
    dead_man_s: Positive = 0.5
    """A wish older than this counts as released."""

    memory_s: Positive = 15.0
    """A point or free cell that was not seen again is forgotten after this; its place then counts as unseen. A point
    that a turn in place could touch stays until a scan sees the place free, or the robot has gone."""
    memory_drift_m: Positive = 0.15
    """The same, by the uncertainty that the ring's odometry has gathered since."""
    drift_m_per_m: NotNegative = 0.02
    """Growth of that uncertainty per metre driven."""
    drift_m_per_rad: NotNegative = 0.02
    """Growth per radian turned by the gyro, for points about a robot's length away."""
    drift_wheels_m_per_rad: NotNegative = 0.09
    """The same by the wheels alone: a quarter of a radian was measured for a skid steer."""

    @model_validator(mode="after")
    def _margins_are_ordered(self) -> Self:
        if self.contact_margin_m > self.margin_m:
            raise ValueError("contact_margin_m: must be <= margin_m")
        return self
