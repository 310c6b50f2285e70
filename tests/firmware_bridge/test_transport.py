"""Ports: loopback, a real pty through pyserial, a socket; every way to fail is one line."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from amr.errors import PortError
from firmware_bridge.transport import (
    DescriptorTransport,
    LoopbackTransport,
    Transport,
    open_transport,
    port_users,
    require_free,
)


def wait_for(transport: Transport, count: int) -> bytes:
    """Read until ``count`` bytes are there (kernel buffers need no sleep, only another look)."""
    data = b""
    for _ in range(100_000):
        data += transport.read_available()
        if len(data) >= count:
            return data
    raise AssertionError(f"only {data!r}")


@pytest.fixture
def pair() -> Iterator[tuple[int, str]]:
    """(master descriptor, slave path), raw; the slave descriptor is kept open as a board's process would."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    yield master, os.ttyname(slave)
    for descriptor in (master, slave):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def one_line(error: PortError) -> str:
    text = str(error)
    assert text
    assert "\n" not in text
    return text


# ---------------------------------------------------------------- loopback


def test_loopback_carries_both_ways() -> None:
    host, device = LoopbackTransport.pair()
    host.write(b"to device")
    device.write(b"to host")
    assert (device.read_available(), host.read_available()) == (b"to device", b"to host")
    assert device.read_available() == b""


def test_loopback_drops_what_does_not_fit_and_flushes_the_torn_frame() -> None:
    host, device = LoopbackTransport.pair(capacity_bytes=8)
    host.write(b"0123456789")
    assert host.dropped_bytes == 2
    host.write(b"")
    assert device.read_available() == b"01234567"
    host.write(b"next")
    host.write(b"more")
    assert device.read_available() == b"\0nextmor"
    assert host.dropped_bytes == 3


def test_a_cut_loopback_is_gone_at_both_ends() -> None:
    host, device = LoopbackTransport.pair()
    host.close()
    host.close()
    for end in (host, device):
        for use in (end.read_available, lambda end=end: end.write(b"x"), end.fileno):
            with pytest.raises(PortError):
                use()


# ---------------------------------------------------------------- pty


def test_pty_carries_every_byte_value_unchanged(pair: tuple[int, str]) -> None:
    master, path = pair
    port = open_transport(path, 115200)
    every = bytes(range(256))
    assert port.read_available() == b""
    port.write(every)
    assert os.read(master, 4096) == every
    os.write(master, every)
    assert wait_for(port, 256) == every
    assert port.fileno() >= 0
    port.close()
    port.close()
    with pytest.raises(PortError, match="closed"):
        port.read_available()


@pytest.mark.parametrize("baud", [9600, 115200, 230400, 250000, 1_000_000])
def test_usual_baud_rates_are_taken(pair: tuple[int, str], baud: int) -> None:
    open_transport(pair[1], baud).close()


def test_a_full_buffer_never_blocks_and_the_next_frame_is_whole(pair: tuple[int, str]) -> None:
    master, path = pair
    port = open_transport(path, 115200)
    frame = b"\x01" * 100
    started = time.perf_counter()
    while port.dropped_bytes < 1000:
        port.write(frame)
    assert time.perf_counter() - started < 0.5
    while True:
        try:
            if not os.read(master, 65536):
                break
        except BlockingIOError:
            break
    port.write(b"whole")
    received = os.read(master, 65536)
    assert received == b"\0whole"
    port.write(b"again")
    assert os.read(master, 65536) == b"again"
    port.write(b"")
    port.close()


def test_a_closed_pty_is_gone_for_reads_and_writes(pair: tuple[int, str]) -> None:
    master, path = pair
    port = open_transport(path, 115200)
    os.close(master)
    with pytest.raises(PortError, match="gone") as read_error:
        port.read_available()
    with pytest.raises(PortError, match="gone") as write_error:
        port.write(b"x")
    assert path in one_line(read_error.value)
    assert path in one_line(write_error.value)
    port.close()


def test_a_pty_opens_for_one_process_at_a_time_and_again_after_close(pair: tuple[int, str]) -> None:
    _, path = pair
    port = open_transport(path, 115200)
    with pytest.raises(PortError, match="busy") as error:
        open_transport(path, 115200)
    assert path in one_line(error.value)
    port.close()
    open_transport(path, 115200).close()


def test_a_killed_host_leaves_the_pty_free(pair: tuple[int, str]) -> None:
    _, path = pair
    code = (
        "import os, signal, sys; from firmware_bridge.transport import open_transport;"
        "port = open_transport(sys.argv[1], 115200); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], check=False, timeout=30)
    assert done.returncode == -9
    open_transport(path, 115200).close()


# ---------------------------------------------------------------- what cannot be opened


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PortError, match="no such port") as error:
        open_transport(str(tmp_path / "ttyACM9"), 115200)
    one_line(error.value)


@pytest.mark.parametrize("path", ["/dev/null", "/tmp", "/etc/hostname"])
def test_a_file_that_is_no_port(path: str) -> None:
    with pytest.raises(PortError, match="not a serial port") as error:
        open_transport(path, 115200)
    one_line(error.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_port_without_permission_names_the_group(tmp_path: Path) -> None:
    port = tmp_path / "ttyACM0"
    port.touch(0o000)
    with pytest.raises(PortError, match="dialout"):
        open_transport(str(port), 115200)


@pytest.mark.parametrize("baud", [-1, 2**40])
def test_a_baud_rate_that_cannot_be(pair: tuple[int, str], baud: int) -> None:
    with pytest.raises(PortError) as error:
        open_transport(pair[1], baud)
    one_line(error.value)


def test_another_process_that_has_the_device_open_is_named(tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch()
    code = "import sys; file = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(device)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        assert any(f"({other.pid})" in user for user in port_users(device))
        with pytest.raises(PortError, match=rf"busy, in use by .*\({other.pid}\)"):
            require_free("/dev/ttyUSB0", device)
        other.communicate(b"")
    assert port_users(device) == []
    require_free("/dev/ttyUSB0", device)


# ---------------------------------------------------------------- socket


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_socket_carries_bytes_without_delay_and_its_end_is_gone(server: socket.socket) -> None:
    port = open_transport(f"socket://127.0.0.1:{server.getsockname()[1]}", 115200)
    assert isinstance(port, DescriptorTransport)
    assert isinstance(port._port, socket.socket)
    assert port._port.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    peer, _ = server.accept()
    assert port.read_available() == b""
    port.write(b"hello")
    assert peer.recv(100) == b"hello"
    peer.sendall(b"answer")
    assert wait_for(port, 6) == b"answer"
    peer.close()
    with pytest.raises(PortError, match="gone"):
        wait_for(port, 1)
    port.close()
    port.close()


def test_socket_without_listener_is_one_line(server: socket.socket) -> None:
    number = server.getsockname()[1]
    server.close()
    with pytest.raises(PortError, match="cannot connect") as error:
        open_transport(f"socket://127.0.0.1:{number}", 115200)
    one_line(error.value)


@pytest.mark.parametrize("url", ["socket://", "socket://host", "socket://host:0", "socket://host:x", "socket://:5"])
def test_socket_url_that_is_wrong(url: str) -> None:
    with pytest.raises(PortError, match="expected socket://host:port"):
        open_transport(url, 115200)
