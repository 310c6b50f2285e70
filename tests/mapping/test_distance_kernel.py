"""The distance transform against a plain search and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from amr.kernels.distance import MAX_CAP_16, meters_from_squared_cells, squared_distance

OBSTACLE = 2


def plain_squared_distance(cells, cap):
    """By the definition, one pair of cells after the other."""
    out = np.full(cells.shape, cap * cap)
    rows, columns = np.nonzero(cells == OBSTACLE)
    for j in range(cells.shape[0]):
        for i in range(cells.shape[1]):
            for row, column in zip(rows, columns, strict=True):
                out[j, i] = min(out[j, i], (row - j) ** 2 + (column - i) ** 2)
    return out


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 1, 1, 2])),
    st.integers(1, 20),
    st.sampled_from([np.int16, np.int32]),
)
def test_equals_the_definition(cells, cap, integer):
    out = np.empty(cells.shape, integer)
    squared_distance(cells, OBSTACLE, cap, out)
    np.testing.assert_array_equal(out, plain_squared_distance(cells, cap))


@pytest.mark.parametrize(("shape", "share"), [((240, 240), 0.002), ((97, 301), 0.05), ((300, 40), 0.0005)])
def test_full_transform_equals_scipy(shape, share):
    cells = np.where(np.random.default_rng(3).random(shape) < share, OBSTACLE, 1).astype(np.uint8)
    cells[5, 7] = OBSTACLE
    out = np.empty(shape, np.int32)
    squared_distance(cells, OBSTACLE, sum(shape), out)
    np.testing.assert_allclose(np.sqrt(out), distance_transform_edt(cells != OBSTACLE), atol=1e-9)


def test_largest_cap_of_16_bits_does_not_overflow():
    cells = np.zeros((3, 400), np.uint8)
    cells[0, 0] = OBSTACLE
    out = np.empty(cells.shape, np.int16)
    squared_distance(cells, OBSTACLE, MAX_CAP_16, out)
    assert out.min() == 0
    assert out.max() == MAX_CAP_16**2
    assert out[2, 126] == 126**2 + 2**2 or out[2, 126] == MAX_CAP_16**2
    assert out[0, 126] == 126**2


def test_metres_are_capped():
    squared = np.array([[0, 1, 2, 100]], np.int16)
    out = np.empty(squared.shape, np.float32)
    meters_from_squared_cells(squared, np.float32(0.05), np.float32(0.3), out)
    np.testing.assert_allclose(out, [[0.0, 0.05, 0.05 * 2**0.5, 0.3]], rtol=1e-6)
