"""Scans of a lidar that turns clockwise wait until the base has told of their newest light.

The core places a scan by the pose at its stamp, the time of beam 0. A clockwise sensor measures beam 0 last, so with a
base that reports 30 times a second the stamp is newer than anything known of the wheels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from amr.messages import Scan

PATIENCE_NS: Final = 60_000_000
"""A base that is silent for longer is told by its own time-outs; the scan must not be lost for that."""


class ScanGate:
    """Holds at most a few scans for at most ``PATIENCE_NS``; those whose beam 0 is the oldest pass at once."""

    def __init__(self) -> None:
        self._held: list[Scan] = []

    def pass_on(self, scans: Iterable[Scan], base_ns: int, now_ns: int) -> list[Scan]:
        """The scans that may go to the core now, in their order; ``base_ns`` = stamp of the newest telemetry."""
        self._held += scans
        passed = []
        while self._held and _may_pass(self._held[0], base_ns, now_ns):
            passed.append(self._held.pop(0))
        return passed


def _may_pass(scan: Scan, base_ns: int, now_ns: int) -> bool:
    return scan.time_increment_s >= 0.0 or scan.stamp_ns <= base_ns or now_ns - scan.stamp_ns >= PATIENCE_NS
