"""Turning, driving backwards, and lateral acceleration beyond the limit."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_motion import add_motion


def add(context: TermContext) -> None:
    """Per second: ``turn_weight`` w^2, ``reverse_weight`` per m/s backwards, ``lateral_weight`` per m/s^2 beyond."""
    settings, step_s = context.settings, context.step_s
    add_motion(
        context.state,
        np.float32(settings.turn_weight * step_s),
        np.float32(settings.reverse_weight * step_s),
        np.float32(settings.lateral_weight * step_s),
        np.float32(context.control_input.limits.a_lateral_max_mps2),
        context.cost,
    )
