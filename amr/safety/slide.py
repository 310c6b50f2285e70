"""A skid steer that came out of a fast turn goes on sliding for a while, about the wheels that led.

Coasting (``ring``) covers that while the robot drives on. Where it comes to rest or turns back within the turn, its
wheels tell of a turn about the base, and the body is still faster than they are, in the way it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from amr.geometry import Twist2

_SLIDES_MPS2: Final = 0.5
"""Lateral acceleration from which sliding counts."""
_LASTS_NS: Final = 400_000_000
_TURNS_RADPS: Final = 0.3


@dataclass(frozen=True, slots=True)
class SlideWatch:
    """The newest fast turn."""

    until_ns: int
    forward: bool


def watch(last: SlideWatch | None, twist: Twist2, now_ns: int) -> SlideWatch | None:
    """The memory after this measured twist; None when nothing slides."""
    if abs(twist.v_mps * twist.w_radps) > _SLIDES_MPS2:
        return SlideWatch(now_ns + _LASTS_NS, twist.v_mps >= 0.0)
    if last is None or now_ns > last.until_ns or abs(twist.w_radps) < _TURNS_RADPS:
        return None
    return last
