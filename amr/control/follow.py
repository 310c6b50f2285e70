"""Following a path, and being at its end: what pure pursuit and DWA share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amr.control.base import ControlInput, MotionLimits
from amr.geometry import Pose2, wrap_angle


@dataclass(frozen=True, slots=True)
class Carrot:
    """The point to steer for, odom frame, and how far it is to the end of the path from the robot's place on it."""

    x_m: float
    y_m: float
    remaining_m: float
    nearest: int
    """Index of the path's point nearest to the robot."""


def at_goal(control_input: ControlInput, yaw_tolerance_rad: float) -> bool:
    """True within the goal's tolerance, and facing its way where that matters."""
    pose, goal = control_input.odom_from_base, control_input.goal_odom
    if pose.distance_m(goal) > control_input.goal_tolerance_m:
        return False
    return not control_input.goal_yaw_matters or abs(wrap_angle(pose.yaw_rad - goal.yaw_rad)) <= yaw_tolerance_rad


def carrot(path_odom: NDArray[np.float64], pose: Pose2, lookahead_m: float) -> Carrot:
    """The point of the path [n >= 1, 3] that is ``lookahead_m`` away, behind its point nearest to the robot.

    On the segment where the path leaves the circle the point is interpolated (Macenski et al. 2023, section 3); the
    path's end where it does not leave it.
    """
    dx, dy = path_odom[:, 0] - pose.x_m, path_odom[:, 1] - pose.y_m
    squared = dx * dx + dy * dy
    nearest = int(squared.argmin())
    remaining_m = _length_m(path_odom[nearest:])
    outside = np.flatnonzero(squared[nearest:] >= lookahead_m * lookahead_m)
    if outside.size == 0:
        return Carrot(float(path_odom[-1, 0]), float(path_odom[-1, 1]), remaining_m, nearest)
    index = nearest + int(outside[0])
    if index == nearest:
        return Carrot(float(path_odom[index, 0]), float(path_odom[index, 1]), remaining_m, nearest)
    inner, outer = math.sqrt(float(squared[index - 1])), math.sqrt(float(squared[index]))
    part = (lookahead_m - inner) / max(outer - inner, 1e-9)
    before, after = path_odom[index - 1], path_odom[index]
    return Carrot(
        float(before[0] + part * (after[0] - before[0])),
        float(before[1] + part * (after[1] - before[1])),
        remaining_m,
        nearest,
    )


def profile_speed_mps(control_input: ControlInput, ahead: Carrot) -> float:
    """Largest speed by the path's profile at the robot's place; that of the limits where there is none.

    Where the goal is to be passed, the profile's last braking before the path's end does not count.
    """
    speeds, limits = control_input.path_speed_mps, control_input.limits
    if len(speeds) != control_input.path_odom.shape[0]:
        return limits.v_max_mps
    here = min(ahead.nearest + 1, len(speeds) - 1)
    speed_mps = abs(float(speeds[here]))
    if not control_input.is_last_goal:
        way_m = _length_m(control_input.path_odom[here:])
        if speed_mps * speed_mps >= 0.98 * 2.0 * limits.brake_mps2 * way_m:
            return limits.v_max_mps
    return speed_mps


def turn_rate_radps(error_rad: float, limits: MotionLimits) -> float:
    """Turn rate that brings a heading error to zero without overshoot at half the angular acceleration."""
    rate = math.sqrt(limits.alpha_max_radps2 * abs(error_rad))
    return math.copysign(min(rate, 0.5 * limits.w_max_radps), error_rad)


def _length_m(path: NDArray[np.float64]) -> float:
    total = 0.0
    for (ax, ay, _), (bx, by, _) in zip(path[:-1].tolist(), path[1:].tolist(), strict=True):
        total += math.sqrt((bx - ax) ** 2 + (by - ay) ** 2)
    return total
