"""The faults of ``amr bench link``: what is done to line, board or host, and what may follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from amr.runtime.bench.link_rig import MS_NS, LinkRig
from firmware_bridge.emulated import Fault
from firmware_bridge.line_faults import (
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    Flood,
    LineFault,
    Split,
    Throttle,
    Truncate,
    WrongBaud,
)

BOOTLOADER_S: Final = 1.0
"""Of an Arduino Mega; the pins float meanwhile."""
_JUMP_NS: Final = 300 * MS_NS
_Action = Callable[[LinkRig], None]


@dataclass(frozen=True, slots=True)
class LinkFault:
    """``begin`` strikes, ``end`` heals; ``must_stop``: a driving robot has to come to rest meanwhile."""

    name: str
    begin: _Action
    end: _Action = LinkRig.heal
    must_stop: bool = True


def _lines(
    up: Callable[[], LineFault] | None = None, down: Callable[[], LineFault] | None = None
) -> Callable[[LinkRig], None]:
    def begin(rig: LinkRig) -> None:
        rig.up = None if up is None else up()
        rig.down = None if down is None else down()

    return begin


def _both(make: Callable[[], LineFault]) -> Callable[[LinkRig], None]:
    return _lines(make, make)


def _kill_host(rig: LinkRig) -> None:
    rig.link = None


def _start_host(rig: LinkRig) -> None:
    rig.start_host()


def _hang_host(rig: LinkRig) -> None:
    rig.host_runs = False


def _resume_host(rig: LinkRig) -> None:
    rig.host_runs = True


def _plug(rig: LinkRig) -> None:
    rig.connected = True


def _reset(fault: Fault, held_s: float = 0.0) -> _Action:
    return lambda rig: rig.strike(fault, held_s)


def _open_port(rig: LinkRig) -> None:
    """Another host opens the port: DTR resets the board, the old host is gone."""
    rig.cut()
    rig.connected = True
    rig.start_host()
    rig.strike(Fault.EXTERNAL_RESET, BOOTLOADER_S)


def _jump(by_ns: int) -> _Action:
    def begin(rig: LinkRig) -> None:
        rig.host_clock_ns += by_ns

    return begin


def _nothing(rig: LinkRig) -> None:
    """The fault ends by itself."""
    del rig


def faults(seed: int) -> list[LinkFault]:
    """All faults; random ones from ``seed``."""
    return [
        LinkFault("drop to MCU", _lines(up=lambda: Drop(1.0, seed))),
        LinkFault("drop to host", _lines(down=lambda: Drop(1.0, seed))),
        LinkFault("drop half", _both(lambda: Drop(0.5, seed)), must_stop=False),
        LinkFault("corrupt to MCU", _lines(up=lambda: Corrupt(0.3, seed))),
        LinkFault("corrupt to host", _lines(down=lambda: Corrupt(0.3, seed))),
        LinkFault("corrupt 1 % of bytes", _both(lambda: Corrupt(0.01, seed)), must_stop=False),
        LinkFault("duplicate", _both(Duplicate), must_stop=False),
        LinkFault("delay 300 ms to MCU", _lines(up=lambda: Delay(300 * MS_NS))),
        LinkFault("delay 300 ms to host", _lines(down=lambda: Delay(300 * MS_NS))),
        LinkFault("delay 20 ms", _both(lambda: Delay(20 * MS_NS)), must_stop=False),
        LinkFault("truncate", _both(Truncate)),
        LinkFault("split", _both(lambda: Split(seed)), must_stop=False),
        LinkFault("stuck at 0x00", _both(lambda: Flood(0x00, seed))),
        LinkFault("stuck at 0x55", _both(lambda: Flood(0x55, seed))),
        LinkFault("noise", _both(lambda: Flood(None, seed))),
        LinkFault("wrong baud, half", _both(lambda: WrongBaud(0.5))),
        LinkFault("wrong baud, 10 % fast", _both(lambda: WrongBaud(1.1))),
        LinkFault("stale commands in a full buffer", _lines(up=lambda: Throttle(0))),
        LinkFault("slow reader", _lines(down=lambda: Throttle(2))),
        LinkFault("MCU reset", _reset(Fault.EXTERNAL_RESET, BOOTLOADER_S), _nothing),
        LinkFault("brown-out", _reset(Fault.BROWN_OUT, BOOTLOADER_S), _nothing),
        LinkFault("MCU loop hangs", _reset(Fault.HANG), _nothing),
        LinkFault("host killed", _kill_host, _start_host),
        LinkFault("host hangs", _hang_host, _resume_host),
        LinkFault("cable pulled", LinkRig.cut, _plug),
        LinkFault("host clock 300 ms ahead", _jump(_JUMP_NS), _nothing),
        LinkFault("host clock 300 ms back", _jump(-_JUMP_NS), _nothing),
        LinkFault("port opened again, DTR", _open_port, _nothing),
    ]
