"""What a straight drive and a turn in place cost, and whether the outline has room for them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.footprint_sweep import ROOM, sweep_is_free
from amr.kernels.path_cost import segment_cost
from amr.kernels.trig import sin_cos
from amr.portable_math import PI, TWO_PI

STEP = 8.0
"""Longest piece of a straight drive that is swept at once, in cells (the sweep is exact for any)."""
TURN_STEP_RAD = 0.0873
"""Largest turn that is swept at once (5 degrees): corners leave their chord by r * 0.95e-3."""


@kernel("float64(float64)")
def wrapped(angle: Any) -> Any:
    """The same direction in [-pi, pi], for angles within +-3 turns."""
    while angle > PI:
        angle -= TWO_PI
    while angle < -PI:
        angle += TWO_PI
    return angle


@kernel(f"float64({ROOM}, float64, float64, float64, float64, float64)")
def drive_cost(
    room: Any,
    x0: Any,
    y0: Any,
    x1: Any,
    y1: Any,
    yaw: Any,
) -> Any:
    """Cost in cells of driving straight with the outline at ``yaw``; infinite where something is touched."""
    cost = segment_cost(room[0], room[1], x0, y0, x1, y1)
    if cost == math.inf or room[3].size <= 1:
        return cost
    sine, cosine = sin_cos(yaw)
    dx, dy = x1 - x0, y1 - y0
    pieces = np.int64(math.sqrt(dx * dx + dy * dy) / STEP) + 1
    for n in range(pieces):
        a, b = n / pieces, (n + 1) / pieces
        if not sweep_is_free(
            room, x0 + a * dx, y0 + a * dy, cosine, sine, x0 + b * dx, y0 + b * dy, cosine, sine, 0.0,
        ):  # fmt: skip
            return math.inf
    return cost


@kernel(f"boolean({ROOM}, float64, float64, float64, float64)")
def turn_is_free(
    room: Any,
    x: Any,
    y: Any,
    yaw: Any,
    angle: Any,
) -> Any:
    """True when the outline may turn in place from ``yaw`` by ``angle``."""
    pieces = np.int64(abs(angle) / TURN_STEP_RAD) + 1
    step = angle / pieces
    margin = room[4] * step * step * 0.125
    sine, cosine = sin_cos(yaw)
    for n in range(pieces):
        next_sine, next_cosine = sin_cos(yaw + (n + 1) * step)
        if not sweep_is_free(
            room, x, y, cosine, sine, x, y, next_cosine, next_sine, margin,
        ):  # fmt: skip
            return False
        sine, cosine = next_sine, next_cosine
    return True


@kernel(f"float64({ROOM}, float64, float64, float64, float64)")
def turn_angle(
    room: Any,
    x: Any,
    y: Any,
    yaw: Any,
    to_yaw: Any,
) -> Any:
    """Signed angle of a turn in place from ``yaw`` to ``to_yaw`` that has room, the short way first; else infinite."""
    angle = wrapped(to_yaw - yaw)
    if room[3].size <= 1:
        return angle
    if turn_is_free(room, x, y, yaw, angle):
        return angle
    other = angle - TWO_PI if angle > 0.0 else angle + TWO_PI
    if turn_is_free(room, x, y, yaw, other):
        return other
    return math.inf
