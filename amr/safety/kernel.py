"""The compiled part of the safety ring; shared with nobody.

Frames: *odom* is the ring's own wheel-odometry frame; *base* at some instant is the robot's frame there. An outline
is a union of convex counter-clockwise polygons: ``edges`` float64 [k, 5] (start x, start y, direction x, direction y,
length), ``discs`` float64 [p, 3] (centre and radius of a circle around each), ``starts`` int64 [p + 1] (its edges).

A motion is one arc: a *unit twist* (v, w), scaled so that the outline's speed bound ``abs(v) + abs(w) * circumradius``
is 1, and a progress in metres of that bound, so that no point of the outline moves farther than the progress.
Points at rest in the world move in the base frame on circles about the twist's centre of rotation with the constant
speed S = hypot(v - w y, w x). So distance to the outline changes by at most min(S, 1) per progress, and conservative
advancement (Mirtich 1996, section 2.3.2) steps along the arc without missing a contact: each step is the slack
divided by that, but at least ``MIN_STEP_M`` of travel, so a contact shallower than half of that can go unnoticed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr import portable_math
from amr.jit import kernel

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]

MIN_STEP_M = 0.004
MAX_ITERATIONS = 400
BISECTIONS = 10
WAIVER_M = 0.002
"""A remembered point may come nearer by this within one sweep although it is inside its uncertainty."""

sin_cos = kernel("UniTuple(float64, 2)(float64)")(portable_math.sin_cos)
arctan2 = kernel("float64(float64, float64)")(portable_math.arctan2)


@kernel("float64(float64, float64, float64[:, ::1], float64[:, ::1], int64[::1])")
def outline_distance(x: float, y: float, edges: F64, discs: F64, starts: I64) -> float:
    """Distance in m of a base-frame point to the union of the polygons; negative inside (depth to the nearest edge)."""
    best = np.inf
    for p in range(discs.shape[0]):
        k = np.uint64(p)
        dx = x - discs[k, 0]
        dy = y - discs[k, 1]
        bound = best + discs[k, 2]
        if bound > 0.0 and dx * dx + dy * dy >= bound * bound:
            continue
        inside = -np.inf
        outside2 = np.inf
        for edge in range(starts[k], starts[k + np.uint64(1)]):
            i = np.uint64(edge)
            rx = x - edges[i, 0]
            ry = y - edges[i, 1]
            ux = edges[i, 2]
            uy = edges[i, 3]
            beyond = uy * rx - ux * ry
            inside = max(inside, beyond)
            if beyond > 0.0:
                # the nearest point of a convex polygon lies on an edge that sees the point from outside
                along = rx * ux + ry * uy
                over = max(0.0, max(-along, along - edges[i, 4]))
                outside2 = min(outside2, beyond * beyond + over * over)
        best = min(best, inside if inside <= 0.0 else math.sqrt(outside2))
    return best


@kernel("UniTuple(float64, 3)(float64, float64, float64)")
def arc_pose(v: float, w: float, progress: float) -> tuple[float, float, float]:
    """(x, y, yaw) after ``progress`` of the unit twist from the origin; series near zero turning (exact to 1e-17)."""
    half = 0.5 * w * progress
    s, c = sin_cos(half)
    ratio = 1.0 - half * half / 6.0 if abs(half) < 1.0e-4 else s / half
    chord = v * progress * ratio
    return chord * c, chord * s, 2.0 * half


@kernel("UniTuple(float64, 2)(float64, float64, float64, float64, float64)")
def moved_point(x: float, y: float, v: float, w: float, progress: float) -> tuple[float, float]:
    """The resting point (x, y) in the base frame after the base drove ``progress`` of the unit twist."""
    px, py, yaw = arc_pose(v, w, progress)
    s, c = sin_cos(yaw)
    dx = x - px
    dy = y - py
    return c * dx + s * dy, c * dy - s * dx


@kernel("float64(float64, float64, float64, float64)")
def lateral(x: float, y: float, v: float, w: float) -> float:
    """Signed distance to the base origin's own track, along the radius: constant along the arc, 1-Lipschitz."""
    speed = math.sqrt((v - w * y) * (v - w * y) + (w * x) * (w * x))
    below = abs(v) + speed
    if below == 0.0:
        return 0.0
    return (2.0 * v * y - w * (x * x + y * y)) / below


