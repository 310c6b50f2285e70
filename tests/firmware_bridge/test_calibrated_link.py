"""What the link makes of unequal wheels, a gyro with a scale, and settings that change while it is up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mcu_model import Rig, jackal

from amr.messages import BaseState, Imu, McuState, StopCategory, WheelCommand
from firmware_bridge import wire
from firmware_bridge.commands import turned_as
from firmware_bridge.link import Phase, link_config_from_robot
from firmware_bridge.odometer import ImuWatch, Odometer


def telemetry(left: int, right: int, gyro_raw: int = 100) -> wire.Telemetry:
    return wire.Telemetry(
        0, left, right, 500, -500, gyro_raw, 1, 2, 12000, McuState.IDLE, wire.StopCause.NONE, 0, 0, 0, 0, 0
    )


def test_counts_and_speeds_are_told_as_of_equal_wheels() -> None:
    odometer = Odometer((0.98, 1.02))
    odometer.read(telemetry(0, 0), 1, 7)
    state = odometer.read(telemetry(10_000, -10_000), 2, 7)
    assert (state.left_ticks, state.right_ticks) == (9_800, -10_200)
    assert (state.left_mps, state.right_mps) == pytest.approx((0.49, -0.51))


def test_rounding_of_counts_does_not_pile_up() -> None:
    odometer = Odometer((0.9973, 1.0))
    odometer.read(telemetry(0, 0), 1, 7)
    for count in range(1, 5001):
        state = odometer.read(telemetry(count, 0), 1 + count, 7)
    assert abs(state.left_ticks - 0.9973 * 5000) <= 0.5


def test_the_gyro_is_freed_of_offset_and_scale() -> None:
    imu = ImuWatch(1.02, 0.01).read(telemetry(0, 0, gyro_raw=1000), 1)
    assert imu is not None
    assert imu.gyro_z_radps == pytest.approx((0.3 - 0.01) * 1.02)


def test_a_smaller_wheel_is_commanded_to_turn_faster_and_a_stop_stays_a_stop() -> None:
    command = turned_as(WheelCommand(0.5, 0.5, 9, StopCategory.RAMP, True), 0.98, 1.02)
    assert (command.left_mps, command.right_mps) == pytest.approx((0.5 / 0.98, 0.5 / 1.02))
    assert command.stop is StopCategory.RAMP


def test_unequal_wheels_still_reach_the_robot_files_limits() -> None:
    robot = jackal()
    drive = robot.drive.model_copy(update={"left_radius_scale": 0.97, "right_radius_scale": 1.03})
    limits = link_config_from_robot(robot.model_copy(update={"drive": drive})).configure
    fastest_mm_s = 1e3 * robot.limits.v_max_mps / 0.97
    assert limits.v_max_mm_s >= fastest_mm_s
    assert limits.wheel_max_mm_s >= fastest_mm_s


def test_the_wiring_of_the_file_reaches_the_board() -> None:
    robot = jackal()
    firmware = robot.firmware.model_copy(update={"wiring": ("motors_swapped", "left_encoder_inverted")})
    flags = link_config_from_robot(robot.model_copy(update={"firmware": firmware})).configure.flags
    assert flags == wire.ConfigFlag.MOTORS_SWAPPED | wire.ConfigFlag.LEFT_ENCODER_INVERTED
    assert link_config_from_robot(robot, flags=2).configure.flags == 2


def test_other_settings_begin_a_new_session_disarmed() -> None:
    rig = Rig()
    rig.bring_up()
    config = rig.link.config
    rig.link.reconfigure(replace(config, configure=replace(config.configure, encoder_fault_ms=900), gyro_scale=2.0))
    assert rig.link.phase is Phase.HELLO
    rig.events.clear()
    rig.run(1.0)
    assert rig.link.phase is Phase.UP
    assert any(isinstance(event, BaseState) for _, event in rig.events)
    imu = [event for _, event in rig.events if isinstance(event, Imu)]
    assert imu[-1].gyro_z_radps == pytest.approx(0.06)
