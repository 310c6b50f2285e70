"""The recovery motions: back up along the way it came, turn on the spot, creep out of a tight place.

Each is a function of the present that gives the twist for this step, or None when the motion is over or not possible.
The safety ring watches over all of them; what is checked here by the distance field only saves useless tries.
"""

from __future__ import annotations

from typing import Final

from amr.config.mission import Mission
from amr.geometry import Pose2, Twist2
from amr.grid import DistanceField
from amr.mission.footprint import Footprint, clearances_m, poses_along
from amr.mission.trail import Trail

_LOOK_S: Final = 0.6
_STEP_S: Final = 0.2
_ESCAPE_S: Final = 1.8
_TARGET_M: Final = 0.3
_GAIN_M: Final = 0.01
_UNSEEN_BEHIND_M: Final = 0.2
_ALIGNED_RAD: Final = 0.15
_SLOW_TURN_RADPS: Final = 0.25


def back_up(
    field: DistanceField, footprint: Footprint, odom_from_base: Pose2, trail: Trail, settings: Mission
) -> Twist2 | None:
    """Backward along ``trail``, straight back without one; None when the rear is not free."""
    target = next((pose for pose in reversed(trail) if pose.distance_m(odom_from_base) >= _TARGET_M), None)
    curvature = 0.0
    if target is not None:
        x_m, y_m = odom_from_base.inverse().apply(target.x_m, target.y_m)
        if x_m < 0.0:
            curvature = 2.0 * y_m / (x_m * x_m + y_m * y_m)
    v_mps = -settings.back_up_mps
    w_radps = max(-settings.turn_radps, min(settings.turn_radps, v_mps * curvature))
    for twist in (Twist2(v_mps, w_radps), Twist2(v_mps, 0.0)):
        if _keeps_clear(field, footprint, odom_from_base, twist, settings):
            return twist
    return None


def rear_is_unseen(field: DistanceField, footprint: Footprint, odom_from_base: Pose2) -> bool:
    """True when a point of what it would back into was never seen."""
    x_m = footprint.rear_m - _UNSEEN_BEHIND_M
    return any(field.is_unseen(*odom_from_base.apply(x_m, side * footprint.half_width_m)) for side in (-1.0, 0.0, 1.0))


def turn(
    field: DistanceField, footprint: Footprint, odom_from_base: Pose2, direction: int, settings: Mission
) -> Twist2 | None:
    """On the spot; ``direction`` 1 = left, -1 = right. None when there is no room for it."""
    twist = Twist2(0.0, direction * settings.turn_radps)
    return twist if _keeps_clear(field, footprint, odom_from_base, twist, settings) else None


def escape(field: DistanceField, footprint: Footprint, odom_from_base: Pose2, settings: Mission) -> Twist2 | None:
    """The creeping motion that gains the most clearance in its first moments; None when none gains anything.

    It is the ascent of the distance field as far as the wheels can follow it.
    """
    v_mps = settings.escape_mps
    w_radps = min(settings.turn_radps, v_mps / footprint.circumradius_m)
    twists = [
        Twist2(v_scale * v_mps, w_scale * w_radps)
        for v_scale, w_scale in ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))
    ]
    ways = [poses_along(odom_from_base, twist, _ESCAPE_S, _STEP_S) for twist in twists]
    now_m, *rooms_m = clearances_m(field, footprint, [odom_from_base, *(pose for way in ways for pose in way)])
    best: Twist2 | None = None
    best_m = now_m + _GAIN_M
    for number, (twist, way) in enumerate(zip(twists, ways, strict=True)):
        on_the_way_m = rooms_m[number * len(way) : (number + 1) * len(way)]
        for count in (len(way) // 3, len(way)):
            if on_the_way_m[count - 1] > best_m and min(on_the_way_m[:count]) >= min(
                now_m, settings.motion_clearance_m
            ):
                best, best_m = twist, on_the_way_m[count - 1]
    return best


def creep(
    field: DistanceField,
    footprint: Footprint,
    odom_from_base: Pose2,
    bearing_rad: float,
    distance_m: float,
    settings: Mission,
) -> Twist2 | None:
    """Towards a point of the path: in place until it lies ahead, then slowly on; None when that would touch.

    For gaps so narrow that a controller which weighs clearance against progress stays before them.
    """
    if abs(bearing_rad) > _ALIGNED_RAD:
        rate_radps = min(settings.turn_radps, max(_SLOW_TURN_RADPS, abs(bearing_rad)))
        twist = Twist2(0.0, rate_radps if bearing_rad > 0.0 else -rate_radps)
    else:
        v_mps = settings.escape_mps
        twist = Twist2(v_mps, 2.0 * v_mps * bearing_rad / max(distance_m, 0.1))
    return twist if _keeps_clear(field, footprint, odom_from_base, twist, settings) else None


def _keeps_clear(
    field: DistanceField, footprint: Footprint, odom_from_base: Pose2, twist: Twist2, settings: Mission
) -> bool:
    """True when the next moments of the motion keep their clearance, or at least do not lose any that is missing."""
    now_m, *on_the_way_m = clearances_m(
        field, footprint, [odom_from_base, *poses_along(odom_from_base, twist, _LOOK_S, _STEP_S)]
    )
    return min(on_the_way_m) >= min(settings.motion_clearance_m, now_m)
