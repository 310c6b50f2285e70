"""From a polyline to a way that can be driven: which legs forward, which backward, and arcs in place of stops.

A differential drive can follow any polyline whose corners leave room to turn in place. Of all ways to drive its legs
the cheapest is found by dynamic programming; then each corner that is passed in one direction is rounded by the arc
that is cheapest, when that is cheaper than to stop and turn. Everything is checked as the search checks its motions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.drive_check import TURN_STEP_RAD, drive_cost, wrapped
from amr.kernels.footprint_sweep import ROOM, sweep_is_free
from amr.kernels.grid_search import Array
from amr.kernels.hybrid_search import ARC_RAD, CUSP, REVERSE, STOP, TURN_RAD, turn_price
from amr.kernels.path_cost import segment_cost
from amr.kernels.trig import arctan2, sin_cos
from amr.portable_math import PI

RADIUS = 8
"""Index in ``prices``: the largest radius of an arc, in cells."""
_SHORTEST = 0.25
"""Arcs whose tangents are shorter than this many cells are not worth a point."""
_HALVINGS = 5
_SHARPEST = 0.95 * PI


@kernel(f"float64({ROOM}, float64[::1], float64, float64, float64, float64, float64, boolean)")
def _arc_price(room: Any, prices: Array, x: Any, y: Any, yaw: Any, radius: Any, turn: Any, is_backward: Any) -> Any:
    """Price of an arc from a pose, cut into chords; infinite when it touches anything."""
    pieces = np.int64(abs(turn) / TURN_STEP_RAD) + 1
    step = turn / pieces
    chord = 2.0 * radius * sin_cos(0.5 * abs(step))[0] * (-1.0 if is_backward else 1.0)
    margin = 0.125 * step * step * (radius + room[4])
    price = 0.0
    sine, cosine = sin_cos(yaw)
    for n in range(pieces):
        half_sine, half_cosine = sin_cos(yaw + (n + 0.5) * step)
        next_sine, next_cosine = sin_cos(yaw + (n + 1) * step)
        to_x, to_y = x + chord * half_cosine, y + chord * half_sine
        price += segment_cost(room[0], room[1], x, y, to_x, to_y)
        if price == math.inf:
            return price
        if not sweep_is_free(room, x, y, cosine, sine, to_x, to_y, next_cosine, next_sine, margin):
            return math.inf
        x, y, sine, cosine = to_x, to_y, next_sine, next_cosine
    return price * (prices[REVERSE] if is_backward else 1.0) + prices[ARC_RAD] * abs(turn)


@kernel(f"UniTuple(float64, 2)({ROOM}, float64[::1], float64[:,::1], int64, boolean)")
def corner_arc(room: Any, prices: Array, points: Array, corner: Any, is_backward: Any) -> Any:
    """(price, tangent in cells) of the cheapest arc that rounds a corner, against driving to it; (inf, 0) without room.

    ``corner``: index of an inner point of ``points``. The tangents take at most half of the legs beside it.
    """
    i, j, k = np.uint64(corner - 1), np.uint64(corner), np.uint64(corner + 1)
    x, y = points[j, 0], points[j, 1]
    ux, uy, vx, vy = x - points[i, 0], y - points[i, 1], points[k, 0] - x, points[k, 1] - y
    before, after = math.sqrt(ux * ux + uy * uy), math.sqrt(vx * vx + vy * vy)
    ux, uy, vx, vy = ux / before, uy / before, vx / after, vy / after
    turn = arctan2(ux * vy - uy * vx, ux * vx + uy * vy)
    best, best_tangent = math.inf, 0.0
    if abs(turn) > _SHARPEST:
        return best, best_tangent
    half_sine, half_cosine = sin_cos(0.5 * abs(turn))
    tan = half_sine / half_cosine
    yaw = arctan2(-uy, -ux) if is_backward else arctan2(uy, ux)
    tangent = min(0.5 * min(before, after), prices[RADIUS] * tan)
    for _ in range(_HALVINGS):
        x0, y0, x1, y1 = x - tangent * ux, y - tangent * uy, x + tangent * vx, y + tangent * vy
        spared = segment_cost(room[0], room[1], x0, y0, x, y) + segment_cost(room[0], room[1], x, y, x1, y1)
        price = _arc_price(room, prices, x0, y0, yaw, tangent / max(tan, 1e-12), turn, is_backward)
        price -= spared * (prices[REVERSE] if is_backward else 1.0)
        if price < best:
            best, best_tangent = price, tangent
        tangent *= 0.5
        if tangent < _SHORTEST:
            break
    return best, best_tangent


@kernel(f"float64({ROOM}, float64[::1], float64[:,::1], float64, float64, boolean, int8[::1])")
def choose_directions(
    room: Any, prices: Array, points: Array, start_yaw: Any, goal_yaw: Any, yaw_matters: Any, backward: Array
) -> Any:
    """Cheapest price of driving ``points`` [n, 2] with arcs or turns at the points; infinite when it cannot be.

    No two points in a row coincide. ``backward`` [n - 1]: filled with 1 for legs to drive backward.
    """
    legs = points.shape[0] - 1
    prices_to = np.full((legs, 2), math.inf)
    came = np.zeros((legs, 2), np.int8)
    bearing_before = 0.0
    for k in range(legs):
        i, j = np.uint64(k), np.uint64(k + 1)
        x0, y0, x1, y1 = points[i, 0], points[i, 1], points[j, 0], points[j, 1]
        bearing = arctan2(y1 - y0, x1 - x0)
        for way in range(2):
            w = np.uint64(way)
            yaw = bearing + PI * way
            drive = drive_cost(room, x0, y0, x1, y1, yaw)
            if drive == math.inf:
                continue
            if way == 1:
                drive *= prices[REVERSE]
            if k == 0:
                prices_to[i, w] = drive + turn_price(room, prices, x0, y0, start_yaw, yaw)
                continue
            arc = corner_arc(room, prices, points, k, way == 1)[0]
            for before in range(2):
                b = np.uint64(before)
                so_far = prices_to[np.uint64(k - 1), b]
                if so_far == math.inf:
                    continue
                turn = arc if before == way else math.inf
                if turn > prices[STOP] + prices[TURN_RAD] * abs(wrapped(bearing_before + PI * before - yaw)):
                    turn = min(turn, turn_price(room, prices, x0, y0, bearing_before + PI * before, yaw))
                price = so_far + drive + turn + (prices[CUSP] if before != way else 0.0)
                if price < prices_to[i, w]:
                    prices_to[i, w] = price
                    came[i, w] = before
        bearing_before = bearing
    last = np.uint64(legs - 1)
    end = np.uint64(legs)
    best = math.inf
    last_way: Any = 0
    for end_way in range(2):
        price = prices_to[last, np.uint64(end_way)]
        if yaw_matters and price < math.inf:
            price += turn_price(room, prices, points[end, 0], points[end, 1], bearing_before + PI * end_way, goal_yaw)
        if price < best:
            best, last_way = price, end_way
    for back in range(legs):
        leg = np.uint64(legs - 1 - back)
        backward[leg] = last_way
        last_way = np.int64(came[leg, np.uint64(last_way)])
    return best


@kernel("int64(float64[:,::1], int64, float64, float64, float64)")
def _put(out: Array, size: Any, x: Any, y: Any, yaw: Any) -> Any:
    """Append a pose; returns the new size."""
    i = np.uint64(size)
    out[i, 0], out[i, 1], out[i, 2] = x, y, wrapped(yaw)
    return size + 1


@kernel(f"int64({ROOM}, float64[::1], float64[:,::1], int8[::1], float64[:,::1])")
def lay_poses(room: Any, prices: Array, points: Array, backward: Array, out: Array) -> Any:
    """Poses of the legs into ``out``, corners rounded where that is cheaper than to stop and turn; returns how many.

    ``points`` [n, 2] and ``backward`` [n - 1] as ``choose_directions`` left them; ``out`` [80 * n, 3] suffices. A
    corner that stays has two poses.
    """
    legs = points.shape[0] - 1
    size = 0
    for k in range(legs):
        i, j = np.uint64(k), np.uint64(k + 1)
        dx, dy = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1]
        sign = -1.0 if backward[i] != 0 else 1.0
        yaw = arctan2(sign * dy, sign * dx)
        if k == 0:
            size = _put(out, size, points[i, 0], points[i, 1], yaw)
        if k == legs - 1:
            size = _put(out, size, points[j, 0], points[j, 1], yaw)
            break
        after = np.uint64(k + 2)
        ex, ey = points[after, 0] - points[j, 0], points[after, 1] - points[j, 1]
        next_sign = -1.0 if backward[j] != 0 else 1.0
        next_yaw = arctan2(next_sign * ey, next_sign * ex)
        turn = wrapped(next_yaw - yaw)
        arc, tangent = math.inf, 0.0
        if backward[i] == backward[j]:
            arc, tangent = corner_arc(room, prices, points, k + 1, backward[i] != 0)
        if arc > prices[STOP] + prices[TURN_RAD] * abs(turn) and arc > turn_price(
            room, prices, points[j, 0], points[j, 1], yaw, next_yaw
        ):
            size = _put(out, size, points[j, 0], points[j, 1], yaw)
            size = _put(out, size, points[j, 0], points[j, 1], next_yaw)
            continue
        length = math.sqrt(dx * dx + dy * dy)
        x, y = points[j, 0] - tangent * dx / length, points[j, 1] - tangent * dy / length
        half_sine, half_cosine = sin_cos(0.5 * abs(turn))
        pieces = np.int64(abs(turn) / TURN_STEP_RAD) + 1
        step = turn / pieces
        chord = 2.0 * tangent * half_cosine / max(half_sine, 1e-12) * sin_cos(0.5 * abs(step))[0] * sign
        size = _put(out, size, x, y, yaw)
        for n in range(pieces):
            chord_sine, chord_cosine = sin_cos(yaw + (n + 0.5) * step)
            x += chord * chord_cosine
            y += chord * chord_sine
            size = _put(out, size, x, y, yaw + (n + 1) * step)
    return size
