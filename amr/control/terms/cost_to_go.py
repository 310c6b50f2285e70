"""Cost-to-go at the end of the motion: what makes a path follower needless."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_goal import add_cost_to_go


def add(context: TermContext) -> None:
    """``cost_to_go_weight`` for each metre that is left after the last step."""
    goal_field = context.goal_field
    pose = context.start.odom_from_base
    steps = context.state.shape[1]
    add_cost_to_go(
        context.state,
        goal_field.value_m,
        np.float32(pose.x_m - goal_field.origin_x_m),
        np.float32(pose.y_m - goal_field.origin_y_m),
        np.float32(1.0 / goal_field.resolution_m),
        steps - 1,
        steps,
        np.float32(context.settings.cost_to_go_weight),
        context.cost,
    )
