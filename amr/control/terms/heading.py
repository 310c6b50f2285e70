"""Heading at the end of the motion: turns the robot towards an exit behind it."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_goal import add_heading


def add(context: TermContext) -> None:
    """``heading_weight`` times 1 - cos(angle to the descent of the cost-to-go)."""
    goal_field = context.goal_field
    pose = context.start.odom_from_base
    add_heading(
        context.state,
        goal_field.value_m,
        np.float32(pose.x_m - goal_field.origin_x_m),
        np.float32(pose.y_m - goal_field.origin_y_m),
        np.float32(1.0 / goal_field.resolution_m),
        np.float32(max(0.5, context.control_input.goal_tolerance_m)),
        np.float32(context.settings.heading_weight),
        context.cost,
    )
