"""LDROBOT LD06, LD19 and STL-19P: packets of twelve points, sent from power-up on; the sensor listens to nothing.

Source: LDROBOT, "LD19 Development Manual" (packet of 47 bytes, CRC-8 with polynomial 0x4D, angles clockwise) and
ldrobotSensorTeam/ldlidar_stl_ros2, ``lipkg.cpp`` (4500 points a second; a packet whose two angles lie further apart
than the speed allows is refused).
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from typing import Final

from firmware_bridge.faults import FaultKind
from firmware_bridge.lidars.dialect import Point
from firmware_bridge.port_url import PortUrl

HEADER: Final = b"\x54\x2c"
POINTS: Final = 12
POINT_HZ: Final = 4500.0
_PACKET: Final = struct.Struct("<2xHH36sHHB")
_POINT: Final = struct.Struct("<HB")
_CENTIDEGREES: Final = 36_000
_RAD: Final = math.radians(0.01)
_SPREAD: Final = 2.0
"""The vendor's driver takes 1.5, and would refuse the example of the vendor's manual."""
_SLACK_CENTIDEGREES: Final = 50
_SPEED_MAX_DEG_S: Final = 360 * 20


def _table() -> bytes:
    """CRC-8, polynomial 0x4D, begun with 0, nothing reflected."""
    entries = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc << 1 ^ 0x4D if crc & 0x80 else crc << 1) & 0xFF
        entries.append(crc)
    return bytes(entries)


_CRC: Final = _table()


class Ld19:
    """See ``LidarDialect``. Options: ``baud``, ``mount`` (``up``, or ``down`` for one that hangs head down)."""

    def __init__(self, url: PortUrl) -> None:
        url.allow("baud", "mount")
        self.name = "LD06/LD19"
        self.baud = url.integer("baud", 230_400, 9600, 4_000_000)
        self.dtr: bool | None = None
        self.clockwise = url.choice("mount", "up", ("up", "down")) == "up"
        self.gap = False
        self.faults: Counter[FaultKind] = Counter()
        self.trouble = ""
        self._buffer = bytearray()

    def begin(self) -> None:
        """See ``LidarDialect``."""
        self._buffer.clear()

    def forget(self) -> None:
        """See ``LidarDialect``."""
        self._buffer.clear()

    def feed(self, data: bytes, now_ns: int) -> list[Point]:  # noqa: ARG002 (the interface has it)
        """See ``LidarDialect``."""
        self._buffer += data
        self.gap = False
        buffer, at, points = self._buffer, 0, []
        while (start := buffer.find(HEADER, at)) >= 0:
            self.gap |= start > at
            at = start
            if len(buffer) - at < _PACKET.size:
                break
            packet = bytes(buffer[at : at + _PACKET.size])
            if crc8(packet[:-1]) != packet[-1]:
                self.faults[FaultKind.CRC] += 1
                self.gap = True
                at += 1
                continue
            at += _PACKET.size
            points += self._points(packet)
        else:
            kept = 1 if buffer[at:].endswith(HEADER[:1]) else 0
            self.gap |= len(buffer) - kept > at
            at = len(buffer) - kept
        del buffer[:at]
        return points

    def due(self, now_ns: int) -> bytes:  # noqa: ARG002 (the interface has it)
        """See ``LidarDialect``: it needs nothing."""
        return b""

    def goodbye(self) -> bytes:
        """See ``LidarDialect``: it spins as long as it has power."""
        return b""

    def _points(self, packet: bytes) -> list[Point]:
        speed_deg_s, start, body, end, _stamp_ms, _crc = _PACKET.unpack(packet)
        spread = (end - start) % _CENTIDEGREES
        bound = _SPREAD * 100.0 * speed_deg_s * POINTS / POINT_HZ + _SLACK_CENTIDEGREES
        if max(start, end) >= _CENTIDEGREES or speed_deg_s > _SPEED_MAX_DEG_S or spread > bound:
            self.faults[FaultKind.BAD_VALUE] += 1
            self.gap = True
            return []
        step = spread / (POINTS - 1)
        return [
            Point((start + i * step) * _RAD, distance_mm * 1e-3 if distance_mm else math.inf)
            for i, (distance_mm, _intensity) in enumerate(_POINT.iter_unpack(body))
        ]


def crc8(data: bytes) -> int:
    """The check byte of a packet."""
    crc = 0
    for byte in data:
        crc = _CRC[crc ^ byte]
    return crc
