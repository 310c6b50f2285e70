"""Things that may become movers: clusters joined to tracks, and the proof that one has moved.

Proof, for a static thing must never pass for a mover however the robot turns: it has a speed, and most of its returns
lie where a reference scan proved that nothing was; or its centre went some way since a reference scan, and (a) returns of the reference scan lie where the new scan proves that nothing is, or (b) its new
returns lie where the reference scan proved that nothing was, and no other scan that is kept shows something. It must
hold for two scans in a row, for beams do miss things. A piece of wall that slides along behind an edge fails:
where it "was" the wall still is, or is hidden; where it "is" had been hidden.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.local_grid import HIT
from amr.kernels.tracking_clusters import CRADIUS, CROUND, CSIGMA, CX, CY
from amr.kernels.tracking_filter import allow_jump, correct
from amr.kernels.tracking_scan import is_empty, is_taken
from amr.kernels.tracking_table import (
    FIRST_NS,
    FITS,
    FREE,
    HELD_X,
    HITS,
    INTEGERS,
    MISSES,
    MOVING,
    NUMBER,
    P00,
    P11,
    P22,
    PROVED,
    PX,
    PY,
    RADIUS,
    REF_NS,
    REF_X,
    REF_Y,
    REST_NS,
    RESTING,
    SEEN_NS,
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
_ON_DISC_M = 0.06
_PROOFS_MIN = 3
_PROOFS_FRAC = 0.5
_PROOFS_IN_A_ROW = 2
_HITS_MIN = 4
_ENTERED_NS = 200_000_000
_ENTERED_MIN = 5
_ENTERED_FRAC = 0.6
"""Of what enters a place that was seen empty, with no way known that it went: more returns, and more of them."""


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
            tracks[n, RADIUS] += (clusters[m, CRADIUS] - tracks[n, RADIUS]) / min(10.0, 1.0 + integers[n, HITS])
        tracks[n, HELD_X] = np.nan
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
        tracks[n, HELD_X] = np.nan
        integers[n, STATUS] = TENTATIVE
        integers[n, NUMBER] = next_number
        integers[n, FIRST_NS] = stamp_ns
        integers[n, SEEN_NS] = stamp_ns
        integers[n, REF_NS] = _NO_REFERENCE
        integers[n, REST_NS] = -1
        integers[n, HITS] = 1
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


@kernel(
    "UniTuple(int64, 2)(float64[:,::1], float64[:,::1], float64[:,::1], float64[:,:,::1], int64[::1], float64, float64,"
    " float64, float64, float64,"
    " float64, float64, float64)"
)
def proofs(
    beams: Array,
    points: Array,
    other: Array,
    against: Array,
    against_ns: Array,
    angle_min: float,
    increment: float,
    x: float,
    y: float,
    other_x: float,
    other_y: float,
    radius: float,
    margin_m: float,
) -> tuple[int, int]:
    """(returns where the ``other`` scan proves nothing to be, returns asked about): of the disc at (x, y), outside of
    the same disc at the other place. ``points``: end points of ``beams``; ``against``: scans (those with a stamp) of
    which none may show something there.
    """
    near = (radius + _ON_DISC_M) * (radius + _ON_DISC_M)
    far = (radius + margin_m) * (radius + margin_m)
    proved, asked = 0, 0
    for k in range(np.uint64(beams.shape[0])):
        if beams[k, HIT] == 0.0:
            continue
        dx, dy = points[k, 0] - x, points[k, 1] - y
        if dx * dx + dy * dy > near:
            continue
        ex, ey = points[k, 0] - other_x, points[k, 1] - other_y
        if ex * ex + ey * ey < far:
            continue
        asked += 1
        px, py = points[k, 0], points[k, 1]
        empty = is_empty(other, angle_min, increment, px, py, margin_m)
        for slot in range(np.uint64(against_ns.shape[0])):
            if empty and against_ns[slot] >= 0:
                empty = not is_taken(against[slot], angle_min, increment, px, py, 0.5 * margin_m)
        proved += empty
    return proved, asked


@kernel("void(int64[::1], int64)")
def prove(integers: Array, streak: int) -> None:
    """This scan proves a tentative track to move, as ``streak`` scans before it did."""
    integers[PROVED] = streak + 1
    if streak + 1 >= _PROOFS_IN_A_ROW:
        integers[STATUS] = MOVING
        integers[REST_NS] = -1
        integers[FITS] = 0


@kernel(
    "boolean(float64[:,::1], float64[:,::1], float64[:,:,::1], int64[::1], float64[::1], float64, float64, int64,"
    " float64)"
)
def entered(
    beams: Array,
    points: Array,
    reference_beams: Array,
    reference_ns: Array,
    track: Array,
    angle_min: float,
    increment: float,
    stamp_ns: int,
    margin_m: float,
) -> bool:
    """True when most returns of a track lie where a reference scan of a while ago proved that nothing was."""
    far_m = 1e3
    for slot in range(np.uint64(reference_ns.shape[0])):
        if reference_ns[slot] < 0 or stamp_ns - reference_ns[slot] < _ENTERED_NS:
            continue
        came, asked = proofs(
            beams, points, reference_beams[slot], reference_beams, reference_ns, angle_min, increment, track[PX],
            track[PY], track[PX] + far_m, track[PY], track[RADIUS], margin_m,
        )  # fmt: skip
        if came >= _ENTERED_MIN and came >= _ENTERED_FRAC * asked:
            return True
    return False


@kernel(
    "void(float64[:,::1], float64[:,::1], float64[:,:,::1], float64[:,:,::1], int64[::1], float64[:,::1],"
    " int64[:,::1], float64, float64, int64, float64, float64, float64)"
)
def promote(
    beams: Array,
    points: Array,
    reference_beams: Array,
    reference_points: Array,
    reference_ns: Array,
    tracks: Array,
    integers: Array,
    angle_min: float,
    increment: float,
    stamp_ns: int,
    moved_m: float,
    speed_mps: float,
    margin_m: float,
) -> None:
    """Make tentative tracks MOVING that this scan measured and that have proved to move."""
    for n in range(np.uint64(tracks.shape[0])):
        if integers[n, STATUS] != TENTATIVE or integers[n, SEEN_NS] != stamp_ns:
            continue
        streak = integers[n, PROVED]
        integers[n, PROVED] = 0
        squared = tracks[n, VX] * tracks[n, VX] + tracks[n, VY] * tracks[n, VY]
        if squared < speed_mps * speed_mps or squared < 9.0 * tracks[n, P11]:
            continue
        if integers[n, HITS] >= _HITS_MIN and entered(
            beams, points, reference_beams, reference_ns, tracks[n], angle_min, increment, stamp_ns, margin_m
        ):
            prove(integers[n], streak)
            continue
        dx, dy = tracks[n, PX] - tracks[n, REF_X], tracks[n, PY] - tracks[n, REF_Y]
        if integers[n, REF_NS] < 0 or dx * dx + dy * dy < moved_m * moved_m:
            continue
        for slot in range(np.uint64(reference_ns.shape[0])):
            if reference_ns[slot] != integers[n, REF_NS]:
                continue
            x, y, radius = tracks[n, PX], tracks[n, PY], tracks[n, RADIUS]
            old_x, old_y = tracks[n, REF_X], tracks[n, REF_Y]
            then, then_points = reference_beams[slot], reference_points[slot]
            none, none_ns = reference_beams[:0], reference_ns[:0]
            left, left_asked = proofs(
                then, then_points, beams, none, none_ns, angle_min, increment, old_x, old_y, x, y, radius, margin_m
            )
            came, came_asked = proofs(
                beams, points, then, reference_beams, reference_ns, angle_min, increment, x, y, old_x, old_y, radius,
                margin_m,
            )  # fmt: skip
            if left + came >= _PROOFS_MIN and (
                (left >= _PROOFS_FRAC * left_asked and left > 0) or (came >= _PROOFS_FRAC * came_asked and came > 0)
            ):
                prove(integers[n], streak)


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
