"""A cloud of poses: moved by odometry, weighed by a likelihood field, drawn anew.

Particles are float64 [3, n]: x m, y m, yaw rad in the map frame. Weights are float64 [n] and add up to 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.trig import sin_cos_each

Array = NDArray[Any]

CLUSTER = 10
"""Entries of a cluster: mass; mean x m, y m, yaw rad; covariance xx xy xt yy yt tt."""

_MIX_X = np.uint64(0x9E3779B97F4A7C15)
_MIX_Y = np.uint64(0xBF58476D1CE4E5B9)
_MIX_YAW = np.uint64(0x94D049BB133111EB)
_HIGH = np.uint64(29)
_LANES = 16


@kernel("float64(float64)")
def _wrapped(angle: float) -> float:
    return angle - 2.0 * math.pi * math.floor(angle / (2.0 * math.pi) + 0.5)


@kernel("void(float64[:,::1], float64[::1], float64[::1], uint16[:,::1], Array(float32, 1, 'C', readonly=True))")
def move_particles(particles: Array, step: Array, root: Array, draws: Array, normals: Array) -> None:
    """Compose each pose with ``step`` (x, y, yaw) plus noise of its own.

    ``root`` [6] = lower Cholesky factor of the step's covariance (00 10 11 20 21 22) in the axes of the pose that the
    step starts from; ``draws`` [3, n], uniform, look up ``normals`` [65536].
    """
    count = np.uint64(particles.shape[1])
    sines, cosines = np.empty(count), np.empty(count)
    sin_cos_each(particles[2], sines, cosines)
    for k in range(count):
        n0 = np.float64(normals[draws[0, k]])
        n1 = np.float64(normals[draws[1, k]])
        n2 = np.float64(normals[draws[2, k]])
        dx = step[0] + root[0] * n0
        dy = step[1] + root[1] * n0 + root[2] * n1
        turn = step[2] + root[3] * n0 + root[4] * n1 + root[5] * n2
        particles[0, k] += cosines[k] * dx - sines[k] * dy
        particles[1, k] += sines[k] * dx + cosines[k] * dy
        particles[2, k] = _wrapped(particles[2, k] + turn)


@kernel("uint32(uint8[::1], int32[::1], uint64)")
def _looked_up(flat: Array, at: Array, count: Any) -> Any:
    """Sum of ``flat`` at the first ``count`` of ``at``. Four sums, for one makes compilers gather, half as fast."""
    sum0 = sum1 = sum2 = sum3 = np.uint32(0)
    b, one, two, three = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    while b + three < count:
        sum0 += np.uint32(flat[np.uint64(at[b])])
        sum1 += np.uint32(flat[np.uint64(at[b + one])])
        sum2 += np.uint32(flat[np.uint64(at[b + two])])
        sum3 += np.uint32(flat[np.uint64(at[b + three])])
        b += np.uint64(4)
    while b < count:
        sum0 += np.uint32(flat[np.uint64(at[b])])
        b += one
    return sum0 + sum1 + sum2 + sum3


@kernel("void(float64[:,::1], float32[:,::1], uint8[:,::1], float64[::1], uint32[::1])")
def beam_penalties(particles: Array, points: Array, table: Array, frame: Array, out: Array) -> None:
    """``out[k]`` = sum over ``points`` [2, m] (m, robot's frame) of the table's cell where particle k puts them.

    ``frame`` = x and y of the outer corner of ``table[0, 0]``, cell size (m). Points beyond the table count as in its
    outermost cells. Up to 2^24 cells: indices are exact.
    """
    height, width = table.shape
    flat = table.reshape(height * width)
    count = np.uint64(points.shape[1])
    # whole vectors, so that no beam is left over for a loop of single steps; what is added is looked up by nobody
    padded = (count + np.uint64(_LANES - 1)) // np.uint64(_LANES) * np.uint64(_LANES)
    scale = 1.0 / frame[2]
    along, across = np.zeros(padded, np.float32), np.zeros(padded, np.float32)
    for b in range(count):
        along[b] = points[0, b] * np.float32(scale)
        across[b] = points[1, b] * np.float32(scale)
    at = np.empty(padded, np.int32)
    last_column, last_row = np.float32(width - 1), np.float32(height - 1)
    zero, stride = np.float32(0.0), np.int32(width)
    sines, cosines = np.empty(particles.shape[1]), np.empty(particles.shape[1])
    sin_cos_each(particles[2], sines, cosines)
    for k in range(np.uint64(particles.shape[1])):
        s, c = np.float32(sines[k]), np.float32(cosines[k])
        x = np.float32((particles[0, k] - frame[0]) * scale)
        y = np.float32((particles[1, k] - frame[1]) * scale)
        for b in range(padded):
            column = x + (c * along[b] - s * across[b])
            row = y + (s * along[b] + c * across[b])
            column = column if column > zero else zero
            row = row if row > zero else zero
            column = column if column < last_column else last_column
            row = row if row < last_row else last_row
            at[b] = np.int32(row) * stride + np.int32(column)
        out[k] = _looked_up(flat, at, count)


@kernel("float64(float64[::1], uint32[::1], float64[::1])")
def weigh(weights: Array, penalties: Array, likelihood: Array) -> float:
    """Multiply each weight by ``likelihood[penalty - least penalty]`` and make their sum 1; returns the sum before.

    Beyond the end of ``likelihood`` its last entry counts.
    """
    least = penalties[0]
    for k in range(np.uint64(penalties.shape[0])):
        least = min(least, penalties[k])
    last = np.uint64(likelihood.shape[0] - 1)
    total = 0.0
    for k in range(np.uint64(weights.shape[0])):
        weights[k] *= likelihood[min(np.uint64(penalties[k] - least), last)]
        total += weights[k]
    if total > 0.0:
        for k in range(np.uint64(weights.shape[0])):
            weights[k] /= total
    else:
        weights[:] = 1.0 / weights.shape[0]
    return total


@kernel("float64(float64[::1])")
def effective_count(weights: Array) -> float:
    """1 / sum of squares: so many particles carry the weight."""
    total = 0.0
    for k in range(np.uint64(weights.shape[0])):
        total += weights[k] * weights[k]
    return 1.0 / total


@kernel("void(float64[::1], float64, int64[::1])")
def draw_low_variance(weights: Array, start_frac: float, out: Array) -> None:
    """Numbers of the drawn particles (low variance, Thrun 2005, 4.2.4): equal steps, first at ``start_frac`` of one."""
    count = out.shape[0]
    step = 1.0 / count
    source = np.uint64(0)
    last = np.uint64(weights.shape[0] - 1)
    reached = weights[0]
    for k in range(count):
        pointer = (k + start_frac) * step
        while pointer > reached and source < last:
            source += np.uint64(1)
            reached += weights[source]
        out[np.uint64(k)] = np.int64(source)


@kernel("int64(float64[:,::1], int64[::1], float64, float64, int64[:,::1])")
def occupied_bins(particles: Array, drawn: Array, bin_m: float, bin_rad: float, scratch: Array) -> int:
    """How many bins of space hold at least one of the ``drawn`` particles.

    ``scratch`` [2^k, 4] holds a hash table; at least twice as many rows as particles are drawn.
    """
    rows = np.uint64(scratch.shape[0])
    mask = rows - np.uint64(1)
    for r in range(rows):
        scratch[r, 3] = 0
    found = 0
    for n in range(np.uint64(drawn.shape[0])):
        k = np.uint64(drawn[n])
        i = np.int64(math.floor(particles[0, k] / bin_m))
        j = np.int64(math.floor(particles[1, k] / bin_m))
        t = np.int64(math.floor(particles[2, k] / bin_rad))
        mixed = np.uint64(i) * _MIX_X + np.uint64(j) * _MIX_Y + np.uint64(t) * _MIX_YAW
        at = (mixed ^ (mixed >> _HIGH)) & mask
        while scratch[at, 3] != 0 and (scratch[at, 0] != i or scratch[at, 1] != j or scratch[at, 2] != t):
            at = (at + np.uint64(1)) & mask
        if scratch[at, 3] == 0:
            scratch[at, 0], scratch[at, 1], scratch[at, 2], scratch[at, 3] = i, j, t, 1
            found += 1
    return found


@kernel("void(float64[:,::1], float64[::1], float64[::1], float64, float64, float64[::1])")
def cluster_around(
    particles: Array, weights: Array, center: Array, radius_m: float, radius_rad: float, out: Array
) -> None:
    """Mass, mean and covariance (``CLUSTER``) of the particles within both radii of ``center`` (x, y, yaw)."""
    out[:] = 0.0
    mass, mx, my, mt = 0.0, 0.0, 0.0, 0.0
    xx, xy, xt, yy, yt, tt = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    squared = radius_m * radius_m
    for k in range(np.uint64(weights.shape[0])):
        dx, dy = particles[0, k] - center[0], particles[1, k] - center[1]
        turn = _wrapped(particles[2, k] - center[2])
        if dx * dx + dy * dy > squared or abs(turn) > radius_rad:
            continue
        w = weights[k]
        mass += w
        mx += w * dx
        my += w * dy
        mt += w * turn
        xx += w * dx * dx
        xy += w * dx * dy
        xt += w * dx * turn
        yy += w * dy * dy
        yt += w * dy * turn
        tt += w * turn * turn
    if not mass > 0.0:
        return
    mx, my, mt = mx / mass, my / mass, mt / mass
    out[0] = mass
    out[1], out[2], out[3] = center[0] + mx, center[1] + my, _wrapped(center[2] + mt)
    out[4], out[5], out[6] = xx / mass - mx * mx, xy / mass - mx * my, xt / mass - mx * mt
    out[7], out[8], out[9] = yy / mass - my * my, yt / mass - my * mt, tt / mass - mt * mt
