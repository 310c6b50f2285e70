"""Solving where some edges are plain wrong: robust kernels narrowed step by step."""

from __future__ import annotations

from typing import Final

from amr.mapping.pose_graph_solve import PoseGraphSolver, Solution

NARROWING: Final = (16.0, 4.0, 1.0)
"""Factors on the widths, as in graduated non-convexity (Yang et al. 2020); without them drifted odometry sticks."""


def solve_narrowing(solver: PoseGraphSolver, factors: tuple[float, ...] = NARROWING) -> Solution:
    """Solve with the widths of all robust kernels times each factor in turn, ending with the last one's solution.

    The widths of the graph are as before afterwards.
    """
    graph = solver.graph
    width_sigma = graph.width_sigma.copy()
    iterations = 0
    solution = Solution(0.0, 0.0, 0, converged=True)
    try:
        for factor in factors:
            graph.width_sigma[:] = factor * width_sigma
            solution = solver.solve()
            iterations += solution.iterations
    finally:
        graph.width_sigma[:] = width_sigma
    return Solution(solution.cost, solution.chi2, iterations, solution.converged)
