"""Cost of rollouts near moving obstacles: how likely, and how soon, a motion meets one.

A mover is a disc that goes on as its course says, or as it goes, with growing uncertainty; or its velocity jumps, so
suddenly that the robot cannot answer any more, and then it is anywhere around there. In front of it and behind it are
told apart by time alone: the disc is where it will be at each step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.mppi_rollout import X, Y
from amr.kernels.tracking_filter import fading
from amr.kernels.tracking_foresight import course_at
from amr.kernels.trig import exponential

PREDICTED = 6
"""Columns of a prediction: x, y from the start of the motion, m; standard deviation m; radius m; probability that the
velocity has jumped by then; how far that spreads it, m."""
_EDGE_SIGMAS = 2.5
_LEAST_SIGMA_M = 0.03
"""No prediction is taken to be surer."""


@kernel(
    "void(float64[:,::1], float64[:,:,::1], boolean[::1], float64, float64, float64, float64, float64, float64,"
    " float64, float64, float32[:,:,::1])"
)
def predict_movers(
    movers: Any,
    courses: Any,
    has_course: Any,
    begin_s: Any,
    step_s: Any,
    swerve_mps2: Any,
    swerve_per_m: Any,
    jump_hz: Any,
    jump_frac: Any,
    jump_s: Any,
    answer_s: Any,
    predicted: Any,
) -> Any:
    """Fill ``predicted`` [n, T, 6] for the times ``begin_s + (t + 1) * step_s``.

    ``movers`` [n, 10]: x, y (from the start of the motion), vx, vy, ax, ay, fade s, radius, sigma of the position,
    sigma of the velocity. Its acceleration may differ from the prediction by ``swerve_mps2`` plus ``swerve_per_m``
    times its speed squared: what turns on a given curve turns harder the faster it is. Besides, its velocity jumps
    ``jump_hz`` times a second (a Poisson process) by ``jump_frac`` of its size; only jumps of the last ``jump_s``
    count, for earlier ones are seen and answered. ``courses`` [n, STEPS, 3]: place (from the start of the motion) and
    its standard deviation at ``amr.movers.AHEAD_S``; where ``has_course`` [n], it takes the place of the prediction.

    No place is more in doubt than the one ``answer_s`` ahead: what a mover does until shortly before a meeting will
    have been seen by then, and answered (partially closed loop: Du Toit and Burdick 2012).
    """
    for n in range(np.uint64(movers.shape[0])):
        vx, vy = movers[n, 2], movers[n, 3]
        speed = math.sqrt(vx * vx + vy * vy + movers[n, 9] * movers[n, 9])
        swerve = swerve_mps2 + swerve_per_m * (vx * vx + vy * vy)
        for t in range(np.uint64(predicted.shape[1])):
            ahead_s = begin_s + (float(t) + 1.0) * step_s
            way = fading(ahead_s, movers[n, 6])
            predicted[n, t, 0] = movers[n, 0] + ahead_s * vx + way * movers[n, 4]
            predicted[n, t, 1] = movers[n, 1] + ahead_s * vy + way * movers[n, 5]
            unknown_s = min(ahead_s, answer_s)
            drift = unknown_s * movers[n, 9]
            measured = math.sqrt(movers[n, 8] * movers[n, 8] + drift * drift)
            predicted[n, t, 2] = measured + 0.5 * swerve * unknown_s * unknown_s
            if has_course[n]:
                predicted[n, t, 0] = course_at(courses[n], movers[n, 0], ahead_s, 0)
                predicted[n, t, 1] = course_at(courses[n], movers[n, 1], ahead_s, 1)
                predicted[n, t, 2] = course_at(courses[n], movers[n, 8], unknown_s, 2)
            predicted[n, t, 3] = movers[n, 7]
            since_s = min(ahead_s, jump_s)
            predicted[n, t, 4] = 1.0 - exponential(-jump_hz * since_s)
            predicted[n, t, 5] = measured + jump_frac * since_s * speed


@kernel(
    "void(float32[:,:,::1], float32[:,:,::1], float32, float32, float32, float32, float32, float32, float32, float32,"
    " float32[::1], float32[::1])"
)
def add_mover_cost(
    state: Any,
    predicted: Any,
    step_m: Any,
    body_radius_m: Any,
    touch_m: Any,
    margin_m: Any,
    sure_m: Any,
    near_weight: Any,
    hit_weight: Any,
    hit_rise_per_m: Any,
    hit: Any,
    cost: Any,
) -> Any:
    """Add the cost of meeting the movers ``predicted`` [n, T, 6] to ``cost`` [K]; ``hit`` [K] is scratch.

    The robot is a disc of ``body_radius_m``. A gap below ``margin_m`` costs ``near_weight`` times the square of the
    missing part. A hit, a gap below ``touch_m``, costs ``hit_weight`` times its probability, and ``hit_rise_per_m`` for
    the overlap of the likeliest place. Nearness and overlap count by how sure the prediction is: 1 / (1 + (sigma /
    sure_m)^2). A jump meets the robot with a probability that falls to nothing at three times its spread (square of a
    straight line), and with the part of the directions that lead to it. Of each mover the dearest step counts.
    ``step_m``: the farthest that a motion gets in one step.

    The probability that the centre of a mover, normal about its prediction, lies within ``contact`` of the robot: at no
    distance 1 - exp(-contact^2 / (2 sigma^2)), which is exact; from there it falls as the distance from a straight edge
    has it, with a cubic from -2.5 to 2.5 sigma for the normal distribution. So nobody drives through the middle of a
    crowd because each of them may be elsewhere, nor gives way to what most likely will not be there.
    """
    steps, samples = state.shape[1], state.shape[2]
    zero, half, one, two, three = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0), np.float32(3.0)
    narrow, edge = np.float32(1.0e-3), np.float32(_EDGE_SIGMAS)
    for n in range(np.uint64(predicted.shape[0])):
        for k in range(np.uint64(samples)):
            hit[k] = zero
        for t in range(np.uint64(steps)):
            reach = step_m * np.float32(t + np.uint64(1))
            x, y, sigma, radius = predicted[n, t, 0], predicted[n, t, 1], predicted[n, t, 2], predicted[n, t, 3]
            share, wide = predicted[n, t, 4], max(three * predicted[n, t, 5], narrow)
            touch = radius + body_radius_m
            outer, contact = touch + margin_m, touch + touch_m
            spread = max(sigma, np.float32(_LEAST_SIGMA_M))
            farthest = touch + max(max(margin_m, wide), edge * spread) + reach
            if x * x + y * y > farthest * farthest:
                continue
            doubt = sigma / sure_m
            sure = one / (one + doubt * doubt)
            near = near_weight * sure
            per_margin, per_wide, per_edge = one / margin_m, one / wide, half / (edge * spread)
            aimed = hit_weight * share * touch / (touch + predicted[n, t, 5])
            middle = min(half + contact * per_edge, one)
            inside = np.float32(1.0 - exponential(-0.5 * float(contact * contact) / float(spread * spread)))
            hard = (one - share) * hit_weight * inside / (middle * middle * (three - two * middle))
            rise = hit_rise_per_m * sure
            for k in range(np.uint64(samples)):
                dx, dy = state[X, t, k] - x, state[Y, t, k] - y
                distance = np.float32(math.sqrt(dx * dx + dy * dy))
                part = max(outer - distance, zero) * per_margin
                cost[k] += near * part * part
                off = max(one - max(distance - touch, zero) * per_wide, zero)
                overlap = contact - distance
                part = min(max(half + overlap * per_edge, zero), one)
                meets = hard * part * part * (three - two * part) + rise * max(overlap, zero)
                hit[k] = max(hit[k], meets + aimed * off * off)
        for k in range(np.uint64(samples)):
            cost[k] += hit[k]
