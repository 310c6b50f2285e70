"""Residuals, Jacobians and block Hessian of a planar pose graph.

The error of an edge (g2o ``EDGE_SE2``): ``e = z^-1 * (x_i^-1 * x_j)`` as (x, y, yaw), the yaw wrapped. Its cost is
``rho(e^T Omega e)`` with a robust kernel rho: 0 none, 1 Huber, 2 Cauchy, 3 dynamic covariance scaling (Agarwal et al.,
ICRA 2013, the weight integrated to a kernel). Information is (xx, xy, xyaw, yy, yyaw, yawyaw).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.jit import kernel
from amr.kernels.trig import logarithm, sin_cos
from amr.portable_math import PI, TWO_PI

Array = NDArray[Any]


@kernel("float64(float64)")
def wrap(angle_rad: float) -> float:
    """The same direction in [-pi, pi]."""
    return angle_rad - TWO_PI * math.floor((angle_rad + PI) / TWO_PI)


@kernel("UniTuple(float64, 2)(float64, uint8, float64)")
def robust(chi2: float, kind: int, width: float) -> tuple[float, float]:
    """(cost rho, weight rho') of a squared error; ``width`` in sigmas (for kind 3: Phi = width squared)."""
    square = width * width
    if kind == 1 and chi2 > square:
        root = math.sqrt(chi2)
        return 2.0 * width * root - square, width / root
    if kind == 2:
        ratio = chi2 / square
        return square * logarithm(1.0 + ratio), 1.0 / (1.0 + ratio)
    if kind == 3 and chi2 > square:
        scale = 2.0 * square / (square + chi2)
        return square * (3.0 - 2.0 * scale), scale * scale
    return chi2, 1.0


@kernel("void(float64[:,::1], int64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1], float64[::1])")
def errors(pose: Array, ends: Array, measured: Array, information: Array, error: Array, chi2: Array) -> None:
    """Write e [m, 3] and e^T Omega e [m] of each edge at the poses [n, 3]."""
    for edge in range(ends.shape[0]):
        k = np.uint64(edge)
        i, j = np.uint64(ends[k, 0]), np.uint64(ends[k, 1])
        s, c = sin_cos(pose[i, 2])
        dx, dy = pose[j, 0] - pose[i, 0], pose[j, 1] - pose[i, 1]
        x = c * dx + s * dy - measured[k, 0]
        y = -s * dx + c * dy - measured[k, 1]
        s, c = sin_cos(measured[k, 2])
        e0, e1 = c * x + s * y, -s * x + c * y
        e2 = wrap(pose[j, 2] - pose[i, 2] - measured[k, 2])
        error[k, 0], error[k, 1], error[k, 2] = e0, e1, e2
        chi2[k] = (
            e0 * (information[k, 0] * e0 + 2.0 * (information[k, 1] * e1 + information[k, 2] * e2))
            + e1 * (information[k, 3] * e1 + 2.0 * information[k, 4] * e2)
            + information[k, 5] * e2 * e2
        )


@kernel("float64(float64[::1], uint8[::1], float64[::1], float64[::1])")
def robust_cost(chi2: Array, kind: Array, width: Array, weight: Array) -> float:
    """Sum of rho over the edges; writes rho' into ``weight``."""
    total = 0.0
    for k in range(chi2.shape[0]):
        cost, weight[k] = robust(chi2[k], kind[k], width[k])
        total += cost
    return total


@kernel(
    "void(float64[:,::1], int64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1], float64[::1], uint8[::1], "
    "boolean, int64[::1], boolean[::1], float64[:,::1], float64[:,::1], float64[:,::1])"
)
def linearize(
    pose: Array,
    ends: Array,
    measured: Array,
    information: Array,
    error: Array,
    weight: Array,
    held: Array,
    positions_only: bool,
    slot: Array,
    turned: Array,
    diagonal: Array,
    upper: Array,
    gradient: Array,
) -> None:
    """Gauss-Newton system of half the weighted cost in (dx, dy, dyaw), added in world axes: H d = -gradient.

    ``held`` [n]: 1 = the node does not move (its block becomes the unit matrix). ``positions_only``: no yaw moves.
    ``slot`` [m], ``turned`` [m]: where the block (i, j) of an edge goes in ``upper`` [blocks, 9], and whether
    transposed. ``diagonal`` [n, 9] and ``gradient`` [n, 3] are by node.
    """
    diagonal[:] = 0.0
    upper[:] = 0.0
    gradient[:] = 0.0
    a = np.zeros((3, 3))
    b = np.zeros((3, 3))
    w = np.empty((3, 3))
    wa = np.empty((3, 3))
    wb = np.empty((3, 3))
    for edge in range(ends.shape[0]):
        k = np.uint64(edge)
        i, j = np.uint64(ends[k, 0]), np.uint64(ends[k, 1])
        s, c = sin_cos(pose[i, 2] + measured[k, 2])
        dx, dy = pose[j, 0] - pose[i, 0], pose[j, 1] - pose[i, 1]
        a[0, 0], a[0, 1], a[0, 2] = -c, -s, -s * dx + c * dy
        a[1, 0], a[1, 1], a[1, 2] = s, -c, -c * dx - s * dy
        a[2, 2] = -1.0
        b[0, 0], b[0, 1], b[1, 0], b[1, 1], b[2, 2] = c, s, -s, c, 1.0
        if positions_only:
            a[0, 2], a[1, 2], a[2, 2], b[2, 2] = 0.0, 0.0, 0.0, 0.0
        u = weight[k]
        w[0, 0], w[0, 1], w[0, 2] = u * information[k, 0], u * information[k, 1], u * information[k, 2]
        w[1, 0], w[1, 1], w[1, 2] = w[0, 1], u * information[k, 3], u * information[k, 4]
        w[2, 0], w[2, 1], w[2, 2] = w[0, 2], w[1, 2], u * information[k, 5]
        for p in range(3):
            for q in range(3):
                wa[p, q] = w[p, 0] * a[0, q] + w[p, 1] * a[1, q] + w[p, 2] * a[2, q]
                wb[p, q] = w[p, 0] * b[0, q] + w[p, 1] * b[1, q] + w[p, 2] * b[2, q]
        moves_i, moves_j = held[i] == 0, held[j] == 0
        for p in range(3):
            for q in range(3):
                here = np.uint64(3 * p + q)
                if moves_i:
                    diagonal[i, here] += a[0, p] * wa[0, q] + a[1, p] * wa[1, q] + a[2, p] * wa[2, q]
                if moves_j:
                    diagonal[j, here] += b[0, p] * wb[0, q] + b[1, p] * wb[1, q] + b[2, p] * wb[2, q]
                if moves_i and moves_j:
                    to = np.uint64(3 * q + p) if turned[k] else here
                    upper[slot[k], to] += a[0, p] * wb[0, q] + a[1, p] * wb[1, q] + a[2, p] * wb[2, q]
            if moves_i:
                gradient[i, p] += wa[0, p] * error[k, 0] + wa[1, p] * error[k, 1] + wa[2, p] * error[k, 2]
            if moves_j:
                gradient[j, p] += wb[0, p] * error[k, 0] + wb[1, p] * error[k, 1] + wb[2, p] * error[k, 2]
    for node in range(pose.shape[0]):
        n = np.uint64(node)
        if held[n] != 0:
            diagonal[n, 0], diagonal[n, 4], diagonal[n, 8] = 1.0, 1.0, 1.0
        elif positions_only:
            diagonal[n, 8] = 1.0


@kernel(
    "void(int64[:,::1], float64[:,::1], float64[::1], uint8[::1], int64[::1], boolean[::1], float64[:,::1], "
    "float64[:,::1], float64[:,::1], float64[:,::1])"
)
def chordal_system(
    ends: Array,
    measured: Array,
    weight: Array,
    held: Array,
    slot: Array,
    turned: Array,
    direction: Array,
    diagonal: Array,
    upper: Array,
    gradient: Array,
) -> None:
    """Least squares of sum weight |u_j - R(yaw_ij) u_i|^2 over free vectors u [n, 2]: H d = -gradient at ``direction``.

    Chordal relaxation of the rotations (Carlone et al., ICRA 2015), in the same blocks: the third row and column of
    each is the unit matrix's. ``direction`` [n, 3]: the held nodes' (cos, sin, 0), zero elsewhere.
    """
    diagonal[:] = 0.0
    upper[:] = 0.0
    gradient[:] = 0.0
    for edge in range(ends.shape[0]):
        k = np.uint64(edge)
        i, j = np.uint64(ends[k, 0]), np.uint64(ends[k, 1])
        s, c = sin_cos(measured[k, 2])
        w = weight[k]
        e0 = direction[j, 0] - (c * direction[i, 0] - s * direction[i, 1])
        e1 = direction[j, 1] - (s * direction[i, 0] + c * direction[i, 1])
        if held[i] == 0:
            diagonal[i, 0] += w
            diagonal[i, 4] += w
            gradient[i, 0] -= w * (c * e0 + s * e1)
            gradient[i, 1] -= w * (-s * e0 + c * e1)
        if held[j] == 0:
            diagonal[j, 0] += w
            diagonal[j, 4] += w
            gradient[j, 0] += w * e0
            gradient[j, 1] += w * e1
        if held[i] == 0 and held[j] == 0:
            sine = -s if turned[k] else s
            upper[slot[k], 0] -= w * c
            upper[slot[k], 1] -= w * sine
            upper[slot[k], 3] += w * sine
            upper[slot[k], 4] -= w * c
    for node in range(held.shape[0]):
        n = np.uint64(node)
        diagonal[n, 8] = 1.0
        if held[n] != 0:
            diagonal[n, 0], diagonal[n, 4] = 1.0, 1.0
