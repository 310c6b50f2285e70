"""Regulated pure pursuit (Macenski, Singh, Martin, Gines 2023, "Regulated Pure Pursuit for Robot Path Tracking").

Steer on a circle through a point of the path ahead; drive slower in tight curves, near obstacles and before the goal;
stop where the outline would touch something on that circle.
"""

from __future__ import annotations

import math

import numpy as np

from amr.config.robot import RobotConfig
from amr.control.base import ControlInput, ControlOutput, ControlStatus
from amr.control.follow import Carrot, at_goal, carrot, profile_speed_mps, turn_rate_radps
from amr.control.prediction import Actuation, StartState, predict_start
from amr.control.profile import approach_speed_mps, curve_speed_mps, limit_command
from amr.control.validity import fault_in
from amr.control.window import Outline, Window
from amr.geometry import STANDSTILL, Pose2, Twist2, integrate_twist, wrap_angle
from amr.portable_math import arctan2
from amr.units import s_from_ns

_CYCLE_S = 0.02
_CHECK_STEP_S = 0.05


class PurePursuitController:
    """See ``amr.control.base.Controller``. Needs a global path; leaves it to the planner to lead around obstacles."""

    def __init__(self, config: RobotConfig, seed: int) -> None:
        """``seed`` is not used: nothing here is random."""
        del seed
        self._settings = config.control.pure_pursuit
        self._actuation = Actuation.of(config.control)
        self._margin_m = config.control.hard_margin_m
        self._yaw_tolerance_rad = config.control.goal_yaw_tolerance_rad
        self._outline = Outline(config.body)
        self._last_ns = -1
        self._last_command = STANDSTILL

    def reset(self) -> None:
        """Forget the last command."""
        self._last_ns = -1
        self._last_command = STANDSTILL

    def compute(self, control_input: ControlInput, /) -> ControlOutput:
        """See ``Controller.compute``."""
        fault = fault_in(control_input)
        if fault:
            self.reset()
            return ControlOutput(0.0, 0.0, ControlStatus.BLOCKED, fault)
        gap_s = s_from_ns(control_input.now_ns - self._last_ns) if self._last_ns >= 0 else _CYCLE_S
        cycle_s = gap_s if 0.0 < gap_s <= 0.1 else _CYCLE_S
        self._last_ns = control_input.now_ns
        start = predict_start(control_input, self._actuation, self._last_command)
        wish, status, reason = self._wish(control_input, start)
        command = limit_command(wish, start.command, control_input.limits, cycle_s)
        self._last_command = command
        return ControlOutput(
            command.v_mps,
            command.w_radps,
            status,
            reason,
            _arc(start.odom_from_base, command, self._settings.collision_time_s),
        )

    def _wish(self, control_input: ControlInput, start: StartState) -> tuple[Twist2, ControlStatus, str]:
        pose, limits = start.odom_from_base, control_input.limits
        if at_goal(control_input, self._yaw_tolerance_rad):
            return STANDSTILL, ControlStatus.AT_GOAL, "at the goal"
        if control_input.path_odom.shape[0] == 0:
            return STANDSTILL, ControlStatus.NO_PATH, "no global path yet"
        window = Window.of(control_input.field, self._outline)
        if control_input.odom_from_base.distance_m(control_input.goal_odom) <= control_input.goal_tolerance_m:
            error_rad = wrap_angle(control_input.goal_odom.yaw_rad - pose.yaw_rad)
            return self._checked(window, pose, Twist2(0.0, turn_rate_radps(error_rad, limits)), control_input)
        lookahead_m = abs(start.twist.v_mps) * self._settings.lookahead_time_s
        lookahead_m = max(self._settings.lookahead_min_m, min(self._settings.lookahead_max_m, lookahead_m))
        ahead = carrot(control_input.path_odom, pose, lookahead_m)
        bearing_rad = wrap_angle(arctan2(ahead.y_m - pose.y_m, ahead.x_m - pose.x_m) - pose.yaw_rad)
        if abs(bearing_rad) > self._settings.rotate_angle_rad:
            return self._checked(window, pose, Twist2(0.0, turn_rate_radps(bearing_rad, limits)), control_input)
        return self._checked(window, pose, self._regulated(control_input, window, pose, ahead), control_input)

    def _regulated(self, control_input: ControlInput, window: Window, pose: Pose2, ahead: Carrot) -> Twist2:
        """Velocity on the circle through the carrot, slowed by curvature, proximity and the end of the path."""
        settings, limits = self._settings, control_input.limits
        x_m, y_m = pose.inverse().apply(ahead.x_m, ahead.y_m)
        curvature_per_m = 2.0 * y_m / max(x_m * x_m + y_m * y_m, 1e-6)
        speed_mps = min(curve_speed_mps(curvature_per_m, limits), profile_speed_mps(control_input, ahead))
        radius_m = 1.0 / max(abs(curvature_per_m), 1e-9)
        speed_mps = min(speed_mps, limits.v_max_mps * radius_m / settings.curvature_radius_m)
        clearance_m = max(window.clearance_m(pose), 0.0)
        if clearance_m < settings.proximity_m:
            speed_mps = min(speed_mps, limits.v_max_mps * clearance_m / settings.proximity_m)
        speed_mps = max(speed_mps, min(settings.min_speed_mps, limits.v_max_mps))
        if control_input.is_last_goal:
            speed_mps = min(speed_mps, approach_speed_mps(ahead.remaining_m, 0.8 * limits.brake_mps2))
        return Twist2(speed_mps, speed_mps * curvature_per_m)

    def _checked(
        self, window: Window, pose: Pose2, wish: Twist2, control_input: ControlInput
    ) -> tuple[Twist2, ControlStatus, str]:
        """``wish``, slowed so that the robot can stop before it touches; rest when there is no room for that."""
        margin_m = min(self._margin_m, window.clearance_m(pose))
        horizon_s = self._settings.collision_time_s
        free_s = window.free_time_s(pose, wish, horizon_s, _CHECK_STEP_S, margin_m)
        if free_s >= horizon_s:
            return wish, ControlStatus.OK, ""
        if wish.v_mps <= 0.0:
            reason = f"turning in place touches an obstacle after {free_s:.2f} s"
            return STANDSTILL, ControlStatus.BLOCKED, reason
        room_m = max(0.0, free_s - _CHECK_STEP_S) * wish.v_mps
        speed_mps = min(
            wish.v_mps,
            approach_speed_mps(room_m, 0.8 * control_input.limits.brake_mps2, self._actuation.speed_lag_s + _CYCLE_S),
        )
        if speed_mps < 0.02:
            return STANDSTILL, ControlStatus.BLOCKED, f"an obstacle {room_m:.2f} m ahead on the way to the path"
        return Twist2(speed_mps, wish.w_radps * speed_mps / wish.v_mps), ControlStatus.OK, ""


def _arc(pose: Pose2, twist: Twist2, horizon_s: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """float32 [t, 3]: the poses of driving ``twist``, each 0.1 s."""
    poses = [pose]
    for _ in range(math.ceil(horizon_s / 0.1)):
        poses.append(integrate_twist(poses[-1], twist, 0.1))
    return np.array([(p.x_m, p.y_m, p.yaw_rad) for p in poses], np.float32)
