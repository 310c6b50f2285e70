"""Keyframes as a pose graph, solved by Gauss-Newton with dynamic covariance scaling on the loops."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from amr.mapping.pose_arrays import Array, between, wrapped

_SMALL_STEP: Final = 1e-4


def residuals(poses: Array, pairs: Array, measured: Array) -> Array:
    """[K, 3] pose j as i sees it minus what was measured."""
    error = between(poses[pairs[:, 0]], poses[pairs[:, 1]]) - measured
    error[:, 2] = wrapped(error[:, 2])
    return error


def chi_squared(error: Array, information: Array) -> Array:
    """[K] squared Mahalanobis lengths."""
    squared: Array = np.einsum("ki,kij,kj->k", error, information, error)
    return squared


def optimized(
    poses: Array, pairs: Array, measured: Array, information: Array, loop: Array, phi: float, iterations: int = 10
) -> tuple[Array, Array]:
    """(poses [N, 3], weight [K] in (0, 1]): the first pose stays; ``loop`` [K] bool: edges that may be scaled down.

    Dynamic covariance scaling (Agarwal et al. 2013): an edge of squared length c is scaled by
    (2 phi / (phi + c))^2, at most 1.
    """
    poses = poses.copy()
    weight = np.ones(len(pairs))
    for _ in range(iterations):
        error = residuals(poses, pairs, measured)
        chi = chi_squared(error, information)
        weight = np.where(loop, np.minimum(1.0, 2.0 * phi / (phi + chi)) ** 2, 1.0)
        step = _step(poses, pairs, error, information * weight[:, None, None])
        poses += step
        poses[:, 2] = wrapped(poses[:, 2])
        if np.abs(step).max() < _SMALL_STEP:
            break
    return poses, weight


def _step(poses: Array, pairs: Array, error: Array, information: Array) -> Array:
    count, edges = len(poses), len(pairs)
    first, second = poses[pairs[:, 0]], poses[pairs[:, 1]]
    s, c = np.sin(first[:, 2]), np.cos(first[:, 2])
    dx, dy = (second - first)[:, 0], (second - first)[:, 1]
    a = np.zeros((edges, 3, 3))
    a[:, 0, 0], a[:, 0, 1], a[:, 0, 2] = -c, -s, -s * dx + c * dy
    a[:, 1, 0], a[:, 1, 1], a[:, 1, 2] = s, -c, -c * dx - s * dy
    a[:, 2, 2] = -1.0
    b = np.zeros((edges, 3, 3))
    b[:, 0, 0], b[:, 0, 1], b[:, 1, 0], b[:, 1, 1], b[:, 2, 2] = c, s, -s, c, 1.0
    left, right = np.einsum("kij,kil->kjl", a, information), np.einsum("kij,kil->kjl", b, information)
    blocks = np.concatenate([left @ a, left @ b, right @ a, right @ b])
    g = np.zeros((count, 3))
    np.add.at(g, pairs[:, 0], -np.einsum("kij,kj->ki", left, error))
    np.add.at(g, pairs[:, 1], -np.einsum("kij,kj->ki", right, error))
    i, j = pairs[:, 0], pairs[:, 1]
    rows = np.concatenate([i, i, j, j])[:, None, None] * 3 + np.arange(3)[None, :, None] + np.zeros((1, 1, 3), int)
    columns = np.concatenate([i, j, i, j])[:, None, None] * 3 + np.arange(3)[None, None, :] + np.zeros((1, 3, 1), int)
    h: Any = csc_matrix((blocks.ravel(), (rows.ravel(), columns.ravel())), shape=(3 * count, 3 * count))
    h = h[3:, 3:] + csc_matrix((np.full(3 * count - 3, 1e-6), (np.arange(3 * count - 3),) * 2))
    solved = splu(h.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(g.ravel()[3:])
    return np.concatenate([np.zeros(3), solved]).reshape(-1, 3)
