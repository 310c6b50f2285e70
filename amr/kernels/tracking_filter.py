"""The Kalman filter of a track: constant velocity with an acceleration that fades (Singer 1970, equations 9 to 12).

Both axes have the same noise, so one covariance serves both. Without acceleration it is the constant-velocity filter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.tracking_table import (
    AX,
    AY,
    FREE,
    P00,
    P01,
    P02,
    P11,
    P12,
    P22,
    PX,
    PY,
    STATUS,
    VX,
    VY,
)
from amr.kernels.trig import exponential

Array = NDArray[Any]

_SURPRISE = 13.8
"""Squared innovation over its variance that a filter which knows the motion sees once in a thousand (chi-square of two
degrees of freedom)."""


@kernel("float64(float64, float64)")
def fading(duration_s: float, fade_s: float) -> float:
    """Way per acceleration after ``duration_s``, when it fades with ``fade_s``: s^2."""
    part = duration_s / fade_s
    return fade_s * fade_s * (part - 1.0 + exponential(-part))


@kernel("void(float64[:,::1], int64[:,::1], float64, float64, float64)")
def predict(tracks: Array, integers: Array, duration_s: float, maneuver_mps2: float, fade_s: float) -> None:
    """Advance all tracks by ``duration_s`` > 0."""
    keep = exponential(-duration_s / fade_s)
    f01 = duration_s
    f02 = fading(duration_s, fade_s)
    f12 = fade_s * (1.0 - keep)
    q = maneuver_mps2 * maneuver_mps2 * (1.0 - keep * keep)
    half = 0.5 * duration_s * duration_s
    for n in range(np.uint64(tracks.shape[0])):
        if integers[n, STATUS] == FREE:
            continue
        for axis in range(2):
            p = np.uint64(PX + axis)
            v = np.uint64(VX + axis)
            a = np.uint64(AX + axis)
            tracks[n, p] += f01 * tracks[n, v] + f02 * tracks[n, a]
            tracks[n, v] += f12 * tracks[n, a]
            tracks[n, a] *= keep
        p00, p01, p02 = tracks[n, P00], tracks[n, P01], tracks[n, P02]
        p11, p12, p22 = tracks[n, P11], tracks[n, P12], tracks[n, P22]
        # F P F' with F = [[1, f01, f02], [0, 1, f12], [0, 0, keep]]
        a00 = p00 + f01 * p01 + f02 * p02
        a01 = p01 + f01 * p11 + f02 * p12
        a02 = p02 + f01 * p12 + f02 * p22
        a11 = p11 + f12 * p12
        a12 = p12 + f12 * p22
        # the new acceleration acts over about half of the step
        tracks[n, P00] = a00 + f01 * a01 + f02 * a02 + q * half * half * 0.25
        tracks[n, P01] = a01 + f12 * a02 + q * half * duration_s * 0.25
        tracks[n, P02] = keep * a02 + q * half * 0.5
        tracks[n, P11] = a11 + f12 * a12 + q * duration_s * duration_s * 0.25
        tracks[n, P12] = keep * a12 + q * duration_s * 0.5
        tracks[n, P22] = keep * keep * p22 + q


@kernel("void(float64[::1], float64, float64, float64)")
def correct(track: Array, x_m: float, y_m: float, variance_m2: float) -> None:
    """Take in a measured centre with this variance on each axis."""
    scale = 1.0 / (track[P00] + variance_m2)
    k0, k1, k2 = track[P00] * scale, track[P01] * scale, track[P02] * scale
    ex, ey = x_m - track[PX], y_m - track[PY]
    track[PX] += k0 * ex
    track[PY] += k0 * ey
    track[VX] += k1 * ex
    track[VY] += k1 * ey
    track[AX] += k2 * ex
    track[AY] += k2 * ey
    p00, p01, p02 = track[P00], track[P01], track[P02]
    track[P11] -= k1 * p01
    track[P12] -= k1 * p02
    track[P22] -= k2 * p02
    track[P00] = p00 - k0 * p00
    track[P01] = p01 - k0 * p01
    track[P02] = p02 - k0 * p02


@kernel("boolean(float64[::1], float64, float64, float64, float64, float64, float64)")
def allow_jump(
    track: Array, x_m: float, y_m: float, variance_m2: float, duration_s: float, maneuver_mps2: float, jump_mps: float
) -> bool:
    """Before ``correct``: where the measured centre is not what this motion explains, let the velocity have jumped
    ``duration_s`` ago, by about what the surprise asks for but not more than ``jump_mps``, and forget the acceleration.

    So one that turns on the spot is known again after three scans, with the uncertainty that three scans leave.
    """
    ex, ey = x_m - track[PX], y_m - track[PY]
    squared = ex * ex + ey * ey
    if squared <= _SURPRISE * (track[P00] + variance_m2):
        return False
    jump = min(0.5 * squared / (duration_s * duration_s), jump_mps * jump_mps)
    track[P00] += duration_s * duration_s * jump
    track[P01] += duration_s * jump
    track[P11] += jump
    track[P02], track[P12] = 0.0, 0.0
    track[P22] = maneuver_mps2 * maneuver_mps2
    track[AX], track[AY] = 0.0, 0.0
    return True
