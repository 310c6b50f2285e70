"""The sequence window: new in order is taken, nothing twice, gaps counted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.faults import FaultKind
from firmware_bridge.sequence import SequenceWindow
from firmware_bridge.wire_values import SEQUENCE_WINDOW


@pytest.mark.parametrize("last", [0, 5, 64900, 65535])
@pytest.mark.parametrize(
    ("step", "answer"),
    [
        (1, None),
        (SEQUENCE_WINDOW, None),
        (SEQUENCE_WINDOW + 1, FaultKind.TOO_FAR),
        (0x7FFF, FaultKind.TOO_FAR),
        (0x8000, FaultKind.REORDERED),
        (-1, FaultKind.REORDERED),
        (0, FaultKind.DUPLICATE),
    ],
)
def test_answer_at_each_edge_also_across_the_wrap(last: int, step: int, answer: FaultKind | None) -> None:
    window = SequenceWindow()
    window.last = last
    assert window.accept((last + step) & 0xFFFF) is answer
    assert window.last == ((last + step) & 0xFFFF if answer is None else last)
    assert window.lost == (step - 1 if answer is None else 0)


def test_200000_frames_in_order_are_all_taken() -> None:
    window = SequenceWindow()
    assert all(window.accept(number & 0xFFFF) is None for number in range(1, 200_001))
    assert window.lost == 0


@settings(deadline=None)
@given(st.lists(st.integers(0, 65535), max_size=60))
def test_no_number_is_taken_twice_within_a_turn(numbers: list[int]) -> None:
    window = SequenceWindow()
    advanced = 0
    taken: set[int] = set()
    for number in numbers:
        before = window.last
        if window.accept(number) is None:
            advanced += (number - before) & 0xFFFF
            assert advanced > 65535 or number not in taken
            taken.add(number)


def test_restart_begins_at_one_and_keeps_the_loss() -> None:
    window = SequenceWindow()
    window.accept(11)
    window.restart()
    assert window.accept(0) is FaultKind.DUPLICATE
    assert window.accept(1) is None
    assert window.lost == 10
