"""Exploration above the mission: which frontier is driven to, when it is given up, when it is time to go home.

The search is slow work in the worker (``FrontierRequest``); here is what follows from its answers. The mission runner
does the driving; it gets one errand after the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import CloseFrontier, Explore, FrontierRequest, FrontierResult, Goal, SetMission
from amr.mission.base import MissionOutput
from amr.mission.states import RECOVERING, MissionState
from amr.units import ns_from_s

_SAME_M: Final = 0.3
"""Targets this near to each other are one place to drive to ..."""
_SAME_FRONTIER_M: Final = 1.0
"""... and this near one frontier, whose middle moves as it is seen."""
_EMPTY_ANSWERS: Final = 3
"""So many in a row, with a look between them, before it believes that nothing is left."""
_FAULTY_ANSWERS: Final = 20
_LEAST_SCANS: Final = 5
"""In the worker's map before it is asked for the first time."""
_ANSWER_TIMEOUT_S: Final = 3.0
_WAY_FACTOR: Final = 3.0
_REASONS_KEPT: Final = 100
_RECOVERING: Final = frozenset(state.value for state in RECOVERING)
_ENDED: Final = frozenset({MissionState.DONE.value, MissionState.FAILED.value, MissionState.IDLE.value})


class ExplorerPhase(StrEnum):
    """What it is about."""

    OFF = "off"
    LOOKING = "looking"
    """Drives to frontiers."""
    HOMING = "homing"
    OVER = "over"


class ExplorationEnd(StrEnum):
    """Why it looked no further."""

    COMPLETE = "complete"
    TIME = "time"
    NOT_REACHABLE = "no frontier reachable"
    """Frontiers are left, but the robot could not get to them."""


@dataclass(frozen=True, slots=True)
class ExplorerInput:
    """One step's view."""

    now_ns: int
    explore: Explore | None
    """What a person asked for in this step."""
    answer: FrontierResult | None
    map_from_base: Pose2
    map_version: int
    may_move: bool


@dataclass(frozen=True, slots=True)
class Errand:
    """What the mission runner shall do anew: a goal in passing, or a mission; and requests for the worker."""

    goal: Goal | None = None
    mission: SetMission | None = None
    requests: tuple[FrontierRequest | CloseFrontier, ...] = ()


