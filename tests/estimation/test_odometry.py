"""The odometry filter: accuracy, honesty of its covariance, order of measurements, bad input."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odometry_drive import PERIOD_NS, Drive, base_state, robot

from amr.estimation.odometry import OdometryFilter
from amr.geometry import IDENTITY, Pose2, wrap_angle
from amr.messages import Imu
from amr.state import restore_into, tree_of


def feed(odometry, messages):
    for message in messages:
        odometry.ingest(message)


def start(config=None, **truth):
    """A filter and a robot at rest, the first sample taken."""
    config = config or robot()
    pair = OdometryFilter(config), Drive(config, **truth)
    feed(pair[0], pair[1].step(0.0, 0.0))
    return pair


def drive(odometry, truth, v_mps, w_radps, steps, predict_every=4):
    for step in range(steps):
        feed(odometry, truth.step(v_mps, w_radps))
        if step % predict_every == predict_every - 1:
            odometry.predict(truth.now_ns)


def assert_pose(pose, x_m, y_m, yaw_rad, tolerance=1e-3):
    assert pose.x_m == pytest.approx(x_m, abs=tolerance)
    assert pose.y_m == pytest.approx(y_m, abs=tolerance)
    assert wrap_angle(pose.yaw_rad - yaw_rad) == pytest.approx(0.0, abs=tolerance)


# ---------------------------------------------------------------- what it estimates


def test_starts_at_the_origin_and_at_rest():
    estimate = OdometryFilter(robot()).predict(123)
    assert estimate.odom_from_base == IDENTITY
    assert estimate.twist.v_mps == estimate.twist.w_radps == 0.0
    assert estimate.stamp_ns == 123


def test_follows_an_arc_to_the_size_of_the_encoder_counts():
    odometry, truth = start()
    drive(odometry, truth, 0.0, 0.0, 20)
    drive(odometry, truth, 1.0, 0.7, 800)
    estimate = odometry.predict(truth.now_ns)
    assert_pose(estimate.odom_from_base, truth.x_m, truth.y_m, truth.yaw_rad, 2e-3)
    assert estimate.twist.v_mps == pytest.approx(1.0, abs=0.01)
    assert estimate.twist.w_radps == pytest.approx(0.7, abs=1e-3)


def test_reverse_is_negative():
    odometry, truth = start()
    drive(odometry, truth, -0.5, 0.0, 200)
    estimate = odometry.predict(truth.now_ns)
    assert_pose(estimate.odom_from_base, -0.5, 0.0, 0.0)
    assert estimate.twist.v_mps == pytest.approx(-0.5, abs=0.01)


def test_speed_follows_acceleration_within_10_ms():
    odometry, truth = start()
    v_mps = 0.0
    for _ in range(100):
        v_mps += 3.0 * 0.005
        feed(odometry, truth.step(v_mps, 0.0))
        estimate = odometry.predict(truth.now_ns)
    assert estimate.twist.v_mps == pytest.approx(v_mps, abs=3.0 * 0.010)


def test_standing_wheels_show_the_bias_and_hold_the_yaw():
    odometry = OdometryFilter(robot())
    truth = Drive(gyro_bias_radps=0.01, gyro_noise_radps=0.005)
    drive(odometry, truth, 0.0, 0.0, 600)
    assert odometry.gyro_bias_radps == pytest.approx(0.01, abs=0.001)
    assert abs(odometry.predict(truth.now_ns).odom_from_base.yaw_rad) < 0.003
    assert odometry.predict(truth.now_ns).pose_sigma[2] < 0.01
    drive(odometry, truth, 1.0, 0.0, 1000)
    assert abs(odometry.predict(truth.now_ns).odom_from_base.yaw_rad) < 0.01


def test_an_encoder_that_flickers_by_one_count_still_stands():
    odometry = OdometryFilter(robot())
    for step in range(400):
        stamp_ns = (step + 1) * PERIOD_NS
        feed(odometry, [base_state(stamp_ns, step % 2, 0), Imu(stamp_ns, 0.008, 0.0, 0.0)])
        estimate = odometry.predict(stamp_ns)
    assert odometry.gyro_bias_radps == pytest.approx(0.008, abs=5e-4)
    assert estimate.twist.v_mps == 0.0


def test_being_turned_by_hand_is_no_bias():
    odometry = OdometryFilter(robot())
    for step in range(400):
        stamp_ns = (step + 1) * PERIOD_NS
        turning = 200 <= step < 400
        feed(odometry, [base_state(stamp_ns, 0, 0), Imu(stamp_ns, 0.5 if turning else 0.0, 0.0, 0.0)])
        estimate = odometry.predict(stamp_ns)
    assert estimate.odom_from_base.yaw_rad == pytest.approx(0.5, abs=0.01)
    assert abs(odometry.gyro_bias_radps) < 1e-3
    assert odometry.slip_radps == pytest.approx(-0.5, abs=0.01)


def test_a_slow_start_of_turning_is_not_taken_for_bias():
    """The body turns before a count shows; this once cost 5 mrad/s of bias and 0.1 rad in 20 s."""
    odometry, truth = start()
    drive(odometry, truth, 0.0, 0.0, 100)
    for step in range(400):
        feed(odometry, truth.step(0.0, min(0.5, 0.002 * step)))
        odometry.predict(truth.now_ns)
    assert abs(odometry.gyro_bias_radps) < 5e-4
    assert wrap_angle(odometry.predict(truth.now_ns).odom_from_base.yaw_rad - truth.yaw_rad) == pytest.approx(
        0.0, abs=2e-3
    )


def test_wheels_bound_a_bias_while_driving():
    """Straight on for two minutes with a bias 15 times what the robot file says."""
    odometry, truth = start(robot(wheel_slip_yaw_noise_radps=0.005), gyro_bias_radps=0.03)
    drive(odometry, truth, 1.0, 0.0, 24_000, predict_every=40)
    assert odometry.gyro_bias_radps == pytest.approx(0.03, abs=0.005)


def test_wheels_turn_the_pose_while_the_gyro_is_silent():
    odometry, truth = start()
    drive(odometry, truth, 0.5, 0.4, 100)
    sigma = odometry.predict(truth.now_ns).pose_sigma[2]
    for _ in range(400):
        wheels, _gyro = truth.step(0.5, 0.4)
        odometry.ingest(wheels)
        estimate = odometry.predict(truth.now_ns)
    assert_pose(estimate.odom_from_base, truth.x_m, truth.y_m, truth.yaw_rad, 0.01)
    assert estimate.twist.w_radps == pytest.approx(0.4, abs=0.1)
    assert estimate.pose_sigma[2] > 10.0 * sigma


def test_the_gyro_turns_the_pose_when_wheels_tell_another_story():
    """A skid steer's wheels may spin by twice the true rate."""
    odometry, truth = start(robot("skid_steer"))
    for _ in range(200):
        wheels, gyro = truth.step(0.0, 0.5)
        feed(odometry, [base_state(wheels.stamp_ns, 2 * wheels.left_ticks, 2 * wheels.right_ticks), gyro])
        estimate = odometry.predict(truth.now_ns)
    assert estimate.odom_from_base.yaw_rad == pytest.approx(truth.yaw_rad, abs=5e-3)
    assert odometry.slip_radps == pytest.approx(0.5, abs=0.1)
    assert not odometry.slipping
    assert OdometryFilter(robot(slip_threshold_radps=0.3)).slipping is False


