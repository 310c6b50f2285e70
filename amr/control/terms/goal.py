"""The goal itself: come to rest there, and facing the right way where that matters."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_goal import add_goal
from amr.portable_math import sin_cos

_NEAR_M = 0.6
_YAW_FACTOR = 4.0
"""A turn in place must be worth more than the smoothness it costs."""


def add(context: TermContext) -> None:
    """Within 0.6 m of the last goal: distance, speed and (where it matters) heading of the end of the motion."""
    control_input = context.control_input
    if not control_input.is_last_goal:
        return
    pose, goal = context.start.odom_from_base, control_input.goal_odom
    if pose.distance_m(goal) > 8.0:  # beyond any horizon
        return
    weight = context.settings.goal_weight
    sine, cosine = sin_cos(goal.yaw_rad)
    add_goal(
        context.state,
        np.float32(goal.x_m - pose.x_m),
        np.float32(goal.y_m - pose.y_m),
        np.float32(cosine),
        np.float32(sine),
        np.float32(_NEAR_M),
        np.float32(weight),
        np.float32(weight),
        np.float32(_YAW_FACTOR * weight if control_input.goal_yaw_matters else 0.0),
        context.cost,
    )
