"""How much of a wish leaves the ring, apart from its state: what was seen or not, tracked movers, zones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safety_scene import STEP_NS, Circle, ranges_of, robot, scan_of, situation

from amr.config.robot import RobotConfig
from amr.config.zones import KeepOut, SpeedZone, Zones
from amr.geometry import STANDSTILL, Pose2, Twist2
from amr.messages import Stop, StopCategory, StopReason
from amr.movers import Mover
from amr.safety import envelope, memory, movers, zones
from amr.safety.envelope import EnvelopeSettings
from amr.safety.limits import CommandLimits
from amr.safety.memory import MemoryRules
from amr.safety.outline import Outline
from amr.safety.shrink import Shrinker
from amr.safety.situation import Situation

CONFIG = robot(blind_mps=2.5)
"""What it has not seen does not slow it."""
COMES = Mover(1.6, 0.1, -1.2, 0.0, 0.3, position_sigma_m=0.01, velocity_sigma_mps=0.05, number=12)


def scene(wheels: Twist2, *, at: tuple[float, float, float], movers: tuple[Mover, ...], late_ms: int = 20) -> Situation:
    body = (wheels.v_mps, 0.0, wheels.w_radps)
    return situation(wheels, body, wheels, late_ms=late_ms, at=at, movers=movers, config=CONFIG)


def shrinker(config: RobotConfig = CONFIG) -> Shrinker:
    limits = CommandLimits.from_config(config.limits)
    return Shrinker(config, limits, EnvelopeSettings.from_config(config), MemoryRules.from_config(config, 3.0))


def leaves(wish: Twist2, found: Situation, last: Twist2 = STANDSTILL) -> tuple[Twist2, StopReason]:
    command, _, stop = shrinker().largest_clear(wish, last, found, 0.02)
    return command, stop.reason


def seeing(found: Situation, circles: list[Circle], config: RobotConfig = CONFIG) -> Situation:
    """The same after a scan of these circles from where the robot is."""
    odometer = found.odometer
    at = odometer.trail[-1]
    odometer = replace(odometer, trail=((at[0] - STEP_NS, *at[1:]), at))
    scan = scan_of(config, at[0], ranges_of(config, Pose2(*at[1:]), circles))
    rules = MemoryRules.from_config(config, 3.0)
    geometry = memory.scan_geometry(scan, odometer, rules)
    assert geometry is not None
    outline = Outline.from_body(config.body)
    return replace(found, memory=memory.insert(found.memory, scan, geometry, odometer, rules, outline))


def returning(found: Situation, points_odom: list[tuple[float, float]]) -> Situation:
    """The same with exactly these returns in the newest scan."""
    fresh = np.zeros_like(found.memory.fresh)
    fresh[: len(points_odom)] = points_odom
    seen = replace(found.memory, fresh=fresh, fresh_count=len(points_odom), fresh_stamp_ns=found.now_ns)
    return replace(found, memory=seen)


def test_a_tracked_mover_takes_part_of_the_wish_and_keeps_its_curve() -> None:
    wish = Twist2(1.6, 0.4)
    command, reason = leaves(wish, scene(Twist2(0.8, 0.2), at=(0.0, 0.0, 0.0), movers=(COMES,)))
    assert 0.05 < command.v_mps < 0.95 * wish.v_mps
    assert command.w_radps / command.v_mps == pytest.approx(0.25)
    assert reason is StopReason.OBSTACLE_SLOW


@pytest.mark.parametrize("wheels", [Twist2(0.8, 0.3), Twist2(1.2, -1.0), Twist2(1.0, 1.5)])
@pytest.mark.parametrize("at", [(3.0, -7.0, 0.0), (0.0, 0.0, 1.3), (-2.0, 5.0, -2.4), (40.0, 9.0, 3.0)])
@pytest.mark.parametrize("late_ms", [0, 40])
def test_where_odometry_began_is_no_matter_to_a_mover(
    wheels: Twist2, at: tuple[float, float, float], late_ms: int
) -> None:
    wish = Twist2(1.6, wheels.w_radps)
    here, _ = leaves(wish, scene(wheels, at=(0.0, 0.0, 0.0), movers=(COMES,), late_ms=late_ms))
    there, _ = leaves(wish, scene(wheels, at=at, movers=(COMES,), late_ms=late_ms))
    assert 0.0 < here.v_mps < wish.v_mps
    assert (there.v_mps, there.w_radps) == pytest.approx((here.v_mps, here.w_radps), abs=2e-3)


def test_the_way_until_the_command_acts_brings_the_robot_nearer() -> None:
    wish = Twist2(1.6, 0.0)
    resting, _ = leaves(wish, scene(Twist2(0.0, 0.0), at=(0.0, 0.0, 0.0), movers=(COMES,)))
    driving, _ = leaves(wish, scene(Twist2(1.0, 0.0), at=(0.0, 0.0, 0.0), movers=(COMES,)))
    assert driving.v_mps < resting.v_mps - 0.02


def test_a_turn_until_the_command_acts_turns_the_robot_away() -> None:
    beside = replace(COMES, y_m=-0.5)
    wish = Twist2(1.6, 0.0)
    towards, _ = leaves(wish, scene(Twist2(0.6, -2.0), at=(0.0, 0.0, 0.0), movers=(beside,)))
    away, _ = leaves(wish, scene(Twist2(0.6, 2.0), at=(0.0, 0.0, 0.0), movers=(beside,)))
    assert towards.v_mps < away.v_mps - 0.05


def test_nothing_seen_and_nobody_near_leaves_the_wish_as_it_is() -> None:
    wish = Twist2(1.6, 0.4)
    assert leaves(wish, scene(wish, at=(0.0, 0.0, 0.0), movers=())) == (wish, StopReason.NONE)
    far = replace(COMES, x_m=-6.0)
    assert leaves(wish, scene(wish, at=(0.0, 0.0, 0.0), movers=(far,))) == (wish, StopReason.NONE)


# ------------------------------------------------------------ what was not seen, and what is wrong to say of it


def test_what_was_not_seen_allows_the_blind_speed_and_says_so() -> None:
    config = robot(blind_mps=0.17)
    found = situation(STANDSTILL, (0.0, 0.0, 0.0), STANDSTILL, config=config)
    command, category, stop = shrinker(config).largest_clear(Twist2(0.7, 0.0), STANDSTILL, found, 0.02)
    assert command == Twist2(pytest.approx(0.17), 0.0)
    assert category is None
    assert stop == Stop(
        StopReason.UNSEEN_SLOW, "the stop would end in space not seen within 15.0 s; allowed are 0.17 m/s"
    )


# ------------------------------------------------------------ between what braking reaches and what is wished

FAST = Twist2(1.2, 0.0)
"""The robot drives so."""
WISH = Twist2(1.7, 0.0)
SLOWEST_MPS = 1.2 - 0.02 * 3.5
"""What one step of braking reaches."""


def fast(config: RobotConfig, seen: tuple[Mover, ...] = ()) -> Situation:
    return situation(FAST, (FAST.v_mps, 0.0, 0.0), FAST, config=config, movers=seen)


def parts_of(config: RobotConfig, found: Situation) -> tuple[envelope.Motion, float, EnvelopeSettings, Outline]:
    outline = Outline.from_body(config.body)
    motion = envelope.motion_of(WISH, found.limits, outline.circumradius_m)
    assert motion is not None
    floor_mps = envelope.outline_speed_mps(found.acting.twist, outline.circumradius_m)
    return motion, floor_mps, EnvelopeSettings.from_config(config), outline


def test_a_zone_leaves_the_speed_that_was_found_between_the_slowest_and_the_wish() -> None:
    gate = ((0.7, -1.0), (2.5, -1.0), (2.5, 1.0), (0.7, 1.0))
    config = CONFIG.model_copy(update={"zones": Zones(keep_out=(KeepOut(name="gate", polygon_m=gate),))})
    found = replace(fast(config), map_from_base=Pose2(0.0, 0.0, 0.0))
    motion, floor_mps, settings, outline = parts_of(config, found)
    place = Pose2(*found.now.pose).inverse() @ Pose2(*found.acting.pose)
    expected_mps, _, _ = zones.allowed_speed(
        zones.fences_of(config.zones), place, motion, SLOWEST_MPS, floor_mps, settings, outline
    )
    assert SLOWEST_MPS + 0.05 < expected_mps < WISH.v_mps - 0.05
    command, _, stop = shrinker(config).largest_clear(WISH, FAST, found, 0.02)
    assert command.v_mps == pytest.approx(expected_mps, rel=1e-9)
    assert stop == Stop(StopReason.KEEP_OUT, "keep-out zone gate")


def test_a_mover_leaves_the_speed_that_was_found_between_the_slowest_and_the_wish() -> None:
    found = fast(CONFIG, (replace(COMES, x_m=1.7),))
    motion, floor_mps, settings, outline = parts_of(CONFIG, found)
    ahead = Pose2(*found.now.pose).inverse() @ Pose2(*found.acting.pose)
    rows = movers.rows_of(found.movers, (ahead.x_m, ahead.y_m, ahead.yaw_rad), settings.actuation_s)
    expected_mps, cause = movers.clear_speed(motion, SLOWEST_MPS, floor_mps, rows, settings, outline)
    assert SLOWEST_MPS + 0.05 < expected_mps < WISH.v_mps - 0.05
    command, _, stop = shrinker().largest_clear(WISH, FAST, found, 0.02)
    assert command.v_mps == pytest.approx(expected_mps, rel=1e-9)
    assert stop == Stop(StopReason.OBSTACLE_SLOW, cause)


def test_an_obstacle_leaves_the_speed_that_was_found_between_the_slowest_and_the_wish() -> None:
    found = seeing(fast(CONFIG), [(0.75, 0.0, 0.05)])
    motion, floor_mps, settings, outline = parts_of(CONFIG, found)
    points, _, count = memory.points_near(found.memory, found.odometer, found.acting.pose, 3.0, found.now_ns)
    expected_mps, _ = envelope.clear_speed(motion, SLOWEST_MPS, floor_mps, points, count, settings, outline)
    assert SLOWEST_MPS + 0.05 < expected_mps < WISH.v_mps - 0.05
    command, _, stop = shrinker().largest_clear(WISH, FAST, found, 0.02)
    assert command.v_mps == pytest.approx(expected_mps, rel=1e-9)
    assert stop.reason is StopReason.OBSTACLE_SLOW


def test_unseen_space_leaves_the_speed_that_was_found_between_the_slowest_and_the_wish() -> None:
    config = robot(blind_mps=0.1)
    found, wall = fast(config), [(0.72, y / 100.0, 0.01) for y in range(-60, 61)]
    for _ in range(8):  # all rows of cells
        found = seeing(found, wall, config)
    motion, floor_mps, settings, outline = parts_of(config, found)
    rules = MemoryRules.from_config(config, 3.0)
    found = replace(found, memory=replace(found.memory, fresh_count=0))  # the wall is gone: what it hid is unseen
    cells, count = memory.unseen_near(found.memory, found.odometer, found.acting.pose, 3.0, found.now_ns, rules)
    expected_mps = envelope.unseen_speed(motion, SLOWEST_MPS, floor_mps, cells, count, settings, outline)
    assert SLOWEST_MPS + 0.05 < expected_mps < WISH.v_mps - 0.05
    command, _, stop = shrinker(config).largest_clear(WISH, FAST, found, 0.02)
    assert command.v_mps == pytest.approx(expected_mps, rel=1e-9)
    assert stop.reason is StopReason.UNSEEN_SLOW


@pytest.mark.parametrize("limited_by", ["zone", "unseen"])
def test_a_limit_that_braking_just_reaches_keeps_the_curve_of_the_wish(limited_by: str) -> None:
    """Times and speeds are sums of powers of two, so the wish's half is exactly what a step of braking leaves."""
    wish, duration_s = Twist2(0.5, 0.25), 1.0 / 64.0
    last = Twist2(0.25 + 3.5 * duration_s, 0.0)
    motion = envelope.motion_of(
        wish, CommandLimits.from_config(CONFIG.limits), Outline.from_body(CONFIG.body).circumradius_m
    )
    assert motion is not None
    half_mps = 0.5 * motion.speed_mps
    config = robot(blind_mps=half_mps if limited_by == "unseen" else 2.5)
    if limited_by == "zone":
        school = SpeedZone(name="school", polygon_m=((8.0, 8.0), (9.0, 8.0), (9.0, 9.0)), speed_max_mps=half_mps)
        config = config.model_copy(update={"zones": Zones(speed=(school,))})
    found = situation(STANDSTILL, (0.0, 0.0, 0.0), STANDSTILL, config=config)
    command, _, stop = shrinker(config).largest_clear(wish, last, found, duration_s)
    assert command == Twist2(0.25, 0.125)
    assert stop.reason is (StopReason.SPEED_ZONE if limited_by == "zone" else StopReason.UNSEEN_SLOW)


