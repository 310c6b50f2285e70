"""From where on a wheel and its command disagree, to the micrometre per second and to the tick."""

from __future__ import annotations

from pathlib import Path

import pytest
from guard_bench import CONSTANTS, STILL, TICK_US, GuardAlone, Seen

from firmware_bridge.wire import FaultBit, StopCause

PUSH = CONSTANTS["GUARD_PUSHING_DUTY_Q15"]
NEVER_US = 3_000_000_000
"""As the time until a fault: then only the distance that is missing can tell."""
PATIENCE_TICKS = 60
"""300 ms in ticks: the time until a fault in the limits of the bench."""


@pytest.fixture
def driving(shared_object: Path | None) -> GuardAlone:
    return GuardAlone(shared_object).driving()


def ticks_until_fault(guard: GuardAlone, left: Seen, right: Seen = STILL, at_most: int = 4 * PATIENCE_TICKS) -> int:
    """At which tick the guard left off driving; 0 = it did not. The host goes on commanding all the while."""
    guard.left, guard.right = left, right
    for tick in range(1, at_most + 1):
        guard.command(400_000, 400_000)
        guard.tick()
        if guard.phase in ("to_fault", "fault"):
            return tick
    return 0


# ---------------------------------------------------------------- not turning


def test_a_pushed_wheel_below_a_tenth_of_its_setpoint_does_not_turn(driving: GuardAlone) -> None:
    assert ticks_until_fault(driving, Seen(400_000, 39_999, PUSH)) > 0
    assert driving.cause is StopCause.LEFT_NOT_TURNING
    assert driving.state.faults == FaultBit.LEFT_NOT_TURNING


def test_a_tenth_of_the_setpoint_is_turning(driving: GuardAlone) -> None:
    assert ticks_until_fault(driving, Seen(400_000, 40_000, PUSH)) == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_wheel_must_turn_from_the_pushing_duty_on(driving: GuardAlone, sign: int) -> None:
    assert ticks_until_fault(driving, Seen(sign * 400_000, 0, sign * (PUSH - 1))) == 0
    assert ticks_until_fault(driving, Seen(sign * 400_000, 0, sign * PUSH)) > 0
    assert driving.cause is StopCause.LEFT_NOT_TURNING


def test_a_slow_wheel_that_does_not_turn_is_named_when_its_time_is_over(driving: GuardAlone) -> None:
    # 100 mm/s for 300 ms are 30 mm, less than the distance that is named at once
    assert ticks_until_fault(driving, STILL, Seen(100_000, 0, PUSH)) == PATIENCE_TICKS
    assert driving.cause is StopCause.RIGHT_NOT_TURNING


def test_a_moment_of_turning_begins_the_time_anew(driving: GuardAlone) -> None:
    stuck, turning = Seen(100_000, 0, PUSH), Seen(100_000, 100_000, PUSH)
    for _ in range(3):
        assert ticks_until_fault(driving, stuck, at_most=PATIENCE_TICKS - 1) == 0
        assert ticks_until_fault(driving, turning, at_most=1) == 0
    assert ticks_until_fault(driving, stuck) == PATIENCE_TICKS


@pytest.mark.parametrize(
    ("setpoint_mm_s", "ticks"),
    [(1000, 10), (999, 11), (2000, 5)],  # 5 ms each until 50 mm are missing
)
def test_a_wheel_that_misses_50_mm_is_named_at_once(driving: GuardAlone, setpoint_mm_s: int, ticks: int) -> None:
    driving.limits.encoder_fault_us = NEVER_US
    assert ticks_until_fault(driving, Seen(setpoint_mm_s * 1000, 0, PUSH)) == ticks
    assert driving.cause is StopCause.LEFT_NOT_TURNING


def test_a_tick_that_comes_late_is_no_more_evidence_than_20_ms(driving: GuardAlone) -> None:
    driving.limits.encoder_fault_us = 20_001
    driving.left = Seen(100_000, 0, PUSH)
    driving.command(400_000, 400_000, life_us=100_000)
    driving.tick(60_000)
    assert driving.phase == "driving"
    driving.tick(1)
    assert driving.cause is StopCause.LEFT_NOT_TURNING


# ---------------------------------------------------------------- wrong way


