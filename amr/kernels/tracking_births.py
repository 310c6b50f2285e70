"""Things that may become movers: clusters joined to tracks, and what becomes of movers that stand.

What must be proved for that: ``tracking_proof``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.tracking_clusters import CRADIUS, CROUND, CSIGMA, CX, CY
from amr.kernels.tracking_filter import allow_jump, correct
from amr.kernels.tracking_table import (
    FIRST_NS,
    FREE,
    HITS,
    INTEGERS,
    MISSES,
    MOVING,
    NUMBER,
    P00,
    P11,
    P22,
    PX,
    PY,
    RADIUS,
    REF_NS,
    REF_X,
    REF_Y,
    REST_NS,
    RESTING,
    ROUND_X,
    ROUND_Y,
    ROUNDS,
    SEEN_NS,
    SHIFT_X,
    SHIFT_Y,
    STATUS,
    TENTATIVE,
    VX,
    VY,
)

Array = NDArray[Any]

_GATE_M = 0.12
_LOST_GATE_M = 0.8
_YOUNG_NS = 300_000_000
_SPEED_SIGMA_MPS = 1.5
_MISSES_MAX = 3
_NO_REFERENCE = -1
_SIZE_FRAC, _SIZE_M = 0.1, 0.02
"""So much the radius of a disc may differ from scan to scan and still be that of one thing."""


@kernel("float64(float64[::1], int64[::1], float64[::1], int64, float64)")
def join_cost(track: Array, integers: Array, cluster: Array, stamp_ns: int, reach_m: float) -> float:
    """Distance between track and cluster if they may be one thing, else -1; known movers come before new things."""
    if integers[STATUS] == FREE or integers[SEEN_NS] == stamp_ns:
        return -1.0
    dx, dy = cluster[CX] - track[PX], cluster[CY] - track[PY]
    squared = dx * dx + dy * dy
    gate = _GATE_M + reach_m
    if integers[STATUS] >= MOVING:
        # a mover that its own gate has lost: a sudden turn
        gate = _LOST_GATE_M + reach_m
        if cluster[CROUND] == 0.0 or abs(cluster[CRADIUS] - track[RADIUS]) > 0.1 + 0.3 * track[RADIUS]:
            return -1.0
    elif stamp_ns - integers[FIRST_NS] < _YOUNG_NS:
        # what just turned up where a mover was lost is that mover
        return _LOST_GATE_M + math.sqrt(squared) if squared < gate * gate else -1.0
    return math.sqrt(squared) if squared < gate * gate else -1.0


@kernel("void(float64[::1], int64[::1], float64[::1])")
def count_rounds(track: Array, integers: Array, cluster: Array) -> None:
    """Before the radius is averaged: does a tentative track go on as a disc of one size, or begin to be one?"""
    alike = abs(cluster[CRADIUS] - track[RADIUS]) < _SIZE_M + _SIZE_FRAC * track[RADIUS]
    if cluster[CROUND] == 0.0:
        integers[ROUNDS] = 0
    elif alike and integers[ROUNDS] > 0:
        integers[ROUNDS] += 1
    else:
        integers[ROUNDS] = 1
        track[ROUND_X] = cluster[CX]
        track[ROUND_Y] = cluster[CY]


@kernel("int64(float64[:,::1], int64[:,::1], float64[:,::1], int64, int64, float64, float64, float64, int64)")
def join(
    tracks: Array,
    integers: Array,
    clusters: Array,
    count: int,
    stamp_ns: int,
    reach_m: float,
    maneuver_mps2: float,
    speed_max_mps: float,
    next_number: int,
) -> int:
    """Join clusters to tracks, the nearest pair first (ties: the lower track, then the lower cluster), correct those
    tracks, start new ones for the other clusters, drop tentative ones that were missed; returns the next number.
    """
    size = tracks.shape[0]
    taken = np.zeros(count, np.uint8)
    pairs = np.empty((size * 4, 2), np.int64)
    costs = np.empty(size * 4)
    found = 0
    for i in range(size):
        for j in range(count):
            cost = join_cost(tracks[np.uint64(i)], integers[np.uint64(i)], clusters[np.uint64(j)], stamp_ns, reach_m)
            if cost >= 0.0 and found < costs.shape[0]:
                slot = np.uint64(found)
                costs[slot] = cost
                pairs[slot, 0] = i
                pairs[slot, 1] = j
                found += 1
    for _turn in range(found):
        best = -1
        for other in range(found):
            if costs[np.uint64(other)] >= 0.0 and (best < 0 or costs[np.uint64(other)] < costs[np.uint64(best)]):
                best = other
        if best < 0:
            break
        n, m = np.uint64(pairs[np.uint64(best), 0]), np.uint64(pairs[np.uint64(best), 1])
        costs[np.uint64(best)] = -1.0
        if taken[m] != 0 or integers[n, SEEN_NS] == stamp_ns:
            continue
        taken[m] = 1
        sigma = clusters[m, CSIGMA]
        if integers[n, STATUS] >= MOVING:
            unseen_s = 1e-9 * float(stamp_ns - integers[n, SEEN_NS])
            allow_jump(
                tracks[n], clusters[m, CX], clusters[m, CY], sigma * sigma, unseen_s, maneuver_mps2, speed_max_mps
            )
        correct(tracks[n], clusters[m, CX], clusters[m, CY], sigma * sigma)
        if integers[n, STATUS] == TENTATIVE:
            count_rounds(tracks[n], integers[n], clusters[m])
            tracks[n, RADIUS] += (clusters[m, CRADIUS] - tracks[n, RADIUS]) / min(10.0, 1.0 + integers[n, HITS])
        tracks[n, SHIFT_X], tracks[n, SHIFT_Y] = 0.0, 0.0
        integers[n, SEEN_NS] = stamp_ns
        integers[n, HITS] += 1
        integers[n, MISSES] = 0
    free = 0
    for k in range(count):
        m = np.uint64(k)
        if taken[m] != 0:
            continue
        while free < size and integers[np.uint64(free), STATUS] != FREE:
            free += 1
        if free == size:
            break
        n = np.uint64(free)
        for column in range(tracks.shape[1]):
            tracks[n, np.uint64(column)] = 0.0
        for column in range(INTEGERS):
            integers[n, np.uint64(column)] = 0
        tracks[n, PX] = clusters[m, CX]
        tracks[n, PY] = clusters[m, CY]
        tracks[n, RADIUS] = clusters[m, CRADIUS]
        tracks[n, P00] = clusters[m, CSIGMA] * clusters[m, CSIGMA]
        tracks[n, P11] = _SPEED_SIGMA_MPS * _SPEED_SIGMA_MPS
        tracks[n, P22] = maneuver_mps2 * maneuver_mps2
        integers[n, STATUS] = TENTATIVE
        integers[n, NUMBER] = next_number
        integers[n, FIRST_NS] = stamp_ns
        integers[n, SEEN_NS] = stamp_ns
        integers[n, REF_NS] = _NO_REFERENCE
        integers[n, REST_NS] = -1
        integers[n, HITS] = 1
        count_rounds(tracks[n], integers[n], clusters[m])
        next_number += 1
    for k in range(size):
        n = np.uint64(k)
        if integers[n, STATUS] == TENTATIVE and integers[n, SEEN_NS] != stamp_ns:
            integers[n, MISSES] += 1
            if integers[n, MISSES] >= _MISSES_MAX:
                integers[n, STATUS] = FREE
    return next_number


@kernel("void(float64[:,::1], int64[:,::1], int64, int64)")
def refer(tracks: Array, integers: Array, stamp_ns: int, oldest_ns: int) -> None:
    """Let this scan be the reference of all tentative tracks that it measured and whose own is older than kept."""
    for n in range(np.uint64(tracks.shape[0])):
        if integers[n, STATUS] != TENTATIVE or integers[n, SEEN_NS] != stamp_ns:
            continue
        if integers[n, REF_NS] < oldest_ns:
            integers[n, REF_NS] = stamp_ns
            tracks[n, REF_X] = tracks[n, PX]
            tracks[n, REF_Y] = tracks[n, PY]


@kernel("void(float64[:,::1], int64[:,::1], int64, float64, int64, int64)")
def settle(tracks: Array, integers: Array, stamp_ns: int, rest_mps: float, rest_ns: int, forget_ns: int) -> None:
    """Movers that stand become RESTING, those that go again MOVING, those that stand long TENTATIVE; of two tracks on
    one thing the younger is dropped.
    """
    size = tracks.shape[0]
    for k in range(size):
        n = np.uint64(k)
        if integers[n, STATUS] < MOVING or integers[n, SEEN_NS] != stamp_ns:
            continue
        squared = tracks[n, VX] * tracks[n, VX] + tracks[n, VY] * tracks[n, VY]
        awake = 2.0 * rest_mps
        if squared > awake * awake and squared > 9.0 * tracks[n, P11]:
            integers[n, STATUS] = MOVING
            integers[n, REST_NS] = -1
        elif squared < rest_mps * rest_mps:
            if integers[n, REST_NS] < 0:
                integers[n, REST_NS] = stamp_ns
            elif stamp_ns - integers[n, REST_NS] > forget_ns:
                integers[n, STATUS] = TENTATIVE
                integers[n, REF_NS] = _NO_REFERENCE
            elif stamp_ns - integers[n, REST_NS] > rest_ns:
                integers[n, STATUS] = RESTING
        elif integers[n, STATUS] == MOVING:
            integers[n, REST_NS] = -1
    for a in range(size):
        n = np.uint64(a)
        if integers[n, STATUS] < MOVING:
            continue
        for b in range(a + 1, size):
            m = np.uint64(b)
            if integers[m, STATUS] < MOVING:
                continue
            dx, dy = tracks[n, PX] - tracks[m, PX], tracks[n, PY] - tracks[m, PY]
            near = 0.4 * min(tracks[n, RADIUS], tracks[m, RADIUS])
            vx, vy = tracks[n, VX] - tracks[m, VX], tracks[n, VY] - tracks[m, VY]
            if dx * dx + dy * dy < near * near and vx * vx + vy * vy < 0.16:
                younger = m if integers[m, NUMBER] > integers[n, NUMBER] else n
                integers[younger, STATUS] = FREE
                if younger == n:
                    break
