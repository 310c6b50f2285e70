"""A small model of the MCU's end of the wire, written from PROTOCOL.md alone, and a line with delays between both ends.

It has no physics: wheels take their commanded speed at once. What the tests look at is which command was obeyed when.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from amr.config.robot import RobotConfig
from amr.messages import BaseState, Imu, LinkState, LinkStatus, McuState, StopCategory, WheelCommand
from firmware_bridge import wire
from firmware_bridge.frames import Frame, FrameReader, encode_frame
from firmware_bridge.link import HostLink, link_config_from_robot
from firmware_bridge.wire_values import Board, StopCause

MS = 1_000_000
_SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "robots"


def jackal() -> RobotConfig:
    """The robot of these tests; its delays are set to 0 so that each test chooses its own."""
    values = tomllib.loads((_SEEDS / "jackal.toml").read_text())
    values["link"] |= {"host_to_mcu_delay_s": 0.0, "mcu_to_host_delay_s": 0.0}
    return RobotConfig.model_validate(values)


class McuModel:
    """``receive`` and ``tick`` with the MCU's own clock in µs; ``transmit`` drains what it sends."""

    def __init__(self, boot_id: int, protocol_version: int = wire.PROTOCOL_VERSION) -> None:
        self.boot_id = boot_id
        self.protocol_version = protocol_version
        self.reader = FrameReader()
        self.nonce = 0
        self.host_nonce = 0
        self.last_seq = 0
        self.tx_seq = 0
        self.configuration: wire.Configure | None = None
        self.digest = 0
        self.state = McuState.IDLE
        self.speeds = (0, 0)
        self.expiry_us = 0
        self.last_command_seq = 0
        self.ticks = (0, 0)
        self.obeyed: list[tuple[int, wire.Command]] = []
        self.stops: list[wire.Stop] = []
        self.refused = 0
        self.out = bytearray()
        self.next_boot_us: int | None = None
        self.next_telemetry_us: int | None = None
        self.muted: set[type] = set()
        self.override: dict[str, int] = {}
        self.refuse_arm = False

    def send(self, message: wire.Message, *, greeting: bool = False) -> None:
        if type(message) in self.muted:
            return
        nonce = self.nonce
        if isinstance(message, wire.Boot):
            nonce = 0
        if not greeting:
            self.tx_seq = (self.tx_seq + 1) & 0xFFFF
        seq = 0 if greeting else self.tx_seq
        self.out += encode_frame(wire.type_of(type(message)), nonce, seq, wire.encode(message))

    def transmit(self) -> bytes:
        data = bytes(self.out)
        self.out.clear()
        return data

    def receive(self, data: bytes, mcu_us: int) -> None:
        for event in self.reader.feed(data):
            if not isinstance(event, Frame) or event.type >= 0x80:
                self.refused += 1
                continue
            if event.type == wire.type_of(wire.Stop):
                message = wire.decode(event.type, event.payload)
                assert isinstance(message, wire.Stop)
                self.stops.append(message)
                self.disarm()
            if event.type == wire.type_of(wire.Hello) and event.nonce == 0:
                self._hello(event, mcu_us)
                continue
            step = (event.seq - self.last_seq) & 0xFFFF
            if event.nonce != self.nonce or self.nonce == 0 or not 1 <= step <= 1000:
                self.refused += 1
                continue
            self.last_seq = event.seq
            self._obey(event, mcu_us & 0xFFFFFFFF)

    def _hello(self, event: Frame, mcu_us: int) -> None:
        hello = wire.decode(event.type, event.payload)
        assert isinstance(hello, wire.Hello)
        if hello.host_nonce != self.host_nonce:
            self.disarm()
            self.host_nonce, self.last_seq, self.tx_seq, self.configuration = hello.host_nonce, 0, 0, None
            self.nonce = wire.session_nonce(hello.host_nonce, self.boot_id)
        ack = wire.HelloAck(self.protocol_version, 1, Board.NATIVE, 15, self.boot_id, mcu_us & 0xFFFFFFFF)
        self.send(ack, greeting=True)

    def _obey(self, event: Frame, mcu_us: int) -> None:
        message = wire.decode(event.type, event.payload)
        if isinstance(message, wire.Configure):
            self.configuration, self.digest = message, crc32(event.payload)
            self.next_telemetry_us = None
            digest = self.override.get("digest", self.digest)
            reason = wire.Refusal(self.override.get("config_reason", 0))
            self.send(wire.ConfigAck(digest, int(reason == 0), reason))
        elif isinstance(message, wire.Ping):
            self.send(wire.Pong(message.host_us, mcu_us))
        elif isinstance(message, wire.Arm):
            if message.token == wire.arm_token(self.digest, self.boot_id) and not self.refuse_arm:
                if self.state is McuState.IDLE:
                    self.state = McuState.ARMED
            else:
                self.send(wire.Nack(event.type, wire.Refusal.BAD_TOKEN, event.seq))
        elif isinstance(message, wire.Disarm):
            self.disarm()
        elif isinstance(message, wire.ResetEstop):
            if self.state in (McuState.ESTOP, McuState.FAULT):
                self.state = McuState.IDLE
        elif isinstance(message, wire.Command):
            remaining = (message.expiry_us - mcu_us) & 0xFFFFFFFF
            late = remaining == 0 or remaining >= 0x80000000
            if self.state in (McuState.ARMED, McuState.DRIVING) and not late:
                self.obeyed.append((mcu_us, message))
                self.last_command_seq = event.seq
                self.expiry_us = message.expiry_us
                self.speeds = (message.left_um_s, message.right_um_s)
                self.state = McuState.DRIVING if any(self.speeds) else McuState.ARMED

    def disarm(self) -> None:
        if self.state in (McuState.ARMED, McuState.DRIVING):
            self.state = McuState.IDLE
        self.speeds = (0, 0)

    def tick(self, mcu_us: int) -> None:
        """Every few ms; ``mcu_us`` does not wrap here, the wire's does."""
        if any(self.speeds) and ((self.expiry_us - mcu_us) & 0xFFFFFFFF) - 1 >= 0x7FFFFFFF:
            self.speeds = (0, 0)
            self.state = McuState.ARMED
        if self.nonce == 0:
            if self.next_boot_us is None or mcu_us >= self.next_boot_us:
                self.next_boot_us = mcu_us + 100_000
                self.send(
                    wire.Boot(
                        self.protocol_version, self.boot_id, Board.NATIVE, StopCause.POWER_UP, mcu_us & 0xFFFFFFFF
                    ),
                    greeting=True,
                )
        elif self.configuration is not None:
            period_us = 1_000_000 // self.configuration.telemetry_hz
            if self.next_telemetry_us is None or mcu_us >= self.next_telemetry_us:
                self.next_telemetry_us = (self.next_telemetry_us or mcu_us) + period_us
                self.send(self.telemetry(mcu_us))

    def telemetry(self, mcu_us: int) -> wire.Telemetry:
        values = {
            "t_us": mcu_us & 0xFFFFFFFF,
            "left_ticks": self.ticks[0],
            "right_ticks": self.ticks[1],
            "left_mm_s": self.speeds[0] // 1000,
            "right_mm_s": self.speeds[1] // 1000,
            "gyro_z_raw": 100,
            "accel_x_mm_s2": 200,
            "accel_y_mm_s2": -300,
            "battery_mv": 24000,
            "faults": 0,
            "warnings": 0,
            "last_command_seq": self.last_command_seq,
            "left_duty": 0,
            "right_duty": 0,
        }
        values |= {name: value for name, value in self.override.items() if name in values}
        return wire.Telemetry(state=self.state, stop_cause=StopCause.NONE, **values)


