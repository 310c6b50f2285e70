"""Kobuki (TurtleBot 2): packets with a checksum in both directions, 50 times a second.

Source: yujinrobot/kobuki_core, "Appendix: Protocol Specification" (``en_appendix_protocol.dox``) and ``diff_drive.cpp``
(wheelbase 0.23 m; 0.002436916871 rad of a wheel of 35 mm radius per tick: 2578 counts a turn). No time-out of the
firmware is documented; Kobuki's own driver keeps one on the host.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from typing import Final

from amr.config.robot import RobotConfig
from firmware_bridge.bases.dialect import Capabilities, Reading
from firmware_bridge.faults import FaultKind
from firmware_bridge.port_url import PortUrl

PERIOD_NS: Final = 20_000_000
HEADER: Final = b"\xaa\x55"
BASE_CONTROL, BASIC_SENSORS, INERTIAL = 1, 1, 4
_BASIC: Final = struct.Struct("<HBBBHHbbBBBB")
_INERTIAL: Final = struct.Struct("<hh3x")
_RADPS: Final = math.radians(0.01)
"""The gyro's rate comes in hundredths of a degree a second."""
_LENGTH_MAX: Final = 140
"""All feedback there is in one packet, with those on request."""
_INT16: Final = 32767
_TRACK_M: Final = 0.23
"""By which the firmware makes wheel speeds of a radius; whatever track was calibrated, the wheels get what is asked."""
_BUMPERS: Final = {1: "right bumper", 2: "middle bumper", 4: "left bumper"}
_DROPS: Final = {1: "right wheel dropped", 2: "left wheel dropped"}
_CLIFFS: Final = {1: "cliff right", 2: "cliff in the middle", 4: "cliff left"}
_OVERCURRENT: Final = {1: "left motor: too much current", 2: "right motor: too much current"}


class Kobuki:
    """See ``Dialect``. Options: ``baud``."""

    def __init__(self, url: PortUrl, robot: RobotConfig) -> None:  # noqa: ARG002 (all dialects are built alike)
        url.allow("baud")
        self.capabilities = Capabilities("Kobuki", None, checksum=True, battery=True, gyro=True, stop_is_ramp=True)
        self.baud = url.integer("baud", 115200, 1200, 4_000_000)
        self.counter_bits = 16
        self.period_ns = PERIOD_NS
        self.after_torn = b""
        self.enabled = True
        self.faults: Counter[FaultKind] = Counter()
        self.replies = 0
        self._buffer = bytearray()
        self._clock_ms = 0

    def begin(self) -> None:
        """See ``Dialect``."""
        self._buffer.clear()

    def feed(self, data: bytes, now_ns: int) -> list[Reading]:  # noqa: ARG002 (the interface has it)
        """See ``Dialect``."""
        self._buffer += data
        buffer, at, readings = self._buffer, 0, []
        while (start := buffer.find(HEADER, at)) >= 0:
            at = start
            if len(buffer) - at >= 3 and not 3 <= buffer[at + 2] <= _LENGTH_MAX:
                at += 2
                continue
            if len(buffer) - at < 3 or len(buffer) - at < buffer[at + 2] + 4:
                break
            body = bytes(buffer[at + 2 : at + buffer[at + 2] + 4])
            if _xor(body) != 0:
                self.faults[FaultKind.CRC] += 1
                at += 2
                continue
            at += 2 + len(body)
            self.replies += 1
            reading = self._read(body[1:-1])
            if reading is not None:
                readings.append(reading)
        else:
            at = max(at, len(buffer) - 1)
        del buffer[:at]
        return readings

    def due(self, now_ns: int) -> bytes:  # noqa: ARG002 (the interface has it)
        """See ``Dialect``: it sends by itself."""
        return b""

    def enable(self) -> bytes:
        """See ``Dialect``: there is nothing to ask for."""
        return b""

    def disable(self) -> bytes:
        """See ``Dialect``."""
        return self.stop()

    def drive(self, left_mps: float, right_mps: float) -> bytes:
        """See ``Dialect``: the speed of the outer wheel and the radius, as the specification's table has it."""
        v_mm_s = 500.0 * (left_mps + right_mps)
        w_radps = (right_mps - left_mps) / _TRACK_M
        half_track_mm = 500.0 * _TRACK_M
        if abs(w_radps) < 1e-4:
            return packet(v_mm_s, 0.0)
        radius_mm = v_mm_s / w_radps
        if abs(radius_mm) <= 1.0:
            return packet(half_track_mm * w_radps, 1.0)
        if abs(radius_mm) > _INT16:
            return packet(v_mm_s, 0.0)
        return packet((radius_mm + math.copysign(half_track_mm, radius_mm)) * w_radps, radius_mm)

    def stop(self) -> bytes:
        """See ``Dialect``."""
        return packet(0.0, 0.0)

    def goodbye(self) -> bytes:
        """See ``Dialect``."""
        return self.stop()

    def _read(self, payload: bytes) -> Reading | None:
        """The reading of a packet; None when it has no basic sensor data, or its parts do not add up."""
        parts, at = {}, 0
        while at + 2 <= len(payload):
            number, size = payload[at], payload[at + 1]
            parts[number] = payload[at + 2 : at + 2 + size]
            at += 2 + size
        if at != len(payload):
            self.faults[FaultKind.LENGTH] += 1
            return None
        basic, inertial = parts.get(BASIC_SENSORS, b""), parts.get(INERTIAL, b"")
        if len(basic) != _BASIC.size:
            return None
        stamp_ms, bumper, drop, cliff, left, right, _, _, _, _, battery, overcurrent = _BASIC.unpack(basic)
        gyro_z_radps = None
        if len(inertial) == _INERTIAL.size:
            gyro_z_radps = _INERTIAL.unpack(inertial)[1] * _RADPS
        told = [name for bit, name in _BUMPERS.items() if bumper & bit]
        told += [name for bit, name in _DROPS.items() if drop & bit]
        told += [name for bit, name in _CLIFFS.items() if cliff & bit]
        told += [name for bit, name in _OVERCURRENT.items() if overcurrent & bit]
        self._clock_ms += (stamp_ms - self._clock_ms) & 0xFFFF
        return Reading(
            left,
            right,
            clock_ns=self._clock_ms * 1_000_000,
            battery_v=battery * 0.1,
            gyro_z_radps=gyro_z_radps,
            fault=", ".join(told),
        )


def packet(speed_mm_s: float, radius_mm: float) -> bytes:
    """One base control packet."""
    speed, radius = (max(-_INT16, min(_INT16, round(value))) for value in (speed_mm_s, radius_mm))
    payload = struct.pack("<BBhh", BASE_CONTROL, 4, speed, radius)
    body = bytes((len(payload),)) + payload
    return HEADER + body + bytes((_xor(body),))


def _xor(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total
