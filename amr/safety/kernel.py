"""The stopping envelope, compiled. Frames, outline and unit twist: see ``kernel_outline``.

Points at rest in the world move in the base frame on circles about the twist's centre of rotation with the constant
speed S = hypot(v - w y, w x). So distance to the outline changes by at most min(S, 1) per progress, and conservative
advancement (Mirtich 1996, section 2.3.2) steps along the arc without missing a contact: each step is the slack
divided by that, but at least ``MIN_STEP_M`` of travel, so a contact shallower than half of that can go unnoticed.

A *law* is one float64 array, so that a call carries few arguments: the unit twist, and how to stop along it.
"""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.safety.kernel_outline import (
    F64,
    I64,
    lateral,
    lateral_range,
    moved_point,
    outline_distance,
    sin_cos,
)

V, W = 0, 1
FLOOR = 2
"""Outline speed at which the wheels may still run when braking begins."""
HOLD_S, BRAKE_S_PER_MPS = 3, 4
MARGIN, MARGIN_PER_SPEED = 5, 6
OBSTACLE_SPEED = 7
REACH = 8
"""Circumradius of the outline."""
YAW_ERROR = 9
"""Part by which the robot may turn more or less than commanded."""
AGE_MAX_S = 10
"""Age from which on a point counts as no older: it may have come nearer since, but not without limit."""
LAW_SIZE = 11

MIN_STEP_M = 0.004
MAX_ITERATIONS = 400
BISECTIONS = 10
ROUNDING_M = 1.0e-9
TURNS_RADPS = 0.3
"""A commanded turn from here on takes grip from braking."""
SLIDE = 0.1
"""Sine of the angle at which creeping along something may approach it."""


@kernel("UniTuple(float64, 3)(float64, float64[::1])")
def stopping_motion(speed: float, law: F64) -> tuple[float, float, float]:
    """(hold m, total m, duration s) of a stop from an outline speed."""
    first = max(speed, law[np.uint64(FLOOR)])
    slope = law[np.uint64(BRAKE_S_PER_MPS)]
    hold_s = law[np.uint64(HOLD_S)]
    return speed * hold_s, speed * hold_s + 0.5 * first * first * slope, hold_s + first * slope


@kernel("float64(float64, float64[::1])")
def yaw_deviation(progress: float, law: F64) -> float:
    """Bound on how far a point of the outline is off its arc: wrong turn at its radius, sideways at half the way."""
    turn = abs(law[np.uint64(W)]) * progress * law[np.uint64(YAW_ERROR)]
    return float(turn * (law[np.uint64(REACH)] + 0.5 * abs(law[np.uint64(V)]) * progress))


@kernel(
    "boolean(float64, float64, float64, float64, float64, float64, float64, float64, float64[::1],"
    " float64[:, ::1], float64[:, ::1], int64[::1])"
)
def point_is_clear(
    x: float,
    y: float,
    uncertainty: float,
    start_distance: float,
    speed: float,
    hold: float,
    total: float,
    margin: float,
    law: F64,
    edges: F64,
    discs: F64,
    starts: I64,
) -> bool:
    """True when the sweep keeps its margin to the point (base frame at the sweep's start).

    The outline drives ``hold`` metres at ``speed``, then brakes evenly to rest at ``total``. The margin at a place is
    ``margin`` plus the law's margin per speed times the speed there, plus how far the outline can be off its arc by
    then because the robot turns more or less than it should (``yaw_deviation``). For a point known only within
    ``uncertainty`` it grows by that, but not beyond what the point has at the start (``start_distance``): leaving such
    a point is free.
    """
    v = law[np.uint64(V)]
    w = law[np.uint64(W)]
    rate = min(1.0, math.sqrt((v - w * y) * (v - w * y) + (w * x) * (w * x)))
    # the distance may shrink, and the margin grow
    rate += yaw_deviation(total, law) / max(total, MIN_STEP_M) * 2.0
    progress = 0.0
    for _ in range(MAX_ITERATIONS):
        px, py = moved_point(x, y, v, w, progress)
        distance = outline_distance(px, py, edges, discs, starts)
        local_speed = speed
        if progress > hold:
            local_speed = speed * math.sqrt(max(0.0, (total - progress) / (total - hold)))
        need = margin + law[np.uint64(MARGIN_PER_SPEED)] * local_speed + yaw_deviation(progress, law)
        need = max(need, min(need + uncertainty, start_distance - ROUNDING_M))
        if distance < need:
            return False
        slack = distance - need
        if slack >= rate * (total - progress):
            return True
        progress = min(total, progress + max(slack, MIN_STEP_M) / rate)
    return False


