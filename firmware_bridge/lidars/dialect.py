"""What a lidar's file offers: bytes in, points out; requests out. No port, no clock of its own."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, Protocol

from firmware_bridge.faults import FaultKind


class Point(NamedTuple):
    """One measurement, as the sensor tells it."""

    angle_rad: float
    """In the sensor's own sense of rotation, from its own zero; any full turn may be added."""
    range_m: float
    """+inf = no return."""


class LidarDialect(Protocol):
    """One lidar's language. Nothing here raises for anything that a lidar sends."""

    name: str
    baud: int
    dtr: bool | None
    """Level of that line of the port: some adapters switch the motor with it. None = as it is."""
    clockwise: bool
    """Seen from above, angles grow clockwise."""
    gap: bool
    """Set when bytes were lost or refused since the last ``feed``: what lies between is not known."""
    faults: Counter[FaultKind]
    trouble: str
    """Why it does not measure, '' when it does or nothing is known."""

    def begin(self) -> None:
        """A port was opened: start the sensor anew."""

    def forget(self) -> None:
        """Bytes were thrown away: forget half a packet; the sensor goes on."""

    def feed(self, data: bytes, now_ns: int) -> list[Point]:
        """The points that these bytes complete, in the order of their measurement."""

    def due(self, now_ns: int) -> bytes:
        """What the sensor must be told now."""

    def goodbye(self) -> bytes:
        """Stop measuring."""
