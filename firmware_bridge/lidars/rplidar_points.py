"""Points of an RPLIDAR: nodes of five bytes (standard scan), capsules of 84 bytes (express and dense scans).

Source: Slamtec, "RPLIDAR Interface Protocol and Application Notes", figures 4-4 (node), 4-12 and 4-13 (capsule and
cabin), 4-20 and 4-21 (dense); Slamtec/rplidar_ros, ``handler_normalnode.cpp``, ``handler_capsules.cpp``. A capsule
tells the angle of its first point only: its points lie evenly up to the next capsule's, so it is read when that came.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from firmware_bridge.faults import FaultKind
from firmware_bridge.lidars.dialect import Point

NODE_BYTES: Final = 5
CAPSULE_BYTES: Final = 84
_LOCK_NODES: Final = 4
"""A node has three check bits; so many in a row, with angles that go on, are no accident."""
_TURN_Q6: Final = 360 * 64
_BACK_Q6: Final = 10 * 64
_AHEAD_Q6: Final = 30 * 64
_RAD_PER_Q6: Final = math.radians(1.0 / 64.0)
_CAPSULE_MAX_Q6: Final = 90 * 64
"""A quarter of a turn between two capsules: one is missing."""


class PointReader(Protocol):
    """Bytes in, points out."""

    faults: Counter[FaultKind]
    gap: bool

    def feed(self, data: bytes) -> list[Point]: ...
    def forget(self) -> None: ...


class NodeReader:
    """Standard scan."""

    def __init__(self) -> None:
        self.faults: Counter[FaultKind] = Counter()
        self.gap = False
        self._buffer = bytearray()
        self._candidates: list[tuple[int, float]] = []
        self._locked = False
        self._last_q6 = 0

    def feed(self, data: bytes) -> list[Point]:
        """See ``LidarDialect.feed``."""
        self._buffer += data
        self.gap = False
        points: list[Point] = []
        at = 0
        while len(self._buffer) - at >= NODE_BYTES:
            node = self._node(at)
            if node is None or not self._follows(node[0]):
                at = self._unlock(at)
                continue
            at += NODE_BYTES
            self._candidates.append(node)
            if self._locked or len(self._candidates) >= _LOCK_NODES:
                self._locked = True
                points += (Point(angle * _RAD_PER_Q6, range_m) for angle, range_m in self._candidates)
                self._last_q6 = self._candidates[-1][0]
                self._candidates.clear()
        del self._buffer[:at]
        return points

    def forget(self) -> None:
        """Half a node, and where the last one lay."""
        self._buffer.clear()
        self._candidates.clear()
        self._locked = False

    def _node(self, at: int) -> tuple[int, float] | None:
        """(angle in 1/64 degree, range), None when the check bits are wrong."""
        first, low, high = self._buffer[at : at + 3]
        if (first & 1) == (first >> 1 & 1) or not low & 1:
            return None
        angle_q6 = (high << 8 | low) >> 1
        if angle_q6 >= _TURN_Q6 + _BACK_Q6:
            return None
        distance_q2 = self._buffer[at + 3] | self._buffer[at + 4] << 8
        return angle_q6, distance_q2 * 0.25e-3 if distance_q2 else math.inf

    def _follows(self, angle_q6: int) -> bool:
        if not self._locked and not self._candidates:
            return True
        before_q6 = self._candidates[-1][0] if self._candidates else self._last_q6
        ahead_q6 = (angle_q6 - before_q6) % _TURN_Q6
        return ahead_q6 <= _AHEAD_Q6 or ahead_q6 >= _TURN_Q6 - _BACK_Q6

    def _unlock(self, at: int) -> int:
        """Where to look next: one byte behind the first one that may have been no node's."""
        self.gap = True
        if self._locked:
            self.faults[FaultKind.STUFFING] += 1
            self._locked = False
        at = at - NODE_BYTES * len(self._candidates) + 1
        self._candidates.clear()
        return at