# ------------------------------------------------------------ which of several limits is named


def lost_at_a_wall() -> tuple[RobotConfig, Situation]:
    """A robot that does not know its place, with a post at its margin: neither leaves anything."""
    stairs = KeepOut(name="stairs", polygon_m=((8.0, 8.0), (9.0, 8.0), (9.0, 9.0)))
    config = CONFIG.model_copy(update={"zones": Zones(keep_out=(stairs,))})
    rest = situation(STANDSTILL, (0.0, 0.0, 0.0), STANDSTILL, config=config)
    return config, returning(rest, [(0.21 + config.safety.margin_m + 1e-5, 0.0)])


def test_where_obstacle_and_zone_leave_nothing_the_obstacle_is_named() -> None:
    config, found = lost_at_a_wall()
    command, category, stop = shrinker(config).largest_clear(Twist2(0.3, 0.0), STANDSTILL, found, 0.02)
    assert (command, category) == (STANDSTILL, None)
    assert stop == Stop(StopReason.OBSTACLE, "beam 0 sees an obstacle at (0.23, 0.00) m from the base")
    _, _, stop = shrinker(config).largest_clear(Twist2(-0.3, 0.0), STANDSTILL, found, 0.02)
    assert stop == Stop(StopReason.KEEP_OUT, "zones are set, but the place on the map is not known")


