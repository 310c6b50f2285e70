"""The proof that something has moved.

Of a static thing it must never hold, however the robot turns. A mover has a speed, and either most of its returns lie
where a reference scan proved that nothing was; or its centre went some way since a reference scan, and (a) returns of
the reference scan lie where the new scan proves that nothing is, or (b) its new returns lie where the reference scan
proved that nothing was. No other scan that is kept may show something where nothing was, and it must hold for two
scans in a row, for beams do miss things. A piece of wall that slides along behind an edge fails: where it "was" the
wall still is, or is hidden; where it "is" had been hidden.

Among many movers hardly any place was seen empty. There a disc of one size that goes well beyond its own radius is
proof enough, where no scan contradicts: what slides along behind an edge is not round, and a pillar's centre stays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.local_grid import HIT
from amr.kernels.tracking_scan import is_empty, is_taken
from amr.kernels.tracking_table import (
    FITS,
    HITS,
    MOVING,
    P11,
    PROVED,
    PX,
    PY,
    RADIUS,
    REF_NS,
    REF_X,
    REF_Y,
    REST_NS,
    ROUND_X,
    ROUND_Y,
    ROUNDS,
    SEEN_NS,
    STATUS,
    TENTATIVE,
    VX,
    VY,
)

Array = NDArray[Any]

_ON_DISC_M = 0.06
_PROOFS_MIN = 3
_PROOFS_FRAC = 0.5
_PROOFS_IN_A_ROW = 2
_HITS_MIN = 4
_ENTERED_NS = 200_000_000
_ENTERED_MIN = 5
_ENTERED_FRAC = 0.6
"""Of what enters a place that was seen empty, with no way known that it went: more returns, and more of them."""
_ROUNDS_MIN = 10
_ROLLED_M, _ROLLED_RADIUS_M, _ROLLED_SIGMAS = 0.4, 0.1, 6.0
_REMAINS_MAX, _STOOD_FRAC = 2, 0.25
"""Returns that may still lie where it began, and part of its own that may lie where something stood."""


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


@kernel(
    "boolean(float64[:,::1], float64[:,::1], float64[:,:,::1], int64[::1], float64[::1], int64, float64, float64,"
    " int64, float64)"
)
def rolled(
    beams: Array,
    points: Array,
    reference_beams: Array,
    reference_ns: Array,
    track: Array,
    rounds: int,
    angle_min: float,
    increment: float,
    stamp_ns: int,
    margin_m: float,
) -> bool:
    """True when a track, a disc of one size in a row of scans, went farther than its radius at a speed that is known
    well, and no scan contradicts: nothing is seen where the disc began, and nothing stood where it is.
    """
    dx, dy = track[PX] - track[ROUND_X], track[PY] - track[ROUND_Y]
    radius = track[RADIUS]
    way = max(_ROLLED_M, radius)
    squared = track[VX] * track[VX] + track[VY] * track[VY]
    if rounds < _ROUNDS_MIN or radius < _ROLLED_RADIUS_M or dx * dx + dy * dy < way * way:
        return False
    if squared < _ROLLED_SIGMAS * _ROLLED_SIGMAS * track[P11]:
        return False
    near, far = (radius + _ON_DISC_M) * (radius + _ON_DISC_M), (radius + margin_m) * (radius + margin_m)
    on, remains, stood = 0, 0, 0
    for k in range(np.uint64(beams.shape[0])):
        if beams[k, HIT] == 0.0:
            continue
        px, py = points[k, 0], points[k, 1]
        ex, ey = px - track[PX], py - track[PY]
        if ex * ex + ey * ey > near:
            ox, oy = px - track[ROUND_X], py - track[ROUND_Y]
            remains += ox * ox + oy * oy < near and ex * ex + ey * ey > far
            continue
        on += 1
        taken = False
        for slot in range(np.uint64(reference_ns.shape[0])):
            if reference_ns[slot] < 0 or taken:
                continue
            # its own returns of then are no contradiction
            ago_s = 1e-9 * float(stamp_ns - reference_ns[slot])
            bx, by = ex + ago_s * track[VX], ey + ago_s * track[VY]
            if bx * bx + by * by > far:
                taken = is_taken(reference_beams[slot], angle_min, increment, px, py, 0.5 * margin_m)
        stood += taken
    return on >= _ENTERED_MIN and remains <= _REMAINS_MAX and stood <= _STOOD_FRAC * on


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
        if rolled(
            beams, points, reference_beams, reference_ns, tracks[n], integers[n, ROUNDS], angle_min, increment,
            stamp_ns, margin_m,
        ):  # fmt: skip
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
