"""Solver for sparse symmetric systems of 3 x 3 blocks over the nodes of a graph: structure once, numbers many times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.sparse.linalg import spilu

from amr.kernels import block_cholesky

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Numbers of one system, made by ``BlockSystem.blocks`` and filled by a kernel."""

    diagonal: Floats
    """[n, 9] by node."""
    upper: Floats
    """[blocks, 9]: the block of each connected pair, where ``slot`` and ``turned`` of the edge say."""
    gradient: Floats
    """[n, 3] by node: minus the right side."""


class BlockSystem:
    """The structure of H for nodes 0..n-1 joined by ``ends`` [m, 2]; factors and solves H for any numbers in it.

    Nodes are eliminated in the order of multiple minimum degree (Liu 1985; SuperLU's, which looks at the pattern alone,
    so equal graphs give equal orders everywhere). Memory is O(blocks of the factor).
    """

    def __init__(self, node_count: int, ends: Integers) -> None:
        self.node_count = node_count
        self.order = _elimination_order(node_count, ends)
        place = np.empty(node_count, np.int64)
        place[self.order] = np.arange(node_count)
        self._place = place
        first, second = place[ends[:, 0]], place[ends[:, 1]]
        self.turned = first > second
        """[m] True when the block (i, j) of an edge is stored transposed."""
        row, column = np.minimum(first, second), np.maximum(first, second)
        keys, slot = np.unique(column * node_count + row, return_inverse=True)
        self.slot: Integers = slot.reshape(-1).astype(np.int64)
        """[m] the block of each edge."""
        self._upper_row = keys % node_count if node_count else keys
        self._upper_start = np.searchsorted(keys, np.arange(node_count + 1) * node_count).astype(np.int64)
        parent, row_count = np.empty(node_count, np.int64), np.empty(node_count, np.int64)
        block_cholesky.count_rows(self._upper_start, self._upper_row, parent, row_count)
        self._row_start = np.concatenate([[0], np.cumsum(row_count)]).astype(np.int64)
        filled = int(self._row_start[-1])
        self._row_column, self._column_row = np.empty(filled, np.int64), np.empty(filled, np.int64)
        self._column_start = np.empty(node_count + 1, np.int64)
        block_cholesky.fill_pattern(
            self._upper_start, self._upper_row, parent, self._row_start, self._row_column, self._column_start,
            self._column_row,
        )  # fmt: skip
        self._lower, self._inverse = np.empty((filled, 9)), np.empty((node_count, 6))
        self._work = np.zeros((node_count, 9))

    @property
    def factor_blocks(self) -> int:
        """Blocks of the factor below its diagonal."""
        return len(self._lower)

    def blocks(self) -> Blocks:
        """Room for the numbers of one system."""
        n = self.node_count
        return Blocks(np.zeros((n, 9)), np.zeros((len(self._upper_row), 9)), np.zeros((n, 3)))

    def factor(self, blocks: Blocks, damping: Floats | None = None) -> bool:
        """Factor H, with ``damping`` [n, 3] added on its diagonal; False when that is not positive definite."""
        diagonal = blocks.diagonal[self.order]
        if damping is not None:
            diagonal[:, ::4] += damping[self.order]
        failed = block_cholesky.factor(
            diagonal, blocks.upper, self._upper_start, self._upper_row, self._row_start, self._row_column,
            self._column_start, self._column_row, self._lower, self._inverse, self._work,
        )  # fmt: skip
        if failed >= 0:
            self._work[:] = 0.0
        return bool(failed < 0)

    def solve(self, right: Floats) -> Floats:
        """H^-1 ``right`` [n, 3] with the latest factor."""
        x = np.ascontiguousarray(right[self.order])
        block_cholesky.solve(self._column_start, self._column_row, self._lower, self._inverse, x)
        return x[self._place]


def _elimination_order(node_count: int, ends: Integers) -> Integers:
    """Nodes in the order of their elimination."""
    if node_count < 3 or len(ends) == 0:
        return np.arange(node_count, dtype=np.int64)
    i, j = ends[:, 0], ends[:, 1]
    nodes = np.arange(node_count)
    degree = np.bincount(i, minlength=node_count) + np.bincount(j, minlength=node_count) + 1.0
    values = np.concatenate([np.full(2 * len(ends), -1.0), degree])
    places = (np.concatenate([i, j, nodes]), np.concatenate([j, i, nodes]))
    pattern: Any = csc_array((values, places), shape=(node_count, node_count))
    # An incomplete factorization that drops everything: only its ordering is wanted.
    ordered = spilu(
        pattern, drop_tol=1.0, fill_factor=1.0, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )  # fmt: skip
    return np.argsort(ordered.perm_c).astype(np.int64)
