"""A simulated robot behind the ports of a real one: bytes through a serial line, scans as a driver gives them.

Host and board have clocks that nobody locks to each other: the host's polls creep through the board's loop, as they do on
a desk. So one programme can talk to this robot and to a real one, and what it measures of the line is not an artefact.
"""

from __future__ import annotations

from typing import Final, Protocol

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.messages import Scan
from amr.units import NS_PER_S, NS_PER_US, ns_from_s
from sim.byte_line import ByteLine
from sim.lockstep import Duty, Mcu
from sim.physics import STEP_NS, BodyState, MotorMode
from sim.plant import Plant
from sim.world import World

POLL_NS: Final = 5_000_000
"""As the host's loop."""
STEP_EVERY: Final = 4
_CREEP_POLLS: Final = 40
"""The host is late by one more millisecond after so many polls."""


class Host(Protocol):
    """The two ticks of the host's loop (``amr.runtime.loop``)."""

    def poll(self, now_ns: int) -> None: ...
    def step(self, now_ns: int) -> None: ...


class VirtualTransport:
    """The host's end of the line (``firmware_bridge.transport.Transport``)."""

    url = "sim://"
    dropped_bytes = 0

    def __init__(self, robot: VirtualRobot) -> None:
        self._robot = robot

    def read_available(self) -> bytes:
        """What has arrived by now."""
        return self._robot.to_host.receive(self._robot.plant.time_ns)

    def write(self, data: bytes) -> None:
        """Onto the line."""
        self._robot.to_mcu.send(data, self._robot.plant.time_ns)

    def fileno(self) -> int:
        """There is nothing to wait on."""
        return -1

    def close(self) -> None:
        """Nothing is held."""


class VirtualRobot:
    """``truth``: the robot as it is, with its wiring, delays and true scales; ``mcu`` runs the firmware."""

    def __init__(
        self, world: World, truth: RobotConfig, mcu: Mcu, seed: int, backend: str = "planar", start: Pose2 | None = None
    ) -> None:
        self.plant = Plant(world, truth, seed, backend, start)
        self.to_mcu = ByteLine(truth.link.baud, ns_from_s(truth.link.host_to_mcu_delay_s))
        self.to_host = ByteLine(truth.link.baud, ns_from_s(truth.link.mcu_to_host_delay_s))
        self.transport = VirtualTransport(self)
        self._mcu = mcu
        self._tick_ns = NS_PER_S // truth.firmware.loop_hz
        self._duty: Duty | None = None
        self._polls = 0

    def poll(self, now_ns: int) -> list[Scan]:
        """Scans that have reached the host by ``now_ns``."""
        return self.plant.scans_due(now_ns)

    def drive(self, host: Host) -> None:
        """One poll of the host, and a step after each fourth; the world moves on until then."""
        self._polls += 1
        due_ns = self._polls * POLL_NS + self._polls // _CREEP_POLLS * STEP_NS
        while self.plant.time_ns < due_ns:
            self._advance(due_ns)
        host.poll(self.plant.time_ns)
        if self._polls % STEP_EVERY == 0:
            host.step(self.plant.time_ns)

    def truth(self) -> BodyState:
        """The true state now."""
        return self.plant.truth()

    def close(self) -> None:
        """Free the physics."""
        self.plant.close()

    def _advance(self, due_ns: int) -> None:
        """To the next tick of the firmware or to ``due_ns``; the last millisecond before a tick alone, for the IMU."""
        now_ns = self.plant.time_ns
        if now_ns % self._tick_ns == 0:
            self._tick(now_ns)
        next_tick_ns = (now_ns // self._tick_ns + 1) * self._tick_ns
        last_ns = next_tick_ns - STEP_NS
        until_ns = min(due_ns, last_ns if now_ns < last_ns else next_tick_ns)
        duty = self._duty
        mode = MotorMode.COAST if duty is None else MotorMode(int(duty.drive))
        left, right = (0.0, 0.0) if duty is None else (duty.left_frac, duty.right_frac)
        self.plant.advance(until_ns - now_ns, left, right, mode, mode)

    def _tick(self, now_ns: int) -> None:
        now_us = now_ns // NS_PER_US & 0xFFFF_FFFF
        arrived = self.to_mcu.receive(now_ns)
        if arrived:
            self._mcu.receive(arrived, now_us)
        left, right = self.plant.encoders()
        self._duty = self._mcu.tick(now_us, left, right, *self.plant.imu(), self.plant.battery_v(), False)
        self.to_host.send(self._mcu.transmit(), now_ns)