def test_slipping_is_told_above_the_threshold():
    odometry = OdometryFilter(robot(slip_threshold_radps=0.3))
    for step in range(100):
        stamp_ns = (step + 1) * PERIOD_NS
        feed(odometry, [base_state(stamp_ns, -20 * step, 20 * step), Imu(stamp_ns, 0.0, 0.0, 0.0)])
        odometry.predict(stamp_ns)
    assert odometry.slip_radps > 0.3
    assert odometry.slipping


@pytest.mark.slow
def test_covariance_is_consistent_with_the_errors():
    """Normalized estimation error squared (Bar-Shalom 2001, 5.4.2) of (x, y, yaw) over 60 drives."""
    squared = []
    config = robot(wheel_slip_yaw_noise_radps=100.0, gyro_bias_walk_radps2=1e-9)
    for seed in range(60):
        random = np.random.default_rng(1000 + seed)
        truth = Drive(
            config,
            gyro_bias_radps=random.normal(0.0, config.imu.gyro_bias_radps),
            gyro_noise_radps=config.imu.gyro_noise_radps,
            way_noise_frac=config.estimation.wheel_speed_noise_frac,
            turn_slip_m=config.estimation.turn_slip_noise_m,
            seed=seed,
        )
        odometry = OdometryFilter(config)
        for block in range(12):
            drive(odometry, truth, 0.5 + 0.5 * random.random(), random.normal(0.0, 0.8), 100, predict_every=20)
            del block
        estimate = odometry.predict(truth.now_ns)
        pose = estimate.odom_from_base
        error = np.array([pose.x_m - truth.x_m, pose.y_m - truth.y_m, wrap_angle(pose.yaw_rad - truth.yaw_rad)])
        squared.append(error @ np.linalg.solve(np.array(estimate.covariance), error))
    mean = float(np.mean(squared))
    # chi-square with 180 degrees of freedom over 60: 95 % between 2.41 and 3.65; the gyro's scale noise of the robot
    # file is not in this truth, so a little less than 3 is right
    assert 2.0 < mean < 3.65


