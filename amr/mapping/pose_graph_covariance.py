"""How sure a solved pose graph is: covariance of a node, and of one node seen from another."""

from __future__ import annotations

import numpy as np

from amr.geometry import Pose2
from amr.kernels.trig import sin_cos
from amr.mapping.block_system import Floats
from amr.mapping.pose_graph_solve import PoseGraphSolver


class Marginals:
    """Covariances at the present poses of the solver's graph; edges count with their robust weights there.

    The solver must not solve in between. Raises ``ValueError`` when the edges leave a pose undetermined. Costs one
    factorization, and three solves a node.
    """

    def __init__(self, solver: PoseGraphSolver) -> None:
        self.solver = solver
        poses, self._pinned = solver.graph.poses, solver.pinned()
        weight = np.empty(solver.graph.edge_count)
        solver.cost(poses, weight)
        solver.linearize(poses, weight, self._pinned)
        if not solver.system.factor(solver.blocks):
            raise ValueError("the edges leave a pose undetermined")

    def node(self, node: int) -> Floats:
        """[3, 3] of (x m, y m, yaw rad) of the node in the graph's axes; zero when it is pinned."""
        covariance: Floats = self._columns(node)[node].copy()
        return covariance

    def between(self, i: int, j: int) -> Floats:
        """[3, 3] of the pose of j seen from i, in the axes of i (what a loop edge from i to j should agree with)."""
        graph = self.solver.graph
        to_i, to_j = self._columns(i), self._columns(j)
        joint = np.block([[to_i[i], to_j[i]], [to_i[j], to_j[j]]])
        between = graph.pose(i).inverse() @ graph.pose(j)
        jacobian = _relative_jacobian(graph.pose(i), between)
        return _symmetric(jacobian @ joint @ jacobian.T)

    def _columns(self, node: int) -> Floats:
        """[n, 3, 3] covariance of every node with this one."""
        graph = self.solver.graph
        columns = np.zeros((graph.node_count, 3, 3))
        if self._pinned[node]:
            return columns
        for axis in range(3):
            right = np.zeros((graph.node_count, 3))
            right[node, axis] = 1.0
            columns[:, :, axis] = self.solver.system.solve(right)
        columns[node] = _symmetric(columns[node])
        return columns


def _relative_jacobian(pose_i: Pose2, i_from_j: Pose2) -> Floats:
    """[3, 6] of x_i^-1 * x_j by (x_i, x_j), both added in the graph's axes."""
    s, c = sin_cos(pose_i.yaw_rad)
    turn = np.array([[c, s], [-s, c]])
    jacobian = np.zeros((3, 6))
    jacobian[:2, :2], jacobian[:2, 3:5] = -turn, turn
    jacobian[:2, 2] = i_from_j.y_m, -i_from_j.x_m
    jacobian[2, 2], jacobian[2, 5] = -1.0, 1.0
    return jacobian


def _symmetric(matrix: Floats) -> Floats:
    return 0.5 * (matrix + matrix.T)
