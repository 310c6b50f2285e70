"""Each estimator on data of known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amr.calibration import covariance, deceleration, geometry, inertial, latency, motor, wiring
from amr.calibration.base import CalibrationError, Estimate, least_squares
from amr.calibration.geometry import Motion, WheelGeometry
from amr.calibration.wiring import Push
from amr.geometry import Pose2
from firmware_bridge.wire_values import ConfigFlag
from sim.wires import Wires

NAMES = tuple(flag.name.lower() for flag in ConfigFlag if flag.name)


# ------------------------------------------------------------ wiring


def push_of(wires: Wires, pin: int, gyro_sign: float = 1.0) -> Push:
    """What a robot wired like this does when one pin gets positive duty."""
    duties = wires.duties(*((0.1, 0.0) if pin == 0 else (0.0, 0.1)))
    turned = [duty * 200.0 for duty in duties]
    yaw_rad = (turned[1] - turned[0]) * 0.005
    counts = wires.counts(round(turned[0]), round(turned[1]))
    return Push(pin, 0.1, counts, gyro_sign * yaw_rad, yaw_rad)


def both_pushed(wires: Wires, sign: float) -> Push:
    """Both pins with duty; ways differ from push to push, as they do on a floor."""
    left, right = wires.duties(0.1, sign * 0.1)
    way = 400.0 if left * right > 0.0 else 310.0
    turned = way * left / 0.1, way * right / 0.1
    yaw_rad = (turned[1] - turned[0]) * 1e-4
    return Push(0, 0.1, wires.counts(round(turned[0]), round(turned[1])), yaw_rad, yaw_rad)


def wires_of(names: tuple[str, ...]) -> Wires:
    def sign(name: str) -> int:
        return -1 if name in names else 1

    return Wires(
        (sign("left_encoder_inverted"), sign("right_encoder_inverted")),
        (sign("left_motor_inverted"), sign("right_motor_inverted")),
        "encoders_swapped" in names,
        "motors_swapped" in names,
    )


@pytest.mark.parametrize("mask", range(64))
def test_one_of_two_wirings_is_the_true_one_for_each_of_the_64(mask: int) -> None:
    names = tuple(sorted(name for bit, name in enumerate(NAMES) if mask >> bit & 1))
    found = wiring.wirings((push_of(wires_of(names), 0), push_of(wires_of(names), 1)))
    assert names in found
    other = wires_of(found[0] if found[1] == names else found[1])
    # told apart: with the other wiring in force "forward" drives both wheels backward
    pins = (0.2 * other.motor_signs[0], 0.2 * other.motor_signs[1])
    pins = (pins[1], pins[0]) if other.motors_swapped else pins
    assert wires_of(names).duties(*pins) == (-0.2, -0.2)


@pytest.mark.parametrize("mask", range(64))
def test_the_wiring_of_a_skid_steer_is_found_from_pushes_of_both_motors(mask: int) -> None:
    names = tuple(sorted(name for bit, name in enumerate(NAMES) if mask >> bit & 1))
    alike, against = (both_pushed(wires_of(names), sign) for sign in (1.0, -1.0))
    assert names in wiring.wirings(wiring.apart(alike, against))


@pytest.mark.parametrize(
    ("push", "words"),
    [
        (Push(0, 0.2, (0, 0), 0.0, 0.0), "nothing moved"),
        (Push(0, 0.2, (40, 0), 0.0, 0.0), "does not turn"),
        (Push(0, 0.2, (0, 1), -0.1, -0.1), "no encoder counts"),
        (Push(0, 0.2, (40, 0), -0.1, 0.1), "upside down"),
        (Push(0, 0.2, (40, 0), 0.0, -0.1), "gyro does not see"),
        (Push(0, 0.2, (40, 0), -0.1, 0.0), "lidar does not see"),
        (Push(0, 0.2, (40, 39), -0.1, -0.1), "both encoders count"),
        (Push(0, 0.2, (0, 40), -0.1, -0.1), "both motors turn the wheel"),
        (Push(0, 0.2, (40, 0), math.nan, math.nan), "neither"),
    ],
)
def test_a_push_that_is_not_possible_is_named(push: Push, words: str) -> None:
    with pytest.raises(CalibrationError, match=words):
        wiring.wirings((push, Push(1, 0.1, (0, 40), 0.1, 0.1)))


def test_forward_is_what_scans_and_accelerometer_agree_on() -> None:
    assert wiring.is_forward(0.1, 0.05, 0.1)
    assert not wiring.is_forward(-0.1, math.nan, 0.1)
    with pytest.raises(CalibrationError, match="disagree"):
        wiring.is_forward(0.1, -0.05, 0.1)
    with pytest.raises(CalibrationError, match="90"):
        wiring.is_forward(0.001, 0.05, 0.1)


# ------------------------------------------------------------ motor


def test_feed_forward_of_a_noisy_motor_lies_in_its_interval() -> None:
    rng = np.random.default_rng(1)
    speed = np.repeat([0.1, 0.2, 0.3, -0.1, -0.2, -0.3], 2)
    duty = 0.03 * np.sign(speed) + 1.1 * speed + rng.normal(0.0, 0.002, 12)
    fit = motor.feed_forward(duty, speed)
    assert fit.slope.interval[0] < 1.1 < fit.slope.interval[1]
    assert fit.static.interval[0] < 0.03 < fit.static.interval[1]


def test_one_level_of_duty_does_not_determine_the_feed_forward() -> None:
    with pytest.raises(CalibrationError, match="does not determine"):
        motor.feed_forward(np.full(6, 0.2), np.full(6, 0.15))


def test_a_wheel_that_turns_against_its_duty_is_refused() -> None:
    with pytest.raises(CalibrationError, match="against"):
        motor.feed_forward(np.array([0.1, 0.2, 0.3]), np.array([0.1, -0.1, 0.3]))


def test_time_constant_comes_from_the_way() -> None:
    tau, settled, duration = 0.08, 0.3, 1.0
    way = settled * (duration - tau * (1.0 - math.exp(-duration / tau)))
    assert motor.time_constant_s(duration, way, settled) == pytest.approx(tau, rel=1e-4)


def test_gains_put_the_lag_where_the_firmware_expects_it() -> None:
    gains = motor.loop_gains(1.0, Estimate(0.09, 0.001))
    assert 0.09 / (1.0 + gains.proportional / 1.0) == pytest.approx(motor.WHEEL_LAG_S)
    assert motor.loop_gains(1.0, Estimate(0.02, 0.001)).proportional == pytest.approx(motor.LEAST_PROPORTIONAL)


# ------------------------------------------------------------ geometry

TRUTH = WheelGeometry(0.0442, 0.0449, 0.2275, 0.045, -0.03, 0.09)
FILE = WheelGeometry(0.045, 0.045, 0.22, 0.02, 0.0, 0.0)


def motion(left_rad: float, right_rad: float, noise: np.random.Generator | None = None) -> Motion:
    share = np.linspace(0.0, 1.0, 80)
    rows = np.stack([share * left_rad, share * right_rad], axis=1)
    bare = Motion(rows, Pose2(0.0, 0.0, 0.0), 0.001, 0.0004)
    seen = geometry.lidar_motion(bare, TRUTH)
    if noise is not None:
        e = noise.normal(0.0, 1.0, 3)
        seen = Pose2(seen.x_m + 0.001 * e[0], seen.y_m + 0.001 * e[1], seen.yaw_rad + 0.0004 * e[2])
    return Motion(rows, seen, 0.001, 0.0004)


WAYS = [(27, 27), (-27, -27), (-4, 4), (-4, 4), (-4, 4), (4, -4), (4, -4), (-31, 31), (31, -31), (20, 26), (-20, -26)]


def test_geometry_is_found_exactly_without_noise() -> None:
    found = geometry.estimate([motion(*way) for way in WAYS], FILE)
    assert found.geometry.as_array() == pytest.approx(TRUTH.as_array(), abs=1e-7)


def test_geometry_is_found_within_its_intervals_with_noise() -> None:
    inside = np.zeros(6)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = geometry.estimate([motion(*way, rng) for way in WAYS], FILE)
        for index, (value, truth) in enumerate(zip(found.values, TRUTH.as_array(), strict=True)):
            inside[index] += value.interval[0] <= truth <= value.interval[1]
    assert (inside >= 34).all(), inside  # 38 of 40 are expected


def test_straights_alone_do_not_determine_the_geometry() -> None:
    with pytest.raises(CalibrationError, match="do not determine"):
        geometry.estimate([motion(27, 27), motion(-27, -27), motion(14, 14)], FILE)


def test_a_radius_far_from_the_file_is_refused() -> None:
    with pytest.raises(CalibrationError, match="ticks_per_wheel_rev"):
        geometry.estimate([motion(*way) for way in WAYS], WheelGeometry(0.09, 0.09, 0.44, 0.02, 0.0, 0.0))


# ------------------------------------------------------------ latency


def test_time_offset_of_an_oscillation() -> None:
    rng = np.random.default_rng(3)
    wheel_s = np.arange(0.0, 8.0, 0.005)
    lidar_s = np.arange(0.3, 7.7, 0.1)
    lidar = 0.3 * np.sin(4.5 * (lidar_s + 0.0123)) + 1.0 + rng.normal(0.0, 0.0005, len(lidar_s))
    found = latency.time_offset(lidar_s, lidar, wheel_s, 0.3 * np.sin(4.5 * wheel_s))
    assert found.value == pytest.approx(0.0123, abs=4e-4)
    assert found.interval[0] < 0.0123 < found.interval[1]


def test_no_turning_tells_no_time() -> None:
    time_s = np.arange(0.0, 8.0, 0.01)
    with pytest.raises(CalibrationError, match="slowly"):
        latency.time_offset(time_s[100:200], np.zeros(100), time_s, np.zeros(800))


def test_least_delay_ignores_waits() -> None:
    rng = np.random.default_rng(4)
    samples = 0.012 + rng.uniform(0.0, 0.005, 600)
    samples[::50] += 0.02
    found = latency.least_delay(samples, 0.005)
    assert found.least.value == pytest.approx(0.012, abs=2e-4)
    assert 0.004 < found.jitter_s < 0.03


# ------------------------------------------------------------ the rest


def test_plateau_of_a_stop() -> None:
    rng = np.random.default_rng(5)
    stops = []
    for _ in range(4):
        accel = np.concatenate([np.zeros(8), np.full(26, -4.2), np.zeros(20)]) + rng.normal(0.0, 0.04, 54)
        stops.append(deceleration.plateau(accel, 0.005, 0.6))
    found = deceleration.achievable_mps2(stops)
    assert found.value == pytest.approx(4.2, rel=0.02)


def test_a_robot_that_does_not_brake_is_refused() -> None:
    with pytest.raises(CalibrationError, match="did not brake"):
        deceleration.plateau(np.zeros(50), 0.005, 0.6)


def test_a_calibration_never_raises_the_brake() -> None:
    assert deceleration.certain_brake_mps2(1.5, Estimate(5.0, 0.05)) == 1.5
    assert deceleration.certain_brake_mps2(1.5, Estimate(1.2, 0.01)) < 1.2


def test_gyro_at_rest_and_its_scale() -> None:
    rng = np.random.default_rng(6)
    rest = inertial.at_rest(rng.normal(0.01, 0.001, 600), rng.normal(0.1, 0.04, 600), rng.normal(0.0, 0.04, 600))
    assert rest.gyro_bias_radps.value == pytest.approx(0.01, abs=2e-4)
    assert rest.accel_noise_mps2.value == pytest.approx(0.04, rel=0.1)
    told = np.array([12.6, -12.6, 1.57, -1.57])
    assert inertial.scale_of(told * 1.013, told, 1e-3).value == pytest.approx(1.013, abs=1e-6)


def test_a_robot_that_is_moved_by_hand_is_not_at_rest() -> None:
    rng = np.random.default_rng(7)
    gyro = rng.normal(0.0, 0.001, 600)
    gyro[300:] += 0.05
    with pytest.raises(CalibrationError, match="not standing still"):
        inertial.at_rest(gyro, rng.normal(0.0, 0.04, 600), rng.normal(0.0, 0.04, 600))


def test_range_noise_is_that_of_most_beams() -> None:
    rng = np.random.default_rng(8)
    ranges = 3.0 + rng.normal(0.0, 0.01, (12, 400))
    ranges[:, :20] += rng.normal(0.0, 0.3, (12, 20))
    ranges[3, 50] = np.inf
    found = covariance.range_noise_m(ranges)
    assert found.value == pytest.approx(0.01, rel=0.05)


def test_growth_of_a_random_walk() -> None:
    rng = np.random.default_rng(9)
    ways = rng.uniform(1.0, 10.0, 400)
    residuals = rng.normal(0.0, np.sqrt(0.001**2 + 0.02**2 * ways))
    found = covariance.growth(residuals, np.full(400, 0.001), ways)
    assert found.value == pytest.approx(0.02, rel=0.1)


def test_least_squares_refuses_what_is_not_determined() -> None:
    with pytest.raises(CalibrationError):
        least_squares(np.ones((5, 2)), np.ones(5))
