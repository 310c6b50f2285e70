"""Speed profiles: never over a limit, as fast as a slow optimizer finds, at rest where the robot must be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from amr.control.base import MotionLimits
from amr.control.footprint import cover_discs
from amr.grid import CostGrid, GridFrame
from amr.kernels.path_shape import set_tangents
from amr.planning.speed_profile import EnvelopeBound, PathShape, duration_s, fastest_speeds_mps, shape_of
from amr.runtime.bench.path_checks import worst_use
from amr.runtime.files import load_robot

ROBOT = load_robot("jackal")
LIMITS = MotionLimits.from_config(ROBOT.limits)
Array = NDArray[np.float64]


def curve(bends_per_m: Array, spacing_m: float = 0.05) -> Array:
    """A path with these curvatures at its points."""
    yaw = np.cumsum(bends_per_m) * spacing_m
    steps = spacing_m * np.stack([np.cos(yaw), np.sin(yaw)], 1)
    path = np.zeros((len(yaw) + 1, 3))
    path[1:, :2] = np.cumsum(steps, axis=0)
    set_tangents(path)
    return path


def wavy(seed: int, count: int, size_per_m: float) -> Array:
    random = np.random.default_rng(seed)
    raw = np.convolve(random.normal(0.0, size_per_m, count + 8), np.ones(9) / 3.0, "valid")
    return curve(raw)


def slow_optimum_s(shape: PathShape, limits: MotionLimits) -> float:
    """The least time by a general optimizer over v^2 at the points (a convex problem), from and to rest."""
    gaps, bends = shape.gaps_m, shape.bends_per_m
    n = len(gaps) + 1
    bend = np.maximum(np.abs(bends).max(axis=1), 1e-6)
    caps = np.full(n, limits.v_max_mps**2)
    each = np.minimum((limits.w_max_radps / bend) ** 2, limits.a_lateral_max_mps2 / bend)
    caps[:-1], caps[1:] = np.minimum(caps[:-1], each), np.minimum(caps[1:], each)
    along = np.zeros((n - 1, n))
    along[np.arange(n - 1), np.arange(n - 1)] = -0.5 / gaps
    along[np.arange(n - 1), np.arange(1, n)] = 0.5 / gaps
    slope = (bends[:, 1] - bends[:, 0]) / gaps
    here, there = np.eye(n)[:-1], np.eye(n)[1:]
    rates = [bends[:, :1] * along + slope[:, None] * here, bends[:, 1:] * along + slope[:, None] * there]
    rows = np.vstack([along, -along, *rates, *(-rate for rate in rates)])
    most = np.concatenate(
        [
            np.full(n - 1, limits.a_max_mps2),
            np.full(n - 1, limits.brake_mps2),
            np.full(4 * (n - 1), limits.alpha_max_radps2),
        ]
    )
    inner = slice(1, n - 1)

    def time_s(x: Array) -> float:
        v = np.sqrt(np.concatenate([[0.0], np.maximum(x, 1e-12), [0.0]]))
        return float((2.0 * gaps / (v[:-1] + v[1:])).sum())

    def slopes(x: Array) -> Array:
        v = np.sqrt(np.concatenate([[0.0], np.maximum(x, 1e-12), [0.0]]))
        part = -2.0 * gaps / (v[:-1] + v[1:]) ** 2
        result: Array = (part[:-1] + part[1:]) * 0.5 / v[inner]
        return result

    start = 0.25 * fastest_speeds_mps(shape, limits, None, 0.0)[inner] ** 2
    found = minimize(
        time_s, start, jac=slopes, method="SLSQP", bounds=list(zip(np.full(n - 2, 1e-8), caps[inner], strict=True)),
        constraints={"type": "ineq", "fun": lambda x: most - rows[:, inner] @ x, "jac": lambda _: -rows[:, inner]},
        options={"maxiter": 500, "ftol": 1e-9},
    )  # fmt: skip
    assert (most - rows[:, inner] @ found.x).min() > -1e-5
    return time_s(found.x)


def over(shape: PathShape, speeds: Array, limits: MotionLimits = LIMITS) -> float:
    return max(worst_use(shape, speeds, limits).values())


def test_a_straight_way_is_a_trapezoid() -> None:
    path = curve(np.zeros(200))
    shape = shape_of(path, False)
    speeds = fastest_speeds_mps(shape, LIMITS, None, 0.0)
    up, down = LIMITS.v_max_mps / LIMITS.a_max_mps2, LIMITS.v_max_mps / LIMITS.brake_mps2
    flat_m = 10.0 - 0.5 * LIMITS.v_max_mps * (up + down)
    assert speeds[0] == speeds[-1] == 0.0
    assert duration_s(shape, speeds) == pytest.approx(up + down + flat_m / LIMITS.v_max_mps, rel=2e-3)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(2, 300),
    size=st.floats(0.0, 8.0),
    start=st.sampled_from([0.0, 0.5, math.inf]),
)
def test_no_profile_exceeds_a_limit_anywhere(seed: int, count: int, size: float, start: float) -> None:
    shape = shape_of(wavy(seed, count, size), False)
    random = np.random.default_rng(seed)
    bounds = random.uniform(0.05, 2.5, len(shape.stops))
    for limit in (None, bounds):
        speeds = fastest_speeds_mps(shape, LIMITS, limit, start)
        assert np.isfinite(speeds).all()
        assert over(shape, speeds) <= 1.0 + 1e-9
        assert abs(speeds[0]) <= start
        assert speeds[-1] == 0.0
        if limit is not None:
            assert (np.abs(speeds) <= bounds + 1e-12).all()


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [12.0, 6.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_smooth_curves_no_optimizer_finds_a_profile_that_is_faster_by_two_percent(seed: int, alpha: float) -> None:
    limits = replace(LIMITS, alpha_max_radps2=alpha)
    random = np.random.default_rng(seed)
    smooth = np.convolve(random.normal(0.0, 5.0, 80), np.hanning(23) / 11.0, "valid")
    shape = shape_of(curve(smooth[:50]), False)
    speeds = fastest_speeds_mps(shape, limits, None, 0.0)
    assert np.abs(shape.bends_per_m).max() > 1.0
    assert duration_s(shape, speeds) <= slow_optimum_s(shape, limits) * 1.02


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "size"), [(2, 1.0), (3, 2.0), (4, 4.0)])
@pytest.mark.parametrize("alpha", [12.0, 3.0])
def test_where_the_curvature_jumps_from_point_to_point_neither(seed: int, size: float, alpha: float) -> None:
    limits = replace(LIMITS, alpha_max_radps2=alpha)
    shape = shape_of(wavy(seed, 60, size), False)
    speeds = fastest_speeds_mps(shape, limits, None, 0.0)
    assert duration_s(shape, speeds) <= slow_optimum_s(shape, limits) * 1.02


def test_one_sharp_bend_slows_the_robot_down_and_does_not_stop_it() -> None:
    bends = np.full(80, 0.05)
    bends[40] = 2.6
    speeds = fastest_speeds_mps(shape_of(curve(bends), False), LIMITS)
    assert 0.3 < speeds[:70].min() < 1.5


def test_a_kinematic_path_rests_at_cusps_and_turns_in_place_and_reverses_with_the_reverse_limit() -> None:
    ahead = [[x, 0.0, 0.0] for x in np.linspace(0.0, 2.0, 41)]
    back = [[x, 0.0, 0.0] for x in np.linspace(1.95, 1.0, 20)]
    turn = [[1.0, 0.0, yaw] for yaw in (0.4, 0.8, 1.2, math.pi / 2)]
    up = [[1.0, y, math.pi / 2] for y in np.linspace(0.05, 1.0, 20)]
    path = np.array(ahead + back + turn + up)
    shape = shape_of(path, True)
    speeds = fastest_speeds_mps(shape, LIMITS, None, 0.0)
    assert np.flatnonzero(speeds == 0.0).tolist() == [0, 40, 60, 61, 62, 63, 64, 84]
    assert (speeds[41:60] < 0.0).all()
    assert speeds[41:60].min() >= -LIMITS.v_reverse_max_mps
    assert speeds[:40].max() > 1.5
    assert over(shape, speeds) <= 1.0 + 1e-9


def test_a_sharp_corner_of_a_polyline_is_a_place_of_rest_and_a_slight_one_is_not() -> None:
    corner = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    assert shape_of(corner, False).stops.tolist() == [0, 1, 1]
    slight = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.3, 0.0]])
    assert shape_of(slight, False).stops.tolist() == [0, 0, 1]


@pytest.mark.parametrize("kinematic", [False, True])
def test_short_and_degenerate_paths(kinematic: bool) -> None:
    two = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert fastest_speeds_mps(shape_of(two, kinematic), LIMITS, None, 0.0).tolist() == [0.0, 0.0]
    assert fastest_speeds_mps(shape_of(two, kinematic), LIMITS)[0] == LIMITS.v_max_mps
    still = np.zeros((3, 3))
    assert fastest_speeds_mps(shape_of(still, kinematic), LIMITS).tolist() == [0.0, 0.0, 0.0]
    repeated = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    speeds = fastest_speeds_mps(shape_of(repeated, kinematic), LIMITS)
    assert speeds[0] == speeds[1] > 0.0
    assert speeds[2] == speeds[3] > 0.0
    assert duration_s(shape_of(repeated, kinematic), speeds) < 5.0


def test_points_a_hair_apart_do_not_stop_the_robot_and_a_very_dense_path_keeps_its_length() -> None:
    path = curve(np.full(60, 0.5))
    doubled = np.insert(path, 30, path[30] + (1e-7, 2e-7, 0.0), axis=0)
    speeds = fastest_speeds_mps(shape_of(doubled, False), LIMITS)
    assert speeds[5:50].min() > 1.5
    dense = shape_of(curve(np.full(20_000, 0.5), 0.0002), False)
    assert dense.gaps_m.sum() == pytest.approx(4.0, abs=0.01)


def test_limits_of_zero_leave_rest() -> None:
    shape = shape_of(curve(np.full(20, 0.5)), False)
    for name in ("v_max_mps", "w_max_radps", "a_max_mps2", "brake_mps2", "alpha_max_radps2", "a_lateral_max_mps2"):
        speeds = fastest_speeds_mps(shape, replace(LIMITS, **{name: 0.0}))
        assert speeds.tolist() == [0.0] * 21, name
        assert duration_s(shape, speeds) == math.inf


def test_a_path_of_a_hundred_thousand_points_has_a_profile() -> None:
    shape = shape_of(curve(0.8 * np.sin(np.arange(100_000) * 0.05)), False)
    speeds = fastest_speeds_mps(shape, LIMITS, None, 0.0)
    assert over(shape, speeds) <= 1.0 + 1e-9
    assert speeds[1000:-1000].min() > 1.0


def room(occupied: NDArray[np.bool_]) -> CostGrid:
    cost = np.where(occupied, 254, 0).astype(np.uint8)
    return CostGrid(GridFrame(-1.0, -2.0, 0.05, cost.shape[1], cost.shape[0]), cost)


def bound_before_a_wall(**safety: float) -> tuple[Array, Array]:
    """Distances of the robot's front to a wall at x = 3 m, and the bound there, on a straight way towards it."""
    occupied = np.zeros((80, 120), bool)
    occupied[:, 80:] = True
    config = ROBOT.model_copy(update={"safety": ROBOT.safety.model_copy(update=safety)})
    path = np.zeros((56, 3))
    path[:, 0] = np.arange(56) * 0.05
    bound = EnvelopeBound(config, cover_discs(config.body))
    speeds = bound.speeds_mps(room(occupied), path, shape_of(path, False))
    return 3.0 - path[:, 0] - config.body.length_bounds_m[1], speeds


