"""Room for a stop: fast only where the robot could brake straight on.

The safety ring brakes when something comes up, and wheels that brake fully turn the robot no more.
"""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_stop import add_stop_cost


def add(context: TermContext) -> None:
    """Per second: ``stop_weight`` v^2 times the part of the room that is lacking where a stop would end."""
    settings, window = context.settings, context.window
    if settings.stop_weight == 0.0:
        return
    add_stop_cost(
        context.state,
        window.distance_m,
        np.float32(context.start.odom_from_base.x_m - window.origin_x_m),
        np.float32(context.start.odom_from_base.y_m - window.origin_y_m),
        np.float32(window.cells_per_m),
        np.float32(settings.stop_hold_s),
        np.float32(1.0 / context.control_input.limits.brake_mps2),
        np.float32(window.outline.inner_m + settings.stop_margin_m),
        np.float32(settings.stop_weight * context.step_s),
        context.cost,
    )
