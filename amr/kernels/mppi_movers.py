"""Cost of rollouts near moving obstacles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.mppi_obstacle import COLLISION_COST
from amr.kernels.mppi_rollout import X, Y


@kernel(
    "void(float32[:,:,::1], float32[:,::1], float32, float32, float32, float32, float32, float32, float32[::1],"
    " int32[::1])"
)
def add_mover_cost(
    state: Any,
    movers: Any,
    dt_s: Any,
    body_radius_m: Any,
    hard_margin_m: Any,
    margin_m: Any,
    growth_mps: Any,
    weight: Any,
    cost: Any,
    hit_step: Any,
) -> Any:
    """Add the cost of coming near ``movers`` [n, 5] (x, y, vx, vy, radius; from the start of the motion) to ``cost``.

    A mover is a disc with constant velocity; the robot a disc of ``body_radius_m``. A gap below ``hard_margin_m`` is a
    collision (only the first counts, as for still obstacles). Below ``margin_m``, which grows by ``growth_mps`` with
    the time ahead since the prediction gets worse, a step costs ``weight`` times the missing part.
    """
    steps, samples = state.shape[1], state.shape[2]
    for n in range(np.uint64(movers.shape[0])):
        for t in range(np.uint64(steps)):
            ahead_s = np.float32(t + np.uint64(1)) * dt_s
            x = movers[n, 0] + ahead_s * movers[n, 2]
            y = movers[n, 1] + ahead_s * movers[n, 3]
            touch = movers[n, 4] + body_radius_m
            margin = margin_m + growth_mps * ahead_s
            outer = touch + margin
            for k in range(np.uint64(samples)):
                dx, dy = state[X, t, k] - x, state[Y, t, k] - y
                squared = dx * dx + dy * dy
                if squared < outer * outer:
                    gap = np.float32(math.sqrt(squared)) - touch
                    if gap < hard_margin_m and hit_step[k] == steps:
                        hit_step[k] = np.int32(t)
                        cost[k] += np.float32(COLLISION_COST) * (np.float32(2.0) - np.float32(t) / np.float32(steps))
                    cost[k] += weight * (margin - gap) / margin