def test_the_envelope_lets_the_robot_brake_before_a_wall_and_is_not_much_stricter() -> None:
    room_m, speeds = bound_before_a_wall()
    safety = ROBOT.safety
    hold_s = safety.cycle_s + safety.settle_s
    stop_m = speeds * hold_s + 0.5 * speeds**2 / LIMITS.brake_mps2
    moving = speeds > safety.creep_mps + 1e-9
    assert speeds[0] == LIMITS.v_max_mps
    assert speeds[-1] == pytest.approx(safety.creep_mps)
    assert moving.sum() > 30
    assert (stop_m[moving] + safety.margin_m <= room_m[moving] + 1e-6).all()
    # one step of the look ahead, half a cell, the discs' bulge and the margin that grows with speed
    limited = moving & (speeds < LIMITS.v_max_mps - 1e-9)
    assert limited.any()
    assert (stop_m[limited] >= room_m[limited] - safety.margin_m - 0.19).all()


def test_margins_and_approaching_obstacles_make_the_envelope_stricter_never_laxer() -> None:
    _, usual = bound_before_a_wall()
    for change in ({"margin_m": 0.1}, {"obstacle_speed_mps": 1.0}, {"settle_s": 0.2}, {"margin_per_speed_s": 0.1}):
        _, strict = bound_before_a_wall(**change)
        assert (strict <= usual + 1e-9).all(), change
        assert (strict < usual - 1e-3).any(), change


def test_open_ground_bounds_nothing() -> None:
    path = curve(np.full(60, 0.4))
    bound = EnvelopeBound(ROBOT, cover_discs(ROBOT.body))
    speeds = bound.speeds_mps(room(np.zeros((200, 200), bool)), path, shape_of(path, False))
    assert (speeds == LIMITS.v_max_mps).all()
