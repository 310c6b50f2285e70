"""Still obstacles: exact for the outline, light where there is room. Should be the last term (it prunes)."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_obstacle import add_obstacle_cost

_CELL_SLACK_CELLS = 1.0
"""A centre's distance is looked up in its cell: it is off by up to 0.7 cells."""


def add(context: TermContext) -> None:
    """Collisions, clearance of the outline, and speed near obstacles."""
    settings, window = context.settings, context.window
    margin_m = max(settings.soft_margin_m, context.hard_margin_m)
    add_obstacle_cost(
        context.state,
        window.distance_m,
        window.outline.discs,
        np.float32(context.start.odom_from_base.x_m - window.origin_x_m),
        np.float32(context.start.odom_from_base.y_m - window.origin_y_m),
        np.float32(window.cells_per_m),
        np.float32(window.outline.reach_m + margin_m + _CELL_SLACK_CELLS / window.cells_per_m),
        np.float32(window.outline.inner_m),
        np.float32(context.touch_m),
        np.float32(context.hard_margin_m),
        np.float32(settings.steep_weight_per_m),
        np.float32(settings.soft_margin_m),
        np.float32(settings.soft_margin_weight * context.step_s),
        np.float32(settings.soft_distance_m),
        np.float32(settings.soft_distance_weight * context.step_s),
        np.float32(settings.least_speed_mps),
        context.count,
        np.float32(context.prune_margin),
        np.float32(context.known_cost),
        context.cost,
        context.hit_step,
    )
