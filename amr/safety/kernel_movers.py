"""Does a stop meet something that moves, compiled. Frames, outline and law: see ``kernel``."""

from __future__ import annotations

import numpy as np

from amr.jit import kernel
from amr.safety.kernel import FLOOR, HOLD_S, MARGIN, V, W, stopping_motion
from amr.safety.kernel_outline import F64, I64, moved_point, outline_distance

STEP_S = 0.02
BISECTIONS = 8

MX, MY, MVX, MVY, MRADIUS, MSIGMA, MSPEED_SIGMA = range(7)
"""Columns of a mover: where it is when the stop begins, and its velocity, both in the base frame at that instant;
radius; bounds on the error of position (m) and velocity (m/s)."""
MOVER_COLUMNS = 7


@kernel("int64(float64[:, ::1], float64, float64[::1], float64[:, ::1], float64[:, ::1], int64[::1])")
def met_by_stop(movers: F64, speed: float, law: F64, edges: F64, discs: F64, starts: I64) -> int:
    """Number of the first mover that meets the outline before it is at rest in a stop from ``speed``; -1 = none.

    The disc of a mover grows by the bounds on its errors; the law's margin is kept to it. One that meets the robot at
    rest does not count: no slower command would avoid that.
    """
    _, total, duration = stopping_motion(speed, law)
    first = max(speed, law[np.uint64(FLOOR)])
    hold_s = law[np.uint64(HOLD_S)]
    brake_s = max(1e-9, duration - hold_s)
    v, w = law[np.uint64(V)], law[np.uint64(W)]
    steps = int(duration / STEP_S) + 1
    for k in range(steps):
        t = min(duration, k * STEP_S)
        left = (duration - t) / brake_s
        progress = speed * t if t < hold_s else total - 0.5 * first * brake_s * left * left
        for n in range(np.uint64(movers.shape[0])):
            reach = movers[n, MRADIUS] + movers[n, MSIGMA] + t * movers[n, MSPEED_SIGMA] + law[np.uint64(MARGIN)]
            x, y = movers[n, MX] + t * movers[n, MVX], movers[n, MY] + t * movers[n, MVY]
            px, py = moved_point(x, y, v, w, progress)
            if outline_distance(px, py, edges, discs, starts) < reach:
                return int(n)
    return -1


@kernel(
    "Tuple((float64, int64))(float64[:, ::1], float64, float64, float64[::1], float64[:, ::1], float64[:, ::1],"
    " int64[::1])"
)
def largest_unmet_speed(
    movers: F64, speed: float, slowest: float, law: F64, edges: F64, discs: F64, starts: I64
) -> tuple[float, int]:
    """(largest speed in [slowest, speed] whose stop meets no mover before it is at rest, the mover that limits or -1).

    ``speed`` itself when even the slowest would meet one: then slowing down avoids nothing, and getting away may.
    """
    worst = met_by_stop(movers, speed, law, edges, discs, starts)
    if worst < 0 or met_by_stop(movers, slowest, law, edges, discs, starts) >= 0:
        return speed, -1
    clear, blocked = slowest, speed
    for _ in range(BISECTIONS):
        middle = 0.5 * (clear + blocked)
        if met_by_stop(movers, middle, law, edges, discs, starts) >= 0:
            blocked = middle
        else:
            clear = middle
    return clear, worst
