"""Cost-to-go: right where the answer is known, without local minima, and robust in its sources."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenes import box, circle, input_of, nothing, robot, union

from amr.control.base import ControlInput
from amr.control.goal_field import FAR_M, GoalField, GoalFieldBuilder
from amr.geometry import Pose2
from amr.kernels.cost_to_go import cost_grid, fill_walls, march, sample
from amr.kernels.cost_to_go_route import price_off_route


def field(control_input: ControlInput) -> GoalField:
    return GoalFieldBuilder(robot()).update(control_input, control_input.field.distance_m)


def marched(cost: NDArray[np.float32], seed: int, margin: float = 1e6) -> NDArray[np.float32]:
    value = np.empty_like(cost)
    room = 6 * cost.size
    scratch = [np.empty(room, np.int32) for _ in range(2)]
    seeds, values = np.array([seed], np.int32), np.zeros(1, np.float32)
    head = np.empty(4096, np.int32)
    march(cost, np.float32(0.1), seeds, values, 0, np.float32(margin), np.float32(FAR_M), value, head, *scratch)
    return value


def dijkstra(cost: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """4-connected Dijkstra over the cells: an upper bound of the eikonal solution."""
    height, width = cost.shape
    best = np.full(cost.size, np.inf)
    flat = cost.ravel()
    best[seed] = 0.0
    heap = [(0.0, seed)]
    while heap:
        value, cell = heapq.heappop(heap)
        if value > best[cell]:
            continue
        row, column = divmod(cell, width)
        for dr, dc in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            r, c = row + dr, column + dc
            if 0 <= r < height and 0 <= c < width and flat[r * width + c] > 0:
                new = value + 0.1 * flat[r * width + c]
                if new < best[r * width + c]:
                    best[r * width + c] = new
                    heapq.heappush(heap, (new, r * width + c))
    return best.reshape(cost.shape)


def test_on_open_floor_it_is_the_distance_in_every_direction() -> None:
    value = marched(np.ones((81, 81), np.float32), seed=40 * 81 + 40)
    y, x = np.mgrid[0:81, 0:81]
    exact = 0.1 * np.hypot(x - 40, y - 40)
    far = exact > 0.5
    assert (value[far] / exact[far]).max() < 1.11
    assert (value[far] / exact[far]).min() > 0.999


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.45))
def test_it_reaches_what_dijkstra_reaches_never_above_it_and_without_local_minima(seed: int, fill: float) -> None:
    random = np.random.default_rng(seed)
    cost = (1.0 + 3.0 * random.random((30, 40))).astype(np.float32)
    cost[random.random(cost.shape) < fill] = -1.0
    cost[15, 20] = 1.0
    value = marched(cost, seed=15 * 40 + 20)
    reference = dijkstra(cost, 15 * 40 + 20)
    reached = np.isfinite(reference)
    assert np.array_equal(value < FAR_M, reached)
    assert (value[reached] <= reference[reached] + 1e-3).all()
    padded = np.pad(value, 1, constant_values=np.inf)
    lowest = np.minimum.reduce([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
    reached[15, 20] = False
    assert (lowest[reached] < value[reached]).all()


def test_it_stops_early_with_the_front_where_it_did_not_go() -> None:
    value = marched(np.ones((60, 60), np.float32), seed=5, margin=0.5)
    assert value[0, 0] == pytest.approx(0.5)
    assert value.max() < 1.5
    assert value[59, 59] == value[50, 50]


def test_cost_grid_keeps_gaps_open_and_prices_nearness_and_the_unknown() -> None:
    distance = np.full((8, 8), 1.5, np.float32)
    distance[:, 2:4] = 0.1
    distance[0, 3] = 0.25
    unknown = np.zeros((8, 8), np.uint8)
    unknown[4:, 6:] = 1
    cost = np.empty((4, 4), np.float32)
    cost_grid(distance, unknown, *[np.float32(v) for v in (0.2, 0.3, 6.0, 0.5, 1.5, 0.3)], cost)
    assert cost[0, 1] > 4.0
    assert (cost[1:, 1] == -1.0).all()
    assert (cost[:2, 2:] == 1.0).all()
    assert cost[3, 3] == pytest.approx(1.3)


def test_walls_rise_beside_reached_cells() -> None:
    value = np.array([[1.0, FAR_M, FAR_M]], np.float32)
    filled = np.empty_like(value)
    fill_walls(value, np.float32(FAR_M), np.float32(0.5), filled)
    assert filled.tolist() == [[1.0, 1.5, FAR_M]]


def test_sampling_is_linear_between_cells_and_clamped_outside() -> None:
    y, x = np.mgrid[0:5, 0:6]
    value = (2.0 * x + 3.0 * y).astype(np.float32)
    assert sample(value, np.float32(1.25), np.float32(2.5)) == pytest.approx((10.0, 2.0, 3.0))
    assert sample(value, np.float32(-9.0), np.float32(0.0))[0] == 0.0
    assert sample(value, np.float32(99.0), np.float32(99.0))[0] == pytest.approx(22.0, abs=0.01)


def test_it_leads_round_a_wall() -> None:
    made = field(input_of(box(1.0, 1.2, -1.0, 3.0), goal=(2.5, 0.0)))
    assert made.source == "goal"
    value, _, slope_y = made.sample(0.6, 0.0)
    assert value > 3.5
    assert slope_y > 0.5  # down is towards negative y, round the wall's end


def test_a_goal_outside_is_reached_by_the_path_and_its_rest_counts() -> None:
    points = np.array([[x, 0.0, 0.0] for x in np.arange(0.0, 20.0, 0.05)])
    made = field(input_of(nothing, goal=(20.0, 0.0), path=points))
    assert made.source == "path"
    assert made.sample(0.0, 0.0)[0] == pytest.approx(20.0, rel=0.02)


def test_without_a_path_the_border_towards_the_goal_is_aimed_at() -> None:
    made = field(input_of(nothing, goal=(20.0, 0.0), path=np.zeros((0, 3))))
    assert made.source == "border"
    assert made.sample(0.0, 0.0)[0] == pytest.approx(20.0, rel=0.02)
    assert made.sample(0.0, 0.0)[1] == pytest.approx(-1.0, abs=0.1)


def test_a_blocked_end_of_the_path_moves_back_to_a_free_part() -> None:
    points = np.array([[x, 0.0, 0.0] for x in np.arange(0.0, 20.0, 0.05)])
    made = field(input_of(box(3.5, 4.8, -0.5, 0.5), goal=(20.0, 0.0), path=points))
    assert made.source == "path"
    assert made.sample(0.0, 0.0)[0] == pytest.approx(20.0, rel=0.05)


def test_a_goal_behind_a_closed_ring_falls_back_to_the_path_and_then_says_unreachable() -> None:
    ring = union(box(2, 4, 1, 1.2), box(2, 4, -1.2, -1), box(2, 2.2, -1, 1), box(3.8, 4, -1, 1))
    out = np.array([[x, 0.0, 0.0] for x in np.arange(0.0, -9.0, -0.05)])
    made = field(input_of(ring, goal=(3.0, 0.0), path=out))
    assert made.source == "path"
    inside = field(input_of(ring, goal=(0.0, 0.0), pose=Pose2(3.0, 0.0, 0.0), path=np.zeros((0, 3))))
    assert not inside.reachable


def test_a_robot_inside_inflation_sees_the_way_out() -> None:
    made = field(input_of(box(-1.0, 1.0, 0.15, 0.5), goal=(3.0, 0.0)))
    assert made.reachable
    assert made.sample(0.0, 0.0)[0] < 10.0


def test_a_goal_inside_an_obstacle_is_its_free_surroundings_within_tolerance() -> None:
    made = field(input_of(circle(2.0, 0.0, 0.3), goal=(2.0, 0.0), goal_tolerance_m=0.8))
    assert made.source == "goal"
    assert 1.0 < made.sample(0.0, 0.0)[0] < 3.0


def test_it_is_kept_for_its_period_and_remade_for_a_new_path_or_goal() -> None:
    builder = GoalFieldBuilder(robot())
    first = input_of()
    distance = first.field.distance_m
    made = builder.update(first, distance)
    assert builder.update(replace(first, now_ns=80_000_000), distance) is made
    assert builder.update(replace(first, now_ns=100_000_000), distance) is not made
    made = builder.update(replace(first, now_ns=100_000_000), distance)
    assert builder.update(replace(first, now_ns=120_000_000, path_version=1), distance) is not made
    made = builder.update(replace(first, now_ns=120_000_000, path_version=1), distance)
    moved = replace(first, now_ns=140_000_000, path_version=1, goal_odom=Pose2(1.0, 1.0, 0.0))
    assert builder.update(moved, distance) is not made


def off_route_slow(cost: NDArray[np.float32], path: NDArray[np.float64], half_m: float, factor: float) -> Any:
    """Plain reference with a path whose points lie a cell apart: every cell against every point."""
    rows, columns = np.indices(cost.shape)
    cells = np.floor(path / 0.1).astype(int)
    square = [(rows - row) ** 2 + (columns - column) ** 2 for column, row in cells]
    on_route = np.min(square, axis=0) <= (half_m / 0.1) ** 2
    return np.where(on_route | (cost < 0.0), cost, cost * np.float32(factor))


def priced(cost: NDArray[np.float32], path: NDArray[np.float64], half_m: float, factor: float) -> NDArray[np.float32]:
    priced = cost.copy()
    price_off_route(priced, 0.0, 0.0, 0.1, path, half_m, np.float32(factor), np.empty(cost.shape, np.uint8))
    return priced


def test_away_from_the_route_a_metre_costs_more() -> None:
    random = np.random.default_rng(3)
    cost = random.choice([-1.0, 1.0, 2.5], (40, 50)).astype(np.float32)
    path = np.array([[0.95 + 0.1 * k, 1.05] for k in range(20)] + [[2.85, 1.15 + 0.1 * k] for k in range(60)])
    assert np.array_equal(priced(cost, path, 0.45, 1.6), off_route_slow(cost, path, 0.45, 1.6))


@pytest.mark.parametrize("path", [np.zeros((0, 2)), np.full((1, 2), 2.0), np.array([[90.0, 90.0], [95.0, 90.0]])])
def test_without_a_route_in_the_window_nothing_costs_more(path: NDArray[np.float64]) -> None:
    cost = np.ones((40, 50), np.float32)
    assert np.array_equal(priced(cost, path, 0.45, 1.6), cost)


def test_a_route_that_passes_outside_leaves_no_trace_of_its_far_parts() -> None:
    cost = np.ones((40, 50), np.float32)
    path = np.array([[2.0, 2.0], [2.0, 50.0], [60.0, 50.0]])
    assert np.array_equal(priced(cost, path, 0.3, 2.0), priced(cost, np.array([[2.0, 2.0], [2.0, 9.0]]), 0.3, 2.0))


def test_of_two_ways_round_the_planned_one_is_taken_though_a_little_longer() -> None:
    shape = box(1.5, 1.7, -0.55, 0.55)
    upper = np.array([[0.0, 0.0, 0.0], [1.6, 1.0, 0.0], [3.0, 0.0, 0.0]])
    for sign in (1.0, -1.0):
        found = field(input_of(shape, goal=(3.0, 0.0), path=upper * [1.0, sign, 1.0]))
        assert found.sample(0.9, 0.5 * sign)[0] < found.sample(0.9, -0.5 * sign)[0]
