"""The bridge base: a link on a port that may go away and come back."""

from __future__ import annotations

import pytest
from mcu_model import MS, McuModel, jackal

from amr.errors import PortError
from amr.messages import BaseState, LinkState, LinkStatus, McuState, WheelCommand
from firmware_bridge.base import REOPEN_NS, BridgeBase, _parse, bridge_base
from firmware_bridge.link import HostLink, link_config_from_robot
from firmware_bridge.transport import LoopbackTransport
from firmware_bridge.wire import HostCause


class Bench:
    """A base, a loopback and a board; ``run`` steps both every 5 ms."""

    def __init__(self) -> None:
        self.mcu = McuModel(5)
        self.port, self.board = LoopbackTransport.pair()
        self.opened = 0
        self.present = True
        self.base = BridgeBase(None, HostLink(link_config_from_robot(jackal()), 9), "bridge:///dev/x", self.open_port)
        self.now_ns = 0
        self.events: list[object] = []
        self.cmd: tuple[float, bool] | None = None

    def open_port(self) -> LoopbackTransport:
        self.opened += 1
        if not self.present:
            raise PortError("/dev/x: no such port")
        self.port, self.board = LoopbackTransport.pair()
        return self.port

    def run(self, duration_s: float) -> None:
        for _ in range(round(duration_s / 0.005)):
            self.now_ns += 5 * MS
            now_us = self.now_ns // 1000
            try:
                self.mcu.receive(self.board.read_available(), now_us)
                self.mcu.tick(now_us)
                self.board.write(self.mcu.transmit())
            except PortError:
                self.mcu.tick(now_us)
                self.mcu.transmit()
            self.events += self.base.poll(self.now_ns)
            if self.cmd is not None:
                speed_mps, arm = self.cmd
                self.base.command(WheelCommand(speed_mps, speed_mps, self.now_ns + 100 * MS, None, arm), self.now_ns)

    def link_states(self) -> list[LinkState]:
        return [event.state for event in self.events if isinstance(event, LinkStatus)]

    def drive(self) -> None:
        self.base.open()
        self.run(0.5)
        self.cmd = (0.0, False)
        self.run(0.05)
        self.cmd = (0.5, True)
        self.run(0.2)
        assert self.mcu.state is McuState.DRIVING


def test_drives_over_the_port() -> None:
    bench = Bench()
    bench.drive()
    assert any(isinstance(event, BaseState) for event in bench.events)
    assert bench.base.url == "bridge:///dev/x"


def test_a_pulled_cable_is_told_reopened_each_half_second_and_comes_back_disarmed() -> None:
    bench = Bench()
    bench.drive()
    bench.present = False
    bench.port.cut()
    bench.run(1.2)
    assert bench.opened in (3, 4)
    assert bench.link_states()[-1] is LinkState.DOWN
    assert any("gone" in event.reason for event in bench.events if isinstance(event, LinkStatus))
    assert bench.mcu.speeds == (0, 0)
    bench.present = True
    bench.run(REOPEN_NS / 1e9 + 0.5)
    assert bench.link_states()[-1] is LinkState.UP
    assert bench.mcu.state is McuState.IDLE


def test_a_port_lost_between_poll_and_command_does_not_raise() -> None:
    bench = Bench()
    bench.drive()
    bench.port.cut()
    bench.base.command(WheelCommand(0.1, 0.1, bench.now_ns + 100 * MS, None, True), bench.now_ns)
    bench.base.command(WheelCommand(0.1, 0.1, bench.now_ns + 100 * MS, None, True), bench.now_ns)
    bench.base.reset_estop(bench.now_ns)
    assert bench.base.link.phase == "hello"


def test_reset_of_the_estop_reaches_the_board() -> None:
    bench = Bench()
    bench.drive()
    bench.mcu.state, bench.mcu.speeds = McuState.ESTOP, (0, 0)
    bench.run(0.05)
    bench.base.reset_estop(bench.now_ns)
    bench.run(0.05)
    assert bench.mcu.state is McuState.IDLE


def test_close_stops_the_wheels_and_may_be_called_again() -> None:
    bench = Bench()
    bench.drive()
    port, board = bench.port, bench.board
    sent: list[bytes] = []
    port.write = lambda data: sent.append(data)  # type: ignore[method-assign]
    bench.base.close()
    bench.base.close()
    bench.mcu.receive(b"".join(sent), bench.now_ns // 1000)
    assert bench.mcu.stops[-1].cause is HostCause.SHUTDOWN
    with pytest.raises(PortError):
        board.read_available()


def test_close_of_a_lost_port_does_not_raise() -> None:
    bench = Bench()
    bench.base.open()
    bench.base.open()
    assert bench.opened == 1
    bench.port.cut()
    bench.base.close()


def test_a_given_port_without_a_way_to_reopen_stays_gone() -> None:
    port, board = LoopbackTransport.pair()
    base = BridgeBase(port, HostLink(link_config_from_robot(jackal()), 9))
    base.open()
    assert base.url == port.url
    board.cut()
    assert [event.state for event in base.poll(0) if isinstance(event, LinkStatus)] in ([], [LinkState.DOWN])
    base.poll(10**9)
    with pytest.raises(PortError, match="closed"):
        base.open()


def test_opening_a_port_that_is_not_there_raises() -> None:
    base = bridge_base("bridge:///dev/no-such-port", jackal(), 1)
    with pytest.raises(PortError, match="no such port"):
        base.open()


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("bridge:///dev/ttyACM0?baud=115200", ("/dev/ttyACM0", 115200)),
        ("bridge:///dev/ttyACM0", ("/dev/ttyACM0", 9600)),
        ("/dev/pts/3", ("/dev/pts/3", 9600)),
        ("socket://robot:4000", ("socket://robot:4000", 9600)),
    ],
)
def test_urls(url: str, parsed: tuple[str, int]) -> None:
    assert _parse(url, 9600) == parsed


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bridge://",
        "bridge://host/dev/x",
        "ftp:///x",
        "bridge:///dev/x?baud=",
        "bridge:///dev/x?baud=-1",
        "bridge:///dev/x?baud=0",
        "bridge:///dev/x?bad=1",
    ],
)
def test_urls_that_are_wrong(url: str) -> None:
    with pytest.raises(PortError, match=r"expected|no option"):
        _parse(url, 9600)
