"""Does the robot get on while it should drive; where not, does something move before it, or is it only too cautious."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from amr.config.mission import Mission
from amr.control.base import ControlStatus
from amr.geometry import Pose2
from amr.mission import movers, progress
from amr.mission.base import MissionInput
from amr.mission.movers import Sentry
from amr.mission.progress import Progress
from amr.units import ns_from_s

_SENTRY_AFTER_NS: Final = 1_000_000_000
_SOON_S: Final = 0.5
"""After a recovery that was held the next one follows unless the robot moves by then."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered of the way to the active goal."""

    progress: Progress | None = None
    """None = begins at the next pose."""
    sentry: Sentry | None = None
    """While it stands."""
    squeeze_from: Pose2 | None = None
    """Where clearance began to count less, map frame; None = it counts in full."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """``why`` it counts as stuck."""

    why: str
    moves: bool
    """Something moves before it."""


def begin(view: MissionInput) -> Watch:
    """All is well at this place and time."""
    return Watch(progress.begin(view.map_from_base, view.now_ns))


def hold(watch: Watch, now_ns: int) -> Watch:
    """It is not allowed to move: the clocks stand still meanwhile."""
    return watch if watch.progress is None else replace(watch, progress=progress.hold(watch.progress, now_ns))


def after_recovery(watch: Watch, view: MissionInput, held: bool, settings: Mission) -> Watch:
    """All is well again; but soon not any more after a recovery that was ``held``, unless the robot moves."""
    fresh = progress.begin(view.map_from_base, view.now_ns)
    if held:
        early_ns = ns_from_s(settings.blocked_time_s - _SOON_S)
        fresh = replace(fresh, near_ns=view.now_ns - max(0, early_ns))
    return replace(watch, progress=fresh, sentry=None)


def advance(watch: Watch, view: MissionInput, odom_from_base: Pose2, planning: bool, settings: Mission) -> Watch:
    """With the pose of this step. ``planning``: it rests until its first path is known."""
    pose, now_ns, place = view.map_from_base, view.now_ns, watch.squeeze_from
    anchors = progress.advance(watch.progress or progress.begin(pose, now_ns), pose, now_ns, settings)
    sentry = None
    if now_ns - anchors.near_ns > _SENTRY_AFTER_NS:
        sentry = movers.look(watch.sentry, view.field, odom_from_base, view.movers)
    if planning:
        # resting is no standstill: the planner's time-out watches here
        anchors = progress.hold(anchors, now_ns)
    if place is not None and place.distance_m(pose) > settings.place_radius_m:
        place = None  # the tight place lies behind
    return Watch(anchors, sentry, place)


def judge(watch: Watch, view: MissionInput, may_wait: bool, settings: Mission) -> tuple[Watch, Standstill | None]:
    """What to do something about; where only the price of clearance holds it, that price falls first.

    ``may_wait``: for something that moves.
    """
    anchors = watch.progress
    why = "" if anchors is None else progress.stuck(anchors, view.now_ns, view.blocked, settings)
    if anchors is None or not why:
        return watch, None
    cause = view.stop.cause or view.control_reason
    if cause:
        why = f"{why} ({cause})"
    if may_wait and movers.largest_change_m(watch.sentry) > settings.mover_change_m:
        return watch, Standstill(why, True)
    stays = view.now_ns - anchors.near_ns > ns_from_s(settings.stuck_time_s)
    if stays and not view.blocked and watch.squeeze_from is None and view.control_status is ControlStatus.OK:
        eased = replace(anchors, near_ns=view.now_ns)
        return replace(watch, progress=eased, squeeze_from=view.map_from_base), None
    return watch, Standstill(why, False)
