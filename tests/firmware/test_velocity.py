"""Wheel speed from counts and times, whatever the times do."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_bridge.native import load_library

UM_PER_TICK = 100
Update = Callable[[int, int], int]


@pytest.fixture
def update(shared_object: Path | None) -> Update:
    """``velocity_update(ticks, time_us)`` of a wheel of 0.1 mm a count, in um/s."""
    function = load_library(shared_object).velocity_update
    function.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32]
    function.restype = ctypes.c_int32
    state = ctypes.create_string_buffer(256)  # more than velocity_state
    return lambda ticks, time_us: int(function(state, ticks, time_us & 0xFFFF_FFFF, UM_PER_TICK * 1000))


def run_evenly(update: Update, start_us: int, start_ticks: int = 0) -> int:
    return [update(start_ticks + 10 * i, start_us + 5000 * i) for i in range(8)][-1]


def test_even_motion_is_its_speed_over_the_wrap_of_the_clock(update: Update) -> None:
    assert run_evenly(update, 2**32 - 20_000) == 10 * UM_PER_TICK * 200


@pytest.mark.parametrize("next_us", [35_000, 34_999, 0, 35_000 - 2**31, 35_000 + 2**27 + 1])
def test_a_time_that_is_not_ahead_or_far_ahead_starts_anew(update: Update, next_us: int) -> None:
    run_evenly(update, 0)
    assert update(80, next_us) == 0
    assert update(90, next_us + 5000) == 10 * UM_PER_TICK * 200


def test_times_that_come_back_to_the_same_number_divide_by_nothing(update: Update) -> None:
    """Three steps of a third of the clock each end where they began."""
    for third in (0, 2**32 // 3, 2 * 2**32 // 3 + 1, 2**32):
        assert update(0, third) == 0
