"""What has been tried to get on: counted by place and by way, and not twice where the safety ring refused it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from amr.config.mission import Mission
from amr.geometry import Pose2, wrap_angle
from amr.mission.maneuver import Drive
from amr.mission.states import MissionEvent
from amr.units import ns_from_s

HELD_S: Final = 0.8
"""A recovery that does not move for so long is held: nothing comes of waiting for its end."""
_MOVES_M: Final = 0.01
_MOVES_RAD: Final = 0.03
_GOT_ON_M: Final = 0.1
_SAME_M: Final = 0.05
_SAME_RAD: Final = 0.15
_REFUSALS_KEPT: Final = 16
_ON_THE_WAY_M: Final = 1.0
"""A path that became shorter by this since the last recovery: the robot gets on."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A motion that came to nothing at ``odom_from_base``. ``direction`` as in ``Maneuver``."""

    event: MissionEvent
    direction: int
    odom_from_base: Pose2


@dataclass(frozen=True, slots=True)
class Recoveries:
    """What has been tried for the active goal."""

    place: Pose2 | None = None
    """Where the last one began, map frame."""
    here: int = 0
    """At this place."""
    in_all: int = 0
    rung: int = 0
    """Next step of the ladder."""
    waited_ns: int = 0
    """For movers, at this place."""
    refused: tuple[Refusal, ...] = ()
    asked_last: bool = False
    """The exact way out was asked for as the last resort."""
    to_go_m: float = math.inf
    """Length of the path when the last one began."""
    least_m: float = math.inf
    """Shortest path for which ``in_all`` was set back."""


@dataclass(frozen=True, slots=True)
class Maneuver:
    """The recovery that runs."""

    start: Pose2
    """Odom frame."""
    start_ns: int
    direction: int
    """Of a turn: 1 left, -1 right. Of an escape: 1 along the path, 0 to where there is more room."""
    still: Pose2
    """Where it last moved, odom frame."""
    still_ns: int
    asked_at: Pose2
    """Where a way out was asked for and got somewhere from, odom frame."""
    asks: int = 0
    """From there."""
    drive: Drive | None = None
    """Along the exact way out; None while there is none."""


def begin(odom_from_base: Pose2, now_ns: int, direction: int) -> Maneuver:
    """A recovery that begins now."""
    return Maneuver(odom_from_base, now_ns, direction, odom_from_base, now_ns, odom_from_base)


def watch(running: Maneuver, odom_from_base: Pose2, now_ns: int) -> Maneuver:
    """With the pose of this step."""
    moved_m = odom_from_base.distance_m(running.still)
    turned_rad = abs(wrap_angle(odom_from_base.yaw_rad - running.still.yaw_rad))
    if moved_m <= _MOVES_M and turned_rad <= _MOVES_RAD:
        return running
    return replace(running, still=odom_from_base, still_ns=now_ns)


def asked(running: Maneuver, odom_from_base: Pose2) -> Maneuver:
    """A way out ended here, and another is asked for."""
    if running.asked_at.distance_m(odom_from_base) > _GOT_ON_M:
        return replace(running, asked_at=odom_from_base, asks=0)
    return replace(running, asks=running.asks + 1)


def is_held(running: Maneuver, now_ns: int) -> bool:
    """It should move and does not."""
    return now_ns - running.still_ns > ns_from_s(HELD_S)


def counted(tried: Recoveries, map_from_base: Pose2, to_go_m: float) -> Recoveries:
    """One more, here."""
    return replace(tried, place=map_from_base, here=tried.here + 1, in_all=tried.in_all + 1, to_go_m=to_go_m)


def settled(tried: Recoveries, map_from_base: Pose2, settings: Mission) -> Recoveries:
    """Far from the last recovery everything may be tried again."""
    if tried.place is None or tried.place.distance_m(map_from_base) <= settings.place_radius_m:
        return tried
    return Recoveries(in_all=tried.in_all, least_m=tried.least_m)


def on_the_way(tried: Recoveries, to_go_m: float) -> Recoveries:
    """With a new path of this length. The count in all begins anew only at a length never reached: so it ends."""
    if math.isinf(tried.to_go_m) or not to_go_m < tried.to_go_m - _ON_THE_WAY_M:
        return tried
    in_all, least_m = tried.in_all, tried.least_m
    if to_go_m < least_m - _ON_THE_WAY_M:
        in_all, least_m = 0, to_go_m
    return Recoveries(in_all=in_all, least_m=least_m)


def got_out(tried: Recoveries) -> Recoveries:
    """A maneuver brought it elsewhere: what was refused there may go here."""
    return replace(tried, refused=())


def refuse(tried: Recoveries, event: MissionEvent, direction: int, odom_from_base: Pose2) -> Recoveries:
    """Remember that this comes to nothing here."""
    kept = tried.refused[-(_REFUSALS_KEPT - 1) :]
    return replace(tried, refused=(*kept, Refusal(event, direction, odom_from_base)))


def is_refused(tried: Recoveries, event: MissionEvent, direction: int, odom_from_base: Pose2) -> bool:
    """It came to nothing at this pose already."""
    return any(
        old.event is event
        and old.direction == direction
        and old.odom_from_base.distance_m(odom_from_base) < _SAME_M
        and abs(wrap_angle(old.odom_from_base.yaw_rad - odom_from_base.yaw_rad)) < _SAME_RAD
        for old in tried.refused
    )
