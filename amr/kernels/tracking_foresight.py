"""Where a mover will be: a small neural network that reads the way it came.

The velocity that a filter tells is that of now; a second ahead it is a poor guess for whatever turns, hurries or
stops. How a mover changed its velocity within the last second says more. The network (two hidden layers of ``UNITS``
rectified units) reads ``LAGS`` mean velocities of ``LAG_S`` each, turned so that the last ``HEADING_S`` point ahead,
and how much of that was seen; it gives, for each of ``AHEAD_S``, by how much the mean velocity until then differs
from the present one, and how sure that is: the logarithm of the standard deviation on each axis, as a velocity
(mean-variance network, Nix and Weigend 1994). Its numbers are in ``amr.tracking.foresight_weights``, fitted by
``amr.runtime.bench.movers_fit``, whose examples are made by ``look_back``, too.

Layers are summed input by input: no sum is reordered, so results are equal on every CPU.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.tracking_table import FREE, NUMBER, PX, PY, SEEN_NS, STATUS
from amr.kernels.trig import exponential
from amr.movers import AHEAD_S

Array = NDArray[Any]

TRAIL: Final = 64
"""Places that are remembered of each track."""
_APART_NS: Final = 18_000_000
"""Between two remembered places, at least (but for the newest)."""
LAGS: Final = 25
LAG_S: Final = 0.04
HEADING_S: Final = 0.2
LEAST_SEEN_S: Final = 0.12
"""With less of its way the velocity is all there is to go by."""
LEAST_MPS: Final = 0.05
INPUTS: Final = 2 * LAGS + 1
UNITS: Final = 96
STEPS: Final = len(AHEAD_S)
OUTPUTS: Final = 3 * STEPS
VELOCITY_SCALE: Final = 0.5
"""Of the inputs, to be about 1: s/m."""
_LAYER_2: Final = INPUTS * UNITS + UNITS
_LAYER_3: Final = _LAYER_2 + UNITS * UNITS + UNITS
WEIGHTS: Final = _LAYER_3 + UNITS * OUTPUTS + OUTPUTS
"""Numbers of the network: for each layer the factors [inputs, units], then the offsets [units]."""
_AHEAD_S = np.array(AHEAD_S)
_LOG_SIGMA_LOW, _LOG_SIGMA_HIGH = -5.0, 1.5


@kernel("void(float64[:,::1], int64[:,::1], int64, int64[:,::1], float64[:,:,::1], int64[:,::1])")
def remember(tracks: Array, integers: Array, stamp_ns: int, trail_ns: Array, trail_m: Array, trail: Array) -> None:
    """After a scan: add the place of each track that was measured in it to its trail.

    ``trail_ns`` [n, TRAIL] and ``trail_m`` [n, TRAIL, 2] hold the last places, oldest first; ``trail`` [n, 2]: number
    of the track that they belong to, and how many there are.
    """
    for n in range(np.uint64(tracks.shape[0])):
        if integers[n, STATUS] == FREE or integers[n, SEEN_NS] != stamp_ns:
            continue
        if trail[n, 0] != integers[n, NUMBER]:
            trail[n, 0], trail[n, 1] = integers[n, NUMBER], 0
        count = trail[n, 1]
        if count >= 2 and trail_ns[n, count - 1] - trail_ns[n, count - 2] < _APART_NS:
            count -= 1
        if count == TRAIL:
            for k in range(np.uint64(TRAIL - 1)):
                trail_ns[n, k] = trail_ns[n, k + np.uint64(1)]
                trail_m[n, k, 0], trail_m[n, k, 1] = trail_m[n, k + np.uint64(1), 0], trail_m[n, k + np.uint64(1), 1]
            count -= 1
        trail_ns[n, count] = stamp_ns
        trail_m[n, count, 0], trail_m[n, count, 1] = tracks[n, PX], tracks[n, PY]
        trail[n, 1] = count + 1


@kernel("boolean(float64[::1], float64[:,::1], int64, float32[::1], float64[::1])")
def look_back(ages_s: Array, places_m: Array, count: int, inputs: Array, ahead: Array) -> bool:
    """Fill ``inputs`` [INPUTS] from ``count`` places [n, 2] (m), oldest first; False when they tell too little.

    ``ages_s`` [n]: time from each place to the newest. ``ahead`` [3] gets the direction (cosine, sine) and the speed
    (m/s) of the last ``HEADING_S``. Between places the way is taken to run straight; what was not seen counts 0.
    """
    if count < 2:
        return False
    newest = np.int64(count - 1)
    seen_s = ages_s[0]
    if not seen_s >= LEAST_SEEN_S:
        return False
    back_s = min(HEADING_S, seen_s)
    k = newest
    while ages_s[k - 1] < back_s and k > 1:
        k -= 1
    part = (back_s - ages_s[k]) / (ages_s[k - 1] - ages_s[k])
    vx = (places_m[newest, 0] - places_m[k, 0] - part * (places_m[k - 1, 0] - places_m[k, 0])) / back_s
    vy = (places_m[newest, 1] - places_m[k, 1] - part * (places_m[k - 1, 1] - places_m[k, 1])) / back_s
    speed = math.sqrt(vx * vx + vy * vy)
    if not speed >= LEAST_MPS:
        return False
    cosine, sine = vx / speed, vy / speed
    ahead[0], ahead[1], ahead[2] = cosine, sine, speed
    for i in range(np.uint64(INPUTS)):
        inputs[i] = 0.0
    x, y = places_m[newest, 0], places_m[newest, 1]
    k = newest
    for lag in range(LAGS):
        age_s = (lag + 1) * LAG_S
        if age_s > seen_s + 1e-9:
            break
        while ages_s[k - 1] < age_s and k > 1:
            k -= 1
        part = (age_s - ages_s[k]) / (ages_s[k - 1] - ages_s[k])
        back_x = places_m[k, 0] + part * (places_m[k - 1, 0] - places_m[k, 0])
        back_y = places_m[k, 1] + part * (places_m[k - 1, 1] - places_m[k, 1])
        vx, vy = (x - back_x) / LAG_S, (y - back_y) / LAG_S
        inputs[2 * lag] = VELOCITY_SCALE * (cosine * vx + sine * vy)
        inputs[2 * lag + 1] = VELOCITY_SCALE * (cosine * vy - sine * vx)
        x, y = back_x, back_y
    inputs[2 * LAGS] = min(seen_s, LAGS * LAG_S)
    return True


@kernel("void(float32[::1], float32[::1], float32[::1], float32[::1])")
def think(weights: Array, inputs: Array, hidden: Array, outputs: Array) -> None:
    """``outputs`` [OUTPUTS] of the network; ``hidden`` [2 * UNITS] is scratch."""
    zero = np.float32(0.0)
    for j in range(np.uint64(UNITS)):
        hidden[j] = weights[np.uint64(INPUTS * UNITS) + j]
    for i in range(np.uint64(INPUTS)):
        value = inputs[i]
        for j in range(np.uint64(UNITS)):
            hidden[j] += value * weights[i * np.uint64(UNITS) + j]
    for j in range(np.uint64(UNITS)):
        hidden[j + np.uint64(UNITS)] = weights[np.uint64(_LAYER_2 + UNITS * UNITS) + j]
    for i in range(np.uint64(UNITS)):
        value = hidden[i]
        if value > zero:
            for j in range(np.uint64(UNITS)):
                hidden[j + np.uint64(UNITS)] += value * weights[np.uint64(_LAYER_2) + i * np.uint64(UNITS) + j]
    for j in range(np.uint64(OUTPUTS)):
        outputs[j] = weights[np.uint64(_LAYER_3 + UNITS * OUTPUTS) + j]
    for i in range(np.uint64(UNITS)):
        value = hidden[i + np.uint64(UNITS)]
        if value > zero:
            for j in range(np.uint64(OUTPUTS)):
                outputs[j] += value * weights[np.uint64(_LAYER_3) + i * np.uint64(OUTPUTS) + j]


@kernel("void(float32[::1], float64[::1], float64[:,::1])")
def read_out(outputs: Array, ahead: Array, way: Array) -> None:
    """``way`` [STEPS, 3]: displacement (x, y) from the newest place and its standard deviation, m, at ``AHEAD_S``."""
    cosine, sine, speed = ahead[0], ahead[1], ahead[2]
    for k in range(np.uint64(STEPS)):
        duration_s = _AHEAD_S[k]
        along = duration_s * (speed + outputs[np.uint64(3) * k])
        across = duration_s * outputs[np.uint64(3) * k + np.uint64(1)]
        log_sigma = min(max(float(outputs[np.uint64(3) * k + np.uint64(2)]), _LOG_SIGMA_LOW), _LOG_SIGMA_HIGH)
        way[k, 0] = cosine * along - sine * across
        way[k, 1] = sine * along + cosine * across
        way[k, 2] = duration_s * exponential(log_sigma)


@kernel("float64(float64[:,::1], float64, float64, int64)")
def course_at(course: Array, begin: float, duration_s: float, column: int) -> float:
    """A column of ``course`` [STEPS, .] after ``duration_s`` >= 0: straight from ``begin`` and between ``AHEAD_S``, and
    on as it ends."""
    before_s, before = 0.0, begin
    k = np.uint64(0)
    while k < np.uint64(STEPS - 1) and duration_s > _AHEAD_S[k]:
        before_s, before = _AHEAD_S[k], course[k, column]
        k += np.uint64(1)
    part = (duration_s - before_s) / (_AHEAD_S[k] - before_s)
    value: float = before + part * (course[k, column] - before)
    return value


@kernel(
    "boolean(int64[:,::1], float64[:,:,::1], int64[:,::1], int64, int64, float64, float64, int64, float32[::1],"
    " float64[:,::1])"
)
def foresee(
    trail_ns: Array,
    trail_m: Array,
    trail: Array,
    track: int,
    number: int,
    x_m: float,
    y_m: float,
    now_ns: int,
    weights: Array,
    course: Array,
) -> bool:
    """Places of a track at ``now_ns`` plus each of ``AHEAD_S``: ``course`` [STEPS, 3] (x, y, standard deviation, m).

    ``x_m``, ``y_m``: where the filter has it at ``now_ns``. One that is hidden goes on from there as the network says
    that it does; one that was seen goes on from where it was seen. False when its trail tells too little.
    """
    if trail[track, 0] != number:
        return False
    count = trail[track, 1]
    if count < 2:
        return False
    newest = count - 1
    ages_s = np.empty(count)
    for k in range(count):
        ages_s[k] = (trail_ns[track, newest] - trail_ns[track, k]) * 1e-9
    inputs, ahead = np.empty(INPUTS, np.float32), np.empty(3)
    if not look_back(ages_s, trail_m[track], count, inputs, ahead):
        return False
    outputs, way = np.empty(OUTPUTS, np.float32), np.empty((STEPS, 3))
    think(weights, inputs, np.empty(2 * UNITS, np.float32), outputs)
    read_out(outputs, ahead, way)
    since_s = max(0.0, (now_ns - trail_ns[track, newest]) * 1e-9)
    from_x, from_y = trail_m[track, newest, 0], trail_m[track, newest, 1]
    if since_s > 0.2:
        from_x, from_y = x_m - course_at(way, 0.0, since_s, 0), y_m - course_at(way, 0.0, since_s, 1)
    for k in range(STEPS):
        course[k, 0] = from_x + course_at(way, 0.0, since_s + _AHEAD_S[k], 0)
        course[k, 1] = from_y + course_at(way, 0.0, since_s + _AHEAD_S[k], 1)
        course[k, 2] = course_at(way, 0.0, since_s + _AHEAD_S[k], 2)
    return True
