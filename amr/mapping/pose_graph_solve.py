"""Levenberg-Marquardt on a pose graph, with the positions solved again for the new headings after every large turn.

Given the headings, the cost is quadratic in the positions: one linear solve makes them the best ones (variable
projection, Golub and Pereyra 1973). A step that turns nodes is thereby judged by its headings alone, not by the far
ends of the chains that swing with them; that is what a plain step from odometry gets stuck on.
Damping: Nielsen 1999, on the diagonal of the Hessian.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from amr.kernels import pose_graph as kernels
from amr.mapping.block_system import BlockSystem, Floats
from amr.mapping.pose_graph import PoseGraph, wrap_angles

LARGE_TURN_RAD: Final = 1e-3
_FIRST_DAMPING: Final = 1e-6
_LEAST_DAMPING: Final = 1e-12
_MOST_DAMPING: Final = 1e12
_RETRIES: Final = 25
_PIVOT_FLOOR_FRAC: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Solution:
    """How a solve went. ``cost``: with the robust kernels; ``chi2``: sum of e^T Omega e."""

    cost: float
    chi2: float
    iterations: int
    converged: bool
    """False: stopped by ``most_iterations``, or no step lowers the cost though one should."""


class PoseGraphSolver:
    """The structure of one graph, kept between solves; make a new one after nodes or edges were added.

    Robust kernels and widths, information, measurements, poses and held nodes are read from the graph at each call.
    """

    def __init__(self, graph: PoseGraph) -> None:
        self.graph = graph
        self.system = BlockSystem(graph.node_count, graph.ends)
        self.blocks = self.system.blocks()
        self._shape = (graph.node_count, graph.edge_count)
        self._error = np.empty((graph.edge_count, 3))
        self._chi2 = np.empty(graph.edge_count)
        self._part = parts(graph)

    def pinned(self) -> NDArray[np.uint8]:
        """[n] the held nodes, and the first node of each part that holds none."""
        held = self.graph.held.copy()
        _, first = np.unique(self._part, return_index=True)
        anchored = np.zeros(len(first), bool)
        anchored[self._part[held != 0]] = True
        held[first[~anchored]] = 1
        return held

    def cost(self, poses: Floats, weight: Floats) -> tuple[float, float]:
        """(cost with the kernels, chi2) at ``poses``; writes the weights of the edges. Infinite when not finite."""
        graph = self.graph
        kernels.errors(poses, graph.ends, graph.measured, graph.information, self._error, self._chi2)
        cost = kernels.robust_cost(self._chi2, graph.kernel, graph.width_sigma, weight)
        chi2 = float(self._chi2.sum())
        return (cost, chi2) if np.isfinite(cost) else (np.inf, chi2)

    def linearize(self, poses: Floats, weight: Floats, pinned: NDArray[np.uint8], positions_only: bool = False) -> None:
        """Fill ``blocks`` at ``poses``, whose errors the latest ``cost`` computed."""
        graph, system, blocks = self.graph, self.system, self.blocks
        kernels.linearize(
            poses, graph.ends, graph.measured, graph.information, self._error, weight, pinned, positions_only,
            system.slot, system.turned, blocks.diagonal, blocks.upper, blocks.gradient,
        )  # fmt: skip

    def with_best_positions(self, poses: Floats, pinned: NDArray[np.uint8]) -> Floats | None:
        """The same headings with the positions that cost least (weights as there); None when that has no answer."""
        weight = np.empty(self.graph.edge_count)
        self.cost(poses, weight)
        self.linearize(poses, weight, pinned, positions_only=True)
        if not self.system.factor(self.blocks, _PIVOT_FLOOR_FRAC * self._scale()):
            return None
        return poses - self.system.solve(self.blocks.gradient)

    def solve(
        self,
        most_iterations: int = 200,
        tolerance: float = 1e-9,
        progress: Callable[[int, float], None] | None = None,
    ) -> Solution:
        """Move the poses of the graph to the least cost near them, until a step gains less than ``tolerance`` of it.

        ``progress(iteration, cost)`` after each step. Poses whose cost is not finite are left alone.
        """
        graph = self.graph
        if (graph.node_count, graph.edge_count) != self._shape:
            raise ValueError("the graph has grown: make a new solver")
        poses, pinned = graph.poses.copy(), self.pinned()
        weight, trial_weight = np.empty(graph.edge_count), np.empty(graph.edge_count)
        cost, chi2 = self.cost(poses, weight)
        if not np.isfinite(cost):
            return Solution(cost, chi2, 0, converged=False)
        damping, iteration, converged = _FIRST_DAMPING, 0, False
        while iteration < most_iterations and not converged:
            iteration += 1
            self.cost(poses, weight)
            self.linearize(poses, weight, pinned)
            blocks, scale, growth = self.blocks, self._scale(), 2.0
            kept = (blocks.diagonal.copy(), blocks.upper.copy(), blocks.gradient.copy())
            for _ in range(_RETRIES):
                blocks.diagonal[:], blocks.upper[:], blocks.gradient[:] = kept
                expected, trial = self._step(poses, damping * scale)
                if trial is not None:
                    converged = expected <= tolerance * cost
                    trial, trial_cost, trial_chi2 = self._improved(trial, poses, pinned, trial_weight)
                    gain = (cost - trial_cost) / max(expected, 1e-300)
                    if trial_cost <= cost:
                        converged = converged or cost - trial_cost <= tolerance * cost
                        damping *= min(max(0.1, 1.0 - (2.0 * gain - 1.0) ** 3), 2.0)
                        damping = max(damping, _LEAST_DAMPING)
                        poses, cost, chi2 = trial, trial_cost, trial_chi2
                        break
                    if converged:
                        break
                damping, growth = max(damping, 1e-9) * growth, 2.0 * growth
                if damping > _MOST_DAMPING:
                    break
            else:
                break
            if damping > _MOST_DAMPING:
                break
            if progress is not None:
                progress(iteration, cost)
        poses[:, 2] = wrap_angles(poses[:, 2])
        graph.poses[:] = np.where(pinned[:, None] != 0, graph.poses, poses)
        return Solution(cost, chi2, iteration, converged)

    def _scale(self) -> Floats:
        """[n, 3] the diagonal of H, with a floor where nothing holds a coordinate."""
        diagonal = self.blocks.diagonal[:, ::4]
        floor = _PIVOT_FLOOR_FRAC * diagonal.sum(axis=0) / max(len(diagonal), 1) + 1e-300
        scale: Floats = np.maximum(diagonal, floor)
        return scale

    def _step(self, poses: Floats, damping: Floats) -> tuple[float, Floats | None]:
        """(the gain that the quadratic model promises, the poses after the step); None when H is not positive."""
        if not self.system.factor(self.blocks, damping):
            return 0.0, None
        step = -self.system.solve(self.blocks.gradient)
        if not np.isfinite(step).all():
            return 0.0, None
        expected = float((damping * step * step - self.blocks.gradient * step).sum())
        return expected, poses + step

    def _improved(
        self, trial: Floats, before: Floats, pinned: NDArray[np.uint8], weight: Floats
    ) -> tuple[Floats, float, float]:
        """The trial or, after a large turn, the trial with its positions solved again, whichever costs less."""
        cost, chi2 = self.cost(trial, weight)
        if len(trial) and np.abs(trial[:, 2] - before[:, 2]).max() > LARGE_TURN_RAD:
            settled = self.with_best_positions(trial, pinned)
            if settled is not None:
                settled_cost, settled_chi2 = self.cost(settled, weight)
                if settled_cost < cost:
                    return settled, settled_cost, settled_chi2
        return trial, cost, chi2


def parts(graph: PoseGraph) -> NDArray[np.int32]:
    """[n] number of the connected part that each node belongs to, in the order of the parts' first nodes."""
    n, ends = graph.node_count, graph.ends
    if n == 0:
        return np.empty(0, np.int32)
    joined = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    _, label = connected_components(joined, directed=False)
    return np.asarray(label, np.int32)
