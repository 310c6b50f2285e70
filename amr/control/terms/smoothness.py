"""Smoothness: changes of speed and of turn rate cost."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_motion import add_smoothness


def add(context: TermContext) -> None:
    """``smoothness_weight`` times the squared accelerations, summed over the steps."""
    # squared change over one step = squared acceleration * step^2
    weight = np.float32(context.settings.smoothness_weight / context.step_s)
    twist = context.start.twist
    add_smoothness(context.state, np.float32(twist.v_mps), np.float32(twist.w_radps), weight, weight, context.cost)
