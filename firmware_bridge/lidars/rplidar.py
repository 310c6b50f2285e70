"""Slamtec RPLIDAR: asks who it is and how it feels, starts the motor and the scan, and reads its points.

Source: Slamtec, "RPLIDAR Interface Protocol and Application Notes" (requests, response descriptors) and
Slamtec/rplidar_ros, ``sdk/include/sl_lidar_protocol.h``, ``sl_lidar_cmd.h``. Angles grow clockwise.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum, auto
from typing import Final

from firmware_bridge.faults import FaultKind
from firmware_bridge.lidars.dialect import Point
from firmware_bridge.lidars.rplidar_points import CAPSULES, NodeReader, PointReader
from firmware_bridge.port_url import PortUrl

START: Final = 0xA5
STOP, RESET, SCAN, INFO, HEALTH, EXPRESS, MOTOR_PWM = 0x25, 0x40, 0x20, 0x50, 0x52, 0x82, 0xF0
_HAS_PAYLOAD: Final = 0x80
DESCRIPTOR: Final = b"\xa5\x5a"
DESCRIPTOR_BYTES: Final = 7
NODE, CAPSULE, DENSE = 0x81, 0x82, 0x85
_INFO_TYPE, _HEALTH_TYPE = 0x04, 0x06
_SIZES: Final = {_INFO_TYPE: 20, _HEALTH_TYPE: 3, NODE: 5, CAPSULE: 84, DENSE: 84}
_PWM: Final = 660
"""The value of Slamtec's own driver; a motor that is switched by DTR does not listen to it."""
_QUIET_NS: Final = 20_000_000
"""The protocol asks for 1 ms after a stop, 2 ms after a reset; USB adds its own."""
_RESET_NS: Final = 1_000_000_000
_ANSWER_NS: Final = 1_000_000_000
_SILENCE_NS: Final = 2_000_000_000
"""A motor needs a second to reach its speed, and points come only then."""
_HEALTH_ERROR: Final = 2


class _Step(Enum):
    STOP = auto()
    INFO = auto()
    HEALTH = auto()
    SCAN = auto()
    POINTS = auto()


