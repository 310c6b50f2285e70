"""The planner for a true outline: nothing touched, tight scenes solved, headings that say how to drive."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.config.planning import Kinematic
from amr.geometry import Pose2, wrap_angle
from amr.grid import CostGrid, GridFrame
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome
from amr.planning.kinematic import HybridAstarPlanner, KinematicPlanner, motions
from amr.registry import make_planner
from amr.runtime.bench.outline_check import OutlineCheck
from amr.runtime.bench.planner_cases import InflationAsked, synthetic_case
from amr.runtime.bench.planner_measure import path_cost_m
from amr.runtime.bench.reeds_shepp_reference import reeds_shepp_path

RESOLUTION_M = 0.05
OPTIONS = PlanOptions()


def box_body(length_m: float, width_m: float, x_m: float = 0.0) -> Body:
    """A rectangle, its middle ``x_m`` ahead of the wheel axis."""
    a, b = 0.5 * length_m, 0.5 * width_m
    corners = ((x_m - a, -b), (x_m + a, -b), (x_m + a, b), (x_m - a, b))
    return Body(outline_m=(corners,), height_m=0.2, mass_kg=5.0, inertia_kgm2=0.2)


LONG = box_body(1.0, 0.4)
SQUARE = box_body(0.5, 0.5)


def framed(cost: NDArray[np.uint8]) -> CostGrid:
    return CostGrid(GridFrame(0.0, 0.0, RESOLUTION_M, cost.shape[1], cost.shape[0]), cost)


def walls(width_m: float, height_m: float, *open_boxes: tuple[float, float, float, float]) -> CostGrid:
    """Everything lethal but the boxes (x0, y0, x1, y1) in metres."""
    cost = np.full((round(height_m / RESOLUTION_M), round(width_m / RESOLUTION_M)), 254, np.uint8)
    for box in open_boxes:
        x0, y0, x1, y1 = (round(v / RESOLUTION_M) for v in box)
        cost[y0:y1, x0:x1] = 0
    return framed(cost)


def solved(body: Body | None, grid: CostGrid, start: Pose2, goal: Pose2, options: PlanOptions = OPTIONS) -> PlanOutcome:
    """The plan, checked densely and priced by the independent ruler."""
    outcome = KinematicPlanner(body).plan(grid, start, goal, options)
    assert outcome.status is PlanStatus.OK, outcome.reason
    path = outcome.path
    assert tuple(path[0]) == (start.x_m, start.y_m, start.yaw_rad)
    assert not OutlineCheck(grid, body).touches(path[outcome.escape_points :])
    assert outcome.cost == pytest.approx(path_cost_m(grid, path[outcome.escape_points :], False), rel=1e-9, abs=1e-9)
    return outcome


def ends_at(outcome: PlanOutcome, goal: Pose2) -> bool:
    return tuple(outcome.path[-1]) == (goal.x_m, goal.y_m, goal.yaw_rad)


def reversed_m(path: NDArray[np.float64]) -> float:
    """Metres driven backward."""
    steps = np.hypot(*np.diff(path[:, :2], axis=0).T)
    return float(steps[motions(path) < 0].sum())


def turned_rad(path: NDArray[np.float64]) -> float:
    """Radians turned in place."""
    turns = np.array([abs(wrap_angle(float(a))) for a in np.diff(path[:, 2])])
    return float(turns[motions(path) == 0].sum())


OPEN = walls(8.0, 8.0, (0.0, 0.0, 8.0, 8.0))


def test_on_a_free_map_the_robot_turns_drives_and_turns() -> None:
    start, goal = Pose2(2.0, 2.0, 1.0), Pose2(6.0, 6.0, -1.0)
    outcome = solved(LONG, OPEN, start, goal)
    assert ends_at(outcome, goal)
    assert outcome.cost == pytest.approx(math.hypot(4.0, 4.0), rel=1e-3)
    assert reversed_m(outcome.path) == 0.0


def test_a_goal_just_behind_is_reached_backward_and_one_far_behind_forward() -> None:
    near = solved(SQUARE, OPEN, Pose2(4.0, 4.0, 0.0), Pose2(3.5, 4.0, 0.0))
    assert reversed_m(near.path) == pytest.approx(0.5, abs=0.01)
    assert turned_rad(near.path) == 0.0
    far = solved(SQUARE, OPEN, Pose2(7.0, 4.0, 0.0), Pose2(1.0, 4.0, 0.0))
    assert reversed_m(far.path) == 0.0


def test_prices_decide_how_much_is_driven_backward() -> None:
    start, goal = Pose2(5.0, 4.0, 0.0), Pose2(3.0, 4.0, 0.0)
    shy = KinematicPlanner(SQUARE, Kinematic(reverse_factor=10.0)).plan(OPEN, start, goal, OPTIONS)
    bold = KinematicPlanner(SQUARE, Kinematic(reverse_factor=1.0)).plan(OPEN, start, goal, OPTIONS)
    assert reversed_m(shy.path) == 0.0
    assert reversed_m(bold.path) == pytest.approx(2.0, abs=0.01)


def test_out_of_a_dead_end_too_narrow_to_turn_it_backs() -> None:
    grid = walls(6.0, 6.0, (0.5, 3.0, 3.5, 3.6), (3.5, 0.5, 5.5, 5.5))
    start, goal = Pose2(1.2, 3.3, math.pi), Pose2(4.5, 1.5, 0.0)
    outcome = solved(LONG, grid, start, goal)
    assert ends_at(outcome, goal)
    assert reversed_m(outcome.path) > 1.5


def test_into_a_parking_bay_and_out_again() -> None:
    grid = walls(6.0, 5.0, (0.5, 0.5, 5.5, 2.5), (2.7, 2.5, 3.3, 4.0))
    outside, inside = Pose2(1.2, 1.2, 0.0), Pose2(3.0, 3.4, math.pi / 2.0)
    assert ends_at(solved(LONG, grid, outside, inside), inside)
    back = solved(LONG, grid, inside, outside)
    assert reversed_m(back.path) > 0.8
    assert ends_at(solved(LONG, grid, outside, Pose2(3.0, 3.4, -math.pi / 2.0)), Pose2(3.0, 3.4, -math.pi / 2.0))


def test_along_a_corridor_narrower_than_the_diagonal_and_round_its_corner() -> None:
    grid = walls(8.0, 8.0, (0.5, 0.5, 2.5, 2.5), (2.5, 1.2, 6.5, 1.9), (5.4, 1.2, 6.5, 7.0), (4.5, 5.5, 7.5, 7.5))
    outcome = solved(LONG, grid, Pose2(1.5, 1.5, math.pi / 2.0), Pose2(6.0, 6.5, 0.0))
    assert outcome.path[-1, 2] == 0.0


@pytest.mark.parametrize(("gap_m", "passes"), [(0.55, True), (0.45, False)])
def test_between_two_posts_it_passes_exactly_when_the_outline_fits(gap_m: float, passes: bool) -> None:
    grid = walls(3.2, 1.5, (0.0, 0.0, 1.5, 1.5), (1.5, 0.5, 1.7, 0.5 + gap_m), (1.7, 0.0, 3.2, 1.5))
    start, goal = Pose2(0.6, 0.7, 0.7), Pose2(2.6, 0.7, -0.3)
    outcome = KinematicPlanner(SQUARE).plan(grid, start, goal, OPTIONS)
    assert (outcome.status is PlanStatus.OK) == passes
    if passes:
        assert not OutlineCheck(grid, SQUARE).touches(outcome.path)
    else:
        assert outcome.status is PlanStatus.NO_PATH
        assert "outline" in outcome.reason


def test_corners_are_driven_as_arcs_without_stopping() -> None:
    grid = walls(8.0, 8.0, (0.5, 0.5, 7.5, 2.5), (5.5, 0.5, 7.5, 7.5))
    path = solved(SQUARE, grid, Pose2(1.5, 1.5, 0.0), Pose2(6.5, 6.5, math.pi / 2.0)).path
    assert turned_rad(path) < 0.5
    assert reversed_m(path) == 0.0
    steps = np.hypot(*np.diff(path[:, :2], axis=0).T)
    turns = np.array([abs(wrap_angle(float(a))) for a in np.diff(path[:, 2])])
    assert turns[steps > 1e-6].max() < math.radians(20.1)


def test_a_heading_that_does_not_matter_is_not_turned_to() -> None:
    start, goal = Pose2(2.0, 2.0, 0.0), Pose2(6.0, 2.0, math.nan)
    outcome = solved(LONG, OPEN, start, goal, PlanOptions(goal_yaw_matters=False))
    assert outcome.path[-1, 2] == pytest.approx(0.0)
    assert turned_rad(outcome.path) == 0.0
    there = solved(LONG, OPEN, start, Pose2(2.0, 2.0, 2.0), PlanOptions(goal_yaw_matters=False))
    assert turned_rad(there.path) == 0.0


def test_a_start_at_the_goal_has_a_path_of_two_points() -> None:
    pose = Pose2(3.0, 3.0, 0.5)
    outcome = solved(SQUARE, OPEN, pose, pose)
    assert outcome.path.shape == (2, 3)
    assert outcome.cost == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("part", range(6))
def test_values_that_are_not_finite_are_refused(bad: float, part: int) -> None:
    values = [2.0, 2.0, 0.0, 4.0, 4.0, 0.0]
    values[part] = bad
    outcome = KinematicPlanner(SQUARE).plan(OPEN, Pose2(*values[:3]), Pose2(*values[3:]), OPTIONS)
    assert outcome.status is PlanStatus.OUTSIDE_MAP
    assert "not finite" in outcome.reason


def test_poses_off_the_map_are_refused() -> None:
    outcome = KinematicPlanner(SQUARE).plan(OPEN, Pose2(9.0, 1.0, 0.0), Pose2(4.0, 4.0, 0.0), OPTIONS)
    assert outcome.status is PlanStatus.OUTSIDE_MAP


def test_an_outline_larger_than_the_map_is_told() -> None:
    grid = framed(np.zeros((12, 12), np.uint8))
    outcome = KinematicPlanner(LONG).plan(grid, Pose2(0.3, 0.3, 0.0), Pose2(0.4, 0.3, 0.0), OPTIONS)
    assert outcome.status is PlanStatus.START_BLOCKED
    assert "outline" in outcome.reason


def test_a_blocked_goal_is_told_or_replaced_within_the_tolerance() -> None:
    grid = walls(6.0, 6.0, (0.0, 0.0, 4.0, 6.0))
    start, goal = Pose2(1.5, 3.0, 0.0), Pose2(3.85, 3.0, 0.0)
    told = KinematicPlanner(SQUARE).plan(grid, start, goal, OPTIONS)
    assert told.status is PlanStatus.GOAL_BLOCKED
    assert "lethal" in told.reason
    near = solved(SQUARE, grid, start, goal, PlanOptions(goal_tolerance_m=0.4))
    assert math.hypot(near.path[-1, 0] - goal.x_m, near.path[-1, 1] - goal.y_m) <= 0.4
    assert "ends" in near.reason


def test_a_start_that_touches_is_led_out_straight_or_refused() -> None:
    grid = walls(6.0, 6.0, (0.0, 0.0, 4.0, 6.0))
    start, goal = Pose2(3.85, 3.0, 0.0), Pose2(1.5, 3.0, 0.0)
    assert KinematicPlanner(SQUARE).plan(grid, start, goal, OPTIONS).status is PlanStatus.START_BLOCKED
    outcome = solved(SQUARE, grid, start, goal, PlanOptions(escape_radius_m=0.5))
    assert outcome.escape_points == 1
    assert motions(outcome.path)[0] == -1


@pytest.mark.parametrize(("policy", "passes"), [("lethal", False), ("free", True), ("costly", True)])
def test_unknown_cells_count_as_the_policy_says(policy: str, passes: bool) -> None:
    cost = np.zeros((80, 120), np.uint8)
    cost[:, 50:70] = 255
    options = PlanOptions(unknown=policy, unknown_cost=126)  # type: ignore[arg-type]
    outcome = KinematicPlanner(SQUARE).plan(framed(cost), Pose2(1.0, 2.0, 0.0), Pose2(5.0, 2.0, 0.0), options)
    assert (outcome.status is PlanStatus.OK) == passes
    if policy == "costly":
        assert outcome.cost == pytest.approx(4.5)


def test_a_walled_in_goal_and_a_walled_in_start_are_told_at_little_cost() -> None:
    grid = walls(20.0, 20.0, (0.0, 0.0, 20.0, 15.0), (9.0, 16.0, 11.0, 18.0))
    shut, free = Pose2(10.0, 17.0, 0.0), Pose2(2.0, 2.0, 0.0)
    for start, goal in ((free, shut), (shut, free)):
        outcome = KinematicPlanner(SQUARE).plan(grid, start, goal, OPTIONS)
        assert outcome.status is PlanStatus.NO_PATH
        assert "base origin" in outcome.reason
        assert outcome.expanded < 10


def test_equal_questions_have_equal_answers_whatever_was_asked_before() -> None:
    case = synthetic_case("blobs:256:3", 12, InflationAsked(0.7, 3.0, 0.22))
    used = KinematicPlanner(box_body(0.5, 0.44))
    for query in case.queries:
        fresh = KinematicPlanner(box_body(0.5, 0.44)).plan(case.grid, query.start, query.goal, OPTIONS)
        again = used.plan(case.grid, query.start, query.goal, OPTIONS)
        assert again.status is fresh.status
        assert np.array_equal(again.path, fresh.path)
        used.plan(OPEN, Pose2(1.0, 1.0, 0.0), Pose2(7.0, 7.0, 0.0), OPTIONS)


def test_the_disc_solves_what_the_grid_planner_solves_at_hardly_more_cost() -> None:
    case = synthetic_case("blobs:512:9", 30, None)
    planner, grid_planner = KinematicPlanner(), make_planner("any_angle")
    ratios = []
    for query in case.queries:
        outcome = solved(None, case.grid, query.start, query.goal)
        assert outcome.status is PlanStatus.OK
        ratios.append(outcome.cost / grid_planner.plan(case.grid, query.start, query.goal, OPTIONS).cost)
        again = planner.plan(case.grid, query.start, query.goal, OPTIONS)
        assert np.array_equal(again.path, outcome.path)
    assert np.mean(ratios) < 1.01
    assert max(ratios) < 1.08


@pytest.mark.slow
def test_what_reeds_and_shepp_solve_is_solved_no_dearer() -> None:
    case = synthetic_case("blobs:96:4", 60, InflationAsked(0.7, 3.0, 0.155))
    scenes = [(SQUARE, case.grid, query.start, query.goal) for query in case.queries]
    dead_end = walls(5.0, 3.0, (0.2, 1.2, 2.2, 1.8), (2.2, 0.2, 4.8, 2.8))
    bay = walls(4.0, 3.2, (0.2, 0.2, 3.8, 1.8), (1.7, 1.8, 2.3, 3.0))
    scenes.append((LONG, dead_end, Pose2(0.9, 1.5, math.pi), Pose2(3.5, 1.5, 0.0)))
    scenes.append((LONG, bay, Pose2(1.0, 1.0, 0.0), Pose2(2.0, 2.4, math.pi / 2.0)))
    scenes.append((LONG, bay, Pose2(2.0, 2.4, -math.pi / 2.0), Pose2(1.0, 1.0, 0.0)))
    compared = 0
    for body, grid, start, goal in scenes:
        ends = np.array([[p.x_m, p.y_m, p.yaw_rad] for p in (start, goal)])
        if OutlineCheck(grid, body).touching(ends).any() or (compared == 4 and body is SQUARE):
            continue
        path = reeds_shepp_path(grid, body, start, goal, most=5_000)
        if path is None:
            continue
        compared += 1
        outcome = solved(body, grid, start, goal)
        assert outcome.cost <= 1.05 * path_cost_m(grid, path, False) + 2.0 * RESOLUTION_M
    assert compared >= 6


@pytest.mark.slow
@pytest.mark.parametrize("planner_type", [KinematicPlanner, HybridAstarPlanner])
@pytest.mark.parametrize("kind", ["blobs", "rooms", "maze"])
def test_random_plans_touch_nothing(kind: str, planner_type: type[KinematicPlanner]) -> None:
    bodies = (None, box_body(0.46, 0.42), box_body(0.3, 0.26, -0.04), box_body(0.8, 0.42, 0.1))
    for seed, body in enumerate(bodies):
        radius_m = 0.22 if body is None else body.inradius_m
        case = synthetic_case(f"{kind}:320:{seed}", 40, InflationAsked(0.7, 3.0, radius_m))
        planner = planner_type(body)
        for query in case.queries:
            ends = np.array([[p.x_m, p.y_m, p.yaw_rad] for p in (query.start, query.goal)])
            outcome = planner.plan(case.grid, query.start, query.goal, OPTIONS)
            if OutlineCheck(case.grid, body).touching(ends).any():
                assert outcome.status is not PlanStatus.OK
            elif outcome.status is PlanStatus.OK:
                assert not OutlineCheck(case.grid, body).touches(outcome.path)
            else:
                assert outcome.reason
