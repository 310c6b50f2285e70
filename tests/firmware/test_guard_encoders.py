"""Encoders that lie: each kind is named, and the motors are shorted before the robot has gone far."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from firmware_bench import JACKAL, JACKAL_CONFIG, SMALL, SMALL_CONFIG, TICK_US, Bench, MotorModel, Wheel

from amr.messages import McuState
from firmware_bridge.native import DriveMode
from firmware_bridge.wire import Configure, Event, EventCode, FaultBit, Nack, Refusal, ResetEstop, StopCause

SIDES = ["left", "right"]


def wheel(bench: Bench, side: str) -> Wheel:
    return bench.left if side == "left" else bench.right


def drive_until_fault(bench: Bench, left_mps: float, right_mps: float, limit_s: float = 3.0) -> float:
    """Seconds until the guard stopped."""
    start_us = bench.now_us
    while bench.state in (McuState.ARMED, McuState.DRIVING):
        bench.command(left_mps, right_mps)
        bench.step()
        assert bench.now_us - start_us < limit_s * 1e6, "no fault was seen"
    return (bench.now_us - start_us) * 1e-6


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("direction", [1.0, -0.6])
def test_encoder_that_dies_while_driving(armed: Bench, side: str, direction: float) -> None:
    armed.drive(direction, direction, 0.6)
    wheel(armed, side).encoder_dead = True
    before_m = wheel(armed, side).angle_rad * 0.098
    found_s = drive_until_fault(armed, direction, direction)
    assert found_s < 0.2
    assert armed.telemetry.stop_cause is StopCause[f"{side.upper()}_NOT_TURNING"]
    assert armed.telemetry.faults == FaultBit[f"{side.upper()}_NOT_TURNING"]
    assert armed.duty.drive is DriveMode.BRAKE, "without an encoder there is no ramp"
    armed.run(0.5)
    assert abs(wheel(armed, side).angle_rad * 0.098 - before_m) < 0.35
    assert armed.state is McuState.FAULT


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("speed_mps", [0.05, 0.3, 1.0, -0.5])
def test_wheel_that_never_starts(armed: Bench, side: str, speed_mps: float) -> None:
    wheel(armed, side).blocked = True
    found_s = drive_until_fault(armed, speed_mps, speed_mps)
    assert armed.telemetry.stop_cause is StopCause[f"{side.upper()}_NOT_TURNING"]
    assert found_s < (1.2 if abs(speed_mps) < 0.1 else 0.35)


@pytest.mark.parametrize("side", SIDES)
def test_encoder_with_wrong_sign(armed: Bench, side: str) -> None:
    wheel(armed, side).encoder_sign = -1
    drive_until_fault(armed, 0.3, 0.3)
    assert armed.telemetry.stop_cause is StopCause[f"{side.upper()}_WRONG_WAY"]
    armed.run(1.0)
    assert abs(wheel(armed, side).angle_rad * 0.098) < 0.35
    assert armed.state is McuState.FAULT


def test_slow_wheel_with_wrong_sign_is_named_by_time(shared_object: Path | None) -> None:
    bench = Bench(config=replace(JACKAL_CONFIG, encoder_fault_ms=20), shared_object=shared_object).connect().arm()
    bench.left.encoder_sign = -1
    drive_until_fault(bench, 0.2, 0.2)
    assert bench.telemetry.stop_cause is StopCause.LEFT_WRONG_WAY


@pytest.mark.parametrize("side", SIDES)
def test_wheel_that_turns_uncommanded(armed: Bench, side: str) -> None:
    wheel(armed, side).push_nm = 30.0  # more than the motor can hold
    found_s = drive_until_fault(armed, 0.0, 0.0)
    assert armed.telemetry.stop_cause is StopCause[f"{side.upper()}_UNCOMMANDED"]
    assert found_s < 0.3 + 0.1


def test_wheel_far_too_fast_is_uncommanded(driving: Bench) -> None:
    driving.right.push_nm = 40.0
    drive_until_fault(driving, 1.0, 1.0)
    assert driving.telemetry.stop_cause is StopCause.RIGHT_UNCOMMANDED


def test_both_sides_at_once_are_both_named(driving: Bench) -> None:
    driving.left.encoder_dead = driving.right.encoder_dead = True
    drive_until_fault(driving, 1.0, 1.0)
    assert driving.telemetry.faults == FaultBit.LEFT_NOT_TURNING | FaultBit.RIGHT_NOT_TURNING
    appeared = [event.detail for event in driving.all(Event) if event.code is EventCode.FAULT]
    assert appeared == [FaultBit.LEFT_NOT_TURNING | FaultBit.RIGHT_NOT_TURNING]


def test_fault_is_latched_until_reset_at_rest(driving: Bench) -> None:
    driving.left.encoder_dead = True
    drive_until_fault(driving, 1.0, 1.0)
    driving.left.encoder_dead = False
    driving.run(0.6)
    assert driving.state is McuState.FAULT
    driving.arm()
    assert driving.last(Nack).reason is Refusal.FAULT_ACTIVE
    driving.send(ResetEstop())
    driving.step()
    assert driving.state is McuState.IDLE
    assert driving.telemetry.faults == 0
    driving.arm().drive(1.0, 1.0, 0.5)
    assert driving.state is McuState.DRIVING


def test_estop_over_a_fault_is_cleared_by_one_reset(driving: Bench) -> None:
    driving.left.encoder_dead = True
    drive_until_fault(driving, 1.0, 1.0)
    driving.estop = True
    driving.step()
    assert driving.state is McuState.ESTOP
    driving.estop = False
    driving.run(0.6)
    driving.send(ResetEstop())
    driving.step()
    assert driving.state is McuState.IDLE
    assert driving.telemetry.faults == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_holding_still_on_a_slope_is_no_fault(armed: Bench, sign: int) -> None:
    """A controller's smallest command, 5 um/s, uphill: the motors push and the wheels stand."""
    armed.left.blocked = armed.right.blocked = True
    armed.drive(sign * 0.15, sign * 0.15, 0.28)
    for _ in range(100):
        armed.command(sign * 5e-6, sign * 5e-6)
        armed.step()
    assert abs(armed.duty.left_frac) >= 0.12, "the integral holds"
    assert armed.state is McuState.DRIVING
    assert armed.telemetry.faults == 0


