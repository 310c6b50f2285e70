"""Things in a scan: neighboring returns as clusters, each with the disc that fits it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.local_grid import DX, DY, HIT, REACH, X, Y
from amr.kernels.tracking_circle import free_circle

Array = NDArray[Any]

CX, CY, CRADIUS, CSIGMA, CROUND = range(5)
CLUSTER_COLUMNS = 5
"""Centre m, radius m, standard deviation of the centre m, 1 = the disc fits to the noise."""

_SKIP = 2
"""Invalid beams that a cluster may go across."""
_ARM_M = 0.15
_NOTCH_M = 0.04
_ROUND_RMS_M = 0.012
_ROUND_MIN_M = 0.04
_ROUND_MAX_M = 0.8


@kernel("void(float64[:,::1], float64[:,::1])")
def end_points(beams: Array, points: Array) -> None:
    """Where each beam ends, [n, 2]; meaningless where it has no hit."""
    for k in range(np.uint64(beams.shape[0])):
        points[k, 0] = beams[k, X] + beams[k, REACH] * beams[k, DX]
        points[k, 1] = beams[k, Y] + beams[k, REACH] * beams[k, DY]


@kernel("void(float64[:,::1], float64[:,::1], float64, float64, float64[::1], uint8[::1])")
def find_corners(beams: Array, points: Array, increment: float, gap_m: float, depth: Array, corners: Array) -> None:
    """Mark in ``corners`` [n] the hits where the outline has a notch away from the lidar: two things that touch.

    A notch is a point that lies ``_NOTCH_M`` or more behind the chord between the returns about ``_ARM_M`` to either
    side, and farther than its neighbors do. ``depth`` [n] is scratch.
    """
    n = beams.shape[0]
    for k in range(n):
        b = np.uint64(k)
        depth[b] = 0.0
        corners[b] = 0
        if beams[b, HIT] == 0.0:
            continue
        arm = max(2, int(_ARM_M / max(beams[b, REACH] * abs(increment), 1e-3)))
        if k - arm < 0 or k + arm >= n:
            continue
        a, c = np.uint64(k - arm), np.uint64(k + arm)
        if beams[a, HIT] == 0.0 or beams[c, HIT] == 0.0:
            continue
        ex, ey = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1]
        length = math.sqrt(ex * ex + ey * ey)
        # both arms lie on surfaces that meet here, not on something far behind
        if length > 2.0 * _ARM_M + 2.0 * gap_m or length < 1e-6:
            continue
        dx, dy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
        off = (ex * dy - ey * dx) / length
        side = (ex * (beams[b, Y] - points[a, 1]) - ey * (beams[b, X] - points[a, 0])) / length
        depth[b] = -off if side > 0.0 else off
    for k in range(1, n - 1):
        b = np.uint64(k)
        if depth[b] > _NOTCH_M and depth[b] >= depth[np.uint64(k - 1)] and depth[b] > depth[np.uint64(k + 1)]:
            corners[b] = 1


@kernel("void(float64[:,::1], int64, int64, float64, float64, float64, float64[::1])")
def fit_cluster(
    points: Array, first: int, last: int, lidar_x: float, lidar_y: float, sigma_m: float, cluster: Array
) -> None:
    """Fill one row: a circle where one fits, else the disc over the line from the first to the last point."""
    n = last - first
    a, b = np.uint64(first), np.uint64(last - 1)
    ex, ey = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
    extent = math.sqrt(ex * ex + ey * ey)
    middle_x, middle_y = 0.5 * (points[a, 0] + points[b, 0]), 0.5 * (points[a, 1] + points[b, 1])
    cluster[CX] = middle_x
    cluster[CY] = middle_y
    cluster[CRADIUS] = max(0.5 * extent, 0.05)
    cluster[CSIGMA] = max(0.05, 0.1 * extent)
    cluster[CROUND] = 0.0
    if n < 5:
        return
    x, y, radius, rms = free_circle(points, first, last)
    if radius < max(_ROUND_MIN_M, 0.45 * extent) or radius > _ROUND_MAX_M or rms > _ROUND_RMS_M + sigma_m:
        return
    # what is seen of a round thing bulges towards the lidar
    dx, dy = middle_x - lidar_x, middle_y - lidar_y
    if (x - middle_x) * dx + (y - middle_y) * dy < -0.3 * radius * math.sqrt(dx * dx + dy * dy):
        return
    bulge = radius - math.sqrt(max(0.0, radius * radius - 0.25 * extent * extent))
    if bulge < 4.0 * rms + 0.01:
        return
    cluster[CX] = x
    cluster[CY] = y
    cluster[CRADIUS] = radius
    cluster[CSIGMA] = sigma_m + rms * radius / bulge
    cluster[CROUND] = 1.0


@kernel(
    "int64(float64[:,::1], float64[:,::1], int32[::1], uint8[::1], float64, float64, float64, int64, float64,"
    " float64[:,::1],"
    " int64[:,::1], float64[:,::1])"
)
def find_clusters(
    beams: Array,
    points: Array,
    owner: Array,
    corners: Array,
    increment: float,
    gap_m: float,
    size_max_m: float,
    points_min: int,
    sigma_m: float,
    packed: Array,
    ranges: Array,
    clusters: Array,
) -> int:
    """Find clusters among the hits that no track owns (``owner`` < 0), cut at ``corners``; returns how many.

    ``packed`` [n, 2] gets their points one after the other, ``ranges`` [m, 2] where each begins and ends there.
    """
    n = beams.shape[0]
    found = 0
    used = 0
    start = 0
    skipped = 0
    for k in range(n + 1):
        ends = True
        if k < n:
            b = np.uint64(k)
            if beams[b, REACH] < 0.0:
                skipped += 1
                if used > start and skipped <= _SKIP:
                    continue
            elif beams[b, HIT] > 0.0 and owner[b] < 0:
                ends = False
                if used > start:
                    last = np.uint64(used - 1)
                    dx, dy = points[b, 0] - packed[last, 0], points[b, 1] - packed[last, 1]
                    limit = gap_m + 3.0 * abs(increment) * beams[b, REACH] * (1 + skipped)
                    if dx * dx + dy * dy > limit * limit or corners[b] != 0:
                        ends = True
        if ends and used > start:
            keep = used - start >= points_min and found < clusters.shape[0]
            if keep:
                a, z = np.uint64(start), np.uint64(used - 1)
                dx, dy = packed[z, 0] - packed[a, 0], packed[z, 1] - packed[a, 1]
                keep = dx * dx + dy * dy <= size_max_m * size_max_m
            if keep:
                m = np.uint64(found)
                middle = np.uint64(min(k, n - 1))
                fit_cluster(packed, start, used, beams[middle, X], beams[middle, Y], sigma_m, clusters[m])
                ranges[m, 0] = start
                ranges[m, 1] = used
                found += 1
            else:
                used = start
            start = used
        if k < n and beams[np.uint64(k), HIT] > 0.0 and owner[np.uint64(k)] < 0:
            packed[np.uint64(used), 0] = points[np.uint64(k), 0]
            packed[np.uint64(used), 1] = points[np.uint64(k), 1]
            used += 1
            skipped = 0
    return found
