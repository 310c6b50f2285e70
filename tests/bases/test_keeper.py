"""The process that stops the wheels when the program that drives them can not: real processes, a real pty."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Iterator

import pytest

from firmware_bridge.bases.keeper import DRIVING, REPEATS, RESTING, Keeper

STOP = b"m 0 0\r"
LIMIT_S = 0.15
HOST = """
import os, sys, time
from firmware_bridge.bases.keeper import DRIVING, Keeper
port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
keeper = Keeper(port, b"m 0 0\\r", 0.15)
keeper.wait_until_ready()
while True:
    keeper.say(DRIVING)
    os.write(port, b"m 9 9\\r")
    time.sleep(0.02)
"""


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """(master's descriptor, path of the port)."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def read_for(master: int, seconds: float) -> bytes:
    deadline, data = time.monotonic() + seconds, b""
    while (left := deadline - time.monotonic()) > 0.0:
        if select.select([master], [], [], left)[0]:
            data += os.read(master, 4096)
    return data


def read_until(master: int, wanted: bytes, seconds: float) -> bytes:
    deadline, data = time.monotonic() + seconds, b""
    while wanted not in data and (left := deadline - time.monotonic()) > 0.0:
        if select.select([master], [], [], left)[0]:
            data += os.read(master, 4096)
    assert wanted in data
    return data


@pytest.fixture
def keeper(line: tuple[int, str]) -> Iterator[Keeper]:
    port = os.open(line[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    made = Keeper(port, STOP, LIMIT_S)
    os.close(port)
    assert made.wait_until_ready()
    yield made
    made.close()


def test_silence_while_driving_is_ended_by_stops(line: tuple[int, str], keeper: Keeper) -> None:
    for _ in range(20):
        keeper.say(DRIVING)
        time.sleep(0.02)
    assert read_for(line[0], 0.05) == b"", "a heart that beats is left alone"
    read_until(line[0], STOP * REPEATS, 5.0)
    assert read_for(line[0], 0.3) == b"", "once"
    keeper.say(DRIVING)
    read_until(line[0], STOP, 5.0)


def test_silence_at_rest_is_allowed(line: tuple[int, str], keeper: Keeper) -> None:
    keeper.say(DRIVING)
    keeper.say(RESTING)
    assert read_for(line[0], 0.4) == b""
    assert keeper.ready


def test_closing_sends_the_stop_and_may_be_repeated(line: tuple[int, str], keeper: Keeper) -> None:
    keeper.close()
    assert read_for(line[0], 0.05) == STOP * REPEATS
    assert not keeper.ready
    keeper.close()
    keeper.say(DRIVING)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_or_hung_host_stops_the_wheels(line: tuple[int, str], blow: signal.Signals) -> None:
    host = subprocess.Popen([sys.executable, "-c", HOST, line[1]])
    try:
        read_until(line[0], b"m 9 9\r" * 3, 30.0)
        host.send_signal(blow)
        struck_s = time.monotonic()
        data = read_until(line[0], STOP, 5.0)
        assert time.monotonic() - struck_s < 2.0
        assert b"m 9 9" not in data[data.index(STOP) :]
    finally:
        host.send_signal(signal.SIGCONT)
        host.kill()
        host.wait()
