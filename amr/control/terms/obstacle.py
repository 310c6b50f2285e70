"""Still obstacles: exact for the outline, light where there is room."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_obstacle import add_obstacle_cost

_LEAST_SPEED_MPS = 0.3
"""Standing near an obstacle costs a little too."""
_CELL_SLACK_CELLS = 1.0
"""A centre's distance is looked up in its cell: it is off by up to 0.7 cells."""


def add(context: TermContext) -> None:
    """Collisions, clearance of the outline, and speed near obstacles."""
    settings = context.settings
    add_obstacle_cost(
        context.state,
        context.distance_m,
        context.discs,
        np.float32(context.start_x_m),
        np.float32(context.start_y_m),
        np.float32(context.cells_per_m),
        np.float32(context.reach_m + settings.soft_margin_m + _CELL_SLACK_CELLS / context.cells_per_m),
        np.float32(context.hard_margin_m),
        np.float32(settings.soft_margin_m),
        np.float32(settings.soft_margin_weight * context.step_s),
        np.float32(settings.soft_distance_m),
        np.float32(settings.soft_distance_weight * context.step_s),
        np.float32(_LEAST_SPEED_MPS),
        context.cost,
        context.hit_step,
    )