def test_where_a_zone_leaves_less_than_braking_reaches_it_is_named_before_unseen_space() -> None:
    """Before the fence no speed that is within reach will do, so it leaves none; what was not seen leaves a little."""
    gate = ((0.45, -1.0), (2.5, -1.0), (2.5, 1.0), (0.45, 1.0))
    config = robot().model_copy(update={"zones": Zones(keep_out=(KeepOut(name="gate", polygon_m=gate),))})
    found = replace(fast(config), map_from_base=Pose2(0.0, 0.0, 0.0))
    command, _, stop = shrinker(config).largest_clear(Twist2(1.2, 0.0), FAST, found, 0.02)
    assert command.v_mps == pytest.approx(SLOWEST_MPS)
    assert stop == Stop(StopReason.KEEP_OUT, "keep-out zone gate")


# ------------------------------------------------------------ near rest: one part of a wish


@pytest.mark.parametrize("wish", [Twist2(0.3, -0.3), Twist2(1.0, -0.5), Twist2(1.0, -1.0)])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_close_to_a_post_at_its_corner_it_turns_in_place_away_from_it(wish: Twist2, side: float) -> None:
    wish = Twist2(wish.v_mps, side * wish.w_radps)
    rest = situation(STANDSTILL, (0.0, 0.0, 0.0), STANDSTILL, config=CONFIG)
    found = seeing(rest, [(0.229 + 0.008 + 0.02, -0.19 * side, 0.02)])
    refused = Stop(StopReason.OBSTACLE, "a post")
    whole, _, stop = shrinker().largest_clear(wish, STANDSTILL, found, 0.02)
    assert (whole, stop.reason) == (STANDSTILL, StopReason.OBSTACLE)
    command, stop = shrinker().in_parts(wish, STANDSTILL, found, 0.02, refused)
    assert command.v_mps == 0.0
    assert command.w_radps * wish.w_radps > 0.0
    assert stop == Stop(StopReason.OBSTACLE_SLOW, "a post; turning in place only")
    for part in (Twist2(wish.v_mps, 0.0), Twist2(-0.0, -wish.w_radps)):
        assert shrinker().in_parts(part, STANDSTILL, found, 0.02, refused) == (STANDSTILL, refused)
    moving = replace(found, now=replace(found.now, twist=Twist2(0.0, 1.0)))
    assert shrinker().in_parts(wish, STANDSTILL, moving, 0.02, refused) == (STANDSTILL, refused)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_brake_begins_at_the_speed_that_the_body_has(side: float) -> None:
    """A ramp down from a command that the wheels never reached would speed them up."""
    body = Twist2(0.8, 0.5 * side)
    found = seeing(
        situation(body, (0.8, 0.0, body.w_radps), body, config=CONFIG), [(0.4, y / 50.0, 0.02) for y in range(-9, 10)]
    )
    told = Twist2(1.6, 1.0 * side)
    command, category, stop = shrinker().largest_clear(told, told, found, 0.02)
    assert (category, stop.reason) == (StopCategory.BRAKE, StopReason.OBSTACLE)
    assert command.v_mps == pytest.approx(0.8 - 0.02 * CONFIG.limits.brake_mps2, abs=1e-6)
    assert command.w_radps == pytest.approx(command.v_mps * told.w_radps / told.v_mps)


