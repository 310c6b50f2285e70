"""Columns of the tables that hold the tracks of moving obstacles."""

from __future__ import annotations

(
    PX,
    PY,
    VX,
    VY,
    AX,
    AY,
    P00,
    P01,
    P02,
    P11,
    P12,
    P22,
    RADIUS,
    REF_X,
    REF_Y,
    HELD_X,
    HELD_Y,
    ROUGH,
) = range(18)
COLUMNS = 18
"""float64: state, covariance (one for both axes), radius m, where it was at the reference scan, where it was last
possible while hidden, how far off the circle its returns usually lie (rms, m)."""

STATUS, NUMBER, FIRST_NS, SEEN_NS, REF_NS, REST_NS, HITS, MISSES, FITS, CLAIMED, PROVED = range(11)
INTEGERS = 11
"""int64: status, number, stamps of birth, of the last measurement, of the reference scan and since when it rests;
count of measurements, of scans that saw through it, of radius fits, of points in this scan, and of scans in
a row that proved it to move."""

FREE, TENTATIVE, MOVING, RESTING = range(4)
"""Status. TENTATIVE may be anything; MOVING has proved that it moves; RESTING did, and stands."""
