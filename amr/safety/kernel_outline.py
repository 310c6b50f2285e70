"""Shape and motion of the outline, compiled: shared by the other two kernel files of the ring, and by nobody else.

Frames: *odom* is the ring's own wheel-odometry frame; *base* at some instant is the robot's frame there. An outline
is a union of convex counter-clockwise polygons: ``edges`` float64 [k, 5] (start x, start y, direction x, direction y,
length), ``discs`` float64 [p, 3] (centre and radius of a circle around each), ``starts`` int64 [p + 1] (its edges).

A motion is one arc: a *unit twist* (v, w), scaled so that the outline's speed bound ``abs(v) + abs(w) * circumradius``
is 1, and a progress in metres of that bound, so that no point of the outline moves farther than the progress.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from amr import portable_math
from amr.jit import kernel

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

sin_cos = kernel("UniTuple(float64, 2)(float64)")(portable_math.sin_cos)
arctan2 = kernel("float64(float64, float64)")(portable_math.arctan2)


@kernel("float64(float64, float64, float64[:, ::1], float64[:, ::1], int64[::1])")
def outline_distance(x: float, y: float, edges: F64, discs: F64, starts: I64) -> float:
    """Distance in m of a base-frame point to the union of the polygons; negative inside (depth to the nearest edge)."""
    best = np.inf
    for p in range(discs.shape[0]):
        k = np.uint64(p)
        dx = x - discs[k, 0]
        dy = y - discs[k, 1]
        bound = best + discs[k, 2]
        if bound > 0.0 and dx * dx + dy * dy >= bound * bound:
            continue
        inside = -np.inf
        outside2 = np.inf
        for edge in range(starts[k], starts[k + np.uint64(1)]):
            i = np.uint64(edge)
            rx = x - edges[i, 0]
            ry = y - edges[i, 1]
            ux = edges[i, 2]
            uy = edges[i, 3]
            beyond = uy * rx - ux * ry
            inside = max(inside, beyond)
            if beyond > 0.0:
                # the nearest point of a convex polygon lies on an edge that sees the point from outside
                along = rx * ux + ry * uy
                over = max(0.0, max(-along, along - edges[i, 4]))
                outside2 = min(outside2, beyond * beyond + over * over)
        best = min(best, inside if inside <= 0.0 else math.sqrt(outside2))
    return best


@kernel("UniTuple(float64, 3)(float64, float64, float64)")
def arc_pose(v: float, w: float, progress: float) -> tuple[float, float, float]:
    """(x, y, yaw) after ``progress`` of the unit twist from the origin; series near zero turning (exact to 1e-17)."""
    half = 0.5 * w * progress
    s, c = sin_cos(half)
    ratio = 1.0 - half * half / 6.0 if abs(half) < 1.0e-4 else s / half
    chord = v * progress * ratio
    return chord * c, chord * s, 2.0 * half


@kernel("UniTuple(float64, 2)(float64, float64, float64, float64, float64)")
def moved_point(x: float, y: float, v: float, w: float, progress: float) -> tuple[float, float]:
    """The resting point (x, y) in the base frame after the base drove ``progress`` of the unit twist."""
    px, py, yaw = arc_pose(v, w, progress)
    s, c = sin_cos(yaw)
    dx = x - px
    dy = y - py
    return c * dx + s * dy, c * dy - s * dx


@kernel("float64(float64, float64, float64, float64)")
def lateral(x: float, y: float, v: float, w: float) -> float:
    """Signed distance to the base origin's own track, along the radius: constant along the arc, 1-Lipschitz."""
    speed = math.sqrt((v - w * y) * (v - w * y) + (w * x) * (w * x))
    below = abs(v) + speed
    if below == 0.0:
        return 0.0
    return (2.0 * v * y - w * (x * x + y * y)) / below


@kernel("UniTuple(float64, 2)(float64, float64, float64[:, ::1], float64[:, ::1], int64[::1])")
def lateral_range(v: float, w: float, edges: F64, discs: F64, starts: I64) -> tuple[float, float]:
    """Smallest and largest ``lateral`` over the outline: a point farther out by its margin is never touched."""
    low = np.inf
    high = -np.inf
    for k in range(edges.shape[0]):
        i = np.uint64(k)
        ax = edges[i, 0]
        ay = edges[i, 1]
        value = lateral(ax, ay, v, w)
        low = min(low, value)
        high = max(high, value)
        if abs(w) > 1.0e-9:
            # the radius about the centre of rotation (0, v / w) is smallest at the foot on an edge
            along = edges[i, 3] * (v / w - ay) - edges[i, 2] * ax
            if 0.0 < along < edges[i, 4]:
                value = lateral(ax + along * edges[i, 2], ay + along * edges[i, 3], v, w)
                low = min(low, value)
                high = max(high, value)
    if abs(w) > 1.0e-9 and outline_distance(0.0, v / w, edges, discs, starts) <= 0.0:
        value = lateral(0.0, v / w, v, w)
        low = min(low, value)
        high = max(high, value)
    return low, high
