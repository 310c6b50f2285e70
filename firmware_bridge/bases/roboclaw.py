"""RoboClaw by packet serial: commands with a CRC-16, answered in order by data with a CRC-16, or by 0xFF.

Source: Basicmicro, "RoboClaw Series User Manual", chapters "Packet Serial" (CRC, 10 ms packet time-out, acknowledge)
and "Advanced Packet Serial" (commands 14, 15, 24, 37, 78). The CRC of an answer covers address and command too, so an
answer is never taken for that to another question.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from typing import Final, NamedTuple

from amr.config.robot import RobotConfig
from firmware_bridge.bases.asking import Asking
from firmware_bridge.bases.dialect import Capabilities, Reading
from firmware_bridge.faults import FaultKind
from firmware_bridge.port_url import PortUrl

PERIOD_NS: Final = 20_000_000
SET_TIMEOUT, READ_TIMEOUT, MAIN_BATTERY, DRIVE_SPEEDS, READ_ENCODERS = 14, 15, 24, 37, 78
TIMEOUT_S: Final = 0.2
_TIMEOUT_STEPS: Final = round(TIMEOUT_S * 10.0)
_ACK: Final = 0xFF
_PATIENCE_NS: Final = 60_000_000
_PAUSE_NS: Final = 15_000_000
"""The RoboClaw drops half a packet after 10 ms."""
_SLOW_NS: Final = 500_000_000
_INT32: Final = 2**31 - 1


class _Expected(NamedTuple):
    """One answer to come."""

    command: int
    size: int
    """Bytes of data; 0 = an acknowledgement."""
    asked_ns: int


class RoboClaw:
    """See ``Dialect``. Options: ``baud``, ``address`` (128 to 135), ``left`` (number of the left motor: 1 or 2)."""

    def __init__(self, url: PortUrl, robot: RobotConfig) -> None:
        url.allow("baud", "address", "left")
        self.capabilities = Capabilities(
            "RoboClaw", TIMEOUT_S, checksum=True, battery=True, gyro=False, stop_is_ramp=True
        )
        self.baud = url.integer("baud", 38400, 2400, 460_800)
        self.counter_bits = 32
        self.period_ns = PERIOD_NS
        self.after_torn = b""
        self.enabled = False
        self.faults: Counter[FaultKind] = Counter()
        self.replies = 0
        self._address = url.integer("address", 0x80, 0x80, 0x87)
        self._swapped = url.integer("left", 1, 1, 2) == 2
        self._ticks_per_m = 1.0 / robot.drive.metres_per_tick_m
        self._asking = Asking(PERIOD_NS, _PATIENCE_NS, _PAUSE_NS)
        self._slow = Asking(_SLOW_NS, _SLOW_NS)
        self._expected: deque[_Expected] = deque()
        self._buffer = bytearray()
        self._battery_v: float | None = None
        self._now_ns = 0

    def begin(self) -> None:
        """See ``Dialect``."""
        self._asking.restart()
        self._slow.restart()
        self._expected.clear()
        self._buffer.clear()
        self.enabled = False

    def feed(self, data: bytes, now_ns: int) -> list[Reading]:
        """See ``Dialect``."""
        self._buffer += data
        readings: list[Reading] = []
        while self._expected:
            expected = self._expected[0]
            size = expected.size + 2 if expected.size else 1
            if len(self._buffer) < size:
                break
            answer = bytes(self._buffer[:size])
            if not self._is_answer(expected, answer):
                self.faults[FaultKind.CRC] += 1
                self._give_up(now_ns)
                return readings
            del self._buffer[:size]
            self._expected.popleft()
            self.replies += 1
            reading = self._read(expected, answer)
            if reading is not None:
                readings.append(reading)
        if self._buffer and not self._expected:
            self.faults[FaultKind.UNEXPECTED] += 1
            self._buffer.clear()
        return readings

    def due(self, now_ns: int) -> bytes:
        """See ``Dialect``: the counts; at the start and twice a second the time-out and the battery."""
        self._now_ns = now_ns
        if self._expected and now_ns - self._expected[0].asked_ns >= _PATIENCE_NS:
            self._give_up(now_ns)
        if not self._asking.due(now_ns):
            return b""
        data = self._ask(READ_ENCODERS, 8)
        if self._slow.due(now_ns):
            self._slow.answered()
            data += self._ask(SET_TIMEOUT, 0, bytes((_TIMEOUT_STEPS,)))
            data += self._ask(READ_TIMEOUT, 1) + self._ask(MAIN_BATTERY, 2)
        return data

    def enable(self) -> bytes:
        """See ``Dialect``: it drives once its own time-out is known to be set."""
        return b""

    def disable(self) -> bytes:
        """See ``Dialect``."""
        return self.stop()

    def drive(self, left_mps: float, right_mps: float) -> bytes:
        """See ``Dialect``."""
        sides = (right_mps, left_mps) if self._swapped else (left_mps, right_mps)
        speeds = (max(-_INT32, min(_INT32, round(speed_mps * self._ticks_per_m))) for speed_mps in sides)
        return self._ask(DRIVE_SPEEDS, 0, struct.pack(">ii", *speeds))

    def stop(self) -> bytes:
        """See ``Dialect``."""
        return self.drive(0.0, 0.0)

    def goodbye(self) -> bytes:
        """See ``Dialect``."""
        return self._packet(DRIVE_SPEEDS, bytes(8))

    def _ask(self, command: int, size: int, data: bytes = b"") -> bytes:
        self._expected.append(_Expected(command, size, self._now_ns))
        # a question carries no CRC: of those used here only commands that set something have one
        return bytes((self._address, command)) if size else self._packet(command, data)

    def _packet(self, command: int, data: bytes) -> bytes:
        body = bytes((self._address, command)) + data
        return body + crc16(body).to_bytes(2, "big")

    def _is_answer(self, expected: _Expected, answer: bytes) -> bool:
        if not expected.size:
            return answer[0] == _ACK
        covered = bytes((self._address, expected.command)) + answer[:-2]
        return crc16(covered) == int.from_bytes(answer[-2:], "big")

    def _read(self, expected: _Expected, answer: bytes) -> Reading | None:
        if expected.command == READ_TIMEOUT:
            self.enabled = answer[0] == _TIMEOUT_STEPS
        elif expected.command == MAIN_BATTERY:
            self._battery_v = int.from_bytes(answer[:2], "big") * 0.1
        elif expected.command == READ_ENCODERS:
            self._asking.answered()
            left, right = struct.unpack(">II", answer[:8])
            if self._swapped:
                left, right = right, left
            return Reading(left, right, expected.asked_ns, battery_v=self._battery_v)
        return None

    def _give_up(self, now_ns: int) -> None:
        """Answers and questions no longer belong together: let everything pass, then begin anew."""
        self._expected.clear()
        self._buffer.clear()
        self._asking.give_up(now_ns)


def crc16(data: bytes) -> int:
    """CRC-16 with polynomial 0x1021, begun with 0 (CRC-16/XMODEM)."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc
