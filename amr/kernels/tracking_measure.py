"""Movers that are known already, measured by a scan: their returns, where they are, whether they are gone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.local_grid import HIT, REACH, X, Y
from amr.kernels.tracking_circle import free_circle, known_circle
from amr.kernels.tracking_filter import allow_jump, correct
from amr.kernels.tracking_scan import HERE, HIDDEN, THROUGH, UNKNOWN, look_at
from amr.kernels.tracking_table import (
    AX,
    AY,
    CLAIMED,
    FITS,
    FREE,
    HITS,
    MISSES,
    MOVING,
    P00,
    PX,
    PY,
    RADIUS,
    ROUGH,
    SEEN_NS,
    SHIFT_X,
    SHIFT_Y,
    STATUS,
    VX,
    VY,
)
from amr.kernels.trig import sin_cos

Array = NDArray[Any]

_GATE_M = 0.12
_GATE_MAX_M = 0.6
_RELEASE_M = 0.10
"""Returns farther from the fitted circle belong to something else."""
_RADIUS_MIN_M, _RADIUS_MAX_M = 0.05, 0.85
_LOOK_FRAC = 0.35
EDGE, GOES_ON, VIEW = range(3)
_SLIVER = 2.0
"""Spread of the centre (``known_circle``) above which less than about a third of the disc is seen."""
_FIT_FRAC, _FIT_M = 0.6, 0.03
_SKIP = 2
"""Invalid beams that a surface may go on across."""
_SIGMA_FRAC = 0.25
_SHIFT_FRAC = 0.25
_ROUGH_GAIN = 0.1
_DOUBT_SIGMAS, _DOUBT_LEAST_M, _DOUBT_MOST_M = 3.0, 0.5, 1.2
"""How far from its predicted place a hidden mover may be: standard deviations, at least and at most."""
_PLACES_M, _DIRECTIONS = 0.15, 24
_ROUGHER = 3.0
_ROUGHER_M = 0.02
"""Returns that lie this much farther off the circle than they use to belong to something else: a wall, mostly."""


@kernel("float64(float64[::1])")
def gate_of(track: Array) -> float:
    """How far from the predicted circle a return may lie."""
    return min(_GATE_M + 2.0 * math.sqrt(track[P00]), _GATE_MAX_M)


@kernel("void(float64[:,::1], float64[:,::1], float64[:,::1], int64[:,::1], int32[::1])")
def claim(beams: Array, points: Array, tracks: Array, integers: Array, owner: Array) -> None:
    """``owner`` [n] = the track whose predicted circle passes nearest to each return, -1 where none passes near."""
    for k in range(np.uint64(beams.shape[0])):
        owner[k] = -1
    for n in range(np.uint64(tracks.shape[0])):
        integers[n, CLAIMED] = 0
    for n in range(np.uint64(tracks.shape[0])):
        if integers[n, STATUS] < MOVING:
            continue
        gate = gate_of(tracks[n])
        x, y, radius = tracks[n, PX], tracks[n, PY], tracks[n, RADIUS]
        outer = (radius + gate) * (radius + gate)
        least = max(0.0, radius - gate)
        inner = least * least
        for k in range(np.uint64(beams.shape[0])):
            dx, dy = points[k, 0] - x, points[k, 1] - y
            squared = dx * dx + dy * dy
            if squared > outer or squared < inner or beams[k, HIT] == 0.0:
                continue
            off = abs(math.sqrt(squared) - radius)
            other = owner[k]
            if other >= 0:
                m = np.uint64(other)
                ex, ey = points[k, 0] - tracks[m, PX], points[k, 1] - tracks[m, PY]
                if abs(math.sqrt(ex * ex + ey * ey) - tracks[m, RADIUS]) <= off:
                    continue
            owner[k] = np.int32(n)


@kernel("int64(float64[:,::1], int64, float64, float64, float64, float64)")
def pack_near(packed: Array, count: int, x: float, y: float, radius: float, within_m: float) -> int:
    """Keep of the first ``count`` points those near the circle, in order; returns how many."""
    kept = 0
    for k in range(count):
        px, py = packed[np.uint64(k), 0], packed[np.uint64(k), 1]
        dx, dy = px - x, py - y
        if abs(math.sqrt(dx * dx + dy * dy) - radius) <= within_m:
            packed[np.uint64(kept), 0] = px
            packed[np.uint64(kept), 1] = py
            kept += 1
    return kept


@kernel("int64(float64[:,::1], float64[:,::1], int32[::1], int64, int64, float64, float64)")
def end_of(beams: Array, points: Array, owner: Array, end: int, step: int, gap_m: float, increment: float) -> int:
    """What lies past the beam ``end`` of a mover's returns: an EDGE; a surface that GOES_ON without a gap, of returns
    that no mover owns; the end of the VIEW.
    """
    here = np.uint64(end)
    for skipped in range(_SKIP + 1):
        k = end + step * (1 + skipped)
        if not 0 <= k < beams.shape[0]:
            return VIEW
        b = np.uint64(k)
        if beams[b, REACH] < 0.0:
            continue
        if beams[b, HIT] == 0.0 or owner[b] >= 0:
            return EDGE
        limit = gap_m + 3.0 * abs(increment) * beams[b, REACH] * (1 + skipped)
        dx, dy = points[b, 0] - points[here, 0], points[b, 1] - points[here, 1]
        return GOES_ON if dx * dx + dy * dy <= limit * limit else EDGE
    return EDGE


@kernel(
    "void(float64[:,::1], float64[:,::1], float64[:,::1], int64[:,::1], int32[::1], float64[:,::1], int64, float64,"
    " float64, float64, float64, float64)"
)
def measure(
    beams: Array,
    points: Array,
    tracks: Array,
    integers: Array,
    owner: Array,
    packed: Array,
    stamp_ns: int,
    increment: float,
    gap_m: float,
    sigma_m: float,
    maneuver_mps2: float,
    speed_max_mps: float,
) -> None:
    """Fit each mover's circle to the returns that it owns, and correct its track by the centre.

    Returns that lie off the fitted circle are given back (``owner`` -1). ``packed`` [n, 2] is scratch.
    """
    count_beams = beams.shape[0]
    for n in range(np.uint64(tracks.shape[0])):
        if integers[n, STATUS] < MOVING:
            continue
        count = 0
        for k in range(np.uint64(count_beams)):
            if owner[k] == n:
                packed[np.uint64(count), 0] = points[k, 0]
                packed[np.uint64(count), 1] = points[k, 1]
                count += 1
        radius = tracks[n, RADIUS]
        tolerance = _RELEASE_M + 0.1 * radius
        x, y, spread, rms, used = tracks[n, PX], tracks[n, PY], 1e6, 0.0, 0.0
        if count >= 3:
            x, y, spread, rms, used = known_circle(packed, count, x, y, radius, tolerance)
        dx, dy = x - tracks[n, PX], y - tracks[n, PY]
        gate = 2.0 * gate_of(tracks[n])
        good = used >= 3.0 and spread < 400.0 and dx * dx + dy * dy < gate * gate
        usual = tracks[n, ROUGH]
        good = good and (usual == 0.0 or rms < _ROUGHER * usual + _ROUGHER_M)
        first, last = -1, -1
        for k in range(np.uint64(count_beams)):
            if owner[k] == n:
                ex, ey = points[k, 0] - x, points[k, 1] - y
                if not good or abs(math.sqrt(ex * ex + ey * ey) - radius) > tolerance:
                    owner[k] = -1
                    continue
                first = int(k) if first < 0 else first
                last = int(k)
        if good:
            left = end_of(beams, points, owner, first, -1, gap_m, increment)
            right = end_of(beams, points, owner, last, 1, gap_m, increment)
            if left != EDGE and right != EDGE and (left == GOES_ON or right == GOES_ON):
                good = False
                for k in range(np.uint64(count_beams)):
                    if owner[k] == n:
                        owner[k] = -1
        if not good:
            continue
        # what is seen of it says little about its place across the line of sight: no ground for surprise
        sliver = spread > _SLIVER
        noise = max(sigma_m if sliver else _SIGMA_FRAC * sigma_m, rms)
        variance = noise * noise * spread + _SHIFT_FRAC * _SHIFT_FRAC * sigma_m * sigma_m
        if not sliver:
            unseen_s = 1e-9 * float(stamp_ns - integers[n, SEEN_NS])
            allow_jump(tracks[n], x, y, variance, unseen_s, maneuver_mps2, speed_max_mps)
        correct(tracks[n], x, y, variance)
        speed = math.sqrt(tracks[n, VX] * tracks[n, VX] + tracks[n, VY] * tracks[n, VY])
        if speed > speed_max_mps:
            tracks[n, VX] *= speed_max_mps / speed
            tracks[n, VY] *= speed_max_mps / speed
            tracks[n, AX] = 0.0
            tracks[n, AY] = 0.0
        integers[n, SEEN_NS] = stamp_ns
        integers[n, HITS] += 1
        integers[n, MISSES] = 0
        integers[n, CLAIMED] = int(used)
        tracks[n, SHIFT_X], tracks[n, SHIFT_Y] = 0.0, 0.0
        tracks[n, ROUGH] = rms if usual == 0.0 else usual + _ROUGH_GAIN * (rms - usual)
        if used >= 8.0 and used >= _FIT_FRAC * count:
            count = pack_near(packed, count, x, y, radius, max(_FIT_M, 2.5 * rms))
            _, _, wide, wide_rms = free_circle(packed, 0, count)
            ex, ey = packed[np.uint64(count - 1), 0] - packed[0, 0], packed[np.uint64(count - 1), 1] - packed[0, 1]
            chord = math.sqrt(ex * ex + ey * ey)
            if wide_rms < 0.015 and _RADIUS_MIN_M < wide < _RADIUS_MAX_M and chord > 1.2 * wide:
                integers[n, FITS] += 1
                tracks[n, RADIUS] += (wide - radius) / min(20.0, 1.0 + integers[n, FITS])


@kernel("UniTuple(float64, 2)(float64[:,::1], float64, float64, float64[::1], float64, float64)")
def nearest_hiding_place(
    beams: Array, angle_min: float, increment: float, track: Array, body_m: float, margin_m: float
) -> tuple[float, float]:
    """The place nearest to the predicted one at which this scan would not show the mover; (nan, nan) without any.

    It is ``body_m`` away from the lidar, where the robot is not, and all shifts since the mover was last measured
    together stay within what its prediction leaves in doubt. Places are tried on rings ``_PLACES_M`` apart; of two on
    one ring the earlier direction is taken.
    """
    middle = np.uint64(beams.shape[0] // 2)
    radius = track[RADIUS]
    doubt_m = min(max(_DOUBT_SIGMAS * math.sqrt(max(track[P00], 0.0)), _DOUBT_LEAST_M), _DOUBT_MOST_M)
    for ring in range(1, int(doubt_m / _PLACES_M) + 1):
        for turn in range(_DIRECTIONS):
            sine, cosine = sin_cos(6.283185307179586 * turn / _DIRECTIONS)
            aside_x, aside_y = ring * _PLACES_M * cosine, ring * _PLACES_M * sine
            shift_x, shift_y = track[SHIFT_X] + aside_x, track[SHIFT_Y] + aside_y
            if shift_x * shift_x + shift_y * shift_y > doubt_m * doubt_m:
                continue
            x, y = track[PX] + aside_x, track[PY] + aside_y
            dx, dy = x - beams[middle, X], y - beams[middle, Y]
            distance = math.sqrt(dx * dx + dy * dy)
            if distance < radius + body_m:
                continue
            across_x, across_y = -dy / distance, dx / distance
            unseen = True
            for j in range(-2, 3):
                off = j * _LOOK_FRAC * radius
                seen = look_at(beams, angle_min, increment, x + off * across_x, y + off * across_y, margin_m)
                if seen not in (HIDDEN, UNKNOWN):
                    unseen = False
                    break
            if unseen:
                return x, y
    return math.nan, math.nan


@kernel(
    "void(float64[:,::1], float64[:,::1], int64[:,::1], float64, float64, int64, int64, int64, float64, float64)",
)
def judge_unmeasured(
    beams: Array,
    tracks: Array,
    integers: Array,
    angle_min: float,
    increment: float,
    stamp_ns: int,
    gone_scans: int,
    hidden_max_ns: int,
    body_m: float,
    margin_m: float,
) -> None:
    """Movers that this scan did not measure: gone where it sees through them, kept where they are hidden.

    One that should have come out of its hiding place by now, and did not, is put to the nearest place where it can be
    and would not be seen.
    """
    middle = np.uint64(beams.shape[0] // 2)
    for n in range(np.uint64(tracks.shape[0])):
        if integers[n, STATUS] < MOVING or integers[n, SEEN_NS] == stamp_ns:
            continue
        if stamp_ns - integers[n, SEEN_NS] > hidden_max_ns:
            integers[n, STATUS] = FREE
            continue
        x, y = tracks[n, PX], tracks[n, PY]
        dx, dy = x - beams[middle, X], y - beams[middle, Y]
        distance = max(1e-6, math.sqrt(dx * dx + dy * dy))
        aside_x, aside_y = -dy / distance, dx / distance
        through, hidden, here = 0, 0, 0
        for j in range(-2, 3):
            off = j * _LOOK_FRAC * tracks[n, RADIUS]
            seen = look_at(beams, angle_min, increment, x + off * aside_x, y + off * aside_y, margin_m)
            through += seen == THROUGH
            hidden += seen == HIDDEN
            here += seen == HERE
        if through >= 3 and hidden == 0 and here == 0:
            integers[n, MISSES] += 1
        elif through == 0 or hidden > 0:
            integers[n, MISSES] = 0
        if integers[n, MISSES] < gone_scans:
            continue
        hiding_x, hiding_y = nearest_hiding_place(beams, angle_min, increment, tracks[n], body_m, margin_m)
        if math.isnan(hiding_x):
            integers[n, STATUS] = FREE
            continue
        # whatever it does, it did not come out that way
        out_x, out_y = x - hiding_x, y - hiding_y
        away = out_x * out_x + out_y * out_y
        outwards = max(0.0, out_x * tracks[n, VX] + out_y * tracks[n, VY])
        tracks[n, VX] -= outwards / away * out_x
        tracks[n, VY] -= outwards / away * out_y
        tracks[n, SHIFT_X] -= out_x
        tracks[n, SHIFT_Y] -= out_y
        tracks[n, PX], tracks[n, PY], tracks[n, AX], tracks[n, AY] = hiding_x, hiding_y, 0.0, 0.0
        integers[n, MISSES] = 0