class RpLidar:
    """See ``LidarDialect``. Options: ``baud``, ``scan`` (``standard`` or ``express``), ``mount`` (``up``, ``down``)."""

    def __init__(self, url: PortUrl) -> None:
        url.allow("baud", "scan", "mount")
        self.name = "RPLIDAR"
        self.baud = url.integer("baud", 115_200, 9600, 4_000_000)
        self.dtr: bool | None = False
        self.clockwise = url.choice("mount", "up", ("up", "down")) == "up"
        self.gap = False
        self.faults: Counter[FaultKind] = Counter()
        self.trouble = ""
        self._express = url.choice("scan", "standard", ("standard", "express")) == "express"
        self._reader: PointReader | None = None
        self.begin()

    def begin(self) -> None:
        """See ``LidarDialect``."""
        self._buffer = bytearray()
        self._step = _Step.STOP
        self._sent_ns: int | None = None
        self._wait_ns = _QUIET_NS
        self._heard_ns = 0
        self._request = STOP

    def forget(self) -> None:
        """See ``LidarDialect``."""
        if self._reader is not None:
            self._reader.forget()
        if self._step is not _Step.POINTS:
            self.begin()

    def feed(self, data: bytes, now_ns: int) -> list[Point]:
        """See ``LidarDialect``."""
        self.gap = False
        if self._step is _Step.STOP or not data:
            return []  # the rest of a scan that was under way
        if self._step is _Step.POINTS and self._reader is not None:
            return self._take_points(data, now_ns)
        self._buffer += data
        if not self._align():
            return []
        kind = self._buffer[6]
        size = int.from_bytes(self._buffer[2:6], "little") & 0x3FFF_FFFF
        if _SIZES.get(kind) != size:
            self.faults[FaultKind.UNKNOWN_TYPE] += 1
            self.trouble = f"answer of type 0x{kind:02x} with {size} bytes is not understood"
            del self._buffer[:2]
            return []
        if kind in (NODE, CAPSULE, DENSE):
            self._reader = NodeReader() if kind == NODE else CAPSULES[kind]()
            rest = bytes(self._buffer[DESCRIPTOR_BYTES:])
            self._buffer.clear()
            self._step, self._heard_ns, self.trouble = _Step.POINTS, now_ns, ""
            return self._take_points(rest, now_ns)
        if len(self._buffer) >= DESCRIPTOR_BYTES + size:
            answer = bytes(self._buffer[DESCRIPTOR_BYTES : DESCRIPTOR_BYTES + size])
            self._buffer.clear()
            self._take_answer(kind, answer, now_ns)
        return []

    def due(self, now_ns: int) -> bytes:
        """See ``LidarDialect``."""
        if self._sent_ns is None:
            return self._send(STOP, now_ns)
        waited_ns = now_ns - self._sent_ns
        if self._step is _Step.STOP and waited_ns >= self._wait_ns:
            self._step = _Step.INFO
            return self._send(INFO, now_ns)
        if self._step is _Step.POINTS:
            if now_ns - self._heard_ns < _SILENCE_NS:
                return b""
            return self._begin_again("no points for 2 s", now_ns)
        if self._request == 0 and self._step is _Step.HEALTH:
            return self._send(HEALTH, now_ns)
        if self._request == 0 and self._step is _Step.SCAN:
            motor = request(MOTOR_PWM, _PWM.to_bytes(2, "little"))
            return motor + self._send(EXPRESS if self._express else SCAN, now_ns)
        if waited_ns >= _ANSWER_NS:
            return self._begin_again("no answer", now_ns)
        return b""

    def goodbye(self) -> bytes:
        """See ``LidarDialect``: scan and motor stop."""
        return request(STOP) + request(MOTOR_PWM, bytes(2))

    def _begin_again(self, why: str, now_ns: int) -> bytes:
        self.begin()
        self.trouble = why
        return self._send(STOP, now_ns)

    def _send(self, command: int, now_ns: int) -> bytes:
        self._request, self._sent_ns = command, now_ns
        return request(command, bytes(5) if command == EXPRESS else None)

    def _align(self) -> bool:
        """A whole descriptor is at the head of the buffer."""
        start = self._buffer.find(DESCRIPTOR)
        if start < 0:
            start = max(0, len(self._buffer) - 1)
        del self._buffer[:start]
        return len(self._buffer) >= DESCRIPTOR_BYTES and self._buffer[:2] == DESCRIPTOR

    def _take_answer(self, kind: int, answer: bytes, now_ns: int) -> None:
        self._request = 0
        if kind == _INFO_TYPE:
            self.name = f"RPLIDAR model {answer[0]:#04x}, firmware {answer[2]}.{answer[1]:02d}"
            self._step = _Step.HEALTH
        elif answer[0] >= _HEALTH_ERROR:
            self.trouble = f"it reports error {int.from_bytes(answer[1:3], 'little')} and stopped to protect itself"
            self._step, self._wait_ns, self._sent_ns = _Step.STOP, _RESET_NS, now_ns
        else:
            self._step = _Step.SCAN

    def _take_points(self, data: bytes, now_ns: int) -> list[Point]:
        assert self._reader is not None
        points = self._reader.feed(data)
        self.gap = self._reader.gap
        self.faults.update(self._reader.faults)
        self._reader.faults.clear()
        if points:
            self._heard_ns = now_ns
        return points


def request(command: int, payload: bytes | None = None) -> bytes:
    """One request packet; with a payload its length and the XOR of all bytes before follow."""
    if payload is None:
        return bytes((START, command))
    body = bytes((START, command | _HAS_PAYLOAD, len(payload))) + payload
    total = 0
    for byte in body:
        total ^= byte
    return body + bytes((total,))
