"""From costs to controls: weights of the samples, and the weighted mean of their limited commands."""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.mppi_rollout import HALF, LANES
from amr.kernels.trig import exponential

IRRELEVANT_TEMPERATURES = 5.0
"""Samples dearer than the best by this many temperatures (weight 6.7e-3) are left out of the mean."""


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

    The limits of v, w and their changes are convex, so the mean of limited commands is itself within them, which the
    mean of the raw controls is not. That of the lateral acceleration is not convex: a mean of slow tight turns and
    fast wide ones can exceed it.
    """
    steps = nominal.shape[1]
    speed_up, slow_down, turn = limits[2], limits[3], limits[4]
    v_low, v_high, w_high, lateral = limits[5], limits[6], limits[7], limits[9]
    slow = lateral / w_high
    zero = np.float32(0.0)
    size = np.uint64(count)
    pool = np.empty(count, np.uint64)
    sign = np.empty(count, np.float32)
    command_v = np.empty(count, np.float32)
    command_w = np.empty(count, np.float32)
    wish_v = np.empty(count, np.float32)
    wish_w = np.empty(count, np.float32)
    whole = np.uint64(0)  # ``chosen`` rises, so the samples of ``fixed`` come first
    for n in range(size):
        k = np.int64(chosen[n])
        lane = k % LANES
        sign[n] = np.float32(1.0) if lane < HALF else np.float32(-1.0)
        pool[n] = np.uint64(column + (k // LANES) * HALF + (lane if lane < HALF else lane - HALF))
        command_v[n], command_w[n] = start[4], start[5]
        if k < fixed.shape[0]:
            whole = n + np.uint64(1)
    # steps outside, samples inside: the noise of one step lies close together, that of one sample does not
    for t in range(np.uint64(steps)):
        nominal_v, nominal_w = nominal[0, t], nominal[1, t]
        for n in range(whole):
            wish_v[n] = fixed[np.uint64(chosen[n]), 0, t]
            wish_w[n] = fixed[np.uint64(chosen[n]), 1, t]
        for n in range(whole, size):
            wish_v[n] = nominal_v + noise_v[t, pool[n]]
            wish_w[n] = nominal_w + sign[n] * noise_w[t, pool[n]]
        for n in range(size):
            u, q, v, w = wish_v[n], wish_w[n], command_v[n], command_w[n]
            u = v_high if u > v_high else u
            u = v_low if u < v_low else u
            upper = speed_up if v >= zero else slow_down
            lower = slow_down if v > zero else speed_up
            change = u - v
            change = upper if change > upper else change
            change = -lower if change < -lower else change
            command_v[n] = v + change
            speed = command_v[n] if command_v[n] > zero else -command_v[n]
            speed = slow if speed < slow else speed
            widest = lateral / speed
            q = widest if q > widest else q
            q = -widest if q < -widest else q
            change = q - w
            change = turn if change > turn else change
            change = -turn if change < -turn else change
            command_w[n] = w + change
        total_v, total_w = 0.0, 0.0
        for n in range(size):
            total_v += weight[n] * command_v[n]
            total_w += weight[n] * command_w[n]
        mean[0, t] = total_v
        mean[1, t] = total_w
