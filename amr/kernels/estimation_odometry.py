"""The odometry filter's arithmetic: one row of state per measurement, so that a late one re-runs what follows it.

State of the filter: x, y (odom frame), yaw, gyro bias, and their covariance. Wheels give the way, the gyro the
turning; a skid steer's wheels tell almost nothing about turning, and slide sideways while they do (see ``slide``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.estimation_state import (
    BIAS,
    BIAS_WALK,
    BOOT,
    CREEP_MPS,
    DOUBT_LEFT,
    DOUBT_RIGHT,
    DOUBT_TIME,
    EVENT_BOOT,
    EVENT_LEFT,
    EVENT_RIGHT,
    FASTEST_MPS,
    FRICTION_MPS2,
    FROM_GYRO,
    FROM_WHEELS,
    GYRO,
    GYRO_NOISE,
    GYRO_SCALE_NOISE,
    IMPLAUSIBLE,
    IMU_TIME,
    LEFT,
    LEFT_LAG_M,
    LEFT_MPS,
    METERS_PER_TICK,
    NEVER,
    REBOOTS,
    REST_COUNT,
    REST_MEAN,
    REST_MEAN_COUNT,
    REST_SINCE,
    REST_SUM,
    RIGHT,
    RIGHT_LAG_M,
    RIGHT_MPS,
    SLIP,
    STANDING,
    STANDSTILL_NS,
    STANDSTILL_RATE,
    STATE,
    STILL_LEFT,
    STILL_RIGHT,
    STILL_SINCE,
    TIME,
    TRACK_M,
    TURN_SOURCE,
    TURN_VARIANCE_PER_RAD,
    VX,
    VY,
    WAY_VARIANCE_PER_M,
    WHEEL_TIME,
    WHEEL_YAW_NOISE,
    YAW,
    YAW_AT_WHEELS,
    P,
    W,
    X,
    Y,
)
from amr.kernels.trig import sin_cos
from amr.wheel_slide import slide

Array = NDArray[Any]

_S = 1e-9
_GYRO_TIMEOUT_NS = 50_000_000
_WHEEL_TIMEOUT_NS = 100_000_000
_REST_BLOCK_NS = 100_000_000
_SLIP_TIME_S = 0.1
_WHEEL_YAW_ERROR_TIME_S = 1.0
"""The error of the wheels' yaw rate lasts: samples within this time count as one."""
_WHEEL_YAW_ERROR_FRAC = 0.1
_TICK_TOLERANCE = 8
_STILL_TOLERANCE = 1
"""An encoder at the edge of a count flickers by one."""
_WAY_GAIN, _SPEED_GAIN = 0.84, 0.36
"""Critically damped alpha-beta filter (Benedict and Bordner 1962), memory 0.4 a sample: lags by two samples."""


@kernel("float64(float64)")
def wrapped(angle_rad: float) -> float:
    """The same direction in (-pi, pi] for angles within one turn of it."""
    if angle_rad > math.pi:
        return angle_rad - 2.0 * math.pi
    if angle_rad <= -math.pi:
        return angle_rad + 2.0 * math.pi
    return angle_rad


@kernel("void(float64[::1], float64, float64)")
def correct_bias(f: Array, innovation: float, variance: float) -> None:
    """Kalman update with a measurement of the bias that lies ``innovation`` above the estimate."""
    total = f[P + BIAS * STATE + BIAS] + variance
    column = np.empty(STATE)
    for a in range(STATE):
        column[a] = f[P + a * STATE + BIAS]
    for a in range(STATE):
        gain = column[a] / total
        f[a] += gain * innovation
        for b in range(STATE):
            f[P + a * STATE + b] -= gain * column[b]
    f[YAW] = wrapped(f[YAW])


