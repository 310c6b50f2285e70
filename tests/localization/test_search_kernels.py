"""Beam check and whole-map search against slow references."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amr.kernels.beam_check import HIT, SHORT, THROUGH, UNKNOWN, check_beams
from amr.mapping.base import WindowMap, placed


def slow_verdict(field, origin, point, pose, reach, margin):
    """The same question in steps of a twentieth of a cell."""
    start, end = (placed(np.array([p]), pose)[0] - field.frame[:2] for p in (origin, point))
    start, end = start / field.cell_m, end / field.cell_m
    height, width = field.clearance.shape
    if not (0 <= end[0] < width and 0 <= end[1] < height):
        return UNKNOWN
    length = math.dist(start, end)
    for walked in np.arange(0.0, max(length - margin, 0.0), 0.05):
        x, y = start + (end - start) * walked / length
        if 0 <= x < width and 0 <= y < height and field.clearance[int(y), int(x)] == 0:
            return THROUGH
    cell = int(end[1]), int(end[0])
    if field.clearance[cell] <= reach:
        return HIT
    return UNKNOWN if field.unknown[cell] else SHORT


def test_beam_verdicts_are_those_of_a_walk_in_tiny_steps(building):
    random = np.random.default_rng(4)
    field, origin = building.field, np.array([0.1, 0.0])
    wrong = 0
    for _ in range(4):
        pose = np.array([random.uniform(0.5, 15.0), random.uniform(0.5, 11.0), random.uniform(-3.0, 3.0)])
        points = random.uniform(-6.0, 6.0, (20, 2))
        out = np.empty(20, np.uint8)
        check_beams(points, origin, pose, field.clearance, field.unknown, field.frame, 3.0, 6.0, out)
        expected = [slow_verdict(field, origin, point, pose, 3.0, 6.0) for point in points]
        wrong += int((out != expected).sum())
    # half a cell's step may cut a corner that tiny steps meet
    assert wrong <= 2


@pytest.mark.parametrize("half", [5, 7])
def test_modes_hold_the_best_pose_of_every_place(half):
    random = np.random.default_rng(8)
    reference = random.uniform(-2.0, 2.0, (60, 2))
    query = reference[::3] + random.normal(0.0, 0.02, (20, 2))
    window = WindowMap([reference], np.zeros((1, 3)), 4.0, 0.1, levels=2)
    allowed = np.ones((2 * half + 1, 2 * half + 1), np.uint8)
    allowed[:, : half // 2] = 0
    step_rad = math.radians(6.0)
    modes = window.modes(query, np.zeros(2), allowed, step_rad, 0.1, 0.5, (0.35, 0.3), np.zeros((0, 4)))
    scores = brute_scores(window, query, allowed, step_rad)
    best = max(scores.values())
    assert modes[:, 0].max() == pytest.approx(best)
    for (x_m, y_m, yaw_rad), score in scores.items():
        if score > 0.5 * best + 1e-9:
            gaps = np.abs(modes[:, 1:3] - (x_m, y_m)).max(axis=1)
            turns = np.abs((modes[:, 3] - yaw_rad + math.pi) % (2 * math.pi) - math.pi)
            covered = (gaps < 0.75) & (turns < 0.65) & (modes[:, 0] >= score - 1e-9)
            assert covered.any(), (x_m, y_m, yaw_rad, score)


def brute_scores(window, query, allowed, step_rad):
    """{pose: score} of every lattice pose that is allowed."""
    offset, width, height = window._levels[0]
    grid = window._flat[offset : offset + width * height].reshape(height, width)
    half = allowed.shape[0] // 2
    scores = {}
    for a in range(math.ceil(2 * math.pi / step_rad)):
        yaw_rad = -math.pi + a * step_rad
        turned = placed(query, np.array([0.0, 0.0, yaw_rad]))
        cells = np.floor((turned - window._frame[:2]) / window.cell_m - half).astype(int)
        for j, i in np.argwhere(allowed):
            value = grid[cells[:, 1] + j, cells[:, 0] + i].sum(dtype=int)
            scores[(i - half) * window.cell_m, (j - half) * window.cell_m, yaw_rad] = value / (100 * len(query))
    return scores


def test_nothing_is_searched_where_the_robot_may_not_stand():
    window = WindowMap([np.random.default_rng(0).uniform(-1, 1, (30, 2))], np.zeros((1, 3)), 4.0, 0.1)
    query = np.array([[0.5, 0.5]])
    nowhere = np.zeros((11, 11), np.uint8)
    assert len(window.modes(query, np.zeros(2), nowhere, 0.1, 0.1, 0.5, (0.3, 0.3), np.zeros((0, 4)))) == 0
    too_wide = np.ones((201, 201), np.uint8)
    assert len(window.modes(query, np.zeros(2), too_wide, 0.1, 0.1, 0.5, (0.3, 0.3), np.zeros((0, 4)))) == 0