def test_covariance_stays_symmetric_and_positive():
    odometry, truth = OdometryFilter(robot("skid_steer")), Drive(gyro_bias_radps=0.001, gyro_noise_radps=0.005)
    random = np.random.default_rng(2)
    for _ in range(300):
        drive(odometry, truth, random.uniform(-1.0, 2.0), random.normal(0.0, 1.0), 20)
        covariance = np.array(odometry.predict(truth.now_ns).covariance)
        np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)
        assert np.linalg.eigvalsh(covariance).min() > -1e-12


# ---------------------------------------------------------------- order of measurements


def messages_of(drive_steps=120, seed=1):
    random = np.random.default_rng(seed)
    truth = Drive(gyro_bias_radps=0.002, gyro_noise_radps=0.003)
    messages = []
    for _ in range(drive_steps):
        messages += truth.step(float(random.uniform(0.0, 1.5)), float(random.normal(0.0, 0.6)))
    return messages, truth.now_ns


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40))
def test_order_of_arrival_does_not_matter(seed, batch):
    """To the bit, while all arrive within the history."""
    messages, end_ns = messages_of()
    ordered = OdometryFilter(robot("skid_steer"))
    feed(ordered, messages)
    expected = ordered.predict(end_ns)
    shuffled = OdometryFilter(robot("skid_steer"))
    order = np.random.default_rng(seed).permutation(len(messages))
    for start in range(0, len(order), batch):
        feed(shuffled, [messages[i] for i in order[start : start + batch]])
        shuffled.predict(end_ns)
    assert shuffled.predict(end_ns) == expected
    assert shuffled.faults.too_late == 0


def test_duplicates_are_ignored_and_counted():
    messages, end_ns = messages_of()
    once, twice = OdometryFilter(robot()), OdometryFilter(robot())
    feed(once, messages)
    feed(twice, [message for message in messages for _ in range(2)])
    assert twice.predict(end_ns) == once.predict(end_ns)
    feed(twice, messages[-6:])
    assert twice.predict(end_ns) == once.predict(end_ns)
    assert twice.faults.duplicate == len(messages) + 6


def test_older_than_the_history_is_refused_and_counted():
    odometry, truth = start(robot(history_s=0.5))
    early = truth.step(1.0, 0.0)
    for _ in range(200):
        feed(odometry, truth.step(1.0, 0.0))
        odometry.predict(truth.now_ns)
    before = odometry.predict(truth.now_ns)
    feed(odometry, early)
    assert odometry.predict(truth.now_ns) == before
    assert odometry.faults.too_late == 2


def test_the_history_is_bounded_over_a_long_drive():
    odometry, truth = start()
    sizes = {array.shape for array in vars(odometry).values() if isinstance(array, np.ndarray)}
    drive(odometry, truth, 1.0, 0.1, 5000, predict_every=7)
    assert {array.shape for array in vars(odometry).values() if isinstance(array, np.ndarray)} == sizes
    estimate = odometry.predict(truth.now_ns)
    assert_pose(estimate.odom_from_base, truth.x_m, truth.y_m, truth.yaw_rad, 0.02)
    assert odometry.faults.too_late == 0


