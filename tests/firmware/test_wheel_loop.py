"""The velocity loop: step response, anti-windup, low speed, and counters that wrap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from firmware_bench import JACKAL, JACKAL_CONFIG, SMALL, SMALL_CONFIG, TICK_US, Bench, MotorModel

from amr.messages import McuState
from firmware_bridge.native import DriveMode
from firmware_bridge.wire import ConfigFlag, Configure, FaultBit, WarningBit

ROBOTS = [pytest.param(JACKAL, JACKAL_CONFIG, id="jackal"), pytest.param(SMALL, SMALL_CONFIG, id="small")]


def ready(model: MotorModel, config: Configure, shared_object: Path | None, **options: object) -> Bench:
    bench = Bench(model, config, battery_v=model.supply_v, shared_object=shared_object, **options)  # type: ignore[arg-type]
    return bench.connect().arm()


@pytest.mark.parametrize(("model", "config"), ROBOTS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, -0.25])
def test_step_settles_within_300_ms_of_its_ramp_and_does_not_overshoot(
    model: MotorModel, config: Configure, part: float, shared_object: Path | None
) -> None:
    bench = ready(model, config, shared_object)
    target = part * config.v_max_mm_s * 1e-3
    ramp_s = abs(target) / (config.wheel_accel_mm_s2 * 1e-3)
    bench.samples.clear()
    bench.drive(target, target, ramp_s + 1.0)
    speeds = [sample.left_mps for sample in bench.samples]
    settled = int((ramp_s + 0.3) * 1e6 / TICK_US)
    assert max(speed / target for speed in speeds) < 1.10
    assert all(speed == pytest.approx(target, abs=0.05 * abs(target)) for speed in speeds[settled:])
    assert speeds[-1] == pytest.approx(target, abs=0.01 * abs(target) + 0.002)


@pytest.mark.parametrize(("model", "config"), ROBOTS)
def test_setpoint_obeys_the_acceleration_limit(
    model: MotorModel, config: Configure, shared_object: Path | None
) -> None:
    bench = ready(model, config, shared_object)
    bench.samples.clear()
    top = config.v_max_mm_s * 0.9e-3
    bench.drive(top, top, 1.2)
    speeds = [sample.left_mps for sample in bench.samples]
    fastest = max((b - a) / 0.05 for a, b in zip(speeds, speeds[10:], strict=False))
    assert fastest < 1.3 * config.wheel_accel_mm_s2 * 1e-3


def test_slow_drive_is_even(shared_object: Path | None) -> None:
    """20 mm/s is 0.7 counts a loop: the estimate must not hunt between 0 and 30 mm/s."""
    bench = ready(JACKAL, JACKAL_CONFIG, shared_object)
    bench.drive(0.02, 0.02, 1.5)
    bench.samples.clear()
    measured = []
    for _ in range(200):
        bench.drive(0.02, 0.02, 0.005, every_ticks=1)
        measured.append(bench.telemetry.left_mm_s)
    speeds = [sample.left_mps for sample in bench.samples]
    assert sum(speeds) / len(speeds) == pytest.approx(0.02, abs=0.001)
    assert 0.010 < min(speeds) < max(speeds) < 0.030
    assert 12 <= min(measured) <= max(measured) <= 30


def test_wheel_held_back_for_a_while_does_not_run_away_when_freed(shared_object: Path | None) -> None:
    """Anti-windup: saturated for 0.9 s, the loop must not spend that long above its target afterwards."""
    bench = ready(JACKAL, replace(JACKAL_CONFIG, encoder_fault_ms=5000), shared_object)
    bench.drive(1.5, 1.5, 0.6)
    bench.left.push_nm = bench.right.push_nm = -15.0  # more than the motors can at full duty
    bench.drive(1.5, 1.5, 0.9)
    assert bench.state is McuState.DRIVING
    slowed = bench.left.speed_mps
    assert slowed < 1.3
    bench.left.push_nm = bench.right.push_nm = 0.0
    bench.samples.clear()
    bench.drive(1.5, 1.5, 1.0)
    speeds = [sample.left_mps for sample in bench.samples]
    above = [index for index, speed in enumerate(speeds) if speed > 1.5 * 1.10]
    assert len(above) * TICK_US < 250_000
    assert speeds[-1] == pytest.approx(1.5, abs=0.05)


def test_wheels_at_rest_get_no_duty(shared_object: Path | None) -> None:
    bench = ready(JACKAL, JACKAL_CONFIG, shared_object)
    bench.drive(0.7, 0.3, 0.8)
    bench.drive(0.0, 0.0, 1.5)
    assert bench.state is McuState.ARMED
    assert bench.duty[:2] == (0.0, 0.0)


def test_slope_is_held_slow(shared_object: Path | None) -> None:
    bench = ready(JACKAL, JACKAL_CONFIG, shared_object)
    bench.left.push_nm = bench.right.push_nm = 1.5
    bench.drive(0.0, 0.0, 2.0)
    assert bench.telemetry.faults == 0
    bench.samples.clear()
    bench.drive(0.0, 0.0, 2.0)
    travelled = sum(sample.left_mps for sample in bench.samples) * TICK_US * 1e-6
    assert abs(travelled) < 0.06


@pytest.mark.parametrize("start_us", [2**32 - 900_000, 2**31 - 900_000])
def test_clock_wraps_while_driving(start_us: int, shared_object: Path | None) -> None:
    bench = ready(JACKAL, JACKAL_CONFIG, shared_object, now_us=start_us)
    bench.drive(1.0, 1.0, 1.5)
    assert bench.now_us > start_us + 900_000
    speeds = [sample.left_mps for sample in bench.samples[-150:]]
    assert all(speed == pytest.approx(1.0, abs=0.06) for speed in speeds)
    bench.run(0.6)
    assert bench.left.speed_mps == pytest.approx(0.0, abs=0.01), "the expiry across the wrap stopped it too"


@pytest.mark.parametrize("turns", [2**31 / 4096, 2**32 / 4096])
def test_counts_wrap_while_driving(turns: float, shared_object: Path | None) -> None:
    bench = Bench(shared_object=shared_object)
    bench.left.angle_rad = bench.right.angle_rad = (turns - 1.0) * 6.283185307179586
    bench.connect().arm()
    bench.drive(1.0, 1.0, 1.5)
    assert bench.telemetry.faults == 0
    assert all(sample.left_mps == pytest.approx(1.0, abs=0.06) for sample in bench.samples[-150:])
    assert bench.telemetry.left_ticks == pytest.approx(wrapped(bench.left.ticks), abs=40), "one loop ago"


def wrapped(ticks: int) -> int:
    return (ticks + 2**31) % 2**32 - 2**31


def test_telemetry_tells_what_the_wheels_do(driving: Bench) -> None:
    report = driving.telemetry
    assert report.left_mm_s == pytest.approx(1000, abs=40)
    assert report.left_duty / 127 == pytest.approx(driving.duty.left_frac, abs=1 / 127)
    assert report.battery_mv == 24_000
    assert report.gyro_z_raw == round(0.1 / 3e-4)
    assert (report.accel_x_mm_s2, report.accel_y_mm_s2) == (200, -300)
    assert report.warnings == 0


def test_telemetry_without_imu_says_not_measured(connected: Bench) -> None:
    connected.imu_ok = False
    connected.step()
    report = connected.telemetry
    assert (report.gyro_z_raw, report.accel_x_mm_s2, report.accel_y_mm_s2) == (-32768,) * 3
    assert report.warnings & WarningBit.IMU


@pytest.mark.parametrize(("loop_hz", "telemetry_hz"), [(200, 200), (200, 50), (200, 10), (100, 500), (1000, 200)])
def test_telemetry_rate(loop_hz: int, telemetry_hz: int, shared_object: Path | None) -> None:
    config = replace(JACKAL_CONFIG, loop_hz=loop_hz, telemetry_hz=telemetry_hz)
    bench = Bench(config=config, tick_us=1_000_000 // loop_hz, shared_object=shared_object).connect()
    bench.messages.clear()
    bench.run(1.0)
    assert len(bench.messages) == pytest.approx(min(loop_hz, telemetry_hz), abs=1)


FLAGS = ConfigFlag


@pytest.mark.parametrize(
    ("flags", "left_sign", "right_sign", "motors", "swapped"),
    [
        (FLAGS.LEFT_ENCODER_INVERTED, -1, 1, (1, 1), False),
        (FLAGS.RIGHT_ENCODER_INVERTED, 1, -1, (1, 1), False),
        (FLAGS.LEFT_MOTOR_INVERTED, 1, 1, (-1, 1), False),
        (FLAGS.RIGHT_MOTOR_INVERTED, 1, 1, (1, -1), False),
        (FLAGS.ENCODERS_SWAPPED | FLAGS.MOTORS_SWAPPED, 1, 1, (1, 1), True),
    ],
)
def test_flags_undo_the_wiring(
    flags: int, left_sign: int, right_sign: int, motors: tuple[int, int], swapped: bool, shared_object: Path | None
) -> None:
    """Duty signs as wired; a bench whose motors are wired so would drive straight."""
    bench = Bench(config=replace(JACKAL_CONFIG, flags=int(flags)), shared_object=shared_object).connect().arm()
    firmware, now_us, counts = bench.firmware, bench.now_us, [0.0, 0.0]
    duty = None
    for tick in range(60):
        now_us += TICK_US
        bench.now_us = now_us
        if tick % 4 == 0:
            bench.command(0.5, 0.25)
        share = min(1.0, tick / 30)
        counts[0] += 0.5 * share * 0.005 / JACKAL.m_per_tick
        counts[1] += 0.25 * share * 0.005 / JACKAL.m_per_tick
        pins = [round(counts[0]) * left_sign, round(counts[1]) * right_sign]
        if swapped:
            pins.reverse()
        duty = firmware.tick(now_us, pins[0], pins[1], 0.0, 0.0, 0.0, 24.0, False)
        bench._listen()
    assert duty is not None
    left, right = (duty.right_frac, duty.left_frac) if swapped else (duty.left_frac, duty.right_frac)
    assert left * motors[0] > right * motors[1] > 0.05
    assert bench.telemetry.faults == 0
    assert bench.telemetry.left_mm_s == pytest.approx(500, abs=30)
    assert bench.telemetry.right_mm_s == pytest.approx(250, abs=30)


def test_overrun_of_the_loop_is_told_and_harmless(driving: Bench) -> None:
    driving.command(1.0, 1.0)
    driving.now_us += 20_000
    driving.step()
    assert driving.telemetry.warnings & WarningBit.LOOP_OVERRUN
    driving.drive(1.0, 1.0, 0.3)
    assert driving.left.speed_mps == pytest.approx(1.0, abs=0.05)
    assert driving.telemetry.faults & (FaultBit.LEFT_NOT_TURNING | FaultBit.LEFT_UNCOMMANDED) == 0


def test_clock_that_stands_brakes_and_is_not_kicked(driving: Bench) -> None:
    driving.command(1.0, 1.0)
    driving.now_us -= driving.tick_us
    driving.step()
    assert driving.duty == (0.0, 0.0, DriveMode.BRAKE, False)
    driving.step()
    assert driving.duty.watchdog_ok


@pytest.mark.parametrize(("left_mps", "right_mps"), [(0.0, 0.4), (0.4, 0.0), (-0.3, 0.3)])
def test_pivot(armed: Bench, left_mps: float, right_mps: float) -> None:
    armed.drive(left_mps, right_mps, 0.6)
    assert armed.state is McuState.DRIVING
    assert armed.left.speed_mps == pytest.approx(left_mps, abs=0.02)
    assert armed.right.speed_mps == pytest.approx(right_mps, abs=0.02)
