"""The serial line in virtual time."""

from __future__ import annotations

from sim.byte_line import ByteLine

BYTE_NS = 10 * 1_000_000_000 // 115_200


def test_bytes_arrive_after_their_time_on_the_line_and_the_delay() -> None:
    line = ByteLine(115_200, 1_000_000)
    arrival_ns = line.send(b"abc", 0)
    assert arrival_ns == 3 * BYTE_NS + 1_000_000
    assert line.receive(arrival_ns - 1) == b""
    assert line.receive(arrival_ns) == b"abc"
    assert line.receive(arrival_ns + 1) == b""


def test_a_busy_line_makes_later_bytes_wait() -> None:
    line = ByteLine(115_200, 0)
    first_ns = line.send(b"x" * 100, 0)
    second_ns = line.send(b"y", 10)
    assert second_ns == first_ns + BYTE_NS


def test_an_idle_line_starts_anew() -> None:
    line = ByteLine(115_200, 0)
    line.send(b"x", 0)
    assert line.send(b"y", 1_000_000_000) == 1_000_000_000 + BYTE_NS


def test_order_is_kept_over_several_chunks() -> None:
    line = ByteLine(1_000_000, 500)
    for chunk in (b"a", b"bc", b"d"):
        line.send(chunk, 0)
    assert line.receive(1_000_000_000) == b"abcd"


def test_a_cut_loses_what_is_on_the_line() -> None:
    line = ByteLine(115_200, 0)
    line.send(b"lost", 0)
    line.cut()
    assert line.receive(1_000_000_000) == b""
