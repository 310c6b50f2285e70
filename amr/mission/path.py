"""The path as the mission looks at it: how long it is, and where it leads."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.messages import Goal


def length_m(path_map: NDArray[np.float64]) -> float:
    """Of a path [n, 3]; inf without one."""
    if not len(path_map):
        return math.inf
    steps = np.diff(path_map[:, :2], axis=0)
    return float(np.cumsum(np.sqrt(steps[:, 0] * steps[:, 0] + steps[:, 1] * steps[:, 1]))[-1])


def point_ahead(path_map: NDArray[np.float64], goal: Goal, map_from_base: Pose2, distance_m: float) -> Pose2:
    """The path's first point so far from the robot, else its last; the goal without a path. Map frame."""
    for x_m, y_m in path_map[:, :2].tolist() or [[goal.x_m, goal.y_m]]:
        target = Pose2(x_m, y_m, 0.0)
        if map_from_base.distance_m(target) >= distance_m:
            break
    return target
