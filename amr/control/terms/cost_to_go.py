"""Cost-to-go at the end of the motion: what makes a path follower needless."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_goal import add_cost_to_go, add_lowest_cost_to_go

_STRIDE_STEPS = 4
"""Where a goal is to be passed: steps between those that are looked at."""


def add(context: TermContext) -> None:
    """``cost_to_go_weight`` for each metre that is left after the last step."""
    goal_field = context.goal_field
    pose = context.start.odom_from_base
    place = (
        np.float32(pose.x_m - goal_field.origin_x_m),
        np.float32(pose.y_m - goal_field.origin_y_m),
        np.float32(1.0 / goal_field.resolution_m),
    )
    steps = context.state.shape[1]
    if not context.control_input.is_last_goal:
        add_lowest_cost_to_go(
            context.state,
            goal_field.value_m,
            *place,
            _STRIDE_STEPS,
            np.float32(context.settings.cost_to_go_weight),
            np.float32(0.0),
            context.cost,
        )
        return
    add_cost_to_go(
        context.state,
        goal_field.value_m,
        *place,
        steps - 1,
        steps,
        np.float32(context.settings.cost_to_go_weight),
        context.cost,
    )