@kernel("UniTuple(float64, 2)(float64, float64, float64[:, ::1], float64[:, ::1], int64[::1])")
def lateral_range(v: float, w: float, edges: F64, discs: F64, starts: I64) -> tuple[float, float]:
    """Smallest and largest ``lateral`` over the outline: a point farther out by its margin is never touched."""
    low = np.inf
    high = -np.inf
    for k in range(edges.shape[0]):
        i = np.uint64(k)
        ax = edges[i, 0]
        ay = edges[i, 1]
        value = lateral(ax, ay, v, w)
        low = min(low, value)
        high = max(high, value)
        if abs(w) > 1.0e-9:
            # the radius about the centre of rotation (0, v / w) is smallest at the foot on an edge
            along = edges[i, 3] * (v / w - ay) - edges[i, 2] * ax
            if 0.0 < along < edges[i, 4]:
                value = lateral(ax + along * edges[i, 2], ay + along * edges[i, 3], v, w)
                low = min(low, value)
                high = max(high, value)
    if abs(w) > 1.0e-9 and outline_distance(0.0, v / w, edges, discs, starts) <= 0.0:
        value = lateral(0.0, v / w, v, w)
        low = min(low, value)
        high = max(high, value)
    return low, high


@kernel(
    "boolean(float64, float64, float64, float64, float64, float64, float64, float64, float64, float64, float64,"
    " float64[:, ::1], float64[:, ::1], int64[::1])"
)
def point_is_clear(
    x: float,
    y: float,
    uncertainty: float,
    v: float,
    w: float,
    speed: float,
    hold: float,
    total: float,
    margin: float,
    margin_per_speed: float,
    start_distance: float,
    edges: F64,
    discs: F64,
    starts: I64,
) -> bool:
    """True when the sweep keeps its margin to the point (base frame at the sweep's start).

    The outline drives ``hold`` metres at ``speed``, then brakes evenly to rest at ``total``. The margin at a place is
    ``margin + margin_per_speed * speed there``; for a point known only within ``uncertainty`` it grows by that, but
    not beyond what the point has at the start (``start_distance`` less ``WAIVER_M``): leaving such a point is free.
    """
    rate = min(1.0, math.sqrt((v - w * y) * (v - w * y) + (w * x) * (w * x)))
    progress = 0.0
    for _ in range(MAX_ITERATIONS):
        px, py = moved_point(x, y, v, w, progress)
        distance = outline_distance(px, py, edges, discs, starts)
        local_speed = speed
        if progress > hold:
            local_speed = speed * math.sqrt(max(0.0, (total - progress) / (total - hold)))
        need = margin + margin_per_speed * local_speed
        if uncertainty > 0.0:
            need = max(need, min(need + uncertainty, start_distance - WAIVER_M))
        if distance < need:
            return False
        slack = distance - need
        rest = total - progress
        if slack >= rate * rest:
            return True
        progress = min(total, progress + max(slack, MIN_STEP_M) / rate)
    return False


@kernel("UniTuple(float64, 3)(float64, float64, float64, float64, float64)")
def stopping_motion(
    speed: float, floor_speed: float, hold_s: float, brake_s_per_mps: float, base_s: float
) -> tuple[float, float, float]:
    """(hold m, total m, duration s) of a stop from an outline speed; the wheels may still run at ``floor_speed``."""
    first = max(speed, floor_speed)
    duration = base_s + hold_s + first * brake_s_per_mps
    hold = speed * hold_s
    return hold, hold + 0.5 * first * first * brake_s_per_mps, duration


