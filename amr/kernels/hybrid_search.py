"""Hybrid A* for a robot that drives forward, backward, along arcs, and turns in place (Dolgov et al. 2010).

A node is a pose: x and y as they came out, the heading one of a list; nodes are told apart by cell and heading, and of
two in the same cell the cheaper stays. Every motion is checked without gaps: the base origin cell by cell
(``path_cost``), the outline by its sweep (``footprint_sweep``). Now and then a node is joined to the goal directly:
turn, drive, turn, and where the goal's own axis is open also turn, drive to the axis, turn, drive along it. The search
ends when no open node promises less than the best way found.

Price of a motion, in cells: the integral of (1 + c/252) ds, times ``REVERSE`` backwards, plus what turning, stopping to
turn and changing direction cost.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel
from amr.kernels.drive_check import drive_cost, turn_angle, turn_is_free
from amr.kernels.footprint_sweep import ROOM, sweep_is_free
from amr.kernels.goal_field import FIELD, WALL, settle
from amr.kernels.grid_search import Array
from amr.kernels.path_cost import segment_cost
from amr.kernels.trig import arctan2

FORWARD, BACKWARD, TURN, NONE = 0, 1, 2, 3
"""Kinds of motion; NONE fills up the table."""
REVERSE, CUSP, STOP, TURN_RAD, ARC_RAD, WEIGHT, SLACK, HEADING = 0, 1, 2, 3, 4, 5, 6, 7
"""Indices of ``prices``: factor backwards; changing direction, stopping to turn (cells); a radian in place, along an
arc (cells); weight of the heuristic; part and more by which the best way found may be dearer than promised."""
FOUND, EXHAUSTED, FULL, STALLED = 0, 1, 2, 3

MOTIONS = (
    "Tuple((float64[::1], float64[::1], float64[::1], int8[:,::1], int16[:,::1], float64[:,::1], float64[:,::1],"
    " float64[:,::1], float64[:,::1]))"
)
"""yaw, cosine, sine [headings]; per heading and motion: kind, heading afterwards, dx, dy, turn (rad), sweep margin."""
NODES = (
    "Tuple((float64[::1], float64[::1], float64[::1], int16[::1], int8[::1], int32[::1], uint8[::1],"
    " int64[::1], int64[::1], int32[::1], int32[:,::1]))"
)
"""x, y, price so far, heading, kind of the motion here, parent, closed, key [nodes]; hash table (``base`` + node);
bucket heads; queue entries (node, next)."""


@kernel(f"float64({FIELD}, float64, float64, float64, float64, float64[::1])")
def estimate(field: Any, x: Any, y: Any, cosine: Any, sine: Any, prices: Array) -> Any:
    """Price still to pay from a pose: the goal's field, bilinear, and turning towards its descent; inf = no way."""
    block, weight, value, settled = field[2], field[3], field[4], field[5]
    rows, columns = weight.shape
    own_row, own_column = np.int64(y) // block, np.int64(x) // block
    if weight[np.uint64(own_row), np.uint64(own_column)] == WALL:
        return math.inf
    if settled[np.uint64(own_row), np.uint64(own_column)] == 0 and not settle(field, own_row, own_column):
        return math.inf
    own = np.float64(value[np.uint64(own_row), np.uint64(own_column)])
    fx = min(max(x / block - 0.5, 0.0), columns - 1.001)
    fy = min(max(y / block - 0.5, 0.0), rows - 1.001)
    i, j = np.uint64(fx), np.uint64(fy)
    fx -= np.float64(i)
    fy -= np.float64(j)
    i1, j1 = i + np.uint64(1), j + np.uint64(1)
    a = np.float64(value[j, i]) if settled[j, i] != 0 else own
    b = np.float64(value[j, i1]) if settled[j, i1] != 0 else own
    c = np.float64(value[j1, i]) if settled[j1, i] != 0 else own
    d = np.float64(value[j1, i1]) if settled[j1, i1] != 0 else own
    low, high = a + fx * (b - a), c + fx * (d - c)
    rest = low + fy * (high - low)
    gx, gy = (1.0 - fy) * (b - a) + fy * (d - c), high - low
    slope = math.sqrt(gx * gx + gy * gy)
    if slope > 1e-9:
        ahead = -(gx * cosine + gy * sine) / slope
        forward = prices[HEADING] * (1.0 - ahead)
        backward = prices[HEADING] * (1.0 + ahead) + (prices[REVERSE] - 1.0) * rest
        return prices[WEIGHT] * rest + min(forward, backward)
    return prices[WEIGHT] * rest


@kernel(f"float64({ROOM}, float64[::1], float64, float64, float64, float64)")
def turn_price(room: Any, prices: Array, x: Any, y: Any, yaw: Any, to_yaw: Any) -> Any:
    """Price of standing and turning; 0 for no turn, infinite when blocked."""
    angle = turn_angle(room, x, y, yaw, to_yaw)
    return prices[STOP] + prices[TURN_RAD] * abs(angle) if abs(angle) > 1e-6 else 0.0


