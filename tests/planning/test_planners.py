"""What every grid planner promises: no dearer than the grid optimum, nothing forbidden entered, errors as values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.grid import CostGrid, GridFrame
from amr.messages import PlanStatus
from amr.planning.base import GridPlanner, PlanOptions
from amr.registry import PLANNERS, make_planner
from amr.runtime.bench.planner_measure import path_cost_m

ALL = sorted(PLANNERS)
SHARED = {name: make_planner(name) for name in ALL}
RESOLUTION_M = 0.1


def framed(cost: NDArray[np.uint8]) -> CostGrid:
    return CostGrid(GridFrame(-1.0, 2.0, RESOLUTION_M, cost.shape[1], cost.shape[0]), cost)


def at(grid: CostGrid, row: float, column: float, yaw_rad: float = 0.0) -> Pose2:
    """A pose by row and column; whole numbers are centers of cells."""
    frame = grid.frame
    return Pose2(
        frame.origin_x_m + (column + 0.5) * frame.resolution_m,
        frame.origin_y_m + (row + 0.5) * frame.resolution_m,
        yaw_rad,
    )


def smooth_hills(seed: int, size: int = 40, blocked_frac: float = 0.1) -> NDArray[np.uint8]:
    """Costs that change slowly, with blocked cells."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 252, (size // 5, size // 5))
    cost = np.kron(coarse, np.ones((5, 5))).astype(np.uint8)
    cost[random.random(cost.shape) < blocked_frac] = 254
    return cost


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), blocked_frac=st.sampled_from([0.0, 0.1, 0.3]))
def test_paths_are_allowed_priced_right_and_any_angle_is_no_dearer(seed: int, blocked_frac: float) -> None:
    random = np.random.default_rng(seed)
    cost = smooth_hills(seed, blocked_frac=blocked_frac)
    grid = framed(cost)
    free = np.argwhere(cost < 253)
    rows = [free[int(k)] + random.uniform(-0.49, 0.49, 2) for k in random.integers(0, len(free), 2)]
    start, goal = (at(grid, float(r), float(c), 1.0) for r, c in rows)
    outcomes = {name: SHARED[name].plan(grid, start, goal, PlanOptions()) for name in ALL}
    assert len({o.status for o in outcomes.values()}) == 1
    for outcome in outcomes.values():
        if outcome.status is not PlanStatus.OK:
            assert outcome.reason
            assert outcome.path.shape == (0, 3)
            continue
        path = outcome.path
        assert len(path) >= 2
        assert (path[0, 0], path[0, 1]) == (start.x_m, start.y_m)
        assert tuple(path[-1]) == (goal.x_m, goal.y_m, goal.yaw_rad)
        assert np.isfinite(path).all()
        assert path_cost_m(grid, path, allow_unknown=False) == pytest.approx(outcome.cost, rel=1e-9, abs=1e-12)
    if outcomes["astar"].status is PlanStatus.OK:
        # inside a corridor: see test_corridor for where it is exact
        assert outcomes["any_angle"].cost <= outcomes["astar"].cost * 1.05


@pytest.mark.parametrize("name", ALL)
def test_headings_look_along_the_path_and_the_last_is_the_goals(name: str) -> None:
    grid = framed(np.zeros((20, 20), np.uint8))
    outcome = SHARED[name].plan(grid, at(grid, 2, 2, -2.0), at(grid, 12, 12, 0.3), PlanOptions())
    assert outcome.path[:-1, 2] == pytest.approx(math.pi / 4)
    assert outcome.path[-1, 2] == 0.3
    free = SHARED[name].plan(grid, at(grid, 2, 2), at(grid, 12, 12, math.nan), PlanOptions(goal_yaw_matters=False))
    assert free.path[-1, 2] == pytest.approx(math.pi / 4)


def test_any_angle_goes_straight_through_open_space() -> None:
    grid = framed(np.zeros((50, 50), np.uint8))
    start, goal = at(grid, 3, 3), at(grid, 20, 45)
    outcome = SHARED["any_angle"].plan(grid, start, goal, PlanOptions())
    assert outcome.cost == pytest.approx(start.distance_m(goal), rel=1e-9)
    assert len(outcome.path) == 2


