"""Blocks of 8 x 8 cells against plain counting: pieces, costs, and a map that changes a little at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import label

from amr.grid import CostGrid, GridFrame
from amr.kernels.grid_blocks import PIECES, SIDE, popcount
from amr.planning.prepared import PreparedMap


def framed(cost: NDArray[np.uint8]) -> CostGrid:
    return CostGrid(GridFrame(0.0, 0.0, 1.0, cost.shape[1], cost.shape[0]), cost)


def random_cost(random: np.random.Generator, height: int, width: int, blocked_frac: float) -> NDArray[np.uint8]:
    cost = random.integers(0, 253, (height, width)).astype(np.uint8)
    blocked = random.random((height, width)) < blocked_frac
    cost[blocked] = random.integers(253, 256, int(blocked.sum()))
    return cost


def bits_of(node: int) -> set[tuple[int, int]]:
    """(row, column) inside the block."""
    return {(bit % 8, bit // 8) for bit in range(64) if node >> bit & 1}


def test_popcount() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        value = int(random.integers(0, 1 << 63)) << 1 | int(random.integers(2))
        assert popcount(value) == value.bit_count()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    blocked_frac=st.sampled_from([0.0, 0.1, 0.4, 1.0]),
)
def test_blocks_equal_plain_counting(seed: int, height: int, width: int, blocked_frac: float) -> None:
    cost = random_cost(np.random.default_rng(seed), height, width, blocked_frac)
    prepared = PreparedMap()
    prepared.refresh(framed(cost), 255)
    rows, columns = prepared.block_rows * SIDE, prepared.block_columns * SIDE
    padded = np.full((rows, columns), 255, np.uint8)
    padded[1 : height + 1, 1 : width + 1] = cost
    assert (prepared.padded.reshape(height + 2, width + 2) == padded[: height + 2, : width + 2]).all()
    for j in range(prepared.block_rows):
        for i in range(prepared.block_columns):
            block = padded[j * SIDE : (j + 1) * SIDE, i * SIDE : (i + 1) * SIDE]
            at = j * prepared.block_columns + i
            nodes = [int(n) for n in prepared.nodes[at * PIECES : (at + 1) * PIECES]]
            free = block < 253
            assert set().union(*(bits_of(n) for n in nodes)) == set(zip(*np.nonzero(free), strict=True))
            pieces, count = label(free)
            expected = [set(zip(*np.nonzero(pieces == k + 1), strict=True)) for k in range(count)]
            found = [bits_of(n) for n in nodes if n]
            assert len(found) == min(count, PIECES)
            assert all(piece in expected for piece in (found if count <= PIECES else found[:-1]))
            if free.any():
                least, mean = int(block[free].min()), int(block[free].astype(int).sum()) // int(free.sum())
                assert (prepared.least[at], prepared.most[at]) == (least, block[free].max())
                assert prepared.weights[at] == 252 + (least + mean + 1) // 2
            else:
                assert (prepared.least[at], prepared.most[at]) == (255, 0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), unknown_as=st.sampled_from([0, 100, 255]), told=st.booleans())
def test_a_refreshed_map_equals_a_new_one_and_names_what_changed(seed: int, unknown_as: int, told: bool) -> None:
    random = np.random.default_rng(seed)
    height, width = (int(n) for n in random.integers(1, 40, 2))
    cost = random_cost(random, height, width, 0.3)
    kept = PreparedMap()
    kept.refresh(framed(cost), unknown_as)
    for _ in range(4):
        before = kept.padded.copy()
        j, i = int(random.integers(height)), int(random.integers(width))
        patch = cost[j : j + 5, i : i + 5]
        patch[:] = random_cost(random, *patch.shape, 0.5)
        kept.refresh(framed(cost), unknown_as, (slice(j, j + 5), slice(i, i + 5)) if told else None)
        new = PreparedMap()
        new.refresh(framed(cost), unknown_as)
        for name in ("padded", "nodes", "least", "most"):
            assert (getattr(kept, name) == getattr(new, name)).all()
        used = new.least < 253
        assert (kept.weights[used] == new.weights[used]).all()
        assert (kept.weight_min, kept.is_uniform) == (new.weight_min, new.is_uniform)
        assert not kept.too_much_changed
        assert sorted(kept.changed.tolist()) == np.nonzero(before != kept.padded)[0].tolist()
    kept.refresh(framed(cost), unknown_as)
    assert kept.changed.size == 0


def test_a_promise_about_another_shape_or_another_meaning_of_unknown_is_not_used() -> None:
    nowhere = slice(0, 0), slice(0, 0)
    prepared = PreparedMap()
    prepared.refresh(framed(np.full((20, 30), 3, np.uint8)), 255, nowhere)
    assert prepared.weight_min == 255
    prepared.refresh(framed(np.full((30, 20), 255, np.uint8)), 255, nowhere)
    prepared.refresh(framed(np.full((30, 20), 255, np.uint8)), 7, nowhere)
    assert prepared.changed.size == 600
    prepared.refresh(framed(np.full((30, 20), 9, np.uint8)), 7, nowhere)
    assert prepared.changed.size == 0


def test_another_shape_or_a_forgotten_map_is_made_anew() -> None:
    prepared = PreparedMap()
    prepared.refresh(framed(np.zeros((20, 30), np.uint8)), 255)
    assert prepared.too_much_changed
    prepared.refresh(framed(np.full((30, 20), 7, np.uint8)), 255)
    assert prepared.too_much_changed
    assert prepared.weight_min == 259
    prepared.refresh(framed(np.full((30, 20), 7, np.uint8)), 255)
    assert not prepared.too_much_changed
    prepared.forget()
    prepared.refresh(framed(np.full((30, 20), 7, np.uint8)), 255)
    assert prepared.too_much_changed


@pytest.mark.parametrize(("cost", "uniform"), [([0, 0, 254], True), ([7, 7, 7], True), ([0, 7, 254], False)])
def test_uniform_means_that_allowed_cells_cost_the_same(cost: list[int], uniform: bool) -> None:
    prepared = PreparedMap()
    prepared.refresh(framed(np.array([cost], np.uint8)), 255)
    assert prepared.is_uniform is uniform


def test_a_read_only_array_is_taken_as_the_same_and_a_writable_one_is_looked_at() -> None:
    cost = np.zeros((20, 30), np.uint8)
    prepared = PreparedMap()
    prepared.refresh(framed(cost), 255)
    cost[3, 4] = 9
    prepared.refresh(framed(cost), 255)
    assert prepared.changed.size == 1
    cost.setflags(write=False)
    for _ in range(3):
        prepared.refresh(framed(cost), 255)
        assert (prepared.changed.size, prepared.too_much_changed) == (0, False)
    cost.setflags(write=True)
    cost[3, 4] = 17
    prepared.refresh(framed(cost), 255)
    assert prepared.changed.size == 1
    view = cost[:]
    view.setflags(write=False)
    prepared.refresh(framed(view), 255)
    cost[3, 4] = 25
    prepared.refresh(framed(view), 255)
    assert prepared.changed.size == 1
