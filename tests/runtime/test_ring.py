"""The ring between processes: whole records in order, or dropped and counted; never a wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.runtime.ring import PATIENCE, Ring


@pytest.fixture
def ring() -> Iterator[Ring]:
    ring = Ring.create(1024)
    yield ring
    ring.close()


def test_records_come_back_whole_and_in_order_around_the_end(ring: Ring) -> None:
    sent, received = [], []
    for number in range(200):
        data = bytes([number % 256]) * (number % 97)
        if ring.push(data):
            sent.append(data)
        if number % 5 == 0:
            received += ring.pop()
    received += ring.pop()
    assert received == sent
    assert ring.dropped == 200 - len(sent)


def test_full_ring_drops_and_counts_and_goes_on(ring: Ring) -> None:
    assert [ring.push(b"x" * 400) for _ in range(4)] == [True, True, False, False]
    assert ring.dropped == 2
    assert len(ring.pop()) == 2
    assert ring.push(b"y" * 1016)
    assert ring.pop() == [b"y" * 1016]
    assert not ring.push(b"z" * 1017)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=300), st.none()), max_size=60))
def test_any_mix_of_writing_and_reading_keeps_every_accepted_record(actions: list[bytes | None]) -> None:
    ring = Ring.create(512)
    sent: list[bytes] = []
    received: list[bytes] = []
    for action in actions:
        if action is None:
            received += ring.pop()
        elif ring.push(action):
            sent.append(action)
    received += ring.pop()
    ring.close()
    assert received == sent


def test_unreadable_record_is_waited_for_and_then_given_up(ring: Ring) -> None:
    ring.push(b"good")
    ring._map[64 + 8] ^= 1  # one bit of the payload
    for _ in range(PATIENCE):
        assert ring.pop() == []
    assert ring.torn == 0
    ring.pop()
    assert ring.torn == 1
    ring.push(b"next")
    assert ring.pop() == [b"next"]


def test_end_of_writing_is_seen_by_the_reader(ring: Ring) -> None:
    assert not ring.closed_by_writer
    ring.push(b"last")
    ring.close_writing()
    assert ring.closed_by_writer
    assert ring.pop() == [b"last"]
