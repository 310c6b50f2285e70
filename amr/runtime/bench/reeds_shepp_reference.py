"""Hybrid A* with the motions of Reeds and Shepp (1990), plain and slow: what a car of a least turning radius can do.

Straight and at the tightest curve, forward and backward, 72 headings, one node per cell and heading, a heap, the
cost over cells as heuristic. Every pose on the way is tested by ``outline_check``. It ends at the first node
within a cell and half a heading of the goal, so it solves no less than one that must hit the goal exactly.
"""

from __future__ import annotations

import heapq
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body
from amr.geometry import Pose2, wrap_angle
from amr.grid import COST_INSCRIBED, CostGrid
from amr.runtime.bench.outline_check import OutlineCheck

_BINS: Final = 72
_RADIUS_M: Final = 0.4
_REVERSE_FACTOR: Final = 2.0
_CHECK_CELLS: Final = 0.5
_SQRT2: Final = math.sqrt(2.0)

Node = tuple[int, int, int]


def reeds_shepp_path(
    grid: CostGrid, body: Body | None, start: Pose2, goal: Pose2, most: int = 40_000
) -> NDArray[np.float64] | None:
    """A path [n, 3] that ends within a cell and half a heading of the goal, or None. Seconds a query."""
    frame = grid.frame
    step_m = max(_SQRT2 * frame.resolution_m, _RADIUS_M * 2.0 * math.pi / _BINS)
    to_go_m = _costs_to_go_m(grid, goal)
    check = OutlineCheck(grid, body)
    poses: dict[Node, Pose2] = {}
    came: dict[Node, Node] = {}
    prices: dict[Node, float] = {}
    closed: set[Node] = set()
    first = _node(grid, start)
    poses[first], prices[first] = start, 0.0
    heap = [(float(to_go_m[first[0], first[1]]), first)]
    while heap and len(closed) < most:
        _, node = heapq.heappop(heap)
        if node in closed:
            continue
        closed.add(node)
        pose = poses[node]
        aside_rad = abs(wrap_angle(pose.yaw_rad - goal.yaw_rad))
        if pose.distance_m(goal) <= frame.resolution_m and aside_rad <= math.pi / _BINS:
            return _path(poses, came, node)
        for sign in (1.0, -1.0):
            for curve in (0.0, 1.0, -1.0):
                after = _moved(pose, sign * step_m, curve / _RADIUS_M)
                to = _node(grid, after)
                if not frame.contains(to[0], to[1]) or to in closed or grid.cost[to[0], to[1]] >= COST_INSCRIBED:
                    continue
                metre = (1.0 + float(grid.cost[to[0], to[1]]) / 252.0) * (1.0 if sign > 0.0 else _REVERSE_FACTOR)
                price = prices[node] + step_m * metre
                if price >= prices.get(to, math.inf) or _touches(check, pose, after):
                    continue
                poses[to], prices[to], came[to] = after, price, node
                heapq.heappush(heap, (price + float(to_go_m[to[0], to[1]]), to))
    return None


def _node(grid: CostGrid, pose: Pose2) -> Node:
    row, column = grid.frame.cell(pose.x_m, pose.y_m)
    return row, column, round(pose.yaw_rad / (2.0 * math.pi) * _BINS) % _BINS


def _moved(pose: Pose2, way_m: float, curvature_per_m: float) -> Pose2:
    """The pose after driving ``way_m`` (negative: backward) along a curve: chord of an arc."""
    turn = way_m * curvature_per_m
    chord_m = way_m if turn == 0.0 else 2.0 / curvature_per_m * math.sin(0.5 * turn)
    middle = pose.yaw_rad + 0.5 * turn
    return Pose2(
        pose.x_m + chord_m * math.cos(middle), pose.y_m + chord_m * math.sin(middle), wrap_angle(pose.yaw_rad + turn)
    )


def _touches(check: OutlineCheck, before: Pose2, after: Pose2) -> bool:
    return check.touches(np.array([[p.x_m, p.y_m, p.yaw_rad] for p in (before, after)]), _CHECK_CELLS)


def _costs_to_go_m(grid: CostGrid, goal: Pose2) -> NDArray[np.float64]:
    """Cost of the cheapest way over allowed cells from each cell to the goal's; infinite without one."""
    distances = np.full(grid.cost.shape, math.inf)
    begin = grid.frame.cell(goal.x_m, goal.y_m)
    distances[begin] = 0.0
    heap = [(0.0, begin)]
    while heap:
        so_far, (row, column) = heapq.heappop(heap)
        if so_far > distances[row, column]:
            continue
        for j in (-1, 0, 1):
            for i in (-1, 0, 1):
                to = row + j, column + i
                if not grid.frame.contains(*to) or grid.cost[to] >= COST_INSCRIBED:
                    continue
                metre = 1.0 + float(grid.cost[to]) / 252.0
                length = so_far + (_SQRT2 if j and i else 1.0) * grid.frame.resolution_m * metre
                if length < distances[to]:
                    distances[to] = length
                    heapq.heappush(heap, (length, to))
    return distances


def _path(poses: dict[Node, Pose2], came: dict[Node, Node], node: Node) -> NDArray[np.float64]:
    order = [node]
    while order[-1] in came:
        order.append(came[order[-1]])
    return np.array([[poses[n].x_m, poses[n].y_m, poses[n].yaw_rad] for n in reversed(order)])
