"""Goals in order, with replanning and recovery: ``MissionRunner.step`` once a step of the core.

The mission decides *what* to do (follow, recover, rest), never how fast: control and the safety ring do. What may
follow what is the table in ``states``; this file turns the present into that table's events. Whether the robot gets on
is judged in ``watch``, what is done about it in ``ladder``.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import ControlStatus
from amr.geometry import STANDSTILL, Pose2, Twist2, wrap_angle
from amr.messages import Belief, ForgetObstacles, Goal, OperatorAction, PlanRequest, PlanStatus, SetMission
from amr.mission import ladder, path, plans, trail, watch, whereabouts
from amr.mission.base import MissionInput, MissionOutput
from amr.mission.footprint import Footprint
from amr.mission.ladder import Choice, Ladder
from amr.mission.plans import PlanDesk
from amr.mission.situation import Situation
from amr.mission.states import ACTIVE, DRIVING, MissionEvent, MissionState, follow_on
from amr.mission.trail import Trail
from amr.mission.watch import Watch
from amr.mission.whereabouts import LookAround
from amr.units import ns_from_s

_NO_PATH: NDArray[np.float64] = np.zeros((0, 3))
_NO_SPEEDS: NDArray[np.float64] = np.zeros(0)


class MissionRunner:
    """State of the mission. ``config``: the robot file."""

    def __init__(self, config: RobotConfig) -> None:
        self._settings = config.mission
        self._replan_ns = ns_from_s(config.planning.replan_period_s)
        self._footprint = Footprint.from_body(config.body)
        self._state = MissionState.IDLE
        self._reason = ""
        self._goals: tuple[Goal, ...] = ()
        self._reached = 0
        self._inside_since_ns: int | None = None
        self._is_errand = False
        """The goal is a place to look from: passing by is enough, and it is soon given up."""
        self._errand_tries = config.exploration.recoveries_max
        self._desk = PlanDesk()
        self._path = _NO_PATH
        self._path_speed_mps = _NO_SPEEDS
        self._path_version = 0
        self._watch = Watch()
        self._ladder = Ladder()
        self._trail: Trail = ()
        self._relocate_s = config.localization.relocate_s
        self._stroll = config.mission.model_copy(update={"escape_mps": config.localization.doubtful_mps})
        """The settings of a robot that looks around: it goes as fast as one that is not sure."""
        self._search: LookAround | None = None

    def step(self, view: MissionInput) -> MissionOutput:
        """What the mission wants now. Never raises on bad values: what is not finite ends in a reason."""
        self._follow_people(view)
        if not (view.map_from_base.is_finite() and view.map_from_odom.is_finite()):
            self._watch = replace(self._watch, progress=None)
            return replace(self._output(None, (), "pose is not finite"), follow=False)
        odom_from_base = view.map_from_odom.inverse() @ view.map_from_base
        backs_up = self._state is MissionState.BACKING_UP
        self._trail = trail.record(self._trail, odom_from_base, backs_up, self._settings.trail_spacing_m)
        self._heed_place(view, odom_from_base)
        if self._state is MissionState.RELOCATING:
            return self._look_around(view, odom_from_base)
        self._take_plan(view)
        if self._state in ACTIVE:
            self._check_goal(view)
        if self._state not in ACTIVE:
            return self._output(None, (), "")
        forgotten: tuple[ForgetObstacles, ...] = ()
        behavior: Twist2 | None = None
        if view.held:
            self._watch = watch.hold(self._watch, view.now_ns)
            self._ladder = ladder.hold(self._ladder, view.now_ns)
        elif self._state in DRIVING:
            forgotten = self._watch_over(self._situation(view, odom_from_base))
        else:
            behavior = self._recover_on(self._situation(view, odom_from_base))
        return self._output(behavior, forgotten + self._ask_for_plan(view), view.held)

    # ------------------------------------------------------------ people

    def _follow_people(self, view: MissionInput) -> None:
        if view.new_mission is not None:
            self._set_mission(view.new_mission, view)
        elif view.errand is not None:
            self._set_errand(view.errand, view)
        for press in view.operator:
            if press.action is OperatorAction.PAUSE and self._state in ACTIVE | {MissionState.RELOCATING}:
                self._apply(MissionEvent.PAUSE, "paused by the operator")
            elif press.action is OperatorAction.RESUME and self._state is MissionState.PAUSED:
                self._apply(MissionEvent.RESUME, "")
                self._begin_goal(view)

    def _set_mission(self, mission: SetMission, view: MissionInput) -> None:
        self._goals, self._reached, self._is_errand = mission.goals, 0, False
        self._ladder = ladder.for_new_goal(self._ladder)
        self._apply(MissionEvent.SET if mission.goals else MissionEvent.CANCEL, "")
        self._begin_goal(view)
        for number, goal in enumerate(mission.goals, start=1):
            values = (goal.x_m, goal.y_m, 0.0 if goal.yaw_rad is None else goal.yaw_rad, goal.tolerance_m)
            if not all(math.isfinite(value) for value in values) or goal.tolerance_m <= 0.0:
                self._apply(MissionEvent.GIVE_UP, f"goal {number} of {len(mission.goals)} is not usable: {goal}")
                return

    def _set_errand(self, goal: Goal, view: MissionInput) -> None:
        """From one errand to the next it follows the old path until the new one is known."""
        goes_on = self._is_errand and self._state is MissionState.FOLLOWING
        self._goals, self._reached, self._is_errand = (goal,), 0, True
        if goes_on:
            self._desk = plans.for_new_goal(self._desk)
            self._inside_since_ns = None
            return
        self._ladder = ladder.for_new_goal(self._ladder)
        self._apply(MissionEvent.SET, "")
        self._begin_goal(view)

    def _begin_goal(self, view: MissionInput) -> None:
        """Forget the way to the goal before."""
        self._desk = plans.for_new_goal(self._desk)
        self._replace_path(_NO_PATH, _NO_SPEEDS)
        self._watch = watch.begin(view)
        self._inside_since_ns = None

    # ------------------------------------------------------------ where am I

    def _heed_place(self, view: MissionInput, odom_from_base: Pose2) -> None:
        """LOST when the localizer says so; FOUND when it knows again, and then all ways are planned anew."""
        place = view.whereabouts
        if place.belief is not Belief.LOST:
            if self._state is MissionState.RELOCATING:
                self._apply(MissionEvent.FOUND, "")
                self._begin_goal(view)
            return
        if self._state in ACTIVE:
            self._apply(MissionEvent.LOST, "")
            self._begin_goal(view)
            self._ladder, self._trail = ladder.for_new_goal(self._ladder), ()
            self._search = whereabouts.begin(odom_from_base, view.now_ns)
        if self._state is MissionState.RELOCATING:
            held = f"; {view.stop.cause}" if view.blocked else ""
            self._reason = f"lost: {place.cause}{held}"

    def _look_around(self, view: MissionInput, odom_from_base: Pose2) -> MissionOutput:
        """Rest, or a motion that shows more of the place; GIVE_UP when that took too long."""
        search = self._search or whereabouts.begin(odom_from_base, view.now_ns)
        twist = STANDSTILL
        if view.held or view.whereabouts.stand:
            search = whereabouts.hold(search, view.now_ns, odom_from_base)
        elif whereabouts.is_over(search, view.now_ns, self._relocate_s):
            self._apply(MissionEvent.GIVE_UP, f"{self._reason}; looked around for {self._relocate_s:.0f} s")
        else:
            field = view.field
            search, twist = whereabouts.advance(
                search, field, self._footprint, odom_from_base, view.now_ns, self._stroll
            )
        self._search = search
        return self._output(twist, (), view.held)

    # ------------------------------------------------------------ goals and plans

    def _check_goal(self, view: MissionInput) -> None:
        """REACHED or FINISHED when the robot is where it should be."""
        goal = self._goals[self._reached]
        if not self._is_at(goal, view):
            return
        self._reached += 1
        last = self._reached == len(self._goals)
        self._ladder = ladder.for_new_goal(self._ladder)
        self._apply(MissionEvent.FINISHED if last else MissionEvent.REACHED, "")
        self._begin_goal(view)

    def _is_at(self, goal: Goal, view: MissionInput) -> bool:
        """Within the tolerance; at the last goal also at rest, or there for a while."""
        pose = view.map_from_base
        if pose.distance_m(Pose2(goal.x_m, goal.y_m, 0.0)) > goal.tolerance_m:
            self._inside_since_ns = None
            return False
        at_rest = abs(view.twist.v_mps) <= self._settings.rest_mps
        if goal.yaw_rad is not None and abs(wrap_angle(pose.yaw_rad - goal.yaw_rad)) > self._settings.yaw_tolerance_rad:
            return at_rest and view.control_status is ControlStatus.AT_GOAL
        if self._inside_since_ns is None:
            self._inside_since_ns = view.now_ns
        if self._reached + 1 < len(self._goals) or at_rest or self._is_errand:
            return True
        return view.now_ns - self._inside_since_ns >= ns_from_s(self._settings.rest_s)

    def _take_plan(self, view: MissionInput) -> None:
        if view.plan_result is None:
            return
        self._desk, is_news = plans.answer(self._desk, view.plan_result)
        if is_news and self._state in ACTIVE:
            self._replace_path(view.plan_result.path_map, view.plan_result.speed_mps)
            if self._state is MissionState.MANEUVERING:
                self._ladder = ladder.drive_out(self._ladder, self._path)
            else:
                self._ladder = ladder.on_the_way(self._ladder, path.length_m(self._path))
            self._apply(MissionEvent.PATH, "" if self._state is MissionState.PLANNING else self._reason)

    def _replace_path(self, path_map: NDArray[np.float64], speed_mps: NDArray[np.float64]) -> None:
        self._path, self._path_speed_mps = path_map, speed_mps
        self._path_version += 1

    def _ask_for_plan(self, view: MissionInput) -> tuple[PlanRequest, ...]:
        """A request when none is out and the period has passed."""
        self._desk = plans.expire(self._desk, view.now_ns, ns_from_s(self._settings.plan_timeout_s))
        if self._state not in ACTIVE or not plans.is_due(self._desk, view.now_ns, self._replan_ns):
            return ()
        exact = self._state is MissionState.MANEUVERING
        if exact and self._ladder.knows_way_out:
            return ()
        goal = self._goals[self._reached]
        self._desk, request = plans.ask(self._desk, view.now_ns, view.map_from_base, goal, view.map_version, exact)
        return (request,)

    # ------------------------------------------------------------ am I getting anywhere

    def _situation(self, view: MissionInput, odom_from_base: Pose2) -> Situation:
        """Of this step, for what is decided and driven in it."""
        tries_max = self._settings.max_recoveries
        return Situation(
            view=view,
            odom_from_base=odom_from_base,
            state=self._state,
            goal=self._goals[self._reached],
            is_errand=self._is_errand,
            tries_max=min(tries_max, self._errand_tries) if self._is_errand else tries_max,
            path_map=self._path,
            desk=self._desk,
            trail=self._trail,
            footprint=self._footprint,
            settings=self._settings,
        )

    def _watch_over(self, situation: Situation) -> tuple[ForgetObstacles, ...]:
        """While planning or following: notice refusals and standstill, and begin a recovery."""
        view, desk, settings = situation.view, self._desk, self._settings
        planning = self._state is MissionState.PLANNING
        self._watch = watch.advance(self._watch, view, situation.odom_from_base, planning, settings)
        refused = desk.refusals >= settings.plan_tries_max
        if refused or (planning and desk.refusals and desk.status is PlanStatus.START_BLOCKED):
            self._desk = plans.try_again(desk)
            answer = ladder.after_refusals if refused else ladder.leave_start
            self._ladder, choice = answer(self._ladder, situation)
        else:
            may_wait = ladder.may_wait(self._ladder, settings)
            self._watch, standstill = watch.judge(self._watch, view, may_wait, settings)
            if standstill is None:
                return ()
            react = ladder.wait_for_mover if standstill.moves else ladder.climb
            self._ladder, choice = react(self._ladder, standstill.why, situation)
        return self._heed(choice, view)

    def _heed(self, choice: Choice, view: MissionInput) -> tuple[ForgetObstacles, ...]:
        """Do as the ladder chose; what the worker's map shall forget."""
        self._apply(choice.event, choice.reason)
        if choice.event is MissionEvent.MANEUVER:
            self._desk = plans.try_again(self._desk)
        if not choice.forget_m:
            return ()
        pose = view.map_from_base
        return (ForgetObstacles(pose.x_m, pose.y_m, choice.forget_m, view.map_version),)

    def _recover_on(self, situation: Situation) -> Twist2 | None:
        """The motion of the recovery that runs, None when it has none; at its end all is planned anew."""
        self._ladder, step = ladder.advance(self._ladder, situation)
        if step.over:
            self._apply(MissionEvent.RECOVERED, f"after {self._state.value}: {self._reason}")
            self._watch = watch.after_recovery(self._watch, situation.view, step.held, self._settings)
        if step.over or step.asks:
            self._desk = plans.try_again(self._desk)
        return step.twist

    # ------------------------------------------------------------ state and output

    def _apply(self, event: MissionEvent, reason: str) -> None:
        self._state = follow_on(self._state, event)
        self._reason = reason

    def _output(
        self, behavior: Twist2 | None, requests: tuple[PlanRequest | ForgetObstacles, ...], held: str
    ) -> MissionOutput:
        active = self._state in ACTIVE
        return MissionOutput(
            state=self._state.value,
            reason=held or self._reason,
            active_goal=self._goals[self._reached] if active else None,
            is_last_goal=self._reached + 1 >= len(self._goals) and not self._is_errand,
            path_map=self._path,
            path_speed_mps=self._path_speed_mps,
            path_version=self._path_version,
            requests=requests,
            behavior=behavior,
            follow=self._state is MissionState.FOLLOWING
            or (self._state is MissionState.WAITING and len(self._path) > 0),
            done=self._state is MissionState.DONE,
            failed=self._state is MissionState.FAILED,
            goals_reached=self._reached,
            goals_total=len(self._goals),
            squeeze=self._watch.squeeze_from is not None,
        )
