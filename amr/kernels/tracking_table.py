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
    SHIFT_X,
    SHIFT_Y,
    ROUGH,
    ROUND_X,
    ROUND_Y,
) = range(20)
COLUMNS = 20
"""float64: state, covariance (one for both axes), radius m, where it was at the reference scan, how far it
was put aside since it was last measured because it would have been seen, how far off the circle its returns usually lie
(rms, m), where its present streak of round clusters began."""

STATUS, NUMBER, FIRST_NS, SEEN_NS, REF_NS, REST_NS, HITS, MISSES, FITS, CLAIMED, PROVED, ROUNDS = range(12)
INTEGERS = 12
"""int64: status, number, stamps of birth, of the last measurement, of the reference scan and since when it rests;
count of measurements, of scans that saw through it, of radius fits, of points in this scan, of scans in a row that
proved it to move, and of scans in a row in which it was a disc of one size."""

FREE, TENTATIVE, MOVING, RESTING = range(4)
"""Status. TENTATIVE may be anything; MOVING has proved that it moves; RESTING did, and stands."""
