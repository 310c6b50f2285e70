"""Model predictive path integral control (Williams, Drews, Goldfain, Rehg, Theodorou 2018).

A cycle reads like this: predict the state at which this command will act; roll out thousands of disturbed versions
of the last plan under the motion model; let each cost term price them; average their commands, weighted by
exp(-cost / temperature); check that average by the same terms, and send its first command.

Own choices against the paper: the average is taken over limited commands, so it can be driven; noise comes in pairs
of opposite sign, so that a symmetric situation gives a straight answer; whole candidate motions (the last plan, a
full brake, turns in place) are among the samples, so that the robot never lacks them.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import ControlInput, ControlOutput, ControlStatus
from amr.control.follow import at_goal
from amr.control.goal_field import GoalField, GoalFieldBuilder
from amr.control.noise import noise_pool, window_start
from amr.control.prediction import StartState, lag_gain, predict_start
from amr.control.profile import approach_speed_mps, limit_command
from amr.control.terms import load_terms
from amr.control.terms.base import TermContext
from amr.control.validity import fault_in
from amr.control.window import Outline, Window
from amr.geometry import STANDSTILL, Pose2, Twist2
from amr.kernels.mppi_guide import descend, guide
from amr.kernels.mppi_obstacle import COLLISION_COST
from amr.kernels.mppi_rollout import COSINE, LANES, SINE, X, Y, rollout
from amr.kernels.mppi_update import mean_command, weigh
from amr.portable_math import arctan2, sin_cos
from amr.units import s_from_ns

_CYCLE_S = 0.02
"""Taken for the time since the last cycle when there was none."""
_LONGEST_GAP_S = 0.5
"""After a longer pause the last plan is not continued."""
_OWN_CANDIDATES = 6
_STYLES = np.array(
    [(0.2, 6.0, 0.16), (0.4, 4.0, 0.2), (0.4, 4.0, 0.4), (0.8, 3.0, 0.3), (1.3, 3.0, 0.5), (2.0, 2.0, 0.7)], np.float32
)
"""(speed m/s, sharpness, lookahead m) of the candidates that follow the cost-to-go (``amr.kernels.mppi_guide``)."""
_DESCENT_STEP_M = 0.04
_DESCENT_POINTS = 120
_GUIDE_GAIN_PER_S = 4.0
_CREEP_M = 0.002


class MppiController:
    """The controller that drives by default. See ``amr.control.base.Controller``."""

    snapshot_constants: ClassVar[tuple[str, ...]] = (
        *("_terms", "_discs", "_reach_m", "_noise_v", "_noise_w"),
        *("_state", "_cost", "_hit_step", "_chosen", "_weight"),
    )
    """Made from config and seed, or written anew in each cycle."""

    def __init__(self, config: RobotConfig, seed: int) -> None:
        control = config.control
        self._control, self._settings = control, control.mppi
        self._terms = load_terms(control.mppi.terms)
        self._goal_fields = GoalFieldBuilder(config)
        self._outline = Outline(config.body)
        samples = -(-control.samples // LANES) * LANES
        columns = max(control.mppi.pool_columns, samples)
        steps = control.steps
        self._noise_v = noise_pool(seed, steps, columns, control.mppi.noise_v_mps, stream=1)
        self._noise_w = noise_pool(seed, steps, columns, control.mppi.noise_w_radps, stream=2)
        self._plan = np.zeros((2, steps), np.float32)
        self._last_ns = -1
        self._last_command = STANDSTILL
        # scratch: written anew in each cycle
        self._state = np.empty((6, steps, samples), np.float32)
        self._cost = np.empty(samples, np.float32)
        self._hit_step = np.empty(samples, np.int32)
        self._chosen = np.empty(samples, np.int32)
        self._weight = np.empty(samples, np.float64)

    def reset(self) -> None:
        """Forget the last plan and the cost-to-go."""
        self._plan.fill(0.0)
        self._last_ns = -1
        self._last_command = STANDSTILL
        self._goal_fields.reset()

    def compute(self, control_input: ControlInput, /) -> ControlOutput:
        """See ``Controller.compute``."""
        fault = fault_in(control_input)
        if fault:
            self.reset()
            return ControlOutput(0.0, 0.0, ControlStatus.BLOCKED, fault)
        cycle_s = self._advance(control_input.now_ns)
        start = predict_start(control_input, self._control.wheel_lag_s, self._last_command)
        window = Window.of(control_input.field, self._outline)
        goal_field = self._goal_fields.update(control_input, window.distance_m)
        if at_goal(control_input, self._control.goal_yaw_tolerance_rad):
            return self._brake(control_input, start, cycle_s, ControlStatus.AT_GOAL, "at the goal")
        if not goal_field.reachable:
            reason = "no free way from the robot towards the goal inside the local window"
            return self._brake(control_input, start, cycle_s, ControlStatus.NO_PATH, reason)
        return self._optimize(control_input, start, goal_field, window, cycle_s)

    # ------------------------------------------------------------ one cycle

    def _advance(self, now_ns: int) -> float:
        """Shift the last plan by the time since the last cycle; returns that time, bounded to what a cycle can be."""
        gap_s = s_from_ns(now_ns - self._last_ns) if self._last_ns >= 0 else -1.0
        self._last_ns = now_ns
        if not 0.0 < gap_s <= _LONGEST_GAP_S:
            if gap_s != 0.0:
                self._plan.fill(0.0)
            return _CYCLE_S
        shift = gap_s / self._control.step_s
        whole = int(shift)
        part = np.float32(shift - whole)
        steps = self._plan.shape[1]
        index = np.minimum(np.arange(steps) + whole, steps - 1)
        following = np.minimum(index + 1, steps - 1)
        early, late = self._plan.take(index, axis=1), self._plan.take(following, axis=1)
        self._plan = early * (np.float32(1.0) - part) + late * part
        return min(gap_s, 0.1)

    def _optimize(
        self,
        control_input: ControlInput,
        start: StartState,
        goal_field: GoalField,
        window: Window,
        cycle_s: float,
    ) -> ControlOutput:
        limits = self._rollout_limits(control_input)
        first = _start_vector(start)
        candidates = self._candidates(control_input, goal_field, start, limits)
        samples = self._cost.shape[0]
        column = window_start(control_input.tick, self._noise_v.shape[1], samples // 2)
        # standing nearer than the margin already, the robot may leave, but not come nearer still
        touch_m = min(self._control.hard_margin_m, window.clearance_m(start.odom_from_base) - _CREEP_M)

        rollout(self._noise_v, self._noise_w, column, self._plan, candidates, first, limits, self._state)
        self._price(self._state, self._cost, self._hit_step, control_input, start, goal_field, window, touch_m)
        count = weigh(self._cost, self._settings.temperature, self._chosen, self._weight)
        if count == 0:
            self.reset()
            return ControlOutput(0.0, 0.0, ControlStatus.BLOCKED, "no sampled motion has a finite cost")
        lowest = int(self._cost.argmin())
        if self._cost[lowest] >= COLLISION_COST:
            self._plan.fill(0.0)
            reason = f"each of {samples} motions touches an obstacle within {self._horizon_s:.1f} s"
            return self._brake(control_input, start, cycle_s, ControlStatus.BLOCKED, reason)
        mean = np.empty_like(self._plan)
        best = np.empty_like(self._plan)
        arguments = (self._noise_v, self._noise_w, column, self._plan, candidates, first, limits)
        mean_command(*arguments, self._chosen, self._weight, count, mean)
        mean_command(*arguments, np.array([lowest], np.int32), np.ones(1), 1, best)

        # The mean of two ways round a post runs into the post: check it like any sample.
        checked = np.stack((mean, best))
        state = np.empty((6, self._plan.shape[1], LANES), np.float32)
        cost, hit_step = np.empty(LANES, np.float32), np.empty(LANES, np.int32)
        rollout(self._noise_v, self._noise_w, column, mean, checked, first, limits, state)
        self._price(state, cost, hit_step, control_input, start, goal_field, window, touch_m)
        winner = 0 if cost[0] < COLLISION_COST else 1
        self._plan = checked[winner].copy()
        command = self._first_command(control_input, start, cycle_s)
        self._last_command = command
        trajectory = _trajectory(state, winner, start)
        return ControlOutput(command.v_mps, command.w_radps, ControlStatus.OK, "", trajectory, float(cost[winner]))

    def _price(
        self,
        state: NDArray[np.float32],
        cost: NDArray[np.float32],
        hit_step: NDArray[np.int32],
        control_input: ControlInput,
        start: StartState,
        goal_field: GoalField,
        window: Window,
        touch_m: float,
    ) -> None:
        """Let each term add to ``cost``."""
        cost.fill(0.0)
        hit_step.fill(state.shape[1])
        context = TermContext(
            settings=self._settings,
            control_input=control_input,
            start=start,
            step_s=self._control.step_s,
            state=state,
            cost=cost,
            hit_step=hit_step,
            window=window,
            hard_margin_m=self._control.hard_margin_m,
            touch_m=touch_m,
            goal_field=goal_field,
        )
        for term in self._terms:
            term(context)

    def _first_command(self, control_input: ControlInput, start: StartState, cycle_s: float) -> Twist2:
        """What to send now: the plan's first step is a ramp, of which one cycle's part is driven."""
        part = min(1.0, cycle_s / self._control.step_s)
        before = start.command
        wish = Twist2(
            before.v_mps + part * (float(self._plan[0, 0]) - before.v_mps),
            before.w_radps + part * (float(self._plan[1, 0]) - before.w_radps),
        )
        limits = control_input.limits
        if control_input.is_last_goal:
            left_m = start.odom_from_base.distance_m(control_input.goal_odom)
            v_mps = min(wish.v_mps, approach_speed_mps(left_m, 0.8 * limits.brake_mps2))
            wish = Twist2(v_mps, wish.w_radps)
        return limit_command(wish, before, limits, cycle_s)

    # ------------------------------------------------------------ parts

    @property
    def _horizon_s(self) -> float:
        return self._control.steps * self._control.step_s

    def _rollout_limits(self, control_input: ControlInput) -> NDArray[np.float32]:
        limits, step_s = control_input.limits, self._control.step_s
        return np.array(
            (
                step_s,
                lag_gain(step_s, self._control.wheel_lag_s),
                limits.a_max_mps2 * step_s,
                max(limits.brake_mps2, limits.a_max_mps2) * step_s,
                limits.alpha_max_radps2 * step_s,
                -limits.v_reverse_max_mps,
                limits.v_max_mps,
                limits.w_max_radps,
            ),
            np.float32,
        )

    def _candidates(
        self, control_input: ControlInput, goal_field: GoalField, start: StartState, limits: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """float32 [n, 2, T]: whole control sequences that are always among the samples."""
        w_max_radps, v_reverse_max_mps = control_input.limits.w_max_radps, control_input.limits.v_reverse_max_mps
        candidates = np.zeros((_OWN_CANDIDATES + len(_STYLES), 2, self._plan.shape[1]), np.float32)
        candidates[0] = self._plan
        # 1 stays zero: the full brake
        candidates[2, 1] = 0.5 * w_max_radps
        candidates[3, 1] = -0.5 * w_max_radps
        candidates[4] = self._plan * np.float32(0.5)
        candidates[5, 0] = -0.5 * v_reverse_max_mps
        path = np.empty((_DESCENT_POINTS, 2), np.float32)
        points = descend(
            goal_field.value_m,
            np.float32(start.odom_from_base.x_m - goal_field.origin_x_m),
            np.float32(start.odom_from_base.y_m - goal_field.origin_y_m),
            np.float32(1.0 / goal_field.resolution_m),
            np.float32(_DESCENT_STEP_M),
            path,
        )
        guide(
            path,
            points,
            np.float32(_DESCENT_STEP_M),
            _start_vector(start),
            limits,
            _STYLES,
            np.float32(_GUIDE_GAIN_PER_S),
            candidates[_OWN_CANDIDATES:],
        )
        return candidates

    def _brake(
        self, control_input: ControlInput, start: StartState, cycle_s: float, status: ControlStatus, reason: str
    ) -> ControlOutput:
        """Come to rest as fast as the limits allow."""
        self._plan.fill(0.0)
        command = limit_command(STANDSTILL, start.command, control_input.limits, cycle_s)
        self._last_command = command
        return ControlOutput(command.v_mps, command.w_radps, status, reason)


def _start_vector(start: StartState) -> NDArray[np.float32]:
    sine, cosine = sin_cos(start.odom_from_base.yaw_rad)
    twist, command = start.twist, start.command
    return np.array((cosine, sine, twist.v_mps, twist.w_radps, command.v_mps, command.w_radps), np.float32)


def _trajectory(state: NDArray[np.float32], sample: int, start: StartState) -> NDArray[np.float32]:
    """float32 [T, 3] (x m, y m, yaw rad), odom frame."""
    pose: Pose2 = start.odom_from_base
    points = np.empty((state.shape[1], 3), np.float32)
    points[:, 0] = state[X, :, sample] + np.float32(pose.x_m)
    points[:, 1] = state[Y, :, sample] + np.float32(pose.y_m)
    for step in range(state.shape[1]):
        points[step, 2] = arctan2(float(state[SINE, step, sample]), float(state[COSINE, step, sample]))
    return points