@kernel("boolean(float64[:, ::1], int64, float64, float64, float64[::1], float64[:, ::1], float64[:, ::1], int64[::1])")
def speed_is_clear(
    points: F64, number: int, start_distance: float, speed: float, law: F64, edges: F64, discs: F64, starts: I64
) -> bool:
    """True when the stop from ``speed`` keeps its margin to one of the points, which may approach meanwhile."""
    i = np.uint64(number)
    hold, total, duration = stopping_motion(speed, law)
    age = min(points[i, 3], law[np.uint64(AGE_MAX_S)])
    margin = law[np.uint64(MARGIN)] + law[np.uint64(OBSTACLE_SPEED)] * (duration + age)
    fastest = max(speed, law[np.uint64(FLOOR)])
    x = points[i, 0]
    y = points[i, 1]
    uncertainty = points[i, 2]
    return point_is_clear(x, y, uncertainty, start_distance, fastest, hold, total, margin, law, edges, discs, starts)


@kernel(
    "int64(float64[:, ::1], int64, float64, float64[::1], float64[:, ::1], float64[:, ::1], int64[::1], float64[::1],"
    " int64[::1])"
)
def find_offenders(
    points: F64,
    count: int,
    speed: float,
    law: F64,
    edges: F64,
    discs: F64,
    starts: I64,
    distances: F64,
    offenders: I64,
) -> int:
    """Indices of the points to which the stop from ``speed`` does not keep its margin, the nearest first; how many.

    ``distances`` gets their distances at the start, in the same order.
    """
    v = law[np.uint64(V)]
    w = law[np.uint64(W)]
    low, high = lateral_range(v, w, edges, discs, starts)
    _, total, duration = stopping_motion(speed, law)
    fastest = max(speed, law[np.uint64(FLOOR)])
    margin = law[np.uint64(MARGIN)] + law[np.uint64(MARGIN_PER_SPEED)] * fastest
    found = 0
    for k in range(count):
        i = np.uint64(k)
        x = points[i, 0]
        y = points[i, 1]
        age = min(points[i, 3], law[np.uint64(AGE_MAX_S)])
        need = margin + law[np.uint64(OBSTACLE_SPEED)] * (duration + age) + points[i, 2]
        need += yaw_deviation(total, law)
        reach = law[np.uint64(REACH)] + abs(v) * total + need
        if x * x + y * y > reach * reach:
            continue
        side = lateral(x, y, v, w)
        if side > high + need or side < low - need:
            continue
        distance = outline_distance(x, y, edges, discs, starts)
        if speed_is_clear(points, k, distance, speed, law, edges, discs, starts):
            continue
        slot = np.uint64(found)
        distances[slot] = distance
        offenders[slot] = k
        if distance < distances[np.uint64(0)]:
            distances[slot] = distances[np.uint64(0)]
            offenders[slot] = offenders[np.uint64(0)]
            distances[np.uint64(0)] = distance
            offenders[np.uint64(0)] = k
        found += 1
    return found


@kernel(
    "Tuple((float64, int64))(float64[:, ::1], int64, float64, float64, float64[::1], float64[:, ::1],"
    " float64[:, ::1], int64[::1], float64[::1], int64[::1])"
)
def largest_clear_speed(
    points: F64,
    count: int,
    speed: float,
    slowest: float,
    law: F64,
    edges: F64,
    discs: F64,
    starts: I64,
    distances: F64,
    offenders: I64,
) -> tuple[float, int]:
    """(largest outline speed in [slowest, speed] whose stop keeps its margin to all points, index of the limiting one).

    -1 when even ``slowest`` does not. ``points`` float64 [n, 4]: (x, y, uncertainty m, age s) in the base frame at the
    start, the first ``count`` are used. Index -1 when nothing limits. ``distances`` and ``offenders`` are scratch [n].
    A slower stop runs over a part of the same arc with a smaller margin, so points that are clear at ``speed`` stay
    clear, and per point the largest speed is found by bisection (its result is always a speed that was checked). The
    nearest offender comes first: it usually decides, and the others then pass with one check.
    """
    found = find_offenders(points, count, speed, law, edges, discs, starts, distances, offenders)
    best = speed
    worst = -1
    for turn in range(found):
        slot = np.uint64(turn)
        k = offenders[slot]
        distance = distances[slot]
        if turn > 0 and speed_is_clear(points, k, distance, best, law, edges, discs, starts):
            continue
        worst = k
        if not speed_is_clear(points, k, distance, slowest, law, edges, discs, starts):
            return -1.0, worst
        clear_speed = slowest
        blocked_speed = best
        for _ in range(BISECTIONS):
            middle = 0.5 * (clear_speed + blocked_speed)
            if speed_is_clear(points, k, distance, middle, law, edges, discs, starts):
                clear_speed = middle
            else:
                blocked_speed = middle
        best = clear_speed
    return best, worst


