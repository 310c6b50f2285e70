"""Replanning against planning anew: equal cost after any change of map, start, goal, and at any time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid, GridFrame
from amr.messages import PlanStatus
from amr.planning.base import GridPlanner, PlanOptions, PlanOutcome
from amr.planning.replan import ReplanningPlanner
from amr.registry import make_planner
from amr.runtime.bench.planner_cases import synthetic_case
from amr.runtime.bench.planner_measure import path_cost_m

COLD = make_planner("astar")
KEPT = ReplanningPlanner(straight=False)


def framed(cost: NDArray[np.uint8]) -> CostGrid:
    return CostGrid(GridFrame(0.0, 0.0, 1.0, cost.shape[1], cost.shape[0]), cost)


def pose(cell: NDArray[np.int64]) -> Pose2:
    return Pose2(float(cell[1]) + 0.5, float(cell[0]) + 0.5, 0.0)


def assert_equal_but_for_the_choice(kept: PlanOutcome, cold: PlanOutcome) -> None:
    assert kept.status is cold.status
    if cold.status is PlanStatus.OK:
        assert kept.cost == pytest.approx(cold.cost, rel=1e-12)
        assert kept.path[-1].tolist() == cold.path[-1].tolist()
    assert kept.reason == cold.reason


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    blocked_frac=st.sampled_from([0.0, 0.2, 0.4]),
    tolerance_m=st.sampled_from([0.0, 4.0]),
)
def test_every_answer_costs_what_a_search_from_anew_does(
    seed: int, height: int, width: int, blocked_frac: float, tolerance_m: float
) -> None:
    random = np.random.default_rng(seed)
    levels = np.array([0, 0, 40, 252], np.uint8)

    def some(shape: tuple[int, int]) -> NDArray[np.uint8]:
        cost = random.choice(levels, shape)
        cost[random.random(shape) < blocked_frac] = 254
        return cost

    cost = some((height, width))
    goal = random.integers(0, (height, width))
    start = random.integers(0, (height, width))
    options = PlanOptions(goal_tolerance_m=tolerance_m)
    for _ in range(8):
        what = int(random.integers(4))
        if what == 0:
            start = np.clip(start + random.integers(-3, 4, 2), 0, (height - 1, width - 1))
        elif what == 1:
            goal = random.integers(0, (height, width))
        else:
            j, i = random.integers(0, (height, width))
            patch = cost[j : j + 6, i : i + 6]
            patch[:] = some(patch.shape)
        arguments = (framed(cost), pose(start), pose(goal), options)
        assert_equal_but_for_the_choice(KEPT.plan(*arguments), COLD.plan(*arguments))


@pytest.mark.parametrize("kind", ["blobs", "maze"])
def test_a_drive_with_a_changing_map_costs_what_cold_plans_cost_at_a_fraction_of_the_effort(kind: str) -> None:
    case = synthetic_case(f"{kind}:512:3", 1, None)
    query, grid = case.queries[0], case.grid
    cost = grid.cost.copy()
    random = np.random.default_rng(0)
    kept, straight = ReplanningPlanner(straight=False), ReplanningPlanner()
    start, efforts = query.start, []
    for _ in range(12):
        now = CostGrid(grid.frame, cost)
        cold = COLD.plan(now, start, query.goal, PlanOptions())
        mine, pulled = (planner.plan(now, start, query.goal, PlanOptions()) for planner in (kept, straight))
        assert_equal_but_for_the_choice(mine, cold)
        assert pulled.cost <= cold.cost * (1.0 + 1e-9)
        assert path_cost_m(now, pulled.path, allow_unknown=False) == pytest.approx(pulled.cost, rel=1e-9)
        efforts.append((mine.expanded, cold.expanded))
        ahead = mine.path[min(10, len(mine.path) - 1)]
        start = Pose2(float(ahead[0]), float(ahead[1]), 0.0)
        row, column = now.frame.cell(*mine.path[int(random.integers(min(60, len(mine.path)))), :2])
        patch = cost[max(0, row - 3) : row + 3, max(0, column - 3) : column + 3]
        patch[patch < 253] = np.minimum(patch[patch < 253].astype(int) + 60, 252).astype(np.uint8)
    assert sum(mine for mine, _ in efforts[1:]) * 3 < sum(cold for _, cold in efforts[1:])


def test_a_door_that_closes_and_opens() -> None:
    cost = np.zeros((40, 60), np.uint8)
    cost[:, 30] = 254
    cost[5, 30] = cost[35, 30] = 0
    start, goal = Pose2(10.5, 30.5, 0.0), Pose2(50.5, 30.5, 0.0)
    planner: GridPlanner = ReplanningPlanner(straight=False)
    for closed in ([], [35], [35, 5], [5], []):
        now = cost.copy()
        now[closed, 30] = 254
        arguments = (framed(now), start, goal, PlanOptions())
        assert_equal_but_for_the_choice(planner.plan(*arguments), COLD.plan(*arguments))


def test_an_unreachable_goal_keeps_its_stand_in() -> None:
    cost = np.zeros((60, 60), np.uint8)
    cost[28:33, 28:33] = 254
    cost[30, 30] = 0
    planner = ReplanningPlanner(straight=False)
    efforts = []
    for step in range(4):
        arguments = (
            framed(cost),
            Pose2(2.5 + step, 5.5, 0.0),
            Pose2(30.5, 30.5, 0.0),
            PlanOptions(goal_tolerance_m=5.0),
        )
        outcome = planner.plan(*arguments)
        assert_equal_but_for_the_choice(outcome, COLD.plan(*arguments))
        efforts.append(outcome.expanded)
    assert efforts[-1] < efforts[0]


def test_another_shape_other_unknown_policy_and_escapes_are_answered_like_anew() -> None:
    random = np.random.default_rng(2)
    planner = ReplanningPlanner(straight=False)
    for size in (30, 41, 30):
        cost = random.integers(0, 100, (size, size)).astype(np.uint8)
        cost[random.random(cost.shape) < 0.1] = 255
        cost[:6, :6] = 0
        cost[size - 1, size - 1] = 253
        for options in (
            PlanOptions(goal_tolerance_m=3.0),
            PlanOptions(unknown="free", goal_tolerance_m=3.0),
            PlanOptions(unknown="costly", unknown_cost=90, goal_tolerance_m=3.0),
        ):
            arguments = (framed(cost), Pose2(0.5, 0.5, 0.0), Pose2(size - 0.5, size - 0.5, 0.0), options)
            assert_equal_but_for_the_choice(planner.plan(*arguments), COLD.plan(*arguments))
        inside = PlanOptions(escape_radius_m=4.0)
        arguments = (framed(cost), Pose2(size - 0.5, size - 0.5, 0.0), Pose2(0.5, 0.5, 0.0), inside)
        outcome, cold = planner.plan(*arguments), COLD.plan(*arguments)
        assert_equal_but_for_the_choice(outcome, cold)
        assert outcome.escape_points == cold.escape_points > 0


def test_after_forget_answer_and_effort_are_those_of_a_new_planner() -> None:
    case = synthetic_case("blobs:256:3", 2, None)
    used, new = ReplanningPlanner(), ReplanningPlanner()
    first, second = case.queries
    used.plan(case.grid, first.start, first.goal, PlanOptions())
    used.plan(case.grid, second.start, first.goal, PlanOptions())
    used.forget()
    mine, fresh = (p.plan(case.grid, second.start, second.goal, PlanOptions()) for p in (used, new))
    assert mine.path.tobytes() == fresh.path.tobytes()
    assert mine.expanded == fresh.expanded


@pytest.mark.parametrize(
    ("start", "status"),
    [(Pose2(float("nan"), 1.0, 0.0), PlanStatus.OUTSIDE_MAP), (Pose2(3.5, 3.5, 0.0), PlanStatus.START_BLOCKED)],
)
def test_bad_input_between_answers_does_no_harm(start: Pose2, status: PlanStatus) -> None:
    cost = np.zeros((20, 20), np.uint8)
    cost[3, 3] = 254
    planner = ReplanningPlanner(straight=False)
    good = (framed(cost), Pose2(0.5, 0.5, 0.0), Pose2(15.5, 15.5, 0.0), PlanOptions())
    before = planner.plan(*good)
    assert planner.plan(good[0], start, good[2], good[3]).status is status
    assert planner.plan(*good).cost == before.cost
