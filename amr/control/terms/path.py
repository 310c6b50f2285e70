"""Stay near the global path: for those who want the robot on its line; off by default."""

from __future__ import annotations

import numpy as np

from amr.control.terms.base import TermContext
from amr.kernels.mppi_goal import add_path

_CAP_M = 2.0
_MOST_POINTS = 64


def add(context: TermContext) -> None:
    """``path_weight`` for each metre between the end of the motion and the path, at most 2 m."""
    path = context.control_input.path_odom
    if context.settings.path_weight == 0.0 or path.shape[0] == 0:
        return
    pose = context.start.odom_from_base
    stride = max(1, -(-path.shape[0] // _MOST_POINTS))
    points = path[::stride, :2] - np.array((pose.x_m, pose.y_m))
    add_path(
        context.state,
        np.ascontiguousarray(points, dtype=np.float32),
        np.float32(_CAP_M),
        np.float32(context.settings.path_weight),
        context.cost,
    )
