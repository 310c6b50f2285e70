"""A microcontroller board with the shipped firmware in an emulated processor (simavr), in a process of its own.

The host owns the time: ``tick`` lets the processor run to the time it is given, with the encoders turning evenly to
their new counts on the way. Bytes take their time on the wire at the robot's baud rate in both directions. The same
calls give the same bytes, whatever the machine does meanwhile.
"""

from __future__ import annotations

import contextlib
import struct
import subprocess
from enum import IntEnum
from pathlib import Path
from typing import IO, NamedTuple

from amr.errors import AmrError, ConfigError
from firmware_bridge.emulated_build import build_elf, build_emulator
from firmware_bridge.native import DriveMode, Duty

PERIOD_NS = 1_000_000
"""How often the board meets the physics: its outputs are at most this old."""
_REQUEST = struct.Struct("<QqqdddIIIBBB")
"""``request`` of ``protocol.h``."""
_ANSWER = struct.Struct("<ddQQIIIIIIBB")
"""``answer`` of ``protocol.h``."""
_BAUD_TOLERANCE_FRAC = 0.045
"""A receiver that samples the stop bit 9.5 bits after the start edge is half a bit off at 5 %."""
_CLOCK_HZ = 16_000_000


class Fault(IntEnum):
    """What can be done to the processor (values are those of ``protocol.h``)."""

    EXTERNAL_RESET = 1
    """The reset pin, as a USB adapter's DTR pulls it when a port is opened. RAM stays."""
    BROWN_OUT = 2
    """The supply fails: RAM is lost."""
    HANG = 3
    """The main loop stands; interrupts go on."""


class Counters(NamedTuple):
    """Since power-up."""

    asleep_frac: float
    """Share of the time that the processor slept: what it has to spare."""
    watchdog_resets: int
    overruns: int
    """Bytes that came while the receiver was full."""
    edges: int
    """Edges on the encoders' pins."""
    stack_unused_bytes: int
    """Memory between data and stack that was never found used, looked at in each interrupt."""


class EmulatedFirmware:
    """One board. ``close`` it, or use it in a ``with``.

    ``boots`` is the count of boots in its EEPROM, from which each boot makes its id. Raises ``AmrError`` naming the
    packages to install when compiler or simavr are not there.
    """

    def __init__(self, board: str, baud: int, boots: int = 0, *, elf: Path | None = None) -> None:
        self.board, self.baud = board, baud
        firmware = build_elf(board, baud) if elf is None else elf
        command = [str(build_emulator()), board, str(firmware), str(baud), str(boots & 0xFFFF_FFFF)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self._now_us = 0
        self._incoming = b""
        self._sent = bytearray()
        self._fault = 0
        self._held_us = 0
        self.imu_present = True
        self.counters = Counters(0.0, 0, 0, 0, 0)

    def __enter__(self) -> EmulatedFirmware:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(self, data: bytes, now_us: int) -> None:  # noqa: ARG002 - the wire is free from the last tick on
        """Bytes whose first one starts on the wire now; any bytes are safe."""
        self._incoming += data

    def tick(
        self,
        now_us: int,
        left_ticks: int,
        right_ticks: int,
        gyro_z_radps: float,
        accel_x_mps2: float,
        accel_y_mps2: float,
        battery_v: float,
        estop: bool,
    ) -> Duty:
        """Run to ``now_us`` (microseconds since power-up, more than before), at which the encoders have these counts.

        Gives what is on the bridges' pins then. Raises ``AmrError`` when the firmware or the helper process has died.
        """
        if now_us <= self._now_us:
            return self._duty((0.0, 0.0), (DriveMode.COAST, DriveMode.COAST))  # power comes with the first tick
        request = _REQUEST.pack(
            now_us,
            left_ticks,
            right_ticks,
            gyro_z_radps,
            accel_x_mps2,
            accel_y_mps2,
            max(0, round(battery_v * 1000.0)),
            self._held_us,
            len(self._incoming),
            self._fault,
            estop,
            self.imu_present,
        )
        try:
            self._write(request + self._incoming)
            answer = _ANSWER.unpack(self._read(_ANSWER.size))
            left, right, asleep, cycle, baud, resets, overruns, edges, unused, sent, left_bridge, right_bridge = answer
            self._sent += self._read(sent)
        except (BrokenPipeError, EOFError):
            raise AmrError(f"emulated {self.board}: {self._last_words()}") from None
        self._now_us, self._incoming, self._fault = now_us, b"", 0
        self.counters = Counters(asleep / cycle if cycle else 0.0, resets, overruns, edges, unused)
        if baud and abs(baud / self.baud - 1.0) > _BAUD_TOLERANCE_FRAC:
            raise ConfigError(
                f"link.baud: {self.baud} is out of reach of the {self.board}: a divisor of {_CLOCK_HZ / 1e6:.0f} MHz "
                f"gives {baud} (use 115200, 250000 or 500000)"
            )
        return self._duty((left, right), (DriveMode(left_bridge), DriveMode(right_bridge)))

    def transmit(self) -> bytes:
        """Bytes whose stop bit has passed since the call before."""
        data = bytes(self._sent)
        self._sent.clear()
        return data

    def strike(self, fault: Fault, held_s: float = 0.0) -> None:
        """With the next tick this happens to the processor; a reset holds it for so long."""
        self._fault, self._held_us = int(fault), round(held_s * 1e6)

    def close(self) -> None:
        """End the process; again is harmless."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()

    @staticmethod
    def _duty(duty: tuple[float, float], bridge: tuple[DriveMode, DriveMode]) -> Duty:
        off = DriveMode.COAST in bridge  # the firmware switches both in neighboring instructions
        left, right = (0.0, 0.0) if off else duty
        return Duty(left, right, DriveMode.COAST if off else DriveMode.DRIVE, True)

    @staticmethod
    def _open(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None or stream.closed:
            raise EOFError
        return stream

    def _write(self, data: bytes) -> None:
        stream = self._open(self._process.stdin)
        view = memoryview(data)
        while view:
            view = view[stream.write(view) :]

    def _read(self, count: int) -> bytes:
        stream, parts = self._open(self._process.stdout), []
        while count:
            part = stream.read(count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _last_words(self) -> str:
        stream = self._process.stderr
        if stream is None or stream.closed:
            return "closed"
        lines = stream.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "its process has died"
