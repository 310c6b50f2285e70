"""The recovery that runs: its motion in this step, and whether it is over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from amr.geometry import STANDSTILL, Twist2, wrap_angle
from amr.mission import attempts, maneuver
from amr.mission.attempts import Maneuver
from amr.mission.footprint import distance_at
from amr.mission.situation import Situation
from amr.mission.states import MissionState
from amr.units import ns_from_s

_CLEARING_NS: Final = 300_000_000
_MANEUVER_NS: Final = 60_000_000_000
_FACING_RAD: Final = 0.2
_FACING_AFTER_RAD: Final = 0.5
_CREEP_M: Final = 0.7
"""A creep along the path ends after this way: the gap before which the robot stayed is then behind its front."""
_ROOM_M: Final = 0.1
"""A maneuver is over where the robot can turn with this much around it ..."""
_AWAY_M: Final = 0.5
"""... so far from where it began."""
_ASKS_MAX: Final = 3
"""Ways out without getting anywhere between them: to look around, and to look again."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a recovery."""

    twist: Twist2 | None
    """None = it leaves the motion to control."""
    over: bool = False
    held: bool = False
    """It should move and does not."""
    asks: bool = False
    """A way out is to be planned anew from here."""


def advance(running: Maneuver, situation: Situation) -> tuple[Maneuver, Step]:
    """The recovery after this step, and the step itself."""
    now_ns, settings = situation.view.now_ns, situation.settings
    if situation.state is MissionState.MANEUVERING and running.drive is None:
        running = replace(running, still_ns=now_ns)  # it rests until the way is known
    running = attempts.watch(running, situation.odom_from_base, now_ns)
    elapsed_ns = now_ns - running.start_ns
    if situation.state is MissionState.WAITING:
        over = elapsed_ns >= ns_from_s(settings.wait_s)
        return running, Step(STANDSTILL if over else None, over)
    if situation.state is MissionState.CLEARING:
        return running, Step(STANDSTILL, elapsed_ns >= _CLEARING_NS)
    held = attempts.is_held(running, now_ns)
    asks = False
    if situation.state is MissionState.MANEUVERING:
        running, twist, asks = _drive_out(running, situation)
    else:
        twist = _motion(running, situation)
    over = twist is None or elapsed_ns >= _longest_ns(situation) or held
    return running, Step(STANDSTILL if over else twist, over, held, asks)


def _motion(running: Maneuver, situation: Situation) -> Twist2 | None:
    """The twist of backing up, turning or escaping; None at its end."""
    here, settings = situation.odom_from_base, situation.settings
    if situation.state is MissionState.BACKING_UP:
        return None if running.start.distance_m(here) >= settings.back_up_distance_m else situation.back_up()
    if situation.state is MissionState.TURNING:
        turned_rad = abs(wrap_angle(here.yaw_rad - running.start.yaw_rad))
        facing = turned_rad > _FACING_AFTER_RAD and abs(situation.path_bearing_rad()) < _FACING_RAD
        return None if turned_rad >= settings.turn_angle_rad or facing else situation.turn(running.direction)
    if running.start.distance_m(here) >= _CREEP_M:
        return None
    # one of the two all along: they would pull to and fro
    return situation.creep() if running.direction else situation.escape()


def _drive_out(running: Maneuver, situation: Situation) -> tuple[Maneuver, Twist2 | None, bool]:
    """Rest until the way out is known, then along it; None at its end, where there is room, or without one.

    True = the way ended short of that, and from here another one is asked for.
    """
    here = situation.odom_from_base
    if situation.desk.refusals:
        return running, None, False
    if running.drive is None:
        return running, STANDSTILL, False
    place = np.array([here.x_m]), np.array([here.y_m])
    room_m = float(distance_at(situation.view.field, *place)[0]) - situation.footprint.circumradius_m
    if running.start.distance_m(here) >= _AWAY_M and room_m >= _ROOM_M:
        return running, None, False
    map_from_base = situation.view.map_from_base
    drive, twist = maneuver.follow(running.drive, map_from_base, situation.settings)
    if twist is None and maneuver.has_moved(drive, map_from_base) and running.asks < _ASKS_MAX:
        # more can be seen from here: the way goes on, or a better one
        return replace(attempts.asked(running, here), drive=None), STANDSTILL, True
    return replace(running, drive=drive), twist, False


def _longest_ns(situation: Situation) -> int:
    """Time after which a motion that does not arrive is over."""
    settings = situation.settings
    if situation.state is MissionState.BACKING_UP:
        return ns_from_s(1.0 + 2.0 * settings.back_up_distance_m / settings.back_up_mps)
    if situation.state is MissionState.TURNING:
        return ns_from_s(1.0 + 2.0 * settings.turn_angle_rad / settings.turn_radps)
    if situation.state is MissionState.MANEUVERING:
        return _MANEUVER_NS
    return ns_from_s(settings.escape_time_s)