@pytest.mark.parametrize("sign", [1, -1])
def test_a_slow_wheel_on_the_wrong_way_is_named_when_its_time_is_over(driving: GuardAlone, sign: int) -> None:
    # apart at 50 + 50 mm/s
    assert ticks_until_fault(driving, Seen(sign * 50_000, -sign * 50_000, sign * PUSH)) == PATIENCE_TICKS
    assert driving.cause is StopCause.LEFT_WRONG_WAY


@pytest.mark.parametrize(("measured_um_s", "ticks"), [(-600_000, 10), (-599_999, 11), (-1_600_000, 5)])
def test_on_the_wrong_way_both_speeds_count_for_the_50_mm(driving: GuardAlone, measured_um_s: int, ticks: int) -> None:
    driving.limits.encoder_fault_us = NEVER_US
    assert ticks_until_fault(driving, Seen(400_000, measured_um_s, PUSH)) == ticks
    assert driving.cause is StopCause.LEFT_WRONG_WAY


@pytest.mark.parametrize("measured_um_s", [1, 100_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_even_at_the_smallest_setpoint_a_wheel_may_not_run_backwards_under_power(
    driving: GuardAlone, sign: int, measured_um_s: int
) -> None:
    assert ticks_until_fault(driving, Seen(sign, -sign * measured_um_s, sign * PUSH)) == PATIENCE_TICKS
    assert driving.cause is StopCause.LEFT_WRONG_WAY


@pytest.mark.parametrize("setpoint_um_s", [5, -5])
def test_a_wheel_that_stands_runs_no_wrong_way(driving: GuardAlone, setpoint_um_s: int) -> None:
    push = PUSH if setpoint_um_s > 0 else -PUSH
    assert ticks_until_fault(driving, Seen(setpoint_um_s, 0, push)) == 0


def test_a_wheel_that_first_stood_and_then_ran_backwards_is_named_by_what_it_does_now(driving: GuardAlone) -> None:
    assert ticks_until_fault(driving, Seen(100_000, 0, PUSH), at_most=PATIENCE_TICKS - 1) == 0
    # 29.5 mm are missing; apart at 200 mm/s, 20.5 mm more take 21 ticks
    assert ticks_until_fault(driving, Seen(100_000, -100_000, PUSH)) == 21
    assert driving.state.faults == FaultBit.LEFT_WRONG_WAY


# ---------------------------------------------------------------- turning uncommanded


@pytest.mark.parametrize(
    ("setpoint_um_s", "fastest_um_s"),
    [
        (0, 50_000),  # creep
        (0, -50_000),
        (1, 150_002 - 1),  # 150 mm/s of lag beside any moving set-point
        (400_000, 400_000 + 250_000),  # and a quarter of the set-point
        (-400_000, -650_000),
        (400_000, -250_000),  # the other way nothing of the set-point is excused
        (-400_000, 250_000),
    ],
)
def test_an_unpowered_wheel_may_be_so_fast_and_no_faster(
    driving: GuardAlone, setpoint_um_s: int, fastest_um_s: int
) -> None:
    assert ticks_until_fault(driving, Seen(setpoint_um_s, fastest_um_s)) == 0
    faster_um_s = fastest_um_s + (1 if fastest_um_s > 0 else -1)
    assert ticks_until_fault(driving, Seen(setpoint_um_s, faster_um_s)) == PATIENCE_TICKS
    assert driving.cause is StopCause.LEFT_UNCOMMANDED


@pytest.mark.parametrize("measured_um_s", [-60_000, 60_000])
def test_a_wheel_dragged_from_rest_against_its_motor_is_uncommanded(driving: GuardAlone, measured_um_s: int) -> None:
    against = PUSH if measured_um_s < 0 else -PUSH
    assert ticks_until_fault(driving, Seen(0, measured_um_s, against)) == PATIENCE_TICKS
    assert driving.cause is StopCause.LEFT_UNCOMMANDED


def test_a_time_that_ends_between_two_ticks_ends_with_the_later_one(driving: GuardAlone) -> None:
    driving.limits.encoder_fault_us = 10 * TICK_US + 1
    assert ticks_until_fault(driving, Seen(0, 60_000)) == 11
