"""Candidate motions that follow the descent of the cost-to-go: what random samples hardly find.

In a dead end the way out is "turn by two radians, then drive": random sequences that do just that are rare, and all
others gain nothing, so the robot would stand. A simple steering law finds it at once; sampling then refines it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.cost_to_go import sample


@kernel("int64(float32[:,::1], float32, float32, float32, float32, float32[:,::1])")
def descend(value_m: Any, x_m: Any, y_m: Any, cells_per_m: Any, step_m: Any, path: Any) -> Any:
    """Fill ``path`` [n, 2] with the way down the field from (x_m, y_m), metres from its corner; returns its points.

    It ends early where the field is flat, or rises: at a seed.
    """
    half = np.float32(0.5)
    x, y = x_m, y_m
    last = np.float32(np.inf)
    stale = 0
    for n in range(path.shape[0]):
        path[np.uint64(n), 0] = x
        path[np.uint64(n), 1] = y
        value, slope_x, slope_y = sample(value_m, x * cells_per_m - half, y * cells_per_m - half)
        length = np.float32(math.sqrt(slope_x * slope_x + slope_y * slope_y))
        # zigzag across a narrow valley still falls within a few steps; round a seed it does not
        stale = 0 if value < last else stale + 1
        if length < np.float32(1e-6) or stale > 3:
            return max(n + 1 - stale, 1)
        last = min(last, value)
        x -= step_m * slope_x / length
        y -= step_m * slope_y / length
    return path.shape[0]


@kernel("void(float32[:,::1], int64, float32, float32[::1], float32[::1], float32[:,::1], float32, float32[:,:,::1])")
def guide(
    path: Any,
    points: Any,
    step_m: Any,
    start: Any,
    limits: Any,
    styles: Any,
    gain_per_s: Any,
    controls: Any,
) -> Any:
    """Fill ``controls`` [n, 2, T] with the (v, w) sequences of n styles of pursuing ``path`` (as of ``descend``).

    Each step turns towards the point of the path that is the style's lookahead away, with ``gain_per_s`` times the
    angle, and drives where the heading is right: ``styles`` [n, 3] = (speed, sharpness, lookahead), v = speed *
    (1 - sharpness * (1 - cos(angle))), at least 0; at the path's end straight on, slower and slower. ``start`` and
    ``limits`` as of ``mppi_rollout.rollout``.
    """
    half, zero, one = np.float32(0.5), np.float32(0.0), np.float32(1.0)
    dt, speed_up, slow_down, turn = limits[0], limits[2], limits[3], limits[4]
    v_high, w_high = limits[6], limits[7]
    for n in range(np.uint64(controls.shape[0])):
        x, y, cosine, sine = path[0, 0], path[0, 1], start[0], start[1]
        v, w = start[4], start[5]
        look = styles[n, 2] * styles[n, 2]
        at = 0
        for t in range(np.uint64(controls.shape[2])):
            dx, dy = path[np.uint64(at), 0] - x, path[np.uint64(at), 1] - y
            while at + 1 < points and dx * dx + dy * dy < look:
                at += 1
                dx, dy = path[np.uint64(at), 0] - x, path[np.uint64(at), 1] - y
            length = np.float32(math.sqrt(dx * dx + dy * dy))
            along, across = one, zero
            at_end = at + 1 >= points and length < styles[n, 2]
            if not at_end and length > step_m:
                along = (dx * cosine + dy * sine) / length
                across = (dy * cosine - dx * sine) / length
            # the sine of the angle, held at its largest beyond a right angle: no arctangent needed
            error = across if along > zero else (one if across >= zero else -one)
            wish_w = max(min(gain_per_s * error, w_high), -w_high)
            wish_v = min(styles[n, 0], v_high) * max(zero, one - styles[n, 1] * (one - along))
            if at_end:
                wish_v = min(wish_v, np.float32(2.0) * length)
            v = v + max(min(wish_v - v, speed_up), -slow_down)
            w = w + max(min(wish_w - w, turn), -turn)
            angle = w * dt
            square = angle * angle
            turn_cosine = one - half * square + square * square * np.float32(1.0 / 24.0)
            turn_sine = angle * (one - square * np.float32(1.0 / 6.0))
            new_cosine = cosine * turn_cosine - sine * turn_sine
            sine = sine * turn_cosine + cosine * turn_sine
            cosine = new_cosine
            x += v * dt * cosine
            y += v * dt * sine
            controls[n, 0, t] = wish_v
            controls[n, 1, t] = wish_w
