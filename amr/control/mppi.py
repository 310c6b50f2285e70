"""Model predictive path integral control (Williams, Drews, Goldfain, Rehg, Theodorou 2018).

A cycle reads like this: predict the state at which this command will act; roll out thousands of disturbed versions
of the last plan under the motion model; let each cost term price them; average their commands, weighted by
exp(-cost / temperature); check that average by the same terms, and send its first command.

Own choices against the paper: the average is taken over limited commands, so it can be driven; noise comes in pairs
of mirrored turns, so that a symmetric situation gives a straight answer; whole candidate motions (the last plan, a
full brake, the way down the cost-to-go) are among the samples, so that the robot never lacks them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import ControlInput, ControlOutput, ControlStatus
from amr.control.candidates import candidates
from amr.control.evasions import evasions
from amr.control.follow import at_goal, turn_rate_radps
from amr.control.goal_field import GoalField, GoalFieldBuilder
from amr.control.noise import noise_pool, window_start
from amr.control.prediction import Actuation, StartState, lag_gain, predict_start
from amr.control.profile import approach_speed_mps, limit_command
from amr.control.terms import load_terms
from amr.control.terms.base import TermContext
from amr.control.validity import fault_in
from amr.control.window import Outline, Window
from amr.geometry import STANDSTILL, Pose2, Twist2, integrate_twist, wrap_angle
from amr.grid import DistanceField
from amr.kernels.mppi_obstacle import COLLISION_COST
from amr.kernels.mppi_rollout import LANES, poses_of, rollout
from amr.kernels.mppi_update import IRRELEVANT_TEMPERATURES, mean_command, weigh
from amr.portable_math import sin_cos
from amr.units import s_from_ns

_CYCLE_S = 0.02
"""Taken for the time since the last cycle when there was none."""
_LONGEST_GAP_S = 0.5
"""After a longer pause the last plan is not continued."""
_TURN_CHECK_S = 0.05
_TILE = 13 * LANES
"""Samples that are rolled out and priced at once: their motions (1.4 MB at 56 steps) stay in a core's caches."""
_CONFLICT_COST = 5.0
"""A mean that costs this much more than the best sample is one of motions that do not go together."""
_LOOKING, _LOOK_S = (Twist2(0.0, 1.0), Twist2(0.0, -1.0)), 0.8
"""Turning in place for so long shows the robot half of what was behind it."""
_ONWARD = Twist2(0.3, 0.0)
_ROOMIER = (Twist2(0.2, 0.0), Twist2(0.2, 0.6), Twist2(0.2, -0.6))
_ROOMIER_S = (0.5, 1.0, 1.5)
"""Where, on a short way ahead, there may be the room to look that the robot lacks where it stands."""
_LOOK_BEHIND_M = 0.06
"""Behind the rear edge: less than what whoever arms the robot vouches for."""
_CREEP_M = 0.002
"""A robot that stands inside the hard margin may come this much nearer while it turns out of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What one cycle optimizes: everything that the rollouts and the cost terms read."""

    control_input: ControlInput
    start: StartState
    goal_field: GoalField
    window: Window
    cycle_s: float
    plan: NDArray[np.float32]
    """float32 [2, T]: the last plan, shifted to now."""
    first: NDArray[np.float32]
    limits: NDArray[np.float32]
    fixed: NDArray[np.float32]
    column: int
    touch_m: float


