"""Whole control sequences that are always among MPPI's samples: what random noise would seldom or never find."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amr.control.base import MotionLimits
from amr.control.goal_field import GoalField
from amr.geometry import Pose2
from amr.kernels.mppi_guide import descend, guide

_OWN = 6
_STYLES = np.array(
    [(0.2, 6.0, 0.16), (0.4, 4.0, 0.2), (0.4, 4.0, 0.4), (0.8, 3.0, 0.3), (1.3, 3.0, 0.5), (2.0, 2.0, 0.7)], np.float32
)
"""(speed m/s, sharpness, lookahead m) of the candidates that follow the cost-to-go (``amr.kernels.mppi_guide``)."""
_GAIN_PER_S = 4.0
_STEP_M = 0.04
_POINTS = 120


def candidates(
    plan: NDArray[np.float32],
    limits: MotionLimits,
    goal_field: GoalField,
    pose: Pose2,
    start: NDArray[np.float32],
    rollout_limits: NDArray[np.float32],
) -> NDArray[np.float32]:
    """float32 [n, 2, T] of (v, w): the last plan, a full brake, turns, a slow version, backing up, and ways downhill.

    ``pose``: where the motion starts, odom frame; ``start`` and ``rollout_limits`` as of ``mppi_rollout.rollout``.
    """
    sequences = np.zeros((_OWN + len(_STYLES), 2, plan.shape[1]), np.float32)
    sequences[0] = plan
    # 1 stays zero: the full brake
    sequences[2, 1] = 0.5 * limits.w_max_radps
    sequences[3, 1] = -0.5 * limits.w_max_radps
    sequences[4] = plan * np.float32(0.5)
    sequences[5, 0] = -0.5 * limits.v_reverse_max_mps
    path = np.empty((_POINTS, 2), np.float32)
    points = descend(
        goal_field.value_m,
        np.float32(pose.x_m - goal_field.origin_x_m),
        np.float32(pose.y_m - goal_field.origin_y_m),
        np.float32(1.0 / goal_field.resolution_m),
        np.float32(_STEP_M),
        path,
    )
    step_m, gain_per_s = np.float32(_STEP_M), np.float32(_GAIN_PER_S)
    guide(path, points, step_m, start, rollout_limits, _STYLES, gain_per_s, sequences[_OWN:])
    return sequences
