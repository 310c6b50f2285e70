"""Finished paths: even, smooth, as clear of obstacles as before, and the same at both ends."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amr.geometry import Pose2, wrap_angle
from amr.grid import CostGrid, GridFrame
from amr.kernels.path_shape import resample, set_headings
from amr.messages import PlanStatus
from amr.planning.base import PlanOptions, PlanOutcome, refusal
from amr.planning.finish import finish
from amr.planning.path_meter import PathMeter
from amr.registry import make_planner
from amr.runtime.bench.planner_cases import InflationAsked, inflate
from amr.runtime.bench.planner_measure import path_cost_m

PLANNER = make_planner("any_angle")


def inflated(occupied: NDArray[np.bool_]) -> CostGrid:
    cost = inflate(occupied, np.zeros_like(occupied), 0.05, InflationAsked(0.7, 3.0, 0.22))
    return CostGrid(GridFrame(-1.0, -1.0, 0.05, cost.shape[1], cost.shape[0]), cost)


def largest_turn_rad(path: NDArray[np.float64]) -> float:
    return max(abs(wrap_angle(b - a)) for a, b in pairwise(path[:-1, 2].tolist()))


def around_a_box() -> tuple[CostGrid, PlanOutcome]:
    occupied = np.zeros((120, 160), bool)
    occupied[:70, 75:85] = True
    grid = inflated(occupied)
    outcome = PLANNER.plan(grid, Pose2(0.0, 0.0, 0.0), Pose2(6.0, 0.3, 1.0), PlanOptions())
    assert outcome.status is PlanStatus.OK
    return grid, outcome


def test_corners_become_curves_at_no_less_clearance() -> None:
    grid, outcome = around_a_box()
    finished = finish(PathMeter(grid, PlanOptions()), outcome, 0.05)
    assert largest_turn_rad(outcome.path) > 0.3
    assert largest_turn_rad(finished.path) < 0.15

    def dearest(path: NDArray[np.float64]) -> int:
        return max(int(grid.cost[grid.frame.cell(x, y)]) for x, y in path[:, :2].tolist())

    even = finish(PathMeter(CostGrid(grid.frame, np.zeros_like(grid.cost)), PlanOptions()), outcome, 0.01)
    assert dearest(finished.path) <= dearest(even.path)
    assert finished.cost <= outcome.cost * 1.02
    assert finished.cost == pytest.approx(path_cost_m(grid, finished.path, allow_unknown=False), rel=1e-9)


def test_ends_stay_to_the_bit_and_points_are_even() -> None:
    grid, outcome = around_a_box()
    finished = finish(PathMeter(grid, PlanOptions()), outcome, 0.05)
    assert tuple(finished.path[0, :2]) == tuple(outcome.path[0, :2])
    assert tuple(finished.path[-1]) == tuple(outcome.path[-1])
    steps_m = np.sqrt((np.diff(finished.path[:, :2], axis=0) ** 2).sum(axis=1))
    assert steps_m.max() < 0.06
    assert steps_m.min() > 0.02


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_finished_paths_enter_nothing_forbidden(seed: int) -> None:
    random = np.random.default_rng(seed)
    occupied = random.random((80, 80)) < 0.01
    grid = inflated(occupied)
    free = np.argwhere(grid.cost < 253)
    a, b = (grid.frame.center(*map(int, free[int(k)])) for k in random.integers(0, len(free), 2))
    outcome = PLANNER.plan(grid, Pose2(*a, 0.0), Pose2(*b, 0.0), PlanOptions())
    finished = finish(PathMeter(grid, PlanOptions()), outcome, 0.05)
    assert finished.status is outcome.status
    if outcome.status is PlanStatus.OK:
        assert path_cost_m(grid, finished.path, allow_unknown=False) <= outcome.cost * 1.02 + 1e-9


def test_the_escape_in_front_is_kept_and_counted() -> None:
    occupied = np.zeros((60, 60), bool)
    occupied[:, 20] = True
    grid = inflated(occupied)
    start = Pose2(-1.0 + 22.5 * 0.05, 0.0, 0.0)
    outcome = PLANNER.plan(grid, start, Pose2(1.5, 0.5, 0.0), PlanOptions(escape_radius_m=0.6))
    assert outcome.escape_points > 0
    finished = finish(PathMeter(grid, PlanOptions()), outcome, 0.05)
    k = finished.escape_points
    assert k >= outcome.escape_points
    assert tuple(finished.path[k, :2]) == tuple(outcome.path[outcome.escape_points, :2])
    assert math.isfinite(path_cost_m(grid, finished.path[k:], allow_unknown=False))
    assert finished.cost == pytest.approx(path_cost_m(grid, finished.path[k:], allow_unknown=False))


def test_without_a_path_nothing_changes() -> None:
    grid, _ = around_a_box()
    outcome = refusal(PlanStatus.NO_PATH, "because")
    assert finish(PathMeter(grid, PlanOptions()), outcome, 0.05) is outcome


def test_a_path_without_length_is_finished_too() -> None:
    grid, _ = around_a_box()
    outcome = PLANNER.plan(grid, Pose2(0.0, 0.0, 0.0), Pose2(0.0, 0.0, 0.7), PlanOptions())
    finished = finish(PathMeter(grid, PlanOptions()), outcome, 0.05)
    assert np.isfinite(finished.path).all()
    assert len(finished.path) >= 2
    assert finished.path[-1, 2] == 0.7


def test_headings_of_coinciding_points_are_their_neighbors() -> None:
    path = np.array([[0.0, 0.0, 9.0], [0.0, 0.0, 9.0], [1.0, 1.0, 9.0], [1.0, 0.0, 9.0], [1.0, 0.0, 9.0]])
    set_headings(path)
    assert path[:, 2] == pytest.approx([math.pi / 4, math.pi / 4, -math.pi / 2, -math.pi / 2, -math.pi / 2])
    still = np.full((3, 3), 5.0)
    set_headings(still)
    assert still[:, 2].tolist() == [0.0, 0.0, 0.0]


def test_resampling_keeps_vertices_and_says_when_there_is_no_room() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.25]])
    out = np.empty((8, 2))
    size = resample(points, 0.3, out)
    assert out[:size].tolist() == [[0, 0], [0.25, 0], [0.5, 0], [0.75, 0], [1, 0], [1, 0.25]]
    assert resample(points, 0.3, np.empty((5, 2))) == -1
