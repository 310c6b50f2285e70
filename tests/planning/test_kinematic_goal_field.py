"""The goal field: reaches what flood fill reaches, and measures distances at every angle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import label

from amr.kernels import goal_field


def march(
    cost: NDArray[np.uint8], block: int, goal: tuple[float, float], start: tuple[float, float]
) -> tuple[Any, ...]:
    """A field over ``cost`` inside its blocked border, begun at ``goal`` (x, y in padded cells)."""
    padded = np.ascontiguousarray(np.pad(cost, 1, constant_values=255))
    shape = (padded.shape[0] // block + 1, padded.shape[1] // block + 1)
    ends = np.array([start[1] / block - 0.5, start[0] / block - 0.5, 1.0 / block], np.float32)
    field = (
        padded.reshape(-1), np.uint64(padded.shape[1]), block,
        np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.uint8),
        np.zeros(goal_field.STATE_SIZE, np.int64), ends,
        np.full(1 << 12, -1, np.int32), np.zeros((4 * shape[0] * shape[1] + 16, 2), np.int32),
        np.zeros(shape, np.uint8),
    )  # fmt: skip
    goal_field.begin(field, *goal)
    return field


def test_cells_reach_the_goal_exactly_when_flood_fill_joins_them() -> None:
    random = np.random.default_rng(5)
    cost = np.where(random.random((40, 50)) < 0.38, 254, 0).astype(np.uint8)
    regions, _ = label(cost < 253)
    rows, columns = np.nonzero(regions == np.bincount(regions[regions > 0]).argmax())
    goal = (columns[0] + 1.5, rows[0] + 1.5)
    field = march(cost, 1, goal, (30.0, 20.0))
    for j, i in zip(*np.nonzero(cost < 253), strict=True):
        joined = regions[j, i] == regions[rows[0], columns[0]]
        assert goal_field.settle(field, int(j) + 1, int(i) + 1) == joined


@pytest.mark.parametrize("block", [1, 2, 4])
def test_a_block_beside_a_wall_one_cell_thick_is_not_reached_through_it(block: int) -> None:
    cost = np.zeros((32, 32), np.uint8)
    cost[:, 14] = 254
    field = march(cost, block, (5.0, 16.0), (28.0, 16.0))
    assert goal_field.settle(field, 16 // block, 8 // block)
    assert not goal_field.settle(field, 16 // block, 28 // block)


@pytest.mark.parametrize("block", [1, 4])
def test_distances_on_a_free_map_are_a_guide_never_too_short(block: int) -> None:
    field = march(np.zeros((200, 200), np.uint8), block, (100.0, 100.0), (10.0, 10.0))
    for angle in np.linspace(0.0, 2.0 * math.pi, 17):
        row, column = (int((100.0 + 80.0 * f(angle)) // block) for f in (math.sin, math.cos))
        assert goal_field.settle(field, row, column)
        center = ((column + 0.5) * block, (row + 0.5) * block)
        true = math.hypot(center[0] - 100.0, center[1] - 100.0)
        assert true * 0.99 < field[4][row, column] < true * 1.25


def test_costs_lengthen_the_way() -> None:
    cost = np.full((60, 60), 126, np.uint8)
    field = march(cost, 2, (10.0, 30.0), (50.0, 30.0))
    assert goal_field.settle(field, 15, 25)
    assert field[4][15, 25] == pytest.approx(1.5 * 41.0, rel=0.08)


def test_only_a_band_between_goal_and_start_is_visited_and_the_rest_on_demand() -> None:
    field = march(np.zeros((400, 400), np.uint8), 4, (50.0, 50.0), (350.0, 350.0))
    assert goal_field.settle(field, 87, 87)
    visited = int(field[5].sum())
    assert visited < 0.35 * field[5].size
    assert goal_field.settle(field, 87, 12)
    assert int(field[5].sum()) > visited


def test_a_goal_in_a_wall_reaches_nothing() -> None:
    cost = np.full((20, 20), 254, np.uint8)
    assert not goal_field.settle(march(cost, 4, (10.0, 10.0), (3.0, 3.0)), 0, 0)
