"""Unit conversions: the only place, beside ``firmware_bridge.wire``, where a unit changes."""

from __future__ import annotations

import math

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_US = 1_000
GRAVITY_MPS2 = 9.80665
"""Standard gravity."""


def ns_from_s(duration_s: float) -> int:
    """Nanoseconds, rounded to the nearest; raises ``ValueError``/``OverflowError`` when not finite."""
    return round(duration_s * NS_PER_S)


def s_from_ns(duration_ns: int) -> float:
    """Seconds as a float; exact to 1 ns up to 104 days."""
    return duration_ns / NS_PER_S


def rad_from_deg(angle_deg: float) -> float:
    """Radians."""
    return angle_deg * (math.pi / 180.0)


def deg_from_rad(angle_rad: float) -> float:
    """Degrees, for people only: no degree crosses a function or a file."""
    return angle_rad * (180.0 / math.pi)
