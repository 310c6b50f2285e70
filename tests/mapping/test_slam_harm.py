"""A log that was harmed on purpose is harmed as told, and in no other way."""

from __future__ import annotations

import numpy as np
import pytest

from amr.mapping.pose_arrays import between
from amr.runtime.bench.slam_harm import DROPPED, Harm
from amr.runtime.bench.slam_log import SlamLog


def log_of(count: int) -> SlamLog:
    random = np.random.default_rng(3)
    odometry = np.cumsum(random.normal(0.0, 0.1, (count, 3)), axis=0)
    points = [random.normal(0.0, 1.0, (12, 2)) for _ in range(count)]
    return SlamLog("made", np.arange(count, dtype=float), points, odometry, 0, {"beam_count": 1}, np.zeros(count, bool))


def test_nothing_is_done_by_default():
    log = log_of(50)
    same = Harm().done_to(log)
    assert same.points is log.points
    assert same.odometry is log.odometry
    assert same.refused == {"beam_count": 1}


@pytest.mark.parametrize("scale", [0.95, 1.05])
def test_each_step_of_the_odometry_is_scaled_as_the_robot_sees_it(scale):
    log = log_of(200)
    scaled = Harm(odometry_scale=scale).done_to(log).odometry
    steps, harmed = between(log.odometry[:-1], log.odometry[1:]), between(scaled[:-1], scaled[1:])
    assert harmed == pytest.approx(scale * steps, abs=1e-9)
    assert np.array_equal(scaled[0], log.odometry[0])


def test_scans_are_lost_by_seed_and_counted():
    log = log_of(1000)
    first, again, other = (Harm(drop_frac=0.2, seed=seed).done_to(log) for seed in (1, 1, 2))
    lost = [own is None for own in first.points]
    assert first.lost.tolist() == lost
    assert first.refused == {"beam_count": 1, DROPPED: sum(lost)}
    assert 150 < sum(lost) < 250
    assert lost == [own is None for own in again.points]
    assert lost != [own is None for own in other.points]
    assert all(kept is whole for kept, whole, gone in zip(first.points, log.points, lost, strict=True) if not gone)
