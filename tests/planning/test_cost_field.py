"""Cost-to-go against a plain Dijkstra from all goals at once."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid, GridFrame
from amr.planning.base import PlanOptions
from amr.planning.cost_field import OCTILE_EXCESS, CostToGo

RESOLUTION_M = 0.1
SHARED = CostToGo()


def framed(cost: NDArray[np.uint8]) -> CostGrid:
    return CostGrid(GridFrame(-1.0, 2.0, RESOLUTION_M, cost.shape[1], cost.shape[0]), cost)


def at(grid: CostGrid, row: int, column: int) -> Pose2:
    return Pose2(*grid.frame.center(row, column), 0.0)


def reference(cost: NDArray[np.uint8], goals: list[tuple[tuple[int, int], float]]) -> NDArray[np.float64]:
    """Metres from each cell to the cheapest goal: a heap, one rule a line."""
    height, width = cost.shape
    best = np.full(cost.shape, math.inf)
    heap = [(value, cell) for cell, value in goals if cost[cell] < 253]
    while heap:
        here, (row, column) = heapq.heappop(heap)
        if here >= best[row, column]:
            continue
        best[row, column] = here
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                r, c = row + dy, column + dx
                if (dx, dy) == (0, 0) or not (0 <= r < height and 0 <= c < width) or cost[r, c] >= 253:
                    continue
                if dx and dy and (cost[row, c] >= 253 or cost[r, column] >= 253):
                    continue
                step = math.hypot(dx, dy) * RESOLUTION_M * (1.0 + (int(cost[row, column]) + int(cost[r, c])) / 504.0)
                heapq.heappush(heap, (here + step, (r, c)))
    return best


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 25),
    width=st.integers(1, 25),
    blocked_frac=st.sampled_from([0.0, 0.3, 1.0]),
    goal_count=st.integers(1, 5),
    bound_m=st.sampled_from([math.inf, 1.0, 0.0]),
)
def test_field_equals_plain_dijkstra_from_all_goals(
    seed: int, height: int, width: int, blocked_frac: float, goal_count: int, bound_m: float
) -> None:
    random = np.random.default_rng(seed)
    cost = random.integers(0, 253, (height, width)).astype(np.uint8)
    cost[random.random((height, width)) < blocked_frac] = 254
    grid = framed(cost)
    cells = [(int(random.integers(height)), int(random.integers(width))) for _ in range(goal_count)]
    values = [float(v) for v in random.choice([0.0, 0.3, 50.0], goal_count)]
    goals = [(at(grid, *cell), value) for cell, value in zip(cells, values, strict=True)]
    made = SHARED.field(grid, goals, PlanOptions(), bound_m=bound_m)
    best = reference(cost, list(zip(cells, values, strict=True)))
    inside = best <= bound_m - 1e-6 if math.isfinite(bound_m) else np.isfinite(best)
    assert made.metres[inside] == pytest.approx(best[inside], rel=1e-6, abs=1e-6)
    assert np.isinf(made.metres[best > bound_m + 1e-6]).all()
    assert made.reached == int(np.isfinite(made.metres).sum())


def test_until_a_pose_everything_cheaper_than_it_plus_the_margin_is_exact() -> None:
    random = np.random.default_rng(1)
    cost = random.integers(0, 200, (80, 90)).astype(np.uint8)
    grid = framed(cost)
    full = SHARED.field(grid, [(at(grid, 3, 4), 0.0)], PlanOptions())
    part = SHARED.field(grid, [(at(grid, 3, 4), 0.0)], PlanOptions(), until=at(grid, 30, 20), margin_m=0.5)
    assert math.isinf(full.bound_m)
    assert part.bound_m == pytest.approx(float(full.metres[30, 20]) + 0.5, rel=1e-6)
    inside = full.metres <= part.bound_m - 1e-5
    assert part.metres[inside] == pytest.approx(full.metres[inside], rel=1e-6)
    assert np.isinf(part.metres[full.metres > part.bound_m + 1e-5]).all()
    assert part.reached < full.reached == cost.size


def test_divided_by_the_octile_excess_it_is_a_lower_bound_of_the_straight_distance() -> None:
    grid = framed(np.zeros((60, 60), np.uint8))
    made = SHARED.field(grid, [(at(grid, 30, 30), 0.0)], PlanOptions())
    rows, columns = np.mgrid[:60, :60]
    straight = np.hypot(rows - 30, columns - 30) * RESOLUTION_M
    assert (made.metres >= straight - 1e-5).all()
    assert (made.metres / OCTILE_EXCESS <= straight + 1e-5).all()


@pytest.mark.parametrize(
    "goal",
    [
        (Pose2(math.nan, 2.5, 0.0), 0.0),
        (Pose2(-5.0, 2.5, 0.0), 0.0),
        (Pose2(-0.95, 2.05, 0.0), 0.0),
        (Pose2(0.0, 2.5, 0.0), math.nan),
        (Pose2(0.0, 2.5, 0.0), -1.0),
        (Pose2(0.0, 2.5, 0.0), math.inf),
    ],
)
def test_goals_that_cannot_count_are_left_out(goal: tuple[Pose2, float]) -> None:
    cost = np.zeros((20, 20), np.uint8)
    cost[0, 0] = 254
    grid = framed(cost)
    alone = SHARED.field(grid, [goal], PlanOptions())
    assert np.isinf(alone.metres).all()
    assert alone.reached == 0
    assert "no goal" in alone.reason
    good = (at(grid, 9, 9), 0.25)
    with_good, only_good = (SHARED.field(grid, goals, PlanOptions()) for goals in ([goal, good], [good]))
    assert (with_good.metres == only_good.metres).all()
    assert only_good.metres[9, 9] == np.float32(0.25)


def test_a_torn_grid_and_bad_bounds_are_named() -> None:
    torn = CostGrid(GridFrame(0.0, 0.0, 0.1, 5, 5), np.zeros((5, 4), np.uint8))
    made = SHARED.field(torn, [(Pose2(0.1, 0.1, 0.0), 0.0)], PlanOptions())
    assert "must be uint8 [5, 5]" in made.reason
    grid = framed(np.zeros((5, 5), np.uint8))
    for bounds in ({"bound_m": math.nan}, {"margin_m": -1.0}, {"margin_m": math.inf}):
        made = SHARED.field(grid, [(at(grid, 1, 1), 0.0)], PlanOptions(), **bounds)  # type: ignore[arg-type]
        assert "bound_m" in made.reason
        assert made.reached == 0


def test_unknown_space_follows_the_policy() -> None:
    cost = np.zeros((3, 20), np.uint8)
    cost[:, 10] = 255
    grid = framed(cost)
    goal = [(at(grid, 1, 2), 0.0)]
    lethal, free = (SHARED.field(grid, goal, PlanOptions(unknown=policy)) for policy in ("lethal", "free"))  # type: ignore[arg-type]
    assert math.isinf(lethal.metres[1, 18])
    assert free.metres[1, 18] == pytest.approx(1.6)


def test_a_goal_that_costs_more_than_any_way_on_the_map_leaves_no_trace() -> None:
    grid = framed(np.zeros((1, 2), np.uint8))
    made = CostToGo()
    for value in (0.3, 5000.0, 0.3, 90000.0, 0.3):
        field = made.field(grid, [(at(grid, 0, 0), value)], PlanOptions()).metres
        assert field[0] == pytest.approx([value, value + 0.1], rel=1e-6)
