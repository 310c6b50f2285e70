"""Cost of rollouts near and in obstacles, exact for the outline."""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.footprint import clearance_at
from amr.kernels.mppi_rollout import COSINE, LANES, SINE, V, X, Y

COLLISION_COST = 1.0e4
"""Cost of a collision at the end of the horizon; one at its start costs twice that. Above all other terms together."""


@kernel(
    "void(float32[:,:,::1], float32[:,::1], float32[:,::1], float32, float32, float32, float32, float32, float32,"
    " float32, float32, float32, float32, float32, float32, float32[::1], int32[::1])"
)
def add_obstacle_cost(
    state: Any,
    distance_m: Any,
    discs: Any,
    start_x_m: Any,
    start_y_m: Any,
    cells_per_m: Any,
    reach_m: Any,
    touch_m: Any,
    hard_margin_m: Any,
    steep_weight_per_m: Any,
    soft_margin_m: Any,
    soft_margin_weight: Any,
    soft_distance_m: Any,
    soft_distance_weight: Any,
    least_speed_mps: Any,
    cost: Any,
    hit_step: Any,
) -> Any:
    """Add the obstacle cost to ``cost`` [K]; ``hit_step`` [K] becomes the step of the first collision, T when none.

    Each step costs ``soft_distance_weight * (soft_distance_m - d) * (least_speed_mps + |v|)`` where the centre's
    distance d is below ``soft_distance_m``: light, so that it slows near obstacles and never outweighs progress.
    Where d is below ``reach_m`` the outline's own clearance c is taken: below ``soft_margin_m`` it costs
    ``soft_margin_weight * (soft_margin_m - c) / soft_margin_m``, below ``hard_margin_m`` ``steep_weight_per_m`` for
    each metre more, below ``touch_m`` it is a collision.
    Positions of ``state`` count from (start_x_m, start_y_m), metres from the window's corner.
    """
    steps, samples = state.shape[1], state.shape[2]
    height, width = distance_m.shape
    flat = distance_m.reshape(height * width)
    zero, one = np.float32(0.0), np.float32(1.0)
    high_column, high_row = np.float32(width - 1), np.float32(height - 1)
    stride = np.int32(width)
    inverse_margin = one / max(soft_margin_m, np.float32(1e-6))
    outer_m = max(soft_margin_m, hard_margin_m)
    cell = np.empty(LANES, np.int32)
    near = np.empty(LANES, np.float32)
    total = np.empty(LANES, np.float32)
    start_column, start_row = start_x_m * cells_per_m, start_y_m * cells_per_m
    for block in range(np.uint64(samples // LANES)):
        base = block * np.uint64(LANES)
        for j in range(np.uint64(LANES)):
            total[j] = zero
            hit_step[base + j] = steps
        for t in range(np.uint64(steps)):
            for j in range(np.uint64(LANES)):
                column = start_column + state[X, t, base + j] * cells_per_m
                row = start_row + state[Y, t, base + j] * cells_per_m
                column = high_column if column > high_column else column
                column = zero if column < zero else column
                row = high_row if row > high_row else row
                row = zero if row < zero else row
                cell[j] = np.int32(row) * stride + np.int32(column)
            nearest = np.float32(1e9)
            for j in range(np.uint64(LANES)):
                near[j] = flat[np.uint32(cell[j])]
                nearest = min(nearest, near[j])
            if nearest >= soft_distance_m and nearest >= reach_m:
                continue
            for j in range(np.uint64(LANES)):
                v = state[V, t, base + j]
                speed = v if v >= zero else -v
                short = soft_distance_m - near[j]
                short = short if short > zero else zero
                total[j] += soft_distance_weight * short * (least_speed_mps + speed)
            if nearest >= reach_m:
                continue
            for j in range(np.uint64(LANES)):
                if near[j] >= reach_m or hit_step[base + j] < steps:
                    continue
                clearance = clearance_at(
                    distance_m,
                    discs,
                    start_x_m + state[X, t, base + j],
                    start_y_m + state[Y, t, base + j],
                    state[COSINE, t, base + j],
                    state[SINE, t, base + j],
                    cells_per_m,
                )
                if clearance < touch_m:
                    hit_step[base + j] = np.int32(t)
                    total[j] += np.float32(COLLISION_COST) * (np.float32(2.0) - np.float32(t) / np.float32(steps))
                elif clearance < outer_m:
                    total[j] += soft_margin_weight * max(soft_margin_m - clearance, zero) * inverse_margin
                    if clearance < hard_margin_m:
                        total[j] += steep_weight_per_m * (hard_margin_m - clearance)
        for j in range(np.uint64(LANES)):
            cost[base + j] += total[j]
