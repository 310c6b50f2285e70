"""The kernel's cost of a segment against the benchmark's ruler, which shares no code with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amr.grid import CostGrid, GridFrame
from amr.kernels.grid_search import pad_costs
from amr.kernels.path_cost import polyline_costs, segment_cost
from amr.runtime.bench.planner_measure import path_cost_m, path_length_m


def padded(cost: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    stride = cost.shape[1] + 2
    out = np.empty((cost.shape[0] + 2) * stride, np.uint8)
    pad_costs(cost, out, 255)
    return out, stride


def ruler(cost: NDArray[np.uint8], points: NDArray[np.float64]) -> float:
    grid = CostGrid(
        GridFrame(-1.0, -1.0, 1.0, cost.shape[1] + 2, cost.shape[0] + 2), np.pad(cost, 1, constant_values=255)
    )
    return path_cost_m(grid, points - 1.0, allow_unknown=False)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), blocked_frac=st.sampled_from([0.0, 0.02, 0.3]))
def test_segment_cost_equals_the_ruler(seed: int, blocked_frac: float) -> None:
    random = np.random.default_rng(seed)
    cost = random.integers(0, 253, (12, 9)).astype(np.uint8)
    cost[random.random(cost.shape) < blocked_frac] = 254
    array, stride = padded(cost)
    points = np.column_stack([random.uniform(1.01, 9.99, 2), random.uniform(1.01, 12.99, 2)])
    mine = segment_cost(array, stride, *points[0], *points[1])
    assert mine == pytest.approx(ruler(cost, points), rel=1e-9)


def test_a_step_between_centers_costs_the_mean_of_both_cells() -> None:
    cost = np.array([[10, 200], [30, 40]], np.uint8)
    array, stride = padded(cost)
    assert segment_cost(array, stride, 1.5, 1.5, 2.5, 1.5) == pytest.approx(1.0 + (10 + 200) / 504, rel=1e-12)
    assert segment_cost(array, stride, 1.5, 1.5, 2.5, 2.5) == pytest.approx(
        math.sqrt(2) * (1.0 + (10 + 40) / 504), rel=1e-12
    )


def test_a_corner_needs_both_cells_beside_it() -> None:
    for blocked in ((0, 1), (1, 0)):
        cost = np.zeros((2, 2), np.uint8)
        cost[blocked] = 253
        array, stride = padded(cost)
        assert segment_cost(array, stride, 1.5, 1.5, 2.5, 2.5) == math.inf
        assert segment_cost(array, stride, 2.5, 2.5, 1.5, 1.5) == math.inf


def test_running_along_a_line_between_cells_needs_both_sides() -> None:
    cost = np.zeros((3, 3), np.uint8)
    cost[1, 2] = 254
    array, stride = padded(cost)
    assert segment_cost(array, stride, 3.0, 1.5, 3.0, 3.5) == math.inf
    assert segment_cost(array, stride, 3.0 - 1e-9, 1.5, 3.0 - 1e-9, 3.5) == math.inf
    assert segment_cost(array, stride, 2.9, 1.5, 2.9, 3.5) == pytest.approx(2.0)
    assert segment_cost(array, stride, 1.5, 2.0, 3.9, 2.0) == math.inf


@pytest.mark.parametrize(
    "segment",
    [
        (0.5, 1.5, 2.5, 1.5),
        (1.5, 1.5, 4.5, 1.5),
        (1.5, -3.0, 1.5, 1.5),
        (math.nan, 1.5, 1.5, 1.5),
        (1.5, 1.5, math.inf, 1.5),
    ],
)
def test_leaving_the_grid_or_no_number_is_infinite(segment: tuple[float, float, float, float]) -> None:
    array, stride = padded(np.zeros((3, 3), np.uint8))
    assert segment_cost(array, stride, *segment) == math.inf


def test_a_segment_without_length_costs_nothing() -> None:
    array, stride = padded(np.full((3, 3), 100, np.uint8))
    assert segment_cost(array, stride, 2.5, 2.5, 2.5, 2.5) == 0.0


def test_polyline_is_the_sum_of_its_segments() -> None:
    random = np.random.default_rng(1)
    cost = random.integers(0, 253, (20, 20)).astype(np.uint8)
    array, stride = padded(cost)
    points = random.uniform(1.1, 20.9, (7, 2))
    out = np.empty(6)
    total = polyline_costs(array, stride, points, out)
    assert total == pytest.approx(ruler(cost, points), rel=1e-9)
    assert total == pytest.approx(float(out.sum()), rel=1e-12)


def test_the_ruler_knows_unknown_space_and_length() -> None:
    cost = np.zeros((1, 4), np.uint8)
    cost[0, 2] = 255
    grid = CostGrid(GridFrame(0.0, 0.0, 0.5, 4, 1), cost)
    path = np.array([[0.25, 0.25, 0.0], [1.75, 0.25, 0.0]])
    assert path_cost_m(grid, path, allow_unknown=False) == math.inf
    assert path_cost_m(grid, path, allow_unknown=True) == pytest.approx(1.5)
    assert path_length_m(path) == pytest.approx(1.5)
    assert path_cost_m(grid, path * math.nan, allow_unknown=True) == math.inf
    assert path_cost_m(grid, path + 9.0, allow_unknown=True) == math.inf
