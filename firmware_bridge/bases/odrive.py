"""ODrive by its ASCII protocol: one line a command, with the optional checksum, which answers then carry too.

Source: odriverobotics/ODrive, ``docs/ascii-protocol.md`` (commands, ``*`` checksum, watchdog) and
``Firmware/communication/ascii_protocol.cpp`` (form of answers, lines of 256 bytes). ``v`` feeds an axis' watchdog,
``f`` does not. An answer does not tell its question, so only one is open at a time.
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

WATCHDOG_S: Final = 0.2
PERIOD_NS: Final = 20_000_000
_PATIENCE_NS: Final = 60_000_000
_PAUSE_NS: Final = 60_000_000
_SETTINGS_NS: Final = 500_000_000
_FEED_NS: Final = 50_000_000
CLOSED_LOOP: Final = 8
_NUMBER: Final = r"-?\d{1,9}(?:\.\d{1,9})?(?:[eE][+-]?\d{1,2})?"
_ANSWER: Final = re.compile(rf"({_NUMBER})(?: ({_NUMBER}))?".encode())
_TURNS_MAX: Final = 1e7
_SPEED_MAX_TURNS_S: Final = 1e4


class ODrive:
    """See ``Dialect``. Options: ``baud``, ``left`` and ``right`` (axes), ``gear`` (motor turns per wheel turn),
    ``flip`` (the side whose motor is mounted the other way round: ``left``, ``right`` or ``none``).
    """

    def __init__(self, url: PortUrl, robot: RobotConfig) -> None:
        url.allow("baud", "left", "right", "gear", "flip")
        self.capabilities = Capabilities(
            "ODrive", WATCHDOG_S, checksum=True, battery=True, gyro=False, stop_is_ramp=True
        )
        self.baud = url.integer("baud", 115200, 1200, 4_000_000)
        self.counter_bits = 48
        self.period_ns = PERIOD_NS
        self.after_torn = b"\n"
        self.faults: Counter[FaultKind] = Counter()
        self.replies = 0
        self._axes = (url.integer("left", 0, 0, 1), url.integer("right", 1, 0, 1))
        flip = url.choice("flip", "right", ("left", "right", "none"))
        gear = url.positive("gear", 1.0)
        self._turns = (-gear if flip == "left" else gear, -gear if flip == "right" else gear)
        """Motor turns per turn of the wheel, left and right."""
        self._ticks = robot.drive.ticks_per_wheel_rev
        self._m = robot.drive.metres_per_tick_m * self._ticks
        self._questions = (
            f"f {self._axes[0]}",
            f"f {self._axes[1]}",
            *(f"r axis{axis}.current_state" for axis in self._axes),
            *(f"r axis{axis}.config.enable_watchdog" for axis in self._axes),
            "r vbus_voltage",
        )
        self._lines = LineReader(128)
        self._asking = Asking(0, _PATIENCE_NS, _PAUSE_NS)
        self._settings = Asking(_SETTINGS_NS, _SETTINGS_NS)
        self._feeding = Asking(_FEED_NS, _FEED_NS)
        self.begin()

    def begin(self) -> None:
        """See ``Dialect``."""
        self._lines.reset()
        self._asking.restart()
        self._settings.restart()
        self._feeding.restart()
        self._at = 0
        self._slow = 2
        self._asked_ns = 0
        self._feedback: list[tuple[float, float] | None] = [None, None]
        self._told: dict[str, float] = {}

    @property
    def enabled(self) -> bool:
        """Both axes hold their speeds, with their watchdogs on."""
        return [self._told.get(question) for question in self._questions[2:6]] == [CLOSED_LOOP, CLOSED_LOOP, 1.0, 1.0]

    def feed(self, data: bytes, now_ns: int) -> list[Reading]:
        """See ``Dialect``."""
        readings = []
        for line in self._lines.feed(data):
            values = _numbers(line)
            if values is None:
                self.faults[FaultKind.BAD_VALUE] += 1
                self._asking.give_up(now_ns)
                self._at = 0
                continue
            asked_ns = self._asking.answered()
            if asked_ns is None:
                self.faults[FaultKind.UNEXPECTED] += 1
                continue
            self.replies += 1
            reading = self._take(values, asked_ns)
            if reading is not None:
                readings.append(reading)
        return readings

    def due(self, now_ns: int) -> bytes:
        """See ``Dialect``: the next question; the settings, until they are told to be so."""
        data = b""
        if self._settings.due(now_ns):
            self._settings.answered()
            data = self._set_up()
        if self._feeding.due(now_ns):
            self._feeding.answered()
            data += b"".join(line_of(f"u {axis}") for axis in self._axes)
        if not self._asking.due(now_ns):
            if not self._asking.waiting:  # given up: begin with the first axis again
                self._at = 0
            return data
        question = self._slow if self._at == 2 else self._at
        if self._at == 0:
            self._asked_ns = now_ns
        return data + line_of(self._questions[question])

    def enable(self) -> bytes:
        """See ``Dialect``: errors cleared (a watchdog that tripped after the drive before is one), then closed loop."""
        closed_loop = (f"w axis{axis}.requested_state {CLOSED_LOOP}" for axis in self._axes)
        return self.stop() + b"".join(map(line_of, ("sc", *closed_loop)))

    def disable(self) -> bytes:
        """See ``Dialect``: the axes hold zero; letting them idle would let the robot coast."""
        return self.stop()

    def drive(self, left_mps: float, right_mps: float) -> bytes:
        """See ``Dialect``."""
        lines = b""
        for axis, turns, speed_mps in zip(self._axes, self._turns, (left_mps, right_mps), strict=True):
            lines += line_of(f"v {axis} {speed_mps / self._m * turns + 0.0:.5f} 0")
        return lines

    def stop(self) -> bytes:
        """See ``Dialect``."""
        return self.drive(0.0, 0.0)

    def goodbye(self) -> bytes:
        """See ``Dialect``."""
        return b"\n" + self.stop()

    def _set_up(self) -> bytes:
        """Watchdogs on. They are fed whenever we ask, for they would else trip while the robot stands disarmed."""
        lines = [f"w axis{axis}.config.watchdog_timeout {WATCHDOG_S}" for axis in self._axes]
        lines += [f"w axis{axis}.config.enable_watchdog 1" for axis in self._axes]
        return b"".join(map(line_of, lines))

    def _take(self, values: tuple[float, ...], asked_ns: int) -> Reading | None:  # noqa: ARG002
        question = self._questions[self._slow if self._at == 2 else self._at]
        if self._at < 2:
            if len(values) != 2 or abs(values[0]) > _TURNS_MAX or abs(values[1]) > _SPEED_MAX_TURNS_S:
                self.faults[FaultKind.BAD_VALUE] += 1
                self._at = 0
                return None
            self._feedback[self._at] = (values[0], values[1])
            self._at += 1
            return self._reading() if self._at == 2 else None
        if len(values) == 1:
            self._told[question] = values[0]
        else:
            self.faults[FaultKind.BAD_VALUE] += 1
        self._slow = self._slow + 1 if self._slow + 1 < len(self._questions) else 2
        self._at = 0
        return None

    def _reading(self) -> Reading | None:
        left, right = self._feedback
        assert left is not None
        assert right is not None
        counts = [round(side[0] / turns * self._ticks) for side, turns in zip((left, right), self._turns, strict=True)]
        speeds = [side[1] / turns * self._m for side, turns in zip((left, right), self._turns, strict=True)]
        return Reading(
            counts[0],
            counts[1],
            asked_ns=self._asked_ns,
            left_mps=speeds[0],
            right_mps=speeds[1],
            battery_v=self._told.get("r vbus_voltage"),
        )


def line_of(command: str) -> bytes:
    """The command with its checksum: all characters before the asterisk, XORed."""
    text = command.encode()
    total = 0
    for byte in text:
        total ^= byte
    return b"%s*%d\n" % (text, total)


def _numbers(line: bytes) -> tuple[float, ...] | None:
    """One or two numbers of an answer; None when the checksum is wrong or missing, or they are no numbers."""
    body, star, checksum = line.rpartition(b"*")
    if not star or not checksum.isdigit() or len(checksum) > 3:
        return None
    total = 0
    for byte in body:
        total ^= byte
    match = _ANSWER.fullmatch(body.strip())
    if total != int(checksum) or match is None:
        return None
    return tuple(float(text) for text in match.groups() if text is not None)
