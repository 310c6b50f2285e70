"""Cost of rollouts near and in obstacles, exact for the outline.

The dearest term by far, so it comes last and works only on samples that can still count: costs only grow, and a
sample that is ``prune_margin`` above the cheapest complete one has no weight in the mean. The result is the same to
the bit as without that; in dense worlds nine of ten samples are never looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.footprint import clearance_at
from amr.kernels.mppi_rollout import COSINE, SINE, V, X, Y

COLLISION_COST = 1.0e4
"""Cost of a collision at the end of the horizon; one at its start costs twice that. Above all other terms together."""


@kernel(
    "void(float32[:,:,::1], float32[:,::1], float32[:,::1], float32, float32, float32, float32, float32, float32,"
    " float32, float32, float32, float32, float32, float32, int64, float32, float32[::1], int32[::1])"
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
    count: Any,
    prune_margin: Any,
    cost: Any,
    hit_step: Any,
) -> Any:
    """Add the obstacle cost of the first ``count`` samples to ``cost`` [K]; ``hit_step`` [K] = step of the collision.

    Each step costs ``soft_distance_weight * (soft_distance_m - d) * (least_speed_mps + |v|)`` where the centre's
    distance d is below ``soft_distance_m``: light, so that it slows near obstacles and never outweighs progress.
    Where d is below ``reach_m`` the outline's own clearance c is taken: below ``soft_margin_m`` it costs
    ``soft_margin_weight * (1 - c / soft_margin_m) * (least_speed_mps + v^2)``: a fast metre costs more than a slow
    one, and standing next to nothing, so that no gap freezes the robot. Below ``hard_margin_m`` it costs
    ``steep_weight_per_m`` for each metre more; below ``touch_m`` it is a collision, which ends the sample.
    Positions of ``state`` count from (start_x_m, start_y_m), metres from the window's corner.

    A sample whose cost passes the lowest complete one by more than ``prune_margin`` keeps the part that was added up.
    """
    steps = state.shape[1]
    height, width = distance_m.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    high_column, high_row = np.float32(width - 1), np.float32(height - 1)
    inverse_margin = one / max(soft_margin_m, np.float32(1e-6))
    outer_m = max(soft_margin_m, hard_margin_m)
    bound = np.float32(np.inf)
    for k in range(np.uint64(count)):
        total = cost[k]
        if total > bound:
            continue
        already_hit = hit_step[k] < steps
        for t in range(np.uint64(steps)):
            x, y = start_x_m + state[X, t, k], start_y_m + state[Y, t, k]
            column = min(max(x * cells_per_m, zero), high_column)
            row = min(max(y * cells_per_m, zero), high_row)
            near = distance_m[np.uint32(row), np.uint32(column)]
            v = state[V, t, k]
            if near < soft_distance_m:
                speed = v if v >= zero else -v
                total += soft_distance_weight * (soft_distance_m - near) * (least_speed_mps + speed)
            if near < reach_m:
                clearance = clearance_at(distance_m, discs, x, y, state[COSINE, t, k], state[SINE, t, k], cells_per_m)
                if clearance < touch_m:
                    if not already_hit:
                        hit_step[k] = np.int32(t)
                        total += np.float32(COLLISION_COST) * (np.float32(2.0) - np.float32(t) / np.float32(steps))
                    break
                if clearance < outer_m:
                    part = max(soft_margin_m - clearance, zero) * inverse_margin
                    total += soft_margin_weight * part * (least_speed_mps + v * v)
                    if clearance < hard_margin_m:
                        total += steep_weight_per_m * (hard_margin_m - clearance)
            if total > bound:
                break
        cost[k] = total
        if total + prune_margin < bound:
            bound = total + prune_margin
