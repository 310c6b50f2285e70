"""What the ring makes of tracked movers: only ever less speed.

A track is an estimate from elsewhere, so it may be wrong, and is treated so: the points of the scan count as they do
without it, and a mover can only take speed away that those left. It does where a stop would meet the mover before the
robot is at rest while a stop from less speed would not. Where even braking at once meets it, the ring does not brake
for it: standing still there is no safer than getting away.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.movers import Mover
from amr.portable_math import sin_cos
from amr.safety import envelope, kernel_movers
from amr.safety.envelope import EnvelopeSettings, Motion
from amr.safety.outline import Outline

_SIGMAS = 2.0
_UNSEEN_MAX_S = 0.4
"""A track that has not been measured for longer is too vague to brake for."""
_SPEED_MIN_MPS = 0.1
_NEAR_M = 6.0


def rows_of(movers: tuple[Mover, ...], start: tuple[float, float, float], ahead_s: float) -> NDArray[np.float64]:
    """The usable ones as the kernel takes them, ``ahead_s`` later, in the frame of ``start``; float64 [n, 7].

    ``start``: (x, y, yaw) of the outline's origin then, in the base frame now. A row that is not finite is left out.
    """
    sine, cosine = sin_cos(start[2])
    rows = []
    for mover in movers:
        if mover.unseen_s > _UNSEEN_MAX_S or math.hypot(mover.vx_mps, mover.vy_mps) < _SPEED_MIN_MPS:
            continue
        dx = mover.x_m + ahead_s * mover.vx_mps - start[0]
        dy = mover.y_m + ahead_s * mover.vy_mps - start[1]
        row = (
            cosine * dx + sine * dy,
            cosine * dy - sine * dx,
            cosine * mover.vx_mps + sine * mover.vy_mps,
            cosine * mover.vy_mps - sine * mover.vx_mps,
            mover.radius_m,
            _SIGMAS * (mover.position_sigma_m + ahead_s * mover.velocity_sigma_mps),
            _SIGMAS * mover.velocity_sigma_mps,
        )
        if all(math.isfinite(value) for value in row) and dx * dx + dy * dy < _NEAR_M * _NEAR_M:
            rows.append((float(mover.number), *row))
    return np.array(rows, np.float64).reshape(len(rows), 1 + kernel_movers.MOVER_COLUMNS)


def clear_speed(
    motion: Motion,
    slowest_mps: float,
    floor_mps: float,
    rows: NDArray[np.float64],
    settings: EnvelopeSettings,
    outline: Outline,
) -> tuple[float, str]:
    """(largest outline speed in [slowest, motion's] that the movers of ``rows_of`` allow, what limits it or '')."""
    if len(rows) == 0:
        return motion.speed_mps, ""
    law = envelope.law_of(motion, floor_mps, settings, outline)
    movers = np.ascontiguousarray(rows[:, 1:])
    speed_mps, worst = kernel_movers.largest_unmet_speed(
        movers, motion.speed_mps, slowest_mps, law, *outline.parts.arrays
    )
    if worst < 0:
        return motion.speed_mps, ""
    x_m, y_m, vx_mps, vy_mps = rows[worst, 1:5].tolist()
    cause = (
        f"track {int(rows[worst, 0])} comes from ({x_m:.2f}, {y_m:.2f}) m at {math.hypot(vx_mps, vy_mps):.2f} m/s"
        " and would meet the robot before it stops"
    )
    return float(speed_mps), cause