def test_hand_on_a_disarmed_robot_is_no_fault(connected: Bench) -> None:
    connected.left.push_nm = 1.0
    connected.run(1.0)
    assert connected.left.speed_mps > 0.3
    assert connected.state is McuState.IDLE
    assert connected.telemetry.faults == 0


def test_watch_time_comes_from_the_configuration(shared_object: Path | None) -> None:
    times = []
    for milliseconds in (100, 1000):
        bench = Bench(config=replace(JACKAL_CONFIG, encoder_fault_ms=milliseconds), shared_object=shared_object)
        bench.connect().arm()
        bench.left.push_nm = 30.0
        times.append(drive_until_fault(bench, 0.0, 0.0))
    assert times[1] - times[0] == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(("model", "config"), [(JACKAL, JACKAL_CONFIG), (SMALL, SMALL_CONFIG)])
def test_hard_driving_raises_no_false_alarm(shared_object: Path | None, model: MotorModel, config: Configure) -> None:
    bench = Bench(model, config, battery_v=model.supply_v, shared_object=shared_object)
    bench.connect().arm()
    v, back = config.v_max_mm_s * 0.98e-3, config.v_reverse_max_mm_s * -0.98e-3
    for left, right in [
        (v, v),
        (back, back),
        (v, 0.2 * v),
        (0.2 * v, v),
        (-v / 2, v / 2),
        (v / 2, -v / 2),
        (0.02, 0.02),
    ]:
        bench.drive(left, right, 0.7)
        bench.drive(right, left, 0.05)
    bench.run(0.3)
    assert bench.telemetry.faults == 0
    assert bench.telemetry.stop_cause is StopCause.COMMAND_EXPIRED


def test_one_late_loop_is_no_evidence(driving: Bench) -> None:
    """A step is counted as 20 ms at most, or one odd sample after a long pause would be a fault by its mere length."""
    driving.left.encoder_dead = True
    driving.step()
    driving.left.encoder_dead = False
    driving.now_us += 2_000_000
    driving.command(1.0, 1.0)
    driving.step()
    assert driving.telemetry.faults == 0
    assert driving.state is McuState.DRIVING
    assert driving.telemetry.t_us > 2_000_000 + TICK_US
