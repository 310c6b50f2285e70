"""The robot's outline as a set of discs, for clearance from a distance field."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr.config.hardware import Body

_OVERSHOOT_M = 0.02
"""A disc bulges at most this far out of the outline."""


def cover_discs(body: Body, overshoot_m: float = _OVERSHOOT_M) -> NDArray[np.float32]:
    """Discs, float32 [n, 3] (x m, y m, radius m; base frame), whose union holds the outline's bounding box.

    Each side of the box is cut into equal parts; a disc centred behind each part passes through the part's ends. The
    deeper the centre, the flatter the bulge. A row of discs on the long axis fills the inside.
    """
    (rear, front), (right, left) = body.length_bounds_m, body.width_bounds_m
    center_x, center_y = 0.5 * (rear + front), 0.5 * (right + left)
    half_x, half_y = 0.5 * (front - rear), 0.5 * (left - right)
    discs: list[tuple[float, float, float]] = []
    for along, across, is_x in ((half_x, half_y, True), (half_y, half_x, False)):
        depth = 0.5 * across
        count = 1
        while math.sqrt(depth * depth + (along / count) ** 2) - depth > overshoot_m:
            count += 1
        radius = math.sqrt(depth * depth + (along / count) ** 2)
        for n in range(count):
            offset = along * ((2 * n + 1) / count - 1.0)
            for side in (depth, -depth):
                x, y = (offset, side) if is_x else (side, offset)
                discs.append((center_x + x, center_y + y, radius))
    inner, long = min(half_x, half_y), max(half_x, half_y)
    count = max(1, math.ceil((long - inner) / inner) + 1)
    for n in range(count):
        offset = (long - inner) * (2.0 * n / (count - 1) - 1.0) if count > 1 else 0.0
        x, y = (offset, 0.0) if half_x >= half_y else (0.0, offset)
        discs.append((center_x + x, center_y + y, inner))
    return np.array(discs, np.float32)


def reach_m(discs: NDArray[np.float32]) -> float:
    """Distance from the base origin to the farthest point of the discs."""
    return max(math.sqrt(float(x) ** 2 + float(y) ** 2) + float(r) for x, y, r in discs)
