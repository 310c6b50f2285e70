"""Cost of rollouts near and in obstacles, exact for the outline.

The dearest term by far, so it comes last and works only on samples that can still count: costs only grow, and a
sample that is ``prune_margin`` above the cheapest complete one has no weight in the mean. The weights are the same to
the bit as without that; in dense worlds nine of ten samples are never looked at to their end.

Two passes. The first prices the distance of the robot's centre, for ``SIDE`` samples side by side, and bounds
from below what the outline can cost (no point of it is farther from the centre than the inscribed circle lets it). The
second takes the outline's own clearance, all discs side by side, step by step until the sample is out. Arithmetic and
look-ups run in separate loops over one scratch buffer with constant offsets: that is what becomes SIMD code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.mppi_rollout import COSINE, SINE, V, X, Y

COLLISION_COST = 1.0e4
"""Cost of a collision at the end of the horizon; one at its start costs twice that. Above all other terms together."""
SIDE = 16
"""Samples of the first pass, and discs of the second, that are worked on side by side."""
_CENTER_CELLS = 1.5
"""The centre's distance is looked up in its cell and the outline's interpolated: each is off by up to 0.71 cells."""
_TABLE = 11 * SIDE
_ROUNDING = 1.0e-3
"""Costs differ by less than this when their parts are summed in another order."""


@kernel(
    "void(float32[:,:,::1], float32[:,::1], float32[:,::1], float32, float32, float32, float32, float32, float32,"
    " float32, float32, float32, float32, float32, float32, float32, int64, float32, float32, float32[::1], int32[::1])"
)
def add_obstacle_cost(
    state: Any,
    distance_m: Any,
    discs: Any,
    start_x_m: Any,
    start_y_m: Any,
    cells_per_m: Any,
    reach_m: Any,
    inner_m: Any,
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
    known_cost: Any,
    cost: Any,
    hit_step: Any,
) -> Any:
    """Add the obstacle cost of the first ``count`` samples to ``cost`` [K]; ``hit_step`` [K] = step of the collision.

    Each step costs ``soft_distance_weight * (soft_distance_m - d) * (least_speed_mps + |v|)`` where the centre's
    distance d is below ``soft_distance_m``: light, so that it slows near obstacles and never outweighs progress.
    Where d is below ``reach_m`` the outline's own clearance c is taken: below ``soft_margin_m`` it costs
    ``soft_margin_weight * (1 - c / soft_margin_m)^2 * (least_speed_mps + v^2)``: a fast metre costs more than a slow
    one, and standing next to nothing, so that no gap freezes the robot. Below ``hard_margin_m`` it costs
    ``steep_weight_per_m`` for each metre more; below ``touch_m`` it is a collision, after which clearance counts no
    more. Positions of ``state`` count from (start_x_m, start_y_m), metres from the window's corner. ``discs`` [n, 3]
    cover the outline; ``inner_m`` is the radius of a circle about the centre that they cover.

    ``known_cost``: lowest complete cost of samples priced before (inf: none). A sample whose cost passes the lowest
    complete one by more than ``prune_margin`` keeps what was added up, at least that much.
    """
    steps = state.shape[1]
    height, width = distance_m.shape
    flat = distance_m.reshape(height * width)
    zero, half = np.float32(0.0), np.float32(0.5)
    high_column, high_row = np.float32(width - 1), np.float32(height - 1)
    inner_column, inner_row = high_column - np.float32(1e-3), high_row - np.float32(1e-3)
    wide = np.float32(width)
    below, across = np.uint64(width), np.uint64(width + 1)
    margin_scale = soft_margin_weight / max(soft_margin_m * soft_margin_m, np.float32(1e-6))
    outer_m = max(soft_margin_m, hard_margin_m)
    # what the centre's circle, grown by the error of the look-up, leaves of the soft margin at distance 0
    center_margin_m = soft_margin_m + inner_m - np.float32(_CENTER_CELLS) / cells_per_m
    bound = known_cost + prune_margin
    lane_sample = np.empty(SIDE, np.uint64)
    near_m = np.empty(steps * SIDE, np.float32)
    rest = np.empty(steps * SIDE, np.float32)
    # rows of SIDE: x, y, v, distance, sum of the light cost, sum of the bound, cell
    lanes = np.empty(7 * SIDE, np.float32)
    lane_cell = lanes.view(np.int32)
    # for each SIDE discs, rows: x, y, radius, part of a cell in x and y, cell, four distances, clearance
    groups = (discs.shape[0] + SIDE - 1) // SIDE
    table = np.empty(groups * _TABLE, np.float32)
    table_cell = table.view(np.int32)
    for n in range(np.uint64(groups * SIDE)):
        disc = n if n < np.uint64(discs.shape[0]) else np.uint64(0)
        base = n // np.uint64(SIDE) * np.uint64(_TABLE) + n % np.uint64(SIDE)
        table[base], table[base + np.uint64(16)] = discs[disc, 0], discs[disc, 1]
        table[base + np.uint64(32)] = discs[disc, 2]
    following = np.uint64(0)
    while True:
        used = np.uint64(0)
        while following < np.uint64(count) and used < np.uint64(SIDE):
            if not cost[following] > bound:
                lane_sample[used] = following
                used += np.uint64(1)
            following += np.uint64(1)
        if used == np.uint64(0):
            break
        for j in range(used, np.uint64(SIDE)):
            lane_sample[j] = lane_sample[0]
        # ---- first pass: distance of the centre
        for j in range(np.uint64(SIDE)):
            lanes[j + np.uint64(64)] = zero
            lanes[j + np.uint64(80)] = zero
        for t in range(np.uint64(steps)):
            for j in range(np.uint64(SIDE)):
                k = lane_sample[j]
                lanes[j] = state[X, t, k]
                lanes[j + np.uint64(16)] = state[Y, t, k]
                lanes[j + np.uint64(32)] = state[V, t, k]
            for j in range(np.uint64(SIDE)):
                column = (start_x_m + lanes[j]) * cells_per_m
                row = (start_y_m + lanes[j + np.uint64(16)]) * cells_per_m
                column = column if column > zero else zero
                column = column if column < high_column else high_column
                row = row if row > zero else zero
                row = row if row < high_row else high_row
                place = np.float32(np.int32(row)) * wide + np.float32(np.int32(column))
                lane_cell[j + np.uint64(96)] = np.int32(place)
            for j in range(np.uint64(SIDE)):
                lanes[j + np.uint64(48)] = flat[np.uint64(np.uint32(lane_cell[j + np.uint64(96)]))]
            for j in range(np.uint64(SIDE)):
                near, v = lanes[j + np.uint64(48)], lanes[j + np.uint64(32)]
                speed = v if v >= zero else -v
                part = soft_distance_m - near
                part = part if part > zero else zero
                lanes[j + np.uint64(64)] += part * (least_speed_mps + speed)
                part = center_margin_m - near
                part = part if part > zero else zero
                part = part if part < soft_margin_m else soft_margin_m
                part = margin_scale * part * part * (least_speed_mps + v * v)
                lanes[j + np.uint64(80)] += part
                lanes[j] = part
            for j in range(np.uint64(SIDE)):
                near_m[t * np.uint64(SIDE) + j] = lanes[j + np.uint64(48)]
            for j in range(np.uint64(SIDE)):
                rest[t * np.uint64(SIDE) + j] = lanes[j]
        # ---- second pass: clearance of the outline
        for j in range(used):
            k = lane_sample[j]
            total = cost[k] + soft_distance_weight * lanes[j + np.uint64(64)]
            left = lanes[j + np.uint64(80)] - np.float32(_ROUNDING)  # what is still to come, at least
            already_hit = hit_step[k] < steps
            if already_hit:
                left = zero
            for t in range(np.uint64(steps)):
                if total + left > bound:
                    total = total + left
                    break
                if not near_m[t * np.uint64(SIDE) + j] < reach_m:
                    continue
                left -= rest[t * np.uint64(SIDE) + j]
                x = (start_x_m + state[X, t, k]) * cells_per_m - half
                y = (start_y_m + state[Y, t, k]) * cells_per_m - half
                cosine, sine = state[COSINE, t, k] * cells_per_m, state[SINE, t, k] * cells_per_m
                clearance = np.float32(np.inf)
                for group in range(np.uint64(groups)):
                    base = group * np.uint64(_TABLE)
                    for m in range(np.uint64(SIDE)):
                        dx, dy = table[base + m], table[base + m + np.uint64(16)]
                        column = x + (cosine * dx - sine * dy)
                        row = y + (sine * dx + cosine * dy)
                        column = column if column > zero else zero
                        column = column if column < inner_column else inner_column
                        row = row if row > zero else zero
                        row = row if row < inner_row else inner_row
                        whole_column, whole_row = np.float32(np.int32(column)), np.float32(np.int32(row))
                        table[base + m + np.uint64(48)] = column - whole_column
                        table[base + m + np.uint64(64)] = row - whole_row
                        table_cell[base + m + np.uint64(80)] = np.int32(whole_row * wide + whole_column)
                    for m in range(np.uint64(SIDE)):
                        at = np.uint64(np.uint32(table_cell[base + m + np.uint64(80)]))
                        table[base + m + np.uint64(96)] = flat[at]
                        table[base + m + np.uint64(112)] = flat[at + np.uint64(1)]
                        table[base + m + np.uint64(128)] = flat[at + below]
                        table[base + m + np.uint64(144)] = flat[at + across]
                    for m in range(np.uint64(SIDE)):
                        fx, fy = table[base + m + np.uint64(48)], table[base + m + np.uint64(64)]
                        a, b = table[base + m + np.uint64(96)], table[base + m + np.uint64(112)]
                        c, d = table[base + m + np.uint64(128)], table[base + m + np.uint64(144)]
                        low, high = a + fx * (b - a), c + fx * (d - c)
                        table[base + m + np.uint64(160)] = low + fy * (high - low) - table[base + m + np.uint64(32)]
                    for m in range(np.uint64(8)):
                        a, b = table[base + m + np.uint64(160)], table[base + m + np.uint64(168)]
                        table[base + m + np.uint64(160)] = a if a < b else b
                    for m in range(np.uint64(4)):
                        a, b = table[base + m + np.uint64(160)], table[base + m + np.uint64(164)]
                        table[base + m + np.uint64(160)] = a if a < b else b
                    a, b = table[base + np.uint64(160)], table[base + np.uint64(161)]
                    c, d = table[base + np.uint64(162)], table[base + np.uint64(163)]
                    clearance = min(clearance, min(min(a, b), min(c, d)))
                if clearance < touch_m:
                    if not already_hit:
                        hit_step[k] = np.int32(t)
                        total += np.float32(COLLISION_COST) * (np.float32(2.0) - np.float32(t) / np.float32(steps))
                    break
                if clearance < outer_m:
                    v = state[V, t, k]
                    part = max(soft_margin_m - clearance, zero)
                    total += margin_scale * part * part * (least_speed_mps + v * v)
                    if clearance < hard_margin_m:
                        total += steep_weight_per_m * (hard_margin_m - clearance)
            cost[k] = total
            if total + prune_margin < bound:
                bound = total + prune_margin
