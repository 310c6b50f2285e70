"""iRobot Create 2 and Roomba 500/600 by their Open Interface: opcodes out, a stream of sensor packets in every 15 ms.

Source: "iRobot Create 2 Open Interface (OI) Specification based on the iRobot Roomba 600" (opcodes 128, 131, 145, 148;
packets 7, 9 to 12, 22, 35, 43, 44) and AutonomyLab/libcreate (``types.h``, ``serial_stream.cpp``). The Create 1 manual
leaves the header out of a frame's sum, libcreate counts it; which one holds is learned from the first frames.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace
from typing import Final

from amr.config.robot import RobotConfig
from firmware_bridge.bases.dialect import Capabilities, Reading
from firmware_bridge.faults import FaultKind
from firmware_bridge.port_url import PortUrl

PERIOD_NS: Final = 15_000_000
START, SAFE, DRIVE_DIRECT, STREAM = 128, 131, 145, 148
HEADER: Final = 19
PACKETS: Final = {7: 1, 9: 1, 10: 1, 11: 1, 12: 1, 22: 2, 35: 1, 43: 2, 44: 2}
"""Number -> bytes: bumps and wheel drops, four cliffs, voltage, mode, both encoders."""
LENGTH: Final = sum(PACKETS.values()) + len(PACKETS)
SPEED_MAX_MM_S: Final = 500
_RESTART_NS: Final = 500_000_000
_LEARN_FRAMES: Final = 3
_MODE_DRIVES: Final = (2, 3)
"""Safe and full."""
_CLIFFS: Final = {9: "left", 10: "front left", 11: "front right", 12: "right"}
_BUMPS: Final = {1: "right bumper", 2: "left bumper", 4: "right wheel dropped", 8: "left wheel dropped"}


class Create2:
    """See ``Dialect``. Options: ``baud``."""

    def __init__(self, url: PortUrl, robot: RobotConfig) -> None:  # noqa: ARG002 (all dialects are built alike)
        url.allow("baud")
        self.capabilities = Capabilities(
            "iRobot Create 2", None, checksum=True, battery=True, gyro=False, stop_is_ramp=False
        )
        self.baud = url.integer("baud", 115200, 300, 115200)
        self.counter_bits = 16
        self.period_ns = PERIOD_NS
        self.after_torn = bytes(4)
        self.enabled = False
        self.faults: Counter[FaultKind] = Counter()
        self.replies = 0
        self._buffer = bytearray()
        self._restarted_ns: int | None = None
        self._heard_ns: int | None = None
        self._with_header: bool | None = None
        self._candidates = [0, 0]

    def begin(self) -> None:
        """See ``Dialect``."""
        self._buffer.clear()
        self._restarted_ns = None
        self._heard_ns = None
        self.enabled = False

    def feed(self, data: bytes, now_ns: int) -> list[Reading]:
        """See ``Dialect``."""
        self._buffer += data
        buffer, at, readings = self._buffer, 0, []
        while len(buffer) - at >= LENGTH + 3:
            if buffer[at] != HEADER or buffer[at + 1] != LENGTH:
                at += 1
                continue
            frame = bytes(buffer[at : at + LENGTH + 3])
            values = _values(frame)
            sums_up = values is not None and self._sums_up(frame)
            if values is None or sums_up is not True:
                self.faults[FaultKind.CRC] += sums_up is False
                at += 1
                continue
            at += len(frame)
            self._heard_ns = now_ns
            self.replies += 1
            self.enabled = values[35] in _MODE_DRIVES
            fault = _fault(values)
            readings.append(Reading(values[43], values[44], battery_v=values[22] * 1e-3, fault=fault))
        del buffer[:at]
        return [replace(each, older_ns=PERIOD_NS * older) for older, each in enumerate(reversed(readings))][::-1]

    def due(self, now_ns: int) -> bytes:
        """See ``Dialect``: starts the stream, again when it does not come."""
        for since_ns in (self._heard_ns, self._restarted_ns):
            if since_ns is not None and now_ns - since_ns < _RESTART_NS:
                return b""
        self._with_header = None
        self._restarted_ns = now_ns
        return bytes((START, STREAM, len(PACKETS), *PACKETS))

    def enable(self) -> bytes:
        """See ``Dialect``: safe mode, in which the base stops by itself at a cliff and at a dropped wheel."""
        return bytes((SAFE,))

    def disable(self) -> bytes:
        """See ``Dialect``: passive mode, in which the motors are off."""
        return self.stop() + bytes((START,))

    def drive(self, left_mps: float, right_mps: float) -> bytes:
        """See ``Dialect``."""
        return struct.pack(">Bhh", DRIVE_DIRECT, _mm_s(right_mps), _mm_s(left_mps))

    def stop(self) -> bytes:
        """See ``Dialect``."""
        return self.drive(0.0, 0.0)

    def goodbye(self) -> bytes:
        """See ``Dialect``. Zeros first: they end a command of which only the first bytes came."""
        return self.after_torn + self.disable()

    def _sums_up(self, frame: bytes) -> bool | None:
        """Whether the sum is right, by the rule that the first frames obeyed; None while that is not known."""
        with_header, without = sum(frame) & 0xFF == 0, sum(frame[1:]) & 0xFF == 0
        if self._with_header is not None:
            return with_header if self._with_header else without
        for rule, holds in enumerate((without, with_header)):
            self._candidates[rule] = self._candidates[rule] + 1 if holds else 0
            if self._candidates[rule] >= _LEARN_FRAMES:
                self._with_header = bool(rule)
        return None if with_header or without else False


def _mm_s(speed_mps: float) -> int:
    return max(-SPEED_MAX_MM_S, min(SPEED_MAX_MM_S, round(speed_mps * 1000.0)))


def _values(frame: bytes) -> dict[int, int] | None:
    """Packet number -> unsigned value, None when the packets are not those that were asked for."""
    values, at = {}, 2
    for number, size in PACKETS.items():
        if frame[at] != number:
            return None
        values[number] = int.from_bytes(frame[at + 1 : at + 1 + size], "big")
        at += 1 + size
    return values


def _fault(values: dict[int, int]) -> str:
    told = [name for bit, name in _BUMPS.items() if values[7] & bit]
    told += [f"cliff {side}" for number, side in _CLIFFS.items() if values[number] & 1]
    return ", ".join(told)
