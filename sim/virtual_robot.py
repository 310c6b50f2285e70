"""A simulated robot behind the ports of a real one: bytes through a serial line, scans as a driver gives them.

Host and board have clocks that nobody locks to each other: the host's polls creep through the board's loop, as they do
on a desk. So one programme can talk to this robot and to a real one, and what it measures of the line is no artefact.
The world moves in whole ticks of the firmware; what the host does in between meets only lines and stamps.
"""

from __future__ import annotations

from typing import Final, Protocol

from amr.messages import Scan
from amr.units import NS_PER_S, NS_PER_US, ns_from_s
from sim.byte_line import ByteLine
from sim.lockstep import Mcu
from sim.physics import BodyState, MotorMode
from sim.plant import Plant

POLL_NS: Final = 5_013_000
"""The host's loop has 200 Hz, by a clock that is 0.26 % slow."""
STEP_EVERY: Final = 4


class Host(Protocol):
    """The two ticks of the host's loop (``amr.runtime.loop``)."""

    def poll(self, now_ns: int) -> None: ...
    def step(self, now_ns: int) -> None: ...


class VirtualRobot:
    """``plant`` has the robot as it is, with its wiring, delays and true scales; ``mcu`` runs the firmware."""

    def __init__(self, plant: Plant, mcu: Mcu) -> None:
        self.plant, truth = plant, plant.robot
        self.to_mcu = ByteLine(truth.link.baud, ns_from_s(truth.link.host_to_mcu_delay_s))
        self.to_host = ByteLine(truth.link.baud, ns_from_s(truth.link.mcu_to_host_delay_s))
        self.transport = VirtualTransport(self)
        self.host_ns = 0
        """The host's time, at which it reads and writes."""
        self._mcu = mcu
        self._tick_ns = NS_PER_S // truth.firmware.loop_hz
        self._polls = 0

    def poll(self, now_ns: int) -> list[Scan]:
        """Scans that have reached the host by ``now_ns``."""
        return self.plant.scans_due(now_ns)

    def drive(self, host: Host) -> None:
        """One poll of the host, and a step after each fourth; the world moves on until then."""
        self._polls += 1
        self.host_ns = self._polls * POLL_NS
        while self.plant.time_ns < self.host_ns:
            self._tick(self.plant.time_ns)
        host.poll(self.host_ns)
        if self._polls % STEP_EVERY == 0:
            host.step(self.host_ns)

    def truth(self) -> BodyState:
        """The true state now."""
        return self.plant.truth()

    def close(self) -> None:
        """Free the physics."""
        self.plant.close()

    def _tick(self, now_ns: int) -> None:
        """One loop of the firmware, and the world until the next."""
        now_us = now_ns // NS_PER_US & 0xFFFF_FFFF
        arrived = self.to_mcu.receive(now_ns)
        if arrived:
            self._mcu.receive(arrived, now_us)
        left, right = self.plant.encoders()
        duty = self._mcu.tick(now_us, left, right, *self.plant.imu(), self.plant.battery_v(), False)
        self.to_host.send(self._mcu.transmit(), now_ns)
        mode = MotorMode(int(duty.drive))
        self.plant.advance(self._tick_ns, duty.left_frac, duty.right_frac, mode, mode)


class VirtualTransport:
    """The host's end of the line (``firmware_bridge.transport.Transport``)."""

    url = "sim://"
    dropped_bytes = 0

    def __init__(self, robot: VirtualRobot) -> None:
        self._robot = robot

    def read_available(self) -> bytes:
        """What has arrived by now."""
        return self._robot.to_host.receive(self._robot.host_ns)

    def write(self, data: bytes) -> None:
        """Onto the line."""
        self._robot.to_mcu.send(data, self._robot.host_ns)

    def fileno(self) -> int:
        """There is nothing to wait on."""
        return -1

    def close(self) -> None:
        """Nothing is held."""
