"""What a bad line does to bytes: each fault by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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

MS = 1_000_000
FRAMES = b"\x03ab\0\x05cdef\0\x02g\0"


def through(fault: LineFault, pieces: list[bytes]) -> bytes:
    passed = b"".join(fault.pass_on(piece, index * MS) for index, piece in enumerate(pieces))
    return passed + fault.release()


def in_bytes(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def test_a_dead_line_passes_nothing_and_half_of_the_frames_are_whole_frames() -> None:
    assert through(Drop(1.0, 1), [FRAMES]) == b""
    many = FRAMES * 200
    kept = through(Drop(0.5, 1), in_bytes(many))
    blocks = kept.split(b"\0")[:-1]
    assert set(blocks) == {b"\x03ab", b"\x05cdef", b"\x02g"}
    assert 240 < len(blocks) < 360


def test_corruption_turns_one_bit_of_a_share_of_the_bytes() -> None:
    data = bytes(2000)
    damaged = through(Corrupt(0.1, 3), [data])
    changed = [byte for byte in damaged if byte]
    assert len(damaged) == len(data)
    assert 150 < len(changed) < 250
    assert all(byte.bit_count() == 1 for byte in changed)


def test_frames_are_doubled_or_halved_however_they_arrive() -> None:
    assert through(Duplicate(), in_bytes(FRAMES)) == b"\x03ab\0\x03ab\0\x05cdef\0\x05cdef\0\x02g\0\x02g\0"
    assert through(Truncate(), [FRAMES]) == b"\x03a\x05cd\x02"


def test_split_and_delay_lose_and_reorder_nothing() -> None:
    assert through(Split(1), [*in_bytes(FRAMES), b"", b""]) == FRAMES
    fault = Delay(3 * MS)
    assert [fault.pass_on(data, at * MS) for at, data in enumerate([b"a", b"b", b"", b"", b""])] == [
        b"", b"", b"", b"a", b"b",
    ]  # fmt: skip
    fault.pass_on(b"late", 5 * MS)
    assert fault.release() == b"late"


def test_a_slow_reader_gets_its_rate_and_a_full_buffer_keeps_the_oldest() -> None:
    fault = Throttle(2)
    fault.pass_on(b"0123456789", 0)
    assert fault.pass_on(b"", 3 * MS) == b"012345"
    full = Throttle(0)
    full.pass_on(b"old" + bytes(10_000), 0)
    held = full.release()
    assert held.startswith(b"old")
    assert len(held) == 4096


def test_a_flood_fills_the_line_whatever_is_sent() -> None:
    assert through(Flood(0x55, 1), [b"", b"hello", b""]) == b"\x55" * 33
    assert len(through(Flood(None, 1), [b"", b""])) == 22


def test_the_right_baud_rate_is_understood_and_a_wrong_one_is_not() -> None:
    data = bytes(range(256))
    assert through(WrongBaud(1.0), [data]) == data
    assert through(WrongBaud(1.02), [data]) == data, "a receiver forgives 2 %"
    for ratio in (0.5, 0.9, 1.1, 2.0):
        assert data not in through(WrongBaud(ratio), [data])


MAKERS: list[Callable[[int], LineFault]] = [
    lambda seed: Drop(0.3, seed),
    lambda seed: Corrupt(0.2, seed),
    Split,
    lambda seed: Flood(None, seed),
]


@pytest.mark.parametrize("make", MAKERS)
def test_equal_seeds_give_equal_faults(make: Callable[[int], LineFault]) -> None:
    def run(seed: int) -> list[bytes]:
        fault = make(seed)
        return [fault.pass_on(FRAMES[index : index + 4] * 5, index * MS) for index in range(12)]

    assert run(5) == run(5)
    assert run(5) != run(6)