class Explorer:
    """State of the exploration. ``config``: the robot file."""

    def __init__(self, config: RobotConfig) -> None:
        self._settings = config.exploration
        self._v_max_mps = config.limits.v_max_mps
        self._phase = ExplorerPhase.OFF
        self._home: Goal | None = None
        self._end: ExplorationEnd | None = None
        self._fault = ""
        self._left_ns = 0
        """Time that is left for looking; -1 = no such limit."""
        self._patience_ns = 0
        """Time that is left for the target to bring something new."""
        self._last_ns = 0
        self._next_id = 1
        self._outstanding: int | None = None
        self._asked_ns = 0
        self._is_urgent = True
        self._afresh = True
        self._empty = 0
        self._faulty = 0
        self._target: Goal | None = None
        self._arrived = False
        """At the target; if it stays one, it cannot be seen into."""
        self._best_known_m2 = 0.0
        self._answer: FrontierResult | None = None
        """The newest one of use."""
        self._visited = 0
        self._given_up: tuple[str, ...] = ()
        self._not_reached = 0
        self._runner_state = MissionState.IDLE.value
        self._runner_reason = ""

    def cancel(self) -> None:
        """Another mission replaces the exploration."""
        self._phase = ExplorerPhase.OFF

    def direct(self, view: ExplorerInput) -> Errand:
        """What follows from this step's news. Never raises on bad values."""
        elapsed_ns = view.now_ns - self._last_ns
        self._last_ns = view.now_ns
        if view.explore is not None:
            return self._begin(view.explore, view)
        if self._phase is not ExplorerPhase.LOOKING or not view.may_move or not view.map_from_base.is_finite():
            return Errand()
        if self._runner_state == MissionState.PAUSED.value:
            return Errand()
        self._pass_time(elapsed_ns)
        errand = self._settle(view)
        if errand is None:
            errand = self._take_answer(view)
        return replace(errand, requests=(*errand.requests, *self._ask(view)))

    def report(self, output: MissionOutput, errand: Errand) -> MissionOutput:
        """The runner's output as one of the exploration; unchanged while there is none."""
        self._runner_state, self._runner_reason = output.state, output.reason
        if self._phase is ExplorerPhase.OFF:
            return output
        if self._phase is ExplorerPhase.HOMING and output.state in _ENDED:
            self._phase = ExplorerPhase.OVER
        done = self._phase is ExplorerPhase.OVER and not self._fault and output.done
        failed = self._phase is ExplorerPhase.OVER and not done
        state, reason = output.state, output.reason
        if self._phase is ExplorerPhase.LOOKING and state in _ENDED:
            state = MissionState.PLANNING.value
        elif self._phase is ExplorerPhase.OVER:
            state = (MissionState.DONE if done else MissionState.FAILED).value
            reason = self._verdict(output)
        left = 0 if self._answer is None or self._end is not None else self._answer.frontiers
        return replace(
            output,
            state=state,
            reason=reason,
            done=done,
            failed=failed,
            requests=(*output.requests, *errand.requests),
            goals_reached=self._visited,
            goals_total=self._visited + left,
        )

    # ------------------------------------------------------------ beginning and end

    def _begin(self, explore: Explore, view: ExplorerInput) -> Errand:
        pose = view.map_from_base
        self._home = explore.home or Goal(pose.x_m, pose.y_m, None, self._settings.tolerance_m)
        self._fault, self._end, self._target = _fault_of(self._home, explore.max_time_s), None, None
        self._left_ns = -1 if math.isinf(explore.max_time_s) or self._fault else ns_from_s(explore.max_time_s)
        self._visited = self._not_reached = self._empty = self._faulty = 0
        self._given_up, self._best_known_m2, self._answer = (), 0.0, None
        self._is_urgent = self._afresh = True
        self._arrived = False
        self._outstanding = None
        self._restore_patience(0.0)
        self._phase = ExplorerPhase.OVER if self._fault else ExplorerPhase.LOOKING
        return Errand(mission=SetMission(view.now_ns, ()))

    def _go_home(self, end: ExplorationEnd, view: ExplorerInput) -> Errand:
        self._end, self._phase, self._target = end, ExplorerPhase.HOMING, None
        return Errand(mission=SetMission(view.now_ns, () if self._home is None else (self._home,)))

    def _verdict(self, output: MissionOutput) -> str:
        """Why it ended, for a person: begins with the value of ``ExplorationEnd`` where it came to one."""
        if self._fault:
            return self._fault
        text = "" if self._end is None else self._end.value
        if self._given_up:
            text += f"; given up: {'; '.join(self._given_up)}"
        return text if output.done else f"{text}; not home: {output.reason}"

    # ------------------------------------------------------------ frontiers

    def _pass_time(self, elapsed_ns: int) -> None:
        self._patience_ns -= elapsed_ns
        if self._left_ns >= 0:
            self._left_ns = max(0, self._left_ns - elapsed_ns)

    def _restore_patience(self, way_m: float) -> None:
        way_s = _WAY_FACTOR * way_m / self._v_max_mps if math.isfinite(way_m) else 0.0
        self._patience_ns = ns_from_s(self._settings.patience_s + way_s)

    def _settle(self, view: ExplorerInput) -> Errand | None:
        """What ends the way to the target, or all looking; None while it goes on."""
        if self._left_ns == 0:
            return self._go_home(ExplorationEnd.TIME, view)
        if self._faulty >= _FAULTY_ANSWERS:
            return self._go_home(ExplorationEnd.NOT_REACHABLE, view)
        target = self._target
        if target is None:
            return None
        if self._runner_state == MissionState.DONE.value and not self._arrived:
            self._arrived, self._is_urgent = True, True
            self._visited += 1
            self._outstanding = None  # what was asked on the way does not tell what is seen from here
        elif self._runner_state == MissionState.FAILED.value:
            self._not_reached += 1
            return self._give_up(target, self._runner_reason, view)
        elif self._patience_ns <= 0:
            return self._give_up(target, "nothing new was seen on the way there", view)
        return None

    def _give_up(self, target: Goal, why: str, view: ExplorerInput) -> Errand:
        """Never again there. The runner goes on as it does until the next target is known."""
        reason = f"({target.x_m:.2f}, {target.y_m:.2f}) {why}"
        self._given_up = (*self._given_up[-(_REASONS_KEPT - 1) :], reason)
        self._target, self._arrived, self._is_urgent, self._outstanding = None, False, True, None
        self._restore_patience(0.0)
        radius_m = self._settings.closed_radius_m
        return Errand(requests=(CloseFrontier(target.x_m, target.y_m, radius_m, view.map_version),))

    def _take_answer(self, view: ExplorerInput) -> Errand:
        answer = view.answer
        if answer is None or answer.request_id != self._outstanding:
            return Errand()
        self._outstanding = None
        if answer.reason or not _is_usable(answer):
            self._faulty += 1
            return Errand()
        self._faulty, self._answer = 0, answer
        if answer.known_m2 > self._best_known_m2 + self._settings.news_m2:
            self._best_known_m2 = answer.known_m2
            self._restore_patience(answer.way_m)
        if answer.target is None:
            self._empty += 1
            if self._empty < _EMPTY_ANSWERS:
                return Errand()
            left = self._not_reached > 0
            return self._go_home(ExplorationEnd.NOT_REACHABLE if left else ExplorationEnd.COMPLETE, view)
        self._empty = 0
        return self._drive_to(answer.target, answer.way_m, view)

    def _drive_to(self, target: Goal, way_m: float, view: ExplorerInput) -> Errand:
        last = self._target
        is_same = last is not None and _apart_m(last, target) <= _SAME_M
        if is_same and self._arrived:
            return self._give_up(target, "stays unseen from there", view)
        if is_same or self._runner_state in _RECOVERING:
            return Errand()
        if last is not None and not self._arrived and _apart_m(last, target) > _SAME_FRONTIER_M:
            self._visited += 1  # it was seen into from afar
        if last is None:
            self._restore_patience(way_m)
        self._target, self._arrived = target, False
        return Errand(goal=target)

    def _ask(self, view: ExplorerInput) -> tuple[FrontierRequest, ...]:
        """A request when none is out, and the time for one has come."""
        if self._phase is not ExplorerPhase.LOOKING or view.map_version < _LEAST_SCANS:
            return ()
        waited_ns = view.now_ns - self._asked_ns
        if self._outstanding is not None and waited_ns > ns_from_s(_ANSWER_TIMEOUT_S):
            self._outstanding = None
            self._faulty += 1
        due = waited_ns >= ns_from_s(self._settings.ask_period_s) or self._is_urgent
        if self._outstanding is not None or not due:
            return ()
        request = FrontierRequest(
            request_id=self._next_id,
            stamp_ns=view.now_ns,
            start_map=view.map_from_base,
            target=self._target,
            tolerance_m=self._settings.tolerance_m,
            map_version=view.map_version,
            afresh=self._afresh,
        )
        self._outstanding, self._asked_ns = self._next_id, view.now_ns
        self._next_id += 1
        self._is_urgent = self._afresh = False
        return (request,)


def _apart_m(one: Goal, other: Goal) -> float:
    return math.hypot(one.x_m - other.x_m, one.y_m - other.y_m)


def _fault_of(home: Goal, max_time_s: float) -> str:
    """Why it cannot begin, or ''."""
    values = (home.x_m, home.y_m, 0.0 if home.yaw_rad is None else home.yaw_rad, home.tolerance_m)
    if not all(math.isfinite(value) for value in values) or home.tolerance_m <= 0.0:
        return f"home is not usable: {home}"
    if math.isnan(max_time_s) or max_time_s <= 0.0:
        return f"the time to explore is not usable: {max_time_s}"
    return ""


def _is_usable(answer: FrontierResult) -> bool:
    target = answer.target
    if not (math.isfinite(answer.known_m2) and math.isfinite(answer.way_m)):
        return False
    return target is None or (
        math.isfinite(target.x_m) and math.isfinite(target.y_m) and math.isfinite(target.tolerance_m)
    )
