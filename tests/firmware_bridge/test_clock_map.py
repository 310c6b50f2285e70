"""The clock map: wraps, bounded error, never backward, no jump."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcu_model import MS, Rig

from firmware_bridge.clock import BUCKETS, PONGS_TO_SYNC, SLEW_LIMIT, SLEW_TIME_S, ClockMap

US = 1000


def synced(up_ns: int = 0, down_ns: int = 0, *, rtt_ns: int = 2 * MS, offset_ns: int = 5_000_000_000) -> ClockMap:
    """A map whose four exchanges took ``rtt_ns`` with equal ways."""
    clock = ClockMap(up_ns, down_ns)
    for number in range(PONGS_TO_SYNC):
        mcu_ns = clock.unwrap(1_000_000 + 20_000 * number)
        clock.ponged(mcu_ns + offset_ns - rtt_ns // 2, mcu_ns, mcu_ns + offset_ns + rtt_ns // 2)
    return clock


def test_needs_four_pongs_and_then_maps_both_ways() -> None:
    clock = ClockMap(0, 0)
    for number in range(PONGS_TO_SYNC):
        assert not clock.synced
        mcu_ns = clock.unwrap(20_000 * number)
        clock.ponged(mcu_ns + 7 * MS, mcu_ns, mcu_ns + 9 * MS)
    assert clock.synced
    assert clock.robot_ns(100 * MS) == 108 * MS
    assert clock.mcu_us(108 * MS) == 100_000
    assert 1 * MS <= clock.error_ns <= 2 * MS


def test_known_delays_remove_the_bias_of_unequal_ways() -> None:
    clock = ClockMap(35 * MS, 5 * MS)
    for number in range(PONGS_TO_SYNC):
        mcu_ns = clock.unwrap(50_000 * number)
        clock.ponged(mcu_ns + 100 * MS - 35 * MS, mcu_ns, mcu_ns + 100 * MS + 5 * MS)
    assert clock.robot_ns(1000 * MS) == pytest.approx(1100 * MS, abs=MS // 10)


@pytest.mark.parametrize("start", [0, 2**31 - 2500, 2**32 - 2500, 2**32 - 1])
def test_unwrap_counts_on_over_the_wrap_of_71_minutes_and_small_steps_back(start: int) -> None:
    clock = ClockMap(0, 0)
    first = clock.unwrap(start)
    for step_us in (1000, 2000, 5000, 4999, 6_000_000):
        assert clock.unwrap((start + step_us) & 0xFFFFFFFF) - first == step_us * US


def test_inverse_wraps_like_the_mcu() -> None:
    clock = ClockMap(0, 0)
    for number in range(PONGS_TO_SYNC):
        mcu_ns = clock.unwrap(2**32 - 100_000 + 20_000 * number)
        clock.ponged(mcu_ns, mcu_ns, mcu_ns)
    assert clock.mcu_us(2**32 * US + 50 * US) == 50
    assert clock.mcu_us(2**32 * US - 50 * US) == 2**32 - 50


def test_a_correction_is_slewed_and_never_moves_a_stamp_already_given() -> None:
    clock = synced(rtt_ns=80 * MS)
    given_ns = clock.robot_ns(2_000 * MS)
    last_mcu_ns, last_ns = 2_000 * MS, given_ns
    for number in range(1, 2000):
        mcu_ns = 2_000 * MS + number * 5 * MS
        now_ns = mcu_ns + 5_000 * MS - 30 * MS  # the first guess was 30 ms late
        if number % 50 == 0:
            clock.ponged(now_ns, mcu_ns, now_ns)
        stamp_ns = clock.stamp(mcu_ns, now_ns)
        rate = (stamp_ns - last_ns) / (mcu_ns - last_mcu_ns)
        assert abs(rate - 1.0) <= SLEW_LIMIT + 0.011
        ahead_ns = mcu_ns + 100 * MS
        assert abs(clock.mcu_us(clock.robot_ns(ahead_ns)) * US - ahead_ns) <= 2 * US
        last_mcu_ns, last_ns = mcu_ns, stamp_ns
    assert last_ns == pytest.approx(now_ns, abs=MS)


def test_without_any_bound_left_the_map_holds_its_course() -> None:
    clock = synced()
    before = clock.robot_ns(60_000 * MS)
    for number in range(40 * BUCKETS):
        mcu_ns = 2_000 * MS + number * 50 * MS
        clock.stamp(mcu_ns, mcu_ns + 5_000 * MS + 1 * MS)
    assert clock.robot_ns(60_000 * MS) == pytest.approx(before, abs=40 * MS)


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    drift=st.sampled_from([0.0, 1e-4, -5e-4, 3e-3, -3e-3]),
    up_ms=st.integers(0, 20),
    down_ms=st.integers(0, 20),
    jitter_ms=st.sampled_from([0.0, 0.3, 2.0]),
    start_us=st.sampled_from([0, 2**32 - 3_000_000, 2**31 - 1_000_000]),
    host_ms=st.sampled_from([5, 20]),
)
def test_error_stays_within_half_the_least_round_trip(
    seed: int, drift: float, up_ms: int, down_ms: int, jitter_ms: float, start_us: int, host_ms: int
) -> None:
    rng = random.Random(seed)
    rig = Rig(drift=drift, mcu_start_us=start_us, host_step_ns=host_ms * MS)
    rig.up.delay_ns = lambda: int(up_ms * MS + rng.expovariate(1.0) * jitter_ms * MS)
    rig.down.delay_ns = lambda: int(down_ms * MS + rng.expovariate(1.0) * jitter_ms * MS)
    measured_ns: list[int] = []
    make = rig.mcu.telemetry

    def telemetry(mcu_us: int):  # type: ignore[no-untyped-def]
        rig.mcu.ticks = (len(measured_ns), 0)
        measured_ns.append(rig.now_ns)
        return make(mcu_us)

    rig.mcu.telemetry = telemetry  # type: ignore[method-assign]
    rig.bring_up()
    rig.run(6.0)
    states = [event for event in rig.states() if event.boot_id == 77]
    stamps = [state.stamp_ns for state in states]
    assert len(stamps) > 1000
    assert all(later > earlier for earlier, later in pairwise(stamps))
    assert all(state.stamp_ns <= now for now, state in rig.events if hasattr(state, "left_ticks"))
    # Least round trip: both ways, one host step of waiting, one MCU step of 1 ms; then jitter; then the slew, lagging
    # by drift times its time constant until the drift is learned.
    lag_ns = round(abs(drift) * SLEW_TIME_S * 1e9) + MS // 2
    bound_ns = (up_ms + down_ms + host_ms + 1) * MS // 2 + int(3.0 * jitter_ms * MS) + lag_ns
    settled = states[len(states) // 2 :]
    worst_ns = max(abs(state.stamp_ns - measured_ns[state.left_ticks]) for state in settled)
    assert worst_ns <= bound_ns
    assert abs(stamps[-1] - measured_ns[states[-1].left_ticks]) <= rig.link.clock_error_ns, "beyond the stated error"
    assert rig.link.reconnects == 0
