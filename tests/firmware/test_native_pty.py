"""The native firmware on a real pseudo-terminal."""

from __future__ import annotations

import os
import select
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.frames import Frame, FrameReader, encode_frame
from firmware_bridge.native import NativeFirmware
from firmware_bridge.native_pty import PtyFirmware
from firmware_bridge.wire import Boot, Hello, HelloAck, decode, encode


@pytest.fixture
def pty(shared_object: Path | None) -> Iterator[PtyFirmware]:
    with PtyFirmware(NativeFirmware(7, shared_object=shared_object)) as board:
        yield board


def tick(pty: PtyFirmware, now_us: int) -> None:
    pty.firmware.tick(now_us, 0, 0, 0.0, 0.0, 0.0, 24.0, False)
    pty.pump(now_us)


def read_frames(port: int, reader: FrameReader) -> list[Frame]:
    events: list[Frame] = []
    while select.select([port], [], [], 0.0)[0]:
        for event in reader.feed(os.read(port, 4096)):
            assert isinstance(event, Frame), event
            events.append(event)
    return events


def test_host_opens_the_path_and_shakes_hands(pty: PtyFirmware) -> None:
    port = os.open(pty.slave_path, os.O_RDWR | os.O_NOCTTY)
    try:
        reader = FrameReader()
        tick(pty, 5000)
        (boot,) = read_frames(port, reader)
        assert isinstance(decode(boot.type, boot.payload), Boot)
        os.write(port, encode_frame(1, 0, 0, encode(Hello(1, 77))))
        assert pty.pump(10_000) > 0
        (answer,) = read_frames(port, reader)
        assert isinstance(decode(answer.type, answer.payload), HelloAck)
    finally:
        os.close(port)


def test_every_byte_value_passes_unchanged(pty: PtyFirmware) -> None:
    """A terminal that is not raw would translate line ends, signals and flow control."""
    port = os.open(pty.slave_path, os.O_RDWR | os.O_NOCTTY)
    try:
        assert os.write(port, bytes(range(256)) * 4) == 1024
        assert pty.pump(0) == 1024
        tick(pty, 5000)
        assert select.select([port], [], [], 1.0)[0]
        assert FrameReader().feed(os.read(port, 4096)), "no echo of the garbage in front of the first frame"
    finally:
        os.close(port)


def test_port_may_be_closed_and_opened_again(pty: PtyFirmware) -> None:
    for round_number in range(3):
        port = os.open(pty.slave_path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(port)
        os.write(port, encode_frame(1, 0, 0, encode(Hello(1, 1000 + round_number))))
        pty.pump(round_number * 1_000_000)
        kinds = [type(decode(frame.type, frame.payload)) for frame in read_frames(port, FrameReader())]
        assert HelloAck in kinds
        os.close(port)
        for n in range(20):
            tick(pty, round_number * 1_000_000 + 5000 + n * 5000)


def test_nobody_listens_and_nothing_blocks(pty: PtyFirmware) -> None:
    for n in range(20_000):
        tick(pty, n * 5000)
    assert pty.dropped_bytes > 0
    port = os.open(pty.slave_path, os.O_RDWR | os.O_NOCTTY)
    try:
        assert select.select([port], [], [], 1.0)[0]
    finally:
        os.close(port)


def test_closing_hangs_up_on_the_host(pty: PtyFirmware) -> None:
    port = os.open(pty.slave_path, os.O_RDWR | os.O_NOCTTY)
    try:
        pty.close()
        pty.close()
        with pytest.raises(OSError, match="Input/output error"):
            os.write(port, b"x")
    finally:
        os.close(port)
