"""How fast the safety envelope lets a robot be at each point of a path: it can brake before what it would meet.

The stop of ``amr.safety.envelope``, seen from the path: at speed v the robot drives on for ``hold`` seconds and then
brakes, on the circle that the path has at that point; while it does, its outline keeps ``margin`` plus
``margin_per_speed`` times its outline's speed to everything.
"""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.kernels.footprint import clearance_at, distance_at
from amr.kernels.grid_search import Array
from amr.kernels.trig import sin_cos


@kernel(
    "void(float32[:,::1], float32[:,::1], float64[:,::1], float64[:,::1], int8[::1], float64, float64, float64,"
    " float64[::1], float64[::1])"
)
def envelope_speeds(
    distance_m: Array, discs: Array, poses: Array, bends: Array, drives: Array, origin_x: float, origin_y: float,
    cell: float, law: Array, speeds: Array,
) -> None:  # fmt: skip
    """``speeds`` [n] (m/s) of ``poses`` [n, 3]; the last looks along the circle before it.

    ``distance_m``: distances between cells' centers, window's corner at the origin given, cells of ``cell`` m;
    ``discs`` [k, 3] cover the outline; ``bends``, ``drives``: of ``path_profile.measure_path``. ``law``: (fastest m/s,
    slowest m/s, hold s, brake m/s^2, alpha rad/s^2, margin m, margin per speed s, yaw error as a part, circumradius m).
    """
    n = poses.shape[0]
    fastest, slowest, hold, brake, alpha = law[0], law[1], law[2], law[3], law[4]
    margin, per_speed, yaw_error, reach = law[5], law[6], law[7], law[8]
    per_cell = np.float32(1.0 / cell)
    for k in range(n):
        i = np.uint64(k)
        segment = np.uint64(min(k, n - 2))
        bend, drive = bends[segment, 0] if k < n - 1 else bends[segment, 1], np.float64(drives[segment])
        # the heading turns with the way driven, whichever way the robot faces
        swing = 1.0 + abs(bend) * reach
        along_brake = min(brake, alpha / abs(bend)) if bend != 0.0 else brake
        lag = along_brake * hold
        speed = fastest
        x, y, yaw = poses[i, 0] - origin_x, poses[i, 1] - origin_y, poses[i, 2]
        gone = 0.0
        while gone <= speed * hold + 0.5 * speed * speed / along_brake and speed > slowest:
            needed = 0.5 * cell + margin + yaw_error * abs(bend) * gone * (reach + 0.5 * gone)
            around = np.float64(distance_at(distance_m, np.float32(x), np.float32(y), per_cell)) - reach
            if around < needed + per_speed * speed * swing:  # else no part of the outline can be too near
                sine, cosine = sin_cos(yaw)
                around = np.float64(
                    clearance_at(
                        distance_m, discs, np.float32(x), np.float32(y), np.float32(cosine), np.float32(sine), per_cell
                    )
                )
            room = around - needed
            spare = room - per_speed * speed * swing
            if spare < 0.0:
                stop_before = math.sqrt(lag * lag + 2.0 * along_brake * gone) - lag
                slow = room / (per_speed * swing) if per_speed > 0.0 else 0.0
                speed = min(speed, max(stop_before, slow))
            step = max(cell, spare / swing)
            half = yaw + 0.5 * bend * step
            sine, cosine = sin_cos(half)
            x += drive * step * cosine
            y += drive * step * sine
            yaw += bend * step
            gone += step
        speeds[i] = max(speed, slowest)