def test_a_late_message_after_the_history_was_compacted_still_counts():
    plain, late = OdometryFilter(robot()), OdometryFilter(robot())
    truth = Drive()
    held = []
    for step in range(3000):
        messages = truth.step(1.0, 0.3)
        feed(plain, messages)
        held.append(messages)
        if len(held) > 1:
            feed(late, held.pop(int(step % 2)))
        if step % 4 == 0:
            plain.predict(truth.now_ns)
            late.predict(truth.now_ns)
    for messages in held:
        feed(late, messages)
    assert late.predict(truth.now_ns) == plain.predict(truth.now_ns)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_gyro_that_is_not_finite_is_refused_and_counted(value):
    odometry, truth = start()
    for _ in range(100):
        wheels, gyro = truth.step(1.0, 0.2)
        feed(odometry, [wheels, Imu(gyro.stamp_ns - 1, value, 0.0, 0.0), gyro])
        estimate = odometry.predict(truth.now_ns)
    assert odometry.faults.not_finite == 100
    assert_pose(estimate.odom_from_base, truth.x_m, truth.y_m, truth.yaw_rad, 2e-3)


def test_a_reboot_does_not_move_the_robot():
    odometry, truth = start()
    drive(odometry, truth, 1.0, 0.0, 200)
    before = odometry.predict(truth.now_ns)
    stamp_ns = truth.now_ns + PERIOD_NS
    feed(odometry, [base_state(stamp_ns, 0, 0, boot_id=2), Imu(stamp_ns, 0.0, 0.0, 0.0)])
    after = odometry.predict(stamp_ns)
    assert_pose(after.odom_from_base, before.odom_from_base.x_m, 0.0, 0.0, 1e-6)
    assert odometry.faults.reboots == 1
    assert odometry.faults.implausible_ticks == 0
    assert after.pose_sigma[0] > before.pose_sigma[0]
    feed(odometry, [base_state(stamp_ns + PERIOD_NS, 10, 10, boot_id=2)])
    moved = odometry.predict(stamp_ns + PERIOD_NS).odom_from_base.x_m - before.odom_from_base.x_m
    assert moved == pytest.approx(10 * robot().drive.metres_per_tick_m, abs=1e-6)


def test_one_torn_encoder_sample_is_refused_and_the_way_not_lost():
    odometry, truth = start()
    for step in range(200):
        wheels, gyro = truth.step(1.0, 0.0)
        torn = base_state(wheels.stamp_ns, wheels.left_ticks + 65536, wheels.right_ticks) if step == 100 else wheels
        feed(odometry, [torn, gyro])
        estimate = odometry.predict(truth.now_ns)
    assert odometry.faults.implausible_ticks == 1
    assert_pose(estimate.odom_from_base, truth.x_m, 0.0, 0.0)


def test_a_counter_that_jumped_for_good_is_followed_without_a_jump():
    odometry, truth = start()
    for step in range(400):
        wheels, gyro = truth.step(1.0, 0.0)
        offset = 1_000_000 if step >= 200 else 0
        feed(odometry, [base_state(wheels.stamp_ns, wheels.left_ticks + offset, wheels.right_ticks), gyro])
        estimate = odometry.predict(truth.now_ns)
    assert odometry.faults.implausible_ticks == 2
    assert_pose(estimate.odom_from_base, truth.x_m, 0.0, 0.0, 0.02)


def test_stamps_from_the_future_are_refused_and_do_not_poison_the_history():
    odometry, truth = start()
    drive(odometry, truth, 1.0, 0.0, 100)
    feed(odometry, [Imu(truth.now_ns + 10_000_000_000, 1.0, 0.0, 0.0), base_state(2**62, 0, 0)])
    odometry.predict(truth.now_ns)
    drive(odometry, truth, 1.0, 0.0, 100)
    assert odometry.faults.future == 2
    assert odometry.faults.too_late == 0
    assert_pose(odometry.predict(truth.now_ns).odom_from_base, truth.x_m, 0.0, 0.0)


