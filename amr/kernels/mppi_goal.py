"""Costs of where rollouts lead: cost-to-go, heading to its descent, the goal itself, the global path."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.cost_to_go import sample
from amr.kernels.mppi_rollout import COSINE, LANES, SINE, V, X, Y


@kernel("void(float32[:,:,::1], float32[:,::1], float32, float32, float32, int64, int64, float32, float32[::1])")
def add_cost_to_go(
    state: Any,
    value_m: Any,
    start_x_m: Any,
    start_y_m: Any,
    cells_per_m: Any,
    first: Any,
    stride: Any,
    weight: Any,
    cost: Any,
) -> Any:
    """Add ``weight`` times the cost-to-go at step ``first`` and each ``stride`` further to ``cost`` [K].

    Positions of ``state`` count from (start_x_m, start_y_m), metres from the corner of the field ``value_m``.
    """
    height, width = value_m.shape
    flat = value_m.reshape(height * width)
    zero, half, below_one = np.float32(0.0), np.float32(0.5), np.float32(1e-3)
    high_column, high_row = np.float32(width - 1) - below_one, np.float32(height - 1) - below_one
    wide = np.float32(width)
    below, across = np.uint64(width), np.uint64(width + 1)
    lanes = np.empty(7 * LANES, np.float32)
    cell = lanes.view(np.int32)
    for t in range(first, state.shape[1], stride):
        for block in range(np.uint64(state.shape[2] // LANES)):
            base = block * np.uint64(LANES)
            for j in range(np.uint64(LANES)):
                column = (start_x_m + state[X, np.uint64(t), base + j]) * cells_per_m - half
                row = (start_y_m + state[Y, np.uint64(t), base + j]) * cells_per_m - half
                column = column if column > zero else zero
                column = column if column < high_column else high_column
                row = row if row > zero else zero
                row = row if row < high_row else high_row
                whole_column, whole_row = np.float32(np.int32(column)), np.float32(np.int32(row))
                lanes[j] = column - whole_column
                lanes[j + np.uint64(80)] = row - whole_row
                cell[j + np.uint64(160)] = np.int32(whole_row * wide + whole_column)
            for j in range(np.uint64(LANES)):
                at = np.uint64(np.uint32(cell[j + np.uint64(160)]))
                lanes[j + np.uint64(240)] = flat[at]
                lanes[j + np.uint64(320)] = flat[at + np.uint64(1)]
                lanes[j + np.uint64(400)] = flat[at + below]
                lanes[j + np.uint64(480)] = flat[at + across]
            for j in range(np.uint64(LANES)):
                fx, fy = lanes[j], lanes[j + np.uint64(80)]
                a, b = lanes[j + np.uint64(240)], lanes[j + np.uint64(320)]
                c, d = lanes[j + np.uint64(400)], lanes[j + np.uint64(480)]
                low, high = a + fx * (b - a), c + fx * (d - c)
                cost[base + j] += weight * (low + fy * (high - low))


@kernel("void(float32[:,:,::1], float32[:,::1], float32, float32, float32, int64, float32, float32, float32[::1])")
def add_lowest_cost_to_go(
    state: Any,
    value_m: Any,
    start_x_m: Any,
    start_y_m: Any,
    cells_per_m: Any,
    stride: Any,
    end_weight: Any,
    way_weight: Any,
    cost: Any,
) -> Any:
    """As ``add_cost_to_go``, of the lowest value so far: for a goal to be passed, what comes after it costs nothing.

    Every ``stride``-th step counts: the last with ``end_weight``, each with ``way_weight``.
    """
    half = np.float32(0.5)
    steps = state.shape[1]
    for k in range(np.uint64(state.shape[2])):
        lowest = np.float32(np.inf)
        for t in range((steps - 1) % stride, steps, stride):
            column = (start_x_m + state[X, np.uint64(t), k]) * cells_per_m - half
            row = (start_y_m + state[Y, np.uint64(t), k]) * cells_per_m - half
            lowest = min(lowest, sample(value_m, column, row)[0])
            cost[k] += way_weight * lowest
        cost[k] += end_weight * lowest


@kernel("void(float32[:,:,::1], float32[:,::1], float32, float32, float32, float32, float32, float32[::1])")
def add_heading(
    state: Any,
    value_m: Any,
    start_x_m: Any,
    start_y_m: Any,
    cells_per_m: Any,
    ignore_below_m: Any,
    weight: Any,
    cost: Any,
) -> Any:
    """Add ``weight * (1 - cos(angle))``, the angle between the last heading and the descent of the cost-to-go.

    Without it a robot that cannot move forward sees no gain in turning. Ends with a value below
    ``ignore_below_m`` cost nothing: there the goal is near and the way it faces does not matter.
    """
    half = np.float32(0.5)
    last = np.uint64(state.shape[1] - 1)
    for k in range(np.uint64(state.shape[2])):
        column = (start_x_m + state[X, last, k]) * cells_per_m - half
        row = (start_y_m + state[Y, last, k]) * cells_per_m - half
        value, slope_x, slope_y = sample(value_m, column, row)
        length = np.float32(math.sqrt(slope_x * slope_x + slope_y * slope_y))
        if value > ignore_below_m and length > np.float32(1e-6):
            along = -(slope_x * state[COSINE, last, k] + slope_y * state[SINE, last, k]) / length
            cost[k] += weight * (np.float32(1.0) - along)


@kernel("void(float32[:,:,::1], float32, float32, float32, float32, float32, float32, float32, float32, float32[::1])")
def add_goal(
    state: Any,
    goal_x_m: Any,
    goal_y_m: Any,
    goal_cosine: Any,
    goal_sine: Any,
    near_m: Any,
    distance_weight: Any,
    speed_weight: Any,
    yaw_weight: Any,
    cost: Any,
) -> Any:
    """Add the cost of the end of each motion that lies within ``near_m`` of the goal: its speed, and its heading error.

    Both fade in linearly from ``near_m`` to the goal; ``distance_weight`` applies per metre to the distance, capped
    at ``near_m``. The goal counts from the start of the motion.
    """
    last = np.uint64(state.shape[1] - 1)
    one, zero = np.float32(1.0), np.float32(0.0)
    for k in range(np.uint64(state.shape[2])):
        dx, dy = goal_x_m - state[X, last, k], goal_y_m - state[Y, last, k]
        distance = np.float32(math.sqrt(dx * dx + dy * dy))
        cost[k] += distance_weight * min(distance, near_m)
        fade = one - distance / near_m
        if fade > zero:
            v = state[V, last, k]
            along = goal_cosine * state[COSINE, last, k] + goal_sine * state[SINE, last, k]
            cost[k] += fade * (speed_weight * v * v + yaw_weight * (one - along))


@kernel("void(float32[:,:,::1], float32[:,::1], float32, float32, float32[::1])")
def add_path(state: Any, path: Any, cap_m: Any, weight: Any, cost: Any) -> Any:
    """Add ``weight`` times the distance of each end from the nearest of the points ``path`` [n, 2], at most ``cap_m``.

    Points count from the start of the motion.
    """
    last = np.uint64(state.shape[1] - 1)
    for k in range(np.uint64(state.shape[2])):
        best = cap_m * cap_m
        x, y = state[X, last, k], state[Y, last, k]
        for p in range(np.uint64(path.shape[0])):
            dx, dy = path[p, 0] - x, path[p, 1] - y
            best = min(best, dx * dx + dy * dy)
        cost[k] += weight * np.float32(math.sqrt(best))