@kernel(f"float64({ROOM}, float64[::1], float64, float64, float64, float64, float64, float64, boolean)")
def leg_price(
    room: Any, prices: Array, x0: Any, y0: Any, x1: Any, y1: Any, yaw0: Any, limit: Any, backward: Any
) -> Any:
    """Price of turning from ``yaw0`` and driving straight to (x1, y1); infinite when blocked or above ``limit``."""
    dx, dy = x1 - x0, y1 - y0
    length = math.sqrt(dx * dx + dy * dy)
    factor = prices[REVERSE] if backward else 1.0
    if length * factor >= limit:
        return math.inf
    yaw = arctan2(-dy, -dx) if backward else arctan2(dy, dx)
    price = drive_cost(room, x0, y0, x1, y1, yaw) * factor
    if price >= limit:
        return math.inf
    return price + turn_price(room, prices, x0, y0, yaw0, yaw)


@kernel(f"Tuple((float64, int64))({ROOM}, float64[::1], float64[:,::1], float64, float64, float64, float64, boolean)")
def shot(room: Any, prices: Array, targets: Array, x: Any, y: Any, yaw: Any, limit: Any, yaw_matters: Any) -> Any:
    """(price, number) of the cheapest direct way from a pose to the goal below ``limit``; (inf, -1) without one.

    ``targets`` [n, 4]: x, y, price from there, yaw to have there. Number = 2 * target, + 1 backwards.
    """
    best, number = math.inf, -1
    for k in range(targets.shape[0]):
        i = np.uint64(k)
        tx, ty = targets[i, 0], targets[i, 1]
        dx, dy = tx - x, ty - y
        if dx * dx + dy * dy < 1e-12:
            price = targets[i, 2] + (turn_price(room, prices, x, y, yaw, targets[i, 3]) if yaw_matters else 0.0)
            if price < min(best, limit):
                best, number = price, 2 * k
            continue
        for way in range(2):
            backward = way == 1
            price = leg_price(room, prices, x, y, tx, ty, yaw, min(best, limit) - targets[i, 2], backward)
            price += targets[i, 2]
            if not price < min(best, limit):
                continue
            if yaw_matters:
                at = arctan2(-dy, -dx) if backward else arctan2(dy, dx)
                price += turn_price(room, prices, tx, ty, at, targets[i, 3])
            if price < min(best, limit):
                best, number = price, 2 * k + way
    return best, number


