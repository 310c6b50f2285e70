"""Cost of room that a stop would need: where a rollout would come to if its wheels braked fully, straight on.

Wheels that brake as hard as the floor allows hold no curve, least of all those of a skid steer: a motion that turns
away just before an obstacle is safe only as long as nothing makes the robot brake. So the centre's room is looked up
ahead along the heading, not along the curve.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.mppi_rollout import COSINE, LANES, SINE, V, X, Y


@kernel(
    "void(float32[:,:,::1], float32[:,::1], float32, float32, float32, float32, float32, float32, float32,"
    " float32[::1])"
)
def add_stop_cost(
    state: Any,
    distance_m: Any,
    start_x_m: Any,
    start_y_m: Any,
    cells_per_m: Any,
    hold_s: Any,
    brake_s2_per_m: Any,
    room_m: Any,
    weight: Any,
    cost: Any,
) -> Any:
    """Add ``weight * (1 - d / room_m) * v^2`` for each step driven forwards to ``cost`` [K], where d < ``room_m``.

    d is the distance to the nearest obstacle (``distance_m``, its corner ``start`` away) from the centre moved ahead by
    the way of a stop, v ``hold_s`` + v^2 ``brake_s2_per_m`` / 2; in every other step by half of it.
    """
    height, width = distance_m.shape
    flat = distance_m.reshape(height * width)
    zero, half, one = np.float32(0.0), np.float32(0.5), np.float32(1.0)
    high_column, high_row, wide = np.float32(width - 1), np.float32(height - 1), np.float32(width)
    per_m, scale = one / room_m, half * brake_s2_per_m
    lanes = np.empty(4 * LANES, np.float32)
    cell = lanes.view(np.int32)
    for block in range(np.uint64(state.shape[2] // LANES)):
        base = block * np.uint64(LANES)
        for j in range(np.uint64(LANES)):
            lanes[j] = zero
        for t in range(np.uint64(state.shape[1])):
            part = one if t % np.uint64(2) == np.uint64(1) else half
            for j in range(np.uint64(LANES)):
                v = state[V, t, base + j]
                v = v if v > zero else zero
                way_m = part * v * (hold_s + v * scale)
                column = (start_x_m + state[X, t, base + j] + way_m * state[COSINE, t, base + j]) * cells_per_m
                row = (start_y_m + state[Y, t, base + j] + way_m * state[SINE, t, base + j]) * cells_per_m
                column = column if column > zero else zero
                column = column if column < high_column else high_column
                row = row if row > zero else zero
                row = row if row < high_row else high_row
                lanes[j + np.uint64(80)] = v * v
                cell[j + np.uint64(160)] = np.int32(np.float32(np.int32(row)) * wide + np.float32(np.int32(column)))
            for j in range(np.uint64(LANES)):
                lanes[j + np.uint64(240)] = flat[np.uint64(np.uint32(cell[j + np.uint64(160)]))]
            for j in range(np.uint64(LANES)):
                lack = one - lanes[j + np.uint64(240)] * per_m
                lack = lack if lack > zero else zero
                lanes[j] += lack * lanes[j + np.uint64(80)]
        for j in range(np.uint64(LANES)):
            cost[base + j] += weight * lanes[j]
