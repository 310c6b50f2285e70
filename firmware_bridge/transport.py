"""Ports: the only file that knows pyserial. Reads and writes never wait; what does not fit is dropped and counted.

Traps handled here, all measured: pyserial's ``write_timeout=0`` spins for ever on a full buffer (so the descriptor is
written directly); a torn write leaves half a frame (so the next write starts with a delimiter); ``exclusive`` is only
an advisory lock (so ``TIOCEXCL`` too, except on a pty, where it would outlive a killed host); a read of nothing and a
vanished device look alike with VMIN = 0 (so VMIN = 1).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import serial

from amr.errors import PortError

READ_BYTES = 65536
CONNECT_TIMEOUT_S = 3.0
DELIMITER = b"\0"


class Transport(Protocol):
    """A byte stream that never blocks."""

    url: str
    dropped_bytes: int
    """Bytes that the port did not take since it was opened."""

    def read_available(self) -> bytes:
        """What has arrived; empty when nothing has. Raises ``PortError`` when the port is gone."""

    def write(self, data: bytes) -> None:
        """Hand over at once what fits, drop and count the rest. Raises ``PortError`` when the port is gone."""

    def fileno(self) -> int:
        """Descriptor to wait on."""

    def close(self) -> None:
        """Free the port; again is harmless."""


class DescriptorTransport:
    """A transport over an open non-blocking descriptor; ``close_port`` frees what it came from."""

    def __init__(
        self, url: str, port: serial.Serial | socket.socket, *, terminal: bool, after_torn: bytes = DELIMITER
    ) -> None:
        self.url = url
        self._after_torn = after_torn
        self.dropped_bytes = 0
        self._port = port
        self._terminal = terminal
        self._torn = False
        self._open = True

    def read_available(self) -> bytes:
        """See ``Transport``."""
        try:
            data = os.read(self.fileno(), READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(error) from None
        if not data:
            raise self._gone(None)
        return data

    def write(self, data: bytes) -> None:
        """See ``Transport``."""
        if not data:
            return
        if self._torn:
            data = self._after_torn + data
        try:
            written = os.write(self.fileno(), data)
        except BlockingIOError:
            written = 0
        except OSError as error:
            raise self._gone(error) from None
        if written < len(data):
            self.dropped_bytes += len(data) - written
            self._torn = True
        else:
            self._torn = False

    def fileno(self) -> int:
        """See ``Transport``."""
        if not self._open:
            raise PortError(f"{self.url}: closed")
        return self._port.fileno()

    def close(self) -> None:
        """See ``Transport``."""
        if not self._open:
            return
        if self._terminal:
            with contextlib.suppress(OSError, termios.error):
                fcntl.ioctl(self._port.fileno(), termios.TIOCNXCL)
        self._open = False
        with contextlib.suppress(OSError):
            self._port.close()

    def _gone(self, error: OSError | None) -> PortError:
        why = f" ({error.strerror})" if error is not None and error.strerror else ""
        return PortError(f"{self.url}: gone{why}")


class LoopbackTransport:
    """One end of a pair in memory, for tests and demonstrations: what one writes the other reads.

    ``capacity_bytes`` bounds what waits in each direction, like a driver's buffer; ``cut`` is a pulled cable.
    """

    def __init__(self, url: str, capacity_bytes: int) -> None:
        self.url = url
        self.dropped_bytes = 0
        self._capacity_bytes = capacity_bytes
        self._incoming = bytearray()
        self._other: LoopbackTransport | None = None
        self._torn = False

    @classmethod
    def pair(cls, capacity_bytes: int = 16384) -> tuple[LoopbackTransport, LoopbackTransport]:
        """Both ends."""
        host, device = cls("loopback://host", capacity_bytes), cls("loopback://device", capacity_bytes)
        host._other, device._other = device, host
        return host, device

    def read_available(self) -> bytes:
        """See ``Transport``."""
        self._require_open()
        data = bytes(self._incoming)
        self._incoming.clear()
        return data

    def write(self, data: bytes) -> None:
        """See ``Transport``."""
        other = self._require_open()
        if self._torn and data:
            data = DELIMITER + data
        room = self._capacity_bytes - len(other._incoming)
        other._incoming += data[:room]
        self.dropped_bytes += max(0, len(data) - room)
        self._torn = len(data) > room or (self._torn and not data)

    def fileno(self) -> int:
        """There is none: raises ``PortError``."""
        raise PortError(f"{self.url}: has no descriptor")

    def close(self) -> None:
        """See ``Transport``; both ends are gone then."""
        self.cut()

    def cut(self) -> None:
        """Pull the cable: from now on both ends raise ``PortError``."""
        if self._other is not None:
            self._other._other = None
            self._other = None

    def _require_open(self) -> LoopbackTransport:
        if self._other is None:
            raise PortError(f"{self.url}: gone")
        return self._other


def open_transport(url: str, baud: int, *, after_torn: bytes = DELIMITER, dtr: bool | None = None) -> Transport:
    """Open ``/dev/...`` (a port or pty) or ``socket://host:port`` for this process alone.

    ``after_torn`` goes before a write that follows a torn one. ``dtr``: level of that line once open; None = asserted,
    as opening leaves it.

    Opening a port can reset the board behind it (DTR), so a port that another process has open is refused before it
    is touched. Raises ``PortError`` with one line: no such port, no permission, busy, not a serial port.
    """
    if url.startswith("socket://"):
        return _open_socket(url, after_torn)
    return _open_serial(url, baud, after_torn, dtr)


def _open_socket(url: str, after_torn: bytes) -> Transport:
    host, colon, port_text = url.removeprefix("socket://").rpartition(":")
    if not colon or not host or not port_text.isdigit() or not 0 < int(port_text) < 65536:
        raise PortError(f"{url}: expected socket://host:port with a port of 1 to 65535")
    try:
        connection = socket.create_connection((host.strip("[]"), int(port_text)), CONNECT_TIMEOUT_S)
    except OSError as error:
        raise PortError(f"{url}: cannot connect ({error.strerror or error})") from None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    return DescriptorTransport(url, connection, terminal=False, after_torn=after_torn)


def _open_serial(path: str, baud: int, after_torn: bytes, dtr: bool | None) -> Transport:
    real = Path(path).resolve()
    pty = real.is_relative_to("/dev/pts")
    with _clear_errors(path):
        if not pty:
            if not _is_terminal(real):
                raise PortError(f"{path}: not a serial port")
            require_free(path, real)
        port = serial.Serial(path, baud, timeout=0, exclusive=True)
        try:
            attributes = termios.tcgetattr(port.fileno())
            attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(port.fileno(), termios.TCSANOW, attributes)
            os.set_blocking(port.fileno(), False)
            if not pty:
                fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
                with contextlib.suppress(OSError, ValueError, AttributeError, NotImplementedError):
                    port.set_low_latency_mode(True)
                if dtr is not None:
                    port.dtr = dtr
        except BaseException:
            port.close()
            raise
    return DescriptorTransport(path, port, terminal=not pty, after_torn=after_torn)


_TEXT_OF_ERRNO = {
    errno.ENOENT: "no such port",
    errno.ENODEV: "no such port",
    errno.ENXIO: "no such port",
    errno.EACCES: "no permission (add yourself to the group dialout, then log in again)",
    errno.EPERM: "no permission (add yourself to the group dialout, then log in again)",
    errno.EBUSY: "busy, in use by another process",
    errno.EAGAIN: "busy, in use by another process",
    errno.ENOTTY: "not a serial port",
    errno.EISDIR: "not a serial port",
    errno.EINVAL: "not a serial port, or it does not know this baud rate",
}


@contextmanager
def _clear_errors(path: str) -> Iterator[None]:
    """Every way in which opening fails becomes one ``PortError`` with one line."""
    try:
        yield
    except termios.error as error:
        raise PortError(f"{path}: {_TEXT_OF_ERRNO.get(error.args[0], error.args[-1])}") from None
    except (OSError, ValueError, OverflowError) as error:  # SerialException is an OSError
        number = error.errno if isinstance(error, OSError) else None
        text = _TEXT_OF_ERRNO.get(number or 0, " ".join(str(error).split()))
        raise PortError(f"{path}: {text}") from None


def _is_terminal(device: Path) -> bool:
    """Whether the kernel calls this a terminal, asked without opening it. Raises ``OSError`` when it is not there."""
    status = device.stat()
    if not stat.S_ISCHR(status.st_mode):
        return False
    subsystem = Path(f"/sys/dev/char/{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}/subsystem")
    return not subsystem.exists() or subsystem.resolve().name == "tty"


def require_free(path: str, device: Path) -> None:
    """Raises ``PortError`` naming the first other process that has the device open; does not touch the device."""
    for user in port_users(device):
        raise PortError(f"{path}: busy, in use by {user}")


def port_users(device: Path) -> list[str]:
    """Other processes that have this device open, as ``name (pid)``, as far as this user may see them."""
    users: list[str] = []
    own = str(os.getpid())
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or process.name == own:
            continue
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            if any(_points_to(link, device) for link in (process / "fd").iterdir()):
                users.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
    return users


def _points_to(link: Path, device: Path) -> bool:
    try:
        return link.readlink() == device
    except OSError:
        return False
