"""When a stop is over, when it gets stronger, and how long the battery may be low: exact limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from guard_bench import CONSTANTS, GuardAlone, Seen

from amr.messages import McuState, StopCategory
from firmware_bridge.wire import FaultBit, Refusal, StopCause

REST_UM_S = CONSTANTS["GUARD_REST_SPEED_UM_PER_S"]
REST_US = CONSTANTS["GUARD_REST_US"]
LIMIT_US = CONSTANTS["GUARD_REST_LIMIT_US"]
GRACE_US = CONSTANTS["GUARD_RAMP_GRACE_US"]
HOLD_US = CONSTANTS["GUARD_BATTERY_HOLD_US"]
CREEP = Seen(measured_um_s=REST_UM_S)
"""Just too fast for rest."""
RAMPING = Seen(setpoint_um_s=1000)


@pytest.fixture
def alone(shared_object: Path | None) -> GuardAlone:
    return GuardAlone(shared_object)


# ---------------------------------------------------------------- rest


def test_it_brakes_after_its_start_until_it_has_been_at_rest_for_50_ms(alone: GuardAlone) -> None:
    alone.tick(REST_US - 1)
    assert (alone.reported, alone.motion) == (McuState.BOOT, "brake")
    alone.tick(1)
    assert (alone.reported, alone.motion) == (McuState.IDLE, "coast")


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_wheel_is_at_rest_below_20_mm_per_second(alone: GuardAlone, side: str, sign: int) -> None:
    setattr(alone, side, Seen(measured_um_s=sign * REST_UM_S))
    alone.ticks(20)
    assert alone.phase == "boot"
    setattr(alone, side, Seen(measured_um_s=sign * (REST_UM_S - 1)))
    alone.ticks(10)
    assert alone.phase == "idle"


@pytest.mark.parametrize("category", [StopCategory.BRAKE, StopCategory.COAST])
def test_a_stop_is_over_three_seconds_after_it_has_nothing_more_to_do(
    alone: GuardAlone, category: StopCategory
) -> None:
    alone.driving()
    alone.left = CREEP
    alone.tick()
    alone.stop(category)
    alone.tick(LIMIT_US - 1)
    assert alone.reported is McuState.STOPPING
    alone.tick(1)
    assert alone.reported is McuState.IDLE


@pytest.mark.parametrize(("left", "right"), [(RAMPING, Seen()), (Seen(), RAMPING)])
def test_a_ramp_goes_on_while_one_wheel_still_slows_down(alone: GuardAlone, left: Seen, right: Seen) -> None:
    alone.driving().disarm()
    alone.left, alone.right = left, right
    alone.ticks(30)
    assert (alone.phase, alone.motion) == ("to_idle", "ramp")
    alone.left = alone.right = Seen()
    alone.tick()
    assert alone.phase == "idle"


def test_a_ramp_that_does_not_come_to_rest_brakes_half_a_second_after_its_end(alone: GuardAlone) -> None:
    alone.driving().disarm()
    alone.right = RAMPING
    alone.ticks(5)
    alone.right = CREEP
    alone.tick(GRACE_US - 1)
    assert alone.motion == "ramp"
    alone.tick(1)
    assert (alone.phase, alone.motion) == ("to_idle", "brake")


def test_a_stop_that_gets_stronger_begins_its_three_seconds_anew(alone: GuardAlone) -> None:
    alone.driving().disarm()
    alone.left = CREEP
    alone.tick(GRACE_US - 1)
    alone.stop(StopCategory.BRAKE)
    assert (alone.motion, alone.cause) == ("brake", StopCause.STOP_FRAME)
    alone.tick(LIMIT_US - 1)
    assert alone.reported is McuState.STOPPING
    alone.tick(1)
    assert alone.reported is McuState.IDLE


# ---------------------------------------------------------------- stops on stops


@pytest.mark.parametrize("again", list(StopCategory))
@pytest.mark.parametrize("first", [StopCategory.BRAKE, StopCategory.COAST])
def test_a_brake_or_coast_in_progress_is_not_changed_or_prolonged_by_another_stop(
    alone: GuardAlone, first: StopCategory, again: StopCategory
) -> None:
    alone.driving()
    alone.left = CREEP
    alone.tick()
    alone.stop(first)
    alone.tick(LIMIT_US - 1)
    alone.stop(again)
    assert alone.motion == first.name.lower()
    alone.tick(1)
    assert alone.phase == "idle"


@pytest.mark.parametrize("category", list(StopCategory))
def test_a_stop_of_a_robot_that_is_disarmed_keeps_the_cause_of_its_last_stop(
    alone: GuardAlone, category: StopCategory
) -> None:
    alone.driving().disarm()
    alone.ticks(3)
    assert alone.phase == "idle"
    alone.stop(category)
    assert (alone.phase, alone.cause) == ("idle", StopCause.DISARM)


# ---------------------------------------------------------------- battery


def test_the_battery_may_be_low_for_less_than_a_second(alone: GuardAlone) -> None:
    alone.at_rest().battery_mv = 17_999
    for _ in range(2):
        alone.tick(HOLD_US - 1)
        assert alone.state.faults == 0
        alone.battery_mv = 18_000
        alone.tick()
        alone.battery_mv = 17_999
    alone.tick(HOLD_US - 1)
    assert alone.arm() is Refusal.NONE
    alone.tick(1)
    assert alone.state.faults == FaultBit.BATTERY_LOW
    assert (alone.phase, alone.cause) == ("idle", StopCause.BATTERY_LOW)


def test_a_battery_at_its_minimum_is_not_low(alone: GuardAlone) -> None:
    alone.at_rest().battery_mv = 18_000
    alone.ticks(3, HOLD_US)
    assert alone.state.faults == 0


def test_a_low_battery_is_well_again_a_thirty_second_above_for_a_second(alone: GuardAlone) -> None:
    alone.at_rest().battery_mv = 17_999
    alone.tick(HOLD_US)
    alone.battery_mv = 18_000 + 18_000 // 32 - 1
    alone.ticks(3, HOLD_US)
    assert alone.arm() is Refusal.BATTERY_LOW
    alone.battery_mv += 1
    alone.tick(HOLD_US - 1)
    assert alone.arm() is Refusal.BATTERY_LOW
    alone.tick(1)
    assert alone.state.faults == 0
    assert alone.arm() is Refusal.NONE


def test_both_ways_the_second_is_counted_from_the_change(alone: GuardAlone) -> None:
    alone.at_rest().battery_mv = 17_999
    alone.tick(HOLD_US)
    alone.battery_mv = 20_000
    alone.tick(HOLD_US - 1)
    assert alone.state.faults == FaultBit.BATTERY_LOW
    alone.tick(1)
    assert alone.state.faults == 0
    alone.battery_mv = 17_999
    alone.tick(HOLD_US - 1)
    assert alone.state.faults == 0
    alone.tick(1)
    assert alone.state.faults == FaultBit.BATTERY_LOW