class MppiController:
    """The controller that drives by default. See ``amr.control.base.Controller``."""

    snapshot_constants: ClassVar[tuple[str, ...]] = (
        *("_terms", "_outline", "_squeezing", "noise_v", "noise_w"),
        *("_tiles", "_cost", "_hit_step", "_chosen", "_weight"),
    )
    """Made from config and seed, or written anew in each cycle."""

    def __init__(self, config: RobotConfig, seed: int) -> None:
        control = config.control
        self._control, self._settings = control, control.mppi
        weight = control.mppi.squeeze_frac * control.mppi.soft_margin_weight
        self._squeezing = control.mppi.model_copy(update={"soft_margin_weight": weight})
        self._terms = load_terms(control.mppi.terms)
        self._goal_fields = GoalFieldBuilder(config)
        self._outline = Outline(config.body)
        self._actuation = Actuation.of(control)
        self._rear_m = config.body.length_bounds_m[0]
        self._half_width_m = config.body.width_bounds_m[1]
        samples = -(-control.samples // LANES) * LANES
        columns = max(control.mppi.pool_columns, samples)
        steps = control.steps
        self.noise_v = noise_pool(seed, steps, columns, control.mppi.noise_v_mps, 1, control.mppi, control.step_s)
        self.noise_w = noise_pool(seed, steps, columns, control.mppi.noise_w_radps, 2, control.mppi, control.step_s)
        self._plan = np.zeros((2, steps), np.float32)
        self._last_ns = -1
        self._last_command = STANDSTILL
        # scratch: written anew in each cycle
        self._tiles = _tiles(samples, steps)
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
        problem = self.prepare(control_input)
        return problem if isinstance(problem, ControlOutput) else self._optimize(problem)

    def prepare(self, control_input: ControlInput) -> Problem | ControlOutput:
        """This cycle's problem; or its answer, where there is nothing to optimize."""
        fault = fault_in(control_input)
        if fault:
            self.reset()
            return ControlOutput(0.0, 0.0, ControlStatus.BLOCKED, fault)
        cycle_s = self._advance(control_input.now_ns)
        start = predict_start(control_input, self._actuation, self._last_command)
        window = Window.of(control_input.field, self._outline)
        goal_field = self._goal_fields.update(control_input, window.distance_m)
        if at_goal(control_input, self._control.goal_yaw_tolerance_rad):
            return self._brake(control_input, start, cycle_s, ControlStatus.AT_GOAL, "at the goal")
        turn = self._turn_at_goal(control_input, start, window, cycle_s)
        if turn is not None:
            return turn
        if not goal_field.reachable:
            reason = "no free way from the robot towards the goal inside the local window"
            return self._brake(control_input, start, cycle_s, ControlStatus.NO_PATH, reason)
        reverse_mps = self._reverse_limit_mps(control_input, start, window, goal_field)
        limits, first = self._rollout_limits(control_input, reverse_mps), _start_vector(start)
        fixed = candidates(self._plan, control_input.limits, goal_field, start.odom_from_base, first, limits)
        if control_input.obstacles:
            evasive = evasions(control_input.limits, self._control.steps, self._control.step_s)
            fixed = np.concatenate((fixed, evasive))
        return Problem(
            control_input=control_input,
            start=start,
            goal_field=goal_field,
            window=window,
            cycle_s=cycle_s,
            plan=self._plan,
            first=first,
            limits=limits,
            fixed=fixed,
            column=window_start(control_input.tick, self.noise_v.shape[1], self._cost.shape[0] // 2),
            # standing nearer than the margin already, the robot may leave, but not come nearer still
            touch_m=min(self._hard_margin_m(control_input), window.clearance_m(start.odom_from_base) - _CREEP_M),
        )

    def context(
        self,
        problem: Problem,
        state: NDArray[np.float32],
        cost: NDArray[np.float32],
        hit_step: NDArray[np.int32],
        count: int,
        known_cost: float = math.inf,
    ) -> TermContext:
        """What the cost terms see of these motions, of which the first ``count`` matter."""
        return TermContext(
            settings=self._squeezing if problem.control_input.squeeze else self._settings,
            control_input=problem.control_input,
            start=problem.start,
            step_s=self._control.step_s,
            state=state,
            cost=cost,
            hit_step=hit_step,
            window=problem.window,
            hard_margin_m=self._hard_margin_m(problem.control_input),
            touch_m=problem.touch_m,
            goal_field=problem.goal_field,
            count=count,
            prune_margin=math.inf,
            known_cost=known_cost,
        )

    def _hard_margin_m(self, control_input: ControlInput) -> float:
        hard_m = self._control.hard_margin_m
        return min(hard_m, self._settings.squeeze_margin_m) if control_input.squeeze else hard_m

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

    def _optimize(self, problem: Problem) -> ControlOutput:
        motions = (problem.column, problem.plan, problem.fixed, problem.first, problem.limits)
        arguments = (self.noise_v, self.noise_w, *motions)
        self._sample(problem)
        count = weigh(self._cost, self._settings.temperature, self._chosen, self._weight)
        if count == 0:
            self.reset()
            return ControlOutput(0.0, 0.0, ControlStatus.BLOCKED, "no sampled motion has a finite cost")
        lowest = int(self._cost.argmin())
        if self._cost[lowest] >= COLLISION_COST:
            horizon_s = self._control.steps * self._control.step_s
            reason = f"each of {self._cost.shape[0]} motions touches an obstacle within {horizon_s:.1f} s"
            return self._brake(problem.control_input, problem.start, problem.cycle_s, ControlStatus.BLOCKED, reason)
        checked = np.empty((2, *self._plan.shape), np.float32)
        mean_command(*arguments, self._chosen, self._weight, count, checked[0])
        mean_command(*arguments, np.array([lowest], np.int32), np.ones(1), 1, checked[1])
        winner, cost, state = self._check(problem, checked)
        self._plan = checked[winner].copy()
        command = self._first_command(problem)
        self._last_command = command
        trajectory = _trajectory(state, winner, problem.start.odom_from_base)
        return ControlOutput(command.v_mps, command.w_radps, ControlStatus.OK, "", trajectory, cost)

    def _sample(self, problem: Problem) -> None:
        """Roll out and price all samples, tile by tile; fills ``_cost`` and ``_hit_step``."""
        lowest, fixed = math.inf, problem.fixed
        for first, state in self._tiles:
            part = slice(first, first + state.shape[2])
            motions = (problem.column + first // 2, problem.plan, fixed, problem.first, problem.limits)
            rollout(self.noise_v, self.noise_w, *motions, state)
            cost = self._cost[part]
            self._price(problem, state, cost, self._hit_step[part], cost.shape[0], lowest)
            lowest = min(lowest, float(cost.min()))
            fixed = fixed[:0]

    def _check(self, problem: Problem, checked: NDArray[np.float32]) -> tuple[int, float, NDArray[np.float32]]:
        """Price the mean and the best sample alone: the mean of two ways round a post runs into the post.

        Returns (0 for the mean, 1 for the best sample, its cost, the motions).
        """
        state = np.empty((6, self._plan.shape[1], LANES), np.float32)
        cost, hit_step = np.empty(LANES, np.float32), np.empty(LANES, np.int32)
        rollout(self.noise_v, self.noise_w, 0, checked[0], checked, problem.first, problem.limits, state)
        self._price(problem, state, cost, hit_step, len(checked))
        # among movers the mean of in front and behind is the worst
        dearer = bool(problem.control_input.obstacles) and cost[0] > cost[1] + _CONFLICT_COST
        winner = 1 if dearer or cost[0] >= COLLISION_COST else 0
        return winner, float(cost[winner]), state

    def _price(
        self,
        problem: Problem,
        state: NDArray[np.float32],
        cost: NDArray[np.float32],
        hit_step: NDArray[np.int32],
        count: int,
        known_cost: float = math.inf,
    ) -> None:
        """Let each term add to ``cost``; the last may leave out what the mean would not use."""
        cost.fill(0.0)
        hit_step.fill(state.shape[1])
        context = self.context(problem, state, cost, hit_step, count, known_cost)
        for term in self._terms[:-1]:
            term(context)
        self._terms[-1](replace(context, prune_margin=IRRELEVANT_TEMPERATURES * self._settings.temperature))

    def _first_command(self, problem: Problem) -> Twist2:
        """What to send now: the plan's first step is a ramp, of which one cycle's part is driven."""
        control_input, before = problem.control_input, problem.start.command
        part = min(1.0, problem.cycle_s / self._control.step_s)
        wish = Twist2(
            before.v_mps + part * (float(self._plan[0, 0]) - before.v_mps),
            before.w_radps + part * (float(self._plan[1, 0]) - before.w_radps),
        )
        if control_input.is_last_goal:
            left_m = problem.start.odom_from_base.distance_m(control_input.goal_odom)
            v_mps = min(wish.v_mps, approach_speed_mps(left_m, 0.8 * control_input.limits.brake_mps2))
            wish = Twist2(v_mps, wish.w_radps)
        return limit_command(wish, before, control_input.limits, problem.cycle_s)

    # ------------------------------------------------------------ parts

    def _reverse_limit_mps(
        self, control_input: ControlInput, start: StartState, window: Window, goal_field: GoalField
    ) -> float:
        """Speed backwards: 0 while what lies there was never seen, if the robot can turn and look or drive on instead.

        A lidar that does not look behind cannot stop the robot before a wall there.
        """
        reverse_mps = control_input.limits.v_reverse_max_mps
        if reverse_mps == 0.0 or not self._rear_is_unseen(control_input.field, control_input.odom_from_base):
            return reverse_mps
        pose = start.odom_from_base
        margin_m = min(self._control.hard_margin_m, window.clearance_m(pose) - _CREEP_M)
        for twist in _LOOKING if goal_field.blind else (*_LOOKING, _ONWARD):
            if window.free_time_s(pose, twist, _LOOK_S, _TURN_CHECK_S, margin_m) >= _LOOK_S:
                return 0.0
        return 0.0 if self._can_look_ahead(window, pose, margin_m) else reverse_mps

    def _can_look_ahead(self, window: Window, pose: Pose2, margin_m: float) -> bool:
        """True when the robot could turn and look at the end of a short way ahead."""
        for way in _ROOMIER:
            free_s = window.free_time_s(pose, way, _ROOMIER_S[-1], _TURN_CHECK_S, margin_m)
            for after_s in _ROOMIER_S:
                if free_s < after_s:
                    break
                place = integrate_twist(pose, way, after_s)
                for look in _LOOKING:
                    if window.free_time_s(place, look, _LOOK_S, _TURN_CHECK_S, margin_m) >= _LOOK_S:
                        return True
        return False

    def _rear_is_unseen(self, field: DistanceField, odom_from_base: Pose2) -> bool:
        """True when a point just behind the rear edge was never seen; outside of the window nothing was."""
        for side in (-1.0, 0.0, 1.0):
            if field.is_unseen(*odom_from_base.apply(self._rear_m - _LOOK_BEHIND_M, side * self._half_width_m)):
                return True
        return False

    def _rollout_limits(self, control_input: ControlInput, reverse_mps: float) -> NDArray[np.float32]:
        limits, step_s = control_input.limits, self._control.step_s
        return np.array(
            (
                step_s,
                lag_gain(step_s, self._actuation.speed_lag_s),
                limits.a_max_mps2 * step_s,
                self._control.brake_frac * max(limits.brake_mps2, limits.a_max_mps2) * step_s,
                limits.alpha_max_radps2 * step_s,
                -reverse_mps,
                limits.v_max_mps,
                limits.w_max_radps,
                lag_gain(step_s, self._actuation.turn_lag_s),
                limits.a_lateral_max_mps2,
            ),
            np.float32,
        )

    def _turn_at_goal(
        self, control_input: ControlInput, start: StartState, window: Window, cycle_s: float
    ) -> ControlOutput | None:
        """Turn in place towards the goal's heading, where the place is right already and the outline has room."""
        pose, goal, limits = start.odom_from_base, control_input.goal_odom, control_input.limits
        if not control_input.goal_yaw_matters:
            return None
        if control_input.odom_from_base.distance_m(goal) > control_input.goal_tolerance_m:
            return None
        error_rad = wrap_angle(goal.yaw_rad - pose.yaw_rad)
        turn = Twist2(0.0, turn_rate_radps(error_rad, limits))
        margin_m = min(self._control.hard_margin_m, window.clearance_m(pose) - _CREEP_M)
        needed_s = min(abs(error_rad / turn.w_radps), 2.0) if turn.w_radps != 0.0 else 0.0
        if window.free_time_s(pose, turn, needed_s, _TURN_CHECK_S, margin_m) < needed_s:
            return None
        self._plan.fill(0.0)
        self._last_command = limit_command(turn, start.command, limits, cycle_s)
        return ControlOutput(self._last_command.v_mps, self._last_command.w_radps, ControlStatus.OK, "")

    def _brake(
        self, control_input: ControlInput, start: StartState, cycle_s: float, status: ControlStatus, reason: str
    ) -> ControlOutput:
        """Come to rest as fast as the limits allow."""
        self._plan.fill(0.0)
        command = limit_command(STANDSTILL, start.command, control_input.limits, cycle_s)
        self._last_command = command
        return ControlOutput(command.v_mps, command.w_radps, status, reason)


def _tiles(samples: int, steps: int) -> list[tuple[int, NDArray[np.float32]]]:
    """(first sample, float32 [6, T, n] for its motions) of each tile, all in one piece of memory."""
    memory = np.empty(6 * steps * min(samples, _TILE), np.float32)
    tiles = []
    for first in range(0, samples, _TILE):
        size = min(_TILE, samples - first)
        tiles.append((first, memory[: 6 * steps * size].reshape(6, steps, size)))
    return tiles


def _start_vector(start: StartState) -> NDArray[np.float32]:
    sine, cosine = sin_cos(start.odom_from_base.yaw_rad)
    twist, command = start.twist, start.command
    return np.array((cosine, sine, twist.v_mps, twist.w_radps, command.v_mps, command.w_radps), np.float32)


def _trajectory(state: NDArray[np.float32], sample: int, pose: Pose2) -> NDArray[np.float32]:
    """float32 [T, 3] (x m, y m, yaw rad), odom frame."""
    points = np.empty((state.shape[1], 3), np.float32)
    poses_of(state, sample, pose.x_m, pose.y_m, points)
    return points
