"""A foreign base on a line in memory: its dialect, the port object, and a model of the device behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from amr.config.robot import RobotConfig
from amr.errors import PortError
from amr.messages import BaseState, Imu, LinkState, LinkStatus, McuState, WheelCommand
from amr.runtime.files import load_robot
from firmware_bridge.bases.dialect import Dialect
from firmware_bridge.bases.foreign import ForeignBase
from firmware_bridge.port_url import parse_port_url
from firmware_bridge.transport import LoopbackTransport

MS = 1_000_000
REFERENCE = load_robot("reference")


class Device(Protocol):
    """What stands in for the hardware, written from the vendor's document and never from our parser."""

    speeds_mps: list[float]

    def receive(self, data: bytes, now_s: float) -> None: ...
    def tick(self, now_s: float) -> None: ...
    def transmit(self) -> bytes: ...


def make(dialect_class: type, url: str, robot: RobotConfig | None = None) -> Dialect:
    dialect: Dialect = dialect_class(parse_port_url(url), robot or REFERENCE)
    return dialect


class Bench:
    """``run`` steps both ends every 5 ms, as the loop of ``amr drive`` does; a command every fourth time."""

    def __init__(self, dialect: Dialect, device: Device, robot: RobotConfig | None = None) -> None:
        self.robot = robot or REFERENCE
        self.dialect, self.device = dialect, device
        self.base = ForeignBase("test://", dialect, self.robot, 77, self._open, make_keeper=None)
        self.now_ns = 0
        self.events: list[BaseState | Imu | LinkStatus] = []
        self.cmd: tuple[float, float, bool] | None = None
        self.present = True
        self.mangle: Callable[[bytes], bytes] = lambda data: data
        self.to_device = b""

    def _open(self) -> LoopbackTransport:
        if not self.present:
            raise PortError("/dev/x: no such port")
        self.port, self.line = LoopbackTransport.pair()
        return self.port

    def run(self, duration_s: float) -> Bench:
        for number in range(round(duration_s / 0.005)):
            self.now_ns += 5 * MS
            now_s = self.now_ns * 1e-9
            try:
                data = self.line.read_available()
                self.to_device += data
                self.device.receive(data, now_s)
                self.device.tick(now_s)
                self.line.write(self.mangle(self.device.transmit()))
            except PortError:
                self.device.tick(now_s)
            self.events += self.base.poll(self.now_ns)
            if self.cmd is not None and number % 4 == 0:
                left_mps, right_mps, arm = self.cmd
                command = WheelCommand(left_mps, right_mps, self.now_ns + 100 * MS, None, arm)
                self.base.command(command, self.now_ns)
        return self

    def to_drive(self, left_mps: float = 0.2, right_mps: float = 0.3) -> Bench:
        self.base.open()
        self.run(1.0)
        assert self.link is LinkState.UP, self.reasons()
        self.cmd = (0.0, 0.0, False)
        self.run(0.1)
        self.cmd = (left_mps, right_mps, True)
        self.run(1.0)
        assert self.states()[-1].state is McuState.DRIVING, self.reasons()
        return self

    @property
    def link(self) -> LinkState:
        return [event for event in self.events if isinstance(event, LinkStatus)][-1].state

    def reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, LinkStatus)]

    def states(self) -> list[BaseState]:
        return [event for event in self.events if isinstance(event, BaseState)]
