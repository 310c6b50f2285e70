"""When a scan counts: each rule that refuses one, staleness to the millisecond, and a frozen or late lidar."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from safety_scene import MS, STEP_NS, Driver, ranges_of, robot, scan_of, wall

from amr.geometry import Pose2, Twist2
from amr.messages import StopCategory, StopReason
from amr.safety.scan_check import ScanRules, ScanWatch, blind, frozen, oldest_light_ns, refuse, repeats, watch

CONFIG = robot()
RULES = ScanRules.from_config(CONFIG)
GOOD = scan_of(CONFIG, 0, ranges_of(CONFIG, Pose2(0.0, 0.0, 0.0), wall(1.0)))
SLOW = Twist2(0.2, 0.0)


def with_ranges(**beams: float) -> Any:
    ranges = GOOD.ranges_m.copy()
    for name, value in beams.items():
        ranges[int(name[1:])] = value
    return replace(GOOD, ranges_m=ranges)


def test_a_good_scan_is_not_refused() -> None:
    assert refuse(GOOD, RULES, 0) == ""
    assert refuse(replace(GOOD, range_min_m=0.0), RULES, 0) == ""
    assert refuse(with_ranges(b7=0.0), RULES, 0) == "", "nothing is nearer than at the lidar, but it is there"


@pytest.mark.parametrize(
    "changes",
    [
        {"time_increment_s": 1.0 / 720.0},
        {"range_min_m": 0.0},
        {"range_min_m": GOOD.range_min_m + 1e-3},
        {"range_max_m": GOOD.range_max_m + 1e-3},
        {"angle_min_rad": 1e-3},
        {"angle_increment_rad": 1e-3 / 720.0},
    ],
)
def test_a_scan_exactly_at_a_limit_is_taken(changes: dict[str, float]) -> None:
    """A scan that takes a whole second, one of a lidar that sees from its own lens on, one a millimetre off ..."""
    rules = RULES
    for name in ("angle_min_rad", "angle_increment_rad"):
        if name in changes:  # from zero, for a difference is exact only there
            rules = replace(rules, **{name: 0.0})
    assert refuse(replace(GOOD, **changes), rules, 0) == ""


def test_a_lidar_whose_ranges_all_lie_at_one_place_is_refused() -> None:
    assert "range_max_m" in refuse(replace(GOOD, range_min_m=0.05, range_max_m=0.05), RULES, 0)


@pytest.mark.parametrize(
    ("scan", "words"),
    [
        (replace(GOOD, ranges_m=GOOD.ranges_m[:-1]), "719"),
        (replace(GOOD, ranges_m=GOOD.ranges_m.reshape(2, 360)), "720 beams"),
        (replace(GOOD, ranges_m=GOOD.ranges_m.astype(np.float64)), "float64"),
        (replace(GOOD, angle_min_rad=-2.35), "angle_min_rad"),
        (replace(GOOD, angle_min_rad=float("nan")), "angle_min_rad"),
        (replace(GOOD, angle_increment_rad=0.00656), "angle_increment_rad"),
        (replace(GOOD, angle_increment_rad=float("inf")), "angle_increment_rad"),
        (replace(GOOD, range_min_m=-0.1), "range_min_m"),
        (replace(GOOD, range_min_m=0.2), "range_min_m"),
        (replace(GOOD, range_min_m=float("nan")), "range_min_m"),
        (replace(GOOD, range_max_m=31.0), "range_max_m"),
        (replace(GOOD, range_max_m=0.05), "range_max_m"),
        (replace(GOOD, range_max_m=GOOD.range_min_m), "range_max_m"),
        (replace(GOOD, range_max_m=float("nan")), "range_max_m"),
        (replace(GOOD, time_increment_s=-0.01), "time_increment_s"),
        (replace(GOOD, time_increment_s=0.0015), "time_increment_s 0.001500 makes no scan within 1 s"),
        (replace(GOOD, time_increment_s=float("nan")), "time_increment_s"),
        (replace(GOOD, stamp_ns=1006 * MS), "lies 6 ms in the future"),
        (with_ranges(b355=-0.5), "beam 355"),
        (with_ranges(b12=-np.inf), "beam 12"),
        (replace(GOOD, ranges_m=np.full(720, np.nan, np.float32)), "720 of 720 beams are invalid, the first is beam 0"),
        (replace(GOOD, ranges_m=np.full(720, 31.0, np.float32)), "beams are invalid"),
    ],
)
def test_a_bad_scan_is_refused_with_its_reason(scan: Any, words: str) -> None:
    assert words in refuse(scan, RULES, 1000 * MS)


def test_the_first_invalid_beam_is_named() -> None:
    ranges = GOOD.ranges_m.copy()
    ranges[1], ranges[2], ranges[3] = np.inf, GOOD.range_max_m, GOOD.range_max_m + 1.0
    ranges[4:300] = np.nan
    assert refuse(replace(GOOD, ranges_m=ranges), RULES, 0) == "297 of 720 beams are invalid, the first is beam 3"


@pytest.mark.parametrize(("count", "refused"), [(143, False), (144, False), (145, True)])
def test_invalid_beams_are_allowed_up_to_a_part(count: int, refused: bool) -> None:
    ranges = GOOD.ranges_m.copy()
    ranges[300 : 300 + count] = np.nan
    assert bool(refuse(replace(GOOD, ranges_m=ranges), RULES, 0)) == refused


def with_returns(count: int) -> Any:
    ranges = np.full(720, np.inf, np.float32)
    ranges[:count] = 5.0
    return replace(GOOD, ranges_m=ranges)


@pytest.mark.parametrize(
    ("before", "returns", "refused"),
    [
        (None, 0, True),
        (None, 2, True),
        (None, 3, False),
        (720, 0, True),
        (73, 2, True),
        (73, 3, False),
        (72, 0, False),
        (0, 0, False),
        (720, 539, True),
        (720, 540, False),
        (400, 219, True),
    ],
)
def test_hardly_any_return_is_believed_only_of_a_lidar_that_lost_them_bit_by_bit(
    before: int | None, returns: int, refused: bool
) -> None:
    last = None if before is None else watch(None, with_returns(before), 0.0)
    assert bool(blind(last, with_returns(returns), RULES)) == refused


@pytest.mark.parametrize(
    ("near_before", "near_after", "far_after", "refused"),
    [(60, 29, 0, True), (60, 31, 0, False), (60, 0, 60, False), (24, 0, 0, False), (28, 0, 3, True)],
)
def test_what_is_near_does_not_vanish_into_nothing_at_once(
    near_before: int, near_after: int, far_after: int, refused: bool
) -> None:
    ranges = [np.full(720, np.inf, np.float32) for _ in range(2)]
    ranges[0][:near_before] = 1.0
    ranges[1][:near_after] = 1.0
    ranges[1][near_after : near_after + far_after] = 9.0
    before, after = (replace(with_returns(0), ranges_m=own) for own in ranges)
    assert bool(blind(watch(None, before, 0.0), after, RULES)) == refused


def test_what_is_lost_far_away_is_no_loss_of_what_is_near() -> None:
    ranges = np.full(720, np.inf, np.float32)
    ranges[:40], ranges[100:180] = 1.0, 20.0
    last = watch(None, replace(GOOD, ranges_m=ranges), 0.0)
    ranges = ranges.copy()
    ranges[100:180] = np.inf
    assert blind(last, replace(GOOD, ranges_m=ranges), replace(RULES, returns_min=5)) == ""
    ranges[:40] = np.inf
    assert "40 of 40 returns from within 3 m are gone" in blind(
        last, replace(GOOD, ranges_m=ranges), replace(RULES, returns_min=1)
    )


def test_open_fields_can_be_allowed_from_the_start() -> None:
    rules = ScanRules.from_config(robot(scan_returns_min=0))
    assert blind(None, with_returns(0), rules) == ""
    assert blind(watch(None, GOOD, 0.0), with_returns(0), rules) == ""


def test_a_return_from_as_far_as_the_lidar_sees_is_one() -> None:
    far = replace(GOOD, ranges_m=np.full(720, GOOD.range_max_m, np.float32))
    assert watch(None, far, 0.0).returns == 720


def test_an_empty_view_is_not_frozen() -> None:
    seen = watch(None, with_returns(0), 0.0)
    for _ in range(20):
        seen = watch(seen, with_returns(0), 0.0)
    assert frozen(seen, RULES, 5.0) == ""


def test_a_stamp_within_the_clock_error_is_not_the_future() -> None:
    assert refuse(replace(GOOD, stamp_ns=5 * MS), RULES, 0) == ""


@pytest.mark.parametrize(("increment_s", "age_ns"), [(0.0, 0), (1e-4, 0), (-1e-4, 71_900_000)])
def test_the_oldest_light_of_a_clockwise_lidar_is_that_of_its_last_beam(increment_s: float, age_ns: int) -> None:
    assert oldest_light_ns(replace(GOOD, stamp_ns=500 * MS, time_increment_s=increment_s)) == 500 * MS - age_ns


def test_equal_bytes_are_counted_and_nan_equals_nan() -> None:
    scan = with_ranges(b5=np.nan)
    seen = watch(None, scan, 1.0)
    for _ in range(3):
        seen = watch(seen, replace(scan, ranges_m=scan.ranges_m.copy()), 2.0)
    assert (seen.repeats, seen.travel_m) == (4, 1.0)
    assert watch(seen, GOOD, 2.0).repeats == 1


@pytest.mark.parametrize(
    ("returns", "seen_before", "noise", "is_repeated"),
    [(1, 1, True, True), (1, 0, True, False), (0, 1, True, False), (600, 3, True, True), (600, 3, False, False)],
)
def test_a_scan_with_the_bytes_of_the_one_before_is_not_new(
    returns: int, seen_before: int, noise: bool, is_repeated: bool
) -> None:
    seen = watch(None, with_returns(returns), 0.0)
    for _ in range(seen_before):
        seen = watch(seen, with_returns(returns), 0.0)
    assert repeats(seen, replace(RULES, has_noise=noise)) is is_repeated


@pytest.mark.parametrize(
    ("count", "moved_m", "noise", "is_frozen"),
    [(4, 1.0, 1.0, False), (5, 0.0, 1.0, True), (5, 0.0, 0.0, False), (5, 0.02, 0.0, False), (5, 0.021, 0.0, True)],
)
def test_a_frozen_lidar_is_told_from_a_quiet_one(count: int, moved_m: float, noise: float, is_frozen: bool) -> None:
    rules = ScanRules.from_config(robot(lidar={"noise_sigma_m": noise * 0.001}))
    seen = watch(None, GOOD, 0.0)
    for _ in range(count - 1):
        seen = watch(seen, GOOD, 0.0)
    assert bool(frozen(seen, rules, moved_m)) == is_frozen


# ------------------------------------------------------------ in the ring


def driving() -> Driver:
    driver = Driver(robot())
    out = driver.run(0.3, SLOW)
    assert out.stop.reason is StopReason.NONE
    return driver


def test_the_ring_stops_until_a_first_scan() -> None:
    driver = Driver(robot())
    out = driver.run(0.2, SLOW, scan=None)
    assert (out.stop.reason, out.stop_category) == (StopReason.SCAN_MISSING, StopCategory.RAMP)
    assert out.min_range_m == np.inf


@pytest.mark.parametrize(("age_ms", "stopped"), [(299, False), (300, False), (301, True), (5000, True)])
def test_a_scan_is_stale_after_its_time(age_ms: int, stopped: bool) -> None:
    driver = driving()
    stamp_ns = driver.now_ns
    now_ns = stamp_ns + age_ms * MS
    out = driver.step(
        SLOW, scan=None, now_ns=now_ns, wish_stamp_ns=now_ns, base=driver.base(stamp_ns=now_ns - MS, left_ticks=400)
    )
    assert (out.stop.reason is StopReason.SCAN_STALE) == stopped
    assert (out.stop_category is StopCategory.RAMP) == stopped


@pytest.mark.parametrize(("age_ms", "stopped"), [(229, False), (231, True)])
def test_a_scan_of_a_clockwise_lidar_is_as_old_as_its_last_beam(age_ms: int, stopped: bool) -> None:
    driver = Driver(robot(lidar={"sweep": True}))
    turn_s = 0.07
    increment_s = -turn_s / (driver.config.lidar.beams - 1)
    for _ in range(15):
        scan = replace(driver.scan(), stamp_ns=driver.now_ns, time_increment_s=increment_s)
        out = driver.step(SLOW, scan=scan)
    assert out.stop.reason is StopReason.NONE
    stamp_ns = scan.stamp_ns
    now_ns = stamp_ns + age_ms * MS
    base = driver.base(stamp_ns=now_ns - MS, left_ticks=400)
    out = driver.step(SLOW, scan=None, now_ns=now_ns, wish_stamp_ns=now_ns, base=base)
    assert (out.stop.reason is StopReason.SCAN_STALE) == stopped


def test_an_invalid_scan_stops_until_a_valid_one() -> None:
    driver = driving()
    bad = replace(driver.scan(), stamp_ns=driver.now_ns + STEP_NS, ranges_m=np.full(720, np.inf, np.float32))
    assert driver.step(SLOW, scan=bad).stop.reason is StopReason.SCAN_INVALID
    assert driver.step(SLOW, scan=None).stop.reason is StopReason.SCAN_INVALID
    assert driver.step(SLOW).stop.reason is not StopReason.SCAN_INVALID


def test_a_frozen_lidar_stops_and_a_thawed_one_does_not() -> None:
    driver = driving()
    ranges = driver.scan().ranges_m
    for count in range(2, 8):  # the first of them was that of the last step
        stamp_ns = driver.now_ns + STEP_NS
        out = driver.step(SLOW, scan=scan_of(driver.config, stamp_ns, ranges.copy()))
        assert (out.stop.reason is StopReason.SCAN_FROZEN) == (count >= 5)
    assert "equal bytes" in out.stop.cause
    assert driver.step(SLOW).stop.reason is not StopReason.SCAN_FROZEN


def test_an_old_or_repeated_stamp_does_not_keep_a_lidar_alive() -> None:
    driver = driving()
    old = driver.scan()
    for _ in range(16):
        out = driver.step(SLOW, scan=replace(old, stamp_ns=old.stamp_ns - STEP_NS))
    assert out.stop.reason is StopReason.SCAN_STALE


def test_one_scan_told_in_many_steps_is_not_a_frozen_lidar() -> None:
    driver = driving()
    driver.step(SLOW)
    told = driver.scan()
    for _ in range(10):
        assert driver.step(SLOW, scan=told).stop.reason is StopReason.NONE


def test_a_scan_that_is_newer_than_telemetry_waits_for_it() -> None:
    driver = Driver(robot())
    driver.run(0.2)
    late: list[Any] = []
    for _ in range(10):
        driver.advance()
        late.append(driver.base(stamp_ns=driver.now_ns))
        # telemetry is 60 ms behind the light
        out = driver.step(SLOW, base=late.pop(0) if len(late) > 1 else None)
    assert out.stop.reason is not StopReason.SCAN_STALE
    assert out.stop.reason is not StopReason.SCAN_MISSING


def test_a_scan_from_before_the_first_telemetry_is_dropped() -> None:
    driver = Driver(robot())
    out = driver.run(0.1, SLOW, scan=scan_of(driver.config, -STEP_NS, ranges_of(driver.config, driver.pose, wall(2.0))))
    assert out.stop.reason is StopReason.SCAN_MISSING


def test_a_scan_of_the_very_moment_of_the_first_telemetry_is_dropped_too() -> None:
    driver = Driver(robot())
    driver.step(arm_wish=False)
    driver.step(arm_wish=True, scan=None)
    assert driver.step(arm_wish=True, scan=None).stop.reason is StopReason.SCAN_MISSING


def test_a_scan_before_any_telemetry_is_dropped() -> None:
    driver = Driver(robot())
    out = driver.run(0.1, SLOW, base=None)
    assert out.stop.reason is StopReason.BASE_STALE


def test_it_drives_out_into_an_open_field() -> None:
    driver = driving()
    left = list(range(720))
    for count in (550, 400, 230, 120, 60, 20, 2, 0, 0, 0, 0, 0, 0, 0):
        ranges = np.full(720, np.inf, np.float32)
        ranges[left[:count]] = 6.0 + 0.001 * count
        out = driver.step(SLOW, scan=scan_of(driver.config, driver.now_ns + STEP_NS, ranges))
        assert out.stop.reason is not StopReason.SCAN_INVALID
    assert out.stop.reason is StopReason.NONE


def test_a_lidar_that_is_blind_from_the_start_or_at_once_stops() -> None:
    empty = np.full(720, np.inf, np.float32)
    driver = Driver(robot())
    for _ in range(10):
        out = driver.step(SLOW, scan=scan_of(driver.config, driver.now_ns + STEP_NS, empty))
    assert out.stop.reason is StopReason.SCAN_INVALID
    assert "dead lidar" in out.stop.cause
    driver = driving()
    out = driver.step(SLOW, scan=scan_of(driver.config, driver.now_ns + STEP_NS, empty))
    assert out.stop.reason is StopReason.SCAN_INVALID
    assert "blinded" in out.stop.cause


def test_a_sector_that_loses_its_returns_at_once_is_never_taken_for_open_space() -> None:
    driver = driving()
    half = np.full(720, 6.0, np.float32)
    half[:360] = np.inf
    for _ in range(20):
        out = driver.step(SLOW, scan=scan_of(driver.config, driver.now_ns + STEP_NS, half))
        assert out.stop.reason is StopReason.SCAN_INVALID
        assert "360 returns" in out.stop.cause
    whole = np.full(720, 6.0, np.float32)
    whole[::9] = 6.01
    out = driver.step(SLOW, scan=scan_of(driver.config, driver.now_ns + STEP_NS, whole))
    assert out.command.v_mps > 0.0


def test_a_repeated_scan_is_not_taken_for_a_new_one() -> None:
    driver = Driver(robot(scan_frozen_count=100), wall(3.0))
    before = driver.run(0.6, Twist2(1.0, 0.0))
    ranges, from_x_m = driver.scan().ranges_m, driver.pose.x_m
    for _ in range(10):
        out = driver.step(Twist2(1.0, 0.0), scan=scan_of(driver.config, driver.now_ns + STEP_NS, ranges))
    driven_m = driver.pose.x_m - from_x_m
    assert driven_m > 0.1
    assert before.min_range_m - out.min_range_m > 0.8 * driven_m
    for _ in range(10):
        out = driver.step(Twist2(1.0, 0.0), scan=scan_of(driver.config, driver.now_ns + STEP_NS, ranges))
    assert out.stop.reason is StopReason.SCAN_STALE


def test_only_the_way_since_the_first_equal_scan_makes_a_quiet_lidar_frozen() -> None:
    rules = replace(ScanRules.from_config(robot()), has_noise=False)
    last = ScanWatch(np.ones(rules.beams, np.float32), rules.frozen_count, 10.0, rules.beams, 0)
    assert frozen(last, rules, 10.01) == ""
    assert "moved 0.030 m" in frozen(last, rules, 10.03)