# ------------------------------------------------------------ when even braking at once would touch


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_what_lies_straight_ahead_of_a_turn_is_braked_for_hardest(side: float) -> None:
    """A turning robot would pass the post; wheels that brake as hard as the floor allows do not turn it."""
    turning = Twist2(1.5, 1.6 * side)
    found = situation(turning, (1.5, -0.2 * side, turning.w_radps), turning, config=CONFIG)
    place = Pose2(*found.coasting.pose)
    beside_m = -(0.208 + 0.012) * side
    post = (*place.apply(0.35, beside_m), 0.02)
    passed = seeing(found, [(*place.apply(0.35, beside_m - 0.03 * side), 0.02)])
    assert shrinker().largest_clear(turning, turning, passed, 0.02)[1] is None
    _, category, stop = shrinker().largest_clear(turning, turning, seeing(found, [post]), 0.02)
    assert (category, stop.reason) == (StopCategory.BRAKE, StopReason.OBSTACLE)


def test_a_robot_at_rest_whose_body_slides_past_is_no_emergency() -> None:
    """Its wheels stand, a post is right behind it, and another would be met if the body slid straight on."""
    sliding = situation(STANDSTILL, (1.5, -0.2, 0.6), STANDSTILL, late_ms=80, config=CONFIG)
    body, leading_m = Pose2(*sliding.coasting.pose), sliding.leading.ahead_m
    way_m = sliding.coasting.twist.v_mps**2 / (2.0 * CONFIG.limits.brake_mps2)
    beside = body.apply(0.229 - leading_m + way_m - 0.02, -0.207)
    behind = Pose2(*sliding.acting.pose).apply(-0.21 - CONFIG.safety.margin_m - 1e-5, 0.0)
    both = returning(sliding, [behind, beside])
    command, category, stop = shrinker().largest_clear(Twist2(-0.3, 0.0), STANDSTILL, both, 0.02)
    assert (command, category, stop.reason) == (STANDSTILL, None, StopReason.OBSTACLE)
    refused = returning(sliding, [(behind[0] + 1e-3, behind[1]), beside])
    assert shrinker().largest_clear(Twist2(-0.3, 0.0), STANDSTILL, refused, 0.02)[1] is StopCategory.BRAKE


