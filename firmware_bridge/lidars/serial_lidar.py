"""A spinning lidar on a port that may go away and come back: scans out of ``poll``, which never waits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from amr.config.hardware import Lidar
from amr.errors import PortError
from amr.messages import Scan
from amr.units import ns_from_s
from firmware_bridge.lidars.dialect import LidarDialect
from firmware_bridge.lidars.turns import Turns
from firmware_bridge.transport import Transport

REOPEN_NS = 500_000_000
STALL_NS = 100_000_000
"""After a pause like this, what waits in the port is old, and nobody knows how old: it is thrown away."""


class SerialLidar:
    """``dialect`` on a port; ``open_port`` gives a new one each time. Scans have the beams of the robot file."""

    def __init__(self, url: str, dialect: LidarDialect, lidar: Lidar, open_port: Callable[[], Transport]) -> None:
        self.url = url
        self.dialect = dialect
        self.turns = Turns(lidar, clockwise=dialect.clockwise, delay_ns=ns_from_s(lidar.latency_s))
        self._open_port = open_port
        self._transport: Transport | None = None
        self._tried_ns: int | None = None
        self._polled_ns: int | None = None
        self.reconnects = 0

    def open(self) -> None:
        """Take the port. Raises ``PortError``."""
        if self._transport is None:
            self._connect()

    def forget(self) -> None:
        """What waits in the port is old: throw it away."""
        self._polled_ns = None

    def poll(self, now_ns: int) -> list[Scan]:
        """Scans that have become whole; never waits, never raises."""
        transport = self._transport or self._try_reopen(now_ns)
        if transport is None:
            return []
        try:
            return self._exchange(transport, now_ns)
        except PortError:
            self._lose(now_ns)
            return []

    def close(self) -> None:
        """Stop the sensor and free the port; again is harmless."""
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(PortError):
                transport.write(self.dialect.goodbye())
            transport.close()

    def _exchange(self, transport: Transport, now_ns: int) -> list[Scan]:
        data = transport.read_available()
        stalled = self._polled_ns is None or now_ns - self._polled_ns > STALL_NS
        self._polled_ns = now_ns
        scans: list[Scan] = []
        if stalled:
            self.dialect.forget()
            self.turns.restart()
        elif data:
            points = self.dialect.feed(data, now_ns)
            if self.dialect.gap:
                self.turns.skip()
            scans = self.turns.add(points, now_ns)
        transport.write(self.dialect.due(now_ns))
        return scans

    def _connect(self) -> None:
        self._transport = self._open_port()
        self._polled_ns = None
        self.dialect.begin()
        self.turns.restart()

    def _try_reopen(self, now_ns: int) -> Transport | None:
        if self._tried_ns is not None and now_ns - self._tried_ns < REOPEN_NS:
            return None
        self._tried_ns = now_ns
        with contextlib.suppress(PortError):
            self._connect()
        return self._transport

    def _lose(self, now_ns: int) -> None:
        if self._transport is not None:
            self._transport.close()
        self._transport, self._tried_ns = None, now_ns
        self.reconnects += 1
