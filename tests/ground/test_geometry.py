"""Poses, angles and the portable mathematics under them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amr import portable_math
from amr.geometry import IDENTITY, Pose2, Twist2, integrate_twist, wrap_angle
from amr.kernels import trig

finite = st.floats(-1e3, 1e3)
poses = st.builds(Pose2, finite, finite, st.floats(-math.pi, math.pi))


@given(st.floats(-1e5, 1e5))
def test_sine_and_cosine_are_within_an_ulp_or_two_of_the_c_library(angle_rad: float) -> None:
    sine, cosine = portable_math.sin_cos(angle_rad)
    assert sine == pytest.approx(math.sin(angle_rad), abs=2.3e-16)
    assert cosine == pytest.approx(math.cos(angle_rad), abs=2.3e-16)


@given(finite, finite)
def test_arctangent_is_close_to_the_c_library(y: float, x: float) -> None:
    expected = math.atan2(y, x) if (x, y) != (0.0, 0.0) else 0.0
    angle_rad = portable_math.arctan2(y, x)
    assert math.remainder(angle_rad - expected, math.tau) == pytest.approx(0.0, abs=6e-16)


@given(st.floats(-700.0, 700.0))
def test_exponential_is_close_to_the_c_library(x: float) -> None:
    assert portable_math.exponential(x) == pytest.approx(math.exp(x), rel=6e-16)


def test_exponential_ends_are_defined() -> None:
    assert portable_math.exponential(-1e9) == 0.0
    assert portable_math.exponential(1e9) == math.inf
    assert math.isnan(portable_math.exponential(math.nan))


@given(st.floats(5e-324, 1.7e308))
def test_logarithm_is_close_to_the_c_library(x: float) -> None:
    assert portable_math.logarithm(x) == pytest.approx(math.log(x), rel=6e-16, abs=4e-16)


def test_logarithm_ends_are_defined() -> None:
    assert portable_math.logarithm(0.0) == -math.inf
    assert portable_math.logarithm(math.inf) == math.inf
    assert math.isnan(portable_math.logarithm(-1.0))
    assert math.isnan(portable_math.logarithm(math.nan))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e7])
def test_sine_of_no_angle_is_nan(bad: float) -> None:
    assert all(math.isnan(part) for part in portable_math.sin_cos(bad))


def test_compiled_functions_give_the_same_bits_as_python() -> None:
    for value in np.random.default_rng(1).uniform(-50.0, 50.0, 2000).tolist():
        assert trig.sin_cos(value) == portable_math.sin_cos(value)
        assert trig.exponential(value) == portable_math.exponential(value)
        assert trig.logarithm(value * value) == portable_math.logarithm(value * value)
        assert trig.arctan2(value, value * value - 7.0) == portable_math.arctan2(value, value * value - 7.0)


def test_sines_of_many_angles_have_the_bits_of_one_at_a_time() -> None:
    quarters = np.arange(-40, 41) * (math.pi / 4.0)
    ends = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e6, -1e6, 999_999.5]
    angles = np.concatenate([np.random.default_rng(2).uniform(-50.0, 50.0, 2000), quarters, ends])
    sines, cosines = np.empty(len(angles)), np.empty(len(angles))
    trig.sin_cos_each(angles, sines, cosines)
    one_by_one = np.array([portable_math.sin_cos(angle) for angle in angles.tolist()])
    assert np.array_equal(np.isnan(sines), np.isnan(one_by_one[:, 0]))
    assert np.isnan(sines).sum() == 5
    known = ~np.isnan(sines)
    assert sines[known].tobytes() == np.ascontiguousarray(one_by_one[known, 0]).tobytes()
    assert cosines[known].tobytes() == np.ascontiguousarray(one_by_one[known, 1]).tobytes()


@given(st.floats(-1e4, 1e4))
def test_wrapped_angle_is_the_same_direction_in_the_half_open_interval(angle_rad: float) -> None:
    wrapped = wrap_angle(angle_rad)
    assert -math.pi < wrapped <= math.pi
    assert math.sin(wrapped) == pytest.approx(math.sin(angle_rad), abs=1e-9)
    assert math.cos(wrapped) == pytest.approx(math.cos(angle_rad), abs=1e-9)


def test_minus_pi_wraps_to_plus_pi() -> None:
    assert wrap_angle(-math.pi) == math.pi


def test_wrapping_no_angle_gives_nan() -> None:
    assert math.isnan(wrap_angle(math.inf))


@given(poses)
def test_a_pose_times_its_inverse_is_the_identity(pose: Pose2) -> None:
    product = pose @ pose.inverse()
    assert (product.x_m, product.y_m) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert math.cos(product.yaw_rad) == pytest.approx(1.0)


@given(poses, poses, finite, finite)
def test_composition_is_application_after_application(a: Pose2, b: Pose2, x_m: float, y_m: float) -> None:
    assert (a @ b).apply(x_m, y_m) == pytest.approx(a.apply(*b.apply(x_m, y_m)), abs=1e-6)


def test_bearing_of_a_point_on_the_left_is_positive() -> None:
    assert IDENTITY.bearing_rad(Pose2(0.0, 2.0, 0.0)) == pytest.approx(math.pi / 2)


def test_a_quarter_circle_ends_where_it_should() -> None:
    pose = IDENTITY
    for _ in range(1000):
        pose = integrate_twist(pose, Twist2(1.0, 1.0), math.pi / 2 / 1000)
    assert (pose.x_m, pose.y_m, pose.yaw_rad) == pytest.approx((1.0, 1.0, math.pi / 2), abs=1e-6)


def test_a_pose_with_nan_says_so() -> None:
    assert not Pose2(math.nan, 0.0, 0.0).is_finite()
    assert IDENTITY.is_finite()
