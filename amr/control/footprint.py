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

    A disc that passes through a corner bulges least, by (sqrt(2) - 1) of its centre's depth, when that centre lies
    on the diagonal: so corners get small discs. The rest of each side is cut into equal parts with a disc behind
    each; the deeper its centre, the flatter the bulge. A row of discs on the long axis fills the inside.
    """
    (rear, front), (right, left) = body.length_bounds_m, body.width_bounds_m
    center_x, center_y = 0.5 * (rear + front), 0.5 * (right + left)
    half_x, half_y = 0.5 * (front - rear), 0.5 * (left - right)
    corner = min(overshoot_m / (math.sqrt(2.0) - 1.0), half_x, half_y)
    discs = [
        (sign_x * (half_x - corner), sign_y * (half_y - corner), math.sqrt(2.0) * corner)
        for sign_x in (1.0, -1.0)
        for sign_y in (1.0, -1.0)
    ]
    for along, across, is_x in ((half_x - 2.0 * corner, half_y, True), (half_y - 2.0 * corner, half_x, False)):
        discs += _side_discs(along, across, is_x, overshoot_m, 2.0 * corner + overshoot_m)
    inner, long = min(half_x, half_y), max(half_x, half_y)
    count = max(1, math.ceil((long - inner) / inner) + 1)
    for n in range(count):
        offset = (long - inner) * (2.0 * n / (count - 1) - 1.0) if count > 1 else 0.0
        discs.append((offset, 0.0, inner) if half_x >= half_y else (0.0, offset, inner))
    return np.array([(center_x + x, center_y + y, radius) for x, y, radius in discs], np.float32)


def _side_discs(
    along: float, across: float, is_x: bool, overshoot_m: float, room_m: float
) -> list[tuple[float, float, float]]:
    """Discs along two opposite sides, from -``along`` to ``along``, whose faces lie at +-``across``.

    The last of a row may reach ``room_m`` beyond ``along``: that limits how deep its centre lies.
    """
    if along <= 0.0:
        return []
    count = 0
    depth = radius = math.inf
    while radius - depth > overshoot_m or count == 0:
        count += 1
        half = along / count
        depth = min(0.5 * across, math.sqrt(2.0 * half * room_m + room_m * room_m))
        radius = math.sqrt(depth * depth + half * half)
    discs = []
    for n in range(count):
        offset = along * ((2 * n + 1) / count - 1.0)
        for side in (across - depth, depth - across):
            discs.append((offset, side, radius) if is_x else (side, offset, radius))
    return discs


def reach_m(discs: NDArray[np.float32]) -> float:
    """Distance from the base origin to the farthest point of the discs."""
    return max(math.sqrt(float(x) ** 2 + float(y) ** 2) + float(r) for x, y, r in discs)
