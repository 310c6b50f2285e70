"""A device in this process behind a real pseudo-terminal: to a host it is a serial port."""

from __future__ import annotations

import contextlib
import os
import tty
from typing import Protocol

_READ_CHUNK = 4096
_BACKLOG_BYTES = 4096
"""The UART of a board has no memory to speak of: what the host does not take is lost, whole chunks at a time."""


class SerialDevice(Protocol):
    """What sits on the line: a ``NativeFirmware``, or one behind a slower line."""

    def receive(self, data: bytes, now_us: int) -> None: ...

    def transmit(self) -> bytes: ...


class PtyFirmware:
    """Owns the pty's master side and moves bytes between it and a device; never blocks.

    ``slave_path`` is what the host opens. It may be opened, closed and opened again: one descriptor of it is kept open
    here, so that the terminal neither hangs up nor forgets that it is raw.
    """

    def __init__(self, firmware: SerialDevice) -> None:
        self.firmware = firmware
        self.dropped_bytes = 0
        """Bytes for the host that found the line full."""
        self._master, self._kept_slave = os.openpty()
        # Raw before anything is written: a fresh terminal echoes the device's own bytes back into the device.
        tty.setraw(self._kept_slave)
        os.set_blocking(self._master, False)
        self.slave_path = os.ttyname(self._kept_slave)
        self._waiting = b""

    def __enter__(self) -> PtyFirmware:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Descriptor that becomes readable when the host has sent something."""
        return self._master

    def pump(self, now_us: int) -> int:
        """Host's bytes to the firmware, firmware's bytes to the host; gives the number of bytes received.

        ``now_us`` is the MCU's clock.
        """
        received = self._receive()
        if received:
            self.firmware.receive(received, now_us)
        self._send(self.firmware.transmit())
        return len(received)

    def _receive(self) -> bytes:
        chunks = []
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._master, _READ_CHUNK):
                chunks.append(chunk)
        return b"".join(chunks)

    def _send(self, data: bytes) -> None:
        if self._waiting and len(self._waiting) + len(data) > _BACKLOG_BYTES:
            self.dropped_bytes += len(data)
            data = b""
        self._waiting += data
        if not self._waiting:
            return
        try:
            written = os.write(self._master, self._waiting)
        except BlockingIOError:
            return
        self._waiting = self._waiting[written:]

    def close(self) -> None:
        """Hang up: the host's next read fails as if the cable had been pulled. Can be called twice."""
        for descriptor in (self._master, self._kept_slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._master = self._kept_slave = -1
