"""Scans over a socket: simulated lidar (server) and the robot's shell (client), ``scan://host:port`` or a unix path.

Frame, little endian: ``AMRS | bytes behind this head u32 | CRC-32 of those u32``, then ``sent_ns i64 | stamp_ns i64 |
angle_min f64 | angle_increment f64 | range_min f64 | range_max f64 | time_increment f64``, then float32 ranges. Times
are of the sender's clock. The two ends need no common one: the smallest delay ever seen between sending and reading (it
may grow by 100 ppm, for clocks differ) tells the offset, so a scan that waited in a buffer is not taken for a new one.
"""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from amr.errors import PortError
from amr.messages import Scan

MAGIC: Final = b"AMRS"
MAX_BEAMS: Final = 8192
REOPEN_NS: Final = 500_000_000
CONNECT_TIMEOUT_S: Final = 3.0
_HEAD: Final = struct.Struct("<4sII")
_BODY: Final = struct.Struct("<qq5d")
_MAX_FRAME: Final = _HEAD.size + _BODY.size + 4 * MAX_BEAMS
_AGE_MAX_NS: Final = 10_000_000_000
_DRIFT_DIVISOR: Final = 10_000


def encode_scan(scan: Scan, now_ns: int) -> bytes:
    """The frame of a scan that is sent at ``now_ns`` of the clock that stamped it."""
    body = (
        _BODY.pack(
            now_ns,
            scan.stamp_ns,
            scan.angle_min_rad,
            scan.angle_increment_rad,
            scan.range_min_m,
            scan.range_max_m,
            scan.time_increment_s,
        )
        + np.ascontiguousarray(scan.ranges_m, np.float32).tobytes()
    )
    return _HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body