@kernel(
    "boolean(float64[:, ::1], int64, float64, float64, float64[::1], float64[:, ::1], float64[:, ::1], int64[::1],"
    " float64[::1])"
)
def creep_is_clear(
    points: F64,
    count: int,
    speed: float,
    contact_margin: float,
    law: F64,
    edges: F64,
    discs: F64,
    starts: I64,
    distances: F64,
) -> bool:
    """True when a creeping motion is allowed although a faster one is not. Rules, c being the smallest clearance now:

    1. Where there is room (c above the margin) every point keeps the margin at rest; uncertainty does not count.
    2. Inside the margin it may slide along, not approach: no point may come nearer than c less ``SLIDE`` times the way,
       nor nearer than ``contact_margin``.
    3. A point that is nearer than that already may not come nearer at all.
    4. A point below ``contact_margin`` must end farther away than it began.

    ``points`` as in ``largest_clear_speed``; ``distances`` is scratch [n].
    """
    v = law[np.uint64(V)]
    w = law[np.uint64(W)]
    hold, total, duration = stopping_motion(speed, law)
    margin = law[np.uint64(MARGIN)] + law[np.uint64(OBSTACLE_SPEED)] * duration
    nearest = np.inf
    reach = law[np.uint64(REACH)] + abs(v) * total + margin
    for k in range(count):
        i = np.uint64(k)
        x = points[i, 0]
        y = points[i, 1]
        distances[i] = np.inf
        if x * x + y * y <= reach * reach:
            distances[i] = outline_distance(x, y, edges, discs, starts)
            nearest = min(nearest, distances[i])
    allowed = max(contact_margin, min(margin, nearest - SLIDE * total))
    for k in range(count):
        i = np.uint64(k)
        if distances[i] > allowed + total:
            continue
        x = points[i, 0]
        y = points[i, 1]
        need = min(allowed, distances[i] - ROUNDING_M)
        if not point_is_clear(x, y, 0.0, 0.0, 0.0, hold, total, need, law, edges, discs, starts):
            return False
        if distances[i] < contact_margin:
            px, py = moved_point(x, y, v, w, total)
            if outline_distance(px, py, edges, discs, starts) <= distances[i]:
                return False
    return True


@kernel("float64(float64, float64, float64, float64, float64)")
def approach(value: float, target: float, up: float, down: float, duration: float) -> float:
    """``value`` after ``duration`` on its way to ``target``: it grows in size by ``up``, shrinks by ``down``."""
    rate = up
    if value * target < 0.0:
        target = 0.0
    if abs(target) < abs(value):
        rate = down
    step = rate * duration
    return min(target, value + step) if target > value else max(target, value - step)


@kernel(
    "UniTuple(float64, 5)(float64, float64, float64, float64, float64, float64, float64, float64, float64, float64,"
    " float64[:, ::1], float64, float64)"
)
def predict_in_flight(
    x: float,
    y: float,
    yaw: float,
    v: float,
    w: float,
    accel: float,
    brake: float,
    turning_brake: float,
    alpha: float,
    step_s: float,
    pending: F64,
    start_s: float,
    end_s: float,
) -> tuple[float, float, float, float, float]:
    """Pose and twist at ``end_s``, from those at ``start_s``: the speed follows the commands in flight within limits.

    ``pending`` float64 [n, 3]: (time s, v m/s, w rad/s), oldest first; before the first one the speed stays. Times
    count to the nearest step. ``turning_brake``: what is left of ``brake`` while a turn is commanded.
    """
    time = start_s
    next_command = 0
    target_v = v
    target_w = w
    while time < end_s:
        while next_command < pending.shape[0] and pending[np.uint64(next_command), 0] <= time + 0.5 * step_s:
            target_v = pending[np.uint64(next_command), 1]
            target_w = pending[np.uint64(next_command), 2]
            next_command += 1
        duration = min(step_s, end_s - time)
        down = turning_brake if abs(target_w) > TURNS_RADPS else brake
        v = approach(v, target_v, accel, down, duration)
        w = approach(w, target_w, alpha, alpha, duration)
        s, c = sin_cos(yaw + 0.5 * w * duration)
        x += c * v * duration
        y += s * v * duration
        yaw += w * duration
        time += step_s
    return x, y, yaw, v, w