def test_more_messages_than_can_be_kept_are_counted():
    odometry = OdometryFilter(robot())
    feed(odometry, [Imu(i, 0.0, 0.0, 0.0) for i in range(3000)])
    odometry.predict(3000)
    assert odometry.faults.overflow == 3000 - 2048


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(
                base_state,
                st.integers(-(10**9), 10**9),
                st.integers(-(2**62), 2**62),
                st.integers(-(2**62), 2**62),
                st.integers(0, 2),
            ),
            st.builds(
                Imu, st.integers(-(10**9), 10**9), st.floats(-100.0, 100.0), st.floats(-9.0, 9.0), st.floats(-9.0, 9.0)
            ),
        ),
        max_size=30,
    )
)
def test_no_message_breaks_the_filter(messages):
    odometry = OdometryFilter(robot("skid_steer"))
    feed(odometry, messages)
    estimate = odometry.predict(10**9)
    assert estimate.odom_from_base.is_finite()
    assert estimate.twist.is_finite()
    assert np.isfinite(estimate.covariance).all()


# ---------------------------------------------------------------- times between and after


def test_pose_between_samples_is_interpolated():
    odometry, truth = start()
    drive(odometry, truth, 2.0, 0.0, 100)
    at = truth.now_ns - 12_500_000
    pose = odometry.pose_at(at)
    assert pose is not None
    assert_pose(pose, truth.x_m - 2.0 * 0.0125, 0.0, 0.0, 1e-3)
    on_sample = odometry.pose_at(truth.now_ns - 10_000_000)
    assert on_sample is not None
    assert_pose(on_sample, truth.x_m - 2.0 * 0.010, 0.0, 0.0, 1e-3)


def test_interpolation_takes_the_short_way_across_the_half_turn():
    odometry, truth = start()
    poses = {}
    for _ in range(800):
        feed(odometry, truth.step(0.0, 1.0))
        odometry.predict(truth.now_ns)
        poses[truth.now_ns] = truth.yaw_rad
        between = odometry.pose_at(truth.now_ns - 2_500_000)
        if between is not None:
            assert wrap_angle(between.yaw_rad - (truth.yaw_rad - 0.0025)) == pytest.approx(0.0, abs=5e-3)


def test_pose_outside_what_is_known_is_none():
    odometry, truth = start()
    assert odometry.pose_at(0) is None
    drive(odometry, truth, 1.0, 0.0, 40)
    assert odometry.pose_at(0) is None
    assert odometry.pose_at(truth.now_ns + 15_000_000) is not None
    assert odometry.pose_at(truth.now_ns + 25_000_000) is None


def test_the_last_speed_is_carried_on_for_a_while_then_held():
    odometry, truth = start(robot(extrapolate_s=0.05))
    drive(odometry, truth, 1.0, 0.0, 200)
    carried = odometry.predict(truth.now_ns + 40_000_000)
    assert carried.odom_from_base.x_m == pytest.approx(truth.x_m + 0.04, abs=2e-3)
    assert carried.twist.v_mps == pytest.approx(1.0, abs=0.02)
    held = odometry.predict(truth.now_ns + 900_000_000)
    assert held.odom_from_base.x_m == pytest.approx(truth.x_m + 0.05, abs=2e-3)
    assert held.twist.v_mps == 0.0


def test_telemetry_that_pauses_loses_no_way():
    odometry, truth = start()
    drive(odometry, truth, 1.0, 0.0, 100)
    for _ in range(60):
        truth.step(1.0, 0.0)
    drive(odometry, truth, 1.0, 0.0, 100)
    assert_pose(odometry.predict(truth.now_ns).odom_from_base, truth.x_m, 0.0, 0.0)


# ---------------------------------------------------------------- state


def test_a_restored_filter_goes_on_equal_to_the_bit():
    messages, end_ns = messages_of(400)
    original = OdometryFilter(robot("skid_steer"))
    feed(original, messages[:401])
    original.predict(messages[400].stamp_ns)
    feed(original, messages[401:403])
    other = OdometryFilter(robot("skid_steer"))
    restore_into(other, tree_of(original))
    assert copy.deepcopy(original).faults == other.faults
    for odometry in (original, other):
        feed(odometry, messages[403:])
    assert other.predict(end_ns) == original.predict(end_ns)
    assert isinstance(other.pose_at(end_ns - 3_000_000), Pose2)
