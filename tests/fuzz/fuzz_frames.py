"""Fuzz target for the host's end of the wire: ``python tests/fuzz/fuzz_frames.py [ITERATIONS] [SEED]``.

A hostile board knows the protocol: it answers handshakes, then sends frames with right nonce and CRC but random
content, damaged frames, repeats, and noise, while time runs unevenly and random commands are given. Whatever it does:
nothing raises; what the host sends is a valid frame; a COMMAND is sent only while the link is up; a state has a
stamp that is not in the future and never falls within one boot; what the reader keeps is bounded.
"""

from __future__ import annotations

import math
import random
import sys
import tomllib
from pathlib import Path
from typing import Any

from amr.config.robot import RobotConfig
from amr.messages import BaseState, Imu, LinkStatus, McuState, StopCategory, WheelCommand
from firmware_bridge import wire
from firmware_bridge.frames import MAX_BLOCK, Frame, FrameReader, encode_frame
from firmware_bridge.link import HostLink, Phase, link_config_from_robot

_ROBOT = Path(__file__).resolve().parents[2] / "seeds" / "robots" / "jackal.toml"
_FROM_MCU = [spec for spec in wire.MESSAGES.values() if not spec.from_host]
_HARMLESS = [spec for spec in _FROM_MCU if spec.cls not in (wire.Boot, wire.Telemetry)]
"""Those that do not end a session; with the others at every turn no session would live long enough to drive."""
_SPEEDS = (0.0, 0.3, -0.3, 1.9, 2.5, -2.0, 1e300, math.nan, math.inf, -math.inf)


