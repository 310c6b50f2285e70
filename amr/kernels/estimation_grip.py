"""Which friction explains what the accelerometer feels: several floors side by side, each sliding in its own way."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.trig import sin_cos
from amr.wheel_slide import slide

Array = NDArray[Any]


@kernel("void(float64[:,::1], float64, float64, float64, float64, float64[::1], float64, float64[:,::1])")
def slide_on_each(
    velocities: Array,
    w_radps: float,
    left_mps: float,
    right_mps: float,
    duration_s: float,
    frictions_mps2: Array,
    creep_mps: float,
    contacts: Array,
) -> None:
    """``slide`` on every floor: ``velocities`` [k, 2] (vx, vy in m/s, base frame) move on in place."""
    for row in range(velocities.shape[0]):
        velocities[row, 0], velocities[row, 1] = slide(
            velocities[row, 0], velocities[row, 1], w_radps, left_mps, right_mps, duration_s,
            frictions_mps2[row], creep_mps, contacts,
        )  # fmt: skip


@kernel(
    "void(float64[:,::1], float64[:,::1], float64, float64, float64, float64, float64, float64, float64, float64[::1])"
)
def weigh(
    before: Array,
    after: Array,
    turn_rad: float,
    duration_s: float,
    accel_x_mps2: float,
    accel_y_mps2: float,
    sigma_mps2: float,
    cap: float,
    keep: float,
    log_likelihood: Array,
) -> None:
    """Compare the mean acceleration of a time span, in the axes of its middle, with what each floor would give.

    ``before`` and ``after`` [k, 2]: velocities of each floor at its ends, in the base frame there; ``turn_rad``
    between them. A span in which all floors say the same to ``sigma_mps2`` tells nothing and changes nothing; else
    ``log_likelihood`` [k] is multiplied by ``keep`` (forgetting) and takes the span's, each at least ``-cap / 2``.
    """
    sine, cosine = sin_cos(0.5 * turn_rad)
    count = before.shape[0]
    low_x = high_x = low_y = high_y = 0.0
    for row in range(count):
        x = (cosine * (after[row, 0] - before[row, 0]) - sine * (after[row, 1] + before[row, 1])) / duration_s
        y = (cosine * (after[row, 1] - before[row, 1]) + sine * (after[row, 0] + before[row, 0])) / duration_s
        if row == 0:
            low_x = high_x = x
            low_y = high_y = y
        low_x, high_x, low_y, high_y = min(low_x, x), max(high_x, x), min(low_y, y), max(high_y, y)
    if max(high_x - low_x, high_y - low_y) <= sigma_mps2:
        return
    for row in range(count):
        x = (cosine * (after[row, 0] - before[row, 0]) - sine * (after[row, 1] + before[row, 1])) / duration_s
        y = (cosine * (after[row, 1] - before[row, 1]) + sine * (after[row, 0] + before[row, 0])) / duration_s
        miss_x, miss_y = (x - accel_x_mps2) / sigma_mps2, (y - accel_y_mps2) / sigma_mps2
        log_likelihood[row] = keep * log_likelihood[row] - 0.5 * min(cap, miss_x * miss_x + miss_y * miss_y)
