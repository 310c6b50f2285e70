"""Can a disc get from here to there? And how long is the way? On a fine grid, for generators and tests."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sim.world import Bounds, Circle, Polygon, Shape, World

Node = tuple[int, int]
DISTANCE_CAP_M: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FreeSpace:
    """Distance from each cell's centre to the nearest static obstacle, at most ``DISTANCE_CAP_M``; row 0 at y min.

    ``distance_m`` is float64 [rows, columns].
    """

    distance_m: NDArray[np.float64]
    bounds: Bounds
    resolution_m: float

    def cell(self, x_m: float, y_m: float) -> Node:
        """(row, column) of a point; may lie outside."""
        return (
            math.floor((y_m - self.bounds.y_min_m) / self.resolution_m),
            math.floor((x_m - self.bounds.x_min_m) / self.resolution_m),
        )

    def joined(self, places: Iterable[tuple[float, float]], radius_m: float) -> bool:
        """True when a disc of ``radius_m`` can go between all the places without leaving the bounds."""
        labels, _ = ndimage.label(self.distance_m > radius_m, structure=np.ones((3, 3)))
        found = set()
        for x_m, y_m in places:
            row, column = self.cell(x_m, y_m)
            if not (0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]):
                return False
            found.add(int(labels[row, column]))
        return len(found) == 1 and 0 not in found


def free_space(world: World, resolution_m: float = 0.05) -> FreeSpace:
    """Exact distances to circles and polygons (not from a raster), for the world's bounds."""
    bounds = world.bounds
    xs = np.arange(bounds.x_min_m + 0.5 * resolution_m, bounds.x_max_m, resolution_m)
    ys = np.arange(bounds.y_min_m + 0.5 * resolution_m, bounds.y_max_m, resolution_m)
    distance = np.full((len(ys), len(xs)), DISTANCE_CAP_M)
    shapes: list[Shape] = [*world.circles, *world.polygons]
    for shape in shapes:
        low_x, low_y, high_x, high_y = _reach(shape)
        columns = slice(int(np.searchsorted(xs, low_x)), int(np.searchsorted(xs, high_x)))
        rows = slice(int(np.searchsorted(ys, low_y)), int(np.searchsorted(ys, high_y)))
        x, y = np.meshgrid(xs[columns], ys[rows])
        measured = _circle_distance(shape, x, y) if isinstance(shape, Circle) else _polygon_distance(shape, x, y)
        np.minimum(distance[rows, columns], measured, out=distance[rows, columns])
    return FreeSpace(distance, bounds, resolution_m)


def _reach(shape: Shape) -> tuple[float, float, float, float]:
    """x min, y min, x max, y max of where a shape can be the nearest within the cap."""
    if isinstance(shape, Circle):
        points: tuple[tuple[float, float], ...] = ((shape.x_m, shape.y_m),)
        margin = DISTANCE_CAP_M + shape.radius_m
    else:
        points, margin = shape.points, DISTANCE_CAP_M
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin


def _circle_distance(circle: Circle, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt((x - circle.x_m) ** 2 + (y - circle.y_m) ** 2) - circle.radius_m)


def _polygon_distance(polygon: Polygon, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.ones(x.shape, bool)
    best = np.full(x.shape, np.inf)
    for (px, py), (qx, qy) in zip(polygon.points, polygon.points[1:] + polygon.points[:1], strict=True):
        ex, ey = qx - px, qy - py
        inside &= ex * (y - py) - ey * (x - px) >= 0.0
        part = np.clip(((x - px) * ex + (y - py) * ey) / (ex * ex + ey * ey), 0.0, 1.0)
        np.minimum(best, (x - px - part * ex) ** 2 + (y - py - part * ey) ** 2, out=best)
    return np.where(inside, 0.0, np.sqrt(best))


def shortest_path(
    sources: dict[Node, float], is_free: Callable[[Node], bool], finish_cost: Callable[[Node], float | None]
) -> list[Node] | None:
    """Dijkstra on eight neighbours (edge lengths 1 and sqrt 2) from ``sources`` with their first costs.

    ``finish_cost`` is what is left to pay when the path may end at a node, else None. None when there is no way.
    """
    best, done = dict(sources), set[Node]()
    parents: dict[Node, Node | None] = dict.fromkeys(sources)
    queue = [(cost, node) for node, cost in sources.items()]
    heapq.heapify(queue)
    end, end_cost = None, math.inf
    while queue:
        cost, node = heapq.heappop(queue)
        if cost >= end_cost:
            break
        if node in done:
            continue
        done.add(node)
        finish = finish_cost(node)
        if finish is not None and cost + finish < end_cost:
            end, end_cost = node, cost + finish
        for dr, dc in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
            following = (node[0] + dr, node[1] + dc)
            following_cost = cost + (math.sqrt(2.0) if dr and dc else 1.0)
            if is_free(following) and following_cost < best.get(following, math.inf):
                best[following], parents[following] = following_cost, node
                heapq.heappush(queue, (following_cost, following))
    if end is None:
        return None
    path: list[Node] = []
    step: Node | None = end
    while step is not None:
        path.append(step)
        step = parents[step]
    return path[::-1]
