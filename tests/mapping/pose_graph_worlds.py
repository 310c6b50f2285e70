"""Made pose graphs with known truth, and a plain solver to compare with: no kernel, no structure, from the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import coo_array

from amr.mapping.pose_graph import UPPER, PoseGraph

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """A graph whose poses are zero, and what is true of it."""

    graph: PoseGraph
    truth: Floats
    odometry_edges: int


def wrapped(angle_rad: Any) -> Any:
    return np.arctan2(np.sin(angle_rad), np.cos(angle_rad))


def relative(pose_i: Floats, pose_j: Floats) -> Floats:
    """[m, 3] poses j seen from poses i."""
    dx, dy = (pose_j - pose_i)[:, 0], (pose_j - pose_i)[:, 1]
    c, s = np.cos(pose_i[:, 2]), np.sin(pose_i[:, 2])
    return np.stack([c * dx + s * dy, -s * dx + c * dy, wrapped(pose_j[:, 2] - pose_i[:, 2])], axis=1)


def city(
    seed: int,
    nodes: int = 300,
    loop_frac: float = 0.3,
    sigma_m: float = 0.05,
    sigma_rad: float = 0.03,
    false_loops: int = 0,
) -> World:
    """A walk through the streets of a square town; loops between crossings visited again, and ``false_loops``.

    The information is correlated and differs from edge to edge; the noise is drawn from it.
    """
    rng = np.random.default_rng(seed)
    side, heading, truth = max(4, int(nodes**0.5 / 2)), 0, np.zeros((nodes, 3))
    moves = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    for k in range(1, nodes):
        if rng.random() < 0.3:
            heading += int(rng.choice([-1, 1]))
        while np.abs(truth[k - 1, :2] + moves[heading % 4]).max() > side:
            heading += 1
        truth[k] = *(truth[k - 1, :2] + moves[heading % 4]), wrapped(heading * np.pi / 2)
    apart = np.abs(truth[:, None, :2] - truth[None, :, :2]).max(axis=2)
    i, j = np.nonzero((apart < 1.1) & (np.arange(nodes)[None] - np.arange(nodes)[:, None] > 5))
    chosen = rng.random(len(i)) < loop_frac
    chain = np.stack([np.arange(nodes - 1), np.arange(1, nodes)], axis=1)
    ends = np.concatenate([chain, np.stack([i[chosen], j[chosen]], axis=1)])
    root = np.diag([sigma_m, sigma_m, sigma_rad]) @ (np.eye(3) + 0.2 * rng.normal(size=(len(ends), 3, 3)))
    information = np.linalg.inv(root @ root.transpose(0, 2, 1))
    measured = relative(truth[ends[:, 0]], truth[ends[:, 1]]) + np.einsum(
        "mij,mj->mi", root, rng.normal(size=(len(ends), 3))
    )
    false_ends = np.stack(
        [rng.integers(0, nodes // 2, false_loops), rng.integers(nodes // 2 + 6, nodes, false_loops)], axis=1
    )
    false_measured = np.stack([*rng.normal(0.0, 0.5, (2, false_loops)), rng.uniform(-3.1, 3.1, false_loops)], axis=1)
    upper = np.stack([information[:, row, column] for row, column in UPPER], axis=1)
    graph = PoseGraph.of_arrays(
        np.zeros((nodes, 3)),
        np.concatenate([ends, false_ends]),
        np.concatenate([measured, false_measured]),
        np.concatenate([upper, np.repeat(upper[:1], false_loops, axis=0)]),
    )
    return World(graph, truth, nodes - 1)


def full_information(graph: PoseGraph) -> Floats:
    """[m, 3, 3]."""
    full = np.empty((graph.edge_count, 3, 3))
    for k, (row, column) in enumerate(UPPER):
        full[:, row, column] = full[:, column, row] = graph.information[:, k]
    return full


def plain_errors(graph: PoseGraph, poses: Floats) -> Floats:
    """[m, 3] z^-1 * (x_i^-1 * x_j) of each edge, by the definition."""
    seen = relative(poses[graph.ends[:, 0]], poses[graph.ends[:, 1]])
    return relative(np.asarray(graph.measured), seen)


def plain_chi2(graph: PoseGraph, poses: Floats) -> float:
    error = plain_errors(graph, poses)
    return float(np.einsum("mi,mij,mj->", error, full_information(graph), error))


def plain_least_chi2(graph: PoseGraph, start: Floats) -> float:
    """The minimum near ``start`` by scipy's trust region with differences for derivatives; node 0 is held."""
    root = np.linalg.cholesky(full_information(graph)).transpose(0, 2, 1)

    def residuals(free: Floats) -> Floats:
        poses = np.concatenate([start[:1], free.reshape(-1, 3)])
        return np.asarray(np.einsum("mij,mj->mi", root, plain_errors(graph, poses)).ravel())

    row = np.repeat(np.arange(3 * graph.edge_count), 6)
    column = np.repeat(3 * graph.ends[:, None, :, None] + np.arange(3), 3, axis=1).ravel()
    keep = column >= 3
    shape = (3 * graph.edge_count, 3 * (graph.node_count - 1))
    pattern = coo_array((np.ones(int(keep.sum())), (row[keep], column[keep] - 3)), shape=shape).tocsr()
    result = least_squares(
        residuals, start[1:].ravel(), jac_sparsity=pattern, tr_solver="lsmr", x_scale="jac", ftol=1e-10, xtol=1e-12,
        tr_options={"atol": 1e-12, "btol": 1e-12},
    )  # fmt: skip
    return float(2.0 * result.cost)


def trajectory_error_m(poses: Floats, truth: Floats) -> float:
    """Root mean square distance after the best rigid alignment."""
    a, b = poses[:, :2] - poses[:, :2].mean(axis=0), truth[:, :2] - truth[:, :2].mean(axis=0)
    left, _, right = np.linalg.svd(a.T @ b)
    turn = left @ np.diag([1.0, np.sign(np.linalg.det(left @ right))]) @ right
    return float(np.sqrt(((a @ turn - b) ** 2).sum(axis=1).mean()))
