"""Each cause that stops the robot: what it does, by which category, and within which time."""

from __future__ import annotations

import pytest
from firmware_bench import JACKAL_CONFIG, TICK_US, Bench

from amr.messages import McuState, StopCategory
from firmware_bridge.native import DriveMode
from firmware_bridge.wire import (
    STOP_CATEGORY,
    Arm,
    Command,
    CommandMode,
    Disarm,
    Event,
    EventCode,
    FaultBit,
    HostCause,
    Nack,
    Refusal,
    ResetEstop,
    Stop,
    StopCause,
    WarningBit,
)


def seconds_until_rest(bench: Bench, limit_s: float = 2.0) -> float:
    start_us = bench.now_us
    while max(abs(bench.left.speed_mps), abs(bench.right.speed_mps)) > 0.02:
        bench.step()
        assert bench.now_us - start_us < limit_s * 1e6, "never came to rest"
    return (bench.now_us - start_us) * 1e-6


def last_state_event(bench: Bench) -> tuple[int, int, int, int]:
    """(new, old, cause, category or host cause) of the last change of state."""
    detail = [event.detail for event in bench.all(Event) if event.code is EventCode.STATE][-1]
    return detail & 0xFF, detail >> 8 & 0xFF, detail >> 16 & 0xFF, detail >> 24


# ---------------------------------------------------------------- arming


def test_nothing_turns_before_configuration(bench: Bench) -> None:
    bench.step(2)
    bench.hello()
    bench.send(Arm(0x1234))
    assert bench.last(Nack).reason is Refusal.NOT_CONFIGURED
    bench.send(Command(500_000, 500_000, bench.now_us + 50_000, CommandMode.DRIVE))
    bench.step(20)
    assert all(sample.duty[:2] == (0.0, 0.0) for sample in bench.samples)
    assert {sample.duty.drive for sample in bench.samples[:9]} == {DriveMode.BRAKE}, "until it is known to stand"
    assert bench.duty.drive is DriveMode.COAST


def test_a_restart_at_full_speed_brakes_until_the_wheels_stand_before_any_configuration(driving: Bench) -> None:
    driving.firmware.reset(0x4321, driving.now_us)
    speed_mps = driving.left.speed_mps
    assert speed_mps > 0.9
    driving.samples.clear()
    driving.run(0.1 + speed_mps / 3.5)
    moving = [sample for sample in driving.samples if sample.left_mps > 0.02]
    assert moving
    assert all(sample.duty.drive is DriveMode.BRAKE for sample in moving)
    assert driving.left.speed_mps < 0.02
    driving.run(0.1)
    assert driving.duty.drive is DriveMode.COAST, "at rest it can be pushed"


def test_a_boot_stops_braking_after_three_seconds_of_being_pushed(bench: Bench) -> None:
    for _ in range(round(2.9e6 / TICK_US)):
        bench.left.angle_rad += 0.01
        bench.step()
    assert bench.duty.drive is DriveMode.BRAKE
    for _ in range(round(0.2e6 / TICK_US)):
        bench.left.angle_rad += 0.01
        bench.step()
    assert bench.duty.drive is DriveMode.COAST


def test_a_command_does_not_arm(connected: Bench) -> None:
    connected.drive(1.0, 1.0, 0.2)
    assert connected.state is McuState.IDLE
    assert connected.left.speed_mps == 0.0
    assert not connected.all(Nack), "a host commands all the time; that is no mistake to answer"


def test_arm_needs_the_token_of_this_configuration_and_boot(connected: Bench) -> None:
    connected.arm(token=0xDEAD_BEEF)
    assert connected.last(Nack).reason is Refusal.BAD_TOKEN
    connected.arm()
    connected.step()
    assert connected.state is McuState.ARMED


def test_arm_is_refused_while_the_robot_is_pushed(connected: Bench) -> None:
    connected.left.push_nm = 1.0
    connected.step(40)
    connected.arm()
    assert connected.last(Nack).reason is Refusal.MOVING
    assert connected.state is McuState.IDLE


def test_arming_again_changes_nothing(driving: Bench) -> None:
    driving.arm()
    driving.step()
    assert driving.state is McuState.DRIVING
    assert not driving.all(Nack)


def test_armed_without_commands_disarms_after_a_second(armed: Bench) -> None:
    armed.run(0.95)
    assert armed.state is McuState.ARMED
    armed.run(0.1)
    assert armed.state is McuState.IDLE
    assert armed.telemetry.stop_cause is StopCause.ARM_TIMEOUT


