"""``amr bench mcu``: how fast the emulated board runs, and what its processor has to spare."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, Final

from amr.messages import BaseState, WheelCommand
from amr.runtime.files import load_robot
from amr.units import NS_PER_S
from firmware_bridge.emulated import EmulatedFirmware
from firmware_bridge.link import HostLink, link_config_from_robot

_MS_NS: Final = NS_PER_S // 1000
_STEP_MS: Final = 20
_TIMEOUT_NS: Final = 100 * _MS_NS


@dataclass(frozen=True, slots=True)
class McuLoad:
    """One measurement; ``edges_per_s`` of both encoders together."""

    board: str
    simulated_s: float
    wall_s: float
    edges_per_s: float
    telemetry_hz: float
    bytes_per_s: float
    lost_counts: int
    crc_errors: int
    overruns: int
    processor_idle_frac: float
    digest: str
    """Of all bytes that the board sent: equal runs give equal digests."""

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        row = {name: getattr(self, name) for name in self.__slots__}
        return row | {"real_time_factor": self.simulated_s / self.wall_s}


def run(board: str, robot: str, seconds: float, edges_per_s: float) -> McuLoad:
    """A session at full telemetry with 50 commands a second, while both encoders turn at an even rate.

    The wheels turn whatever the firmware does, so it stays disarmed: this measures counting, telemetry and the line.
    """
    config = load_robot(robot)
    link = HostLink(link_config_from_robot(config), host_nonce=1)
    digest, sent_bytes, turned = hashlib.sha256(), 0, 0.0
    states: list[BaseState] = []
    boot_ms, rest_ms, length_ms = 200, 50, round(seconds * 1000.0)
    with EmulatedFirmware(board, config.link.baud) as mcu:
        started_s = time.perf_counter()
        for ms in range(1, boot_ms + length_ms + rest_ms + 1):
            if boot_ms < ms <= boot_ms + length_ms:
                turned += 0.5e-3 * edges_per_s
            mcu.tick(ms * 1000, int(turned), -int(turned), 0.1, 0.0, 0.0, config.motor.supply_v, False)
            data = mcu.transmit()
            digest.update(data)
            sent_bytes += len(data)
            states += [event for event in link.receive(data, ms * _MS_NS) if isinstance(event, BaseState)]
            if ms % _STEP_MS == 0:
                command = WheelCommand(0.0, 0.0, ms * _MS_NS + _TIMEOUT_NS, None, False)
                mcu.receive(link.poll(ms * _MS_NS)[0] + link.command(command, ms * _MS_NS), ms * 1000)
        wall_s = time.perf_counter() - started_s
        counters = mcu.counters
    simulated_s = (boot_ms + length_ms + rest_ms) / 1000.0
    steady = [state for state in states if state.stamp_ns >= boot_ms * _MS_NS]
    last = states[-1]
    return McuLoad(
        board=board,
        simulated_s=simulated_s,
        wall_s=wall_s,
        edges_per_s=edges_per_s,
        telemetry_hz=(len(steady) - 1) / ((last.stamp_ns - steady[0].stamp_ns) / NS_PER_S),
        bytes_per_s=sent_bytes / simulated_s,
        lost_counts=abs(last.left_ticks - int(turned)) + abs(last.right_ticks + int(turned)),
        crc_errors=link.status(0).crc_errors,
        overruns=counters.overruns,
        processor_idle_frac=counters.asleep_frac,
        digest=digest.hexdigest(),
    )
