"""Exact distance of the robot's outline (a union of convex polygons) to circles and convex polygons."""

from __future__ import annotations

import math

from amr.jit import kernel
from amr.kernels.trig import sin_cos
from sim.kernels.arrays import Flags, Floats, Indices
from sim.kernels.lidar import box_distance_squared
from sim.kernels.scene import place, positions_at


@kernel("float64(float64, float64, float64, float64, float64, float64)")
def point_edge_squared(x: float, y: float, px: float, py: float, qx: float, qy: float) -> float:
    """Squared distance of a point to the segment p to q."""
    ex, ey = qx - px, qy - py
    part = ((x - px) * ex + (y - py) * ey) / (ex * ex + ey * ey)
    part = min(max(part, 0.0), 1.0)
    dx, dy = x - px - part * ex, y - py - part * ey
    return dx * dx + dy * dy


@kernel("float64(float64, float64, float64[:, ::1], int64, int64)")
def point_polygon(x: float, y: float, points: Floats, first: int, end: int) -> float:
    """Distance of a point to the convex polygon ``points[first:end]``; 0 inside."""
    inside = True
    best = math.inf
    for k in range(first, end):
        following = k + 1 if k + 1 < end else first
        px, py = points[k, 0], points[k, 1]
        qx, qy = points[following, 0], points[following, 1]
        if (qx - px) * (y - py) - (qy - py) * (x - px) < 0.0:
            inside = False
        best = min(best, point_edge_squared(x, y, px, py, qx, qy))
    return 0.0 if inside else math.sqrt(best)


@kernel("boolean(float64[:, ::1], int64, int64, float64[:, ::1], int64, int64)")
def edge_separates(a: Floats, a_first: int, a_end: int, b: Floats, b_first: int, b_end: int) -> bool:
    """True when an edge of convex polygon a has all of b on its outer side."""
    for k in range(a_first, a_end):
        following = k + 1 if k + 1 < a_end else a_first
        ex, ey = a[following, 0] - a[k, 0], a[following, 1] - a[k, 1]
        outside = True
        for j in range(b_first, b_end):
            if ex * (b[j, 1] - a[k, 1]) - ey * (b[j, 0] - a[k, 0]) >= 0.0:
                outside = False
                break
        if outside:
            return True
    return False


@kernel("float64(float64[:, ::1], int64, int64, float64[:, ::1], int64, int64)")
def polygon_polygon(a: Floats, a_first: int, a_end: int, b: Floats, b_first: int, b_end: int) -> float:
    """Distance of two convex polygons; 0 when they touch or overlap (separating axes, then corners to edges)."""
    if not edge_separates(a, a_first, a_end, b, b_first, b_end) and not edge_separates(
        b, b_first, b_end, a, a_first, a_end
    ):
        return 0.0
    best = math.inf
    for k in range(a_first, a_end):
        following = k + 1 if k + 1 < a_end else a_first
        for j in range(b_first, b_end):
            after = j + 1 if j + 1 < b_end else b_first
            best = min(best, point_edge_squared(b[j, 0], b[j, 1], a[k, 0], a[k, 1], a[following, 0], a[following, 1]))
            best = min(best, point_edge_squared(a[k, 0], a[k, 1], b[j, 0], b[j, 1], b[after, 0], b[after, 1]))
    return math.sqrt(best)


@kernel("float64(int64, float64[:, ::1], int64[::1], float64[:, ::1], float64[:, ::1], int64[::1])")
def obstacle_distance(
    code: int, outline: Floats, outline_start: Indices, circles: Floats, points: Floats, point_start: Indices
) -> float:
    """Exact distance of the placed outline to obstacle ``code`` (circles first, then polygons)."""
    best = math.inf
    polygon = code - circles.shape[0]
    for part in range(outline_start.shape[0] - 1):
        first, end = outline_start[part], outline_start[part + 1]
        if polygon < 0:
            distance = point_polygon(circles[code, 0], circles[code, 1], outline, first, end) - circles[code, 2]
        else:
            distance = polygon_polygon(outline, first, end, points, point_start[polygon], point_start[polygon + 1])
        best = min(best, max(distance, 0.0))
    return best