class ScanReader:
    """Sans-IO: bytes in, scans out. Garbage is skipped up to the next frame and counted."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset_ns: int | None = None
        self._offset_at_ns = 0
        self.garbage_bytes = 0
        self.bad_frames = 0

    def feed(self, data: bytes, now_ns: int) -> list[Scan]:
        """All scans that these bytes complete; stamps in the clock of ``now_ns``. Never raises for what was sent."""
        self._buffer += data
        scans: list[Scan] = []
        while True:
            start = self._buffer.find(MAGIC)
            if start < 0:
                start = max(0, len(self._buffer) - len(MAGIC) + 1)
            self.garbage_bytes += start
            del self._buffer[:start]
            if len(self._buffer) < _HEAD.size or self._buffer[:4] != MAGIC:
                return scans
            _, length, crc = _HEAD.unpack_from(self._buffer)
            if not _BODY.size <= length <= _MAX_FRAME or (length - _BODY.size) % 4:
                self._skip()
                continue
            if len(self._buffer) < _HEAD.size + length:
                return scans
            body = bytes(self._buffer[_HEAD.size : _HEAD.size + length])
            scan = self._decode(body, now_ns) if zlib.crc32(body) == crc else None
            if scan is None:
                self._skip()
                continue
            del self._buffer[: _HEAD.size + length]
            scans.append(scan)

    def reset(self) -> None:
        """Another connection: forget half a frame and the sender's clock."""
        self._buffer.clear()
        self._offset_ns = None

    def _skip(self) -> None:
        self.bad_frames += 1
        del self._buffer[: len(MAGIC)]

    def _decode(self, body: bytes, now_ns: int) -> Scan | None:
        """None when the numbers make no scan."""
        sent_ns, stamp_ns, *geometry = _BODY.unpack_from(body)
        if not 0 <= sent_ns - stamp_ns <= _AGE_MAX_NS or not all(math.isfinite(value) for value in geometry):
            return None
        angle_min_rad, angle_increment_rad, range_min_m, range_max_m, time_increment_s = geometry
        ranges_m = np.frombuffer(body, np.float32, offset=_BODY.size).copy()
        return Scan(
            stamp_ns + self._offset(now_ns, sent_ns),
            angle_min_rad,
            angle_increment_rad,
            range_min_m,
            range_max_m,
            time_increment_s,
            ranges_m,
        )

    def _offset(self, now_ns: int, sent_ns: int) -> int:
        """Our clock minus the sender's: never so large that a scan would come from the future."""
        seen_ns = now_ns - sent_ns
        if self._offset_ns is not None:
            seen_ns = min(seen_ns, self._offset_ns + (now_ns - self._offset_at_ns) // _DRIFT_DIVISOR)
        self._offset_ns, self._offset_at_ns = seen_ns, now_ns
        return seen_ns


def parse_scan_url(url: str) -> str | tuple[str, int]:
    """A unix socket's path, or (host, port). Raises ``PortError``."""
    rest = url.removeprefix("scan://")
    if rest == url or not rest:
        raise PortError(f"{url}: expected scan://host:port or scan:///path/to/socket")
    if rest.startswith("/"):
        return rest
    host, _, port = rest.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise PortError(f"{url}: expected scan://host:port with a port of 1 to 65535")
    return host.strip("[]"), int(port)


class ScanClient:
    """A lidar behind a URL. A lost one is tried again every half second."""

    def __init__(self, url: str) -> None:
        """Raises ``PortError`` for a URL of another kind."""
        self.url = url
        self._address = parse_scan_url(url)
        self._socket: socket.socket | None = None
        self._connecting = False
        self._tried_ns = 0
        self.reader = ScanReader()
        self.reconnects = 0

    @property
    def connected(self) -> bool:
        """True while the other end is there."""
        return self._socket is not None and not self._connecting

    def open(self) -> None:
        """Connect, waiting at most 3 s. Raises ``PortError``."""
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_TIMEOUT_S)
        try:
            connection.connect(self._address)
        except OSError as error:
            connection.close()
            raise PortError(f"{self.url}: lidar cannot be reached ({error.strerror or error})") from None
        self._adopt(connection)

    def forget(self) -> None:
        """What waits in the socket is old: connect anew. Raises ``PortError``."""
        self.close()
        self.open()

    def poll(self, now_ns: int) -> list[Scan]:
        """Scans that have arrived; never waits, never raises."""
        connection = self._socket
        if connection is None:
            self._begin_connect(now_ns)
            return []
        try:
            if self._connecting:
                connection.getpeername()  # fails while the connection is not there yet
                self._adopt(connection)
            data = connection.recv(1 << 18)
        except BlockingIOError:
            return []
        except OSError:
            if not self._connecting or now_ns - self._tried_ns > REOPEN_NS:
                self._lose(now_ns)
            return []
        if not data:
            self._lose(now_ns)
            return []
        return self.reader.feed(data, now_ns)

    def close(self) -> None:
        """Leave; again is harmless."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _begin_connect(self, now_ns: int) -> None:
        if now_ns - self._tried_ns < REOPEN_NS:
            return
        self._tried_ns = now_ns
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(self._address)
        except BlockingIOError:
            self._socket, self._connecting = connection, True
        except OSError:
            connection.close()
        else:
            self._adopt(connection)

    def _adopt(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._connecting = connection, False
        self.reader.reset()

    def _lose(self, now_ns: int) -> None:
        self.close()
        self.reconnects += 1
        self._connecting = False
        self._tried_ns = now_ns


class ScanServer:
    """The lidar's end: any number of listeners; one that does not keep up misses whole scans (counted)."""

    def __init__(self, url: str) -> None:
        """Listen. ``scan://127.0.0.1:0`` takes a free port (see ``url``). Raises ``PortError``."""
        if url.startswith("scan://") and url.endswith(":0"):
            address: str | tuple[str, int] = (url.removeprefix("scan://").rpartition(":")[0], 0)
        else:
            address = parse_scan_url(url)
        self._path = Path(address) if isinstance(address, str) else None
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if self._path is not None and self._path.is_socket():
                self._path.unlink()
            elif self._path is None:
                self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(address)
            self._listener.listen(4)
        except OSError as error:
            self._listener.close()
            raise PortError(f"{url}: cannot listen ({error.strerror or error})") from None
        self._listener.setblocking(False)
        name = self._listener.getsockname()
        self.url = url if self._path is not None else f"scan://{name[0]}:{name[1]}"
        self._clients: dict[socket.socket, bytes] = {}
        self.dropped = 0

    def send(self, scan: Scan, now_ns: int) -> None:
        """To everyone who listens; ``now_ns`` in the clock of the scan's stamp. Never waits, never raises."""
        with contextlib.suppress(BlockingIOError, OSError):
            while True:
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._clients[client] = b""
        frame = encode_scan(scan, now_ns)
        for client, waiting in list(self._clients.items()):
            if waiting and not self._send(client, waiting):
                self.dropped += 1
                continue
            if client in self._clients:
                self._send(client, frame)

    def _send(self, client: socket.socket, data: bytes) -> bool:
        """True when all went out; what did not waits, so that frames stay whole."""
        try:
            sent = client.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            client.close()
            self._clients.pop(client, None)
            return False
        self._clients[client] = data[sent:]
        return sent == len(data)

    def close(self) -> None:
        """Leave all listeners alone."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._listener.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
