"""The window search against all poses of its lattice, one after the other."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scan_world import points, walls

from amr.jit_words import word_at
from amr.kernels import scan_match_window as kernel
from amr.mapping.scan_matching import WindowMap

ANGLES = np.deg2rad(np.arange(0.0, 360.0, 3.0))


def plain_coarser(fine, shape):
    out = np.zeros(shape, np.uint8)
    for j in range(shape[0]):
        for i in range(shape[1]):
            part = fine[4 * j : 4 * j + 8, 4 * i : 4 * i + 8]
            out[j, i] = part.max() if part.size else 0
    return out


def plain_score(grid, frame, query, pose, half, center):
    """The sum at one pose, with the cells that the search uses: turned about the center, then moved by whole cells."""
    s, c = np.sin(pose[2]), np.cos(pose[2])
    x = (center[0] + c * query[:, 0] - s * query[:, 1] - frame[0]) / frame[2] - half
    y = (center[1] + s * query[:, 0] + c * query[:, 1] - frame[1]) / frame[2] - half
    di = round((pose[0] - center[0]) / frame[2]) + half
    dj = round((pose[1] - center[1]) / frame[2]) + half
    inside = (x >= 0) & (x < grid.shape[1] - 2 * half) & (y >= 0) & (y < grid.shape[0] - 2 * half)
    return int(grid[y[inside].astype(int) + dj, x[inside].astype(int) + di].sum())


def finest(window):
    offset, width, height = window._levels[0]
    return window._flat[offset : offset + width * height].reshape(height, width)


def test_coarser_grid_is_the_largest_of_each_window():
    rng = np.random.default_rng(1)
    fine = (rng.random((37, 50)) * 100).astype(np.uint8)
    out = np.zeros((18, 21), np.uint8)
    kernel.coarser(fine, out)
    np.testing.assert_array_equal(out, plain_coarser(fine, out.shape))


@pytest.mark.parametrize("count", [0, 1, 7, 255, 256, 257, 1000])
def test_sums_of_eight_blocks_are_those_of_plain_numpy_even_where_all_cells_are_full(count):
    rng = np.random.default_rng(count)
    for flat in (rng.integers(0, 256, 500).astype(np.uint8), np.full(500, 255, np.uint8)):
        cells = rng.integers(0, 480, count + 3).astype(np.uint64)
        out = np.full(8, 77, np.uint32)
        kernel.block_sums(flat, cells, count, 5, out)
        cells_of = cells[:count, None].astype(np.int64) + 5 + np.arange(8)
        np.testing.assert_array_equal(out, flat[cells_of].sum(axis=0, dtype=np.uint32))


def test_word_is_the_same_compiled_and_plain():
    flat = np.random.default_rng(0).integers(0, 256, 64).astype(np.uint8)

    @numba.njit
    def compiled(flat, at):
        return word_at(flat, at)

    for at in range(57):
        word = np.frombuffer(flat[at : at + 8].tobytes(), "<u8")[0]
        assert compiled(flat, np.uint64(at)) == word_at(flat, np.uint64(at)) == word


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_best_pose_is_the_best_of_the_whole_lattice(levels, seed):
    rng = np.random.default_rng(seed)
    reference = points(np.zeros(3), walls(), ANGLES)
    window = WindowMap([reference], np.zeros((1, 3)), 0.5, levels=levels)
    true = np.array([*rng.uniform(-0.4, 0.4, 2), rng.uniform(-0.1, 0.1)])
    query = points(true, walls(), ANGLES[::2], 0.02, rng)
    center = true + np.append(rng.uniform(-0.3, 0.3, 2), rng.uniform(-0.05, 0.05))
    pose, score = window.search(query, center, 0.3, 0.1, 0.02, 0.1)
    grid, half = finest(window), 6
    best = max(
        plain_score(grid, window._frame, query, center + np.array([dx * 0.05, dy * 0.05, a * 0.02]), half, center)
        for a in range(-5, 6)
        for dx in range(-half, half + 1)
        for dy in range(-half, half + 1)
    )
    assert round(score * kernel.FULL * len(query)) == best
    assert plain_score(grid, window._frame, query, pose, half, center) == best


def test_finds_the_pose_to_a_cell_from_half_a_meter_and_twenty_degrees_away():
    rng = np.random.default_rng(3)
    dense = np.deg2rad(np.arange(360.0))
    reference = points(np.zeros(3), walls(), dense, 0.01, rng)
    window = WindowMap([reference], np.zeros((1, 3)), 0.5)
    for _ in range(10):
        true = np.array([*rng.uniform(-0.45, 0.45, 2), rng.uniform(-0.3, 0.3)])
        pose, score = window.search(points(true, walls(), dense, 0.01, rng), np.zeros(3), 0.5, 0.35, 0.00873, 0.3)
        assert np.hypot(*(pose - true)[:2]) < 0.08
        assert abs(pose[2] - true[2]) < 0.02
        assert score > 0.6


def test_no_answer_when_nothing_scores_high_enough():
    reference = points(np.zeros(3), walls(), ANGLES)
    window = WindowMap([reference], np.zeros((1, 3)), 0.5)
    assert window.search(reference + 40.0, np.zeros(3), 0.5, 0.1, 0.02, 0.3) is None
    assert window.search(np.empty((0, 2)), np.zeros(3), 0.5, 0.1, 0.02, 0.3) is None
    assert window.search(reference, np.zeros(3), 0.6, 0.1, 0.02, 0.3) is None  # wider than the map was made for


def test_points_that_are_not_finite_count_nothing():
    reference = points(np.zeros(3), walls(), ANGLES)
    broken = np.vstack([reference, [[np.nan, 0.0], [np.inf, 1.0]]])
    window = WindowMap([reference], np.zeros((1, 3)), 0.5)
    good, broken_answer = (window.search(p, np.zeros(3), 0.3, 0.1, 0.02, 0.3) for p in (reference, broken))
    np.testing.assert_array_equal(good[0], broken_answer[0])


def test_empty_reference_answers_none():
    window = WindowMap([np.empty((0, 2))], np.zeros((1, 3)), 0.5)
    assert window.search(points(np.zeros(3), walls(), ANGLES), np.zeros(3), 0.5, 0.1, 0.02, 0.3) is None