class HostileBoard:
    """Makes the next bytes for the host."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._reader = FrameReader()
        self._boot_id = 1
        self._nonce = 0
        self._seq = 0
        self._last = b""
        self._answers: list[wire.Message] = []
        self._state = McuState.IDLE

    def hear(self, data: bytes) -> list[Frame]:
        """Take the host's bytes; every one must belong to a valid frame."""
        frames: list[Frame] = []
        for event in self._reader.feed(data):
            if not isinstance(event, Frame):
                raise AssertionError(f"host sent {event}")
            frames.append(event)
            self._answer(event)
        return frames

    def _answer(self, frame: Frame) -> None:
        message = wire.decode(frame.type, frame.payload)
        if isinstance(message, wire.Hello):
            self._nonce, self._seq = wire.session_nonce(message.host_nonce, self._boot_id), 0
            ack = wire.HelloAck(wire.PROTOCOL_VERSION, 1, wire.Board.NATIVE, 0, self._boot_id, 0)
            self._answers.append(ack)
        elif isinstance(message, wire.Configure):
            digest = wire.crc32(frame.payload)
            self._answers.append(wire.ConfigAck(digest, 1, wire.Refusal.NONE))
        elif isinstance(message, wire.Ping):
            self._answers.append(wire.Pong(message.host_us, (message.host_us + 1000) & 0xFFFFFFFF))
        elif isinstance(message, wire.Arm):
            self._state = McuState.ARMED
        elif isinstance(message, wire.Disarm | wire.Stop):
            self._state = McuState.IDLE

    def speak(self, now_ns: int) -> bytes:
        """Mostly honest, so that the link comes up; then anything."""
        rng = self._rng
        action = rng.random()
        if self._answers and action < 0.6:
            return self._frame(self._answers.pop(0))
        if action < 0.85:
            return self._frame(self._telemetry(now_ns))
        if action < 0.90:
            return self._frame(self._random_message())
        if action < 0.93:
            return self._damage(self._frame(self._random_message()))
        if action < 0.95:
            return self._last * rng.randrange(1, 4)
        if action < 0.97:
            return rng.randbytes(rng.randrange(200))
        if action < 0.971:
            self._seq = rng.randrange(65536)
        elif action < 0.973:
            self._boot_id = rng.randrange(2**32)
        elif action < 0.99:
            spec = rng.choice(_FROM_MCU)
            return encode_frame(spec.number, self._nonce, self._next(), rng.randbytes(spec.layout.size))
        elif action < 0.995:
            return encode_frame(rng.randrange(256), self._nonce, self._next(), rng.randbytes(rng.randrange(65)))
        return b""

    def _next(self) -> int:
        self._seq = (self._seq + 1) & 0xFFFF
        return self._seq

    def _frame(self, message: wire.Message) -> bytes:
        greeting = isinstance(message, wire.Boot | wire.HelloAck)
        nonce = 0 if isinstance(message, wire.Boot) else self._nonce
        seq = 0 if greeting else self._next()
        self._last = encode_frame(wire.type_of(type(message)), nonce, seq, wire.encode(message))
        return self._last

    def _telemetry(self, now_ns: int) -> wire.Telemetry:
        rng = self._rng
        values: dict[str, Any] = {
            row.name: rng.randint(*wire.raw_bounds(row.raw))
            for row in wire.MESSAGES[wire.type_of(wire.Telemetry)].fields
        }
        values["t_us"] = (now_ns // 1000 - rng.randrange(3000)) & 0xFFFFFFFF if rng.random() < 0.998 else values["t_us"]
        if rng.random() < 0.005:
            self._state = rng.choice(list(McuState))
        values |= {"state": self._state, "stop_cause": rng.choice(list(wire.StopCause))}
        return wire.Telemetry(**values)

    def _random_message(self) -> wire.Message:
        rng = self._rng
        spec = rng.choice(_FROM_MCU if rng.random() < 0.1 else _HARMLESS)
        values = [
            rng.choice(list(row.enumeration)) if row.enumeration else rng.randint(*wire.raw_bounds(row.raw))
            for row in spec.fields
        ]
        message: wire.Message = spec.cls(*values)
        return message

    def _damage(self, data: bytes) -> bytes:
        rng = self._rng
        bad = bytearray(data)
        for _ in range(rng.randrange(1, 5)):
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        return bytes(bad[: rng.randrange(1, len(bad) + 1)])


class Watch:
    """The invariants of what comes out of the link."""

    def __init__(self) -> None:
        self.states = 0
        self._session = (0, 0)
        self._stamp_ns = 0

    def look(self, event: BaseState | Imu | LinkStatus, now_ns: int, reconnects: int) -> None:
        """One event of the link."""
        if not isinstance(event, BaseState):
            return
        self.states += 1
        assert event.stamp_ns <= now_ns, "a stamp in the future"
        session = (event.boot_id, reconnects)
        assert session != self._session or event.stamp_ns >= self._stamp_ns, "a stamp went back"
        self._session, self._stamp_ns = session, event.stamp_ns


def random_command(rng: random.Random, now_ns: int) -> WheelCommand:
    """Any command, most of them sane."""
    speeds = _SPEEDS if rng.random() < 0.01 else _SPEEDS[:3]
    stop = rng.choice(list(StopCategory)) if rng.random() < 0.1 else None
    expiry_ns = now_ns + (100_000_000 if rng.random() < 0.8 else rng.choice((0, -1, 10**15)))
    wish = now_ns // 10**9 % 5 != 0  # held for seconds, then let go for one
    return WheelCommand(rng.choice(speeds), rng.choice(speeds), expiry_ns, stop, wish)


def fuzz(iterations: int, seed: int) -> dict[str, int]:
    """Run; raises on a broken invariant. Gives counters, so that a caller can see that the run went deep."""
    rng = random.Random(seed)
    robot = RobotConfig.model_validate(tomllib.loads(_ROBOT.read_text(encoding="utf-8")))
    link = HostLink(link_config_from_robot(robot), rng.randrange(2**32))
    board, watch = HostileBoard(rng), Watch()
    now_ns = rng.choice((0, 10**18, 2**32 * 1000 - 10**9))
    up = commands = 0
    for _ in range(iterations):
        now_ns += rng.choice((0, 1_000_000, 5_000_000, 5_000_000, 20_000_000)) if rng.random() < 0.999 else 10**9
        for event in link.receive(board.speak(now_ns), now_ns):
            watch.look(event, now_ns, link.reconnects)
        data, _ = link.poll(now_ns)
        board.hear(data)
        was_up = link.phase is Phase.UP
        up += was_up
        sent = board.hear(link.command(random_command(rng, now_ns), now_ns))
        assert was_up or not sent, "a frame of a command outside a session"
        commands += sum(frame.type == wire.type_of(wire.Command) for frame in sent)
        if rng.random() < 0.001:
            board.hear(link.reset_estop(now_ns) + link.goodbye())
        if rng.random() < 0.0003:
            link.disconnected("pulled", now_ns)
        assert len(link._reader._rest) <= MAX_BLOCK
    counts = {"up": up, "states": watch.states, "commands": commands, "reconnects": link.reconnects}
    return counts | {str(kind): count for kind, count in sorted(link.faults().items())}


if __name__ == "__main__":
    asked = [int(argument) for argument in sys.argv[1:3]]
    result = fuzz(asked[0] if asked else 100_000, asked[1] if len(asked) > 1 else 0)
    sys.stdout.write(" ".join(f"{name}={count}" for name, count in result.items()) + "\n")
