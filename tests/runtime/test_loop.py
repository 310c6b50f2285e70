"""The real-time loop on a clock that only the test moves."""

from __future__ import annotations

import gc

import numpy as np

from amr.runtime.bench.loop import spread_us, steal_frac
from amr.runtime.clock import ManualClock, MonotonicClock
from amr.runtime.loop import RealTimeLoop
from amr.runtime.realtime import real_time

MS = 1_000_000


def run(
    clock: ManualClock, until_ms: int, work_ms: dict[int, int] | None = None
) -> tuple[RealTimeLoop, list[int], list[int]]:
    """A loop at 200 / 50 Hz; ``work_ms``: how long the n-th poll takes."""
    polls: list[int] = []
    steps: list[int] = []

    def poll(now_ns: int) -> None:
        polls.append(now_ns)
        clock.time_ns += (work_ms or {}).get(len(polls), 0) * MS

    loop = RealTimeLoop(clock, poll, steps.append)
    loop.run(until_ns=until_ms * MS)
    return loop, polls, steps


def test_polls_200_times_and_steps_50_times_a_second() -> None:
    loop, polls, steps = run(ManualClock(), 1000)
    assert polls == [number * 5 * MS for number in range(1, 201)]
    assert steps == [number * 20 * MS for number in range(1, 51)]
    assert (loop.ticks, loop.missed) == (200, 0)


def test_a_late_wake_up_is_measured_and_does_not_shift_the_grid() -> None:
    loop, polls, _ = run(ManualClock(late_ns={3: 2 * MS}), 100)
    assert polls[3] == 22 * MS
    assert polls[4] == 25 * MS
    assert sorted(loop.lateness_ns())[-1] == 2 * MS
    assert loop.missed == 0


def test_missed_deadlines_are_skipped_and_counted_not_made_up_for() -> None:
    loop, polls, steps = run(ManualClock(), 200, work_ms={4: 33})
    assert loop.missed == 5
    assert polls[3:6] == [20 * MS, 53 * MS, 55 * MS]
    assert max(np.diff(steps)) <= 60 * MS
    assert min(np.diff(polls)) >= 2 * MS


def test_stop_from_inside_a_tick_ends_after_that_tick() -> None:
    clock = ManualClock()
    seen: list[int] = []

    def step(now_ns: int) -> None:
        seen.append(now_ns)
        loop.stop()

    loop = RealTimeLoop(clock, lambda _now_ns: None, step)
    loop.run()
    assert seen == [20 * MS]


def test_monotonic_clock_sleeps_to_an_absolute_time() -> None:
    clock = MonotonicClock()
    clock.sleep_until_ns(clock.now_ns() + 2 * MS)
    assert clock.now_ns() >= 2 * MS
    before = clock.now_ns()
    clock.sleep_until_ns(0)
    assert clock.now_ns() - before < 500 * MS


def test_real_time_rights_are_given_back_and_never_an_error() -> None:
    threshold = gc.get_threshold()
    with real_time() as rights:
        assert isinstance(rights.fifo, bool)
        assert gc.get_threshold()[0] > threshold[0]
    assert gc.get_threshold() == threshold
    assert gc.get_freeze_count() == 0


def test_lateness_and_steal_of_known_numbers() -> None:
    spread = spread_us(np.arange(1001, dtype=np.int64) * 1000)
    assert (spread["p50"], spread["p99"], spread["max"]) == (500.0, 990.0, 1000.0)
    assert np.isnan(spread_us(np.zeros(0, np.int64))["p50"])
    assert steal_frac((0,) * 8, (50, 0, 20, 20, 0, 0, 0, 10)) == 0.1
    assert steal_frac((), ()) is None
