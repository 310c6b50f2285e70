"""How fast zones let the robot be, beside a plain reference: every border point by ``Pose2``, none left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from safety_scene import robot

from amr.config.zones import KeepOut, SpeedZone, Zones
from amr.geometry import Pose2, Twist2
from amr.messages import StopReason
from amr.polygons import border_points, corners_of
from amr.safety import envelope, zones
from amr.safety.envelope import EnvelopeSettings, Motion
from amr.safety.limits import CommandLimits
from amr.safety.outline import Outline

CONFIG = robot()
OUTLINE = Outline.from_body(CONFIG.body)
SETTINGS = EnvelopeSettings.from_config(CONFIG)
LIMITS = CommandLimits.from_config(CONFIG.limits)
KITE = ((1.3, -0.4), (2.9, -1.1), (3.7, 0.8), (1.9, 1.6))
"""A border that is parallel to nothing."""
PLACES = (Pose2(1.0, 0.2, 0.25), Pose2(3.75, 1.25, -2.5), Pose2(2.3, -1.35, 1.45), Pose2(1.22, 0.93, -0.5))
"""Around it, looking at it."""


def motion(v_mps: float, w_radps: float = 0.0) -> Motion:
    found = envelope.motion_of(Twist2(v_mps, w_radps), LIMITS, OUTLINE.circumradius_m)
    assert found is not None
    return found


def allowed(
    place: Pose2, wish: Motion, cap_mps: float | None = None, slowest_mps: float = 0.0, floor_mps: float = 0.0
) -> tuple[float, StopReason]:
    if cap_mps is None:
        fences = zones.fences_of(Zones(keep_out=(KeepOut(name="kite", polygon_m=KITE),)))
    else:
        fences = zones.fences_of(Zones(speed=(SpeedZone(name="kite", polygon_m=KITE, speed_max_mps=cap_mps),)))
    speed_mps, reason, _ = zones.allowed_speed(fences, place, wish, slowest_mps, floor_mps, SETTINGS, OUTLINE)
    return speed_mps, reason


def border(place: Pose2) -> np.ndarray:
    """Points of the border in the base frame, 3 cm apart, for the envelope."""
    inverse = place.inverse()
    points = border_points(corners_of(KITE), 0.03)
    return np.array([(*inverse.apply(x, y), 0.0, 0.0) for x, y in points.tolist()])


def reference_mps(place: Pose2, wish: Motion, slowest_mps: float = 0.0, floor_mps: float = 0.0) -> float:
    points = border(place)
    speed_mps, _ = envelope.clear_speed(wish, slowest_mps, floor_mps, points, len(points), SETTINGS, OUTLINE)
    return speed_mps


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("v_mps", [1.1, 1.7])
@pytest.mark.parametrize("w_radps", [0.0, 0.6, -0.45])
@pytest.mark.parametrize("floor_mps", [0.0, 1.15])
def test_a_keep_out_zone_allows_what_its_border_as_an_obstacle_would(place, v_mps, w_radps, floor_mps):
    wish = motion(v_mps, w_radps)
    speed_mps, reason = allowed(place, wish, floor_mps=floor_mps)
    expected_mps = reference_mps(place, wish, floor_mps=floor_mps)
    if expected_mps >= SETTINGS.creep_mps:
        assert speed_mps == pytest.approx(expected_mps, abs=2e-3)
    else:
        assert speed_mps <= SETTINGS.creep_mps
    assert (reason is StopReason.KEEP_OUT) == (speed_mps < wish.speed_mps)


def test_the_reference_limits_where_it_should():
    limited = [reference_mps(place, motion(1.7)) for place in PLACES]
    assert all(0.2 < speed_mps < 1.69 for speed_mps in limited)


@pytest.mark.parametrize("place", PLACES)
def test_a_speed_zone_lets_the_robot_come_with_the_speed_from_which_it_can_slow_down(place):
    wish = motion(1.7)
    speed_mps, reason = allowed(place, wish, cap_mps=0.15)
    assert speed_mps == pytest.approx(reference_mps(place, wish), abs=2e-3)
    assert reason is StopReason.SPEED_ZONE
    assert allowed(place, wish, cap_mps=1.6)[0] == 1.6, "its own speed is always allowed"
    assert allowed(place, wish, cap_mps=1.8) == (wish.speed_mps, StopReason.NONE)
    assert allowed(place, motion(0.15), cap_mps=0.15) == (motion(0.15).speed_mps, StopReason.NONE)


@pytest.mark.parametrize("away_m", [0.0, 0.3])
def test_a_zone_out_of_reach_does_not_count(away_m):
    place = Pose2(1.3 - 2.9 - away_m, -0.4, 0.0)
    assert allowed(place, motion(1.7)) == (motion(1.7).speed_mps, StopReason.NONE)


def test_one_corner_in_reach_counts():
    """A long needle: only its tip lies near the robot, at the corner of the outline that a turn swings there."""
    tip = (0.229 + 0.03, 0.0)
    needle = (tip, (5.0, -0.01), (5.0, 0.01))
    fences = zones.fences_of(Zones(keep_out=(KeepOut(name="needle", polygon_m=needle),)))
    wish = motion(0.06)
    far, _, _ = zones.allowed_speed(fences, Pose2(-1.0, 0.0, 0.0), wish, 0.0, 0.0, SETTINGS, OUTLINE)
    assert far == wish.speed_mps
    touching = Pose2(0.031, 0.0, 0.0)
    near, reason, cause = zones.allowed_speed(fences, touching, wish, 0.0, 0.0, SETTINGS, OUTLINE)
    assert (near, reason, cause) == (0.0, StopReason.KEEP_OUT, "keep-out zone needle")


@pytest.mark.parametrize(("yaw_rad", "leaves"), [(math.radians(70), True), (math.radians(-70), False)])
def test_on_the_border_it_may_creep_away_and_not_in(yaw_rad, leaves):
    """The base stands 5 cm outside the lower edge, which slopes: a way along x alone tells nothing."""
    (ax, ay), (bx, by) = KITE[0], KITE[1]
    length_m = math.dist((ax, ay), (bx, by))
    ex, ey = (bx - ax) / length_m, (by - ay) / length_m
    outward = (ey, -ex) if ex > 0 else (-ey, ex)
    x, y = 0.5 * (ax + bx) + 0.05 * outward[0], 0.5 * (ay + by) + 0.05 * outward[1]
    away_rad = math.atan2(outward[1], outward[0])
    place = Pose2(x, y, away_rad + (0.0 if leaves else math.pi) + (yaw_rad - math.copysign(math.radians(70), yaw_rad)))
    speed_mps, reason = allowed(place, motion(0.6))
    assert speed_mps == (SETTINGS.creep_mps if leaves else 0.0)
    assert reason is StopReason.KEEP_OUT
    back_mps, _ = allowed(place, motion(-0.6))
    assert back_mps == (0.0 if leaves else SETTINGS.creep_mps)


@pytest.mark.parametrize("yaw_rad", [0.3, 1.4, 2.9, -1.2, -2.2])
def test_inside_it_creeps_only_towards_the_nearest_border_and_may_turn(yaw_rad):
    place = Pose2(1.75, 0.2, yaw_rad)
    nearest = min(
        np.linspace(KITE[3], KITE[0], 400).tolist(), key=lambda point: math.dist(point, (place.x_m, place.y_m))
    )
    towards_rad = math.atan2(nearest[1] - place.y_m, nearest[0] - place.x_m)
    forwards = math.cos(towards_rad - yaw_rad) > 0.0
    assert allowed(place, motion(0.6))[0] == (SETTINGS.creep_mps if forwards else 0.0)
    assert allowed(place, motion(-0.6))[0] == (0.0 if forwards else SETTINGS.creep_mps)
    assert allowed(place, motion(0.0, 1.0))[0] == SETTINGS.creep_mps


def test_of_several_zones_the_strictest_speaks():
    first = SpeedZone(name="first", polygon_m=KITE, speed_max_mps=0.5)
    second = SpeedZone(name="second", polygon_m=KITE, speed_max_mps=0.5)
    slower = SpeedZone(name="slower", polygon_m=KITE, speed_max_mps=0.2)
    inside = Pose2(2.4, 0.1, 0.7)
    for row, name, cap_mps in (
        ((first, second), "first", 0.5),
        ((first, slower), "slower", 0.2),
        ((slower, first), "slower", 0.2),
    ):
        found = zones.allowed_speed(zones.fences_of(Zones(speed=row)), inside, motion(1.0), 0.0, 0.0, SETTINGS, OUTLINE)
        assert found == (cap_mps, StopReason.SPEED_ZONE, f"speed zone {name}")


def test_a_single_point_of_the_border_in_reach_counts():
    """The tip of a needle that points at the corner from outside: the next points lie out of reach of a slow motion."""
    tip = (0.235, 0.2)
    away = (3.0 * 0.76, 3.0 * 0.65)
    needle = (tip, (tip[0] + away[0] + 0.01, tip[1] + away[1]), (tip[0] + away[0], tip[1] + away[1] + 0.01))
    fences = zones.fences_of(Zones(keep_out=(KeepOut(name="needle", polygon_m=needle),)))
    wish = motion(0.06)
    reach_m = envelope.reach_m(wish, 0.0, SETTINGS, OUTLINE.circumradius_m)
    assert (np.hypot(*fences[0].border.T) <= reach_m).sum() == 1
    found = zones.allowed_speed(fences, Pose2(0.0, 0.0, 0.0), wish, 0.0, 0.0, SETTINGS, OUTLINE)
    assert found == (0.0, StopReason.KEEP_OUT, "keep-out zone needle")


def test_a_border_more_than_a_metre_away_counts_where_the_margin_is_wide():
    settings = EnvelopeSettings.from_config(robot(margin_m=0.7))
    square = ((1.25, -2.0), (3.0, -2.0), (3.0, 2.0), (1.25, 2.0))
    fences = zones.fences_of(Zones(keep_out=(KeepOut(name="far", polygon_m=square),)))
    speed_mps, _, _ = zones.allowed_speed(fences, Pose2(0.0, 0.0, 0.0), motion(1.7), 0.0, 0.0, settings, OUTLINE)
    points = np.array([(1.25, y / 100.0, 0.0, 0.0) for y in range(-100, 101)])
    expected_mps, _ = envelope.clear_speed(motion(1.7), 0.0, 0.0, points, len(points), settings, OUTLINE)
    assert 0.5 < expected_mps < 1.6
    assert speed_mps == pytest.approx(expected_mps, abs=2e-3)


def test_along_the_nearest_border_is_not_out_of_a_zone():
    square = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0))
    fences = zones.fences_of(Zones(keep_out=(KeepOut(name="pool", polygon_m=square),)))
    for wish in (motion(0.5), motion(-0.5)):
        found = zones.allowed_speed(fences, Pose2(2.0, 0.5, 0.0), wish, 0.0, 0.0, SETTINGS, OUTLINE)
        assert found == (0.0, StopReason.KEEP_OUT, "keep-out zone pool")


@pytest.mark.parametrize("depth_m", [0.008, 0.0])
@pytest.mark.parametrize(("v_mps", "leaves"), [(-0.6, True), (0.6, False)])
def test_a_zone_that_touches_a_wheel_may_be_left_along_it(depth_m, v_mps, leaves):
    """The tip of a needle at the wheel's side: creeping along comes no nearer to it, but it touches all the way."""
    tip = (0.1, 0.208 - depth_m)
    needle = KeepOut(name="needle", polygon_m=(tip, (0.5, 5.0), (0.48, 5.0)))
    fences = zones.fences_of(Zones(keep_out=(needle,)))
    place = Pose2(0.0, 0.0, 0.0)
    speed_mps, reason, _ = zones.allowed_speed(fences, place, motion(v_mps), 0.0, 0.0, SETTINGS, OUTLINE)
    assert speed_mps == (SETTINGS.creep_mps if leaves else 0.0)
    assert reason is StopReason.KEEP_OUT