def test_a_single_return_is_named() -> None:
    found = seeing(situation(STANDSTILL, (0.0, 0.0, 0.0), STANDSTILL, config=CONFIG), [(0.4, 0.0013, 0.001)])
    assert found.memory.fresh_count == 1
    _, _, stop = shrinker().largest_clear(Twist2(1.0, 0.0), STANDSTILL, found, 0.02)
    beam = int(found.memory.fresh_beams[0])
    assert stop == Stop(StopReason.OBSTACLE_SLOW, f"beam {beam} sees an obstacle at (0.40, 0.00) m from the base")


def test_inside_its_margin_it_creeps_along_a_wall_at_the_creeping_speed() -> None:
    rest = situation(STANDSTILL, (0.0, 0.0, 0.0), STANDSTILL, config=CONFIG)
    found = seeing(rest, [(x / 100.0, 0.208 + 0.014 + 0.02, 0.02) for x in range(-40, 80, 2)])
    command, _, stop = shrinker().largest_clear(Twist2(0.5, 0.0), STANDSTILL, found, 0.02)
    assert command == Twist2(pytest.approx(CONFIG.safety.creep_mps), 0.0)
    assert stop.reason is StopReason.OBSTACLE_SLOW


# ------------------------------------------------------------ the body slides on its own curve


