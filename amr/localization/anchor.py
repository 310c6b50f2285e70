"""Where the odometry's frame lies on the map: the core's end of localization.

It asks about one scan at a time, takes the answers in whatever order they come, and moves ``map_from_odom`` so that
nobody feels it: in steps bounded by a rate while the place is sure, and by a jump at rest when the robot turns out to
be somewhere else. Silence of the localizer is doubt, and at last loss.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final

from amr.config.localization import Localization
from amr.estimation.base import Matrix3
from amr.geometry import Pose2, Twist2, wrap_angle
from amr.localization.base import Whereabouts, shift_of
from amr.messages import Belief, LocateScan, PoseFix
from amr.units import ns_from_s

_REST_MPS: Final = 0.02
_REST_RADPS: Final = 0.05
_LONGEST_S: Final = 0.1
"""A step that took longer than this moves the place no farther."""
_CAUSES_MAX: Final = 64


class MapAnchor:
    """``take`` each answer, then ``advance`` once a step. Without a saved map it holds still and asks nothing."""

    snapshot_constants: ClassVar[tuple[str, ...]] = ("_settings",)

    def __init__(self, settings: Localization, map_from_odom: Pose2) -> None:
        """``map_from_odom``: as somebody told it at the start; means nothing where ``settings.placed`` is False."""
        self._settings = settings
        self.map_from_odom = map_from_odom
        self.refused: dict[str, int] = {}
        """Count of answers that told nothing, by cause."""
        self._wanted = map_from_odom
        self._belief = Belief.SURE if settings.placed or not settings.on_map else Belief.LOST
        self._lost_frac = 0.0 if self._belief is Belief.SURE else 1.0
        self._next_id = 1
        self._accepted_id = 0
        self._outstanding_id: int | None = None
        self._asked_ns = 0
        self._heard_ns: int | None = None
        """When the last fix came, or the first question left."""
        self._last_ns: int | None = None

    def take(self, fix: PoseFix, now_ns: int) -> None:
        """One answer; those that nobody asked for, that a newer one overtook, or that are not finite are counted."""
        if fix.request_id == self._outstanding_id:
            self._outstanding_id = None
        cause = self._fault(fix)
        if cause:
            self._count(cause)
            return
        self._accepted_id = fix.request_id
        if fix.refused:
            self._count(fix.refused)
            return
        self._heard_ns = now_ns
        self._belief, self._lost_frac = fix.belief, fix.lost_frac
        if fix.belief is Belief.SURE:
            self._wanted = fix.map_from_odom

    def ask(
        self, scan_stamp_ns: int, first: Pose2, last: Pose2, covariance: Matrix3, now_ns: int
    ) -> tuple[LocateScan, ...]:
        """The question about a scan between whose beams odometry went from ``first`` to ``last``, if it is time."""
        if not self._settings.on_map or not (first.is_finite() and last.is_finite()):
            return ()
        waits = self._outstanding_id is not None
        if waits and now_ns - self._asked_ns <= ns_from_s(self._settings.answer_timeout_s):
            return ()
        if self._heard_ns is None:
            self._heard_ns = now_ns
        (xx, xy, xt), (_, yy, yt), (_, _, tt) = covariance
        request = LocateScan(self._next_id, now_ns, scan_stamp_ns, first, last, (xx, xy, xt, yy, yt, tt))
        self._outstanding_id, self._asked_ns = self._next_id, now_ns
        self._next_id += 1
        return (request,)

    def advance(self, now_ns: int, odom_from_base: Pose2, twist: Twist2) -> Whereabouts:
        """Move ``map_from_odom`` by what this step may, and say how well the place is known."""
        duration_s = 0.0 if self._last_ns is None else min(_LONGEST_S, max(0.0, (now_ns - self._last_ns) * 1e-9))
        self._last_ns = now_ns
        if not self._settings.on_map:
            return Whereabouts()
        placed_anew = False
        if self._belief is Belief.SURE and odom_from_base.is_finite():
            away_m = self._away_m(odom_from_base)
            if away_m > 0.0:
                if not _rests(twist):
                    return Whereabouts(Belief.LOST, self._lost_frac, f"found {away_m:.1f} m from there", stand=True)
                self.map_from_odom, placed_anew = self._wanted, True
            else:
                self._slide(odom_from_base, duration_s)
        belief, cause = self._judge(now_ns)
        return Whereabouts(belief, self._lost_frac, cause, placed_anew=placed_anew)

    def _fault(self, fix: PoseFix) -> str:
        if not 0 < fix.request_id < self._next_id:
            return "nobody asked for it"
        if fix.request_id <= self._accepted_id:
            return "a newer answer came before it"
        finite = all(math.isfinite(value) for value in (fix.lost_frac, *fix.pose_sigma))
        return "" if fix.refused or (finite and fix.map_from_odom.is_finite()) else "it is not finite"

    def _count(self, cause: str) -> None:
        if cause in self.refused or len(self.refused) < _CAUSES_MAX:
            self.refused[cause] = self.refused.get(cause, 0) + 1

    def _judge(self, now_ns: int) -> tuple[Belief, str]:
        silent_ns = 0 if self._heard_ns is None else now_ns - self._heard_ns
        silence = f"no fix for {silent_ns * 1e-9:.0f} s"
        if silent_ns > ns_from_s(self._settings.silent_lost_s):
            return Belief.LOST, silence
        if self._belief is Belief.SURE:
            return (Belief.DOUBTFUL, silence) if silent_ns > ns_from_s(self._settings.silent_s) else (Belief.SURE, "")
        return self._belief, f"the scans do not fit the map (lost by {100.0 * self._lost_frac:.0f} %)"

    def _away_m(self, odom_from_base: Pose2) -> float:
        """How far off the place of the last fix is, when that is too far to slide there; else 0."""
        distance_m, turn_rad = shift_of(self.map_from_odom, self._wanted, odom_from_base)
        is_far = distance_m > self._settings.jump_m or turn_rad > self._settings.jump_rad
        return max(distance_m, 1e-3) if is_far else 0.0

    def _slide(self, odom_from_base: Pose2, duration_s: float) -> None:
        """Towards the place of the last fix as far as the rates allow, about the robot and not odometry's origin."""
        here, there = self.map_from_odom @ odom_from_base, self._wanted @ odom_from_base
        dx, dy, turn_rad = there.x_m - here.x_m, there.y_m - here.y_m, wrap_angle(there.yaw_rad - here.yaw_rad)
        distance_m = math.sqrt(dx * dx + dy * dy)
        most_m, most_rad = self._settings.slide_mps * duration_s, self._settings.slide_radps * duration_s
        if distance_m <= most_m and abs(turn_rad) <= most_rad:
            self.map_from_odom = self._wanted
            return
        part = min(1.0, most_m / distance_m) if distance_m > 0.0 else 1.0
        turned_rad = max(-most_rad, min(most_rad, turn_rad))
        moved = Pose2(here.x_m + part * dx, here.y_m + part * dy, wrap_angle(here.yaw_rad + turned_rad))
        self.map_from_odom = moved @ odom_from_base.inverse()


def _rests(twist: Twist2) -> bool:
    return abs(twist.v_mps) <= _REST_MPS and abs(twist.w_radps) <= _REST_RADPS
