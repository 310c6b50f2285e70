"""Exact lidar ranges against circles and convex polygons.

``cast_turn`` has one origin for all beams and visits, for each obstacle, only the beams inside the angle that it
subtends: the cost is obstacles + hits instead of obstacles x beams. ``cast_sweep`` has an origin of its own for every
beam (a turning lidar on a moving robot) and tests all obstacles for each.
"""

from __future__ import annotations

import math

import numpy as np

from amr.jit import kernel
from amr.kernels.trig import arctan2, sin_cos
from sim.kernels.arrays import Floats, Indices, Singles
from sim.kernels.noise import normal, uniform

TWO_PI = 6.283185307179586
MARGIN_RAD = 1e-7
"""Beams this far outside a subtended angle are tested too; the exact test decides."""
MARGIN_FRAC = 1e-9
NOISE_STREAM = np.uint64(1)
DROPOUT_STREAM = np.uint64(2)


@kernel("float64(float64, float64, float64, float64, float64)")
def ray_circle(dx: float, dy: float, cx: float, cy: float, radius: float) -> float:
    """Distance along the unit ray from the origin to a circle about (cx, cy); 0 from inside, inf for a miss."""
    along = cx * dx + cy * dy
    square = cx * cx + cy * cy - radius * radius
    if square <= 0.0:
        return 0.0
    discriminant = along * along - square
    if along <= 0.0 or discriminant < 0.0:
        return math.inf
    return along - math.sqrt(discriminant)


@kernel("float64(float64, float64, float64, float64, float64, float64)")
def ray_edge(dx: float, dy: float, px: float, py: float, qx: float, qy: float) -> float:
    """Distance along the unit ray from the origin to the edge p to q with its outer side to the origin; inf: a miss."""
    ex, ey = qx - px, qy - py
    across = dx * ey - dy * ex
    if across == 0.0:
        return math.inf
    part = (px * dy - py * dx) / across
    if part < -MARGIN_FRAC or part > 1.0 + MARGIN_FRAC:
        return math.inf
    distance = (px * ey - py * ex) / across
    return distance if distance >= 0.0 else math.inf


@kernel("UniTuple(int64, 2)(float64, float64, float64, int64)")
def beams_between(low_rad: float, span_rad: float, increment_rad: float, count: int) -> tuple[int, int]:
    """First and one past the last of the beams in [low, low + span], angles counted from beam 0."""
    first = math.ceil((low_rad - MARGIN_RAD) / increment_rad)
    last = math.floor((low_rad + span_rad + MARGIN_RAD) / increment_rad)
    return max(int(first), 0), min(int(last), count - 1) + 1


@kernel("float64(float64, float64, float64[::1])")
def box_distance_squared(x: float, y: float, box: Floats) -> float:
    """Squared distance of a point to an axis-aligned box (x min, y min, x max, y max); 0 inside."""
    dx = max(box[0] - x, 0.0, x - box[2])
    dy = max(box[1] - y, 0.0, y - box[3])
    return float(dx * dx + dy * dy)


@kernel(
    "void(float64, float64, float64, float64, float64, float64, float64[::1], float64[::1], "
    "float64[:, ::1], float64[:, ::1], int64[::1], float64[:, ::1], float64[::1])"
)
def cast_turn(
    x: float,
    y: float,
    yaw: float,
    angle_min: float,
    increment: float,
    range_max: float,
    beam_cos: Floats,
    beam_sin: Floats,
    circles: Floats,
    points: Floats,
    point_start: Indices,
    boxes: Floats,
    ranges: Floats,
) -> None:
    """Fill ``ranges`` from the lidar pose (x, y, yaw); a miss within ``range_max`` is inf.

    ``beam_cos`` and ``beam_sin`` are the beams' directions in the lidar frame.
    """
    count = ranges.shape[0]
    ranges[:] = math.inf
    sine, cosine = sin_cos(yaw)
    for i in range(circles.shape[0]):
        wx, wy, radius = circles[i, 0] - x, circles[i, 1] - y, circles[i, 2]
        square = wx * wx + wy * wy
        reach = range_max + radius
        if square > reach * reach:
            continue
        if square <= radius * radius:
            ranges[:] = 0.0
            return
        cx, cy = cosine * wx + sine * wy, cosine * wy - sine * wx
        half = arctan2(radius, math.sqrt(square - radius * radius))
        low = arctan2(cy, cx) - half - angle_min
        low -= TWO_PI * math.floor(low / TWO_PI)
        for turn in range(2):
            first, end = beams_between(low - turn * TWO_PI, 2.0 * half, increment, count)
            for k in range(first, end):
                ranges[k] = min(ranges[k], ray_circle(beam_cos[k], beam_sin[k], cx, cy, radius))
    for j in range(boxes.shape[0]):
        if box_distance_squared(x, y, boxes[j]) > range_max * range_max:
            continue
        first_point, end_point = point_start[j], point_start[j + 1]
        facing = 0
        for k in range(first_point, end_point):
            following = k + 1 if k + 1 < end_point else first_point
            ax, ay = points[k, 0] - x, points[k, 1] - y
            bx, by = points[following, 0] - x, points[following, 1] - y
            if (by - ay) * ax - (bx - ax) * ay < 0.0:
                facing += 1
                px, py = cosine * ax + sine * ay, cosine * ay - sine * ax
                qx, qy = cosine * bx + sine * by, cosine * by - sine * bx
                # seen from outside a counter-clockwise polygon, its near edges run clockwise
                low = arctan2(qy, qx) - angle_min
                span = arctan2(qx * py - qy * px, qx * px + qy * py)
                low -= TWO_PI * math.floor(low / TWO_PI)
                for turn in range(2):
                    first, end = beams_between(low - turn * TWO_PI, span, increment, count)
                    for b in range(first, end):
                        ranges[b] = min(ranges[b], ray_edge(beam_cos[b], beam_sin[b], px, py, qx, qy))
        if facing == 0:
            ranges[:] = 0.0
            return
    for k in range(count):
        if ranges[k] > range_max:
            ranges[k] = math.inf


