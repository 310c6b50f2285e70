"""Goals in order, with replanning and recovery: ``MissionRunner.step`` once a step of the core.

The mission decides *what* to do (follow, recover, rest), never how fast: control and the safety ring do. What may
follow what is the table in ``states``; this file turns the present into that table's events.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.control.base import ControlStatus
from amr.geometry import STANDSTILL, Pose2, Twist2, wrap_angle
from amr.messages import (
    Belief,
    ForgetObstacles,
    Goal,
    OperatorAction,
    PlanRequest,
    PlanStatus,
    SetMission,
    StopReason,
)
from amr.mission import attempts, maneuver, movers, path, plans, progress, recovery, whereabouts
from amr.mission.attempts import Maneuver, Recoveries
from amr.mission.base import MissionInput, MissionOutput
from amr.mission.footprint import Footprint, distance_at
from amr.mission.maneuver import Drive
from amr.mission.movers import Sentry
from amr.mission.plans import PlanDesk
from amr.mission.progress import Progress
from amr.mission.states import ACTIVE, DRIVING, MissionEvent, MissionState, follow_on
from amr.mission.whereabouts import LookAround
from amr.units import ns_from_s

_NO_PATH: NDArray[np.float64] = np.zeros((0, 3))
_NO_SPEEDS: NDArray[np.float64] = np.zeros(0)
_LADDER: Final = (
    MissionEvent.CLEAR,
    MissionEvent.BACK_UP,
    MissionEvent.MANEUVER,
    MissionEvent.TURN,
    MissionEvent.ESCAPE,
    MissionEvent.WAIT,
)
_GOAL_BLOCKED_WAITS: Final = 3
_EVERYWHERE_M: Final = 1000.0
_CLEARING_NS: Final = 300_000_000
_SENTRY_AFTER_NS: Final = 1_000_000_000
_TRAIL_LENGTH: Final = 200
_FACING_RAD: Final = 0.2
_FACING_AFTER_RAD: Final = 0.5
_PLACES_MAX: Final = 5
"""Times ``max_recoveries`` for one goal in all."""
_PATH_AHEAD_M: Final = 0.5
_CREEP_AHEAD_M: Final = 0.35
_CREEP_M: Final = 0.7
"""A creep along the path ends after this way: the gap before which the robot stayed is then behind its front."""
_MANEUVER_NS: Final = 60_000_000_000
_ROOM_M: Final = 0.1
"""A maneuver is over where the robot can turn with this much around it ..."""
_AWAY_M: Final = 0.5
"""... so far from where it began."""
_ASKS_MAX: Final = 3
"""Ways out without getting anywhere between them: to look around, and to look again."""
_ELSEWHERE_M: Final = 0.3
_SOON_S: Final = 0.5
"""After a recovery that was held the next one follows unless the robot moves by then."""
_EVENTS: Final = {
    MissionState.BACKING_UP: MissionEvent.BACK_UP,
    MissionState.TURNING: MissionEvent.TURN,
    MissionState.ESCAPING: MissionEvent.ESCAPE,
    MissionState.MANEUVERING: MissionEvent.MANEUVER,
}
_IN_THE_WAY: Final = frozenset({StopReason.OBSTACLE, StopReason.KEEP_OUT})
_HELD_BY: Final = frozenset(
    {
        StopReason.NOT_ARMED,
        StopReason.ESTOP,
        StopReason.LINK_DOWN,
        StopReason.BASE_STALE,
        StopReason.BASE_FAULT,
        StopReason.SCAN_MISSING,
        StopReason.SCAN_STALE,
        StopReason.SCAN_FROZEN,
        StopReason.SCAN_INVALID,
        StopReason.COMMAND_STALE,
    }
)
"""Stops that the mission can neither cause nor cure: its clocks stand still meanwhile."""


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
        self._desk = PlanDesk()
        self._path = _NO_PATH
        self._path_speed_mps = _NO_SPEEDS
        self._path_version = 0
        self._progress: Progress | None = None
        self._inside_since_ns: int | None = None
        self._recoveries = Recoveries()
        self._maneuver: Maneuver | None = None
        self._drive: Drive | None = None
        self._verdict = ""
        """What came of the last maneuver, for the report; empty when it got out."""
        self._sentry: Sentry | None = None
        self._trail: tuple[Pose2, ...] = ()
        self._is_errand = False
        """The goal is a place to look from: passing by is enough, and it is soon given up."""
        self._errand_tries = config.exploration.recoveries_max
        self._squeeze_from: Pose2 | None = None
        self._relocate_s = config.localization.relocate_s
        self._stroll = config.mission.model_copy(update={"escape_mps": config.localization.doubtful_mps})
        """The settings of a robot that looks around: it goes as fast as one that is not sure."""
        self._search: LookAround | None = None

    def step(self, view: MissionInput) -> MissionOutput:
        """What the mission wants now. Never raises on bad values: what is not finite ends in a reason."""
        self._follow_people(view)
        if not (view.map_from_base.is_finite() and view.map_from_odom.is_finite()):
            self._progress = None
            return replace(self._output(None, (), "pose is not finite"), follow=False)
        odom_from_base = view.map_from_odom.inverse() @ view.map_from_base
        self._record_trail(odom_from_base)
        self._heed_place(view, odom_from_base)
        if self._state is MissionState.RELOCATING:
            return self._look_around(view, odom_from_base)
        self._take_plan(view)
        requests: list[PlanRequest | ForgetObstacles] = []
        behavior: Twist2 | None = None
        if self._state in ACTIVE:
            self._check_goal(view)
        if self._state in ACTIVE:
            held = self._held(view)
            if not held and self._state in DRIVING:
                requests += self._watch_over(view, odom_from_base)
            elif not held:
                behavior = self._recover_on(view, odom_from_base)
            requests += self._ask_for_plan(view)
            return self._output(behavior, tuple(requests), held)
        return self._output(None, (), "")

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
        self._recoveries = Recoveries()
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
        self._recoveries = Recoveries()
        self._apply(MissionEvent.SET, "")
        self._begin_goal(view)

    def _begin_goal(self, view: MissionInput) -> None:
        """Forget the way to the goal before."""
        self._desk = plans.for_new_goal(self._desk)
        self._replace_path(_NO_PATH, _NO_SPEEDS)
        self._progress = progress.begin(view.map_from_base, view.now_ns)
        self._inside_since_ns = None
        self._sentry = None
        self._squeeze_from = None

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
            self._recoveries, self._maneuver, self._drive, self._trail = Recoveries(), None, None, ()
            self._search = whereabouts.begin(odom_from_base, view.now_ns)
        if self._state is MissionState.RELOCATING:
            held = f"; {view.stop.cause}" if view.stop.reason in _IN_THE_WAY else ""
            self._reason = f"lost: {place.cause}{held}"

    def _look_around(self, view: MissionInput, odom_from_base: Pose2) -> MissionOutput:
        """Rest, or a motion that shows more of the place; GIVE_UP when that took too long."""
        search = self._search or whereabouts.begin(odom_from_base, view.now_ns)
        held = self._held(view)
        twist = STANDSTILL
        if held or view.whereabouts.stand:
            search = whereabouts.hold(search, view.now_ns, odom_from_base)
        elif whereabouts.is_over(search, view.now_ns, self._relocate_s):
            self._apply(MissionEvent.GIVE_UP, f"{self._reason}; looked around for {self._relocate_s:.0f} s")
        else:
            field = view.field
            search, twist = whereabouts.advance(
                search, field, self._footprint, odom_from_base, view.now_ns, self._stroll
            )
        self._search = search
        return self._output(twist, (), held)

    # ------------------------------------------------------------ goals and plans

    def _check_goal(self, view: MissionInput) -> None:
        """REACHED or FINISHED when the robot is where it should be."""
        goal = self._goals[self._reached]
        if not self._is_at(goal, view):
            return
        self._reached += 1
        last = self._reached == len(self._goals)
        self._recoveries = Recoveries()
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
                self._drive = Drive(self._path)
            else:
                self._recoveries = attempts.on_the_way(self._recoveries, path.length_m(self._path))
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
        if exact and self._drive is not None:
            return ()
        goal = self._goals[self._reached]
        self._desk, request = plans.ask(self._desk, view.now_ns, view.map_from_base, goal, view.map_version, exact)
        return (request,)

    # ------------------------------------------------------------ am I getting anywhere

    def _held(self, view: MissionInput) -> str:
        """Why it is not allowed to move, '' when it is; the clocks of progress and recovery stand still meanwhile."""
        held = view.stop.reason in _HELD_BY
        if not held and view.armed:
            return ""
        if self._progress is not None:
            self._progress = progress.hold(self._progress, view.now_ns)
        if self._maneuver is not None:
            self._maneuver = replace(self._maneuver, start_ns=view.now_ns, still_ns=view.now_ns)
        return f"held: {view.stop.cause or view.stop.reason.value}" if held else "held: not armed"

    def _watch_over(self, view: MissionInput, odom_from_base: Pose2) -> tuple[ForgetObstacles, ...]:
        """While planning or following: notice refusals and standstill, and begin a recovery."""
        last = self._progress or progress.begin(view.map_from_base, view.now_ns)
        self._progress = progress.advance(last, view.map_from_base, view.now_ns, self._settings)
        if view.now_ns - self._progress.near_ns > _SENTRY_AFTER_NS:
            self._sentry = movers.look(self._sentry, view.field, odom_from_base, view.movers)
        else:
            self._sentry = None
        if self._state is MissionState.PLANNING:
            # resting is no standstill: the planner's time-out watches here
            self._progress = progress.hold(self._progress, view.now_ns)
        self._settle_squeeze(view.map_from_base)
        if self._desk.refusals >= self._settings.plan_tries_max:
            return self._after_refusals(view, odom_from_base)
        if self._state is MissionState.PLANNING and self._desk.refusals and self._is_start_blocked():
            why = f"start is blocked: {self._desk.reason}"
            self._desk = plans.try_again(self._desk)
            return self._begin(MissionEvent.ESCAPE, why, self._settings.max_recoveries, view, odom_from_base)
        blocked = view.stop.reason in _IN_THE_WAY
        stuck = progress.stuck(self._progress, view.now_ns, blocked, self._settings)
        if not stuck:
            return ()
        cause = view.stop.cause or view.control_reason
        stuck = f"{stuck} ({cause})" if cause else stuck
        change_m = movers.largest_change_m(self._sentry)
        waited_s = self._recoveries.waited_ns * 1e-9
        if change_m > self._settings.mover_change_m and waited_s < self._settings.wait_max_s:
            text = f"waiting for something that moves: {stuck}"
            self._recoveries = replace(self._recoveries, waited_ns=self._recoveries.waited_ns + self._wait_ns())
            self._enter(MissionEvent.WAIT, text, view, odom_from_base, 0)
            return ()
        stays = view.now_ns - self._progress.near_ns > ns_from_s(self._settings.stuck_time_s)
        if stays and not blocked and self._squeeze_from is None and view.control_status is ControlStatus.OK:
            # nothing holds it but the price of clearance
            self._squeeze_from = view.map_from_base
            self._progress = replace(self._progress, near_ns=view.now_ns)
            return ()
        return self._climb(stuck, self._settings.max_recoveries, view, odom_from_base)

    def _settle_squeeze(self, map_from_base: Pose2) -> None:
        """Once the tight place lies behind, clearance counts in full again."""
        place = self._squeeze_from
        if place is not None and place.distance_m(map_from_base) > self._settings.place_radius_m:
            self._squeeze_from = None

    def _after_refusals(self, view: MissionInput, odom_from_base: Pose2) -> tuple[ForgetObstacles, ...]:
        """The planner has refused too often."""
        status, why = self._desk.status, self._desk.reason
        self._desk = plans.try_again(self._desk)
        if status is PlanStatus.OUTSIDE_MAP:
            self._apply(MissionEvent.GIVE_UP, f"goal is outside the map: {why}")
            return ()
        if status is PlanStatus.GOAL_BLOCKED:
            tries = min(_GOAL_BLOCKED_WAITS, self._settings.max_recoveries)
            return self._begin(MissionEvent.WAIT, f"goal is inside an obstacle: {why}", tries, view, odom_from_base)
        if self._is_errand and status is PlanStatus.NO_PATH:
            self._apply(MissionEvent.GIVE_UP, f"goal is not reachable: {why}")
            return ()
        if status is PlanStatus.START_BLOCKED:
            return self._climb(f"start is blocked: {why}", self._settings.max_recoveries, view, odom_from_base)
        # the exact way out, last of all, decides whether that is true
        tries = min(len(_LADDER) - 1, self._settings.max_recoveries)
        requests = self._climb(f"goal is not reachable: {why}", tries, view, odom_from_base)
        # all that can be reached was searched: whatever closes the way may stand anywhere, smeared by odometry's drift
        return tuple(replace(request, radius_m=_EVERYWHERE_M) for request in requests)

    # ------------------------------------------------------------ recovery

    def _climb(
        self, why: str, tries_max: int, view: MissionInput, odom_from_base: Pose2
    ) -> tuple[ForgetObstacles, ...]:
        """The next step of the ladder that has room for its motion."""
        self._recoveries = attempts.settled(self._recoveries, view.map_from_base, self._settings)
        rung = self._recoveries.rung
        # what the ring sees is really there: to forget it would be of no use
        if view.stop.reason in _IN_THE_WAY and _LADDER[rung % len(_LADDER)] is MissionEvent.CLEAR:
            rung += 1
        while self._is_left_out(_LADDER[rung % len(_LADDER)]) or not self._has_room(
            _LADDER[rung % len(_LADDER)], view, odom_from_base
        ):
            rung += 1
        self._recoveries = replace(self._recoveries, rung=rung + 1)
        return self._begin(_LADDER[rung % len(_LADDER)], why, tries_max, view, odom_from_base)

    def _is_left_out(self, event: MissionEvent) -> bool:
        """Where no way leads, an exact way would only lead to what has not been seen again."""
        return event is MissionEvent.MANEUVER and self._desk.status is PlanStatus.NO_PATH

    def _has_room(self, event: MissionEvent, view: MissionInput, odom_from_base: Pose2) -> bool:
        if event not in {MissionEvent.TURN, MissionEvent.ESCAPE} and attempts.is_refused(
            self._recoveries, event, 0, odom_from_base
        ):
            return False
        if event is MissionEvent.BACK_UP:
            if recovery.rear_is_unseen(view.field, self._footprint, odom_from_base) and (
                self._has_room(MissionEvent.TURN, view, odom_from_base) or self._can_escape(view, odom_from_base)
            ):
                return False  # turning, here or where there is more room, shows what is there
            twist = recovery.back_up(view.field, self._footprint, odom_from_base, self._trail, self._settings)
            return twist is not None
        if event is MissionEvent.TURN:
            return self._turn_direction(view, odom_from_base) != 0
        if event is MissionEvent.ESCAPE:
            # beside something that holds it, more room is what it needs
            held = view.stop.reason in _IN_THE_WAY
            creeps = self._creep(view, odom_from_base) is not None
            return not attempts.is_refused(self._recoveries, event, int(creeps), odom_from_base) and (
                creeps or (held and self._can_escape(view, odom_from_base))
            )
        return True

    def _begin(
        self, event: MissionEvent, why: str, tries_max: int, view: MissionInput, odom_from_base: Pose2
    ) -> tuple[ForgetObstacles, ...]:
        """Enter a recovery and count it, or GIVE_UP when enough was tried. Clearing asks the worker's map to forget."""
        self._recoveries = tried = attempts.settled(self._recoveries, view.map_from_base, self._settings)
        if self._is_errand:
            tries_max = min(tries_max, self._errand_tries)
        most = _PLACES_MAX * self._settings.max_recoveries
        if tried.here >= tries_max or tried.in_all >= most:
            if tried.asked_last or tried.in_all > most or self._settings.max_recoveries == 0:
                verdict = f"; {self._verdict}" if self._verdict else ""
                self._apply(MissionEvent.GIVE_UP, f"{why}; gave up after {tried.in_all} recoveries{verdict}")
                return ()
            event, tried = MissionEvent.MANEUVER, replace(tried, asked_last=True)
        if event is MissionEvent.ESCAPE and self._creep_or_escape(view, odom_from_base) is None:
            event = MissionEvent.CLEAR
        self._recoveries = attempts.counted(tried, view.map_from_base, path.length_m(self._path))
        direction = self._turn_direction(view, odom_from_base) if event is MissionEvent.TURN else 0
        if event is MissionEvent.ESCAPE:
            direction = int(self._creep(view, odom_from_base) is not None)
        self._enter(event, why, view, odom_from_base, direction)
        if event is not MissionEvent.CLEAR:
            return ()
        pose = view.map_from_base
        return (ForgetObstacles(pose.x_m, pose.y_m, self._settings.forget_radius_m, view.map_version),)

    def _enter(self, event: MissionEvent, why: str, view: MissionInput, odom_from_base: Pose2, direction: int) -> None:
        self._apply(event, why)
        self._maneuver = attempts.begin(odom_from_base, view.now_ns, direction)
        self._drive = None
        if event is MissionEvent.MANEUVER:
            self._desk = plans.try_again(self._desk)

    def _recover_on(self, view: MissionInput, odom_from_base: Pose2) -> Twist2 | None:
        """The motion of the recovery that runs; None when it has none or ends now."""
        running = self._maneuver or attempts.begin(odom_from_base, view.now_ns, 0)
        if self._state is MissionState.MANEUVERING and self._drive is None:
            running = replace(running, still_ns=view.now_ns)  # it rests until the way is known
        self._maneuver = running = attempts.watch(running, odom_from_base, view.now_ns)
        elapsed_ns = view.now_ns - running.start_ns
        twist: Twist2 | None = None
        if self._state is MissionState.WAITING:
            over = elapsed_ns >= self._wait_ns()
        elif self._state is MissionState.CLEARING:
            over = elapsed_ns >= _CLEARING_NS
            twist = STANDSTILL
        else:
            twist = self._motion(view, odom_from_base, running)
            over = twist is None or elapsed_ns >= self._longest_ns() or attempts.is_held(running, view.now_ns)
        if over:
            self._end_recovery(view, odom_from_base, running)
            return STANDSTILL
        return twist

    def _end_recovery(self, view: MissionInput, odom_from_base: Pose2, running: Maneuver) -> None:
        """Plan anew; what was held here is not tried again here, and the next step of the ladder follows soon."""
        event = _EVENTS.get(self._state)
        held = event is not None and attempts.is_held(running, view.now_ns)
        if event is MissionEvent.MANEUVER:
            held = self._judge_maneuver(view, odom_from_base, running, held)
        self._apply(MissionEvent.RECOVERED, f"after {self._state.value}: {self._reason}")
        self._maneuver = self._drive = None
        self._desk = plans.try_again(self._desk)
        self._progress = progress.begin(view.map_from_base, view.now_ns)
        self._sentry = None
        if held and event is not None:
            self._recoveries = attempts.refuse(self._recoveries, event, running.direction, odom_from_base)
            early_s = self._settings.blocked_time_s - _SOON_S
            self._progress = replace(self._progress, near_ns=view.now_ns - max(0, ns_from_s(early_s)))

    def _judge_maneuver(self, view: MissionInput, odom_from_base: Pose2, running: Maneuver, held: bool) -> bool:
        """Note what came of it; True when another from here would end like this one."""
        if self._desk.refusals:
            self._verdict = f"no way out: {self._desk.reason}"
        elif held:
            self._verdict = f"the way out is held: {view.stop.cause or view.stop.reason.value}"
        else:
            self._verdict = ""
        if running.start.distance_m(odom_from_base) >= _ELSEWHERE_M:
            self._recoveries = attempts.got_out(self._recoveries)
        return bool(self._verdict)

    def _motion(self, view: MissionInput, odom_from_base: Pose2, running: Maneuver) -> Twist2 | None:
        """The twist of a recovery motion, None at its end."""
        if self._state is MissionState.BACKING_UP:
            if running.start.distance_m(odom_from_base) >= self._settings.back_up_distance_m:
                return None
            return recovery.back_up(view.field, self._footprint, odom_from_base, self._trail, self._settings)
        if self._state is MissionState.TURNING:
            turned_rad = abs(wrap_angle(odom_from_base.yaw_rad - running.start.yaw_rad))
            facing = turned_rad > _FACING_AFTER_RAD and abs(self._path_bearing_rad(view)) < _FACING_RAD
            if turned_rad >= self._settings.turn_angle_rad or facing:
                return None
            return recovery.turn(view.field, self._footprint, odom_from_base, running.direction, self._settings)
        if self._state is MissionState.MANEUVERING:
            return self._drive_out(view, odom_from_base, running)
        if running.start.distance_m(odom_from_base) >= _CREEP_M:
            return None
        # one of the two all along: they would pull to and fro
        if running.direction:
            return self._creep(view, odom_from_base)
        return recovery.escape(view.field, self._footprint, odom_from_base, self._settings)

    def _drive_out(self, view: MissionInput, odom_from_base: Pose2, running: Maneuver) -> Twist2 | None:
        """Rest until the way out is known, then along it; None at its end, where there is room, or without one."""
        if self._desk.refusals:
            return None
        if self._drive is None:
            return STANDSTILL
        away_m = running.start.distance_m(odom_from_base)
        place = np.array([odom_from_base.x_m]), np.array([odom_from_base.y_m])
        room_m = float(distance_at(view.field, *place)[0]) - self._footprint.circumradius_m
        if away_m >= _AWAY_M and room_m >= _ROOM_M:
            return None
        self._drive, twist = maneuver.follow(self._drive, view.map_from_base, self._settings)
        if twist is None and maneuver.has_moved(self._drive, view.map_from_base) and running.asks < _ASKS_MAX:
            # more can be seen from here: the way goes on, or a better one
            self._drive, self._desk = None, plans.try_again(self._desk)
            self._maneuver = attempts.asked(running, odom_from_base)
            return STANDSTILL
        return twist

    def _creep_or_escape(self, view: MissionInput, odom_from_base: Pose2) -> Twist2 | None:
        """Along the path where there is one and room for it, else to where there is more room."""
        twist = self._creep(view, odom_from_base)
        return twist or recovery.escape(view.field, self._footprint, odom_from_base, self._settings)

    def _creep(self, view: MissionInput, odom_from_base: Pose2) -> Twist2 | None:
        if self._desk.status is not PlanStatus.OK or not len(self._path):
            return None
        target = self._path_ahead(view, _CREEP_AHEAD_M)
        bearing_rad, distance_m = view.map_from_base.bearing_rad(target), view.map_from_base.distance_m(target)
        return recovery.creep(view.field, self._footprint, odom_from_base, bearing_rad, distance_m, self._settings)

    def _longest_ns(self) -> int:
        """Time after which a motion that does not arrive is over."""
        if self._state is MissionState.BACKING_UP:
            return ns_from_s(1.0 + 2.0 * self._settings.back_up_distance_m / self._settings.back_up_mps)
        if self._state is MissionState.TURNING:
            return ns_from_s(1.0 + 2.0 * self._settings.turn_angle_rad / self._settings.turn_radps)
        if self._state is MissionState.MANEUVERING:
            return _MANEUVER_NS
        return ns_from_s(self._settings.escape_time_s)

    def _is_start_blocked(self) -> bool:
        return self._desk.status is PlanStatus.START_BLOCKED

    def _wait_ns(self) -> int:
        return ns_from_s(self._settings.wait_s)

    def _can_escape(self, view: MissionInput, odom_from_base: Pose2) -> bool:
        return recovery.escape(view.field, self._footprint, odom_from_base, self._settings) is not None

    def _turn_direction(self, view: MissionInput, odom_from_base: Pose2) -> int:
        """1 left or -1 right: towards the path where there is room, else the other way; 0 without room for either."""
        first = 1 if self._path_bearing_rad(view) >= 0.0 else -1
        for direction in (first, -first):
            refused = attempts.is_refused(self._recoveries, MissionEvent.TURN, direction, odom_from_base)
            twist = recovery.turn(view.field, self._footprint, odom_from_base, direction, self._settings)
            if not refused and twist is not None:
                return direction
        return 0

    def _path_bearing_rad(self, view: MissionInput) -> float:
        """Direction, from the robot's heading, of the path half a metre ahead; of the goal without a path."""
        return view.map_from_base.bearing_rad(self._path_ahead(view, _PATH_AHEAD_M))

    def _path_ahead(self, view: MissionInput, distance_m: float) -> Pose2:
        return path.point_ahead(self._path, self._goals[self._reached], view.map_from_base, distance_m)

    # ------------------------------------------------------------ state and output

    def _record_trail(self, odom_from_base: Pose2) -> None:
        """The way it came; poses that it backs over are taken off again."""
        if self._state is MissionState.BACKING_UP:
            while self._trail and self._trail[-1].distance_m(odom_from_base) < self._settings.trail_spacing_m:
                self._trail = self._trail[:-1]
        elif not self._trail or self._trail[-1].distance_m(odom_from_base) >= self._settings.trail_spacing_m:
            self._trail = (*self._trail[-(_TRAIL_LENGTH - 1) :], odom_from_base)

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
            squeeze=self._squeeze_from is not None,
        )
