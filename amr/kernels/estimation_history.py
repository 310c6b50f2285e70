"""The odometry filter's history: events sorted by stamp, one row of state behind each, re-run from the first change."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.estimation_odometry import advance, take_gyro, take_wheels
from amr.kernels.estimation_state import (
    EVENT_COLUMNS,
    EVENT_KIND,
    EVENT_TIME,
    FLOATS,
    INTS,
    IS_IMU,
)

Array = NDArray[Any]


@kernel("void(int64[:,::1], float64[::1], int64, int64)")
def copy_event(events: Array, gyro: Array, source: int, target: int) -> None:
    """One event to another row; by element, since a slice assignment takes Numba seconds to compile."""
    for column in range(EVENT_COLUMNS):
        events[target, column] = events[source, column]
    gyro[target] = gyro[source]


@kernel("void(float64[:,::1], int64[:,::1], int64, int64)")
def copy_state(floats: Array, ints: Array, source: int, target: int) -> None:
    """One row of state to another."""
    for column in range(FLOATS):
        floats[target, column] = floats[source, column]
    for column in range(INTS):
        ints[target, column] = ints[source, column]


@kernel(
    "int64(int64[:,::1], float64[::1], int64, int64[:,::1], float64[::1], float64[:,::1], int64[:,::1],"
    " int64, int64, float64[::1], float64[:,::1], int64[::1])"
)
def apply_events(
    fresh: Array,
    fresh_gyro: Array,
    fresh_count: int,
    events: Array,
    gyro: Array,
    floats: Array,
    ints: Array,
    count: int,
    history_ns: int,
    settings: Array,
    contacts: Array,
    refused: Array,
) -> int:
    """Sort the fresh events into the history by stamp and run the filter again from the first changed row.

    Row 0 is the state before all that can still change. Returns the new count of rows. ``refused``: counts of
    (duplicate, too late), raised here. Needs room: the oldest half is dropped when the history is full.
    """
    capacity = events.shape[0]
    first = count
    for n in range(fresh_count):
        time_ns = fresh[n, EVENT_TIME]
        kind = fresh[n, EVENT_KIND]
        if time_ns <= events[0, EVENT_TIME] or time_ns < events[count - 1, EVENT_TIME] - history_ns:
            refused[1] += 1
            continue
        place = count
        while events[place - 1, EVENT_TIME] > time_ns or (
            events[place - 1, EVENT_TIME] == time_ns and events[place - 1, EVENT_KIND] > kind
        ):
            place -= 1
        if place > 0 and events[place - 1, EVENT_TIME] == time_ns and events[place - 1, EVENT_KIND] == kind:
            refused[0] += 1
            continue
        if count == capacity:
            # rows before the change are final; keep the newer half, unless the change itself lies in the older
            drop = min(capacity // 2, place - 1, first - 1)
            if drop < 1:
                refused[1] += 1
                continue
            for row in range(count - drop):
                copy_event(events, gyro, row + drop, row)
                copy_state(floats, ints, row + drop, row)
            count -= drop
            first -= drop
            place -= drop
        for row in range(count, place, -1):
            copy_event(events, gyro, row - 1, row)
        for column in range(EVENT_COLUMNS):
            events[place, column] = fresh[n, column]
        gyro[place] = fresh_gyro[n]
        count += 1
        first = min(first, place)
    for row in range(first, count):
        f = floats[row]
        k = ints[row]
        copy_state(floats, ints, row - 1, row)
        time_ns = events[row, EVENT_TIME]
        advance(f, k, time_ns, settings)
        if events[row, EVENT_KIND] == IS_IMU:
            take_gyro(f, k, time_ns, gyro[row], settings)
        else:
            take_wheels(f, k, time_ns, events[row], settings, contacts)
    return count