@kernel(
    "float64(float64, float64, float64, float64, float64, "
    "float64[:, ::1], float64[:, ::1], int64[::1], float64[:, ::1])"
)
def cast_beam(
    x: float,
    y: float,
    dx: float,
    dy: float,
    range_max: float,
    circles: Floats,
    points: Floats,
    point_start: Indices,
    boxes: Floats,
) -> float:
    """Range of one beam from (x, y) along the unit vector (dx, dy); inf beyond ``range_max``."""
    best = math.inf
    for i in range(circles.shape[0]):
        best = min(best, ray_circle(dx, dy, circles[i, 0] - x, circles[i, 1] - y, circles[i, 2]))
    for j in range(boxes.shape[0]):
        if box_distance_squared(x, y, boxes[j]) > min(best, range_max) ** 2:
            continue
        first_point, end_point = point_start[j], point_start[j + 1]
        facing = 0
        for k in range(first_point, end_point):
            following = k + 1 if k + 1 < end_point else first_point
            ax, ay = points[k, 0] - x, points[k, 1] - y
            bx, by = points[following, 0] - x, points[following, 1] - y
            if (by - ay) * ax - (bx - ax) * ay < 0.0:
                facing += 1
                best = min(best, ray_edge(dx, dy, ax, ay, bx, by))
        if facing == 0:
            return 0.0
    return best if best <= range_max else math.inf


@kernel(
    "void(float64[:, ::1], float64, float64, int64, int64, float64, float64, float64, float64, float64, float64, "
    "float64[:, ::1], float64[:, ::1], int64[::1], float64[:, ::1], float64[::1])"
)
def cast_sweep(
    poses: Floats,
    first_time: float,
    beam_time: float,
    first: int,
    end: int,
    mount_x: float,
    mount_y: float,
    mount_yaw: float,
    angle_min: float,
    increment: float,
    range_max: float,
    circles: Floats,
    points: Floats,
    point_start: Indices,
    boxes: Floats,
    ranges: Floats,
) -> None:
    """Fill ``ranges[first:end]``; beam i is measured at ``first_time + i * beam_time``, in rows of ``poses``.

    ``poses`` [n, 3 or more] (x, y, unwrapped yaw of the base); poses between rows are interpolated.
    """
    last_row = poses.shape[0] - 1
    for i in range(first, end):
        time = min(max(first_time + i * beam_time, 0.0), np.float64(last_row))
        row = min(np.int64(time), last_row - 1)
        part = time - row
        x = poses[row, 0] + part * (poses[row + 1, 0] - poses[row, 0])
        y = poses[row, 1] + part * (poses[row + 1, 1] - poses[row, 1])
        yaw = poses[row, 2] + part * (poses[row + 1, 2] - poses[row, 2])
        sine, cosine = sin_cos(yaw)
        dy, dx = sin_cos(yaw + mount_yaw + angle_min + i * increment)
        ranges[i] = cast_beam(
            x + cosine * mount_x - sine * mount_y,
            y + sine * mount_x + cosine * mount_y,
            dx,
            dy,
            range_max,
            circles,
            points,
            point_start,
            boxes,
        )


@kernel("void(float64[::1], float64, float64, float64, uint64, uint64, float32[::1])")
def measure(
    ranges: Floats, range_max: float, sigma: float, dropout: float, seed: np.uint64, scan: np.uint64, out: Singles
) -> None:
    """What the sensor reports of true ``ranges``: noise, lost beams, nothing beyond ``range_max``; never below 0."""
    for i in range(ranges.shape[0]):
        index = np.uint64(i)
        value = ranges[i]
        if value < math.inf:
            value = max(value + sigma * normal(seed, NOISE_STREAM, scan, index), 0.0)
        if value > range_max or (dropout > 0.0 and uniform(seed, DROPOUT_STREAM, scan, index) < dropout):
            value = math.inf
        out[i] = np.float32(value)
