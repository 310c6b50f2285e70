"""Moving obstacles, predicted with constant velocity."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_movers import add_mover_cost

_GROWTH_MPS = 0.1
"""How fast the prediction gets worse."""


def add(context: TermContext) -> None:
    """Collisions with movers, and coming near them."""
    control_input = context.control_input
    if not control_input.obstacles:
        return
    pose = context.start.odom_from_base
    delay_s = control_input.delay_s  # the motion starts that much after the time the movers are known for
    movers = [
        (
            mover.x_m + delay_s * mover.vx_mps - pose.x_m,
            mover.y_m + delay_s * mover.vy_mps - pose.y_m,
            mover.vx_mps,
            mover.vy_mps,
            mover.radius_m,
        )
        for mover in control_input.obstacles
    ]
    add_mover_cost(
        context.state,
        np.array(movers, np.float32),
        np.float32(context.step_s),
        np.float32(context.window.outline.reach_m),
        np.float32(context.hard_margin_m),
        np.float32(context.settings.mover_margin_m),
        np.float32(_GROWTH_MPS),
        np.float32(context.settings.mover_weight * context.step_s),
        context.cost,
        context.hit_step,
    )
