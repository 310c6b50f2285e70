"""Particle kernels against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from amr.kernels import particles as kernels
from amr.kernels.normal_table import NORMALS
from amr.mapping.base import compose, placed


@pytest.fixture
def random():
    return np.random.default_rng(5)


def cloud(random, count=500):
    return np.stack([random.uniform(1, 15, count), random.uniform(1, 11, count), random.uniform(-3, 3, count)])


def test_particles_take_the_step_with_correlated_noise(random):
    poses = cloud(random)
    root = np.array([0.3, 0.1, 0.2, -0.05, 0.02, 0.1])
    lower = np.zeros((3, 3))
    lower[np.tril_indices(3)] = root
    draws = random.integers(1 << 16, size=(3, poses.shape[1]), dtype=np.uint16)
    normals = NORMALS[draws]
    step = np.array([0.5, -0.1, 0.2])
    expected = compose(poses.T, step + (lower @ normals.astype(np.float64)).T).T
    kernels.move_particles(poses, step, root, draws, NORMALS)
    assert poses == pytest.approx(expected, abs=1e-9)


def test_penalties_are_the_table_at_the_beams_ends(random, building):
    field, poses = building.field, cloud(random)
    points = random.uniform(-20, 20, (60, 2))
    out = np.empty(poses.shape[1], np.uint32)
    kernels.beam_penalties(poses, np.ascontiguousarray(points.T, np.float32), field.penalty, field.frame, out)
    height, width = field.penalty.shape
    for k in range(0, poses.shape[1], 37):
        cells = (placed(points, poses[:, k]) - field.frame[:2]) / field.frame[2]
        on_edge = np.abs(cells - np.rint(cells)).min() < 1e-3
        rows = np.clip(cells[:, 1], 0, height - 1).astype(int)
        columns = np.clip(cells[:, 0], 0, width - 1).astype(int)
        expected = field.penalty[rows, columns].astype(int).sum()
        # float32: a point on the line between two cells may fall to either
        assert abs(int(out[k]) - expected) <= (255 * 2 if on_edge else 0)


def test_weights_are_multiplied_and_add_up_to_one():
    weights = np.array([0.5, 0.25, 0.25])
    total = kernels.weigh(weights, np.array([7, 5, 900], np.uint32), np.array([1.0, 0.5, 0.25]))
    assert total == pytest.approx(0.5 * 0.25 + 0.25 * 1.0 + 0.25 * 0.25)
    assert weights == pytest.approx(np.array([0.125, 0.25, 0.0625]) / 0.4375)


def test_weights_that_all_vanish_become_even():
    weights = np.array([0.0, 0.0])
    assert kernels.weigh(weights, np.array([1, 2], np.uint32), np.array([1.0, 0.5])) == 0.0
    assert weights.tolist() == [0.5, 0.5]


def test_low_variance_draw_gives_each_its_share(random):
    weights = random.random(200)
    weights /= weights.sum()
    drawn = np.empty(1000, np.int64)
    kernels.draw_low_variance(weights, 0.4, drawn)
    counts = np.bincount(drawn, minlength=200)
    assert (np.abs(counts - 1000 * weights) <= 1.0 + 1e-9).all()
    assert (np.diff(drawn) >= 0).all()


def test_bins_are_counted_once(random):
    poses = cloud(random)
    drawn = random.integers(0, poses.shape[1], 800)
    scratch = np.zeros((2048, 4), np.int64)
    found = kernels.occupied_bins(poses, drawn, 0.25, 0.2, scratch)
    keys = {tuple(np.floor(poses[:, k] / (0.25, 0.25, 0.2)).astype(int)) for k in drawn}
    assert found == len(keys)


def test_cluster_is_the_weighted_mean_and_covariance_of_what_is_near():
    random = np.random.default_rng(2)
    near = np.array([3.0, 4.0, 3.1])[:, None] + random.normal(0, 0.1, (3, 300))
    far = np.array([9.0, 9.0, 0.0])[:, None] + random.normal(0, 0.1, (3, 100))
    poses = np.concatenate([near, far], axis=1)
    poses[2] = (poses[2] + np.pi) % (2 * np.pi) - np.pi
    weights = np.full(400, 1 / 400)
    out = np.empty(kernels.CLUSTER)
    kernels.cluster_around(poses, weights, np.array([3.0, 4.0, 3.1]), 2.0, 1.0, out)
    assert out[0] == pytest.approx(0.75)
    assert out[1:3] == pytest.approx(near[:2].mean(axis=1))
    assert np.cos(out[3] - near[2].mean()) == pytest.approx(1.0)
    expected = np.cov(near, bias=True)
    assert out[4:] == pytest.approx(expected[np.triu_indices(3)], abs=1e-12)
    kernels.cluster_around(poses, weights, np.array([0.0, 0.0, 0.0]), 0.5, 0.5, out)
    assert out[0] == 0.0