@kernel(f"int64({NODES}, int64, int64)")
def _slot(nodes: Any, base: Any, key: Any) -> Any:
    """Where ``key`` (cell and heading) is or goes in the hash table: linear probing after a multiplicative hash."""
    keys, table = nodes[7], nodes[8]
    mask = np.uint64(table.size - 1)
    at = ((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & mask
    while table[at] >= base and keys[np.uint64(table[at] - base)] != key:
        at = (at + np.uint64(1)) & mask
    return np.int64(at)


@kernel(
    f"Tuple((int64, int64, int64, int64, float64, int64))({ROOM}, {FIELD}, {MOTIONS}, {NODES},"
    " float64[::1], float64[:,::1], float64, float64, int64, float64, float64, int64, int64, int64, boolean)"
)
def search(
    room: Any,
    field: Any,
    motions: Any,
    nodes: Any,
    prices: Array,
    targets: Array,
    start_x: Any,
    start_y: Any,
    start_heading: Any,
    cell_size: Any,
    pace: Any,
    base: Any,
    most: Any,
    stall: Any,
    yaw_matters: Any,
) -> Any:
    """(status, nodes expanded, last node, number of the shot from it, price of all, node nearest to the goal).

    ``cell_size``: cells of the grid a side of a node's cell; ``pace``: buckets per cell of price; ``base``: every
    entry of the hash table below it is of an older query; ``most``: expansions after which it is FULL; ``stall``:
    expansions without coming a cell nearer to the goal after which it is STALLED, without any way yet.
    """
    padded, stride = room[0], room[1]
    yaws, cosines, sines, kinds, tos, dxs, dys, turns, margins = motions
    xs, ys, gs, headings, moved, parents, closed, keys, table, heads, pool = nodes
    capacity = min(np.int64(xs.size), np.int64(table.size // 2))
    mask = np.int64(heads.size - 1)
    heads[:] = np.int32(-1)
    across = np.int64(np.float64(stride) / cell_size) + 1
    count, used, live, expanded = 1, 1, 1, 0
    wait: Any = 0
    best, number = math.inf, -1
    last: Any = -1
    xs[0], ys[0], gs[0], headings[0], moved[0], parents[0], closed[0] = (
        start_x,
        start_y,
        0.0,
        start_heading,
        TURN,
        -1,
        0,
    )
    keys[0] = (np.int64(start_y / cell_size) * across + np.int64(start_x / cell_size)) * 128 + start_heading
    table[np.uint64(_slot(nodes, base, keys[0]))] = base
    rest = estimate(field, start_x, start_y, cosines[np.uint64(start_heading)], sines[np.uint64(start_heading)], prices)
    if rest == math.inf:
        return EXHAUSTED, 0, -1, -1, math.inf, 0
    cursor = np.int64(rest * pace)
    pool[0, 0], pool[0, 1] = 0, -1
    heads[np.uint64(cursor & mask)] = 0
    free = np.int64(-1)
    until = most
    nearest: Any = 0
    lowest, lowest_at = math.inf, 0
    while live > 0:
        while heads[np.uint64(cursor & mask)] < 0:
            cursor += 1
        if best <= (cursor / pace) * (1.0 + prices[SLACK]) or expanded > until:
            break
        slot = np.uint64(heads[np.uint64(cursor & mask)])
        n = np.uint64(pool[slot, 0])
        heads[np.uint64(cursor & mask)] = pool[slot, 1]
        pool[slot, 1] = np.int32(free)
        free = np.int64(slot)
        live -= 1
        if closed[n] != 0:
            continue
        closed[n] = 1
        expanded += 1
        if expanded > most:
            return FULL, expanded, last, number, best, nearest
        x, y, g, h = xs[n], ys[n], gs[n], np.uint64(headings[n])
        rest = cursor / pace - g
        if rest < lowest - 1.0:
            nearest, lowest, lowest_at = np.int64(n), rest, expanded
        if expanded - lowest_at > stall and last < 0:
            return STALLED, expanded, last, number, best, nearest
        wait -= 1
        if wait <= 0:
            price, which = shot(room, prices, targets, x, y, yaws[h], best - g, yaw_matters)
            if g + price < best:
                best, last, number = g + price, np.int64(n), which
                until = min(until, expanded + expanded // 2 + 128)
            wait = np.int64(rest * 0.05) + 1
        for p in range(kinds.shape[1]):
            m = np.uint64(p)
            kind = kinds[h, m]
            if kind == NONE:
                break
            if kind == TURN:
                price = prices[TURN_RAD] * abs(turns[h, m]) + (prices[STOP] if moved[n] != TURN else 0.0)
            elif moved[n] != TURN and kind != moved[n]:
                price = prices[CUSP] + prices[ARC_RAD] * abs(turns[h, m])
            else:
                price = prices[ARC_RAD] * abs(turns[h, m])
            to_x, to_y, to = x + dxs[h, m], y + dys[h, m], tos[h, m]
            if not (1.0 <= to_x < stride - 1.0 and to_y >= 1.0 and stride * (to_y + 1.0) < padded.size):
                continue
            key = (np.int64(to_y / cell_size) * across + np.int64(to_x / cell_size)) * 128 + np.int64(to)
            at = np.uint64(_slot(nodes, base, key))
            known = np.int64(table[at]) - base
            if known >= 0 and (closed[np.uint64(known)] != 0 or gs[np.uint64(known)] <= g + price):
                continue
            if kind != TURN:
                price += segment_cost(padded, stride, x, y, to_x, to_y) * (prices[REVERSE] if kind == BACKWARD else 1.0)
            there = g + price
            if there >= best or (known >= 0 and gs[np.uint64(known)] <= there):
                continue
            if kind == TURN:
                if not turn_is_free(room, x, y, yaws[h], turns[h, m]):
                    continue
            elif not sweep_is_free(
                room, x, y, cosines[h], sines[h], to_x, to_y,
                cosines[np.uint64(to)], sines[np.uint64(to)], margins[h, m],
            ):  # fmt: skip
                continue
            rest = estimate(field, to_x, to_y, cosines[np.uint64(to)], sines[np.uint64(to)], prices)
            if there + rest >= best:
                continue
            if known < 0:
                if count >= capacity:
                    return FULL, expanded, last, number, best, nearest
                known = count
                count += 1
                table[at] = base + known
                keys[np.uint64(known)] = key
                closed[np.uint64(known)] = 0
            k = np.uint64(known)
            xs[k], ys[k], gs[k], headings[k], moved[k], parents[k] = to_x, to_y, there, to, kind, np.int32(n)
            bucket = min(max(np.int64((there + rest) * pace), cursor), cursor + mask)
            if free >= 0:
                slot = np.uint64(free)
                free = np.int64(pool[slot, 1])
            elif used < pool.shape[0]:
                slot = np.uint64(used)
                used += 1
            else:
                return FULL, expanded, last, number, best, nearest
            pool[slot, 0], pool[slot, 1] = np.int32(known), heads[np.uint64(bucket & mask)]
            heads[np.uint64(bucket & mask)] = np.int32(slot)
            live += 1
    return (EXHAUSTED if best == math.inf else FOUND), expanded, last, number, best, nearest
