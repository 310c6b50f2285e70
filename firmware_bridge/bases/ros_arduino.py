"""ros_arduino_bridge and diffdrive_arduino: lines of ASCII to an Arduino, which closes the wheel loop at 30 Hz.

``m L R`` CR sets both wheels in ticks per cycle of that loop, ``e`` CR asks for the counts. There is no checksum, and
which question a reply answers is told only by its form: so the counts are asked for twice, and count when both answers
agree. Source: hbrobotics/ros_arduino_bridge, ``ROSArduinoBridge.ino`` (commands,
57600 baud, ``PID_RATE`` 30, ``AUTO_STOP_INTERVAL`` 2000 ms); joshnewans/diffdrive_arduino, ``arduino_comms.cpp``.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from amr.config.robot import RobotConfig
from firmware_bridge.bases.asking import Asking
from firmware_bridge.bases.dialect import Capabilities, Reading
from firmware_bridge.bases.lines import LineReader
from firmware_bridge.faults import FaultKind
from firmware_bridge.port_url import PortUrl

PERIOD_NS: Final = 30_000_000
PATIENCE_NS: Final = 150_000_000
_COUNTS: Final = re.compile(rb"(-?\d{1,10}) (-?\d{1,10})")
_INT16: Final = 32767
_HANDLING_S: Final = 0.002


class RosArduino:
    """See ``Dialect``. Options: ``baud``, ``pid_hz`` (rate of the Arduino's loop)."""

    def __init__(self, url: PortUrl, robot: RobotConfig) -> None:
        url.allow("baud", "pid_hz")
        self.capabilities = Capabilities(
            "ros_arduino_bridge", 2.0, checksum=False, battery=False, gyro=False, stop_is_ramp=False
        )
        self.baud = url.integer("baud", 57600, 1200, 4_000_000)
        self.counter_bits = 32
        self.period_ns = PERIOD_NS
        self.after_torn = b"\r"
        self.enabled = True
        self.faults: Counter[FaultKind] = Counter()
        self.replies = 0
        self._cycles_per_m = 1.0 / (robot.drive.metres_per_tick_m * url.positive("pid_hz", 30.0))
        # between both answers lie at most two lines of 25 bytes
        between_s = 2 * 250 / self.baud + _HANDLING_S
        limits = robot.limits
        wheel_max_mps = max(limits.v_max_mps, limits.v_reverse_max_mps) + 0.5 * limits.w_max_radps * robot.drive.track_m
        self._apart_ticks = 2 + round(between_s * wheel_max_mps / robot.drive.metres_per_tick_m)
        self._first: tuple[int, int] | None = None
        self._lines = LineReader(64)
        self._asking = Asking(PERIOD_NS, PATIENCE_NS)

    def begin(self) -> None:
        """See ``Dialect``."""
        self._lines.reset()
        self._asking.restart()
        self._first = None

    def feed(self, data: bytes, now_ns: int) -> list[Reading]:  # noqa: ARG002 (the interface has it)
        """See ``Dialect``."""
        readings = []
        for line in self._lines.feed(data):
            counts = _COUNTS.fullmatch(line)
            if counts is not None:
                reading = self._read(int(counts[1]), int(counts[2]))
                if reading is not None:
                    readings.append(reading)
            elif line == b"OK":
                self.replies += 1
            else:
                self.faults[FaultKind.BAD_VALUE] += 1
        return readings

    def due(self, now_ns: int) -> bytes:
        """See ``Dialect``."""
        if not self._asking.due(now_ns):
            return b""
        self._first = None
        return b"e\re\r"

    def enable(self) -> bytes:
        """See ``Dialect``: there is nothing to ask for."""
        return b""

    def disable(self) -> bytes:
        """See ``Dialect``."""
        return self.stop()

    def drive(self, left_mps: float, right_mps: float) -> bytes:
        """See ``Dialect``. The slowest speed is one tick a cycle."""
        left, right = (_rounded(speed_mps * self._cycles_per_m) for speed_mps in (left_mps, right_mps))
        return f"m {left} {right}\r".encode()

    def stop(self) -> bytes:
        """See ``Dialect``."""
        return b"m 0 0\r"

    def goodbye(self) -> bytes:
        """See ``Dialect``."""
        return b"\rm 0 0\r"

    def _read(self, left: int, right: int) -> Reading | None:
        if not self._asking.waiting or not -(2**31) <= min(left, right) <= max(left, right) < 2**31:
            self.faults[FaultKind.UNEXPECTED] += 1
            return None
        first, self._first = self._first, (left, right)
        if first is None:
            return None
        asked_ns = self._asking.answered()
        if max(abs(left - first[0]), abs(right - first[1])) > self._apart_ticks:
            self.faults[FaultKind.BAD_VALUE] += 1
            return None
        self.replies += 1
        return Reading(*first, asked_ns)


def _rounded(ticks: float) -> int:
    """An ``int`` of an Arduino has 16 bits."""
    return max(-_INT16, min(_INT16, round(ticks)))
