"""SLAM in a made ring corridor: drift that a loop takes away, bad input, and what is learned of the odometry."""

from __future__ import annotations

import numpy as np
import pytest
from scan_world import noisy_odometry, points, ring_building, ring_path, storeys, storeys_path

from amr.mapping.odometry_trust import OdometryTrust, learned_trust
from amr.mapping.pose_arrays import between, compose
from amr.mapping.slam import Slam
from amr.mapping.slam_map import map_image

BEAMS = np.deg2rad(np.arange(-90.0, 90.5, 1.0))


@pytest.fixture(scope="module")
def drive():
    rng = np.random.default_rng(11)
    path = ring_path()
    segments = ring_building(rng)
    scans = [points(pose, segments, BEAMS, 0.01, rng) for pose in path]
    return path, scans, noisy_odometry(path, rng)


def error_m(poses, path):
    """Largest position error, with the first poses laid over each other."""
    error = between(between(path[0], path), between(poses[0], poses))
    return np.hypot(error[:, 0], error[:, 1]).max()


def run(scans, odometry):
    slam = Slam()
    online = np.array([slam.add(scan, pose) for scan, pose in zip(scans, odometry, strict=True)])
    return slam, online, slam.finish()


@pytest.fixture(scope="module")
def outcome(drive):
    _, scans, odometry = drive
    return run(scans, odometry)


@pytest.mark.slow
def test_a_loop_takes_the_drift_away(drive, outcome):
    path, _, odometry = drive
    slam, _, final = outcome
    assert error_m(odometry, path) > 0.4
    assert len(slam.back.loops) > 10
    assert error_m(final, path) < 0.10


@pytest.mark.slow
def test_the_online_pose_is_near_the_truth_where_the_robot_comes_back(drive, outcome):
    path, _, _ = drive
    _, online, _ = outcome
    assert error_m(online[-40:], path[-40:]) < 0.05
    assert error_m(online, path) < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.95, 1.05])
def test_odometry_of_the_wrong_scale_still_gives_a_closed_loop(drive, scale):
    path, scans, _ = drive
    odometry = noisy_odometry(path, np.random.default_rng(5), scale=scale)
    _, _, final = run(scans, odometry)
    assert error_m(final, path) < 0.15


@pytest.mark.slow
def test_scans_that_are_missing_are_bridged_by_the_odometry(drive):
    path, scans, odometry = drive
    rng = np.random.default_rng(6)
    holes = [None if rng.random() < 0.3 else scan for scan in scans]
    holes[0] = None
    _, online, final = run(holes, odometry)
    assert len(online) == len(final) == len(scans)
    assert error_m(final, path) < 0.15


@pytest.mark.slow
def test_equal_input_gives_equal_bits(drive):
    _, scans, odometry = drive
    one, other = (run(scans[:150], odometry[:150])[2] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_no_usable_scan_at_all_is_the_odometry():
    odometry = np.array([[1.0, 2.0, 0.5], [1.5, 2.0, 0.5], [2.0, 2.5, 0.6]])
    _, online, final = run([None] * 3, odometry)
    np.testing.assert_allclose(final, between(odometry[0], odometry), atol=1e-9)
    np.testing.assert_allclose(online, final)
    assert Slam().finish().shape == (0, 3)


def test_trust_tells_a_good_odometry_from_a_bad_one():
    rng = np.random.default_rng(2)
    path = ring_path(laps=2.0)
    tracked = compose(path, rng.normal(0.0, [0.004, 0.004, 0.003], path.shape))
    good = learned_trust(noisy_odometry(path, rng, 0.002, 0.002), tracked)
    bad = learned_trust(noisy_odometry(path, rng, 0.10, 0.3), tracked)
    assert good.along_m2_per_m < 0.2 * bad.along_m2_per_m
    assert good.turn_frac < 0.5 * bad.turn_frac
    assert good.match_rad == pytest.approx(0.003, rel=0.4)
    assert learned_trust(path[:10], path[:10]) == OdometryTrust()


def test_noise_that_is_gone_when_the_robot_stands_is_not_the_matches():
    rng = np.random.default_rng(3)
    path = np.vstack([ring_path(laps=1.0), np.repeat(ring_path(laps=1.0)[-1:], 100, axis=0)])
    moving = np.arange(len(path)) < len(path) - 100
    odometry = noisy_odometry(path, rng, 0.002, 0.002)
    jitter = rng.normal(0.0, [0.002, 0.002, 0.005], path.shape) * moving[:, None]
    trust = learned_trust(compose(odometry, jitter), path)
    assert trust.match_rad < 0.001
    assert trust.white_rad2 > 0.5 * 2 * 0.005**2


def test_map_image_shows_the_wall_and_the_way():
    scan = np.column_stack([np.full(41, 2.0), np.linspace(-1.0, 1.0, 41)])
    image = map_image([scan], np.array([[0.0, 0.0, 0.0]]))
    row, column = image.frame.cell(2.0, 0.0)
    assert image.pixels[row, column] == 0
    row, column = image.frame.cell(1.0, 0.0)
    assert image.pixels[row, column] == 254
    assert image.pixels[0, 0] == 205


@pytest.mark.slow
def test_rooms_on_both_sides_of_thin_walls_keep_their_size():
    rng = np.random.default_rng(4)
    path, segments = storeys_path(), storeys()
    around = np.deg2rad(np.arange(-180.0, 180.0, 1.0))
    scans = [points(pose, segments, around, 0.01, rng) for pose in path]
    slam, _, final = run(scans, noisy_odometry(path, rng, way_frac=0.01, turn_frac=0.01))
    assert len(slam.back.loops) > 10
    assert error_m(final, path) < 0.02
