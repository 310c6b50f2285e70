"""A planar pose graph: nodes with poses, edges with relative poses, and what both are worth.

Poses are (x m, y m, yaw rad) in one graph frame. An edge (i, j) says where j is seen from i; its information is the
inverse covariance of the error ``e = z^-1 * (x_i^-1 * x_j)``, in the axes of the measured pose (as g2o's ``EDGE_SE2``).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amr.geometry import Pose2, wrap_angle
from amr.kernels import pose_graph as kernels

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Places of the six numbers that stand for a symmetric 3 x 3 matrix."""


class RobustKernel(IntEnum):
    """How the squared error of an edge (in sigmas) becomes its cost."""

    NONE = 0
    HUBER = 1
    CAUCHY = 2
    DCS = 3
    """Dynamic covariance scaling (Agarwal et al., ICRA 2013); Phi = width squared."""


class PoseGraph:
    """Nodes 0..n-1 and edges 0..m-1, growing. A node that is held keeps its pose in every solution.

    Each part of the graph that is not joined to a held node keeps its first node where it is.
    """

    def __init__(self) -> None:
        self._nodes = 0
        self._edges = 0
        self._pose = np.zeros((16, 3))
        self._held = np.zeros(16, np.uint8)
        self._ends = np.zeros((16, 2), np.int64)
        self._measured = np.zeros((16, 3))
        self._information = np.zeros((16, 6))
        self._kernel = np.zeros(16, np.uint8)
        self._width_sigma = np.ones(16)

    @classmethod
    def of_arrays(cls, pose: Floats, ends: Integers, measured: Floats, information: Floats) -> PoseGraph:
        """A graph of poses [n, 3], and edges: ends [m, 2], measured [m, 3], information [m, 6] (upper part by rows).

        Raises ``ValueError`` as ``add_edge`` does.
        """
        graph = cls()
        graph._pose, graph._nodes = np.array(pose, float).reshape(-1, 3), len(pose)
        graph._held = np.zeros(len(pose), np.uint8)
        graph._ends, graph._edges = np.array(ends, np.int64).reshape(-1, 2), len(ends)
        graph._measured = np.array(measured, float).reshape(-1, 3)
        graph._information = np.array(information, float).reshape(-1, 6)
        graph._kernel, graph._width_sigma = np.zeros(len(ends), np.uint8), np.ones(len(ends))
        if not (len(ends) == len(measured) == len(information)):
            raise ValueError("ends, measured, information: expected equal lengths")
        if not all(np.isfinite(part).all() for part in (graph._pose, graph._measured, graph._information)):
            raise ValueError("poses, measurements, information: expected finite numbers")
        outside = (graph._ends < 0) | (graph._ends >= len(pose))
        if outside.any() or (graph._ends[:, 0] == graph._ends[:, 1]).any():
            raise ValueError("ends: expected two different nodes of the graph")
        if not positive_semidefinite(graph._information).all():
            raise ValueError("information: expected a positive semidefinite matrix")
        for column in (graph._pose, graph._measured):
            column[:, 2] = wrap_angles(column[:, 2])
        return graph

    @property
    def node_count(self) -> int:
        """How many nodes."""
        return self._nodes

    @property
    def edge_count(self) -> int:
        """How many edges."""
        return self._edges

    @property
    def poses(self) -> Floats:
        """Poses [n, 3]: a view; what is written there is the next solution's start."""
        return self._pose[: self._nodes]

    @property
    def held(self) -> NDArray[np.uint8]:
        """[n] 1 for each held node: a view."""
        return self._held[: self._nodes]

    @property
    def ends(self) -> Integers:
        """[m, 2] nodes i and j of each edge: a view."""
        return self._ends[: self._edges]

    @property
    def measured(self) -> Floats:
        """[m, 3] pose of j seen from i: a view."""
        return self._measured[: self._edges]

    @property
    def information(self) -> Floats:
        """[m, 6] upper part, row by row: a view."""
        return self._information[: self._edges]

    @property
    def kernel(self) -> NDArray[np.uint8]:
        """[m] ``RobustKernel`` of each edge: a view."""
        return self._kernel[: self._edges]

    @property
    def width_sigma(self) -> Floats:
        """[m] from how many sigmas on an edge loses weight: a view."""
        return self._width_sigma[: self._edges]

    def add_node(self, pose: Pose2, held: bool = False) -> int:
        """The new node's number. ``ValueError`` when the pose is not finite."""
        if not pose.is_finite():
            raise ValueError(f"pose: expected finite numbers, got {pose}")
        if self._nodes == len(self._pose):
            self._pose, self._held = _grown(self._pose), _grown(self._held)
        node = self._nodes
        self._pose[node] = pose.x_m, pose.y_m, wrap_angle(pose.yaw_rad)
        self._held[node] = held
        self._nodes += 1
        return node

    def add_edge(
        self,
        i: int,
        j: int,
        i_from_j: Pose2,
        information: Floats,
        kernel: RobustKernel = RobustKernel.NONE,
        width_sigma: float = 1.0,
    ) -> int:
        """The new edge's number. ``information`` is symmetric [3, 3].

        Raises ``ValueError`` for unknown or equal nodes, numbers that are not finite, information that is not positive
        semidefinite, or a width that is not positive.
        """
        upper = np.array([information[place] for place in UPPER], float)
        if not (0 <= i < self._nodes and 0 <= j < self._nodes) or i == j:
            raise ValueError(f"edge ({i}, {j}): expected two different nodes below {self._nodes}")
        if not (i_from_j.is_finite() and np.isfinite(upper).all() and width_sigma > 0.0):
            raise ValueError(f"edge ({i}, {j}): expected finite numbers and a positive width")
        if not positive_semidefinite(upper[None])[0]:
            raise ValueError(f"edge ({i}, {j}): expected positive semidefinite information")
        if self._edges == len(self._ends):
            self._ends, self._measured = _grown(self._ends), _grown(self._measured)
            self._information, self._kernel = _grown(self._information), _grown(self._kernel)
            self._width_sigma = _grown(self._width_sigma)
        edge = self._edges
        self._ends[edge] = i, j
        self._measured[edge] = i_from_j.x_m, i_from_j.y_m, wrap_angle(i_from_j.yaw_rad)
        self._information[edge] = upper
        self._kernel[edge], self._width_sigma[edge] = kernel, width_sigma
        self._edges += 1
        return edge

    def hold(self, node: int, held: bool = True) -> None:
        """Keep the node where it is in every solution, or let it go again."""
        self._held[: self._nodes][node] = held

    def pose(self, node: int) -> Pose2:
        """Where the node is."""
        x_m, y_m, yaw_rad = self.poses[node]
        return Pose2(float(x_m), float(y_m), float(yaw_rad))

    def edge_chi2(self) -> Floats:
        """[m] e^T Omega e of each edge at the present poses, without its kernel."""
        error, chi2 = np.empty((self._edges, 3)), np.empty(self._edges)
        kernels.errors(self.poses, self.ends, self.measured, self.information, error, chi2)
        return chi2

    def chi2(self) -> float:
        """Sum of ``edge_chi2``."""
        return float(self.edge_chi2().sum())


def positive_semidefinite(information: Floats) -> NDArray[np.bool_]:
    """[m] whether each information [m, 6] is one, but for rounding: files give six digits, which may cost a hair."""
    full = np.empty((len(information), 3, 3))
    for k, (row, column) in enumerate(UPPER):
        full[:, row, column] = full[:, column, row] = information[:, k]
    # Scaled to a unit diagonal, so that metres and radians are judged alike.
    diagonal = np.einsum("mii->mi", full)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    lowest = np.linalg.eigvalsh(full / (scale[:, :, None] * scale[:, None, :]))[:, 0]
    result: NDArray[np.bool_] = (lowest > -1e-5) & (diagonal >= 0.0).all(axis=1)
    return result


def wrap_angles(angle_rad: Floats) -> Floats:
    """The same directions in (-pi, pi]."""
    return np.array([wrap_angle(float(angle)) for angle in angle_rad])


def _grown(array: Any) -> Any:
    """A copy with twice the room."""
    return np.concatenate([array, np.zeros_like(array)])