def test_of_two_stops_the_shorter_counts_also_where_both_are_limited() -> None:
    """A post far ahead limits the wish, one beside the way that the body still turns towards limits it more."""
    turning = situation(FAST, (FAST.v_mps, 0.0, 1.5), FAST, config=CONFIG)
    ahead, beside = (0.8, 0.0, 0.05), (0.6, 0.34, 0.05)
    straight, _ = leaves(WISH, seeing(turning, [ahead]), FAST)
    both, _ = leaves(WISH, seeing(turning, [ahead, beside]), FAST)
    assert straight.v_mps < WISH.v_mps
    assert both.v_mps < straight.v_mps - 0.05


def test_a_body_that_slides_is_asked_for_the_part_that_is_wished_of_its_speed() -> None:
    """It slides on at 1.2 m/s, 0.6 are wished: that stop is clear, holding 1.2 m/s for a cycle would not be."""
    slow = Twist2(0.6, 0.0)
    sliding = situation(slow, (1.2, 0.0, 0.0), slow, config=CONFIG)
    assert leaves(slow, seeing(sliding, [(0.525, 0.0, 0.05)]), slow) == (slow, StopReason.NONE)
    command, reason = leaves(Twist2(1.2, 0.0), seeing(sliding, [(0.525, 0.0, 0.05)]), slow)
    assert command.v_mps < 1.1
    assert reason is StopReason.OBSTACLE_SLOW


def test_wheels_that_stand_at_the_margin_do_not_hide_a_body_that_slides_into_it() -> None:
    sliding = situation(STANDSTILL, (0.5, 0.0, 0.0), STANDSTILL, config=CONFIG)
    outline = Outline.from_body(CONFIG.body)
    x_m = 0.229 + 0.02 + CONFIG.safety.margin_m
    for _ in range(3):
        found = seeing(sliding, [(x_m, 0.0, 0.02)])
        x_m += CONFIG.safety.margin_m + 4e-6 - memory.nearest_m(found.memory, found.acting.pose, outline)
    assert shrinker().largest_clear(Twist2(0.3, 0.0), STANDSTILL, found, 0.02)[1] is StopCategory.BRAKE
    rest = seeing(situation(STANDSTILL, (0.0, 0.0, 0.0), STANDSTILL, config=CONFIG), [(x_m, 0.0, 0.02)])
    command, category, stop = shrinker().largest_clear(Twist2(0.3, 0.0), STANDSTILL, rest, 0.02)
    assert (command, category, stop.reason) == (STANDSTILL, None, StopReason.OBSTACLE)
