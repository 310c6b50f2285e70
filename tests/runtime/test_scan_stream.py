"""Scans over a socket, whole, byte by byte, behind garbage, and over a lost connection."""

from __future__ import annotations

import math
import socket
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.errors import PortError
from amr.messages import Scan
from amr.runtime.scan_stream import REOPEN_NS, ScanClient, ScanReader, ScanServer, encode_scan, parse_scan_url


def scan(stamp_ns: int = 100, beams: int = 20) -> Scan:
    ranges = np.linspace(0.5, 9.0, beams).astype(np.float32)
    ranges[:3] = [math.inf, math.nan, 0.01]
    return Scan(stamp_ns, -2.3, 0.0065, 0.1, 30.0, 1e-5, ranges)


def test_scan_that_waited_in_a_buffer_is_not_taken_for_a_new_one() -> None:
    reader, offset_ns, ms = ScanReader(), 10**12, 10**6
    for number in range(20):
        sent_ns = number * 20 * ms
        waited_ns = 300 * ms if number == 10 else 2 * ms
        (back,) = reader.feed(encode_scan(scan(sent_ns - 5 * ms), sent_ns), sent_ns + offset_ns + waited_ns)
        assert back.stamp_ns - (sent_ns - 5 * ms + offset_ns) == pytest.approx(2 * ms, abs=0.1 * ms)


def same(one: Scan, two: Scan) -> bool:
    return one.ranges_m.tobytes() == two.ranges_m.tobytes() and one.angle_min_rad == two.angle_min_rad


def test_scan_keeps_its_numbers_and_its_age() -> None:
    (back,) = ScanReader().feed(encode_scan(scan(100), now_ns=700), now_ns=5000)
    assert same(back, scan())
    assert back.stamp_ns == 4400
    assert (back.range_min_m, back.range_max_m, back.time_increment_s) == (0.1, 30.0, 1e-5)


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, 900), max_size=12), garbage=st.binary(max_size=40))
def test_scans_survive_any_cutting_and_leading_garbage(cuts: list[int], garbage: bytes) -> None:
    data = garbage + b"".join(encode_scan(scan(beams=5 + number), 200) for number in range(5))
    reader, got = ScanReader(), []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        got += reader.feed(data[start:end], 300)
    lengths = [len(item.ranges_m) for item in got]
    assert lengths == [5, 6, 7, 8, 9] or b"AMRS" in garbage or garbage.endswith((b"A", b"AM", b"AMR"))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 10_000), st.integers(1, 255))
def test_reader_never_raises_and_never_takes_a_changed_frame(noise: bytes, position: int, change: int) -> None:
    frame = bytearray(encode_scan(scan(), 200))
    frame[12 + position % (len(frame) - 12)] ^= change
    reader = ScanReader()
    assert reader.feed(noise.replace(b"AMRS", b"") + bytes(frame), 300) == []
    assert reader.bad_frames >= 1


@pytest.mark.parametrize("age_ns", [-1, 10**11])
def test_impossible_age_is_refused(age_ns: int) -> None:
    assert ScanReader().feed(encode_scan(scan(0), age_ns), 5) == []


def test_frame_that_claims_too_much_is_skipped_without_waiting_for_it() -> None:
    reader = ScanReader()
    assert reader.feed(b"AMRS" + b"\xff" * 8, 0) == []
    assert len(reader.feed(encode_scan(scan(), 200), 300)) == 1


def receive(client: ScanClient, server: ScanServer, number: int) -> list[Scan]:
    """Send ``number`` scans and poll until nothing more comes."""
    got: list[Scan] = []
    for index in range(number):
        server.send(scan(index), index + 50)
        got += client.poll(10**9 + index)
    for _ in range(1000):
        got += client.poll(10**9 + number)
        if len(got) == number:
            break
    return got


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_client_receives_what_the_server_sends(kind: str, tmp_path: Path) -> None:
    server = ScanServer("scan://127.0.0.1:0" if kind == "tcp" else f"scan://{tmp_path}/lidar.sock")
    client = ScanClient(server.url)
    client.open()
    got = receive(client, server, 5)
    assert len(got) == 5
    assert all(same(item, scan()) for item in got)
    client.close()
    server.close()


def test_client_comes_back_after_the_server_was_gone(tmp_path: Path) -> None:
    url = f"scan://{tmp_path}/lidar.sock"
    server = ScanServer(url)
    client = ScanClient(url)
    client.open()
    assert len(receive(client, server, 2)) == 2
    server.close()
    now_ns = 2 * 10**9
    assert client.poll(now_ns) == []
    assert not client.connected
    assert client.poll(now_ns + REOPEN_NS) == []  # nobody there
    server = ScanServer(url)
    assert client.poll(now_ns + 2 * REOPEN_NS) == []
    assert client.connected
    assert len(receive(client, server, 2)) == 2
    assert client.reconnects == 1
    client.close()
    server.close()


def test_listener_that_does_not_read_misses_whole_scans_only() -> None:
    server = ScanServer("scan://127.0.0.1:0")
    host, port = server.url.removeprefix("scan://").split(":")
    deaf = socket.create_connection((host, int(port)))
    for index in range(4000):
        server.send(scan(index, 2000), index)
    assert server.dropped > 0
    reader = ScanReader()
    deaf.settimeout(5.0)
    got: list[Scan] = []
    try:
        while len(got) < 50:
            got += reader.feed(deaf.recv(1 << 16), 0)
            server.send(scan(5, 2000), 5)
    finally:
        deaf.close()
        server.close()
    assert reader.bad_frames == 0
    assert reader.garbage_bytes == 0


@pytest.mark.parametrize(
    "url", ["scan://", "lidar://x:1", "scan://host", "scan://host:0", "scan://host:99999", "scan://host:x", "scan://:5"]
)
def test_bad_url_is_one_line(url: str) -> None:
    with pytest.raises(PortError, match="expected scan://host:port"):
        parse_scan_url(url)


def test_nobody_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PortError, match="lidar cannot be reached"):
        ScanClient(f"scan://{tmp_path}/none.sock").open()
    with pytest.raises(PortError, match="cannot listen"):
        ScanServer(f"scan://{tmp_path}/none/none.sock")