@kernel(
    "boolean(float64, float64, float64, float64, float64, float64, float64, float64, float64, float64, float64,"
    " float64, float64, float64, float64[:, ::1], float64[:, ::1], int64[::1])"
)
def speed_is_clear(
    x: float,
    y: float,
    uncertainty: float,
    start_distance: float,
    v: float,
    w: float,
    speed: float,
    floor_speed: float,
    hold_s: float,
    brake_s_per_mps: float,
    margin: float,
    margin_per_speed: float,
    obstacle_speed: float,
    age_s: float,
    edges: F64,
    discs: F64,
    starts: I64,
) -> bool:
    """True when the stop from ``speed`` along the unit twist keeps its margin to one point, which may approach."""
    hold, total, duration = stopping_motion(speed, floor_speed, hold_s, brake_s_per_mps, age_s)
    return point_is_clear(
        x,
        y,
        uncertainty,
        v,
        w,
        max(speed, floor_speed),
        hold,
        total,
        margin + obstacle_speed * duration,
        margin_per_speed,
        start_distance,
        edges,
        discs,
        starts,
    )


@kernel(
    "Tuple((float64, int64))(float64[:, ::1], int64, float64, float64, float64, float64, float64, float64, float64,"
    " float64, float64, float64, float64, float64[:, ::1], float64[:, ::1], int64[::1], float64[::1], int64[::1])"
)
def largest_clear_speed(
    points: F64,
    count: int,
    v: float,
    w: float,
    speed: float,
    slowest: float,
    floor_speed: float,
    hold_s: float,
    brake_s_per_mps: float,
    margin: float,
    margin_per_speed: float,
    obstacle_speed: float,
    circumradius: float,
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
    clear, and per point the largest speed is found by bisection (its result is always a speed that was checked).
    """
    low, high = lateral_range(v, w, edges, discs, starts)
    _, total, duration = stopping_motion(speed, floor_speed, hold_s, brake_s_per_mps, 0.0)
    found = 0
    for k in range(count):
        i = np.uint64(k)
        x = points[i, 0]
        y = points[i, 1]
        need = margin + margin_per_speed * max(speed, floor_speed) + obstacle_speed * (duration + points[i, 3])
        need = need + points[i, 2]
        reach = circumradius + abs(v) * total + need
        if x * x + y * y > reach * reach:
            continue
        side = lateral(x, y, v, w)
        if side > high + need or side < low - need:
            continue
        distance = outline_distance(x, y, edges, discs, starts)
        clear = speed_is_clear(
            x, y, points[i, 2], distance, v, w, speed, floor_speed, hold_s, brake_s_per_mps, margin,
            margin_per_speed, obstacle_speed, points[i, 3], edges, discs, starts,
        )  # fmt: skip
        if not clear:
            distances[np.uint64(found)] = distance
            offenders[np.uint64(found)] = k
            found += 1
    if found == 0:
        return speed, -1
    nearest = 0
    for k in range(1, found):
        if distances[np.uint64(k)] < distances[np.uint64(nearest)]:
            nearest = k
    best = speed
    worst = -1
    for turn in range(found):
        # the nearest first: it usually decides, and the others then pass with one check
        k = nearest if turn == 0 else (0 if turn == nearest else turn)
        slot = np.uint64(k)
        i = np.uint64(offenders[slot])
        x = points[i, 0]
        y = points[i, 1]
        if turn > 0 and speed_is_clear(
            x, y, points[i, 2], distances[slot], v, w, best, floor_speed, hold_s, brake_s_per_mps, margin,
            margin_per_speed, obstacle_speed, points[i, 3], edges, discs, starts,
        ):  # fmt: skip
            continue
        worst = offenders[slot]
        if not speed_is_clear(
            x, y, points[i, 2], distances[slot], v, w, slowest, floor_speed, hold_s, brake_s_per_mps, margin,
            margin_per_speed, obstacle_speed, points[i, 3], edges, discs, starts,
        ):  # fmt: skip
            return -1.0, worst
        clear_speed = slowest
        blocked_speed = best
        for _ in range(BISECTIONS):
            middle = 0.5 * (clear_speed + blocked_speed)
            if speed_is_clear(
                x, y, points[i, 2], distances[slot], v, w, middle, floor_speed, hold_s, brake_s_per_mps, margin,
                margin_per_speed, obstacle_speed, points[i, 3], edges, discs, starts,
            ):  # fmt: skip
                clear_speed = middle
            else:
                blocked_speed = middle
        best = clear_speed
    return best, worst


@kernel(
    "boolean(float64[:, ::1], int64, float64, float64, float64, float64, float64, float64, float64,"
    " float64[:, ::1], float64[:, ::1], int64[::1], float64[::1])"
)
def escape_is_clear(
    points: F64,
    count: int,
    v: float,
    w: float,
    hold: float,
    total: float,
    margin: float,
    contact_margin: float,
    circumradius: float,
    edges: F64,
    discs: F64,
    starts: I64,
    distances: F64,
) -> bool:
    """True when a creeping motion is an escape from a point inside the margin, by these rules:

    1. The smallest clearance c must be below ``margin`` at the start; else there is nothing to escape from.
    2. No point may come nearer than max(contact_margin, c - WAIVER_M), at most ``margin``.
    3. A point that is nearer than that already may not come nearer at all.
    4. A point below ``contact_margin`` must end farther away than it began.

    ``points`` as in ``largest_clear_speed``, without their uncertainty; ``distances`` is scratch [n].
    """
    nearest = np.inf
    reach = circumradius + abs(v) * total + margin
    for k in range(count):
        i = np.uint64(k)
        x = points[i, 0]
        y = points[i, 1]
        distances[i] = np.inf
        if x * x + y * y <= reach * reach:
            distances[i] = outline_distance(x, y, edges, discs, starts)
            nearest = min(nearest, distances[i])
    if nearest >= margin:
        return False
    allowed = max(contact_margin, min(margin, nearest - WAIVER_M))
    for k in range(count):
        i = np.uint64(k)
        if distances[i] > allowed + total:
            continue
        x = points[i, 0]
        y = points[i, 1]
        need = min(allowed, distances[i] - 1.0e-9)
        if not point_is_clear(x, y, 0.0, v, w, 0.0, hold, total, need, 0.0, 0.0, edges, discs, starts):
            return False
        if distances[i] < contact_margin:
            px, py = moved_point(x, y, v, w, total)
            if outline_distance(px, py, edges, discs, starts) <= distances[i]:
                return False
    return True


# ---------------------------------------------------------------- what was seen
#
# A scan's geometry is one float64 array, so that a call carries few arguments:
ANGLE_MIN, INCREMENT, RANGE_MIN, RANGE_MAX = 0, 1, 2, 3
MOUNT_X, MOUNT_Y, MOUNT_YAW = 4, 5, 6
"""Lidar in the base frame."""
POSE_X, POSE_Y, POSE_YAW = 7, 8, 9
"""Base in the odom frame when the first beam was measured."""
MOVED_X, MOVED_Y, MOVED_YAW = 10, 11, 12
"""From there to the last beam; the pose of a beam between is interpolated linearly."""
GEOMETRY_SIZE = 13

TOLERANCE_M = 0.03
"""A beam that ends within this of a remembered point sees that very point again."""
THINNING_M = 0.008


@kernel("UniTuple(float64, 3)(float64[::1], float64)")
def lidar_pose(geometry: F64, part: float) -> tuple[float, float, float]:
    """(x, y, yaw in [0, 2 pi)) of the lidar in the odom frame when ``part`` (0 to 1) of the beams had been measured."""
    yaw = geometry[np.uint64(POSE_YAW)] + part * geometry[np.uint64(MOVED_YAW)]
    s, c = sin_cos(yaw)
    mount_x = geometry[np.uint64(MOUNT_X)]
    mount_y = geometry[np.uint64(MOUNT_Y)]
    x = geometry[np.uint64(POSE_X)] + part * geometry[np.uint64(MOVED_X)] + c * mount_x - s * mount_y
    y = geometry[np.uint64(POSE_Y)] + part * geometry[np.uint64(MOVED_Y)] + s * mount_x + c * mount_y
    yaw += geometry[np.uint64(MOUNT_YAW)]
    return x, y, yaw - portable_math.TWO_PI * math.floor(yaw / portable_math.TWO_PI)


@kernel("boolean(float64[::1])")
def has_moved(geometry: F64) -> bool:
    """True when the base moved between the first and the last beam."""
    return (
        geometry[np.uint64(MOVED_X)] != 0.0
        or geometry[np.uint64(MOVED_Y)] != 0.0
        or geometry[np.uint64(MOVED_YAW)] != 0.0
    )


@kernel("int64(float32[::1], float64[::1], float64[:, ::1], int32[::1])")
def place_scan(ranges: NDArray[np.float32], geometry: F64, points: F64, beams: I32) -> int:
    """Put the returns of a scan into ``points`` [n, 2] (odom frame) and their beam numbers into ``beams``; how many.

    A range below range_min counts as an obstacle at range_min; +inf, nan and ranges beyond range_max are no return.
    """
    n = ranges.shape[0]
    moved = has_moved(geometry)
    x, y, yaw = lidar_pose(geometry, 0.0)
    found = 0
    for k in range(n):
        r = float(ranges[np.uint64(k)])
        if not r <= geometry[np.uint64(RANGE_MAX)]:
            continue
        r = max(r, geometry[np.uint64(RANGE_MIN)])
        if moved:
            x, y, yaw = lidar_pose(geometry, k / max(1.0, n - 1.0))
        s, c = sin_cos(yaw + geometry[np.uint64(ANGLE_MIN)] + k * geometry[np.uint64(INCREMENT)])
        points[np.uint64(found), 0] = x + r * c
        points[np.uint64(found), 1] = y + r * s
        beams[np.uint64(found)] = k
        found += 1
    return found


@kernel("UniTuple(float64, 2)(float64, float64, float64, float64, float64, float64, float64)")
def beam_towards(
    x: float, y: float, lidar_x: float, lidar_y: float, lidar_yaw: float, angle_min: float, increment: float
) -> tuple[float, float]:
    """(number of the beam that points from the lidar to the point, as a real number; distance m), odom frame.

    The number lies in [-0.5, turn - 0.5), turn = beams of a full circle; from the scan's beams - 0.5 on the point is
    out of view.
    """
    dx = x - lidar_x
    dy = y - lidar_y
    number = (arctan2(dy, dx) - lidar_yaw - angle_min) / increment
    turn = portable_math.TWO_PI / increment
    while number < -0.5:
        number += turn
    while number >= turn - 0.5:
        number -= turn
    return number, math.sqrt(dx * dx + dy * dy)


@kernel("UniTuple(float64, 2)(float64, float64, float64[::1], float64, float64, float64, int64)")
def beam_of(
    x: float, y: float, geometry: F64, middle_x: float, middle_y: float, middle_yaw: float, n: int
) -> tuple[float, float]:
    """As ``beam_towards``, for the pose of that very beam when the lidar moved; ``middle``: lidar half-way."""
    angle_min = geometry[np.uint64(ANGLE_MIN)]
    increment = geometry[np.uint64(INCREMENT)]
    number, distance = beam_towards(x, y, middle_x, middle_y, middle_yaw, angle_min, increment)
    if not has_moved(geometry):
        return number, distance
    part = min(1.0, max(0.0, number / max(1.0, n - 1.0)))
    lidar_x, lidar_y, lidar_yaw = lidar_pose(geometry, part)
    return beam_towards(x, y, lidar_x, lidar_y, lidar_yaw, angle_min, increment)


@kernel(
    "boolean(float64, float64, float64, float32[::1], float64[::1], float64, float64, float64)",
)
def is_superseded(
    x: float,
    y: float,
    uncertainty: float,
    ranges: NDArray[np.float32],
    geometry: F64,
    middle_x: float,
    middle_y: float,
    middle_yaw: float,
) -> bool:
    """True when the scan sees the point again or sees past it, so that the memory of it is worth nothing any more.

    All beams within the point's uncertainty must do so: a post between two beams is not cleared by one of them. A
    point behind a nearer return is occluded, one out of view or behind invalid beams is not judged: both stay.
    """
    n = ranges.shape[0]
    number, distance = beam_of(x, y, geometry, middle_x, middle_y, middle_yaw, n)
    if number >= n - 0.5 or distance > geometry[np.uint64(RANGE_MAX)]:
        return False
    spread = 0.5 + min(8.0, (uncertainty + 0.005) / (max(distance, 0.05) * geometry[np.uint64(INCREMENT)]))
    first = max(0, math.floor(number - spread + 0.5))
    last = min(n - 1, math.floor(number + spread + 0.5))
    needed = distance - TOLERANCE_M - uncertainty
    judged = False
    for k in range(first, last + 1):
        r = float(ranges[np.uint64(k)])
        if r < needed:
            return False
        judged = judged or r == r
    return judged


# The memory of free space is a torus of square cells: the cell with absolute numbers (column, row) is kept in slot
# (row mod n, column mod n), which remembers whose it is. So it moves with the robot without being copied.


@kernel("int64(int64, int64)")
def slot_of(number: int, size: int) -> int:
    """``number`` modulo ``size``, never negative."""
    rest = number % size
    return rest + size if rest < 0 else rest


@kernel("void(float64, float64, float64, int64[:, :, ::1])")
def forget_cell(x: float, y: float, cell: float, owners: I64) -> None:
    """Make the cell that holds the odom-frame point unseen."""
    size = owners.shape[0]
    column = math.floor(x / cell)
    row = math.floor(y / cell)
    j = np.uint64(slot_of(row, size))
    i = np.uint64(slot_of(column, size))
    if owners[j, i, 0] == column and owners[j, i, 1] == row:
        owners[j, i, 2] = -1


@kernel(
    "int64(float64[:, ::1], int64, float64[:, ::1], int64, float64, float64, float64, float64, float64, float64,"
    " float64, float64, float32[::1], float64[::1], float64, int64[:, :, ::1])"
)
def refresh_memory(
    memory: F64,
    count: int,
    fresh: F64,
    fresh_count: int,
    fresh_drift: float,
    fresh_stamp: float,
    clock: float,
    drift_limit: float,
    oldest: float,
    robot_x: float,
    robot_y: float,
    radius: float,
    ranges: NDArray[np.float32],
    geometry: F64,
    cell: float,
    owners: I64,
) -> int:
    """Judge all remembered points, and those of the last scan (``fresh`` [n, 2]), by a new scan; the new count.

    ``memory`` float64 [m, 4]: (x, y, drift clock m, stamp ns), odom frame. ``clock`` is the drift clock now. A point
    that the new scan supersedes is dropped. One that is too uncertain (by more than ``drift_limit``), older than the
    stamp ``oldest``, farther than ``radius`` from the robot, or has no room is dropped and its cell becomes unseen. A
    fresh point nearer than ``THINNING_M`` to the one judged before it is passed over; the rest stands for it, with that
    much more uncertainty.
    """
    middle_x, middle_y, middle_yaw = lidar_pose(geometry, 0.5)
    kept = 0
    last_x = np.inf
    last_y = np.inf
    for k in range(count + fresh_count):
        if k < count:
            i = np.uint64(k)
            x = memory[i, 0]
            y = memory[i, 1]
            drift = memory[i, 2]
            stamp = memory[i, 3]
        else:
            i = np.uint64(k - count)
            x = fresh[i, 0]
            y = fresh[i, 1]
            drift = fresh_drift
            stamp = fresh_stamp
        uncertainty = clock - drift
        if k >= count:
            dx = x - last_x
            dy = y - last_y
            if dx * dx + dy * dy < THINNING_M * THINNING_M:
                continue
            last_x = x
            last_y = y
        dx = x - robot_x
        dy = y - robot_y
        lost = dx * dx + dy * dy > radius * radius or stamp < oldest or uncertainty > drift_limit
        if not lost and is_superseded(x, y, uncertainty, ranges, geometry, middle_x, middle_y, middle_yaw):
            continue
        if lost or kept == memory.shape[0]:
            forget_cell(x, y, cell, owners)
            continue
        slot = np.uint64(kept)
        memory[slot, 0] = x
        memory[slot, 1] = y
        memory[slot, 2] = drift
        memory[slot, 3] = stamp
        kept += 1
    return kept


@kernel(
    "void(float64, float64, float64, int64, float64, int64, int64, float32[::1], float64[::1], float64,"
    " int64[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int64[::1])"
)
def mark_seen(
    robot_x: float,
    robot_y: float,
    robot_yaw: float,
    stamp_ns: int,
    clock: float,
    phase: int,
    phases: int,
    ranges: NDArray[np.float32],
    geometry: F64,
    cell: float,
    owners: I64,
    drifts: F64,
    hull_edges: F64,
    hull_discs: F64,
    hull_starts: I64,
) -> None:
    """Note which cells around the robot the scan saw free (or hit), or the robot's own body covers.

    A cell counts as seen when the beam to its centre ends not before it (less half a cell: a hit marks its own cell;
    the hit itself is a point and guards the rest). Each call does the rows with ``row mod phases == phase``.
    """
    size = owners.shape[0]
    n = ranges.shape[0]
    s, c = sin_cos(robot_yaw)
    middle_x, middle_y, middle_yaw = lidar_pose(geometry, 0.5)
    first_row = math.floor(robot_y / cell) - size // 2
    first_column = math.floor(robot_x / cell) - size // 2
    for row in range(first_row, first_row + size):
        if slot_of(row, phases) != phase:
            continue
        y = (row + 0.5) * cell
        for column in range(first_column, first_column + size):
            x = (column + 0.5) * cell
            dx = x - robot_x
            dy = y - robot_y
            seen = outline_distance(c * dx + s * dy, c * dy - s * dx, hull_edges, hull_discs, hull_starts) <= 0.0
            if not seen:
                number, distance = beam_of(x, y, geometry, middle_x, middle_y, middle_yaw, n)
                if number < n - 0.5:
                    r = float(ranges[np.uint64(math.floor(number + 0.5))])
                    seen = r == r and min(r, geometry[np.uint64(RANGE_MAX)]) >= distance - 0.5 * cell
            if seen:
                j = np.uint64(slot_of(row, size))
                i = np.uint64(slot_of(column, size))
                owners[j, i, 0] = column
                owners[j, i, 1] = row
                owners[j, i, 2] = stamp_ns
                drifts[j, i] = clock


@kernel(
    "int64(float64, float64, float64, float64, float64, int64, float64, float64, int64[:, :, ::1], float64[:, ::1],"
    " float64[:, ::1])"
)
def gather_unseen(
    x: float,
    y: float,
    yaw: float,
    reach: float,
    drift_limit: float,
    oldest_ns: int,
    clock: float,
    cell: float,
    owners: I64,
    drifts: F64,
    points: F64,
) -> int:
    """Centres of the unseen cells within ``reach`` of the base pose, in its frame, into ``points`` [n, 4]; how many."""
    size = owners.shape[0]
    s, c = sin_cos(yaw)
    found = 0
    for row in range(math.floor((y - reach) / cell), math.floor((y + reach) / cell) + 1):
        j = np.uint64(slot_of(row, size))
        dy = (row + 0.5) * cell - y
        for column in range(math.floor((x - reach) / cell), math.floor((x + reach) / cell) + 1):
            i = np.uint64(slot_of(column, size))
            if (
                owners[j, i, 0] == column
                and owners[j, i, 1] == row
                and owners[j, i, 2] >= oldest_ns
                and clock - drifts[j, i] <= drift_limit
            ):
                continue
            dx = (column + 0.5) * cell - x
            if dx * dx + dy * dy > reach * reach or found == points.shape[0]:
                continue
            k = np.uint64(found)
            points[k, 0] = c * dx + s * dy
            points[k, 1] = c * dy - s * dx
            points[k, 2] = 0.0
            points[k, 3] = 0.0
            found += 1
    return found


@kernel(
    "int64(float64[:, ::1], int64, float64, float64[:, ::1], int64, float64, float64, float64, float64, float64,"
    " float64, float64[:, ::1], int64[::1])"
)
def gather_points(
    memory: F64,
    count: int,
    clock: float,
    fresh: F64,
    fresh_count: int,
    fresh_age: float,
    now: float,
    x: float,
    y: float,
    yaw: float,
    reach: float,
    points: F64,
    sources: I64,
) -> int:
    """All points within ``reach`` of the base pose, in its frame, into ``points`` [n, 4] (x, y, uncertainty m, age s).

    ``sources``: index into ``fresh``, or -1 - index into ``memory``. Returns how many.
    """
    s, c = sin_cos(yaw)
    found = 0
    for k in range(fresh_count + count):
        is_fresh = k < fresh_count
        i = np.uint64(k) if is_fresh else np.uint64(k - fresh_count)
        dx = (fresh[i, 0] if is_fresh else memory[i, 0]) - x
        dy = (fresh[i, 1] if is_fresh else memory[i, 1]) - y
        if dx * dx + dy * dy > reach * reach:
            continue
        slot = np.uint64(found)
        points[slot, 0] = c * dx + s * dy
        points[slot, 1] = c * dy - s * dx
        if is_fresh:
            points[slot, 2] = 0.0
            points[slot, 3] = fresh_age
            sources[slot] = k
        else:
            points[slot, 2] = clock - memory[i, 2] + THINNING_M
            points[slot, 3] = (now - memory[i, 3]) * 1.0e-9
            sources[slot] = -1 - (k - fresh_count)
        found += 1
    return found


@kernel("float64(float64[:, ::1], int64, float64, float64, float64, float64[:, ::1], float64[:, ::1], int64[::1])")
def smallest_clearance(
    fresh: F64, count: int, x: float, y: float, yaw: float, edges: F64, discs: F64, starts: I64
) -> float:
    """Smallest distance of the points (odom frame) to the outline at the base pose, in m; +inf when there is none."""
    s, c = sin_cos(yaw)
    best = np.inf
    for number in range(count):
        i = np.uint64(number)
        px = c * (fresh[i, 0] - x) + s * (fresh[i, 1] - y)
        py = c * (fresh[i, 1] - y) - s * (fresh[i, 0] - x)
        for p in range(discs.shape[0]):
            k = np.uint64(p)
            dx = px - discs[k, 0]
            dy = py - discs[k, 1]
            bound = best + discs[k, 2]
            if dx * dx + dy * dy < bound * bound:
                best = min(best, outline_distance(px, py, edges, discs, starts))
                break
    return best


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
    "UniTuple(float64, 5)(float64, float64, float64, float64, float64, float64, float64, float64, float64,"
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
    alpha: float,
    step_s: float,
    pending: F64,
    start_s: float,
    end_s: float,
) -> tuple[float, float, float, float, float]:
    """Pose and twist at ``end_s``, from those at ``start_s``: the speed follows the commands in flight within limits.

    ``pending`` float64 [n, 3]: (time s, v m/s, w rad/s), oldest first; before the first one the speed stays.
    """
    time = start_s
    next_command = 0
    target_v = v
    target_w = w
    while time < end_s:
        while next_command < pending.shape[0] and pending[np.uint64(next_command), 0] <= time:
            target_v = pending[np.uint64(next_command), 1]
            target_w = pending[np.uint64(next_command), 2]
            next_command += 1
        duration = min(step_s, end_s - time)
        v = approach(v, target_v, accel, brake, duration)
        w = approach(w, target_w, alpha, alpha, duration)
        s, c = sin_cos(yaw + 0.5 * w * duration)
        x += c * v * duration
        y += s * v * duration
        yaw += w * duration
        time += step_s
    return x, y, yaw, v, w
