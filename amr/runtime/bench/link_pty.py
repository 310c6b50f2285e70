"""Round trip of a PING over a real pseudo-terminal to the firmware's core in another process.

Timed is all that the host does: encode, write, wait, read, cut into frames, decode. The board answers as soon as it has
read, so what is left is host, kernel and scheduler.
"""

from __future__ import annotations

import multiprocessing
import select
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from amr.errors import AmrError
from amr.runtime.realtime import real_time
from firmware_bridge import wire
from firmware_bridge.frames import Frame, FrameReader, encode_frame
from firmware_bridge.native import NativeFirmware
from firmware_bridge.native_pty import PtyFirmware
from firmware_bridge.transport import Transport, open_transport

LIMIT_MS: Final = 2.0
_BOOT_ID: Final = 4711
_HOST_NONCE: Final = 99
_START_TIMEOUT_S: Final = 30.0
_LOST_S: Final = 1.0
_WARM_UP: Final = 100
_PAUSE_S: Final = 1e-3


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """``wall_ms``: from before the encoding until after the decoding; ``host_ms``: the host's processor time of it."""

    trips: int
    lost: int
    fifo: bool
    wall_ms: dict[str, float]
    host_ms: dict[str, float]

    @property
    def ok(self) -> bool:
        """Host time within the limit, and nothing lost."""
        return self.lost == 0 and self.host_ms["p99"] < LIMIT_MS

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__} | {"limit_ms": LIMIT_MS, "ok": self.ok}


def measure(trips: int) -> RoundTrips:
    """So many round trips, one after the other, a millisecond apart. Raises ``AmrError`` without a board."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    board = context.Process(target=_serve, args=(theirs,), daemon=True)
    board.start()
    theirs.close()
    try:
        if not ours.poll(_START_TIMEOUT_S):
            raise AmrError("the board's process does not start")
        transport = open_transport(str(ours.recv()), 115200)
        try:
            with real_time() as rights:
                wall_ns, host_ns, lost = _exchange(transport, trips)
        finally:
            transport.close()
    except EOFError:
        raise AmrError("the board's process has died") from None
    finally:
        ours.close()
        board.join(_LOST_S)
        if board.is_alive():
            board.kill()
    return RoundTrips(len(wall_ns), lost, rights.fifo, _summary(wall_ns), _summary(host_ns))


def _summary(times_ns: list[int]) -> dict[str, float]:
    p50, p99, greatest = np.percentile(np.array(times_ns or [0]) * 1e-6, [50, 99, 100])
    return {"p50": float(p50), "p99": float(p99), "max": float(greatest)}


def _exchange(transport: Transport, trips: int) -> tuple[list[int], list[int], int]:
    """(wall ns, processor ns) of each trip, and how many had no answer."""
    reader = FrameReader()
    nonce = wire.session_nonce(_HOST_NONCE, _BOOT_ID)
    hello = wire.Hello(wire.PROTOCOL_VERSION, _HOST_NONCE)
    transport.write(encode_frame(wire.type_of(wire.Hello), 0, 0, wire.encode(hello)))
    if not _wait_for(transport, reader, wire.HelloAck):
        raise AmrError("the board does not answer")
    wall_ns: list[int] = []
    host_ns: list[int] = []
    lost = 0
    for number in range(1, _WARM_UP + trips + 1):
        time.sleep(_PAUSE_S)
        started_ns, worked_ns = time.perf_counter_ns(), time.thread_time_ns()
        ping = wire.encode(wire.Ping(number))
        transport.write(encode_frame(wire.type_of(wire.Ping), nonce, number & 0xFFFF, ping))
        answered = _wait_for(transport, reader, wire.Pong)
        ended_ns, rested_ns = time.perf_counter_ns(), time.thread_time_ns()
        if number > _WARM_UP:
            wall_ns.append(ended_ns - started_ns)
            host_ns.append(rested_ns - worked_ns)
            lost += not answered
    return wall_ns, host_ns, lost


def _wait_for(transport: Transport, reader: FrameReader, kind: type[wire.Message]) -> bool:
    while select.select([transport.fileno()], [], [], _LOST_S)[0]:
        for event in reader.feed(transport.read_available()):
            if isinstance(event, Frame) and isinstance(wire.decode(event.type, event.payload), kind):
                return True
    return False


def _serve(pipe: Connection) -> None:
    """The board: answers what comes, until the pipe is closed. A chip waits for no scheduler."""
    with PtyFirmware(NativeFirmware(_BOOT_ID)) as board, real_time():
        pipe.send(board.slave_path)
        while True:
            ready = select.select([board.fileno(), pipe.fileno()], [], [])[0]
            if pipe.fileno() in ready:
                return
            board.pump(time.monotonic_ns() // 1000)
