"""A simulated robot in real time, in a process of its own: physics, firmware behind a real pty, lidar behind a socket.

To the process that drives it is a robot: it opens the serial port and the lidar's address and knows nothing else. The
pipe to the parent carries the two addresses at the start and the truth at the end.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import STANDSTILL
from amr.runtime.scan_stream import ScanServer
from amr.runtime.trial import Trial
from amr.units import NS_PER_S, NS_PER_US, ns_from_s
from firmware_bridge.native import NativeFirmware
from firmware_bridge.native_pty import PtyFirmware
from sim.byte_line import ByteLine
from sim.physics import MotorMode
from sim.plant import Plant
from sim.trace import TruthTrace


@dataclass(frozen=True, slots=True)
class WorldAddress:
    """Where the robot can be reached."""

    base_url: str
    lidar_url: str


@dataclass(frozen=True, slots=True, eq=False)
class WorldReport:
    """What really happened."""

    truth: NDArray[np.float64]
    """float64 [n, 9], columns as ``sim.trace.COLUMNS``."""
    contact: bool
    min_clearance_m: float
    time_s: float
    late_ticks: int
    """Ticks that started more than one period behind the wall clock."""


class DelayedFirmware:
    """The firmware behind the robot file's serial line: its baud rate and its delay, in the world's time."""

    def __init__(self, firmware: NativeFirmware, robot: RobotConfig) -> None:
        self._firmware = firmware
        self._to_mcu = ByteLine(robot.link.baud, ns_from_s(robot.link.host_to_mcu_delay_s))
        self._to_host = ByteLine(robot.link.baud, ns_from_s(robot.link.mcu_to_host_delay_s))
        self._now_ns = 0

    def advance(self, now_ns: int) -> None:
        """Deliver what has arrived at the MCU by ``now_ns``, and put on the line what the MCU sends."""
        self._now_ns = now_ns
        arrived = self._to_mcu.receive(now_ns)
        if arrived:
            self._firmware.receive(arrived, now_ns // NS_PER_US)
        self._to_host.send(self._firmware.transmit(), now_ns)

    def receive(self, data: bytes, now_us: int) -> None:  # noqa: ARG002 - the line has its own clock
        """Bytes of the host enter the line."""
        self._to_mcu.send(data, self._now_ns)

    def transmit(self) -> bytes:
        """Bytes that have come through the line to the host."""
        return self._to_host.receive(self._now_ns)


def serve_world(trial: Trial, boot_id: int, pipe: Connection) -> None:
    """Body of the world's process: run until the parent says "end" or goes away, then report."""
    plant = Plant(trial.world, trial.robot, trial.seed, trial.backend, start=trial.start, kidnaps=trial.kidnaps)
    firmware = NativeFirmware(boot_id)
    line = DelayedFirmware(firmware, trial.robot)
    trace = TruthTrace()
    tick_ns = NS_PER_S // trial.robot.firmware.loop_hz
    late_ticks = 0
    with tempfile.TemporaryDirectory(prefix="amr-") as folder, PtyFirmware(line) as pty:
        lidar = ScanServer(f"scan://{Path(folder) / 'lidar.sock'}")
        pipe.send(WorldAddress(f"bridge://{pty.slave_path}", lidar.url))
        origin_ns = time.monotonic_ns()
        while not _told_to_end(pipe):
            now_ns = plant.time_ns
            ahead_ns = now_ns - (time.monotonic_ns() - origin_ns)
            if ahead_ns > 0:
                time.sleep(ahead_ns * 1e-9)
            else:
                late_ticks += ahead_ns < -tick_ns
            line.advance(now_ns)
            pty.pump(now_ns // NS_PER_US)
            left_ticks, right_ticks = plant.encoders()
            duty = firmware.tick(
                now_ns // NS_PER_US, left_ticks, right_ticks, *plant.imu(), plant.battery_v(), estop=False
            )
            for scan in plant.scans_due(now_ns):
                lidar.send(scan, now_ns)
            mode = MotorMode(duty.drive)
            plant.advance(tick_ns, duty.left_frac, duty.right_frac, mode, mode)
            trace.add(plant.time_ns, plant.truth(), STANDSTILL, "", plant.clearance_m)
            if plant.contact and len(trace) % 100 == 1:
                pipe.send("contact")
        lidar.close()
    pipe.send(
        WorldReport(
            trace.array(), plant.contact is not None, plant.min_clearance_m, plant.time_ns / NS_PER_S, late_ticks
        )
    )


def _told_to_end(pipe: Connection) -> bool:
    """True when the parent asked for the end, or is gone."""
    try:
        return pipe.poll() and pipe.recv() == "end"
    except (EOFError, OSError):
        return True
