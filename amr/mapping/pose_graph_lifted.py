"""A start that does not depend on a guess: the pose graph relaxed to vectors in more dimensions, where chains unwind.

A heading becomes a complex unit vector of ``RANK`` parts, a position a complex vector; with rank 1 that is the planar
problem itself: ``sum kappa |u_j - r u_i|^2 + tau |p_j - p_i - t u_i|^2`` for an edge with heading r = exp(i yaw) and
position t = x + i y. A local minimum of rank 1 mostly has a way down in higher rank (Boumal, Voroninski, Bandeira
2016; Rosen et al., SE-Sync, IJRR 2019; complex form: Carlone et al., IEEE T-RO 2016). The information enters as one
number for the position (harmonic mean of its two axes) and one for the heading, so the result is a start
only.
Riemannian trust region with truncated conjugate gradients (Absil, Baker, Gallivan 2007), preconditioned by one
factorization of the data matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from amr.mapping.block_system import Floats, Integers
from amr.mapping.pose_graph import PoseGraph

RANK: Final = 3
MOST_PRODUCTS: Final = 2500
MOST_PRODUCT_NODES: Final = 6_000_000
"""Products with the data matrix that one relaxation may cost, and products times nodes: tens of seconds at most."""
_MOST_STEPS: Final = 200
_MOST_INNER: Final = 60
_FIRST_NOISE: Final = 0.03
_TOLERANCE: Final = 1e-7
_FLAT_SHARE: Final = 1.0 - 1e-6

Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """``yaw_rad`` [n]: headings, but for a common turn. ``cost``: of the relaxation; a bound when ``flat``."""

    yaw_rad: Floats
    cost: float
    flat: bool
    """The relaxed solution is one of rank 1: nothing was lost in rounding."""


def relax(graph: PoseGraph, order: Integers, yaw_rad: Floats, rank: int = RANK) -> Relaxed:
    """Descend from the headings ``yaw_rad`` [n], disturbed into further dimensions; deterministic.

    ``order``: of elimination. The graph must be one part; held nodes and robust kernels are not looked at.
    """
    return _Relaxation(graph, order, rank).run(yaw_rad)


class _Relaxation:
    """Unknowns [2 n, rank] in the order of elimination: the heading of each node, then its position."""

    def __init__(self, graph: PoseGraph, order: Integers, rank: int) -> None:
        self.rank = rank
        self.node_count = graph.node_count
        self.order = order
        self.matrix: Any = csr_array(_data_matrix(graph, order))
        diagonal = self.matrix.diagonal().real
        shift = np.where(np.arange(len(diagonal)) % 2 == 0, 1e-3 * diagonal[::2].mean(), 1e-6 * diagonal[1::2].mean())
        self.factor: Any = splu(
            csc_array(self.matrix + diags_array(shift)), permc_spec="NATURAL", diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )  # fmt: skip
        self.products = 0
        self.most_products = min(MOST_PRODUCTS, MOST_PRODUCT_NODES // max(1, graph.node_count))

    def run(self, yaw_rad: Floats) -> Relaxed:
        """Steps until the cost falls no more or the budget is used up."""
        x = self._start(yaw_rad)
        mx = self._product(x)
        cost, radius = _dot(x, mx), float(np.sqrt(self.node_count))
        for _ in range(_MOST_STEPS):
            if self.products > self.most_products:
                break
            gradient = _tangent(x, mx)
            step, expected, at_edge = self._inner(x, mx, gradient, radius)
            trial = x + step
            trial[::2] /= np.sqrt(_row_dot(trial[::2], trial[::2]))[:, None]
            trial_mx = self._product(trial)
            trial_cost = _dot(trial, trial_mx)
            gain = (cost - trial_cost) / expected if expected > 0.0 else 0.0
            if gain < 0.25:
                radius *= 0.25
            elif gain > 0.75 and at_edge:
                radius *= 2.5
            if gain > 0.05:
                done = cost - trial_cost <= _TOLERANCE * cost
                x, mx, cost = trial, trial_mx, trial_cost
                if done:
                    break
            elif expected <= 1e-3 * _TOLERANCE * cost:
                break
        return self._rounded(x, cost)

    def _start(self, yaw_rad: Floats) -> Complex:
        """Headings with a seeded disturbance, and the best positions for them."""
        generator = np.random.default_rng(0)
        noise = generator.normal(0.0, _FIRST_NOISE, (2, self.node_count, self.rank))
        heading = noise[0] + 1j * noise[1]
        heading[:, 0] += np.exp(1j * yaw_rad[self.order])
        heading /= np.sqrt(_row_dot(heading, heading))[:, None]
        x = np.zeros((2 * self.node_count, self.rank), np.complex128)
        x[::2] = heading
        # The best positions for these headings; the first node eliminated stays at zero.
        asked = self._product(x)[3::2]
        laplacian = csc_array(self.matrix[3::2, 3::2])
        x[3::2] = -splu(laplacian, permc_spec="NATURAL", options={"SymmetricMode": True}).solve(asked)
        return x

    def _inner(self, x: Complex, mx: Complex, gradient: Complex, radius: float) -> tuple[Complex, float, bool]:
        """(step, gain promised, whether it ends at the radius): Steihaug's conjugate gradients in the tangent space."""
        multiplier = _row_dot(x[::2], mx[::2])[:, None]

        def hessian(v: Complex) -> Complex:
            image = self._product(v)
            image[::2] -= multiplier * v[::2]
            return _tangent(x, image)

        step = np.zeros_like(x)
        image = np.zeros_like(x)
        residual = gradient
        z = _tangent(x, self.factor.solve(residual))
        direction = -z
        rz = first_rz = _dot(residual, z)
        step_square, step_direction, direction_square = 0.0, 0.0, rz
        at_edge = False
        for _ in range(_MOST_INNER):
            h = hessian(direction)
            curvature = _dot(direction, h)
            length = rz / curvature if curvature > 0.0 else 0.0
            ahead = step_square + 2.0 * length * step_direction + length * length * direction_square
            if curvature <= 0.0 or ahead >= radius * radius:
                root = np.sqrt(step_direction**2 + direction_square * (radius * radius - step_square))
                length = (root - step_direction) / max(direction_square, 1e-300)
                step, image, at_edge = step + length * direction, image + length * h, True
                break
            step, image, step_square = step + length * direction, image + length * h, ahead
            residual = residual + length * h
            z = _tangent(x, self.factor.solve(residual))
            next_rz = _dot(residual, z)
            if next_rz <= first_rz * min(0.01, first_rz) or next_rz <= 0.0:
                break
            ratio = next_rz / rz
            step_direction = ratio * (step_direction + length * direction_square)
            direction_square = next_rz + ratio * ratio * direction_square
            rz, direction = next_rz, ratio * direction - z
        return step, -(2.0 * _dot(gradient, step) + _dot(step, image)), at_edge

    def _rounded(self, x: Complex, cost: float) -> Relaxed:
        """Headings along the direction that most of them share."""
        heading = x[::2]
        gram = np.array(
            [[(heading[:, a].conj() * heading[:, b]).sum() for b in range(self.rank)] for a in range(self.rank)]
        )
        share, axes = np.linalg.eigh(gram)
        along = (heading * axes[:, -1]).sum(axis=1)
        yaw_rad = np.empty(self.node_count)
        yaw_rad[self.order] = np.angle(along)
        return Relaxed(yaw_rad, cost, bool(share[-1] >= _FLAT_SHARE * self.node_count))

    def _product(self, v: Complex) -> Complex:
        self.products += 1
        result: Complex = self.matrix @ v
        return result


