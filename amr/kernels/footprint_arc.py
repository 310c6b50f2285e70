"""The outline swept along circular arcs: how far can the robot drive a velocity before it touches something."""

from __future__ import annotations

from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.footprint import clearance_at
from amr.kernels.trig import sin_cos


@kernel(
    "UniTuple(float64, 2)(float32[:,::1], float32[:,::1], float64, float64, float64, float64, float64, float64,"
    " float64, float64, float64)"
)
def arc_sweep(
    distance_m: Any,
    discs: Any,
    x_m: Any,
    y_m: Any,
    yaw_rad: Any,
    v_mps: Any,
    w_radps: Any,
    horizon_s: Any,
    step_s: Any,
    margin_m: Any,
    cells_per_m: Any,
) -> Any:
    """(time until the clearance falls below ``margin_m``, smallest clearance before) along the arc of (v, w).

    The time is ``horizon_s`` when it never does. Poses are checked each ``step_s``; (x_m, y_m) count from the window's
    corner.
    """
    lowest = 1e9
    count = max(1, int(horizon_s / step_s + 0.5))
    for n in range(count + 1):
        time_s = n * step_s
        sine, cosine = sin_cos(yaw_rad)
        clearance = clearance_at(
            distance_m,
            discs,
            np.float32(x_m),
            np.float32(y_m),
            np.float32(cosine),
            np.float32(sine),
            np.float32(cells_per_m),
        )
        if clearance < margin_m:
            return time_s, lowest
        lowest = min(lowest, clearance)
        sine, cosine = sin_cos(yaw_rad + 0.5 * w_radps * step_s)
        x_m += v_mps * step_s * cosine
        y_m += v_mps * step_s * sine
        yaw_rad += w_radps * step_s
    return horizon_s, lowest


@kernel(
    "void(float32[:,::1], float32[:,::1], float64[::1], float64[:,::1], float64, float64, float64, float64,"
    " float64[:,::1])"
)
def sweep_all(
    distance_m: Any,
    discs: Any,
    pose: Any,
    velocities: Any,
    horizon_s: Any,
    step_s: Any,
    margin_m: Any,
    cells_per_m: Any,
    result: Any,
) -> Any:
    """``arc_sweep`` from ``pose`` (x, y, yaw) for each of ``velocities`` [n, 2] (v, w) into ``result`` [n, 2]."""
    for n in range(np.uint64(velocities.shape[0])):
        free_s, lowest = arc_sweep(
            distance_m,
            discs,
            pose[0],
            pose[1],
            pose[2],
            velocities[n, 0],
            velocities[n, 1],
            horizon_s,
            step_s,
            margin_m,
            cells_per_m,
        )
        result[n, 0] = free_s
        result[n, 1] = lowest
