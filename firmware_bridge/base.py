"""What any robot base offers to the shell, and the one that speaks our wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from amr.config.robot import RobotConfig
from amr.errors import PortError
from amr.messages import BaseState, Imu, LinkStatus, WheelCommand
from firmware_bridge.link import HostLink, link_config_from_robot
from firmware_bridge.port_url import parse_port_url
from firmware_bridge.transport import Transport, open_transport

REOPEN_NS = 500_000_000


class Base(Protocol):
    """A robot base behind a port. No call waits longer than a few milliseconds, ``open`` excepted."""

    url: str

    @property
    def note(self) -> str:
        """What a person should know of it before the wheels turn; '' = nothing."""

    def open(self) -> None:
        """Take the port. Raises ``PortError``."""

    def poll(self, now_ns: int) -> list[BaseState | Imu | LinkStatus]:
        """Read, keep the session alive, give what was measured. A lost port raises nothing and is opened again."""

    def command(self, cmd: WheelCommand, now_ns: int) -> None:
        """The command of one completed step."""

    def reset_estop(self, now_ns: int) -> None:
        """A person's reset of the base's e-stop latch and latched faults. It does not arm."""

    def close(self) -> None:
        """Stop the wheels and free the port; again is harmless."""


class BridgeBase:
    """A board with our firmware. A lost port is opened again every half second; the robot is then disarmed."""

    def __init__(
        self,
        transport: Transport | None,
        link: HostLink,
        url: str = "",
        reopen: Callable[[], Transport] | None = None,
    ) -> None:
        self.url = url or (transport.url if transport is not None else "")
        self.link = link
        self._transport = transport
        self.note = ""
        self._reopen = reopen
        self._tried_ns: int | None = None

    def open(self) -> None:
        """See ``Base``."""
        if self._transport is None:
            self._transport = self._opener()()

    def poll(self, now_ns: int) -> list[BaseState | Imu | LinkStatus]:
        """See ``Base``."""
        events: list[BaseState | Imu | LinkStatus] = []
        transport = self._transport or self._try_reopen(now_ns)
        if transport is None:
            return [*self.link.poll(now_ns)[1]]
        try:
            events.extend(self.link.receive(transport.read_available(), now_ns))
            data, statuses = self.link.poll(now_ns)
            events.extend(statuses)
            transport.write(data)
        except PortError as error:
            self._lose(transport, error, now_ns)
        return events

    def command(self, cmd: WheelCommand, now_ns: int) -> None:
        """See ``Base``."""
        self._write(self.link.command(cmd, now_ns), now_ns)

    def reset_estop(self, now_ns: int) -> None:
        """See ``Base``."""
        self._write(self.link.reset_estop(now_ns), now_ns)

    def close(self) -> None:
        """See ``Base``."""
        if self._transport is None:
            return
        transport, self._transport = self._transport, None
        try:
            transport.write(self.link.goodbye())
        except PortError:
            pass
        finally:
            transport.close()

    def _write(self, data: bytes, now_ns: int) -> None:
        if self._transport is None:
            return
        try:
            self._transport.write(data)
        except PortError as error:
            self._lose(self._transport, error, now_ns)

    def _lose(self, transport: Transport, error: PortError, now_ns: int) -> None:
        transport.close()
        self._transport = None
        self._tried_ns = now_ns
        self.link.disconnected(str(error), now_ns)

    def _try_reopen(self, now_ns: int) -> Transport | None:
        if self._reopen is None or (self._tried_ns is not None and now_ns - self._tried_ns < REOPEN_NS):
            return None
        self._tried_ns = now_ns
        try:
            self._transport = self._reopen()
        except PortError:
            return None
        return self._transport

    def _opener(self) -> Callable[[], Transport]:
        if self._reopen is None:
            raise PortError(f"{self.url}: closed")
        return self._reopen


def bridge_base(url: str, robot: RobotConfig, host_nonce: int) -> BridgeBase:
    """A ``BridgeBase``, not yet opened, for ``bridge:///dev/ttyACM0?baud=115200``, ``/dev/...`` or ``socket://host:port``.

    The baud rate is the robot file's unless the URL gives one. Raises ``PortError`` for a URL that is none of these.
    """
    path, baud = _parse(url, robot.link.baud)
    link = HostLink(link_config_from_robot(robot), host_nonce)
    return BridgeBase(None, link, url, lambda: open_transport(path, baud))


def _parse(url: str, baud: int) -> tuple[str, int]:
    if url.startswith(("socket://", "/")):
        return url, baud
    port = parse_port_url(url)
    if port.scheme != "bridge" or not port.path.startswith("/"):
        raise PortError(f"{url}: expected bridge:///dev/..., /dev/... or socket://host:port")
    port.allow("baud")
    return port.path, port.integer("baud", baud, 1, 10_000_000)
