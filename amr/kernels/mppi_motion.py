"""Costs of how rollouts move: smoothness, turning, reversing, lateral acceleration."""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.mppi_rollout import LANES, V, W


@kernel("void(float32[:,:,::1], float32, float32, float32, float32, float32[::1])")
def add_smoothness(state: Any, start_v_mps: Any, start_w_radps: Any, weight_v: Any, weight_w: Any, cost: Any) -> Any:
    """Add ``weight_v`` and ``weight_w`` times the squared change of v and w from each step to the next."""
    steps, samples = state.shape[1], state.shape[2]
    total = np.empty(LANES, np.float32)
    for block in range(np.uint64(samples // LANES)):
        base = block * np.uint64(LANES)
        for j in range(np.uint64(LANES)):
            v = state[V, 0, base + j] - start_v_mps
            w = state[W, 0, base + j] - start_w_radps
            total[j] = weight_v * v * v + weight_w * w * w
        for t in range(np.uint64(1), np.uint64(steps)):
            before = t - np.uint64(1)
            for j in range(np.uint64(LANES)):
                v = state[V, t, base + j] - state[V, before, base + j]
                w = state[W, t, base + j] - state[W, before, base + j]
                total[j] += weight_v * v * v + weight_w * w * w
        for j in range(np.uint64(LANES)):
            cost[base + j] += total[j]


@kernel("void(float32[:,:,::1], float32, float32, float32, float32, float32[::1])")
def add_motion(
    state: Any, turn_weight: Any, reverse_weight: Any, lateral_weight: Any, lateral_limit_mps2: Any, cost: Any
) -> Any:
    """Add what steps cost by their own motion.

    A step costs ``turn_weight * w^2``, ``reverse_weight`` times its speed backwards, and ``lateral_weight`` times its
    lateral acceleration |v w| beyond ``lateral_limit_mps2``.
    """
    steps, samples = state.shape[1], state.shape[2]
    zero = np.float32(0.0)
    total = np.empty(LANES, np.float32)
    for block in range(np.uint64(samples // LANES)):
        base = block * np.uint64(LANES)
        for j in range(np.uint64(LANES)):
            total[j] = zero
        for t in range(np.uint64(steps)):
            for j in range(np.uint64(LANES)):
                v, w = state[V, t, base + j], state[W, t, base + j]
                back = -v if v < zero else zero
                lateral = v * w
                lateral = (lateral if lateral > zero else -lateral) - lateral_limit_mps2
                lateral = lateral if lateral > zero else zero
                total[j] += turn_weight * w * w + reverse_weight * back + lateral_weight * lateral
        for j in range(np.uint64(LANES)):
            cost[base + j] += total[j]