@kernel("void(float64[::1], int64[::1], int64, float64[::1])")
def advance(f: Array, k: Array, time_ns: int, settings: Array) -> None:
    """Turn on at the yaw rate in force from the row's time to ``time_ns``; the bias walks."""
    if k[TIME] != NEVER and time_ns > k[TIME]:
        dt = float(time_ns - k[TIME]) * _S
        f[P + BIAS * STATE + BIAS] += settings[BIAS_WALK] * settings[BIAS_WALK] * dt
        if k[TURN_SOURCE] == FROM_GYRO:
            until = min(time_ns, k[IMU_TIME] + _GYRO_TIMEOUT_NS)
            dt = max(0.0, float(until - k[TIME]) * _S)
            f[YAW] = wrapped(f[YAW] + f[W] * dt)
            # yaw takes -bias * dt in: P = F P F' with F[yaw, bias] = -dt
            for b in range(STATE):
                f[P + YAW * STATE + b] -= dt * f[P + BIAS * STATE + b]
            for a in range(STATE):
                f[P + a * STATE + YAW] -= dt * f[P + a * STATE + BIAS]
            noise = settings[GYRO_SCALE_NOISE]
            f[P + YAW * STATE + YAW] += noise * noise * abs(f[W]) * dt
    k[TIME] = time_ns


@kernel("void(float64[::1], int64[::1], int64, float64, float64)")
def rest(f: Array, k: Array, time_ns: int, gyro_radps: float, noise_radps: float) -> None:
    """A gyro sample at rest: the bias, in blocks of 0.1 s.

    A block counts only when the next one ended at rest, too: a robot that starts to turn does so before its wheels
    have moved by a count, and 5 mrad/s would be taken for bias.
    """
    if k[REST_COUNT] == 0:
        k[REST_SINCE] = time_ns
        f[REST_SUM] = 0.0
    f[REST_SUM] += gyro_radps
    k[REST_COUNT] += 1
    if time_ns - k[REST_SINCE] >= _REST_BLOCK_NS:
        if k[REST_MEAN_COUNT] > 0:
            correct_bias(f, f[REST_MEAN] - f[BIAS], noise_radps * noise_radps / k[REST_MEAN_COUNT])
        f[REST_MEAN] = f[REST_SUM] / k[REST_COUNT]
        k[REST_MEAN_COUNT] = k[REST_COUNT]
        k[REST_COUNT] = 0


@kernel("void(float64[::1], int64[::1], int64, float64, float64[::1])")
def take_gyro(f: Array, k: Array, time_ns: int, gyro_radps: float, settings: Array) -> None:
    """A gyro sample: turning, or the bias itself while the wheels stand still."""
    noise = settings[GYRO_NOISE]
    fresh = k[IMU_TIME] != NEVER and time_ns - k[IMU_TIME] <= _GYRO_TIMEOUT_NS
    dt = float(time_ns - k[IMU_TIME]) * _S if fresh else 0.0
    still = (
        k[WHEEL_TIME] != NEVER
        and time_ns - k[WHEEL_TIME] <= _WHEEL_TIMEOUT_NS
        and float(time_ns - k[STILL_SINCE]) >= settings[STANDSTILL_NS]
    )
    uncertain = math.sqrt(f[P + BIAS * STATE + BIAS] + noise * noise)
    if still and abs(gyro_radps - f[BIAS]) < settings[STANDSTILL_RATE] + 3.0 * uncertain:
        rest(f, k, time_ns, gyro_radps, noise)
        k[TURN_SOURCE] = STANDING
        f[W] = 0.0
    else:
        if fresh and k[TURN_SOURCE] == FROM_GYRO:
            # a sample is the mean since the one before, and ``advance`` held that one
            f[YAW] = wrapped(f[YAW] + (gyro_radps - f[GYRO]) * dt)
            f[P + YAW * STATE + YAW] += noise * noise * dt * dt
        k[TURN_SOURCE] = FROM_GYRO
        f[W] = gyro_radps - f[BIAS]
        k[REST_COUNT] = 0
        k[REST_MEAN_COUNT] = 0
    f[GYRO] = gyro_radps
    k[IMU_TIME] = time_ns


@kernel("void(float64[::1], int64, float64, float64)")
def filter_speed(f: Array, wheel: int, way_m: float, dt: float) -> None:
    """Alpha-beta filter of one wheel's speed (``wheel`` 0 left, 1 right) from its way in ``dt``."""
    lag = f[LEFT_LAG_M + wheel] + f[LEFT_MPS + wheel] * dt - way_m
    f[LEFT_MPS + wheel] -= _SPEED_GAIN / max(dt, 1e-3) * lag
    f[LEFT_LAG_M + wheel] = (1.0 - _WAY_GAIN) * lag


