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
    """So many refusals or time-outs in a row, without a path in hand, start a recovery."""
    yaw_tolerance_rad: Positive = 0.15
    """Of goals that ask for a heading."""
    stuck_time_s: Positive = 4.0
    """No progress for this long starts a recovery."""
    stuck_distance_m: Positive = 0.15
    """Progress: the way left to the goal became shorter than ever before by this much."""
    stuck_yaw_rad: Positive = 0.5
    """Turning on the spot by this much counts as progress too, but only once around for each place."""
    wait_max_s: Positive = 20.0
    """Waiting for a moving obstacle to leave, per place, before the ladder goes on."""
    wait_s: Positive = 2.0
    """One wait of the recovery ladder."""
    max_recoveries: Annotated[int, Field(ge=0, le=100)] = 8
    """Recoveries for one goal, without progress in between, before it gives up."""
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
    trail_spacing_m: Positive = 0.05
    """The way it came is kept as poses this far apart, for backing up along it."""
