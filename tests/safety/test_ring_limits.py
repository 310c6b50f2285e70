"""Speed and rate limits, dense around each."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safety_scene import Driver, robot

from amr.geometry import STANDSTILL, Twist2
from amr.messages import StopReason
from amr.safety.limits import (
    CommandLimits,
    brake,
    limit_rate,
    limit_speed,
    limit_turn,
    no_faster,
    on_floor,
    slowest_fraction,
    stop_time_s,
)

LIMITS = CommandLimits(2.0, 0.6, 4.0, 3.0, 3.5, 12.0, 2.5)
STEP_S = 0.02
near = st.sampled_from([-1.0e-3, -1.0e-9, 0.0, 1.0e-9, 1.0e-3])
speeds = st.floats(-5.0, 5.0)


@pytest.mark.parametrize(
    ("wish", "limited"),
    [
        (Twist2(2.0, 0.0), Twist2(2.0, 0.0)),
        (Twist2(2.0 + 1e-9, 0.0), Twist2(2.0, 0.0)),
        (Twist2(-0.6, 0.0), Twist2(-0.6, 0.0)),
        (Twist2(-0.6 - 1e-9, 0.0), Twist2(-0.6, 0.0)),
        (Twist2(0.0, 4.0), Twist2(0.0, 4.0)),
        (Twist2(0.0, 4.0 + 1e-9), Twist2(0.0, 4.0)),
        (Twist2(0.0, -4.0 - 1e-9), Twist2(0.0, -4.0)),
        (Twist2(1e300, -1e300), Twist2(2.0 * (2.5 / 8.0) ** 0.5, -4.0 * (2.5 / 8.0) ** 0.5)),
    ],
)
def test_speed_limits(wish: Twist2, limited: Twist2) -> None:
    out, cause = limit_speed(wish, LIMITS)
    assert out.v_mps == pytest.approx(limited.v_mps, abs=1e-12)
    assert out.w_radps == pytest.approx(limited.w_radps, abs=1e-12)
    assert bool(cause) == (out != wish)


@pytest.mark.parametrize(("w", "changed"), [(1.25, False), (1.25 + 1e-6, True), (-1.25, False), (-1.26, True)])
def test_lateral_acceleration_scales_both_and_keeps_the_curvature(w: float, changed: bool) -> None:
    out, cause = limit_speed(Twist2(2.0, w), LIMITS)
    assert ("lateral" in cause) == changed
    assert abs(out.v_mps * out.w_radps) <= 2.5 * (1.0 + 1e-12)
    assert out.w_radps / out.v_mps == pytest.approx(w / 2.0)


@pytest.mark.parametrize(
    ("before", "wish", "after"),
    [
        (0.0, 0.06, 0.06),
        (0.0, 0.0601, 0.06),
        (0.0, -0.0601, -0.06),
        (1.0, 2.0, 1.06),
        (1.0, 0.0, 0.93),
        (1.0, 0.9301, 0.9301),
        (-0.5, 0.0, -0.43),
        (-0.5, -0.6, -0.56),
        (0.05, -0.6, -0.01),  # through zero only as far as acceleration allows
        (0.065, -0.6, 0.0),  # braking ends at zero
        (-0.05, 0.6, 0.01),
        (-0.065, 0.6, 0.0),
    ],
)
def test_acceleration_along_the_path(before: float, wish: float, after: float) -> None:
    out, cause = limit_rate(Twist2(before, 0.0), Twist2(wish, 0.0), LIMITS, STEP_S)
    assert out.v_mps == pytest.approx(after, abs=1e-12)
    assert bool(cause) == (out.v_mps != wish)


@pytest.mark.parametrize(("wish", "after"), [(0.24, 0.24), (0.2401, 0.24), (-0.2401, -0.24), (-0.24, -0.24)])
def test_turning_acceleration(wish: float, after: float) -> None:
    out, cause = limit_rate(STANDSTILL, Twist2(0.0, wish), LIMITS, STEP_S)
    assert out.w_radps == pytest.approx(after, abs=1e-12)
    assert ("turning" in cause) == (wish != after)


@settings(deadline=None, max_examples=200)
@given(speeds, speeds, speeds, speeds, near)
def test_rate_limits_hold_and_braking_is_never_slower_than_the_brakes(
    v0: float, w0: float, v1: float, w1: float, offset: float
) -> None:
    before, wish = Twist2(v0, w0), Twist2(v1, v0 + offset if w1 > 4.0 else w1)
    out, _ = limit_rate(before, wish, LIMITS, STEP_S)
    assert abs(out.v_mps - before.v_mps) <= 0.07 + 1e-12
    assert abs(out.w_radps - before.w_radps) <= 0.24 + 1e-12
    grows = abs(out.v_mps) > abs(before.v_mps)
    assert not grows or abs(out.v_mps - before.v_mps) <= 0.06 + 1e-12
    stopped, _ = limit_rate(before, STANDSTILL, LIMITS, STEP_S)
    assert abs(stopped.v_mps) <= max(0.0, abs(before.v_mps) - 0.07) + 1e-12


@settings(deadline=None, max_examples=100)
@given(speeds, speeds)
def test_braking_keeps_the_curvature_and_ends_in_the_stated_time(v: float, w: float) -> None:
    twist = Twist2(v, w)
    time_s = stop_time_s(twist, LIMITS)
    assert brake(twist, LIMITS, time_s) == STANDSTILL
    half = brake(twist, LIMITS, 0.5 * time_s)
    assert half.v_mps == pytest.approx(0.5 * v, abs=1e-12)
    assert half.w_radps == pytest.approx(0.5 * w, abs=1e-12)


@settings(deadline=None, max_examples=200)
@given(speeds, speeds, speeds, speeds)
def test_the_slowest_fraction_can_be_reached_by_braking(v0: float, w0: float, v1: float, w1: float) -> None:
    before = Twist2(v0, w0)
    candidate, _ = limit_rate(before, Twist2(v1, w1), LIMITS, STEP_S)
    fraction = slowest_fraction(before, candidate, LIMITS, STEP_S)
    assert 0.0 <= fraction <= 1.0
    for scale in (fraction, 0.5 * (1.0 + fraction), 1.0):
        wish = Twist2(candidate.v_mps * scale, candidate.w_radps * scale)
        reached, _ = limit_rate(before, wish, LIMITS, STEP_S)
        assert reached.v_mps == pytest.approx(wish.v_mps, abs=1e-9)
        assert reached.w_radps == pytest.approx(wish.w_radps, abs=1e-9)


@pytest.mark.parametrize(
    ("before", "candidate", "fraction"),
    [
        (Twist2(1.0, 0.0), Twist2(0.0, 1.0), 0.0),  # nothing of what is left goes the same way
        (Twist2(1.0, 0.0), Twist2(-1.0, 0.0), 0.0),
        (Twist2(0.05, 0.0), Twist2(1.0, 0.0), 0.0),  # rest is within reach
        (Twist2(1.0, 0.0), Twist2(0.5, 0.0), 1.0),  # even the whole is slower than braking allows
        (Twist2(1.0, 0.0), Twist2(1.24, 0.0), 0.75),
        (Twist2(0.1, -1.0), Twist2(1.0, -1.52), 0.5),
    ],
)
def test_how_little_of_a_wish_braking_reaches(before: Twist2, candidate: Twist2, fraction: float) -> None:
    assert slowest_fraction(before, candidate, LIMITS, STEP_S) == pytest.approx(fraction)


@settings(deadline=None, max_examples=200)
@given(speeds, speeds, speeds, speeds)
def test_a_command_is_no_faster_than_the_body_along_its_own_curve(v0: float, w0: float, v1: float, w1: float) -> None:
    command, body, radius_m = Twist2(v0, w0), Twist2(v1, w1), 0.5
    slower = no_faster(command, body, radius_m)
    assert abs(slower.v_mps) <= abs(v0)
    assert abs(slower.w_radps) <= abs(w0)
    assert slower.v_mps * w0 == pytest.approx(slower.w_radps * v0, abs=1e-9)
    # what it keeps is the body's part along it: the rest is across, or against it
    left = (v1 - slower.v_mps) * v0 + radius_m**2 * (w1 - slower.w_radps) * w0
    if slower == command:
        assert left >= -1e-9
    elif slower == STANDSTILL:
        assert v1 * v0 + radius_m**2 * w1 * w0 <= 1e-9
    else:
        assert left == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("command", "body", "slower"),
    [
        (Twist2(1.6, 0.8), Twist2(1.2, 0.6), Twist2(1.2, 0.6)),
        (Twist2(1.6, 0.8), Twist2(1.7, 0.9), Twist2(1.6, 0.8)),
        (Twist2(-0.4, 0.0), Twist2(-0.1, 3.0), Twist2(-0.1, 0.0)),
        (Twist2(0.0, 2.0), Twist2(0.9, 1.5), Twist2(0.0, 1.5)),
        (Twist2(1.0, 0.0), Twist2(-0.3, 0.0), STANDSTILL),
        (STANDSTILL, Twist2(1.0, 1.0), STANDSTILL),
    ],
)
def test_the_part_of_a_command_that_the_body_goes(command: Twist2, body: Twist2, slower: Twist2) -> None:
    kept = no_faster(command, body, 0.5)
    assert (kept.v_mps, kept.w_radps) == pytest.approx((slower.v_mps, slower.w_radps))


@pytest.mark.parametrize(
    ("twist", "time_s"),
    [(Twist2(-1.4, 0.0), 0.4), (Twist2(0.0, -6.0), 0.5), (Twist2(1.4, 6.0), 0.5), (STANDSTILL, 0.0)],
)
def test_the_slower_of_both_brakes_tells_the_time_to_rest(twist: Twist2, time_s: float) -> None:
    assert stop_time_s(twist, LIMITS) == pytest.approx(time_s)


def test_a_brake_below_the_acceleration_counts_as_the_acceleration() -> None:
    config = robot()
    limits = CommandLimits.from_config(config.limits.model_copy(update={"brake_mps2": 1.0}))
    assert limits.brake_mps2 == limits.a_max_mps2 == 3.0


def test_the_ring_accelerates_at_the_limit_and_says_so() -> None:
    driver = Driver(robot())
    driver.run(0.3)
    speeds_mps = [0.0]
    for _ in range(10):
        out = driver.step(Twist2(2.0, 0.0))
        assert out.stop.reason is StopReason.LIMIT
        assert "acceleration" in out.stop.cause
        speeds_mps.append(out.command.v_mps)
    steps = [b - a for a, b in pairwise(speeds_mps)]
    assert steps == pytest.approx([0.06] * 10)


@pytest.mark.parametrize(("wish", "word"), [(Twist2(3.0, 0.0), "v 3.000"), (Twist2(0.0, 9.0), "w 9.000")])
def test_the_ring_names_the_wish_beyond_the_limits(wish: Twist2, word: str) -> None:
    driver = Driver(robot(blind_mps=5.0))
    driver.run(0.1)
    out = driver.run(2.0, wish)
    assert out.stop.reason is StopReason.LIMIT
    assert word in out.stop.cause


def test_a_pause_between_steps_is_no_licence_to_jump() -> None:
    driver = Driver(robot())
    driver.run(0.1)
    out = driver.step(Twist2(2.0, 0.0), now_ns=driver.now_ns + 60_000_000_000, base=None)
    assert out.command == STANDSTILL
    driver = Driver(robot(base_timeout_s=100.0, scan_timeout_s=100.0, dead_man_s=100.0, blind_mps=5.0))
    driver.run(0.1)
    out = driver.step(Twist2(2.0, 0.0), now_ns=driver.now_ns + 60_000_000_000)
    assert out.command.v_mps == pytest.approx(0.3), "five cycles of acceleration"


def test_time_that_stands_still_allows_no_acceleration() -> None:
    driver = Driver(robot())
    driver.run(0.1)
    assert driver.step(Twist2(1.0, 0.0), now_ns=driver.now_ns - 10_000_000).command.v_mps <= 0.03


@pytest.mark.parametrize(
    ("grip", "part"), [(1.0, 1.0), (7.0, 1.0), (math.inf, 1.0), (0.6, 0.6), (0.0, 0.1), (-3.0, 0.1), (math.nan, 0.1)]
)
def test_a_slippery_floor_only_ever_tightens_the_limits(grip: float, part: float) -> None:
    floor = on_floor(LIMITS, grip)
    assert floor.brake_mps2 == pytest.approx(part * LIMITS.brake_mps2)
    assert floor.a_max_mps2 == pytest.approx(part * LIMITS.a_max_mps2)
    assert floor.a_lateral_max_mps2 == pytest.approx(part * LIMITS.a_lateral_max_mps2)
    for speed in ("v_max_mps", "v_reverse_max_mps"):
        stop_m = getattr(floor, speed) ** 2 / floor.brake_mps2
        assert stop_m == pytest.approx(getattr(LIMITS, speed) ** 2 / LIMITS.brake_mps2)
    assert (floor.w_max_radps, floor.alpha_max_radps2) == (LIMITS.w_max_radps, LIMITS.alpha_max_radps2)


@pytest.mark.parametrize(
    ("wish", "body_mps", "w_after"),
    [
        (Twist2(0.5, 3.0), 0.5, 3.0),
        (Twist2(0.5, 3.0), 0.4, 3.0),
        (Twist2(0.5, 3.0), 1.0, 2.5),
        (Twist2(0.5, -3.0), 1.0, -2.5),
        (Twist2(-0.5, 3.0), -2.0, 1.25),
        (Twist2(0.0, 4.0), 1.25, 2.0),
        (Twist2(0.0, 4.0), 0.1, 4.0),
        (Twist2(1.0, 3.0), 1.0, 3.0),  # no faster than told: that is the wish's own affair
    ],
)
def test_a_body_that_is_faster_than_told_turns_as_its_own_speed_allows(
    wish: Twist2, body_mps: float, w_after: float
) -> None:
    limits = replace(LIMITS, a_lateral_max_mps2=2.5)
    turned, cause = limit_turn(wish, body_mps, limits, "")
    assert turned == Twist2(wish.v_mps, pytest.approx(w_after))
    assert ("of the body" in cause) == (w_after != wish.w_radps)
    assert limit_turn(wish, body_mps, limits, "before")[1] == "before"