@kernel("void(float64[::1], float64, float64, float64, float64[::1])")
def move(f: Array, forward_m: float, sideways_m: float, turn_rad: float, settings: Array) -> None:
    """Move by a chord whose direction is the middle of the turn that just ended at the row's yaw."""
    s, c = sin_cos(f[YAW] - 0.5 * turn_rad)
    dx = c * forward_m - s * sideways_m
    dy = s * forward_m + c * sideways_m
    f[X] += dx
    f[Y] += dy
    for b in range(STATE):
        f[P + X * STATE + b] -= dy * f[P + YAW * STATE + b]
        f[P + Y * STATE + b] += dx * f[P + YAW * STATE + b]
    for a in range(STATE):
        f[P + a * STATE + X] -= dy * f[P + a * STATE + YAW]
        f[P + a * STATE + Y] += dx * f[P + a * STATE + YAW]
    along = settings[WAY_VARIANCE_PER_M] * abs(forward_m)
    arc_error = 0.3 * forward_m * turn_rad
    around = settings[TURN_VARIANCE_PER_RAD] * abs(turn_rad) + arc_error * arc_error
    f[P + X * STATE + X] += c * c * along + around
    f[P + X * STATE + Y] += c * s * along
    f[P + Y * STATE + X] += c * s * along
    f[P + Y * STATE + Y] += s * s * along + around


@kernel("boolean(int64, int64, int64, float64[::1])")
def plausible(left_ticks: int, right_ticks: int, duration_ns: int, settings: Array) -> bool:
    """True when wheels can have turned by so many counts in the time."""
    most = settings[FASTEST_MPS] * float(duration_ns) * _S / settings[METERS_PER_TICK] + float(_TICK_TOLERANCE)
    return bool(abs(float(left_ticks)) <= most and abs(float(right_ticks)) <= most)


@kernel("void(float64[::1], int64[::1], int64, int64[::1])")
def anchor_wheels(f: Array, k: Array, time_ns: int, event: Array) -> None:
    """Count ways from this sample on; what lies before is unknown."""
    if k[WHEEL_TIME] != NEVER:
        way = abs(f[VX]) * float(time_ns - k[WHEEL_TIME]) * _S
        f[P + X * STATE + X] += way * way
        f[P + Y * STATE + Y] += way * way
    k[BOOT] = event[EVENT_BOOT]
    k[LEFT] = event[EVENT_LEFT]
    k[RIGHT] = event[EVENT_RIGHT]
    k[STILL_LEFT] = event[EVENT_LEFT]
    k[STILL_RIGHT] = event[EVENT_RIGHT]
    k[STILL_SINCE] = time_ns
    k[WHEEL_TIME] = time_ns
    k[DOUBT_TIME] = NEVER
    f[YAW_AT_WHEELS] = f[YAW]
    for column in range(LEFT_MPS, VY + 1):
        f[column] = 0.0


@kernel("void(float64[::1], int64[::1], int64, float64, float64, float64[::1])")
def turn_by_wheels(f: Array, k: Array, time_ns: int, turn_rad: float, dt: float, settings: Array) -> None:
    """What the wheels tell about turning: a bound on the gyro's bias, or the yaw itself when the gyro is silent."""
    error = settings[WHEEL_YAW_NOISE]
    rate = turn_rad / dt
    spread = error * error + _WHEEL_YAW_ERROR_FRAC * _WHEEL_YAW_ERROR_FRAC * rate * rate
    if k[IMU_TIME] != NEVER and time_ns - k[IMU_TIME] <= _GYRO_TIMEOUT_NS:
        told = wrapped(f[YAW] - f[YAW_AT_WHEELS]) / dt
        part = dt / (dt + _SLIP_TIME_S)
        f[SLIP] += part * (rate - told - f[SLIP])
        if k[TURN_SOURCE] == FROM_GYRO:
            correct_bias(f, told - rate, spread * max(1.0, _WHEEL_YAW_ERROR_TIME_S / dt))
    else:
        f[YAW] = wrapped(f[YAW_AT_WHEELS] + turn_rad)
        f[W] = rate
        f[P + YAW * STATE + YAW] += spread * dt * max(dt, _WHEEL_YAW_ERROR_TIME_S)
        k[TURN_SOURCE] = FROM_WHEELS


