"""Loops: found, supported, refused when the place could be another one; and what the graph makes of a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from scan_world import points, ring_building, walls

from amr.mapping.match_noise import MatchNoise
from amr.mapping.odometry_trust import OdometryTrust
from amr.mapping.pose_arrays import between, compose, wrapped
from amr.mapping.slam_back import BackEnd, _in_axes_of
from amr.mapping.slam_front import Keyframe
from amr.mapping.slam_loops import Loop, LoopFinder, supports
from amr.mapping.slam_refine import _solve_chain, smoothed

BEAMS = np.deg2rad(np.arange(-90.0, 90.5, 1.0))
SMALL = np.diag([2500.0, 2500.0, 10_000.0])


def circle(count=40, radius_m=5.0):
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    return np.column_stack([radius_m * np.cos(angle), radius_m * np.sin(angle), wrapped(angle + np.pi / 2)])


def drifting(true, rng):
    """(poses, steps): dead reckoning with noise and a bias."""
    steps = between(true[:-1], true[1:]) + rng.normal(0.0, [0.01, 0.01, 0.005], (len(true) - 1, 3)) + [0.01, 0.0, 0.004]
    poses = [true[0]]
    for step in steps:
        poses.append(compose(poses[-1], step))
    return np.array(poses), steps


def solve(true, poses, steps, extra):
    """Largest error (m) after the graph of ``steps`` and of ``extra`` (first, second, measured) as loops."""
    back = BackEnd()
    nothing = np.empty((0, 2))
    for k, pose in enumerate(poses):
        back.add(Keyframe(k, nothing, pose, steps[k - 1] if k else np.zeros(3), SMALL))
    for first, second, measured in extra:
        back.accept(loop(first, second, measured))
    back._optimize(10)
    return np.hypot(*(back.poses - true)[:, :2].T).max()


def test_a_right_loop_closes_the_circle_and_a_wrong_one_is_ignored():
    rng = np.random.default_rng(1)
    true = circle()
    poses, steps = drifting(true, rng)
    before = np.hypot(*(poses - true)[:, :2].T).max()
    right = [(a, 39 - b, between(true[a], true[39 - b])) for a, b in ((0, 0), (1, 1), (2, 0))]
    wrong = [(5, 25, np.array([0.0, 0.3, 0.0]))]
    after = solve(true, poses, steps, right)
    with_wrong = solve(true, poses, steps, right + wrong)
    assert before > 0.6
    assert after < 0.35 * before
    assert with_wrong < 1.3 * after


def loop(first, second, measured, strong=False):
    return Loop(first, second, np.asarray(measured, float), SMALL, 0.5, 0.6, strong)


def test_support_needs_agreement_and_independent_scans():
    poses = np.vstack([circle(100), circle(100)])
    true = [between(poses[k], poses[k + 100]) for k in range(100)]
    assert supports(loop(10, 110, true[10]), loop(30, 130, true[30]), poses)
    assert not supports(loop(10, 110, true[10]), loop(30, 130, true[30] + [0.5, 0.0, 0.0]), poses)
    assert not supports(loop(10, 110, true[10]), loop(30, 130, true[30] + [0.0, 0.0, 0.1]), poses)
    assert not supports(loop(10, 110, true[10]), loop(10, 110, true[10]), poses)
    near = loop(10, 110, true[10]), loop(13, 113, true[13])
    assert not supports(*near, poses)
    assert supports(loop(10, 110, true[10], strong=True), loop(13, 113, true[13], strong=True), poses)
    assert not supports(loop(10, 110, true[10]), loop(80, 180, true[80]), poses)


def seen(path, segments, seed=0):
    rng = np.random.default_rng(seed)
    return [points(pose, segments, BEAMS, 0.01, rng) for pose in path]


def straight(count, start=(0.0, 0.0, 0.0), step_m=0.35):
    return compose(np.array(start), np.column_stack([np.arange(count) * step_m, np.zeros(count), np.zeros(count)]))


def test_loop_between_two_drives_along_the_same_wall_is_found_from_three_meters_off():
    segments = ring_building(np.random.default_rng(4))
    path = np.vstack([straight(30, (-5.0, -9.0, 0.0)), straight(30, (-5.0, -8.8, 0.05))])
    scans = seen(path, segments)
    believed = path.copy()
    believed[30:] = compose(np.array([2.0, -2.2, 0.1]), path[30:])
    found = LoopFinder().find(scans, believed, 45, 14, range(39, 52), 5.0, 0.3)
    assert found is not None
    error = between(between(path[14], path[45]), found.measured)
    assert np.hypot(error[0], error[1]) < 0.05
    assert abs(error[2]) < 0.01
    assert found.strong


def test_loop_is_refused_where_the_place_repeats():
    niches = [[(x, 1.0), (x, 1.4), (x + 1.0, 1.4), (x + 1.0, 1.0), (x + 3.0, 1.0)] for x in np.arange(-30.0, 30.0, 3.0)]
    segments = walls([*niches, [(-30, -1), (30, -1)]])
    path = np.vstack([straight(30, (-5.0, 0.0, 0.0)), straight(30, (-5.0, 0.1, 0.0))])
    scans = [scan[np.abs(scan[:, 0]) < 8.0] for scan in seen(path, segments)]
    finder = LoopFinder()
    assert finder.find(scans, path, 45, 14, range(39, 52), 8.0, 0.2) is None
    assert finder.ambiguous == 1


def test_no_loop_where_the_scans_have_nothing_in_common():
    path = straight(60)
    scans = seen(path[:30], ring_building(np.random.default_rng(4)) + np.array([0.0, 9.0, 0.0, 9.0]))
    scans += seen(path[30:], walls() + 3.0, 1)
    assert LoopFinder().find(scans, path, 45, 14, range(39, 52), 5.0, 0.3) is None


def test_chain_solver_equals_the_dense_one():
    rng = np.random.default_rng(7)
    count = 6
    root = rng.normal(size=(3 * count, 3 * count)) * 0.1
    dense = root @ root.T + 4.0 * np.eye(3 * count)
    for i in range(count):
        for j in range(count):
            if abs(i - j) > 1:
                dense[3 * i : 3 * i + 3, 3 * j : 3 * j + 3] = 0.0
    blocks = dense.reshape(count, 3, count, 3)
    diagonal = np.array([blocks[k, :, k] for k in range(count)])
    upper = np.array([blocks[k, :, k + 1] for k in range(count - 1)])
    g = rng.normal(size=(count, 3))
    np.testing.assert_allclose(_solve_chain(diagonal, upper, g).ravel(), np.linalg.solve(dense, g.ravel()), rtol=1e-9)


def test_smoothing_believes_the_better_of_matches_and_odometry():
    rng = np.random.default_rng(8)
    true = circle(80)
    odometry = compose(np.array([3.0, 1.0, 0.7]), true)  # exact, in another frame
    matches = true + rng.normal(0.0, 0.02, true.shape)
    information = np.array([np.diag([2500.0, 2500.0, 2500.0])] * len(true))
    tight = OdometryTrust(1e-8, 1e-8, 1e-8, 0.0)
    loose = OdometryTrust(1.0, 1.0, 1.0, 1.0)
    noise = MatchNoise()
    by_odometry = smoothed(matches, matches, information, odometry, tight, noise)
    by_matches = smoothed(matches, matches, information, odometry, loose, noise)
    assert np.abs((by_odometry - true)[:, :2]).max() < 0.3 * np.abs((matches - true)[:, :2]).max()
    np.testing.assert_allclose(by_matches, matches, atol=0.006)


def test_a_scan_without_information_is_carried_by_the_odometry():
    true = circle(20)
    information = np.array([SMALL] * 20)
    information[5:9] = 0.0
    matches = true.copy()
    matches[5:9] += 3.0
    smooth = smoothed(true, matches, information, true, OdometryTrust(), MatchNoise())
    np.testing.assert_allclose(smooth, true, atol=1e-6)


def test_match_noise_stretches_to_what_the_log_told():
    noise = MatchNoise()
    for _ in range(50):
        noise.see(np.diag([1e4, 1e4, 1e6]))  # 1 cm, 1 mrad
    noise.learn(OdometryTrust(match_m=0.03, match_rad=0.0005))
    np.testing.assert_allclose(noise.stretch, [3.0, 3.0, 1.0], rtol=0.02)
    np.testing.assert_allclose(noise.honest(np.diag([1e4, 1e4, 1e6])), np.diag([1e4, 1e4, 9e6]) / 9.0, rtol=0.05)


def test_information_is_turned_to_the_axes_of_the_measured_pose():
    measured = np.array([[1.0, 2.0, np.pi / 2]])
    packed = _in_axes_of(measured, np.diag([1.0, 4.0, 9.0])[None])
    np.testing.assert_allclose(packed, [[4.0, 0.0, 0.0, 1.0, 0.0, 9.0]], atol=1e-12)


@pytest.mark.parametrize("step", [np.zeros(3), np.array([0.3, 0.1, 0.2]), np.array([0.0, 0.0, -1.0])])
def test_covariance_of_a_step_is_symmetric_and_positive(step):
    covariance = OdometryTrust(0.01, 0.001, 0.002, 0.3, 1e-5, 1e-5).covariance(step)
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0.0