def test_commands_of_zero_keep_it_armed_and_still(armed: Bench) -> None:
    armed.drive(0.0, 0.0, 2.0)
    assert armed.state is McuState.ARMED
    assert armed.left.angle_rad == 0.0


# ---------------------------------------------------------------- commands


def test_expired_command_starts_the_stop_within_one_tick(driving: Bench) -> None:
    driving.command(1.0, 1.0, life_us=73_000)
    expiry_us = driving.now_us + 73_000
    while driving.state is McuState.DRIVING:
        driving.step()
        assert driving.now_us < expiry_us + 100_000
    stopped_us = driving.telemetry.t_us
    assert 0 <= stopped_us - expiry_us < TICK_US
    assert driving.telemetry.stop_cause is StopCause.COMMAND_EXPIRED
    assert last_state_event(driving) == (
        McuState.STOPPING, McuState.DRIVING, StopCause.COMMAND_EXPIRED, StopCategory.RAMP,
    )  # fmt: skip
    # 1 m/s at 3.5 m/s2 is 0.286 s; the rest is the loop's lag
    assert seconds_until_rest(driving) < 0.40
    driving.run(0.1)
    assert driving.state is McuState.ARMED, "the session lives: a fresh command may drive again"


def test_ramp_obeys_its_deceleration(driving: Bench) -> None:
    driving.samples.clear()
    driving.run(0.6)
    speeds = [sample.left_mps for sample in driving.samples]
    start = next(i for i, v in enumerate(speeds) if v < 0.85)
    end = next(i for i, v in enumerate(speeds) if v < 0.15)
    rate = (speeds[start] - speeds[end]) / ((end - start) * TICK_US * 1e-6)
    assert rate == pytest.approx(3.5, rel=0.1)


def test_ramp_keeps_the_arc(armed: Bench) -> None:
    armed.drive(1.2, 0.4, 0.8)
    before = armed.right.speed_mps / armed.left.speed_mps
    armed.run(0.1)
    armed.run(0.12)
    assert 0.3 < armed.left.speed_mps < 0.9, "in the middle of the ramp"
    assert armed.right.speed_mps / armed.left.speed_mps == pytest.approx(before, abs=0.12)


def test_ramp_of_a_curve_slows_the_middle_as_straight_on(armed: Bench) -> None:
    armed.drive(1.2, 0.4, 0.8)
    armed.samples.clear()
    armed.run(0.6)
    middle = [0.5 * (sample.left_mps + sample.right_mps) for sample in armed.samples]
    start = next(i for i, v in enumerate(middle) if v < 0.7)
    end = next(i for i, v in enumerate(middle) if v < 0.2)
    rate = (middle[start] - middle[end]) / ((end - start) * TICK_US * 1e-6)
    assert rate == pytest.approx(3.5, rel=0.1)


def test_fresh_command_takes_over_from_an_expiry_stop(driving: Bench) -> None:
    driving.run(0.2)
    assert driving.state is McuState.STOPPING
    slow = driving.left.speed_mps
    driving.drive(1.0, 1.0, 0.4)
    assert driving.state is McuState.DRIVING
    assert driving.telemetry.stop_cause is StopCause.NONE
    assert driving.left.speed_mps > slow
    assert driving.left.speed_mps == pytest.approx(1.0, abs=0.05)


def test_late_command_is_ignored_and_told(driving: Bench) -> None:
    before = driving.telemetry.last_command_seq
    driving.command(2.0, 2.0, life_us=0)
    driving.command(2.0, 2.0, life_us=-50_000)
    driving.step()
    assert driving.telemetry.warnings & WarningBit.LATE_COMMAND
    assert driving.telemetry.last_command_seq == before
    driving.step(2)
    assert not driving.telemetry.warnings & WarningBit.LATE_COMMAND
    assert driving.left.speed_mps == pytest.approx(1.0, abs=0.05)


def test_command_that_lives_too_long_is_refused(armed: Bench) -> None:
    armed.command(1.0, 1.0, life_us=150_000)
    armed.step()
    assert armed.state is McuState.DRIVING
    armed.command(1.0, 1.0, life_us=150_001)
    assert armed.last(Nack).reason is Refusal.EXPIRY_TOO_FAR


@pytest.mark.parametrize(
    ("left_um_s", "right_um_s"),
    [
        (3_200_001, 0),
        (0, -3_200_001),
        (2_100_000, 2_100_000),
        (-700_000, -700_000),
        (2**31 - 1, 0),
        (-(2**31), 0),
        (0, -(2**31)),
    ],
)
def test_speed_beyond_the_limits_is_refused_and_stops(armed: Bench, left_um_s: int, right_um_s: int) -> None:
    armed.drive(0.5, 0.5, 0.5)
    armed.send(Command(left_um_s, right_um_s, armed.now_us + 100_000, CommandMode.DRIVE))
    assert armed.last(Nack).reason is Refusal.COMMAND_RANGE
    armed.step()
    assert armed.telemetry.stop_cause is StopCause.COMMAND_RANGE
    seconds_until_rest(armed)
    armed.run(0.1)
    assert armed.state is McuState.IDLE