@kernel("void(float64[::1], int64[::1], int64, int64[::1], float64[::1], float64[:,::1])")
def take_wheels(f: Array, k: Array, time_ns: int, event: Array, settings: Array, contacts: Array) -> None:
    """An encoder sample: the way since the last one, if the wheels can have made it."""
    if k[WHEEL_TIME] == NEVER:
        anchor_wheels(f, k, time_ns, event)
        return
    if event[EVENT_BOOT] != k[BOOT]:
        k[REBOOTS] += 1
        anchor_wheels(f, k, time_ns, event)
        return
    left = event[EVENT_LEFT] - k[LEFT]
    right = event[EVENT_RIGHT] - k[RIGHT]
    if not plausible(left, right, time_ns - k[WHEEL_TIME], settings):
        k[IMPLAUSIBLE] += 1
        agrees = k[DOUBT_TIME] != NEVER and plausible(
            event[EVENT_LEFT] - k[DOUBT_LEFT], event[EVENT_RIGHT] - k[DOUBT_RIGHT], time_ns - k[DOUBT_TIME], settings
        )
        if agrees:
            # two samples agree with each other, not with the past: the counter itself jumped
            anchor_wheels(f, k, time_ns, event)
        else:
            k[DOUBT_LEFT] = event[EVENT_LEFT]
            k[DOUBT_RIGHT] = event[EVENT_RIGHT]
            k[DOUBT_TIME] = time_ns
        return
    k[DOUBT_TIME] = NEVER
    dt = max(float(time_ns - k[WHEEL_TIME]) * _S, 1e-6)
    left_m = float(left) * settings[METERS_PER_TICK]
    right_m = float(right) * settings[METERS_PER_TICK]
    if abs(event[EVENT_LEFT] - k[STILL_LEFT]) > _STILL_TOLERANCE or (
        abs(event[EVENT_RIGHT] - k[STILL_RIGHT]) > _STILL_TOLERANCE
    ):
        k[STILL_LEFT] = event[EVENT_LEFT]
        k[STILL_RIGHT] = event[EVENT_RIGHT]
        k[STILL_SINCE] = time_ns
    if float(time_ns - k[STILL_SINCE]) >= settings[STANDSTILL_NS]:
        for column in range(LEFT_MPS, VY + 1):
            f[column] = 0.0
    elif time_ns - k[WHEEL_TIME] > _WHEEL_TIMEOUT_NS:
        f[LEFT_MPS] = left_m / dt
        f[RIGHT_MPS] = right_m / dt
        f[LEFT_LAG_M] = 0.0
        f[RIGHT_LAG_M] = 0.0
        f[VX] = 0.5 * (f[LEFT_MPS] + f[RIGHT_MPS])
        f[VY] = 0.0
    else:
        filter_speed(f, 0, left_m, dt)
        filter_speed(f, 1, right_m, dt)
        if contacts.shape[0] > 0:
            f[VX], f[VY] = slide(
                f[VX],
                f[VY],
                f[W],
                f[LEFT_MPS],
                f[RIGHT_MPS],
                dt,
                settings[FRICTION_MPS2],
                settings[CREEP_MPS],
                contacts,
            )
        else:
            f[VX] = 0.5 * (f[LEFT_MPS] + f[RIGHT_MPS])
    turn_by_wheels(f, k, time_ns, (right_m - left_m) / settings[TRACK_M], dt, settings)
    # the counts carry the way exactly; the slide is what the ground takes from it
    slid_m = (f[VX] - 0.5 * (f[LEFT_MPS] + f[RIGHT_MPS])) * dt
    turn_rad = wrapped(f[YAW] - f[YAW_AT_WHEELS])
    move(f, 0.5 * (left_m + right_m) + slid_m, f[VY] * dt, turn_rad, settings)
    k[LEFT] = event[EVENT_LEFT]
    k[RIGHT] = event[EVENT_RIGHT]
    k[WHEEL_TIME] = time_ns
    f[YAW_AT_WHEELS] = f[YAW]