@dataclass
class Line:
    """One direction: bytes arrive ``delay_ns(now)`` later, in order; ``mangle`` may change, drop or repeat a chunk."""

    delay_ns: Callable[[], int] = lambda: 0
    mangle: Callable[[bytes], bytes] = lambda data: data
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    newest_ns: int = 0

    def put(self, data: bytes, now_ns: int) -> None:
        data = self.mangle(data)
        if data:
            self.newest_ns = max(self.newest_ns, now_ns + self.delay_ns())
            self.waiting.append((self.newest_ns, data))

    def take(self, now_ns: int) -> bytes:
        ready = b"".join(data for due_ns, data in self.waiting if due_ns <= now_ns)
        self.waiting = [(due_ns, data) for due_ns, data in self.waiting if due_ns > now_ns]
        return ready


class Rig:
    """Host link, line and MCU in lockstep: MCU every ``mcu_step_ns``, host every ``host_step_ns``."""

    def __init__(
        self,
        robot: RobotConfig | None = None,
        *,
        boot_id: int = 77,
        host_nonce: int = 12345,
        mcu_start_us: int = 0,
        drift: float = 0.0,
        host_step_ns: int = 5 * MS,
        mcu_step_ns: int = 1 * MS,
    ) -> None:
        self.link = HostLink(link_config_from_robot(robot or jackal()), host_nonce)
        self.mcu = McuModel(boot_id)
        self.up, self.down = Line(), Line()
        self.now_ns = 1_000_000_000
        self.mcu_start_us, self.drift = mcu_start_us, drift
        self.start_ns = self.now_ns
        self.host_step_ns, self.mcu_step_ns = host_step_ns, mcu_step_ns
        self.events: list[tuple[int, BaseState | Imu | LinkStatus]] = []
        self.wish: WheelCommand | None = None

    def mcu_us(self) -> int:
        return self.mcu_start_us + round((self.now_ns - self.start_ns) * (1.0 + self.drift)) // 1000

    def true_ns(self, mcu_us: int) -> int:
        return self.start_ns + round((mcu_us - self.mcu_start_us) * 1000 / (1.0 + self.drift))

    def drive(self, left_mps: float, right_mps: float, *, arm: bool = True, stop: StopCategory | None = None) -> None:
        """The wish of each host step from now on."""
        self.wish = WheelCommand(left_mps, right_mps, 0, stop, arm)

    def run(self, duration_s: float) -> None:
        end_ns = self.now_ns + round(duration_s * 1e9)
        while self.now_ns < end_ns:
            self.now_ns += self.mcu_step_ns
            self.mcu.receive(self.up.take(self.now_ns), self.mcu_us())
            self.mcu.tick(self.mcu_us())
            self.down.put(self.mcu.transmit(), self.now_ns)
            if (self.now_ns - self.start_ns) % self.host_step_ns == 0:
                self.host_step()

    def host_step(self) -> None:
        now_ns = self.now_ns
        new: list[BaseState | Imu | LinkStatus] = [*self.link.receive(self.down.take(now_ns), now_ns)]
        data, statuses = self.link.poll(now_ns)
        self.events += [(now_ns, event) for event in [*new, *statuses]]
        self.up.put(data, now_ns)
        if self.wish is not None:
            wish = self.wish
            cmd = WheelCommand(wish.left_mps, wish.right_mps, now_ns + 100 * MS, wish.stop, wish.arm)
            self.up.put(self.link.command(cmd, now_ns), now_ns)

    def bring_up(self) -> None:
        """Run until the link is up."""
        for _ in range(60):
            if self.link.status(self.now_ns).state is LinkState.UP:
                return
            self.run(0.05)
        raise AssertionError(f"link not up: {self.link.status(self.now_ns)}")

    def bring_to_drive(self, left_mps: float = 0.5, right_mps: float = 0.5) -> None:
        """Up, armed and driving."""
        self.bring_up()
        self.drive(0.0, 0.0, arm=False)
        self.run(0.05)
        self.drive(left_mps, right_mps)
        self.run(0.3)
        assert self.mcu.state is McuState.DRIVING, self.link.status(self.now_ns)

    def states(self) -> list[BaseState]:
        return [event for _, event in self.events if isinstance(event, BaseState)]

    def statuses(self) -> list[LinkStatus]:
        return [event for _, event in self.events if isinstance(event, LinkStatus)]

    def reasons(self) -> str:
        """All status reasons, one line each."""
        return "\n".join(status.reason for status in self.statuses())
