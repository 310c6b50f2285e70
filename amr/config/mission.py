"""Settings of ``amr.mission``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import Positive


class Mission(Section):
    """Goals and recovery."""

    plan_timeout_s: Positive = 3.0
    """A plan request without an answer for this long is asked again."""
    plan_tries_max: Annotated[int, Field(ge=1, le=100)] = 3
    """So many refusals or time-outs in a row start a recovery."""
    yaw_tolerance_rad: Positive = 0.15
    """Of goals that ask for a heading."""
    rest_mps: Positive = 0.2
    """The last goal counts as reached below this speed (or after ``rest_s`` within its tolerance)."""
    rest_s: Positive = 1.0

    stuck_time_s: Positive = 4.0
    """No movement for this long, while it should drive, starts a recovery."""
    blocked_time_s: Positive = 2.0
    """The same where the safety ring holds it before an obstacle; the recovery then begins with backing up."""
    stuck_distance_m: Positive = 0.15
    """Movement: this far from where it last moved; turning by ``stuck_yaw_rad`` counts too, once around a place."""
    stuck_yaw_rad: Positive = 0.5
    circle_time_s: Positive = 20.0
    """Within ``circle_radius_m`` for this long it moves without getting anywhere: a recovery too."""
    circle_radius_m: Positive = 1.0

    max_recoveries: Annotated[int, Field(ge=0, le=100)] = 8
    """Recoveries at one place before it gives up; five times as many for one goal in all."""
    place_radius_m: Positive = 1.5
    """Farther from the last recovery than this is another place."""
    wait_s: Positive = 2.0
    """One wait of the recovery ladder."""
    wait_max_s: Positive = 20.0
    """Waiting for something that moves to leave, per place, before the ladder goes on."""
    mover_change_m: Positive = 0.2
    """Clearances ahead that change by more than this while the robot stands show that something moves."""
    forget_radius_m: Positive = 2.0
    """Obstacles within this distance are forgotten by the clearing recovery."""
    back_up_distance_m: Positive = 0.4
    back_up_mps: Positive = 0.2
    turn_radps: Positive = 0.8
    turn_angle_rad: Positive = 1.6
    escape_mps: Positive = 0.15
    """Creep speed out of a start inside inflation."""
    escape_time_s: Positive = 8.0
    """One escape may last this long."""
    motion_clearance_m: Positive = 0.03
    """Recovery motions keep this much beyond the outline, by the distance field."""
    trail_spacing_m: Positive = 0.05
    """The way it came is kept as poses this far apart, for backing up along it."""
