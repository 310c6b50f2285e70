"""What answers at a serial port: listens, then asks questions that change nothing and move nothing.

Opening a port resets many Arduinos, so this is done only when a person asks for it, and never to a port in use.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from amr.errors import PortError
from amr.runtime.files import load_robot
from firmware_bridge.bases.create2 import START as OI_START
from firmware_bridge.bases.kobuki import Kobuki
from firmware_bridge.bases.odrive import line_of
from firmware_bridge.bases.roboclaw import crc16
from firmware_bridge.frames import Frame, FrameReader
from firmware_bridge.lidars.ld19 import Ld19
from firmware_bridge.lidars.rplidar import INFO, STOP, request
from firmware_bridge.port_url import PortUrl
from firmware_bridge.transport import Transport, open_transport
from firmware_bridge.wire import Boot, Telemetry, type_of

BOOT_S: Final = 2.5
"""An Arduino that opening has reset speaks after its bootloader."""
ANSWER_S: Final = 0.3
_POLL_S: Final = 0.01
_OI_QUERY, _OI_VOLTAGE, _OI_MODE = 149, 22, 35
_ROBOCLAW_VERSION: Final = bytes((0x80, 21))
_COUNTS: Final = re.compile(rb"(?:^|[\r\n])-?\d{1,10} -?\d{1,10}\r\n")
_VOLTS: Final = re.compile(rb"(?:^|[\r\n])(\d{1,2}\.\d+)\s*\*(\d{1,3})\r\n")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to try; ``recognize`` tells from all bytes that came whether it is that device."""

    scheme: str
    name: str
    ask: bytes
    recognize: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Round:
    """Questions at one baud rate: those without bytes are recognized while listening for ``listen_s``."""

    baud: int
    listen_s: float
    questions: tuple[Question, ...]


def _is_bridge(data: bytes) -> bool:
    frames = [event for event in FrameReader().feed(data + b"\0") if isinstance(event, Frame)]
    return any(frame.type in (type_of(Boot), type_of(Telemetry)) for frame in frames)


def _is_kobuki(data: bytes) -> bool:
    return len(Kobuki(PortUrl("kobuki:///", "kobuki", "/", {}), load_robot("reference")).feed(data, 0)) > 0


def _is_ld19(data: bytes) -> bool:
    return len(Ld19(PortUrl("ld19:///", "ld19", "/", {})).feed(data, 0)) >= 24


def _is_rplidar(data: bytes) -> bool:
    start = data.find(bytes.fromhex("A55A1400000004"))
    return start >= 0 and len(data) >= start + 27


def _is_odrive(data: bytes) -> bool:
    return any(line_of(volts.decode())[:-1].endswith(b"*" + sent) for volts, sent in _VOLTS.findall(data))


def _is_create(data: bytes) -> bool:
    """The answer to a query of voltage and mode, three bytes and no more: 5 to 20 V, passive to full.

    With bytes before it, one of 400 pieces of noise would do.
    """
    return len(data) == 3 and 5_000 <= int.from_bytes(data[:2], "big") <= 20_000 and 1 <= data[2] <= 3


def _is_roboclaw(data: bytes) -> bool:
    """Manual, command 21: a text that ends with LF and 0, then the CRC."""
    end = data.find(b"\n\0")
    return end >= 0 and crc16(_ROBOCLAW_VERSION + data[: end + 2]) == int.from_bytes(data[end + 2 : end + 4], "big")


def _is_ros_arduino(data: bytes) -> bool:
    return _COUNTS.search(data) is not None


ROUNDS: Final = (
    Round(230_400, ANSWER_S, (Question("ld19", "LD06 or LD19 lidar", b"", _is_ld19),)),
    Round(
        115_200,
        BOOT_S,
        (
            Question("bridge", "amr firmware", b"", _is_bridge),
            Question("kobuki", "Kobuki", b"", _is_kobuki),
            Question("rplidar", "RPLIDAR", request(STOP) + request(INFO), _is_rplidar),
            Question("odrive", "ODrive", b"\n" + line_of("r vbus_voltage"), _is_odrive),
            Question("roboclaw", "RoboClaw", _ROBOCLAW_VERSION, _is_roboclaw),
            Question("create2", "iRobot Create 2", bytes((OI_START, _OI_QUERY, 2, _OI_VOLTAGE, _OI_MODE)), _is_create),
        ),
    ),
    Round(38_400, 0.0, (Question("roboclaw", "RoboClaw", _ROBOCLAW_VERSION, _is_roboclaw),)),
    Round(57_600, BOOT_S, (Question("ros-arduino", "ros_arduino_bridge", b"\re\r", _is_ros_arduino),)),
)
LIDAR_SCHEMES: Final = frozenset({"ld19", "rplidar"})


def probe(path: str, rounds: tuple[Round, ...] = ROUNDS) -> tuple[Question, int] | None:
    """What answers there, and at which baud rate; None = nothing that is known. Takes up to eight seconds.

    Raises ``PortError`` when the port cannot be opened, or is in use.
    """
    for each in rounds:
        transport = open_transport(path, each.baud, after_torn=b"", dtr=False if each.baud == 230_400 else None)
        try:
            found = _try(transport, each)
        except PortError:
            found = None
        finally:
            transport.close()
        if found is not None:
            return found, each.baud
    return None


def _try(transport: Transport, each: Round) -> Question | None:
    transport.read_available()
    listeners = tuple(question for question in each.questions if not question.ask)
    found = _listen(transport, each.listen_s, listeners)
    for question in each.questions:
        if found is None and question.ask:
            transport.write(question.ask)
            found = _listen(transport, ANSWER_S, (question,))
    return found


def _listen(transport: Transport, seconds: float, questions: tuple[Question, ...]) -> Question | None:
    """The first of them that is recognized in what comes within this time."""
    data, deadline_s = b"", time.monotonic() + seconds
    while True:
        data += transport.read_available()
        for question in questions:
            if data and question.recognize(data):
                return question
        if time.monotonic() >= deadline_s:
            return None
        time.sleep(_POLL_S)
