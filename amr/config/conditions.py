"""Conditions of a benchmark: what the robot is told of them, and what it is not."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field

from amr.config.base import Section
from amr.config.hardware import NotNegative, Positive, Scale
from amr.config.robot import RobotConfig

_Section = TypeVar("_Section", bound=Section)


class Conditions(Section):
    """Replaces values of the robot file for a run. Empty = the robot file as it is.

    Delays are calibrated: robot and simulation both have them. Friction and the scale of the wheels are true in the
    simulation only; the robot keeps what its file says.
    """

    lidar_latency_s: NotNegative | None = None
    host_to_mcu_delay_s: NotNegative | None = None
    reaction_s: NotNegative | None = None
    """Light on the lidar to torque on the wheel, as the safety ring knows it."""
    goal_tolerance_m: Positive | None = None
    """How near to the goal the robot shall come by its own idea of where it is."""
    friction: Positive | None = None
    """True friction wheel on floor."""
    wheel_true_scales: Annotated[tuple[Scale, ...], Field(min_length=1, max_length=16)] = (1.0,)
    """True over configured radius of the wheels: how wrong the odometry's scale is. Trials take turns."""

    def wheel_true_scale(self, trial: int) -> float:
        """The scale of one trial, counted from 0."""
        return self.wheel_true_scales[trial % len(self.wheel_true_scales)]

    def robot(self, robot: RobotConfig, trial: int = 0) -> RobotConfig:
        """``robot`` with the delays; its ``physics`` table, read by the simulation alone, with the true scale.

        The floor's friction is no part of it: it goes to the world (``World.friction``), since the robot reads the
        ``physics.friction`` of its file.
        """
        scale = self.wheel_true_scale(trial)
        physics = robot.physics.model_copy(
            update={
                "left_radius_true_scale": robot.physics.left_radius_true_scale * scale,
                "right_radius_true_scale": robot.physics.right_radius_true_scale * scale,
            }
        )
        return robot.model_copy(
            update={
                "physics": physics,
                "lidar": _with(robot.lidar, latency_s=self.lidar_latency_s),
                "link": _with(robot.link, host_to_mcu_delay_s=self.host_to_mcu_delay_s),
                "safety": _with(robot.safety, reaction_s=self.reaction_s),
            }
        )


def _with(section: _Section, **values: float | None) -> _Section:
    """The section with the values that are given."""
    return section.model_copy(update={key: value for key, value in values.items() if value is not None})
