"""The recovery ladder: which recovery is next where the robot does not get on, and what came of the last one.

Recoveries are tried in the order of ``_LADDER``, each only where there is room for it, so often at one place and so
often for one goal; the last resort is the exact way out, and then it gives up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.mission import Mission
from amr.geometry import Pose2
from amr.messages import PlanStatus
from amr.mission import attempts, path, running
from amr.mission.attempts import Maneuver, Recoveries
from amr.mission.maneuver import Drive
from amr.mission.running import Step
from amr.mission.situation import Situation
from amr.mission.states import MissionEvent, MissionState
from amr.units import ns_from_s

_LADDER: Final = (
    MissionEvent.CLEAR,
    MissionEvent.BACK_UP,
    MissionEvent.MANEUVER,
    MissionEvent.TURN,
    MissionEvent.ESCAPE,
    MissionEvent.WAIT,
)
_MOTIONS: Final = {
    MissionState.BACKING_UP: MissionEvent.BACK_UP,
    MissionState.TURNING: MissionEvent.TURN,
    MissionState.ESCAPING: MissionEvent.ESCAPE,
    MissionState.MANEUVERING: MissionEvent.MANEUVER,
}
"""The recoveries that move, and so can be held."""
_GOAL_BLOCKED_WAITS: Final = 3
_EVERYWHERE_M: Final = 1000.0
_PLACES_MAX: Final = 5
"""Times ``max_recoveries`` for one goal in all."""
_ELSEWHERE_M: Final = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """What was tried for the active goal, and what runs."""

    tried: Recoveries = field(default_factory=Recoveries)
    running: Maneuver | None = None
    """Of the last recovery that began."""
    verdict: str = ""
    """What came of the last maneuver, for the report; empty when it got out."""

    @property
    def knows_way_out(self) -> bool:
        """The maneuver that runs has its exact way."""
        return self.running is not None and self.running.drive is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """What the ladder wants: ``event`` is a recovery, which begins, or GIVE_UP."""

    event: MissionEvent
    reason: str
    forget_m: float = 0.0
    """Obstacles within this distance are to be forgotten."""


def for_new_goal(ladder: Ladder) -> Ladder:
    """Nothing tried yet."""
    return Ladder(verdict=ladder.verdict)


def on_the_way(ladder: Ladder, to_go_m: float) -> Ladder:
    """With a new path of this length: where the robot got on, everything may be tried again."""
    return replace(ladder, tried=attempts.on_the_way(ladder.tried, to_go_m))


# ------------------------------------------------------------ what is next


def climb(ladder: Ladder, why: str, situation: Situation, tries_max: int | None = None) -> tuple[Ladder, Choice]:
    """The next step of the ladder that has room for its motion. ``tries_max``: fewer than the situation's."""
    tried = attempts.settled(ladder.tried, situation.view.map_from_base, situation.settings)
    rung = tried.rung
    # what the ring sees is really there: to forget it would be of no use
    if situation.view.blocked and _LADDER[rung % len(_LADDER)] is MissionEvent.CLEAR:
        rung += 1
    while not _is_possible(_LADDER[rung % len(_LADDER)], tried, situation):
        rung += 1
    ladder = replace(ladder, tried=replace(tried, rung=rung + 1))
    return _begin(ladder, _LADDER[rung % len(_LADDER)], why, situation, tries_max)


def leave_start(ladder: Ladder, situation: Situation) -> tuple[Ladder, Choice]:
    """The planner finds the place blocked where the robot stands before its first path."""
    return _begin(ladder, MissionEvent.ESCAPE, f"start is blocked: {situation.desk.reason}", situation)


def after_refusals(ladder: Ladder, situation: Situation) -> tuple[Ladder, Choice]:
    """The planner has refused too often."""
    status, why = situation.desk.status, situation.desk.reason
    if status is PlanStatus.OUTSIDE_MAP:
        return ladder, Choice(MissionEvent.GIVE_UP, f"goal is outside the map: {why}")
    if status is PlanStatus.GOAL_BLOCKED:
        return _begin(ladder, MissionEvent.WAIT, f"goal is inside an obstacle: {why}", situation, _GOAL_BLOCKED_WAITS)
    if status is PlanStatus.START_BLOCKED:
        return climb(ladder, f"start is blocked: {why}", situation)
    why = f"goal is not reachable: {why}"
    if situation.is_errand and status is PlanStatus.NO_PATH:
        return ladder, Choice(MissionEvent.GIVE_UP, why)
    # the exact way out, last of all, decides whether that is true
    ladder, choice = climb(ladder, why, situation, len(_LADDER) - 1)
    # all that can be reached was searched: whatever closes the way may stand anywhere, smeared by odometry's drift
    return ladder, replace(choice, forget_m=_EVERYWHERE_M) if choice.forget_m else choice


def may_wait(ladder: Ladder, settings: Mission) -> bool:
    """It has not yet waited long enough here for things that move."""
    return ladder.tried.waited_ns * 1e-9 < settings.wait_max_s


def wait_for_mover(ladder: Ladder, why: str, situation: Situation) -> tuple[Ladder, Choice]:
    """A wait that does not count as a recovery."""
    tried = ladder.tried
    tried = replace(tried, waited_ns=tried.waited_ns + ns_from_s(situation.settings.wait_s))
    choice = Choice(MissionEvent.WAIT, f"waiting for something that moves: {why}")
    return _enter(replace(ladder, tried=tried), situation, 0), choice


