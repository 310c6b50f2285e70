"""Routes for a body: smooth within the tube, clear for the outline, honest where it would touch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from amr.control.base import MotionLimits
from amr.geometry import Pose2
from amr.grid import COST_LETHAL, CostGrid, GridFrame
from amr.kernels import path_smooth
from amr.kernels.outline_contact import touches
from amr.kernels.path_shape import resample_evenly, set_tangents
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome, refusal
from amr.planning.finish import finish, is_kinematic, resampled_motions
from amr.planning.path_meter import PathMeter
from amr.planning.route import OutlineCheck, Route, noted, plan_route
from amr.planning.speed_profile import fastest_speeds_mps, shape_of
from amr.registry import make_kinematic_planner, make_planner
from amr.runtime.bench.path_checks import Obstacles, body_points_m, curvatures_per_m, dense_poses, sign_changes
from amr.runtime.bench.paths import run
from amr.runtime.bench.planner_cases import InflationAsked, inflate
from amr.runtime.files import load_robot

PLANNER = make_planner("any_angle")
ROBOT = load_robot("jackal")
OUTLINE = OutlineCheck(ROBOT.body, 0.01)
POINTS_M = body_points_m(ROBOT.body)
REACH_M = ROBOT.body.circumradius_m


def inflated(occupied: NDArray[np.bool_]) -> CostGrid:
    asked = InflationAsked(0.7, 3.0, ROBOT.body.inradius_m)
    cost = inflate(occupied, np.zeros_like(occupied), 0.05, asked)
    return CostGrid(GridFrame(-1.0, -1.0, 0.05, cost.shape[1], cost.shape[0]), cost)


def route_on(grid: CostGrid, start: tuple[float, float], goal: tuple[float, float]) -> Route:
    options = PlanOptions(goal_yaw_matters=False)
    return plan_route(PLANNER, grid, Pose2(*start, 0.0), Pose2(*goal, 0.0), options, OUTLINE, 0.05)


# ------------------------------------------------------------ the beam


@pytest.mark.parametrize("seed", range(5))
def test_the_active_set_finds_what_a_general_solver_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, tension, bending = 40, 12.0, 150.0
    points = np.stack([np.arange(n, dtype=np.float64), np.cumsum(random.normal(0.0, 0.3, n))], 1)
    normals, bands, force = np.empty((n, 2)), np.empty((n, 3)), np.empty(n)
    path_smooth.set_normals(points, normals)
    path_smooth.assemble(points, normals, tension, bending, bands, force)
    bounds = np.stack([-random.uniform(0.1, 0.6, n), random.uniform(0.1, 0.6, n)], 1)
    bounds[[0, -1]] = 0.0
    held, offsets = np.zeros(n, np.uint8), np.empty(n)
    held[[0, -1]] = 1
    path_smooth.relax(bands, force, held, bounds, offsets, 40)

    # the same energy as a sum of squares: |J e + r|^2 within bounds
    first, second = np.diff(np.eye(n), axis=0), np.diff(np.eye(n), 2, axis=0)
    rows, rest = [np.eye(n)], [np.zeros(n)]
    for axis in range(2):
        for weight, operator in ((tension, first), (bending, second)):
            rows.append(math.sqrt(weight) * operator * normals[:, axis])
            rest.append(math.sqrt(weight) * operator @ points[:, axis])
    best = lsq_linear(
        np.vstack(rows)[:, 1:-1], -np.concatenate(rest), (bounds[1:-1, 0], bounds[1:-1, 1]), tol=1e-12, method="bvls"
    ).x
    assert (offsets >= bounds[:, 0] - 1e-3).all()
    assert (offsets <= bounds[:, 1] + 1e-3).all()
    assert offsets[1:-1] == pytest.approx(best, abs=5e-3)


def test_without_bounds_in_reach_a_straight_line_stays() -> None:
    n = 30
    points = np.stack([np.arange(n, dtype=np.float64), np.full(n, 2.0)], 1)
    normals, bands, force = np.empty((n, 2)), np.empty((n, 3)), np.empty(n)
    path_smooth.set_normals(points, normals)
    path_smooth.assemble(points, normals, 10.0, 100.0, bands, force)
    held, offsets = np.zeros(n, np.uint8), np.empty(n)
    held[[0, -1]] = 1
    bounds = np.tile([-5.0, 5.0], (n, 1))
    bounds[[0, -1]] = 0.0
    assert path_smooth.relax(bands, force, held, bounds, offsets, 10) == 1
    assert np.abs(offsets[1:-1]).max() < 1e-12


def test_even_points_lie_on_the_polyline_and_know_the_vertex_behind_them() -> None:
    polyline = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    out, before = np.empty((9, 2)), np.empty(9, np.int64)
    resample_evenly(polyline, out, before)
    assert out.tolist() == [[0, 0], [0.5, 0], [1, 0], [1.5, 0], [2, 0], [2.5, 0], [3, 0], [3, 0.5], [3, 1]]
    assert before.tolist() == [0, 0, 0, 0, 0, 0, 0, 2, 2]


def test_tangents_of_a_circle_point_along_it() -> None:
    angle = np.linspace(-1.0, 1.0, 41)
    path = np.stack([np.cos(angle), np.sin(angle), np.zeros(41)], 1)
    set_tangents(path)
    assert path[1:-1, 2] == pytest.approx(angle[1:-1] + 0.5 * math.pi, abs=1e-9)


def test_curvature_is_continuous_where_the_way_bends_and_where_it_touches_the_tube() -> None:
    occupied = np.zeros((120, 160), bool)
    occupied[:70, 75:85] = True
    grid = inflated(occupied)
    outcome = PLANNER.plan(grid, Pose2(0.0, 0.0, 0.0), Pose2(6.0, 0.3, 1.0), PlanOptions())
    path = finish(PathMeter(grid, PlanOptions()), outcome, 0.05).path
    bends = curvatures_per_m(path)
    assert np.abs(bends).max() < 2.5
    assert np.abs(np.diff(bends)).max() < 0.5
    assert sign_changes(bends) <= 4


# ------------------------------------------------------------ kinematic paths


def test_a_path_with_reverse_stretches_stays_as_it_is() -> None:
    grid = inflated(np.zeros((80, 120), bool))
    there = [[x, 0.0, 0.0] for x in np.linspace(0.0, 1.0, 11)] + [[x, 0.0, 0.0] for x in np.linspace(0.9, 0.5, 5)]
    path = np.array([*there, [0.5, 0.0, 1.0]])
    outcome = PlanOutcome(PlanStatus.OK, "", path, 1.5, 10)
    assert is_kinematic(path)
    assert finish(PathMeter(grid, PlanOptions()), outcome, 0.05) is outcome
    forward = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.5]])
    forward[:, 2] = (0.0, math.pi / 2, 0.5)
    assert not is_kinematic(forward)


# ------------------------------------------------------------ the outline


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_contact_agrees_with_points_of_the_body(seed: int) -> None:
    random = np.random.default_rng(seed)
    occupied = random.random((30, 30)) < 0.02
    cost = np.where(occupied, 254, 0).astype(np.uint8)
    grid = CostGrid(GridFrame(0.0, 0.0, 0.05, 30, 30), cost)
    obstacles = Obstacles.of(grid)
    corners = np.array([point for polygon in ROBOT.body.outline_m for point in polygon])
    starts = np.cumsum([0] + [len(polygon) for polygon in ROBOT.body.outline_m])
    for _ in range(5):
        pose = np.array([[*random.uniform(0.4, 1.1, 2), random.uniform(-math.pi, math.pi)]])
        x, y, yaw = pose[0].tolist()
        args = (cost, 254, x, y, math.sin(yaw), math.cos(yaw), 0.05, corners, starts)
        exact = touches(*args, 0.0, np.empty(corners.shape))
        if obstacles.contacts(POINTS_M, REACH_M, pose):
            assert exact
        elif exact:  # the points are 1 cm apart: a sliver may lie between them
            assert touches(*args, 0.01, np.empty(corners.shape))
            assert not touches(*args, -0.012, np.empty(corners.shape))


def test_a_bend_in_which_the_body_would_touch_is_driven_around() -> None:
    """A post beside a bend: the disc passes it closely, the corner of the body would not."""
    touching = repaired = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        occupied = random.random((140, 140)) < 0.004
        occupied[15:25, 15:25] = occupied[-35:-15, -35:-15] = False
        grid = inflated(occupied)
        options = PlanOptions(goal_yaw_matters=False)
        raw = PLANNER.plan(grid, Pose2(0.0, 0.0, 0.0), Pose2(4.7, 4.7, 0.0), options)
        if raw.status is not PlanStatus.OK:
            continue
        plain = finish(PathMeter(grid, options), raw, 0.05)
        route = route_on(grid, (0.0, 0.0), (4.7, 4.7))
        obstacles = Obstacles.of(grid)
        before = obstacles.contacts(POINTS_M, REACH_M, dense_poses(plain.path, 0.01)) > 0
        after = obstacles.contacts(POINTS_M, REACH_M, dense_poses(route.outcome.path, 0.01)) > 0
        touching += before
        repaired += before and not after
        assert after == (route.touches > 0) or not after
    assert touching >= 1
    assert repaired >= 1


def test_where_the_body_cannot_follow_the_reason_names_the_place() -> None:
    """A right angle in a corridor as wide as the disc: the corners of the body touch."""
    occupied = np.ones((100, 100), bool)
    occupied[16:25, 10:80] = occupied[16:80, 71:80] = False
    grid = inflated(occupied)
    route = route_on(grid, (0.0, 0.025), (2.775, 2.4))
    assert route.outcome.status is PlanStatus.OK
    assert route.touches > 0
    reason = noted(route, OUTLINE, grid).reason
    assert "outline would touch at (" in reason
    assert noted(replace(route, touches=0), OUTLINE, grid) is route.outcome


def test_random_queries_touch_nothing_untold_and_exceed_nothing() -> None:
    result = run(count=20, seed=5)
    assert result["paths"] >= 15
    assert result["touching_untold"] == 0
    assert result["below_margin"] == result["enters_forbidden"] == 0
    assert sum(result["limit_violations"].values()) == 0


@pytest.mark.slow
@pytest.mark.parametrize("robot", ["jackal", "reference"])
def test_a_thousand_random_queries_touch_nothing_untold(robot: str) -> None:
    result = run(count=1000, seed=11, robot=robot)
    assert result["touching_untold"] == result["below_margin"] == result["enters_forbidden"] == 0
    assert sum(result["limit_violations"].values()) == 0


def test_a_kinematic_path_is_resampled_along_its_motions() -> None:
    path = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 3.0], [0.98, 0.0, 3.0], [0.98, 0.0, -3.0]])
    fine = resampled_motions(path, 0.1)
    assert np.abs(np.diff(fine[:, :2], axis=0)).max() <= 0.1 + 1e-12
    for corner in path:
        assert (np.abs(fine - corner).max(axis=1) < 1e-12).any()  # every turn and cusp stays
    speeds = fastest_speeds_mps(shape_of(fine, True), MotionLimits.from_config(ROBOT.limits))
    assert np.abs(speeds[-4:]).max() > 0.0, "the short leg between two stops can be driven"


class _Straight:
    """A planner that looks at nothing."""

    def plan(self, _grid: CostGrid, start: Pose2, goal: Pose2, _options: PlanOptions) -> PlanOutcome:
        path = np.array([[start.x_m, start.y_m, 0.0], [goal.x_m, goal.y_m, 0.0]])
        return PlanOutcome(PlanStatus.OK, "", path, 4.0, 1)


class _Refusing:
    def __init__(self) -> None:
        self.asked = 0

    def plan(self, *_: object) -> PlanOutcome:
        self.asked += 1
        return refusal(PlanStatus.NO_PATH, "no")


def test_a_kinematic_planner_has_the_last_word_where_the_outline_touches() -> None:
    cost = np.zeros((80, 120), np.uint8)
    cost[36:44, 58:62] = COST_LETHAL
    grid = CostGrid(GridFrame(0.0, 0.0, 0.05, 120, 80), cost)
    ends = Pose2(1.0, 2.0, 0.0), Pose2(5.0, 2.0, 0.0)
    refusing = _Refusing()
    kept = plan_route(_Straight(), grid, *ends, PlanOptions(), OUTLINE, 0.05, refusing)
    assert refusing.asked == 1
    assert kept.touches > 0  # ``noted`` then says where
    exact = make_kinematic_planner("kinematic", ROBOT.body, ROBOT.planning.kinematic)
    route = plan_route(_Straight(), grid, *ends, PlanOptions(), OUTLINE, 0.05, exact)
    assert route.is_kinematic
    assert route.touches == 0
    assert Obstacles.of(grid).contacts(POINTS_M, REACH_M, dense_poses(route.outcome.path, 0.01)) == 0