def _data_matrix(graph: PoseGraph, order: Integers) -> Any:
    """The Hermitian matrix of the quadratic cost, rows and columns as in ``_Relaxation``."""
    place = np.empty(graph.node_count, np.int64)
    place[order] = np.arange(graph.node_count)
    i, j = 2 * place[graph.ends[:, 0]], 2 * place[graph.ends[:, 1]]
    xx, xy, _, yy, _, kappa = graph.information.T
    mean = 0.5 * (xx + yy)
    tau = np.maximum((xx * yy - xy * xy) / np.maximum(mean, 1e-300), 1e-3 * mean)
    tau, kappa = tau + 1e-9 * tau.max() + 1e-300, kappa + 1e-9 * kappa.max() + 1e-300
    x_m, y_m, yaw_rad = graph.measured.T
    root_kappa, root_tau, t, r = np.sqrt(kappa), np.sqrt(tau), x_m + 1j * y_m, np.exp(1j * yaw_rad)
    m, row = graph.edge_count, np.arange(graph.edge_count)
    values = np.concatenate([root_kappa, -r * root_kappa, root_tau, -root_tau, -t * root_tau])
    rows = np.concatenate([row, row, m + row, m + row, m + row])
    columns = np.concatenate([j, i, j + 1, i + 1, i])
    factor = csr_array((values, (rows, columns)), shape=(2 * m, 2 * graph.node_count))
    return factor.conj().T @ factor


def _row_dot(a: Complex, b: Complex) -> Floats:
    """[n] real part of the product of each row."""
    result: Floats = (a.real * b.real + a.imag * b.imag).sum(axis=1)
    return result


def _dot(a: Complex, b: Complex) -> float:
    return float((a.real * b.real + a.imag * b.imag).sum())


def _tangent(x: Complex, v: Complex) -> Complex:
    """``v`` without what would change the length of a heading of ``x``."""
    result = v.copy()
    result[::2] -= _row_dot(x[::2], v[::2])[:, None] * x[::2]
    return result