def test_speeds_on_the_limits_are_obeyed(armed: Bench) -> None:
    for left, right in [(3200, 882), (2041, 2041), (-613, -613), (-3200, 3200)]:
        armed.send(Command(left * 1000, right * 1000, armed.now_us + 100_000, CommandMode.DRIVE))
        armed.step()
    assert not armed.all(Nack)
    assert armed.state is McuState.DRIVING


@pytest.mark.parametrize(
    ("mode", "drive"),
    [
        (CommandMode.RAMP, DriveMode.DRIVE),
        (CommandMode.BRAKE, DriveMode.BRAKE),
        (CommandMode.COAST, DriveMode.COAST),
    ],
)
def test_stop_by_command_keeps_armed(driving: Bench, mode: CommandMode, drive: DriveMode) -> None:
    driving.command(0.0, 0.0, mode=mode)
    driving.step(2)
    assert driving.duty.drive is drive
    assert driving.telemetry.stop_cause is StopCause.COMMANDED
    start_us = driving.now_us
    while driving.state is McuState.STOPPING:
        driving.command(0.0, 0.0, mode=mode)
        driving.step(4)
        assert driving.now_us - start_us < 4e6
    assert driving.state is McuState.ARMED
    driving.drive(0.5, 0.5, 0.5)
    assert driving.left.speed_mps == pytest.approx(0.5, abs=0.05)


def test_wheels_that_still_turn_are_taken_over_smoothly(driving: Bench) -> None:
    driving.command(0.0, 0.0, mode=CommandMode.COAST)
    driving.step(10)
    speed = driving.left.speed_mps
    assert speed > 0.5
    driving.samples.clear()
    driving.drive(speed, speed, 0.2)
    assert min(sample.left_mps for sample in driving.samples) > 0.8 * speed


def test_command_of_zero_ends_in_armed(driving: Bench) -> None:
    driving.drive(0.0, 0.0, 0.6)
    assert driving.state is McuState.ARMED
    assert driving.telemetry.stop_cause is StopCause.NONE
    assert abs(driving.left.speed_mps) < 0.01


# ---------------------------------------------------------------- stop frames, disarm


@pytest.mark.parametrize("nonce", [None, 0, 0x5555])
@pytest.mark.parametrize(
    ("category", "drive"),
    [
        (StopCategory.RAMP, DriveMode.DRIVE),
        (StopCategory.BRAKE, DriveMode.BRAKE),
        (StopCategory.COAST, DriveMode.COAST),
    ],
)
def test_stop_frame_of_anybody_stops_and_disarms(
    driving: Bench, nonce: int | None, category: StopCategory, drive: DriveMode
) -> None:
    driving.send(Stop(category, HostCause.OPERATOR), nonce=nonce, seq=None if nonce is None else 0)
    driving.step()
    assert driving.duty.drive is drive
    assert driving.state is McuState.STOPPING
    assert last_state_event(driving) == (
        McuState.STOPPING, McuState.DRIVING, StopCause.STOP_FRAME, HostCause.OPERATOR,
    )  # fmt: skip
    driving.drive(1.0, 1.0, 0.1)
    assert driving.state is McuState.STOPPING, "disarmed: commands no longer count"
    driving.run(3.2)
    assert driving.state is McuState.IDLE


def test_stop_frame_of_a_stranger_uses_up_no_number(driving: Bench) -> None:
    driving.send(Stop(StopCategory.RAMP, HostCause.UNKNOWN), nonce=99, seq=driving.sent_seq + 500)
    driving.send(Stop(StopCategory.RAMP, HostCause.UNKNOWN))
    driving.send(Disarm())
    driving.step()
    assert not driving.telemetry.warnings & WarningBit.RX_REFUSED


def test_disarm_ramps_to_idle(driving: Bench) -> None:
    driving.send(Disarm())
    driving.step()
    assert driving.state is McuState.STOPPING
    assert driving.telemetry.stop_cause is StopCause.DISARM
    assert driving.duty.drive is DriveMode.DRIVE
    driving.run(0.7)
    assert driving.state is McuState.IDLE
    assert driving.duty.drive is DriveMode.COAST


