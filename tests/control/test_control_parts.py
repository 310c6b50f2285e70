"""The parts that all controllers share: outline, prediction, profile, following, noise, recordings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import LIMITS, Drive, box, input_of, robot

from amr.config.control import MppiSettings
from amr.config.hardware import Body
from amr.control import recording
from amr.control.follow import at_goal, carrot, turn_rate_radps
from amr.control.footprint import cover_discs, reach_m
from amr.control.mppi import MppiController
from amr.control.noise import fractional_noise, noise_pool, normal_numbers, window_start
from amr.control.prediction import Actuation, lag_gain, predict_start
from amr.control.profile import approach_speed_mps, curve_speed_mps, limit_command
from amr.control.window import Outline, Window
from amr.errors import DataError
from amr.geometry import STANDSTILL, Pose2, Twist2
from amr.kernels.footprint import clearances
from amr.movers import AHEAD_S, Mover
from amr.runtime.files import load_robot

finite = st.floats(-5.0, 5.0)


def body(rear: float, front: float, right: float, left: float) -> Body:
    outline = (((rear, right), (front, right), (front, left), (rear, left)),)
    return Body(outline_m=outline, height_m=0.2, mass_kg=10.0, inertia_kgm2=0.4)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 0.8), st.floats(0.1, 0.8), st.floats(0.08, 0.5), st.floats(0.08, 0.5))
def test_discs_cover_the_outline_and_bulge_no_more_than_allowed(
    rear: float, front: float, right: float, left: float
) -> None:
    discs = cover_discs(body(-rear, front, -right, left)).astype(float)
    x, y = np.meshgrid(np.linspace(-rear - 0.1, front + 0.1, 90), np.linspace(-right - 0.1, left + 0.1, 90))
    inside = (x >= -rear) & (x <= front) & (y >= -right) & (y <= left)
    covered = np.zeros(x.shape, bool)
    for dx, dy, radius in discs:
        covered |= np.hypot(x - dx, y - dy) <= radius + 1e-6
    assert covered[inside].all()
    beyond = np.hypot(np.maximum(np.maximum(-rear - x, x - front), 0), np.maximum(np.maximum(-right - y, y - left), 0))
    assert beyond[covered].max() < 0.021


def test_the_reach_of_the_jackal_is_its_circumradius() -> None:
    jackal = load_robot("jackal").body
    assert reach_m(cover_discs(jackal)) == pytest.approx(jackal.circumradius_m, abs=0.002)


def test_clearance_equals_the_true_distance_within_a_cell() -> None:
    window = Window.of(input_of(box(1.0, 1.4, -2.0, 2.0)).field, Outline(load_robot("jackal").body))
    for x_m, expected in ((0.5, 0.271), (0.7, 0.071), (0.9, -0.129)):
        assert window.clearance_m(Pose2(x_m, 0.0, 0.0)) == pytest.approx(expected, abs=0.04)
    poses = np.array([[4.8 + 0.5, 4.8, 1.0, 0.0], [4.8 + 0.7, 4.8, 1.0, 0.0]], np.float32)
    many = np.empty(2, np.float32)
    clearances(window.distance_m, window.outline.discs, poses, np.float32(25.0), many)
    assert many[0] == pytest.approx(window.clearance_m(Pose2(0.5, 0.0, 0.0)), abs=1e-5)
    assert many[1] == pytest.approx(window.clearance_m(Pose2(0.7, 0.0, 0.0)), abs=1e-5)


def test_free_time_ends_at_the_wall_and_turning_sweeps_the_corners() -> None:
    window = Window.of(input_of(box(1.0, 1.4, -2.0, 2.0)).field, Outline(load_robot("jackal").body))
    free_s = window.free_time_s(Pose2(0.0, 0.0, 0.0), Twist2(1.0, 0.0), 3.0, 0.02, 0.0)
    assert free_s == pytest.approx(0.77, abs=0.06)
    assert window.free_time_s(Pose2(0.0, 0.0, 0.0), Twist2(-1.0, 0.0), 3.0, 0.05, 0.0) == 3.0
    near = Pose2(0.72, 0.0, 0.0)
    assert window.free_time_s(near, Twist2(0.0, 1.0), 3.0, 0.05, 0.0) < 1.5
    many = window.free_times_s(Pose2(0.0, 0.0, 0.0), np.array([[1.0, 0.0], [-1.0, 0.0]]), 3.0, 0.02, 0.0)
    assert many.tolist() == [free_s, 3.0]


def test_a_read_only_or_transposed_field_is_copied_for_the_kernels() -> None:
    field = input_of().field
    frozen = field.distance_m.copy()
    frozen.flags.writeable = False
    outline = Outline(load_robot("jackal").body)
    assert Window.of(replace(field, distance_m=frozen), outline).distance_m.flags.writeable
    turned = Window.of(replace(field, distance_m=np.asfortranarray(frozen)), outline)
    assert turned.distance_m.flags.c_contiguous


def test_the_start_is_predicted_through_the_commands_in_flight() -> None:
    first = input_of(twist=Twist2(1.0, 0.0), delay_s=0.1, pending=((-5, 1.0, 0.0), (50_000_000, 1.0, 2.0)), goal=(9, 0))
    start = predict_start(first, Actuation(0.0, 0.0, 0.0), STANDSTILL)
    assert start.odom_from_base.x_m == pytest.approx(0.1, abs=0.002)
    assert start.odom_from_base.yaw_rad == pytest.approx(0.09, abs=0.011)
    assert start.twist == Twist2(1.0, 2.0)
    assert start.command == Twist2(1.0, 2.0)


def test_the_wheels_lag_is_a_first_order_one() -> None:
    first = input_of(delay_s=0.05, pending=((0, 1.0, 2.0),))
    start = predict_start(first, Actuation(0.05, 0.1, 0.0), STANDSTILL)
    assert start.twist.v_mps == pytest.approx(1.0 - math.exp(-1.0), abs=1e-9)
    assert start.twist.w_radps == pytest.approx(2.0 - 2.0 * math.exp(-0.5), abs=1e-9)
    assert lag_gain(0.05, 0.0) == 1.0


def test_the_extra_delay_moves_all_commands_in_flight_and_the_start() -> None:
    first = input_of(twist=Twist2(1.0, 0.0), delay_s=0.04, pending=((20_000_000, 0.0, 0.0),))
    start = predict_start(first, Actuation(0.0, 0.0, 0.02), STANDSTILL)
    assert start.odom_from_base.x_m == pytest.approx(0.045, abs=0.006)
    assert start.twist == STANDSTILL


def test_without_commands_in_flight_the_last_one_acts() -> None:
    start = predict_start(input_of(delay_s=0.08), Actuation(0.0, 0.0, 0.02), Twist2(0.5, 0.0))
    assert start.odom_from_base.x_m == pytest.approx(0.05, abs=0.003)
    assert start.command == Twist2(0.5, 0.0)


@given(st.floats(0.0, 20.0), st.floats(0.1, 5.0), st.floats(0.0, 0.3))
def test_from_the_approach_speed_the_robot_stops_in_the_distance(
    distance_m: float, brake_mps2: float, reaction_s: float
) -> None:
    v = approach_speed_mps(distance_m, brake_mps2, reaction_s)
    assert v * reaction_s + v * v / (2.0 * brake_mps2) == pytest.approx(distance_m, abs=1e-9)
    assert approach_speed_mps(-1.0, brake_mps2) == 0.0


def test_curve_speed_keeps_lateral_acceleration_and_turn_rate() -> None:
    assert curve_speed_mps(0.0, LIMITS) == LIMITS.v_max_mps
    v = curve_speed_mps(-1.0, LIMITS)
    assert v * v * 1.0 <= LIMITS.a_lateral_max_mps2 + 1e-9
    assert curve_speed_mps(100.0, LIMITS) * 100.0 <= LIMITS.w_max_radps + 1e-9


@given(finite, finite, st.floats(-0.6, 2.0), st.floats(-4.0, 4.0))
def test_limited_commands_are_within_every_limit(v: float, w: float, v0: float, w0: float) -> None:
    made = limit_command(Twist2(v, w), Twist2(v0, w0), LIMITS, 0.02)
    assert -LIMITS.v_reverse_max_mps - 1e-12 <= made.v_mps <= LIMITS.v_max_mps + 1e-12
    assert abs(made.w_radps) <= LIMITS.w_max_radps + 1e-12
    most = max(LIMITS.a_max_mps2, LIMITS.brake_mps2) * 0.02
    assert abs(made.v_mps - v0) <= most + 1e-12
    if v0 >= 0.0:
        assert made.v_mps - v0 <= LIMITS.a_max_mps2 * 0.02 + 1e-12
    assert abs(made.w_radps - w0) <= LIMITS.alpha_max_radps2 * 0.02 + 1e-12


def test_the_carrot_lies_on_the_path_at_the_lookahead() -> None:
    path = np.array([[x, 0.0, 0.0] for x in np.arange(0.0, 3.01, 0.3)])
    ahead = carrot(path, Pose2(0.65, 0.2, 0.0), 0.8)
    assert math.hypot(ahead.x_m - 0.65, ahead.y_m - 0.2) == pytest.approx(0.8, abs=0.02)
    assert ahead.x_m > 0.65
    assert ahead.remaining_m == pytest.approx(2.4)
    end = carrot(path, Pose2(2.9, 0.0, 0.0), 0.8)
    assert (end.x_m, end.y_m) == (pytest.approx(3.0), 0.0)
    far = carrot(path, Pose2(-5.0, 0.0, 0.0), 0.8)
    assert (far.x_m, far.y_m) == (0.0, 0.0)


def test_the_turn_rate_vanishes_with_the_error_and_has_its_sign() -> None:
    assert turn_rate_radps(0.0, LIMITS) == 0.0
    assert 0.0 < turn_rate_radps(0.01, LIMITS) < turn_rate_radps(0.1, LIMITS) <= 0.5 * LIMITS.w_max_radps
    assert turn_rate_radps(-3.0, LIMITS) == -0.5 * LIMITS.w_max_radps


def test_at_goal_asks_for_the_heading_only_where_it_matters() -> None:
    here = input_of(goal=(0.1, 0.0))
    turned = replace(here, goal_odom=Pose2(0.1, 0.0, 1.0))
    assert at_goal(here, 0.1)
    assert at_goal(turned, 0.1)
    assert not at_goal(replace(turned, goal_yaw_matters=True), 0.1)
    assert not at_goal(input_of(goal=(1.0, 0.0)), 0.1)


def pool_of(color: str, seed: int = 5, stream: int = 1) -> np.ndarray:
    """[56, 8192], deviation 2, of which every fourth column has the full one."""
    chosen = MppiSettings.model_validate({"noise_color": color})
    return noise_pool(seed, 56, 8192, 2.0, stream, chosen, 0.05)


def correlation(noise: np.ndarray, lag: int) -> float:
    """Between steps ``lag`` apart, over all columns."""
    return float((noise[lag:] * noise[: len(noise) - lag]).mean() / (noise * noise).mean())


@pytest.mark.parametrize("color", ["knots", "white", "autoregressive", "fractional"])
def test_noise_has_its_deviation_no_mean_and_comes_from_the_seed(color: str) -> None:
    pool = pool_of(color)
    assert pool.shape == (56, 8192)
    assert abs(pool.mean()) < 0.05
    assert pool[0, 0::4].std() == pytest.approx(2.0, rel=0.05)
    assert pool[-1, 0::4].std() == pytest.approx(2.0, rel=0.05)
    assert pool[0, 1::4].std() == pytest.approx(1.4, rel=0.05)
    assert np.array_equal(pool, pool_of(color))
    assert not np.array_equal(pool, pool_of(color, stream=2))
    assert not np.array_equal(pool, pool_of(color, seed=6))


def test_knot_noise_runs_straight_between_its_knots() -> None:
    pool = pool_of("knots")
    assert np.abs(np.diff(pool[:, 0::4], axis=0)).mean() < np.abs(np.diff(pool[:, 3::4], axis=0)).mean()
    assert np.abs(np.diff(pool[1:27, 0::4], n=2, axis=0)).max() < 1e-4


def test_white_noise_forgets_at_once() -> None:
    noise = pool_of("white")[:, 0::4]
    assert max(abs(correlation(noise, lag)) for lag in (1, 2, 5, 20)) < 0.02


def test_autoregressive_noise_forgets_exponentially() -> None:
    noise = pool_of("autoregressive")[:, 0::4]
    for lag in (1, 4, 8, 16):  # 0.4 s are 8 steps
        assert correlation(noise, lag) == pytest.approx(math.exp(-lag / 8.0), abs=0.03)


def test_fractional_noise_has_the_spectrum_of_its_order() -> None:
    random = np.random.default_rng(3)
    for order in (0.0, 0.5):
        noise = fractional_noise(random, 256, 400, order, 1.0)[128:]
        power = (np.abs(np.fft.rfft(noise * np.hanning(128)[:, None], axis=0)) ** 2).mean(axis=1)
        slope = np.polyfit(np.log(np.arange(3, 32)), np.log(power[3:32]), 1)[0]
        assert slope == pytest.approx(-2.0 * order, abs=0.12)


def test_fractional_noise_of_order_one_is_a_sum_of_white_noise() -> None:
    red = fractional_noise(np.random.default_rng(3), 20, 5, 1.0, 1.0)
    steps = np.arange(1, 21)[:, None]
    assert red * np.sqrt(steps) == pytest.approx(np.cumsum(normal_numbers(np.random.default_rng(3), (20, 5)), axis=0))


@given(st.integers(0, 2**40))
def test_noise_windows_fit_the_pool(tick: int) -> None:
    assert 0 <= window_start(tick, 8192, 1000) <= 8192 - 1000


def test_a_recording_comes_back_as_it_was() -> None:
    drive = Drive(MppiController(robot(samples=80), 0), input_of(box(1.0, 1.2, 0.4, 2.0)))
    inputs = []
    for _ in range(3):
        course = tuple((1.0 + 0.1 * t, 2.0, 0.05 * t) for t in AHEAD_S)
        movers = (Mover(1.0, 2.0, 0.1, 0.0, 0.3), Mover(1.0, 2.0, 0.1, 0.0, 0.3, course=course))
        inputs.append(replace(drive.input, obstacles=movers))
        drive.run(0.02)
    back = recording.from_arrays(recording.to_arrays(inputs))
    assert len(back) == 3
    for a, b in zip(inputs, back, strict=True):
        assert np.abs(a.field.distance_m - b.field.distance_m).max() <= 0.51e-4
        assert np.array_equal(a.field.unknown, b.field.unknown)
        assert np.array_equal(a.path_odom, b.path_odom)
        assert a.field.frame == b.field.frame
        plain = {"field": a.field, "path_odom": a.path_odom, "path_speed_mps": a.path_speed_mps}
        for name in type(a).__slots__:
            if name not in plain:
                assert getattr(a, name) == getattr(b, name), name
    assert back[1].field is back[0].field


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda arrays: arrays.pop("paths"), "no array 'paths'"),
        (lambda arrays: arrays.update(courses=np.zeros((1, 30))), "courses are not one a mover"),
        (lambda arrays: arrays.update(version=np.array(9)), "version 9"),
        (lambda arrays: arrays.update(cycles=np.zeros(2)), "other columns"),
        (lambda arrays: arrays.update(distances=arrays["distances"][:, :10]), "do not fit"),
    ],
)
def test_a_torn_recording_is_one_line(change: object, named: str) -> None:
    arrays = dict(recording.to_arrays([input_of()]))
    change(arrays)  # type: ignore[operator]
    with pytest.raises(DataError, match=named):
        recording.from_arrays(arrays)
