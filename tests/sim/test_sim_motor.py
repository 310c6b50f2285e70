"""The DC motor: datasheet points come out, sag couples the motors, NaN is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.config.hardware import Motor
from sim.motor import checked_drive, motor_output
from sim.physics import MotorMode, WheelDrive

STIFF = Motor(
    supply_v=12.0,
    resistance_ohm=2.0,
    torque_constant_nm_per_a=0.4,
    back_emf_v_s_per_rad=0.5,
    rotor_inertia_kgm2=0.003,
    static_friction_nm=0.0,
    viscous_friction_nm_s_per_rad=0.0,
    current_limit_a=100.0,
)
SAGGING = STIFF.model_copy(update={"supply_sag_v_per_a": 0.3, "current_limit_a": 4.0})


def test_stalled_motor_gives_stall_torque() -> None:
    output = motor_output(STIFF, WheelDrive(1.0, -0.5), 0.0, 0.0)
    assert (output.left_nm, output.right_nm) == pytest.approx((0.4 * 6.0, -0.4 * 3.0))
    assert output.battery_v == 12.0


def test_motor_at_no_load_speed_gives_no_torque() -> None:
    assert motor_output(STIFF, WheelDrive(1.0, 1.0), 24.0, 24.0).left_nm == pytest.approx(0.0)


def test_brake_works_against_rotation_without_battery_and_coast_does_nothing() -> None:
    drive = WheelDrive(1.0, 1.0, MotorMode.BRAKE, MotorMode.COAST)
    output = motor_output(SAGGING, drive, 100.0, 100.0)
    assert output.left_a == pytest.approx(-25.0)  # not cut by the driver's limit
    assert output.left_nm < 0.0
    assert (output.right_a, output.right_nm) == (0.0, 0.0)
    assert output.battery_v == 12.0


@settings(max_examples=50, deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-20, 20), st.floats(-20, 20))
def test_currents_and_sag_satisfy_the_circuit(left: float, right: float, left_radps: float, right_radps: float) -> None:
    motor = SAGGING.model_copy(update={"current_limit_a": 1e6})
    output = motor_output(motor, WheelDrive(left, right), left_radps, right_radps)
    for duty, speed, current in ((left, left_radps, output.left_a), (right, right_radps, output.right_a)):
        assert duty * output.battery_v == pytest.approx(2.0 * current + 0.5 * speed, abs=1e-9)
    assert output.battery_v == pytest.approx(12.0 - 0.3 * (left * output.left_a + right * output.right_a), abs=1e-9)


def test_current_limit_bounds_the_torque_in_both_directions() -> None:
    output = motor_output(SAGGING, WheelDrive(1.0, -1.0), 0.0, 0.0)
    assert (output.left_a, output.right_a) == (4.0, -4.0)
    assert (output.left_nm, output.right_nm) == pytest.approx((1.6, -1.6))
    assert output.battery_v == pytest.approx(12.0 - 0.3 * 8.0)


@pytest.mark.parametrize("duty", [math.nan, math.inf, -math.inf])
def test_duty_that_is_not_finite_is_refused(duty: float) -> None:
    with pytest.raises(ValueError, match="right_duty"):
        checked_drive(WheelDrive(0.0, duty))


def test_duty_beyond_full_is_full() -> None:
    assert checked_drive(WheelDrive(1.5, -7.0)) == WheelDrive(1.0, -1.0)
