"""A scenario file: which robot drives in which world to which goals, and what counts as passed."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive, Scale

Waypoint = Annotated[tuple[float, ...], Field(min_length=2, max_length=3)]
"""[x m, y m] (any heading) or [x m, y m, yaw rad], map frame."""

Placement = tuple[float, float, float]
"""[x m, y m, yaw rad], map frame."""


class Marks(Section):
    """What a run must show to pass, beyond reaching every goal in time."""

    max_collisions: Annotated[int, Field(ge=0)] = 0
    min_clearance_m: NotNegative = 0.0
    max_time_s: Positive | None = None
    min_goals_reached: Annotated[int, Field(ge=0)] | None = None
    """None = all of them."""


class Kidnap(Section):
    """Somebody carries the robot off; neither its wheels nor its gyro tell."""

    at_s: NotNegative
    to: Placement


class Scenario(Section):
    """``seeds/scenarios/*.toml``."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
    description: str = ""
    world: str
    """Name in ``seeds/worlds`` or a file beside this one."""
    robot: str
    """Name in ``seeds/robots`` or a file beside this one."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    start: Placement | None = None
    """None = the world's own start."""
    goals: tuple[Waypoint, ...] = ()
    """Empty = the world's own goals."""
    goal_tolerance_m: Positive = 0.3
    timeout_s: Positive = 300.0
    faults: tuple[dict[str, Any], ...] = ()
    """Tables of the fault injection; none is defined yet, so the list must be empty."""
    map: str | None = None
    """A saved map (ROS ``.yaml``) in the world's frame, beside this file. None = the robot has never been here."""
    start_told: bool = True
    """With a map: the robot is told where it starts. False = it has to find out."""
    kidnaps: tuple[Kidnap, ...] = ()
    """In the order of their times."""
    wheel_true_scale: Scale = 1.0
    """True over configured radius of the wheels: how wrong the odometry's scale is."""
    marks: Marks = Marks()

    @model_validator(mode="after")
    def _only_what_is_understood(self) -> Self:
        if self.faults:
            raise ValueError("faults: must be empty (no fault is defined in this version)")
        times_s = [kidnap.at_s for kidnap in self.kidnaps]
        if times_s != sorted(times_s):
            raise ValueError("kidnaps: must be in the order of their times (at_s)")
        if self.marks.min_goals_reached is not None and self.goals and self.marks.min_goals_reached > len(self.goals):
            raise ValueError(f"marks.min_goals_reached: must be <= {len(self.goals)}, the number of goals")
        return self
