"""The whole bridge over a real pseudo-terminal: base, link, pyserial, kernel, firmware core; time is virtual."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mcu_model import MS, jackal

from amr.errors import AmrError
from amr.messages import BaseState, LinkState, LinkStatus, McuState, WheelCommand
from firmware_bridge.base import BridgeBase, bridge_base
from firmware_bridge.native import NativeFirmware
from firmware_bridge.native_pty import PtyFirmware


class Bench:
    """Board and base on one pty, both every 5 ms of virtual time; wheels stand still (they are told to)."""

    def __init__(self, board: PtyFirmware, firmware: NativeFirmware) -> None:
        self.board = board
        self.firmware = firmware
        self.now_ns = 0
        self.arm: bool | None = None
        self.events: list[object] = []

    def run(self, base: BridgeBase, duration_s: float) -> None:
        for _ in range(round(duration_s / 0.005)):
            self.now_ns += 5 * MS
            now_us = self.now_ns // 1000
            self.board.pump(now_us)
            self.firmware.tick(now_us, 0, 0, 0.0, 0.0, 0.0, 24.0, False)
            self.board.pump(now_us)
            self.events += base.poll(self.now_ns)
            if self.arm is not None:
                base.command(WheelCommand(0.0, 0.0, self.now_ns + 100 * MS, None, self.arm), self.now_ns)

    def link_state(self) -> LinkState:
        return next(event.state for event in reversed(self.events) if isinstance(event, LinkStatus))

    def mcu_state(self) -> McuState:
        return next(event.state for event in reversed(self.events) if isinstance(event, BaseState))


@pytest.fixture
def bench() -> Iterator[Bench]:
    try:
        firmware = NativeFirmware(7)
    except AmrError as error:  # no C compiler on this machine
        pytest.skip(str(error))
    with PtyFirmware(firmware) as board:
        yield Bench(board, firmware)


def test_comes_up_arms_closes_and_opens_again_disarmed(bench: Bench) -> None:
    base = bridge_base(f"bridge://{bench.board.slave_path}?baud=115200", jackal(), 99)
    base.open()
    bench.run(base, 0.5)
    assert bench.link_state() is LinkState.UP
    bench.arm = False
    bench.run(base, 0.05)
    bench.arm = True
    bench.run(base, 0.1)
    assert bench.mcu_state() is McuState.ARMED
    base.close()
    again = bridge_base(bench.board.slave_path, jackal(), 100)
    again.open()
    bench.events.clear()
    bench.run(again, 0.8)
    assert bench.link_state() is LinkState.UP
    assert bench.mcu_state() is McuState.IDLE
    again.close()


def test_bytes_that_waited_while_nobody_read_do_not_count_as_fresh(bench: Bench) -> None:
    base = bridge_base(bench.board.slave_path, jackal(), 99)
    base.open()
    bench.run(base, 0.5)
    for _ in range(600):  # 3 s of telemetry that the host does not read
        bench.now_ns += 5 * MS
        bench.firmware.tick(bench.now_ns // 1000, 0, 0, 0.0, 0.0, 0.0, 24.0, False)
        bench.board.pump(bench.now_ns // 1000)
    bench.events.clear()
    stale = [event for event in base.poll(bench.now_ns) if isinstance(event, BaseState)]
    assert stale
    assert bench.now_ns - stale[0].stamp_ns > 1_000 * MS, "an old measurement keeps its own time"
    bench.run(base, 1.5)
    assert bench.link_state() is LinkState.UP
    newest = next(event for event in reversed(bench.events) if isinstance(event, BaseState))
    assert bench.now_ns - newest.stamp_ns < 20 * MS
    base.close()
