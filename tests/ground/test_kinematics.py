"""Differential-drive kinematics, read as its specification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amr.geometry import Twist2
from amr.kinematics import WheelSpeeds, limit_wheel_speeds, twist_from_wheel_speeds, wheel_speeds_from_twist


def test_straight_drives_both_wheels_alike() -> None:
    assert wheel_speeds_from_twist(Twist2(1.0, 0.0), 0.5) == WheelSpeeds(1.0, 1.0)


def test_spin_to_the_left_drives_the_right_wheel_forward() -> None:
    assert wheel_speeds_from_twist(Twist2(0.0, 2.0), 0.5) == WheelSpeeds(-0.5, 0.5)


@given(st.floats(-2, 2), st.floats(-4, 4), st.floats(0.1, 1.0))
def test_forward_kinematics_undoes_inverse_kinematics(v_mps: float, w_radps: float, track_m: float) -> None:
    twist = twist_from_wheel_speeds(wheel_speeds_from_twist(Twist2(v_mps, w_radps), track_m), track_m)
    assert (twist.v_mps, twist.w_radps) == pytest.approx((v_mps, w_radps), abs=1e-9)


def test_limiting_keeps_the_curvature() -> None:
    limited = limit_wheel_speeds(WheelSpeeds(1.0, 3.0), 1.5)
    assert limited == WheelSpeeds(0.5, 1.5)


def test_speeds_within_the_limit_are_untouched() -> None:
    assert limit_wheel_speeds(WheelSpeeds(-0.2, 0.3), 0.3) == WheelSpeeds(-0.2, 0.3)
