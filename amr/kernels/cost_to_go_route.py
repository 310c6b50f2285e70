"""The planned route in a cost-to-go: away from it a metre costs more, so that the planned way is the one taken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from amr.jit import kernel


@kernel("void(float32[:,::1], float64, float64, float64, float64[:,::1], float64, float32, uint8[:,::1])")
def price_off_route(
    cost: Any,
    origin_x_m: Any,
    origin_y_m: Any,
    resolution_m: Any,
    path: Any,
    half_width_m: Any,
    factor: Any,
    on_route: Any,
) -> None:
    """Multiply the cost of free cells farther than ``half_width_m`` from ``path`` by ``factor``.

    ``path``: float64 [n, >= 2], the frame of the window; with fewer than two points, or none within the window,
    nothing changes. Distance is that of cell centres to points on the path a cell apart. ``on_route`` is scratch of
    the size of ``cost``.
    """
    height, width = cost.shape
    reach = half_width_m / resolution_m
    rings = math.floor(reach)
    for j in range(np.uint64(height)):
        for i in range(np.uint64(width)):
            on_route[j, i] = 0
    inside = False
    for p in range(1, path.shape[0]):
        a, b = np.uint64(p - 1), np.uint64(p)
        x = (path[a, 0] - origin_x_m) / resolution_m - 0.5
        y = (path[a, 1] - origin_y_m) / resolution_m - 0.5
        dx = (path[b, 0] - origin_x_m) / resolution_m - 0.5 - x
        dy = (path[b, 1] - origin_y_m) / resolution_m - 0.5 - y
        if not (max(x, x + dx) > -reach and min(x, x + dx) < width + reach):
            continue
        if not (max(y, y + dy) > -reach and min(y, y + dy) < height + reach):
            continue
        steps = math.ceil(math.sqrt(dx * dx + dy * dy))
        for k in range(steps + 1):
            part = k / max(steps, 1)
            column = math.floor(x + part * dx + 0.5)
            row = math.floor(y + part * dy + 0.5)
            for r in range(max(row - rings, 0), min(row + rings, height - 1) + 1):
                for c in range(max(column - rings, 0), min(column + rings, width - 1) + 1):
                    if (r - row) * (r - row) + (c - column) * (c - column) <= reach * reach:
                        on_route[np.uint64(r), np.uint64(c)] = 1
                        inside = True
    if not inside:
        return
    for j in range(np.uint64(height)):
        for i in range(np.uint64(width)):
            if on_route[j, i] == 0 and cost[j, i] > np.float32(0.0):
                cost[j, i] *= factor
