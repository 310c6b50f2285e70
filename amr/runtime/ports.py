"""A base and a lidar for a URL, not yet opened: which one is told by the scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from amr.errors import PortError
from amr.messages import Scan
from amr.registry import BASES, LIDARS, load
from firmware_bridge.base import Base, bridge_base
from firmware_bridge.port_url import PortUrl, parse_port_url
from firmware_bridge.transport import open_transport

if TYPE_CHECKING:
    from amr.config.robot import RobotConfig

BRIDGE: Final = "bridge"
SCAN: Final = "scan"


class LidarPort(Protocol):
    """Where scans come from."""

    def open(self) -> None:
        """Take the port. Raises ``PortError``."""
        ...

    def forget(self) -> None:
        """What has arrived up to now is old: throw it away. Raises ``PortError`` when the port is gone."""
        ...

    def poll(self, now_ns: int) -> list[Scan]:
        """Scans that have arrived; never waits, never raises."""
        ...

    def close(self) -> None:
        """Free the port; again is harmless."""
        ...


def make_base(url: str, robot: RobotConfig, nonce: int) -> Base:
    """Raises ``PortError`` for a URL that no base has; ``nonce`` tells this program's sessions from others'."""
    if url.startswith(("/", "socket://", f"{BRIDGE}://")):
        return bridge_base(url, robot, nonce)
    from firmware_bridge.bases.foreign import ForeignBase

    port = parse_port_url(url)
    dialect = load_scheme(BASES, "--base", port, BRIDGE)(port, robot)
    return ForeignBase(
        url,
        dialect,
        robot,
        nonce,
        lambda: open_transport(port.path, dialect.baud, after_torn=dialect.after_torn),
    )


def make_lidar(url: str, robot: RobotConfig) -> LidarPort:
    """Raises ``PortError`` for a URL that no lidar has."""
    if url.startswith(f"{SCAN}://"):
        from amr.runtime.scan_stream import ScanClient

        return ScanClient(url)
    from firmware_bridge.lidars.serial_lidar import SerialLidar

    port = parse_port_url(url)
    dialect = load_scheme(LIDARS, "--lidar", port, SCAN)(port)
    return SerialLidar(url, dialect, robot.lidar, lambda: open_transport(port.path, dialect.baud, dtr=dialect.dtr))


def load_scheme(table: dict[str, str], option: str, port: PortUrl, own: str) -> type:
    """The class that ``table`` has for the scheme. Raises ``PortError`` naming the schemes that there are."""
    if port.scheme not in table:
        raise PortError(f"{option} {port.text}: no such scheme; there are: {', '.join(sorted((own, *table)))}")
    found: type = load(table, option, port.scheme)
    return found
