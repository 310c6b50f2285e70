"""Where a solve may start: poses along a spanning tree, or from a relaxation of the headings."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from amr.geometry import Pose2
from amr.kernels import pose_graph as kernels
from amr.kernels.trig import arctan2, sin_cos
from amr.mapping.block_system import Floats
from amr.mapping.pose_graph import PoseGraph, wrap_angles
from amr.mapping.pose_graph_lifted import relax
from amr.mapping.pose_graph_solve import PoseGraphSolver

MOST_LIFTED_NODES: Final = 12_000
"""Beyond that the relaxation takes minutes."""


def tree_poses(graph: PoseGraph, pinned: NDArray[np.uint8], along_chain: bool = False) -> Floats:
    """Poses [n, 3] along the edges of a breadth-first tree from the pinned nodes, which keep their poses.

    ``along_chain``: a tree of edges between nodes of near numbers, which is the odometry where nodes are numbered as
    driven. Of several edges between two nodes the first one counts.
    """
    n, ends = graph.node_count, graph.ends
    poses = graph.poses.copy()
    first_edge: dict[tuple[int, int], int] = {}
    for edge, (i, j) in enumerate(ends.tolist()):
        first_edge.setdefault((min(i, j), max(i, j)), edge)
    joined: Any = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    if along_chain:
        # Nearness has equals; the tree takes them in the order of the array, alike everywhere.
        pairs = np.array(sorted(first_edge), np.int64).reshape(-1, 2)
        apart = (pairs[:, 1] - pairs[:, 0]).astype(float)
        joined = minimum_spanning_tree(csr_array((apart, (pairs[:, 0], pairs[:, 1])), shape=(n, n)))
    reached = np.zeros(n, bool)
    for root in np.flatnonzero(pinned).tolist():
        if reached[root]:
            continue
        order, before = breadth_first_order(joined, root, directed=False)
        reached[order] = True
        for node in order[1:].tolist():
            if not pinned[node]:
                parent = int(before[node])
                edge = first_edge[min(node, parent), max(node, parent)]
                poses[node] = _across(graph, edge, parent, poses[parent])
    return poses


def _across(graph: PoseGraph, edge: int, near: int, pose: Floats) -> tuple[float, float, float]:
    """The pose of the far end of an edge whose end ``near`` has the pose [3]."""
    between = Pose2(*graph.measured[edge].tolist())
    near_from_far = between if graph.ends[edge, 0] == near else between.inverse()
    far = Pose2(*pose.tolist()) @ near_from_far
    return far.x_m, far.y_m, far.yaw_rad


def chordal_poses(solver: PoseGraphSolver, pinned: NDArray[np.uint8]) -> Floats | None:
    """Poses [n, 3]: headings from the chordal relaxation (Carlone et al., ICRA 2015), the best positions for them.

    None when a system has no answer. Pinned nodes keep their poses.
    """
    graph, system, blocks = solver.graph, solver.system, solver.blocks
    # Where the information says nothing about headings, the relaxation still must hold together.
    weight = graph.information[:, 5].copy()
    weight = np.maximum(weight, 1e-9 * weight.max(initial=0.0) + 1e-300)
    direction = np.zeros((graph.node_count, 3))
    for node in np.flatnonzero(pinned).tolist():
        sine, cosine = sin_cos(graph.poses[node, 2])
        direction[node] = cosine, sine, 0.0
    kernels.chordal_system(
        graph.ends, graph.measured, weight, pinned, system.slot, system.turned, direction,
        blocks.diagonal, blocks.upper, blocks.gradient,
    )  # fmt: skip
    if not system.factor(blocks):
        return None
    direction -= system.solve(blocks.gradient)
    poses = graph.poses.copy()
    for node in np.flatnonzero(pinned == 0).tolist():
        poses[node, 2] = arctan2(direction[node, 1], direction[node, 0])
    return solver.with_best_positions(poses, pinned)


def lifted_poses(solver: PoseGraphSolver, pinned: NDArray[np.uint8]) -> Floats | None:
    """Poses [n, 3]: headings relaxed from those of the graph (see ``pose_graph_lifted``), the best positions for them.

    None for a graph of more than ``MOST_LIFTED_NODES``, of several parts or with several pinned nodes, and when a
    system has no answer.
    """
    if int(pinned.sum()) != 1 or solver.graph.node_count > MOST_LIFTED_NODES:
        return None
    graph = solver.graph
    root = int(np.flatnonzero(pinned)[0])
    yaw_rad = relax(graph, solver.system.order, graph.poses[:, 2]).yaw_rad
    poses = graph.poses.copy()
    poses[:, 2] = wrap_angles(yaw_rad - yaw_rad[root] + poses[root, 2])
    poses[root] = graph.poses[root]
    return solver.with_best_positions(poses, pinned)