def test_a_stop_only_gets_stronger(driving: Bench) -> None:
    driving.send(Stop(StopCategory.RAMP, HostCause.SAFETY))
    driving.step()
    driving.send(Stop(StopCategory.BRAKE, HostCause.SAFETY))
    driving.step()
    assert driving.duty.drive is DriveMode.BRAKE
    driving.send(Stop(StopCategory.RAMP, HostCause.SAFETY))
    driving.send(Disarm())
    driving.step()
    assert driving.duty.drive is DriveMode.BRAKE
    assert driving.telemetry.stop_cause is StopCause.STOP_FRAME


def test_disarming_during_a_stop_that_stays_armed_disarms(driving: Bench) -> None:
    driving.command(0.0, 0.0, mode=CommandMode.BRAKE)
    driving.step()
    driving.send(Disarm())
    driving.step()
    assert driving.duty.drive is DriveMode.BRAKE, "and does not weaken it"
    driving.send(Arm(0))
    driving.arm()
    assert driving.last(Nack).reason in (Refusal.WRONG_STATE, Refusal.BAD_TOKEN)
    driving.run(3.2)
    assert driving.state is McuState.IDLE


def test_ramp_that_cannot_be_held_becomes_a_brake(driving: Bench) -> None:
    # a slope stronger than the motors: 25 Nm a side
    driving.left.push_nm = driving.right.push_nm = 25.0
    driving.send(Disarm())
    driving.step()
    assert driving.duty.drive is DriveMode.DRIVE
    start_us = driving.now_us
    while driving.duty.drive is DriveMode.DRIVE:
        driving.step()
        assert driving.now_us - start_us < 1.5e6
    assert driving.duty.drive is DriveMode.BRAKE


def test_slow_creep_ends_a_ramp_as_a_brake_after_its_grace(armed: Bench) -> None:
    """Too slow for the encoder watch (50 mm/s), too fast for rest (20 mm/s)."""
    armed.drive(0.3, 0.3, 0.5)
    armed.send(Disarm())
    modes = []
    for _ in range(200):
        armed.left.speed_radps = max(armed.left.speed_radps, 0.035 / 0.098)
        armed.step()
        modes.append((armed.duty.drive, armed.state))
    first_brake = next(i for i, (drive, _) in enumerate(modes) if drive is DriveMode.BRAKE)
    assert first_brake * TICK_US * 1e-6 == pytest.approx(0.3 / 3.5 + 0.5, abs=0.05)
    assert modes[first_brake][1] is McuState.STOPPING


def test_stop_is_over_after_three_seconds_even_when_a_wheel_never_rests(armed: Bench) -> None:
    armed.drive(0.5, 0.5, 0.5)
    armed.command(0.0, 0.0, mode=CommandMode.COAST)
    armed.left.push_nm = armed.right.push_nm = 0.4
    armed.step()
    armed.send(Disarm())
    armed.run(2.9)
    assert armed.state is McuState.STOPPING
    armed.run(0.2)
    assert armed.state is McuState.IDLE
    assert abs(armed.left.speed_mps) > 0.02


# ---------------------------------------------------------------- e-stop


def test_estop_brakes_at_once(driving: Bench) -> None:
    driving.estop = True
    driving.step()
    assert driving.duty.drive is DriveMode.BRAKE
    assert driving.state is McuState.ESTOP
    assert driving.telemetry.stop_cause is StopCause.ESTOP
    assert driving.telemetry.faults & FaultBit.ESTOP_INPUT
    assert STOP_CATEGORY[StopCause.ESTOP] is StopCategory.BRAKE
    assert seconds_until_rest(driving) < 0.4


def test_releasing_is_not_resetting_and_resetting_is_not_arming(driving: Bench) -> None:
    driving.estop = True
    driving.step()
    driving.send(ResetEstop())
    assert driving.last(Nack).reason is Refusal.ESTOP_LATCHED
    driving.run(0.6)
    driving.estop = False
    driving.drive(1.0, 1.0, 0.3)
    assert driving.state is McuState.ESTOP
    driving.arm()
    assert driving.last(Nack).reason is Refusal.ESTOP_LATCHED
    driving.send(ResetEstop())
    driving.drive(1.0, 1.0, 0.3)
    assert driving.state is McuState.IDLE
    assert driving.left.speed_mps == 0.0
    driving.arm().drive(1.0, 1.0, 0.5)
    assert driving.state is McuState.DRIVING


def test_estop_is_not_reset_while_wheels_turn(driving: Bench) -> None:
    driving.estop = True
    driving.step()
    driving.estop = False
    driving.step()
    driving.send(ResetEstop())
    assert driving.last(Nack).reason is Refusal.MOVING
    assert driving.state is McuState.ESTOP


