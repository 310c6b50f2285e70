"""The search kernel against a plain Dijkstra: equal costs in exact integers, on any map."""

from __future__ import annotations

import heapq
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amr.geometry import Pose2
from amr.grid import CostGrid, GridFrame
from amr.kernels.grid_search import DIAGONAL, STRAIGHT, UNITS_PER_CELL
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome
from amr.planning.cell_search import CellSearch
from amr.planning.query import CellPath, find_cells

Cell = tuple[int, int]


def framed(cost: NDArray[np.uint8]) -> CostGrid:
    """A grid of 1 m cells whose centers lie at (column + 0.5, row + 0.5)."""
    return CostGrid(GridFrame(0.0, 0.0, 1.0, cost.shape[1], cost.shape[0]), cost)


def pose(cell: Cell) -> Pose2:
    return Pose2(cell[1] + 0.5, cell[0] + 0.5, 0.0)


def reference(cost: NDArray[np.uint8], start: Cell) -> dict[Cell, int]:
    """Label units from ``start`` to each cell: Dijkstra with a heap, one rule a line."""
    height, width = cost.shape
    best = {start: 0}
    heap = [(0, start)]
    done = set()
    while heap:
        here, (row, column) = heapq.heappop(heap)
        if (row, column) in done:
            continue
        done.add((row, column))
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                r, c = row + dy, column + dx
                if (dx, dy) == (0, 0) or not (0 <= r < height and 0 <= c < width) or cost[r, c] >= 253:
                    continue
                if dx and dy and (cost[row, c] >= 253 or cost[r, column] >= 253):
                    continue
                unit = DIAGONAL if dx and dy else STRAIGHT
                there = here + (504 + int(cost[row, column]) + int(cost[r, c])) * unit
                if there < best.get((r, c), 1 << 62):
                    best[r, c] = there
                    heapq.heappush(heap, (there, (r, c)))
    return best


def cost_of(cost: NDArray[np.uint8], cells: list[Cell]) -> int:
    """Label units of a way, with every step checked."""
    total = 0
    for (r0, c0), (r1, c1) in pairwise(cells):
        assert max(abs(r1 - r0), abs(c1 - c0)) == 1
        diagonal = r0 != r1 and c0 != c1
        assert not diagonal or (cost[r0, c1] < 253 and cost[r1, c0] < 253)
        total += (504 + int(cost[r0, c0]) + int(cost[r1, c1])) * (DIAGONAL if diagonal else STRAIGHT)
    assert all(cost[r, c] < 253 for r, c in cells)
    return total


def unpadded(found: CellPath) -> list[Cell]:
    return [(int(cell) // found.stride - 1, int(cell) % found.stride - 1) for cell in found.cells]


@st.composite
def problems(draw: st.DrawFn) -> tuple[NDArray[np.uint8], Cell, Cell]:
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    seed = draw(st.integers(0, 2**32 - 1))
    blocked_frac = draw(st.sampled_from([0.0, 0.2, 0.4]))
    costs = draw(st.sampled_from([[0], [0, 252], list(range(253)), [17, 18]]))
    random = np.random.default_rng(seed)
    cost = random.choice(np.array(costs, np.uint8), (height, width))
    cost[random.random((height, width)) < blocked_frac] = random.choice([253, 254, 255])
    start = int(random.integers(height)), int(random.integers(width))
    goal = int(random.integers(height)), int(random.integers(width))
    cost[start], cost[goal] = 0, min(int(cost[goal]), 252)
    return cost, start, goal


SHARED = CellSearch(exact=True)
"""One memory for all examples: what an earlier query left must never show."""


@settings(max_examples=300, deadline=None)
@given(problems())
def test_cost_equals_plain_dijkstra(problem: tuple[NDArray[np.uint8], Cell, Cell]) -> None:
    cost, start, goal = problem
    found = find_cells(SHARED, framed(cost), pose(start), pose(goal), PlanOptions())
    best = reference(cost, start)
    if goal not in best:
        assert isinstance(found, PlanOutcome)
        assert found.status is PlanStatus.NO_PATH
        # more than four pieces of a block count as one, so the count may be larger than the truth
        assert int(found.reason.split("among the ")[1].split()[0]) >= len(best)
        return
    assert isinstance(found, CellPath)
    cells = unpadded(found)
    assert (cells[0], cells[-1]) == (start, goal)
    assert cost_of(cost, cells) == best[goal]


def test_diagonal_unit_is_sqrt2_to_nine_digits() -> None:
    assert pytest.approx(2.0**0.5, rel=5e-10) == DIAGONAL / STRAIGHT
    assert UNITS_PER_CELL == 504 * STRAIGHT


def test_a_scratch_that_ran_out_of_label_room_starts_over() -> None:
    random = np.random.default_rng(3)
    cost = random.integers(0, 100, (30, 30)).astype(np.uint8)
    grid, options = framed(cost), PlanOptions()
    search = CellSearch(exact=True)
    first = find_cells(search, grid, pose((0, 0)), pose((29, 29)), options)
    assert isinstance(first, CellPath)
    expected = unpadded(first)
    labels = search._scratch.labels
    labels._next_base = 1 << 40
    bases = {labels.new_base() for _ in range(3)}
    assert len(bases) == 3
    again = find_cells(search, grid, pose((0, 0)), pose((29, 29)), options)
    assert isinstance(again, CellPath)
    assert unpadded(again) == expected
    assert again.expanded == first.expanded


def test_a_full_queue_grows_and_gives_the_same_answer() -> None:
    random = np.random.default_rng(4)
    cost = random.integers(0, 253, (60, 60)).astype(np.uint8)
    small, large = CellSearch(exact=True), CellSearch(exact=True)
    small._scratch.pool, small._pool = np.zeros(2 * 8, np.uint64), np.zeros(2 * 8, np.uint64)
    ways = [find_cells(search, framed(cost), pose((0, 0)), pose((59, 59)), PlanOptions()) for search in (small, large)]
    assert small._scratch.pool.size > 16
    assert isinstance(ways[0], CellPath)
    assert isinstance(ways[1], CellPath)
    assert unpadded(ways[0]) == unpadded(ways[1])


def test_equal_queries_on_other_maps_between_give_equal_bits() -> None:
    random = np.random.default_rng(5)
    search = CellSearch(exact=True)
    cost = random.integers(0, 200, (40, 25)).astype(np.uint8)
    first = find_cells(search, framed(cost), pose((1, 1)), pose((38, 20)), PlanOptions())
    for size in (10, 70, 33):
        other = random.integers(0, 200, (size, size)).astype(np.uint8)
        find_cells(search, framed(other), pose((0, 0)), pose((size - 1, size - 1)), PlanOptions())
    again = find_cells(search, framed(cost), pose((1, 1)), pose((38, 20)), PlanOptions())
    assert isinstance(first, CellPath)
    assert isinstance(again, CellPath)
    assert unpadded(first) == unpadded(again)
    assert first.expanded == again.expanded
