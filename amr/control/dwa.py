"""Dynamic window approach (Fox, Burgard, Thrun 1997): the baseline that everyone knows.

Of the velocities that can be reached within a short time, drive the one whose arc scores best by heading to the
target, free distance and speed, among those from which the robot can still stop before it touches something.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import ControlInput, ControlOutput, ControlStatus, MotionLimits
from amr.control.follow import at_goal, carrot, turn_rate_radps
from amr.control.prediction import Actuation, StartState, predict_start
from amr.control.profile import approach_speed_mps, limit_command
from amr.control.validity import fault_in
from amr.control.window import Outline, Window
from amr.geometry import STANDSTILL, Pose2, Twist2, integrate_twist, wrap_angle
from amr.portable_math import PI, arctan2
from amr.units import s_from_ns

_CYCLE_S = 0.02
_SIMULATION_STEP_S = 0.05
_TARGET_M = 1.0
"""Distance of the target on the global path."""
_HEADING_TIME_S = 0.4
"""Where on the arc the heading to the target is judged."""


class DwaController:
    """See ``amr.control.base.Controller``. Steers for the global path ahead, for the goal when there is none."""

    def __init__(self, config: RobotConfig, seed: int) -> None:
        """``seed`` is not used: nothing here is random."""
        del seed
        self._settings = config.control.dwa
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
        wish, status, reason, cost = self._wish(control_input, start)
        command = limit_command(wish, start.command, control_input.limits, cycle_s)
        self._last_command = command
        poses = [start.odom_from_base]
        for _ in range(math.ceil(self._settings.horizon_s / 0.1)):
            poses.append(integrate_twist(poses[-1], wish, 0.1))
        trajectory = np.array([(pose.x_m, pose.y_m, pose.yaw_rad) for pose in poses], np.float32)
        return ControlOutput(command.v_mps, command.w_radps, status, reason, trajectory, cost)

    def _wish(self, control_input: ControlInput, start: StartState) -> tuple[Twist2, ControlStatus, str, float]:
        goal, limits, pose = control_input.goal_odom, control_input.limits, start.odom_from_base
        if at_goal(control_input, self._yaw_tolerance_rad):
            return STANDSTILL, ControlStatus.AT_GOAL, "at the goal", 0.0
        window = Window.of(control_input.field, self._outline)
        if control_input.odom_from_base.distance_m(goal) <= control_input.goal_tolerance_m:
            error_rad = wrap_angle(goal.yaw_rad - pose.yaw_rad)
            return Twist2(0.0, turn_rate_radps(error_rad, limits)), ControlStatus.OK, "", 0.0
        target = (goal.x_m, goal.y_m)
        left_m = pose.distance_m(goal)
        if control_input.path_odom.shape[0] > 0:
            ahead = carrot(control_input.path_odom, pose, _TARGET_M)
            target, left_m = (ahead.x_m, ahead.y_m), ahead.remaining_m
        top_mps = min(self._settings.max_speed_mps, limits.v_max_mps)
        if control_input.is_last_goal:
            top_mps = min(top_mps, approach_speed_mps(left_m, 0.8 * limits.brake_mps2))
        velocities = self._dynamic_window(start.command, limits, top_mps)
        scores = self._scores(window, pose, velocities, target, limits, max(top_mps, 1e-3))
        best = int(scores.argmax())
        if not scores[best] > -math.inf:
            return STANDSTILL, ControlStatus.BLOCKED, "no velocity of the window can stop before an obstacle", 0.0
        chosen = Twist2(float(velocities[best, 0]), float(velocities[best, 1]))
        if chosen.v_mps < 0.02 and abs(chosen.w_radps) < 0.05:
            return self._turn_to(target, pose, window, limits)
        return chosen, ControlStatus.OK, "", -float(scores[best])

    def _dynamic_window(self, before: Twist2, limits: MotionLimits, top_mps: float) -> NDArray[np.float64]:
        """float64 [n, 2]: velocities that can be reached within ``window_s``."""
        settings = self._settings
        reach_v = limits.a_max_mps2 * settings.window_s
        reach_w = limits.alpha_max_radps2 * settings.window_s
        v_low, v_high = max(0.0, before.v_mps - reach_v), max(0.0, min(top_mps, before.v_mps + reach_v))
        v_low = min(v_low, v_high)
        w_low = max(-limits.w_max_radps, min(before.w_radps - reach_w, limits.w_max_radps))
        w_high = min(limits.w_max_radps, max(before.w_radps + reach_w, -limits.w_max_radps))
        rows = np.arange(settings.samples_v) / (settings.samples_v - 1)
        columns = np.arange(settings.samples_w) / (settings.samples_w - 1)
        velocities = np.empty((settings.samples_v * settings.samples_w, 2))
        velocities[:, 0] = np.repeat(v_low + rows * (v_high - v_low), settings.samples_w)
        velocities[:, 1] = np.tile(w_low + columns * (w_high - w_low), settings.samples_v)
        return velocities

    def _scores(
        self,
        window: Window,
        pose: Pose2,
        velocities: NDArray[np.float64],
        target: tuple[float, float],
        limits: MotionLimits,
        top_mps: float,
    ) -> NDArray[np.float64]:
        """Objective of each velocity; -inf where the robot could not stop in time (Fox et al. eq. 13 and 14)."""
        settings = self._settings
        margin_m = min(self._margin_m, window.clearance_m(pose))
        free_s = window.free_times_s(pose, velocities, settings.horizon_s, _SIMULATION_STEP_S, margin_m)
        scores = np.full(len(velocities), -math.inf)
        for n, ((v_mps, w_radps), time_s) in enumerate(zip(velocities.tolist(), free_s.tolist(), strict=True)):
            room_s = max(0.0, time_s - _SIMULATION_STEP_S) if time_s < settings.horizon_s else math.inf
            stop_s = max(v_mps / limits.brake_mps2, abs(w_radps) / limits.alpha_max_radps2)
            if 0.5 * stop_s + self._actuation.speed_lag_s + _CYCLE_S > room_s:
                continue
            there = integrate_twist(pose, Twist2(v_mps, w_radps), _HEADING_TIME_S)
            bearing_rad = wrap_angle(arctan2(target[1] - there.y_m, target[0] - there.x_m) - there.yaw_rad)
            free_m = min(time_s * v_mps, settings.distance_cap_m) / settings.distance_cap_m
            scores[n] = (
                settings.heading_weight * (1.0 - abs(bearing_rad) / PI)
                + settings.distance_weight * free_m
                + settings.speed_weight * v_mps / top_mps
            )
        return scores

    def _turn_to(
        self, target: tuple[float, float], pose: Pose2, window: Window, limits: MotionLimits
    ) -> tuple[Twist2, ControlStatus, str, float]:
        """Where the best is to stand: turn towards the target, if the outline has the room."""
        bearing_rad = wrap_angle(arctan2(target[1] - pose.y_m, target[0] - pose.x_m) - pose.yaw_rad)
        turn = Twist2(0.0, turn_rate_radps(bearing_rad, limits))
        margin_m = min(self._margin_m, window.clearance_m(pose))
        free_s = window.free_time_s(pose, turn, self._settings.window_s, _SIMULATION_STEP_S, margin_m)
        if abs(bearing_rad) < 0.1 or free_s < self._settings.window_s:
            return STANDSTILL, ControlStatus.BLOCKED, "no velocity leads on, and there is no room to turn", 0.0
        return turn, ControlStatus.OK, "", 0.0
