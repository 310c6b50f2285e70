"""``amr doctor --probe``: what answers at a port is recognized, by models of the devices behind real ptys."""

from __future__ import annotations

import contextlib
import os
import threading
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from amr.errors import PortError
from amr.runtime import doctor, probe
from firmware_bridge.bases.odrive import line_of
from firmware_bridge.bases.roboclaw import crc16
from firmware_bridge.native import NativeFirmware

LD19 = bytes.fromhex("542C6808AB7EE000E4DC00E2D900E5D500E3D300E4D000E9CD00E4CA00E2C700E9C500E5C200E5C000E5BE823A1A50")
KOBUKI = bytes.fromhex(
    "aa554d010f90f1000000ed2b58470d0d00129f00030300000004073c1dfcff0000000506f506f90790060602010"
    "10d0e8106a1ff0800c8ff90ff0300cfff10100f00dc0fe00fe00fe00fef0f00000000a1"
)
ROUNDS = tuple(replace(each, listen_s=min(each.listen_s, 0.15)) for each in probe.ROUNDS)
VERSION = b"USB Roboclaw 2x7a v4.1.34\n\0"

Answer = Callable[[bytes], bytes]


class Board:
    """Our firmware, announcing itself."""

    def __init__(self) -> None:
        self._firmware = NativeFirmware(3)
        self._now_us = 0

    def __call__(self, _data: bytes) -> bytes:
        for _ in range(2):
            self._now_us += 5000
            self._firmware.tick(self._now_us, 0, 0, 0.0, 0.0, 0.0, 12.0, estop=False)
        return self._firmware.transmit()


DEVICES: dict[str, Callable[[], Answer]] = {
    "bridge": Board,
    "ld19": lambda: lambda _data: LD19,
    "kobuki": lambda: lambda _data: KOBUKI,
    "rplidar": lambda: lambda data: bytes.fromhex("A55A1400000004181D0107" + "AB" * 16) if b"\xa5\x50" in data else b"",
    "odrive": lambda: lambda data: line_of("24.087744").replace(b"\n", b"\r\n") if b"r vbus_voltage" in data else b"",
    "roboclaw": lambda: (
        lambda data: VERSION + crc16(b"\x80\x15" + VERSION).to_bytes(2, "big") if b"\x80\x15" in data else b""
    ),
    "create2": lambda: lambda data: (15_000).to_bytes(2, "big") + b"\1" if bytes((149, 2, 22, 35)) in data else b"",
    "ros-arduino": lambda: lambda data: b"12 -40\r\n" if b"e\r" in data else b"",
}


@pytest.fixture
def plug() -> Iterator[Callable[[Answer], str]]:
    """Puts a device behind a pty; gives the port's path."""
    ending = threading.Event()
    threads: list[threading.Thread] = []
    descriptors: list[int] = []

    def plug(answer: Answer) -> str:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        descriptors.extend((master, slave))

        def serve() -> None:
            while not ending.wait(0.01):
                with contextlib.suppress(BlockingIOError):
                    data = b""
                    with contextlib.suppress(BlockingIOError):
                        data = os.read(master, 4096)
                    os.write(master, answer(data))

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return os.ttyname(slave)

    yield plug
    ending.set()
    for thread in threads:
        thread.join()
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", DEVICES)
def test_each_device_is_recognized(plug: Callable[[Answer], str], scheme: str) -> None:
    found = probe.probe(plug(DEVICES[scheme]()), ROUNDS)
    assert found is not None
    assert found[0].scheme == scheme


@pytest.mark.slow
def test_noise_and_silence_are_nothing(plug: Callable[[Answer], str]) -> None:
    assert probe.probe(plug(lambda _data: b""), ROUNDS) is None
    assert probe.probe(plug(lambda _data: os.urandom(40)), ROUNDS) is None


def test_a_port_in_use_is_not_opened(plug: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(path: str, *_: object, **__: object) -> None:
        raise PortError(f"{path}: busy, in use by amr (7)")

    monkeypatch.setattr(probe, "open_transport", busy)
    (check,) = doctor._answers([Path(plug(lambda _data: b""))])
    assert check.ok
    assert "in use by amr (7)" in check.found


def test_what_answers_is_told_as_the_url_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = {question.scheme: question for each in probe.ROUNDS for question in each.questions}
    monkeypatch.setattr(probe, "probe", lambda path: (questions["ld19"], 230_400) if path.endswith("0") else None)
    first, second = doctor._answers([Path("/dev/ttyUSB0"), Path("/dev/ttyUSB1")])
    assert first.found == "/dev/ttyUSB0: LD06 or LD19 lidar: amr drive --lidar ld19:///dev/ttyUSB0?baud=230400"
    assert second.found == "/dev/ttyUSB1: nothing that is known"
    assert second.advice


def test_no_question_moves_or_sets_anything() -> None:
    """What is asked, byte by byte: STOP and GET_INFO, a read, a version, START and a query, the counts."""
    asked = {(each.baud, question.ask) for each in probe.ROUNDS for question in each.questions if question.ask}
    assert asked == {
        (115_200, bytes.fromhex("A525A550")),
        (115_200, b"\nr vbus_voltage*125\n"),
        (115_200, b"\x80\x15"),
        (115_200, bytes((128, 149, 2, 22, 35))),
        (38_400, b"\x80\x15"),
        (57_600, b"\re\r"),
    }


def test_usb_names_are_told_beside_the_port(tmp_path: Path) -> None:
    usb = tmp_path / "devices" / "usb1" / "1-1"
    (usb / "1-1:1.0" / "ttyUSB0").mkdir(parents=True)
    for name, text in (("idVendor", "10c4"), ("idProduct", "ea60"), ("product", "CP2102"), ("manufacturer", "Silabs")):
        (usb / name).write_text(text + "\n")
    (tmp_path / "class" / "tty" / "ttyUSB0").mkdir(parents=True)
    (tmp_path / "class" / "tty" / "ttyUSB0" / "device").symlink_to(usb / "1-1:1.0" / "ttyUSB0")
    assert doctor._identity(Path("/dev/ttyUSB0"), tmp_path) == " (Silabs CP2102, 10c4:ea60)"
    assert doctor._identity(Path("/dev/ttyUSB1"), tmp_path) == ""