def _begin(
    ladder: Ladder, event: MissionEvent, why: str, situation: Situation, tries_max: int | None = None
) -> tuple[Ladder, Choice]:
    """Begin a recovery and count it, or GIVE_UP when enough was tried."""
    settings, map_from_base = situation.settings, situation.view.map_from_base
    tried = attempts.settled(ladder.tried, map_from_base, settings)
    here_max = situation.tries_max if tries_max is None else min(tries_max, situation.tries_max)
    most = _PLACES_MAX * settings.max_recoveries
    if tried.here >= here_max or tried.in_all >= most:
        if tried.asked_last or tried.in_all > most or settings.max_recoveries == 0:
            verdict = f"; {ladder.verdict}" if ladder.verdict else ""
            reason = f"{why}; gave up after {tried.in_all} recoveries{verdict}"
            return replace(ladder, tried=tried), Choice(MissionEvent.GIVE_UP, reason)
        event, tried = MissionEvent.MANEUVER, replace(tried, asked_last=True)
    direction = 0
    if event is MissionEvent.TURN:
        direction = _turn_direction(tried, situation)
    if event is MissionEvent.ESCAPE:
        direction = int(situation.creep() is not None)
        if not direction and situation.escape() is None:
            event = MissionEvent.CLEAR
    tried = attempts.counted(tried, map_from_base, path.length_m(situation.path_map))
    forget_m = settings.forget_radius_m if event is MissionEvent.CLEAR else 0.0
    return _enter(replace(ladder, tried=tried), situation, direction), Choice(event, why, forget_m)


def _enter(ladder: Ladder, situation: Situation, direction: int) -> Ladder:
    return replace(ladder, running=attempts.begin(situation.odom_from_base, situation.view.now_ns, direction))


def _is_possible(event: MissionEvent, tried: Recoveries, situation: Situation) -> bool:
    """It has room, and did not come to nothing here before. To wait is always possible."""
    here = situation.odom_from_base
    if event is MissionEvent.TURN:
        return _turn_direction(tried, situation) != 0
    if event is MissionEvent.ESCAPE:
        creeps = situation.creep() is not None
        if attempts.is_refused(tried, event, int(creeps), here):
            return False
        # beside something that holds it, more room is what it needs
        return creeps or (situation.view.blocked and situation.escape() is not None)
    if attempts.is_refused(tried, event, 0, here):
        return False
    if event is MissionEvent.MANEUVER:
        # where no way leads, an exact way would only lead to what has not been seen again
        return situation.desk.status is not PlanStatus.NO_PATH
    if event is MissionEvent.BACK_UP:
        if situation.rear_is_unseen() and (_turn_direction(tried, situation) or situation.escape() is not None):
            return False  # turning, here or where there is more room, shows what is there
        return situation.back_up() is not None
    return True


def _turn_direction(tried: Recoveries, situation: Situation) -> int:
    """1 left or -1 right: towards the path where there is room, else the other way; 0 without room for either."""
    first = 1 if situation.path_bearing_rad() >= 0.0 else -1
    for direction in (first, -first):
        refused = attempts.is_refused(tried, MissionEvent.TURN, direction, situation.odom_from_base)
        if not refused and situation.turn(direction) is not None:
            return direction
    return 0


# ------------------------------------------------------------ what runs


def hold(ladder: Ladder, now_ns: int) -> Ladder:
    """The recovery is not allowed to move: its clocks stand still meanwhile."""
    if ladder.running is None:
        return ladder
    return replace(ladder, running=replace(ladder.running, start_ns=now_ns, still_ns=now_ns))


def drive_out(ladder: Ladder, path_map: NDArray[np.float64]) -> Ladder:
    """The maneuver has its exact way: ``path_map`` [n >= 2, 3], map frame."""
    if ladder.running is None:
        return ladder
    return replace(ladder, running=replace(ladder.running, drive=Drive(path_map)))


def advance(ladder: Ladder, situation: Situation) -> tuple[Ladder, Step]:
    """The recovery that runs, one step on. ``Step.held`` at its end: another one like it would come to nothing here."""
    here = situation.odom_from_base
    current = ladder.running or attempts.begin(here, situation.view.now_ns, 0)
    current, step = running.advance(current, situation)
    if not step.over:
        return replace(ladder, running=current), step
    if situation.state is MissionState.MANEUVERING:
        ladder = _judged(ladder, current.start, step.held, situation)
        step = replace(step, held=bool(ladder.verdict))
    tried = ladder.tried
    if step.held:
        tried = attempts.refuse(tried, _MOTIONS[situation.state], current.direction, here)
    return replace(ladder, tried=tried, running=None), step


def _judged(ladder: Ladder, start: Pose2, held: bool, situation: Situation) -> Ladder:
    """What came of a maneuver from ``start`` (odom frame); no verdict when it got out."""
    verdict = ""
    if situation.desk.refusals:
        verdict = f"no way out: {situation.desk.reason}"
    elif held:
        verdict = f"the way out is held: {situation.view.stop.cause or situation.view.stop.reason.value}"
    away = start.distance_m(situation.odom_from_base) >= _ELSEWHERE_M
    return replace(ladder, tried=attempts.got_out(ladder.tried) if away else ladder.tried, verdict=verdict)
