"""Keep-out and speed zones as the ring obeys them: they only ever take speed away.

The border of a zone is a row of points, and the envelope treats them like an obstacle's: before a keep-out zone the
robot can always stop, before a speed zone it can always have slowed down. Where the robot is on the map is an estimate
from elsewhere; a wrong one moves the zones, but never adds speed to what the scans allow.

Inside a keep-out zone (put there, or drawn around the robot) it may only creep towards the nearest border.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.config.zones import KeepOut, SpeedZone, Zones
from amr.geometry import Pose2
from amr.messages import StopReason
from amr.polygons import border_points, corners_of, is_inside, signed_distance_m
from amr.portable_math import sin_cos
from amr.safety import envelope, kernel_memory
from amr.safety.envelope import EnvelopeSettings, Motion
from amr.safety.outline import Outline

Array = NDArray[Any]

_SPACING_M: Final = 0.03
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Fence:
    """One zone: corners and border points [n, 2] in the map frame."""

    name: str
    corners: Array
    border: Array
    speed_max_mps: float | None
    """None = keep out."""

    @classmethod
    def of(cls, zone: KeepOut | SpeedZone) -> Fence:
        """From the configuration."""
        corners = corners_of(zone.polygon_m)
        cap_mps = zone.speed_max_mps if isinstance(zone, SpeedZone) else None
        return cls(zone.name, corners, border_points(corners, _SPACING_M), cap_mps)


def fences_of(zones: Zones) -> tuple[Fence, ...]:
    """Keep-out zones first."""
    return tuple(Fence.of(zone) for kind in (zones.keep_out, zones.speed) for zone in kind)


def allowed_speed(
    fences: tuple[Fence, ...],
    map_from_base: Pose2 | None,
    motion: Motion,
    slowest_mps: float,
    floor_mps: float,
    settings: EnvelopeSettings,
    outline: Outline,
) -> tuple[float, StopReason, str]:
    """(largest outline speed of ``motion`` that the zones allow, reason and cause when that is less than its speed).

    ``map_from_base``: where the robot is when its command acts; None or not finite: unknown, see ``_anywhere``.
    """
    if not fences:
        return motion.speed_mps, StopReason.NONE, ""
    if map_from_base is None or not map_from_base.is_finite():
        return _anywhere(fences, motion)
    best, reason, cause = motion.speed_mps, StopReason.NONE, ""
    for fence in fences:
        allowed_mps = _one(fence, map_from_base, motion, slowest_mps, floor_mps, settings, outline)
        if allowed_mps < best:
            is_speed = fence.speed_max_mps is not None
            best, reason = allowed_mps, StopReason.SPEED_ZONE if is_speed else StopReason.KEEP_OUT
            cause = f"speed zone {fence.name}" if is_speed else f"keep-out zone {fence.name}"
    return best, reason, cause


def _anywhere(fences: tuple[Fence, ...], motion: Motion) -> tuple[float, StopReason, str]:
    """What holds wherever the robot is: rest where a place is kept out of, else the slowest zone's speed."""
    unknown = "the place on the map is not known"
    if any(fence.speed_max_mps is None for fence in fences):
        return 0.0, StopReason.KEEP_OUT, f"zones are set, but {unknown}"
    slowest = min(fences, key=lambda fence: fence.speed_max_mps or 0.0)
    cap_mps = slowest.speed_max_mps or 0.0
    if cap_mps >= motion.speed_mps:
        return motion.speed_mps, StopReason.NONE, ""
    return cap_mps, StopReason.SPEED_ZONE, f"speed zone {slowest.name}, for {unknown}"


def _one(
    fence: Fence,
    map_from_base: Pose2,
    motion: Motion,
    slowest_mps: float,
    floor_mps: float,
    settings: EnvelopeSettings,
    outline: Outline,
) -> float:
    inside = is_inside(fence.corners, map_from_base.x_m, map_from_base.y_m)
    if inside and fence.speed_max_mps is not None:
        return fence.speed_max_mps
    leaving_mps = settings.creep_mps if _leaves(fence, map_from_base, motion) else 0.0
    if inside:
        return leaving_mps
    reach_m = envelope.reach_m(motion, floor_mps, settings, outline.circumradius_m)
    points = _near(fence.border, map_from_base, reach_m)
    if len(points) == 0:
        return motion.speed_mps
    speed_mps, _ = envelope.clear_speed(motion, slowest_mps, floor_mps, points, len(points), settings, outline)
    if fence.speed_max_mps is not None:
        return max(speed_mps, fence.speed_max_mps)
    creep_mps = min(motion.speed_mps, settings.creep_mps)
    if speed_mps < creep_mps and envelope.may_creep(
        motion, creep_mps, floor_mps, points, len(points), settings, outline
    ):
        return creep_mps
    touches = kernel_memory.smallest_clearance(points, len(points), 0.0, 0.0, 0.0, *outline.parts.arrays) <= 0.0
    return leaving_mps if touches else max(speed_mps, 0.0)


def _leaves(fence: Fence, map_from_base: Pose2, motion: Motion) -> bool:
    """True when the base comes nearer to the border within a moment, or turns in place."""
    ahead_m = motion.unit.v_mps * _LOOK_S
    s, c = sin_cos(map_from_base.yaw_rad)
    before = signed_distance_m(fence.corners, map_from_base.x_m, map_from_base.y_m)
    after = signed_distance_m(fence.corners, map_from_base.x_m + c * ahead_m, map_from_base.y_m + s * ahead_m)
    return after > before or ahead_m == 0.0


def _near(border_map: Array, map_from_base: Pose2, reach_m: float) -> Array:
    """Border points within reach, base frame, as the envelope's kernels take points: float64 [n, POINT]."""
    dx, dy = border_map[:, 0] - map_from_base.x_m, border_map[:, 1] - map_from_base.y_m
    near = dx * dx + dy * dy <= reach_m * reach_m
    s, c = sin_cos(map_from_base.yaw_rad)
    x, y = c * dx[near] + s * dy[near], c * dy[near] - s * dx[near]
    zero = np.zeros(len(x))
    return np.column_stack([x, y, zero, zero])
