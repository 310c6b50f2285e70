"""The search in a corridor: a way whenever there is one, never far from the optimum, the optimum where that is said."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import label

from amr.geometry import Pose2
from amr.grid import CostGrid, GridFrame
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions
from amr.planning.cell_search import CellSearch
from amr.planning.query import CellPath, find_cells
from amr.registry import make_planner
from amr.runtime.bench.planner_cases import synthetic_case
from amr.runtime.bench.planner_measure import path_cost_m

Cell = tuple[int, int]
CORRIDOR, EXACT = CellSearch(exact=False), CellSearch(exact=True)


def framed(cost: NDArray[np.uint8]) -> CostGrid:
    return CostGrid(GridFrame(0.0, 0.0, 1.0, cost.shape[1], cost.shape[0]), cost)


def pose(cell: Cell) -> Pose2:
    return Pose2(cell[1] + 0.5, cell[0] + 0.5, 0.0)


def snake(size: int, pitch: int) -> NDArray[np.uint8]:
    """One corridor ``pitch - 1`` cells wide that fills the map, to and fro."""
    cost = np.zeros((size, size), np.uint8)
    for turn, row in enumerate(range(pitch - 1, size, pitch)):
        cost[row] = 254
        cost[row, -(pitch - 1) :] = 0 if turn % 2 == 0 else 254
        cost[row, : pitch - 1] = 254 if turn % 2 == 0 else 0
    return cost


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    blocked_frac=st.sampled_from([0.0, 0.1, 0.3, 0.4, 0.6, 1.0]),
    costly=st.booleans(),
)
def test_a_way_is_found_exactly_when_there_is_one(
    seed: int, height: int, width: int, blocked_frac: float, costly: bool
) -> None:
    random = np.random.default_rng(seed)
    cost = random.integers(0, 253 if costly else 1, (height, width)).astype(np.uint8)
    cost[random.random((height, width)) < blocked_frac] = 254
    start, goal = ((int(random.integers(height)), int(random.integers(width))) for _ in range(2))
    cost[start] = cost[goal] = 0
    regions, _ = label(cost < 253)
    for search in (CORRIDOR, EXACT):
        found = find_cells(search, framed(cost), pose(start), pose(goal), PlanOptions())
        assert isinstance(found, CellPath) == (regions[start] == regions[goal])
        if not isinstance(found, CellPath):
            assert found.status is PlanStatus.NO_PATH
            continue
        cells = [(int(c) // found.stride - 1, int(c) % found.stride - 1) for c in found.cells]
        assert (cells[0], cells[-1]) == (start, goal)
        for (r0, c0), (r1, c1) in pairwise(cells):
            assert max(abs(r1 - r0), abs(c1 - c0)) == 1
            assert max(cost[r1, c1], cost[r0, c1], cost[r1, c0]) < 253


@pytest.mark.parametrize("pitch", [2, 3, 4, 7])
def test_narrow_corridors_are_followed_to_their_end(pitch: int) -> None:
    cost = snake(64, pitch)
    cost[0, 0] = 9  # not uniform: the corridor is used
    ends = list(np.argwhere(cost < 253))[:: int((cost < 253).sum()) - 1]
    found = [
        find_cells(search, framed(cost), pose(tuple(ends[0])), pose(tuple(ends[1])), PlanOptions())
        for search in (CORRIDOR, EXACT)
    ]
    assert all(isinstance(way, CellPath) for way in found)
    assert len(found[0].cells) == len(found[1].cells)  # type: ignore[union-attr]


def test_more_pieces_in_a_block_than_are_told_apart_do_not_mislead() -> None:
    cost = np.zeros((40, 60), np.uint8)
    cost[:, 20:40] = 254
    cost[::2, 20:40] = 0  # twenty corridors one cell wide ...
    cost[:30:2, 30] = 254  # ... of which the first fifteen are dead ends
    cost[0, 0] = 9
    start, goal = (0, 2), (0, 57)
    outcome = make_planner("any_angle").plan(framed(cost), pose(start), pose(goal), PlanOptions())
    assert outcome.status is PlanStatus.OK
    cost[::2, 30] = 254
    refused = make_planner("any_angle").plan(framed(cost), pose(start), pose(goal), PlanOptions())
    assert refused.status is PlanStatus.NO_PATH
    assert "among the 1000 cells" in refused.reason  # 40 rows x 20, and 20 corridors of 10
    # the nearest cells to the goal are those of the dead ends
    near = make_planner("any_angle").plan(framed(cost), pose(start), pose(goal), PlanOptions(goal_tolerance_m=28.0))
    assert near.status is PlanStatus.OK
    assert near.path[-1, 0] == pytest.approx(29.5)


def test_a_map_of_one_cost_is_searched_as_a_whole() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        cost = np.zeros((60, 60), np.uint8)
        cost[random.random(cost.shape) < 0.35] = 254
        regions, _ = label(cost < 253)
        cells = np.argwhere(regions == np.bincount(regions.ravel())[1:].argmax() + 1)
        start, goal = (pose(tuple(cells[int(k)])) for k in random.integers(0, len(cells), 2))
        any_angle, astar = (
            make_planner(n).plan(framed(cost), start, goal, PlanOptions()) for n in ("any_angle", "astar")
        )
        assert any_angle.cost <= astar.cost * (1.0 + 1e-9)


@pytest.mark.parametrize("kind", ["blobs", "maze", "rooms"])
def test_on_inflated_maps_any_angle_is_cheaper_than_the_grid_optimum(kind: str) -> None:
    case = synthetic_case(f"{kind}:384:5", 12, None)
    planners = {name: make_planner(name) for name in ("any_angle", "astar")}
    costs = {
        name: [
            path_cost_m(case.grid, planner.plan(case.grid, q.start, q.goal, PlanOptions()).path, False)
            for q in case.queries
        ]
        for name, planner in planners.items()
    }
    assert sum(costs["any_angle"]) < 0.99 * sum(costs["astar"])
    assert all(mine <= 1.02 * exact for mine, exact in zip(costs["any_angle"], costs["astar"], strict=True))


def test_a_refusal_is_much_less_work_than_a_search() -> None:
    case = synthetic_case("maze:512:1", 1, None)
    cost = case.grid.cost.copy()
    row, column = case.grid.frame.cell(case.queries[0].goal.x_m, case.queries[0].goal.y_m)
    rows, columns = np.ogrid[: cost.shape[0], : cost.shape[1]]
    ring = np.maximum(abs(rows - row), abs(columns - column)) == 2
    cost[ring] = 254
    for name in ("astar", "any_angle"):
        outcome = make_planner(name).plan(
            CostGrid(case.grid.frame, cost), case.queries[0].start, case.queries[0].goal, PlanOptions()
        )
        assert outcome.status is PlanStatus.NO_PATH
        assert outcome.expanded < int((cost < 253).sum()) // 20
