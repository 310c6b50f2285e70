"""What a robot does that is lost on its map: stand, turn once around, then go on to where there is room.

All of it happens in the odometry's frame, by what the robot sees around it; the safety ring watches over each motion.
A search of the whole map needs scans from several headings and, where rooms are alike, from several places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.mission import Mission
from amr.geometry import STANDSTILL, Pose2, Twist2, wrap_angle
from amr.grid import DistanceField
from amr.mission import recovery
from amr.mission.footprint import Footprint, distance_at
from amr.portable_math import sin_cos
from amr.units import ns_from_s

_STAND_NS: Final = 600_000_000
_HELD_NS: Final = 1_500_000_000
"""A motion that gets no farther for this long is over: the ring holds it."""
_ONCE_AROUND_RAD: Final = 2.0 * math.pi
_LEG_M: Final = 3.0
_ROOM_M: Final = 0.1
"""A way to go keeps this much beyond the circle around the robot."""
_HEADINGS: Final = 24
_BACK_RAD: Final = 1.8
_BACK_WORTH_FRAC: Final = 0.3
"""Room behind it counts as so much of room ahead: where it came from it has seen all."""
_STEP_M: Final = 0.1
_STIRRED_M: Final = 0.02
_STIRRED_RAD: Final = 0.05


class Stage(StrEnum):
    """What it is doing."""

    STAND = "stand"
    TURN = "turn"
    FACE = "face"
    """Turns to where it will go."""
    GO = "go"


@dataclass(frozen=True, slots=True)
class LookAround:
    """``start_ns``: when it began; the rest belongs to the stage that runs. Poses and headings: odometry's frame."""

    start_ns: int
    stage: Stage
    stage_ns: int
    from_pose: Pose2
    last_pose: Pose2
    """Of the last stir, and ..."""
    stirred_ns: int
    """... when that was."""
    turned_rad: float = 0.0
    heading_rad: float = 0.0
    rounds: int = 0
    """Times that it turned once around."""

    def stuck_here(self, odom_from_base: Pose2) -> bool:
        """True when the leg that ends here led nowhere."""
        return self.stage is Stage.GO and self.from_pose.distance_m(odom_from_base) < 2.0 * _STEP_M


def begin(odom_from_base: Pose2, now_ns: int) -> LookAround:
    """It stands first."""
    return LookAround(now_ns, Stage.STAND, now_ns, odom_from_base, odom_from_base, now_ns)


def hold(search: LookAround, now_ns: int, odom_from_base: Pose2) -> LookAround:
    """Nothing may move: the clocks stand still meanwhile."""
    passed_ns = now_ns - search.stirred_ns
    return replace(
        search, start_ns=search.start_ns + passed_ns, stage_ns=now_ns, stirred_ns=now_ns, last_pose=odom_from_base
    )


def is_over(search: LookAround, now_ns: int, longest_s: float) -> bool:
    """True when enough was tried."""
    return now_ns - search.start_ns > ns_from_s(longest_s)


def advance(
    search: LookAround,
    field: DistanceField,
    footprint: Footprint,
    odom_from_base: Pose2,
    now_ns: int,
    settings: Mission,
) -> tuple[LookAround, Twist2]:
    """One step of it: what it is doing now, and the twist for this step."""
    search = _watch(search, odom_from_base, now_ns)
    twist = _motion(search, field, footprint, odom_from_base, now_ns, settings)
    if twist is None or now_ns - search.stirred_ns > _HELD_NS:
        return _next(search, field, footprint, odom_from_base, now_ns), STANDSTILL
    return search, twist


def _watch(search: LookAround, odom_from_base: Pose2, now_ns: int) -> LookAround:
    turn_rad = wrap_angle(odom_from_base.yaw_rad - search.last_pose.yaw_rad)
    moved = search.last_pose.distance_m(odom_from_base) > _STIRRED_M or abs(turn_rad) > _STIRRED_RAD
    if not moved and search.stage is not Stage.STAND:
        return search
    turned_rad = search.turned_rad + abs(turn_rad)
    return replace(search, last_pose=odom_from_base, stirred_ns=now_ns, turned_rad=turned_rad)


def _motion(
    search: LookAround,
    field: DistanceField,
    footprint: Footprint,
    odom_from_base: Pose2,
    now_ns: int,
    settings: Mission,
) -> Twist2 | None:
    """The twist of the stage that runs; None at its end or where there is no room for it."""
    if search.stage is Stage.STAND:
        return STANDSTILL if now_ns - search.stage_ns < _STAND_NS else None
    if search.stage is Stage.TURN:
        if search.turned_rad >= _ONCE_AROUND_RAD:
            return None
        # one round left, the next right
        first = 1 if search.rounds % 2 == 0 else -1
        return recovery.turn(field, footprint, odom_from_base, first, settings)
    if search.stage is Stage.FACE:
        bearing_rad = wrap_angle(search.heading_rad - odom_from_base.yaw_rad)
        if abs(bearing_rad) < 0.1:
            return None
        return recovery.turn(field, footprint, odom_from_base, 1 if bearing_rad > 0.0 else -1, settings)
    bearing_rad = wrap_angle(search.heading_rad - odom_from_base.yaw_rad)
    if search.from_pose.distance_m(odom_from_base) >= _LEG_M or abs(bearing_rad) > 0.5:
        return None
    return recovery.creep(field, footprint, odom_from_base, 0.5 * bearing_rad, 0.5, settings)


def _next(
    search: LookAround, field: DistanceField, footprint: Footprint, odom_from_base: Pose2, now_ns: int
) -> LookAround:
    """The stage that follows: turn, face the way with the most room, go there, face the next; stand where stuck."""
    fresh = replace(
        search, stage_ns=now_ns, from_pose=odom_from_base, last_pose=odom_from_base, stirred_ns=now_ns, turned_rad=0.0
    )
    if search.stage is Stage.STAND:
        return replace(fresh, stage=Stage.TURN)
    if search.stage is Stage.FACE:
        return replace(fresh, stage=Stage.GO)
    heading_rad = most_room(field, footprint, odom_from_base)
    if heading_rad is None or search.stuck_here(odom_from_base):
        return replace(fresh, stage=Stage.STAND, rounds=search.rounds + 1)
    return replace(fresh, stage=Stage.FACE, heading_rad=heading_rad)


def most_room(field: DistanceField, footprint: Footprint, odom_from_base: Pose2) -> float | None:
    """The heading (rad, odom frame) along which the robot can go farthest, up to a leg; None when it can go nowhere.

    Among headings with as much room, the one nearest to where it looks.
    """
    wanted_m = footprint.circumradius_m + _ROOM_M
    count = round(_LEG_M / _STEP_M)
    steps_m: NDArray[np.float64] = _STEP_M * np.arange(1, count + 1, dtype=np.float64)
    best, best_m = None, 2.0 * _STEP_M
    for k in range(_HEADINGS):
        offset_rad = ((k + 1) // 2 if k % 2 else -(k // 2)) * (2.0 * math.pi / _HEADINGS)
        heading_rad = wrap_angle(odom_from_base.yaw_rad + offset_rad)
        s, c = sin_cos(heading_rad)
        room = distance_at(field, odom_from_base.x_m + c * steps_m, odom_from_base.y_m + s * steps_m) >= wanted_m
        reach_m = float(count if room.all() else int(np.argmin(room))) * _STEP_M
        worth_m = reach_m * (_BACK_WORTH_FRAC if abs(offset_rad) > _BACK_RAD else 1.0)
        if worth_m > best_m:
            best, best_m = heading_rad, worth_m
    return best