@kernel(
    "Tuple((float64, int64))(float64, float64, float64, int64, float64[:, ::1], int64[::1], float64[:, ::1], float64, "
    "float64[:, ::1], float64[:, ::1], int64[::1], float64[:, ::1])"
)
def clearance_at(
    x: float,
    y: float,
    yaw: float,
    guess: int,
    outline_base: Floats,
    outline_start: Indices,
    outline: Floats,
    circumradius: float,
    circles: Floats,
    points: Floats,
    point_start: Indices,
    boxes: Floats,
) -> tuple[float, int]:
    """(distance in m, obstacle's number) of the nearest obstacle to the outline at a pose; (inf, -1) in an empty world.

    ``guess`` is the number of an obstacle that is probably near, or -1: it makes the search short.
    ``outline`` is scratch of ``outline_base``'s shape; ``circumradius`` bounds the outline about the base origin.
    """
    sine, cosine = sin_cos(yaw)
    for k in range(outline_base.shape[0]):
        outline[k, 0] = x + cosine * outline_base[k, 0] - sine * outline_base[k, 1]
        outline[k, 1] = y + sine * outline_base[k, 0] + cosine * outline_base[k, 1]
    best, nearest = math.inf, guess
    if guess >= 0:
        best = obstacle_distance(guess, outline, outline_start, circles, points, point_start)
    for i in range(circles.shape[0]):
        dx, dy = circles[i, 0] - x, circles[i, 1] - y
        reach = best + circles[i, 2] + circumradius
        if dx * dx + dy * dy < reach * reach and i != guess:
            distance = obstacle_distance(i, outline, outline_start, circles, points, point_start)
            if distance < best:
                best, nearest = distance, i
    for j in range(boxes.shape[0]):
        code = circles.shape[0] + j
        reach = best + circumradius
        if box_distance_squared(x, y, boxes[j]) < reach * reach and code != guess:
            distance = obstacle_distance(code, outline, outline_start, circles, points, point_start)
            if distance < best:
                best, nearest = distance, code
    return best, nearest


@kernel(
    "int64(float64[:, ::1], float64, float64, int64, float64[:, ::1], int64[::1], float64[:, ::1], float64, "
    "float64[:, ::1], float64[:, ::1], int64[::1], float64[:, ::1], "
    "float64[:, ::1], int64[::1], int64, float64[:, ::1], int64[::1], int64, "
    "float64[:, ::1], int64[::1], float64[::1], uint8[::1], uint8[::1], float64[:, ::1], float64[::1], int64[::1])"
)
def clearance_along(
    poses: Floats,
    start_s: float,
    step_s: float,
    guess: int,
    outline_base: Floats,
    outline_start: Indices,
    outline: Floats,
    circumradius: float,
    circles: Floats,
    points: Floats,
    point_start: Indices,
    boxes: Floats,
    circle_local: Floats,
    circle_owner: Indices,
    first_circle: int,
    points_local: Floats,
    polygon_owner: Indices,
    first_polygon: int,
    keys: Floats,
    key_start: Indices,
    period_s: Floats,
    loop: Flags,
    cubic: Flags,
    position: Floats,
    clearance: Floats,
    nearest: Indices,
) -> int:
    """Clearance after each step: ``poses[i]`` is the pose at ``start_s + (i + 1) * step_s``, moving obstacles included.

    Fills ``clearance`` and ``nearest``, leaves the moving obstacles at the last time, returns the last ``nearest``.
    """
    for i in range(poses.shape[0]):
        if position.shape[0] > 0:
            positions_at(start_s + (i + 1) * step_s, keys, key_start, period_s, loop, cubic, position)
            place(
                position, circles, circle_local, circle_owner, first_circle,
                points, point_start, points_local, boxes, polygon_owner, first_polygon,
            )  # fmt: skip
        clearance[i], guess = clearance_at(
            poses[i, 0], poses[i, 1], poses[i, 2], guess, outline_base, outline_start, outline, circumradius,
            circles, points, point_start, boxes,
        )  # fmt: skip
        nearest[i] = guess
    return guess
