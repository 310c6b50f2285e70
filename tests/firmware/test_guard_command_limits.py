"""Which commands the guard obeys, how long one lasts, and what zero means: exact limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from guard_bench import CONSTANTS, GuardAlone, Seen

from firmware_bridge.wire import CommandMode, Refusal, StopCause

ARM_TIMEOUT_US = CONSTANTS["WIRE_ARM_TIMEOUT_MS"] * 1000
SLACK_US = CONSTANTS["WIRE_EXPIRY_SLACK_US"]


@pytest.fixture
def alone(shared_object: Path | None) -> GuardAlone:
    return GuardAlone(shared_object)


# ---------------------------------------------------------------- speed


@pytest.mark.parametrize(
    ("left_um_s", "right_um_s"),
    [(2_041_000, 2_041_000), (-613_000, -613_000), (3_200_000, -3_200_000), (3_200_000, 882_000)],
)
def test_the_limits_themselves_are_obeyed(alone: GuardAlone, left_um_s: int, right_um_s: int) -> None:
    assert alone.armed().command(left_um_s, right_um_s) is Refusal.NONE
    assert alone.phase == "driving"
    assert list(alone.state.target_um_per_s) == [left_um_s, right_um_s]


@pytest.mark.parametrize(
    ("left_um_s", "right_um_s"),
    [
        (2_041_000, 2_041_001),
        (-613_000, -613_001),
        (3_200_001, -3_200_000),
        (3_200_000, -3_200_001),
        (3_200_000, 882_001),
    ],
)
def test_one_micrometre_per_second_beyond_a_limit_stops_and_disarms(
    alone: GuardAlone, left_um_s: int, right_um_s: int
) -> None:
    assert alone.driving().command(left_um_s, right_um_s) is Refusal.COMMAND_RANGE
    assert (alone.phase, alone.cause) == ("to_idle", StopCause.COMMAND_RANGE)


# ---------------------------------------------------------------- zero, and one wheel alone


@pytest.mark.parametrize("speeds_um_s", [(300_000, 0), (0, 300_000), (1, 0), (0, -1)])
def test_one_wheel_that_shall_turn_is_driving(alone: GuardAlone, speeds_um_s: tuple[int, int]) -> None:
    alone.driving(*speeds_um_s)
    alone.tick()  # the wheels still have to begin
    assert (alone.phase, alone.motion) == ("driving", "track")
    assert list(alone.state.target_um_per_s) == list(speeds_um_s)


def test_zero_to_an_armed_robot_keeps_it_armed_and_is_no_drive(alone: GuardAlone) -> None:
    assert alone.armed().command(0, 0) is Refusal.NONE
    assert alone.phase == "armed"
    alone.tick()
    assert alone.phase == "armed"


def test_zero_to_a_driving_robot_is_its_new_target_at_once(alone: GuardAlone) -> None:
    assert alone.driving(400_000, 300_000).command(0, 0) is Refusal.NONE
    assert alone.phase == "driving"
    assert list(alone.state.target_um_per_s) == [0, 0]


@pytest.mark.parametrize(("left_um_s", "right_um_s"), [(1000, 0), (0, -1000)])
def test_a_robot_told_zero_is_driving_until_both_setpoints_are_there(
    alone: GuardAlone, left_um_s: int, right_um_s: int
) -> None:
    alone.driving().command(0, 0)
    alone.left, alone.right = Seen(left_um_s), Seen(right_um_s)
    alone.tick()
    assert alone.phase == "driving"
    alone.left = alone.right = Seen()
    alone.tick()
    assert alone.phase == "armed"


# ---------------------------------------------------------------- time


def test_a_command_with_a_microsecond_left_is_obeyed_and_one_with_none_is_late(alone: GuardAlone) -> None:
    alone.armed()
    assert alone.command(300_000, 300_000, life_us=0) is Refusal.NONE
    assert (alone.state.late, alone.phase) == (True, "armed")
    assert alone.command(300_000, 300_000, life_us=1) is Refusal.NONE
    assert (alone.state.late, alone.phase) == (False, "driving")


def test_an_expiry_may_lie_the_time_out_and_a_slack_ahead(alone: GuardAlone) -> None:
    alone.armed()
    assert alone.command(300_000, 300_000, life_us=100_000 + SLACK_US + 1) is Refusal.EXPIRY_TOO_FAR
    assert alone.phase == "armed"
    assert alone.command(300_000, 300_000, life_us=100_000 + SLACK_US) is Refusal.NONE
    assert alone.phase == "driving"


def test_a_command_ends_in_the_very_microsecond_of_its_expiry(alone: GuardAlone) -> None:
    alone.driving().left = Seen(400_000, 400_000)
    alone.tick(99_999)
    assert alone.phase == "driving"
    alone.tick(1)
    assert (alone.phase, alone.cause, alone.motion) == ("to_armed", StopCause.COMMAND_EXPIRED, "ramp")


def test_a_robot_nobody_commands_is_disarmed_a_second_after_it_was_armed(alone: GuardAlone) -> None:
    alone.armed().tick(ARM_TIMEOUT_US - 1)
    assert alone.phase == "armed"
    alone.tick(1)
    assert (alone.phase, alone.cause) == ("idle", StopCause.ARM_TIMEOUT)


def test_a_command_of_zero_lets_the_second_begin_anew(alone: GuardAlone) -> None:
    alone.armed().tick(700_000)
    alone.command(0, 0)
    alone.tick(ARM_TIMEOUT_US - 1)
    assert alone.phase == "armed"
    alone.tick(1)
    assert alone.cause is StopCause.ARM_TIMEOUT


def test_arming_an_armed_robot_again_does_not(alone: GuardAlone) -> None:
    alone.armed().tick(700_000)
    assert alone.arm() is Refusal.NONE
    alone.tick(300_000)
    assert alone.cause is StopCause.ARM_TIMEOUT


# ---------------------------------------------------------------- where it may be armed


def test_it_is_armed_only_after_rest(alone: GuardAlone) -> None:
    alone.state.configured = True
    assert alone.arm() is Refusal.WRONG_STATE, "it is still braking after its start"
    assert alone.phase == "boot"
    alone.at_rest()
    alone.left = Seen(measured_um_s=100_000)
    alone.tick()
    assert alone.arm() is Refusal.MOVING


def test_a_robot_that_stops_to_idle_is_not_armed(alone: GuardAlone) -> None:
    alone.driving().disarm()
    assert alone.arm() is Refusal.WRONG_STATE
    assert alone.phase == "to_idle"


@pytest.mark.parametrize("mode", [CommandMode.RAMP, CommandMode.BRAKE, CommandMode.COAST])
def test_a_stop_by_command_is_refused_without_arming(alone: GuardAlone, mode: CommandMode) -> None:
    assert alone.at_rest().command(0, 0, mode=mode) is Refusal.NOT_ARMED
