"""Frames: COBS, CRC, cutting a stream; whatever bytes come, a frame is right or refused."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_bridge.faults import Fault, FaultKind
from firmware_bridge.frames import MAX_BLOCK, MAX_PAYLOAD, Frame, FrameReader, encode_frame, stuff, unstuff

frames = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.integers(0, 65535),
    st.binary(max_size=MAX_PAYLOAD),
)


def wire_bytes(frame: Frame) -> bytes:
    return encode_frame(frame.type, frame.nonce, frame.seq, frame.payload)


def feed_in_pieces(reader: FrameReader, data: bytes, cuts: list[int]) -> list[Frame | Fault]:
    events: list[Frame | Fault] = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        events += reader.feed(data[start:end])
    return events


@given(st.binary(max_size=253))
@example(b"")
@example(b"\0")
@example(bytes(253))
@example(b"\x01" * 253)
def test_unstuff_inverts_stuff_and_a_block_has_no_zero(data: bytes) -> None:
    block = stuff(data)
    assert 0 not in block
    assert len(block) == len(data) + 1
    assert unstuff(block) == data


@given(st.binary(max_size=MAX_BLOCK))
def test_every_accepted_block_is_the_only_block_of_its_content(data: bytes) -> None:
    block = data.replace(b"\0", b"\x01")
    content = unstuff(block)
    assert content is None or stuff(content) == block


@settings(deadline=None)
@given(st.lists(frames, max_size=8), st.lists(st.integers(0, 1000), max_size=12))
def test_frames_come_back_whole_byte_by_byte_and_at_any_cut(sent: list[Frame], cuts: list[int]) -> None:
    data = b"".join(map(wire_bytes, sent))
    assert FrameReader().feed(data) == sent
    assert feed_in_pieces(FrameReader(), data, list(range(len(data)))) == sent
    assert feed_in_pieces(FrameReader(), data, cuts) == sent


@settings(deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 1000), max_size=6))
def test_garbage_gives_no_frame_and_the_next_frame_after_a_delimiter_is_read(data: bytes, cuts: list[int]) -> None:
    reader = FrameReader()
    events = feed_in_pieces(reader, data, cuts)
    assert not [event for event in events if isinstance(event, Frame)]
    assert sum(reader.faults.values()) == len(events)
    good = Frame(3, 7, 1, b"abc")
    assert reader.feed(b"\0" + wire_bytes(good))[-1] == good


@pytest.mark.parametrize("payload", [b"", bytes(13), bytes(range(1, 34)), bytes(range(64)), b"\xff" * 64])
def test_no_single_flipped_bit_is_accepted_delimiter_included(payload: bytes) -> None:
    data = wire_bytes(Frame(0x84, 0xDEADBEEF, 4711, payload))
    after = Frame(0x84, 0xDEADBEEF, 4712, b"next")
    for bit in range(8 * len(data)):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        events = FrameReader().feed(bytes(bad) + b"\0" + wire_bytes(after))
        assert [event for event in events if isinstance(event, Frame)] in ([], [after]), bit
        assert any(isinstance(event, Fault) for event in events), bit


def test_no_two_flipped_bits_of_a_command_are_accepted() -> None:
    data = wire_bytes(Frame(0x03, 0x12345678, 9, bytes(range(13))))[:-1]
    for first in range(8 * len(data)):
        for second in range(first + 1, 8 * len(data), 7):
            bad = bytearray(data)
            bad[first // 8] ^= 1 << first % 8
            bad[second // 8] ^= 1 << second % 8
            assert not [event for event in FrameReader().feed(bytes(bad) + b"\0") if isinstance(event, Frame)]


@pytest.mark.parametrize("missing", range(1, 30))
def test_a_frame_cut_short_is_refused_and_the_next_one_read(missing: int) -> None:
    data = wire_bytes(Frame(0x84, 1, 1, bytes(16)))
    good = Frame(0x84, 1, 2, b"ok")
    events = FrameReader().feed(data[: len(data) - 1 - missing] + b"\0" + wire_bytes(good))
    assert [event for event in events if isinstance(event, Frame)] == [good]


def test_each_fault_has_its_name() -> None:
    body = wire_bytes(Frame(1, 2, 3, b"four"))
    content = unstuff(body[:-1])
    assert content is not None
    wrong_crc = stuff(content[:-1] + bytes([content[-1] ^ 1])) + b"\0"
    wrong_length = stuff(content[:1] + b"\x05" + content[2:]) + b"\0"
    for data, kind in (
        (wrong_crc, FaultKind.CRC),
        (wrong_length, FaultKind.LENGTH),
        (stuff(bytes(11)) + b"\0", FaultKind.LENGTH),
        (b"\x05abc\0", FaultKind.STUFFING),
        (b"a" * (MAX_BLOCK + 1) + b"\0", FaultKind.OVERSIZE),
    ):
        reader = FrameReader()
        (event,) = reader.feed(data)
        assert isinstance(event, Fault)
        assert event.kind is kind
        assert reader.faults == {kind: 1}
        assert reader.frames == 0


def test_an_endless_stream_without_delimiter_is_one_fault_and_bounded_memory() -> None:
    reader = FrameReader()
    events = [event for _ in range(1000) for event in reader.feed(b"x" * 100)]
    assert [event.kind for event in events if isinstance(event, Fault)] == [FaultKind.OVERSIZE]
    assert len(reader._rest) <= MAX_BLOCK
    good = Frame(1, 2, 3, b"")
    assert reader.feed(b"tail\0" + wire_bytes(good)) == [good]


@pytest.mark.parametrize("at", [0, 1, MAX_BLOCK - 1, MAX_BLOCK])
def test_the_longest_frame_is_read_wherever_it_is_cut(at: int) -> None:
    longest = Frame(255, 2**32 - 1, 65535, b"\xff" * MAX_PAYLOAD)
    data = wire_bytes(longest)
    reader = FrameReader()
    assert reader.feed(data) == [longest]
    assert [*reader.feed(data[:at]), *reader.feed(data[at:])] == [longest]


def test_a_wrong_length_field_is_told_beside_the_true_length() -> None:
    content = unstuff(wire_bytes(Frame(1, 2, 3, b"four"))[:-1])
    assert content is not None
    (event,) = FrameReader().feed(stuff(content[:1] + b"\x05" + content[2:]) + b"\0")
    assert event == Fault(FaultKind.LENGTH, "payload of 4 bytes, length field 5")


def test_a_long_block_that_ends_in_the_same_piece_does_not_swallow_the_next_frame() -> None:
    good = Frame(1, 2, 3, b"")
    events = FrameReader().feed(b"x" * 500 + b"\0" + wire_bytes(good))
    assert events[1:] == [good]


def test_delimiters_alone_are_no_fault_and_flush_half_a_frame() -> None:
    reader = FrameReader()
    good = Frame(1, 2, 3, b"payload")
    assert reader.feed(b"\0\0\0") == []
    assert reader.feed(wire_bytes(good)[:9]) == []
    events = reader.feed(b"\0" + wire_bytes(good))
    assert isinstance(events[0], Fault)
    assert events[1:] == [good]


def test_reset_forgets_half_a_frame_and_keeps_counting() -> None:
    reader = FrameReader()
    good = Frame(1, 2, 3, b"payload")
    reader.feed(wire_bytes(good)[:9])
    reader.reset()
    assert reader.feed(wire_bytes(good)) == [good]
    reader.feed(b"z" * 200)
    reader.reset()
    assert reader.feed(wire_bytes(good)) == [good]
    assert reader.frames == 2
    assert reader.faults == {FaultKind.OVERSIZE: 1}


@pytest.mark.parametrize(("type_number", "nonce", "seq"), [(256, 0, 0), (-1, 0, 0), (1, 2**32, 0), (1, 0, 65536)])
def test_our_own_number_that_does_not_fit_raises(type_number: int, nonce: int, seq: int) -> None:
    with pytest.raises(ValueError, match="frame type"):
        encode_frame(type_number, nonce, seq, b"")


def test_our_own_payload_that_does_not_fit_raises() -> None:
    with pytest.raises(ValueError, match="at most 64"):
        encode_frame(1, 0, 0, bytes(65))


def test_longest_frame_on_the_line_has_78_bytes() -> None:
    assert len(encode_frame(255, 2**32 - 1, 65535, b"\0" * 64)) == MAX_BLOCK + 1 == 78


def test_random_damage_of_a_stream_never_gives_a_frame_that_was_not_sent() -> None:
    rng = random.Random(5)
    for _ in range(200):
        sent = [Frame(0x84, 99, seq, rng.randbytes(33)) for seq in range(6)]
        data = bytearray(b"".join(map(wire_bytes, sent)))
        for _ in range(rng.randrange(1, 12)):
            at = rng.randrange(len(data))
            action = rng.randrange(3)
            if action == 0:
                data[at] = rng.randrange(256)
            elif action == 1:
                del data[at]
            else:
                data.insert(at, rng.randrange(256))
        got = [event for event in FrameReader().feed(bytes(data)) if isinstance(event, Frame)]
        assert [frame for frame in got if frame not in sent] == []
        assert [frame.seq for frame in got] == sorted(frame.seq for frame in got)