@pytest.mark.parametrize("name", ALL)
def test_start_equal_to_goal_is_a_path_of_two_points_without_cost(name: str) -> None:
    grid = framed(np.zeros((5, 5), np.uint8))
    pose = at(grid, 2.2, 2.1, 0.5)
    outcome = SHARED[name].plan(grid, pose, pose, PlanOptions())
    assert outcome.status is PlanStatus.OK
    assert len(outcome.path) >= 2
    assert outcome.cost == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"start": Pose2(math.nan, 2.5, 0.0)}, PlanStatus.OUTSIDE_MAP, "start is not finite"),
        ({"goal": Pose2(0.0, math.inf, 0.0)}, PlanStatus.OUTSIDE_MAP, "goal is not finite"),
        ({"goal": Pose2(0.0, 2.5, math.nan)}, PlanStatus.OUTSIDE_MAP, "goal is not finite"),
        ({"start": Pose2(-1.01, 2.5, 0.0)}, PlanStatus.OUTSIDE_MAP, "start (-1.01, 2.50) m lies outside"),
        ({"goal": Pose2(1e12, 2.5, 0.0)}, PlanStatus.OUTSIDE_MAP, "lies outside"),
        ({"options": PlanOptions(goal_tolerance_m=math.nan)}, PlanStatus.NO_PATH, "goal_tolerance_m"),
        ({"options": PlanOptions(escape_radius_m=-1.0)}, PlanStatus.NO_PATH, "escape_radius_m"),
        ({"options": PlanOptions(unknown="costly", unknown_cost=253)}, PlanStatus.NO_PATH, "unknown_cost"),
    ],
)
def test_bad_input_is_named(name: str, change: dict[str, object], status: PlanStatus, words: str) -> None:
    grid = framed(np.zeros((20, 20), np.uint8))
    arguments: dict[str, object] = {"start": at(grid, 1, 1), "goal": at(grid, 9, 9), "options": PlanOptions()}
    outcome = SHARED[name].plan(grid, **(arguments | change))  # type: ignore[arg-type]
    assert outcome.status is status
    assert words in outcome.reason
    assert math.isnan(outcome.cost)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (CostGrid(GridFrame(0, 0, 1.0, 5, 5), np.zeros((5, 4), np.uint8)), "must be uint8 [5, 5]"),
        (CostGrid(GridFrame(0, 0, 1.0, 5, 5), np.zeros((5, 5), np.float64)), "float64"),
        (CostGrid(GridFrame(0, 0, math.nan, 5, 5), np.zeros((5, 5), np.uint8)), "frame"),
        (CostGrid(GridFrame(0, 0, 1.0, 0, 0), np.zeros((0, 0), np.uint8)), "must be uint8"),
        (CostGrid(GridFrame(0, 0, 1.0, 1 << 27, 1), np.broadcast_to(np.uint8(0), (1, 1 << 27))), "at most"),
    ],
)
def test_a_torn_grid_is_named(grid: CostGrid, words: str) -> None:
    outcome = SHARED["astar"].plan(grid, Pose2(0.5, 0.5, 0.0), Pose2(1.5, 0.5, 0.0), PlanOptions())
    assert outcome.status is PlanStatus.NO_PATH
    assert words in outcome.reason


def room_with_wall() -> CostGrid:
    """A wall of obstacles at columns 14 and 15 with inflation beside it, open at the top."""
    cost = np.zeros((30, 30), np.uint8)
    cost[:25, 11:19] = 253
    cost[:25, 14:16] = 254
    return framed(cost)


@pytest.mark.parametrize("name", ALL)
def test_a_start_in_forbidden_cells_is_refused_without_escape(name: str) -> None:
    grid = room_with_wall()
    for column, what in ((12, "inflation of an obstacle"), (14, "an obstacle")):
        outcome = SHARED[name].plan(grid, at(grid, 5, column), at(grid, 5, 2), PlanOptions())
        assert outcome.status is PlanStatus.START_BLOCKED
        assert what in outcome.reason


@pytest.mark.parametrize("name", ALL)
def test_escape_leads_out_on_the_robots_own_side_of_a_wall(name: str) -> None:
    grid = room_with_wall()
    for column, exit_column in ((13, 10), (16, 19)):
        outcome = SHARED[name].plan(grid, at(grid, 5, column), at(grid, 5, 2), PlanOptions(escape_radius_m=0.8))
        assert outcome.status is PlanStatus.OK
        assert outcome.escape_points == 3
        first_free = grid.frame.cell(outcome.path[3, 0], outcome.path[3, 1])
        assert first_free[1] == exit_column
        assert grid.cost[first_free] < 253
        # no point of the way out lies in an obstacle, and after it nothing lies in anything forbidden
        assert all(grid.cost[grid.frame.cell(x, y)] == 253 for x, y in outcome.path[:3, :2])
        assert math.isfinite(path_cost_m(grid, outcome.path[3:], allow_unknown=False))


