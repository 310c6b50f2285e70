"""What the ring has seen, compiled: placing a scan, judging what is remembered by it, free and unseen space."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr import portable_math
from amr.jit import kernel
from amr.safety.kernel_outline import F64, I64, arctan2, outline_distance, sin_cos

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

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
NEVER_NS = -(2**62)
"""Stamp of a cell that was not seen."""


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
    return bool(
        geometry[np.uint64(MOVED_X)] != 0.0
        or geometry[np.uint64(MOVED_Y)] != 0.0
        or geometry[np.uint64(MOVED_YAW)] != 0.0
    )


@kernel("int64(float32[::1], float64[::1], float64[:, ::1], int32[::1])")
def place_scan(ranges: F32, geometry: F64, points: F64, beams: I32) -> int:
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
    turn = portable_math.TWO_PI / increment
    for _ in range(2):
        # out of view at either end: nearer to the first or to the last beam
        signed = number - turn if number - n > turn - number else number
        part = min(1.0, max(0.0, signed / max(1.0, n - 1.0)))
        lidar_x, lidar_y, lidar_yaw = lidar_pose(geometry, part)
        number, distance = beam_towards(x, y, lidar_x, lidar_y, lidar_yaw, angle_min, increment)
    return number, distance


@kernel(
    "boolean(float64, float64, float64, float32[::1], float64[::1], float64, float64, float64)",
)
def is_superseded(
    x: float,
    y: float,
    uncertainty: float,
    ranges: F32,
    geometry: F64,
    middle_x: float,
    middle_y: float,
    middle_yaw: float,
) -> bool:
    """True when the scan sees the point again or sees past it, so that the memory of it is worth nothing any more.

    One beam within the point's uncertainty is enough to see it again, but all must see past it: a post between two
    beams is not cleared by one of them. A point behind a nearer return is occluded, one out of view or behind invalid
    beams is not judged: both stay.
    """
    n = ranges.shape[0]
    number, distance = beam_of(x, y, geometry, middle_x, middle_y, middle_yaw, n)
    if number >= n - 0.5 or distance > geometry[np.uint64(RANGE_MAX)]:
        return False
    spread = 0.5 + min(8.0, (uncertainty + 0.005) / (max(distance, 0.05) * geometry[np.uint64(INCREMENT)]))
    first = max(0, math.floor(number - spread + 0.5))
    last = min(n - 1, math.floor(number + spread + 0.5))
    tolerance = TOLERANCE_M + uncertainty
    judged = False
    occluded = False
    for k in range(first, last + 1):
        r = float(ranges[np.uint64(k)])
        if abs(r - distance) <= tolerance:
            return True
        occluded = occluded or r < distance
        judged = judged or r == r
    return judged and not occluded


# The memory of free space is a torus of square cells: the cell with absolute numbers (column, row) is kept in slot
# (row mod n, column mod n), which remembers whose it is. So it moves with the robot without being copied.


@kernel("int64(int64, int64)")
def slot_of(number: int, size: int) -> int:
    """``number`` modulo ``size``, never negative: Numba's remainder has the sign of the divisor, as Python's."""
    return number % size


@kernel("void(float64, float64, float64, int64[:, :, ::1])")
def forget_cell(x: float, y: float, cell: float, owners: I64) -> None:
    """Make the cell that holds the odom-frame point unseen."""
    size = owners.shape[0]
    column = math.floor(x / cell)
    row = math.floor(y / cell)
    j = np.uint64(slot_of(row, size))
    i = np.uint64(slot_of(column, size))
    if owners[j, i, 0] == column and owners[j, i, 1] == row:
        owners[j, i, 2] = NEVER_NS


@kernel(
    "int64(float64[:, ::1], int64, float64[:, ::1], int64, float64, float64, float64, float64, float64, float64,"
    " float64, float64, float64, float32[::1], float64[::1], float64, int64[:, :, ::1])"
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
    beside: float,
    ranges: F32,
    geometry: F64,
    cell: float,
    owners: I64,
) -> int:
    """Judge all remembered points, and those of the last scan (``fresh`` [n, 2]), by a new scan; the new count.

    ``memory`` float64 [m, 4]: (x, y, drift clock m, stamp ns), odom frame. ``clock`` is the drift clock now. A point
    that the new scan supersedes is dropped. One that is too uncertain (by more than ``drift_limit``), older than the
    stamp ``oldest``, farther than ``radius`` from the robot, or has no room is dropped and its cell becomes unseen.
    Age alone drops no point within ``beside`` of the robot: what a turn in place could touch stays until it is seen to
    be gone. A fresh point nearer than ``THINNING_M`` to the one judged before it is passed over; the rest stands for
    it, with that much more uncertainty.
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
        square = dx * dx + dy * dy
        is_old = stamp < oldest and square > beside * beside
        lost = square > radius * radius or is_old or uncertainty > drift_limit
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
    ranges: F32,
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
    "void(float64, float64, float64, float64, int64, float64, float64, int64[:, :, ::1], float64[:, ::1],"
    " float64[:, ::1], float64[:, ::1], int64[::1])"
)
def mark_around(
    robot_x: float,
    robot_y: float,
    robot_yaw: float,
    margin: float,
    stamp_ns: int,
    clock: float,
    cell: float,
    owners: I64,
    drifts: F64,
    hull_edges: F64,
    hull_discs: F64,
    hull_starts: I64,
) -> None:
    """Mark the cells that reach within ``margin`` of the hull as seen."""
    size = owners.shape[0]
    s, c = sin_cos(robot_yaw)
    first_row = math.floor(robot_y / cell) - size // 2
    first_column = math.floor(robot_x / cell) - size // 2
    for row in range(first_row, first_row + size):
        for column in range(first_column, first_column + size):
            dx = (column + 0.5) * cell - robot_x
            dy = (row + 0.5) * cell - robot_y
            distance = outline_distance(c * dx + s * dy, c * dy - s * dx, hull_edges, hull_discs, hull_starts)
            if distance <= margin + 0.5 * cell:
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
    """Centres of the unseen cells within ``reach`` of the base pose, in its frame, into ``points`` [n, 4]; how many.

    As points they are known within a cell's size: a sweep that nears one by less enters unseen space, leaving is free.
    """
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
            points[k, 2] = cell
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