def test_estop_takes_over_a_coasting_stop(driving: Bench) -> None:
    driving.send(Stop(StopCategory.COAST, HostCause.OPERATOR))
    driving.step()
    driving.estop = True
    driving.step()
    assert driving.duty.drive is DriveMode.BRAKE
    assert driving.telemetry.stop_cause is StopCause.ESTOP


def test_estop_pressed_at_power_up_is_latched_and_can_still_be_configured_and_reset(bench: Bench) -> None:
    bench.estop = True
    bench.connect()
    assert bench.state is McuState.ESTOP
    bench.estop = False
    bench.step(2)
    assert bench.state is McuState.ESTOP
    bench.send(ResetEstop())
    bench.step()
    assert bench.state is McuState.IDLE


def test_reset_with_nothing_latched_is_harmless(driving: Bench) -> None:
    driving.send(ResetEstop())
    driving.step()
    assert driving.state is McuState.DRIVING
    assert not driving.all(Nack)


# ---------------------------------------------------------------- battery, motor driver, link


def test_battery_below_its_minimum_for_a_second_stops_and_forbids_arming(driving: Bench) -> None:
    driving.battery_v = 17.0
    driving.drive(1.0, 1.0, 0.9)
    assert driving.state is McuState.DRIVING
    driving.drive(1.0, 1.0, 0.15)
    assert driving.telemetry.stop_cause is StopCause.BATTERY_LOW
    assert driving.duty.drive is DriveMode.DRIVE, "a ramp"
    driving.run(0.7)
    assert driving.state is McuState.IDLE
    assert driving.telemetry.faults == FaultBit.BATTERY_LOW
    driving.arm()
    assert driving.last(Nack).reason is Refusal.BATTERY_LOW
    driving.battery_v = 18.3
    driving.run(1.5)
    assert driving.telemetry.faults == FaultBit.BATTERY_LOW, "only a little above: a battery recovers at rest"
    driving.battery_v = 19.0
    driving.run(1.1)
    assert driving.telemetry.faults == 0
    assert [e.detail for e in driving.all(Event) if e.code is EventCode.FAULT_CLEARED] == [FaultBit.BATTERY_LOW]


def test_short_dip_of_the_battery_is_the_motors_starting(driving: Bench) -> None:
    for _ in range(3):
        driving.battery_v = 15.0
        driving.drive(1.0, 1.0, 0.8)
        driving.battery_v = 24.0
        driving.drive(1.0, 1.0, 0.1)
    assert driving.state is McuState.DRIVING


def test_motor_driver_fault_lets_go_and_is_latched(driving: Bench) -> None:
    driving.driver_fault = True
    driving.step()
    assert driving.duty.drive is DriveMode.COAST
    assert driving.telemetry.stop_cause is StopCause.MOTOR_DRIVER
    driving.send(ResetEstop())
    assert driving.last(Nack).reason is Refusal.MOVING
    driving.run(3.2)
    assert driving.state is McuState.FAULT
    driving.driver_fault = False
    driving.step()
    driving.arm()
    assert driving.last(Nack).reason is Refusal.FAULT_ACTIVE
    driving.send(ResetEstop())
    driving.step()
    assert driving.state is McuState.IDLE
    assert driving.telemetry.faults == 0


def test_motor_driver_fault_at_idle_forbids_arming_only_while_it_lasts(connected: Bench) -> None:
    connected.driver_fault = True
    connected.step()
    connected.arm()
    assert connected.last(Nack).reason is Refusal.FAULT_ACTIVE
    connected.driver_fault = False
    connected.step()
    connected.arm()
    connected.step()
    assert connected.state is McuState.ARMED


def test_new_handshake_while_driving_stops_disarms_and_forgets_the_configuration(driving: Bench) -> None:
    driving.hello(host_nonce=0x7777)
    driving.step()
    assert driving.duty.drive is DriveMode.DRIVE, "a ramp with the old configuration"
    assert last_state_event(driving) == (
        McuState.STOPPING, McuState.DRIVING, StopCause.LINK_RESET, StopCategory.RAMP,
    )  # fmt: skip
    assert driving.configure(JACKAL_CONFIG).reason is Refusal.WRONG_STATE
    assert seconds_until_rest(driving) < 0.4
    driving.run(0.1)
    driving.send(Arm(0))
    assert driving.last(Nack).reason is Refusal.NOT_CONFIGURED
    assert driving.configure(JACKAL_CONFIG).accepted == 1
    driving.arm().drive(1.0, 1.0, 0.4)
    assert driving.state is McuState.DRIVING
