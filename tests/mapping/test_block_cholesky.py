"""The sparse block factorization against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest

from amr.mapping.block_system import Blocks, BlockSystem


def random_system(seed: int, nodes: int, pairs: int) -> tuple[BlockSystem, Blocks, np.ndarray]:
    """A positive definite system with pairs repeated in both directions, and the same matrix dense."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, nodes, (pairs, 2))
    ends = ends[ends[:, 0] != ends[:, 1]].astype(np.int64)
    system = BlockSystem(nodes, ends)
    blocks = system.blocks()
    dense = np.zeros((3 * nodes, 3 * nodes))
    for edge, (i, j) in enumerate(ends.tolist()):
        root = rng.normal(size=(3, 6))
        whole = root.T @ root
        for a, p in ((i, 0), (j, 3)):
            for b, q in ((i, 0), (j, 3)):
                dense[3 * a : 3 * a + 3, 3 * b : 3 * b + 3] += whole[p : p + 3, q : q + 3]
        off = whole[:3, 3:]
        blocks.upper[system.slot[edge]] += (off.T if system.turned[edge] else off).ravel()
    dense += 0.1 * np.eye(3 * nodes)
    for node in range(nodes):
        blocks.diagonal[node] = dense[3 * node : 3 * node + 3, 3 * node : 3 * node + 3].ravel()
    return system, blocks, dense


@pytest.mark.parametrize(
    ("seed", "nodes", "pairs"), [(0, 1, 0), (1, 2, 1), (2, 3, 4), (3, 40, 60), (4, 120, 400), (5, 60, 20)]
)
def test_solution_equals_the_dense_one(seed: int, nodes: int, pairs: int) -> None:
    system, blocks, dense = random_system(seed, nodes, pairs)
    right = np.random.default_rng(seed).normal(size=(nodes, 3))
    assert system.factor(blocks)
    assert system.solve(right).ravel() == pytest.approx(np.linalg.solve(dense, right.ravel()), rel=1e-8, abs=1e-9)


def test_damping_is_added_on_the_diagonal() -> None:
    system, blocks, dense = random_system(3, 40, 60)
    damping = np.random.default_rng(1).uniform(0.0, 5.0, (40, 3))
    right = np.ones((40, 3))
    assert system.factor(blocks, damping)
    expected = np.linalg.solve(dense + np.diag(damping.ravel()), right.ravel())
    assert system.solve(right).ravel() == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan, np.inf])
def test_a_matrix_that_is_not_positive_is_refused_and_the_next_one_is_factored_all_the_same(bad: float) -> None:
    system, blocks, dense = random_system(4, 120, 400)
    good = blocks.diagonal[60].copy()
    blocks.diagonal[60, 8] = bad
    assert not system.factor(blocks)
    blocks.diagonal[60] = good
    assert system.factor(blocks)
    right = np.ones((120, 3))
    assert system.solve(right).ravel() == pytest.approx(np.linalg.solve(dense, right.ravel()), rel=1e-7)


def test_a_chain_is_eliminated_without_fill() -> None:
    ends = np.stack([np.arange(99), np.arange(1, 100)], axis=1)
    assert BlockSystem(100, ends).factor_blocks == 99
