"""The parts that foreign bases share, one at a time."""

from __future__ import annotations

import pytest

from firmware_bridge.bases.asking import Asking
from firmware_bridge.bases.counts import Counts, signed_step
from firmware_bridge.bases.lines import LineReader

MS = 1_000_000
TICK_M = 1e-4


@pytest.mark.parametrize(
    ("count", "before", "bits", "step"),
    [
        (5, 3, 16, 2),
        (3, 5, 16, -2),
        (1, 65_535, 16, 2),
        (65_535, 1, 16, -2),
        (32_767, 0, 16, 32_767),
        (32_768, 0, 16, -32_768),
    ],
)
def test_the_shortest_way_around_a_counter(count: int, before: int, bits: int, step: int) -> None:
    assert signed_step(count, before, bits) == step


def counts() -> Counts:
    return Counts(16, TICK_M, wheel_max_mps=1.0)


def test_counts_begin_with_the_raw_ones() -> None:
    motion = counts().take(65_535, 7, 0)
    assert motion is not None
    assert (motion.left_ticks, motion.right_ticks, motion.boot) == (-1, 7, 1)
    assert (motion.left_mps, motion.right_mps) == (0.0, 0.0)


def test_a_step_is_possible_up_to_one_and_a_half_times_the_fastest_wheel_and_two_centimetres() -> None:
    for side in range(2):
        for sign in (1, -1):
            for ticks, believed in ((350, True), (351, False)):
                tracker = counts()
                tracker.take(0, 0, 0)
                moved = [0, 0]
                moved[side] = sign * ticks
                motion = tracker.take(moved[0] & 0xFFFF, moved[1] & 0xFFFF, 10 * MS)  # 0.02 m + 1.5 * 0.01 m
                assert (motion is not None) == believed
                if motion is not None:
                    assert (motion.left_ticks, motion.right_ticks) == tuple(moved)


def test_a_garbled_reading_between_two_good_ones_is_dropped_and_counted() -> None:
    tracker = counts()
    tracker.take(100, 100, 0)
    assert tracker.take(9000, 100, 10 * MS) is None
    motion = tracker.take(120, 121, 20 * MS)
    assert motion is not None
    assert (motion.left_ticks, motion.right_ticks, motion.boot) == (120, 121, 1)
    assert tracker.refused == 1
    assert tracker.take(20_000, 1, 30 * MS) is None
    assert tracker.take(40_000, 2, 40 * MS) is None, "two that agree with nothing"
    assert tracker.refused == 2


def test_two_readings_that_agree_elsewhere_are_a_new_beginning() -> None:
    tracker = counts()
    tracker.take(100, 100, 0)
    assert tracker.take(30_000, 5, 10 * MS) is None
    motion = tracker.take(30_010, 6, 20 * MS)
    assert motion is not None
    assert (motion.left_ticks, motion.right_ticks, motion.boot) == (30_010, 6, 2)
    assert tracker.refused == 0


def test_a_reading_that_is_not_newer_is_none() -> None:
    tracker = counts()
    tracker.take(100, 100, 10 * MS)
    assert tracker.take(101, 101, 10 * MS) is None
    assert tracker.take(101, 101, 9 * MS) is None
    assert tracker.take(101, 101, 11 * MS) is not None


def test_a_restart_begins_anew() -> None:
    tracker = counts()
    tracker.take(100, 100, 0)
    tracker.take(30_000, 5, 10 * MS)
    tracker.restart()
    motion = tracker.take(40_000, 7, 20 * MS)
    assert motion is not None
    assert motion.boot == 2
    assert motion.left_ticks == 40_000 - 65_536
    assert motion.left_mps == 0.0


def test_speed_is_that_of_the_newest_60_ms() -> None:
    tracker = counts()
    ticks, speeds = 0, []
    for number in range(20):
        ticks += 100 if number >= 10 else 50  # 1.0 m/s after 0.5 m/s
        motion = tracker.take(ticks, -ticks & 0xFFFF, number * 10 * MS)
        assert motion is not None
        speeds.append(motion.left_mps)
        assert motion.right_mps == pytest.approx(-motion.left_mps)
    assert speeds[9] == pytest.approx(0.5)
    assert speeds[14] == pytest.approx((5 * 1.0 + 1 * 0.5) / 6)
    assert speeds[15] == pytest.approx(1.0)


def test_questions_come_at_their_rate_and_one_at_a_time() -> None:
    asking = Asking(20 * MS, 50 * MS, 30 * MS)
    assert asking.due(0)
    assert asking.waiting
    assert not asking.due(20 * MS), "the first is open"
    assert asking.answered() == 0
    assert asking.answered() is None
    assert not asking.due(19 * MS)
    assert asking.due(20 * MS)
    assert not asking.due(69 * MS)
    assert not asking.due(70 * MS), "given up, and now a pause"
    assert not asking.waiting
    assert asking.lost == 1
    assert not asking.due(99 * MS)
    assert asking.due(100 * MS)
    asking.give_up(105 * MS)
    assert not asking.due(134 * MS)
    assert asking.due(135 * MS)
    asking.restart()
    assert asking.due(0)


def test_lines_end_by_cr_or_lf_and_are_bounded() -> None:
    reader = LineReader(4)
    assert reader.feed(b"ab\r\ncd\n\nef") == [b"ab", b"cd"]
    assert reader.feed(b"gh\r") == [b"efgh"]
    assert reader.feed(b"12345\r6\n") == [b"6"]
    assert reader.oversize == 1
    assert reader.feed(b"12345") == []
    assert reader.oversize == 2
    assert reader.feed(b"67") == []
    assert reader.oversize == 2
    assert reader.feed(b"89\nok\n") == [b"ok"], "the rest of a line that was too long is none"
    assert reader.feed(b"half") == []
    reader.reset()
    assert reader.feed(b"x\n") == [b"x"]