@pytest.mark.parametrize("name", ALL)
def test_escape_beyond_its_radius_is_refused_with_the_reason(name: str) -> None:
    cost = np.full((30, 30), 254, np.uint8)
    cost[:, 25:] = 0
    grid = framed(cost)
    outcome = SHARED[name].plan(grid, at(grid, 15, 10), at(grid, 15, 28), PlanOptions(escape_radius_m=1.0))
    assert outcome.status is PlanStatus.START_BLOCKED
    assert "within 1.00 m" in outcome.reason
    far = SHARED[name].plan(grid, at(grid, 15, 10), at(grid, 15, 28), PlanOptions(escape_radius_m=1.6))
    assert far.status is PlanStatus.OK


def test_escape_takes_the_exit_from_which_the_goal_can_be_reached() -> None:
    cost = np.full((21, 21), 253, np.uint8)
    cost[10, 8:10] = 0  # nearer, but a pocket
    cost[10, 14:] = 0
    grid = framed(cost)
    outcome = SHARED["astar"].plan(grid, at(grid, 10, 11), at(grid, 10, 20), PlanOptions(escape_radius_m=0.6))
    assert outcome.status is PlanStatus.OK
    assert outcome.escape_points == 3


@pytest.mark.parametrize("name", ALL)
def test_a_blocked_goal_is_replaced_by_the_nearest_cell_within_the_tolerance(name: str) -> None:
    grid = room_with_wall()
    start, goal = at(grid, 5, 2), at(grid, 5, 12)
    refused = SHARED[name].plan(grid, start, goal, PlanOptions(goal_tolerance_m=0.1))
    assert refused.status is PlanStatus.GOAL_BLOCKED
    assert "inflation" in refused.reason
    outcome = SHARED[name].plan(grid, start, goal, PlanOptions(goal_tolerance_m=0.4))
    assert outcome.status is PlanStatus.OK
    assert grid.frame.cell(outcome.path[-1, 0], outcome.path[-1, 1]) == (5, 10)
    assert "0.20 m" in outcome.reason


@pytest.mark.parametrize("name", ALL)
def test_an_enclosed_goal_is_replaced_by_the_nearest_cell_that_can_be_reached(name: str) -> None:
    cost = np.zeros((30, 30), np.uint8)
    cost[8:13, 8:13] = 254
    cost[10, 10] = 0
    grid = framed(cost)
    start, goal = at(grid, 10, 2), at(grid, 10, 10)
    none = SHARED[name].plan(grid, start, goal, PlanOptions(goal_tolerance_m=0.2))
    assert none.status is PlanStatus.NO_PATH
    assert "the goal is not among the 875 cells" in none.reason
    outcome = SHARED[name].plan(grid, start, goal, PlanOptions(goal_tolerance_m=0.31))
    assert outcome.status is PlanStatus.OK
    end = grid.frame.cell(outcome.path[-1, 0], outcome.path[-1, 1])
    assert sorted((abs(end[0] - 10), abs(end[1] - 10))) == [0, 3]


def test_unknown_space_follows_the_policy() -> None:
    cost = np.zeros((20, 40), np.uint8)
    cost[:18, 18:22] = 255
    grid = framed(cost)
    start, goal = at(grid, 2, 2), at(grid, 2, 37)
    planner = make_planner("astar")
    lethal = planner.plan(grid, start, goal, PlanOptions(unknown="lethal"))
    costly = planner.plan(grid, start, goal, PlanOptions(unknown="costly", unknown_cost=100))
    free = planner.plan(grid, start, goal, PlanOptions(unknown="free"))
    assert lethal.path[:, 1].max() > at(grid, 17, 0).y_m
    assert costly.path[:, 1].max() == pytest.approx(start.y_m)
    assert free.cost == pytest.approx(3.5)
    assert costly.cost == pytest.approx(3.5 + 0.4 * 100 / 252)
    dear = planner.plan(grid, start, goal, PlanOptions(unknown="costly", unknown_cost=252))
    assert dear.cost == pytest.approx(min(3.5 + 0.4, lethal.cost))


def test_equal_queries_give_equal_bits_in_a_new_planner() -> None:
    grid = framed(smooth_hills(7))
    grid.cost[0, 0] = grid.cost[39, 39] = 0
    for name in ALL:
        outcomes = [make_planner(name).plan(grid, at(grid, 0, 0), at(grid, 39, 39), PlanOptions()) for _ in range(2)]
        assert outcomes[0].path.tobytes() == outcomes[1].path.tobytes()
        assert (outcomes[0].cost, outcomes[0].expanded) == (outcomes[1].cost, outcomes[1].expanded)


def test_planners_satisfy_their_interface_and_wrong_names_list_the_right_ones() -> None:
    planner: GridPlanner = make_planner("astar")
    assert callable(planner.plan)
    with pytest.raises(ConfigError, match="any_angle, astar"):
        make_planner("nonsense")