class CapsuleReader:
    """Express scan; ``cabins`` reads the points of one capsule."""

    def __init__(self, cabins: Callable[[bytes, float, float], Iterator[Point]]) -> None:
        self.faults: Counter[FaultKind] = Counter()
        self.gap = False
        self._cabins = cabins
        self._buffer = bytearray()
        self._before: bytes | None = None

    def feed(self, data: bytes) -> list[Point]:
        """See ``LidarDialect.feed``."""
        self._buffer += data
        self.gap = False
        points: list[Point] = []
        buffer, at = self._buffer, 0
        while len(buffer) - at >= CAPSULE_BYTES:
            if buffer[at] >> 4 != 0xA or buffer[at + 1] >> 4 != 0x5:
                at = self._miss(at)
                continue
            capsule = bytes(buffer[at : at + CAPSULE_BYTES])
            if _xor(capsule[2:]) != (capsule[0] & 0xF | (capsule[1] & 0xF) << 4):
                self.faults[FaultKind.CRC] += 1
                at = self._miss(at)
                continue
            at += CAPSULE_BYTES
            if capsule[3] & 0x80:  # the first of a new scan: the one before does not lead to it
                self._before = None
            points += self._pair(capsule)
            self._before = capsule
        del buffer[:at]
        return points

    def forget(self) -> None:
        """Half a capsule, and the one before."""
        self._buffer.clear()
        self._before = None

    def _miss(self, at: int) -> int:
        self._before, self.gap = None, True
        return at + 1

    def _pair(self, capsule: bytes) -> Iterator[Point]:
        if self._before is None:
            return iter(())
        start_q6, end_q6 = _start_q6(self._before), _start_q6(capsule)
        spread_q6 = (end_q6 - start_q6) % _TURN_Q6
        if max(start_q6, end_q6) >= _TURN_Q6 or spread_q6 > _CAPSULE_MAX_Q6:
            self.faults[FaultKind.BAD_VALUE] += 1
            self.gap = True
            return iter(())
        return self._cabins(self._before, start_q6 * _RAD_PER_Q6, spread_q6 * _RAD_PER_Q6)


def _start_q6(capsule: bytes) -> int:
    return capsule[2] | (capsule[3] & 0x7F) << 8


def _express_cabins(capsule: bytes, start_rad: float, spread_rad: float) -> Iterator[Point]:
    """Sixteen cabins of two points: distance in mm (14 bits), and by how much the angle is less than evenly spaced.

    The document calls the top bit of that a sign; Slamtec's driver reads 0 to 7.875 degrees, as the optics need.
    """
    step_rad = spread_rad / 32.0
    for cabin in range(16):
        at = 4 + 5 * cabin
        for half in range(2):
            word = capsule[at + 2 * half] | capsule[at + 2 * half + 1] << 8
            low = capsule[at + 4] >> 4 if half else capsule[at + 4] & 0xF
            less_rad = math.radians(((word & 0x3) << 4 | low) / 8.0)
            distance_mm = word >> 2
            range_m = distance_mm * 1e-3 if distance_mm else math.inf
            yield Point(start_rad + step_rad * (2 * cabin + half) - less_rad, range_m)


def _dense_cabins(capsule: bytes, start_rad: float, spread_rad: float) -> Iterator[Point]:
    """Forty distances in mm."""
    step_rad = spread_rad / 40.0
    for cabin in range(40):
        distance_mm = capsule[4 + 2 * cabin] | capsule[5 + 2 * cabin] << 8
        yield Point(start_rad + step_rad * cabin, distance_mm * 1e-3 if distance_mm else math.inf)


def _xor(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total


CAPSULES: Final[dict[int, Callable[[], CapsuleReader]]] = {
    0x82: lambda: CapsuleReader(_express_cabins),
    0x85: lambda: CapsuleReader(_dense_cabins),
}
"""By the type in the response descriptor."""
