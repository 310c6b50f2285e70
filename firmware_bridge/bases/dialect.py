"""What a foreign base's file offers: bytes in, readings out; wishes in, bytes out. No port, no clock of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from firmware_bridge.faults import FaultKind


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the base's own firmware does, and what it leaves to the host."""

    name: str
    firmware_timeout_s: float | None
    """The firmware stops the wheels so long after the host's last command; None = never: it drives on for ever."""
    checksum: bool
    """Replies carry one. Without, a question is asked twice, and both answers have to agree."""
    battery: bool
    gyro: bool
    stop_is_ramp: bool
    """A speed of zero is approached by the firmware's own ramp or control loop; False = the motors are cut."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reply told. Counts are raw: they wrap at ``Dialect.counter_bits``."""

    left_count: int
    right_count: int
    asked_ns: int | None = None
    """When the question was sent; None = the base sends by itself."""
    clock_ns: int | None = None
    """The base's own clock at the measurement, from any origin, without wraps; None = it tells none."""
    older_ns: int = 0
    """By how much it is older than the last reading of the same bytes, when nothing else tells."""
    left_mps: float | None = None
    right_mps: float | None = None
    battery_v: float | None = None
    gyro_z_radps: float | None = None
    fault: str = ""
    """Why the base will not, or must not, drive: bumper, cliff, dropped wheel, a driver's error."""


class Dialect(Protocol):
    """One base's language. Nothing here raises for anything that a base sends."""

    capabilities: Capabilities
    baud: int
    counter_bits: int
    period_ns: int
    """How often a reading comes when all is well."""
    after_torn: bytes
    """To be sent before a write that follows one that was torn, so that its first half does no harm."""
    enabled: bool
    """The base takes speeds now. A base that needs no permission is always enabled."""
    faults: Counter[FaultKind]
    replies: int
    """Valid replies of any kind."""

    def begin(self) -> None:
        """A port was opened: forget half a reply, and ask for everything again."""

    def feed(self, data: bytes, now_ns: int) -> list[Reading]:
        """The readings that these bytes complete. Takes time in proportion to the bytes."""

    def due(self, now_ns: int) -> bytes:
        """What the session needs now: questions, settings, a heartbeat."""

    def enable(self) -> bytes:
        """Ask for permission to drive; asked again until ``enabled``."""

    def disable(self) -> bytes:
        """Stop, and give the permission back."""

    def drive(self, left_mps: float, right_mps: float) -> bytes:
        """Wheel speeds, finite and within the robot's limits."""

    def stop(self) -> bytes:
        """Speeds of zero; safe at any time, in any state."""

    def goodbye(self) -> bytes:
        """Stop and leave; what is sent last."""
