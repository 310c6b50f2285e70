"""From costs to controls: weights of the samples, and the weighted mean of their limited commands."""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.mppi_rollout import HALF, LANES
from amr.kernels.trig import exponential

IRRELEVANT_TEMPERATURES = 10.0
"""Samples dearer than the best by this many temperatures (weight 4.5e-5) are left out of the mean."""


@kernel("int64(float32[::1], float64, int32[::1], float64[::1])")
def weigh(cost: Any, temperature: Any, chosen: Any, weight: Any) -> Any:
    """Weights exp(-(cost - lowest) / temperature), normalized (Williams et al. 2018, eq. 34): returns how many count.

    ``chosen`` [K] gets the numbers of those samples, ``weight`` [K] their weights (sum 1). Returns 0 when the lowest
    cost is not finite.
    """
    lowest = np.inf
    for k in range(np.uint64(cost.size)):
        value = np.float64(cost[k])
        if value < lowest:
            lowest = value
    if not lowest < np.inf:
        return 0
    count = 0
    total = 0.0
    for k in range(np.uint64(cost.size)):
        above = (np.float64(cost[k]) - lowest) / temperature
        if above < IRRELEVANT_TEMPERATURES:
            part = exponential(-above)
            chosen[np.uint64(count)] = np.int32(k)
            weight[np.uint64(count)] = part
            total += part
            count += 1
    for n in range(np.uint64(count)):
        weight[n] /= total
    return count


@kernel(
    "void(float32[:,::1], float32[:,::1], int64, float32[:,::1], float32[:,:,::1], float32[::1], float32[::1],"
    " int32[::1], float64[::1], int64, float32[:,::1])"
)
def mean_command(
    noise_v: Any,
    noise_w: Any,
    column: Any,
    nominal: Any,
    fixed: Any,
    start: Any,
    limits: Any,
    chosen: Any,
    weight: Any,
    count: Any,
    mean: Any,
) -> Any:
    """``mean`` [2, T]: weighted mean of the *limited* commands of the chosen samples (arguments as of ``rollout``).

    The limits are convex, so the mean of limited commands is itself within them; the mean of the raw controls is not.
    """
    steps = nominal.shape[1]
    speed_up, slow_down, turn = limits[2], limits[3], limits[4]
    v_low, v_high, w_high = limits[5], limits[6], limits[7]
    zero = np.float32(0.0)
    total = np.zeros((2, steps), np.float64)
    for n in range(np.uint64(count)):
        k = np.int64(chosen[n])
        block = k // LANES
        lane = k - block * LANES
        sign = np.float32(1.0) if lane < HALF else np.float32(-1.0)
        pool = np.uint64(column + block * HALF + (lane if lane < HALF else lane - HALF))
        command_v, command_w = start[4], start[5]
        part = weight[n]
        for t in range(np.uint64(steps)):
            if k < fixed.shape[0]:
                u, q = fixed[np.uint64(k), 0, t], fixed[np.uint64(k), 1, t]
            else:
                u, q = nominal[0, t] + noise_v[t, pool], nominal[1, t] + sign * noise_w[t, pool]
            u = max(min(u, v_high), v_low)
            q = max(min(q, w_high), -w_high)
            upper = speed_up if command_v >= zero else slow_down
            lower = slow_down if command_v > zero else speed_up
            command_v = command_v + max(min(u - command_v, upper), -lower)
            command_w = command_w + max(min(q - command_w, turn), -turn)
            total[0, t] += part * command_v
            total[1, t] += part * command_w
    for t in range(np.uint64(steps)):
        mean[0, t] = total[0, t]
        mean[1, t] = total[1, t]
