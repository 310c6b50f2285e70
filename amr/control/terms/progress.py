"""Progress on the way: of two motions with the same end, the one that is ahead sooner is better."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_goal import add_cost_to_go, add_lowest_cost_to_go

_STRIDE_STEPS = 8


def add(context: TermContext) -> None:
    """``progress_weight`` for each metre left, summed over every eighth step."""
    if context.settings.progress_weight == 0.0:
        return
    goal_field = context.goal_field
    pose = context.start.odom_from_base
    place = (
        np.float32(pose.x_m - goal_field.origin_x_m),
        np.float32(pose.y_m - goal_field.origin_y_m),
        np.float32(1.0 / goal_field.resolution_m),
    )
    if not context.control_input.is_last_goal:
        add_lowest_cost_to_go(
            context.state,
            goal_field.value_m,
            *place,
            _STRIDE_STEPS,
            np.float32(0.0),
            np.float32(context.settings.progress_weight),
            context.cost,
        )
        return
    add_cost_to_go(
        context.state,
        goal_field.value_m,
        *place,
        _STRIDE_STEPS - 1,
        _STRIDE_STEPS,
        np.float32(context.settings.progress_weight),
        context.cost,
    )
