"""Lines and the refinement on them against plain NumPy, and what a match must answer."""

from __future__ import annotations

import numpy as np
import pytest
from scan_world import points, walls

from amr.kernels import scan_match_lines as kernel
from amr.mapping.pose_arrays import placed
from amr.mapping.scan_matching import LineMap, LineMatchSettings, symmetric

ANGLES = np.deg2rad(np.arange(0.0, 360.0, 1.0))
SETTINGS = LineMatchSettings().as_array()


def made_map(noise_m=0.005, seed=0):
    rng = np.random.default_rng(seed)
    poses = np.array([[0.0, 0.0, 0.0], [0.3, 0.1, 0.2], [-0.2, -0.3, -0.4]])
    line_map = LineMap(15.0)
    line_map.build(np.zeros(2), [points(p, walls(), ANGLES, noise_m, rng) for p in poses], poses)
    return line_map


def members(line_map, cell, ring, cloud):
    """Points of ``cloud`` in the square of ``ring`` cells around a used cell."""
    origin, size = line_map._frame[:2], line_map._frame[2]
    ij = np.floor((cloud - origin) / size).astype(int)
    row, column = line_map._cells[cell]
    return cloud[(np.abs(ij[:, 1] - row) <= ring) & (np.abs(ij[:, 0] - column) <= ring)]


def test_line_of_a_cell_is_the_principal_axis_of_its_neighborhood():
    rng = np.random.default_rng(4)
    cloud = points(np.zeros(3), walls(), ANGLES, 0.01, rng)
    line_map = LineMap(15.0)
    line_map.build(np.zeros(2), [cloud], np.zeros((1, 3)))
    checked = 0
    for cell in range(line_map._used):
        mean_x, mean_y, nx, ny, weight = line_map._lines[cell, :5]
        for ring in range(1, 6):
            near = members(line_map, cell, ring, cloud)
            covariance = np.cov(near.T, bias=True) if len(near) >= 5 else None
            if covariance is not None and np.linalg.eigvalsh(covariance)[1] >= 0.35 * 0.1**2:
                break
        else:
            assert weight == 0.0
            continue
        values, vectors = np.linalg.eigh(covariance)
        if values[0] / values[1] >= 0.3:
            assert weight == 0.0
            continue
        np.testing.assert_allclose([mean_x, mean_y], near.mean(axis=0), atol=1e-9)
        assert abs(vectors[:, 0] @ [nx, ny]) == pytest.approx(1.0, abs=1e-9)
        assert weight == pytest.approx(1.0 - values[0] / values[1] / 0.3, abs=1e-9)
        checked += 1
    assert checked > 100


def test_nearest_cell_is_the_nearest_of_all_within_reach():
    line_map = made_map()
    used = line_map._used
    means = line_map._cells[:used, ::-1] + 0.5 + line_map._moments[:used, 1:3] / line_map._moments[:used, :1]
    rng = np.random.default_rng(5)
    hits = 0
    for x, y in rng.uniform(80.0, 220.0, (400, 2)):
        for reach in (2.0, 5.0):
            cell = kernel.nearest_cell(line_map._index, line_map._moments, x, y, reach)
            distance = np.hypot(*(means - [x, y]).T)
            if distance.min() < reach:
                assert distance[cell] == pytest.approx(distance.min(), abs=1e-12)
                hits += 1
            else:
                assert cell == -1
    assert hits > 50


def test_information_and_residual_are_those_of_the_definition():
    line_map = made_map()
    query = points(np.array([0.1, 0.05, 0.1]), walls(), ANGLES)
    pose = np.array([0.11, 0.04, 0.105])
    settings = LineMatchSettings(first_reach_m=0.3, iterations=0)
    match = line_map.match(query, pose, settings.as_array())
    used = line_map._used
    means = line_map._cells[:used, ::-1] + 0.5 + line_map._moments[:used, 1:3] / line_map._moments[:used, :1]
    world = placed(query, pose)
    information, weight_sum, cost = np.zeros((3, 3)), 0.0, 0.0
    for point, turned in zip(world, world - pose[:2], strict=True):
        distance = np.hypot(*(means - (point - line_map._frame[:2]) / 0.1).T)
        cell = distance.argmin()
        x, y, nx, ny, line_weight = line_map._lines[cell, :5]
        if distance[cell] >= 3.0 or line_weight == 0.0:
            continue
        residual = nx * (point[0] - x) + ny * (point[1] - y)
        weight = line_weight / (1.0 + (residual / settings.kernel_m) ** 2)
        jacobian = np.array([nx, ny, -nx * turned[1] + ny * turned[0]])
        information += weight * np.outer(jacobian, jacobian) / settings.sigma_m**2
        weight_sum += weight
        cost += weight * residual**2
    np.testing.assert_allclose(match.information, information, rtol=1e-9, atol=1e-6)
    assert match.inlier_frac == pytest.approx(weight_sum / len(query))
    assert match.rms_m == pytest.approx(np.sqrt(cost / weight_sum))


def test_solver_equals_numpy_and_refuses_what_is_not_positive():
    rng = np.random.default_rng(6)
    for _ in range(50):
        root = rng.normal(size=(3, 3))
        matrix, g, out = root @ root.T + 0.01 * np.eye(3), rng.normal(size=3), np.empty(3)
        assert kernel.solve_symmetric(matrix[np.triu_indices(3)], g, out)
        np.testing.assert_allclose(out, np.linalg.solve(matrix, g), rtol=1e-6, atol=1e-9)
    assert not kernel.solve_symmetric(np.zeros(6), np.zeros(3), np.empty(3))
    assert not kernel.solve_symmetric(np.array([1.0, 2.0, 0.0, 1.0, 0.0, 1.0]), np.ones(3), np.empty(3))
    assert not kernel.solve_symmetric(np.full(6, np.nan), np.ones(3), np.empty(3))


@pytest.mark.parametrize("seed", range(5))
def test_refinement_finds_the_pose_to_millimeters(seed):
    rng = np.random.default_rng(seed)
    line_map = made_map(seed=seed)
    true = np.array([*rng.uniform(-0.3, 0.3, 2), rng.uniform(-0.2, 0.2)])
    query = points(true, walls(), ANGLES, 0.005, rng)
    start = true + np.append(rng.uniform(-0.15, 0.15, 2), rng.uniform(-0.08, 0.08))
    match = line_map.match(query, start, SETTINGS)
    assert np.abs(match.pose[:2] - true[:2]).max() < 0.004
    assert abs(match.pose[2] - true[2]) < 0.001
    assert match.inlier_frac > 0.8


def test_refinement_is_not_pulled_by_people_who_walk_through():
    rng = np.random.default_rng(9)
    line_map = made_map()
    true = np.array([0.1, -0.2, 0.1])
    query = points(true, walls(), ANGLES, 0.005, rng)
    people = rng.random(len(query)) < 0.3
    query[people] *= rng.uniform(0.3, 0.9, (people.sum(), 1))
    match = line_map.match(query, true + np.array([0.08, -0.06, 0.03]), SETTINGS)
    assert np.abs(match.pose - true).max() < 0.01


def test_information_is_small_along_a_corridor_and_a_prior_decides_there():
    corridor = walls([[(-30, -1), (30, -1)], [(-30, 1), (30, 1)]])
    cloud = points(np.zeros(3), corridor, ANGLES)
    cloud = cloud[np.abs(cloud[:, 0]) < 8.0]
    line_map = LineMap(15.0)
    line_map.build(np.zeros(2), [cloud], np.zeros((1, 3)))
    free = line_map.match(cloud, np.array([0.1, 0.05, 0.02]), SETTINGS)
    assert free.information[0, 0] < 1e-3 * free.information[1, 1]
    assert abs(free.pose[1]) < 0.003
    prior = np.array([0.2, 0.5, 0.0])
    match = line_map.match(cloud, np.array([0.1, 0.05, 0.02]), SETTINGS, prior, np.diag([100.0, 1e-6, 1e-6]))
    assert match.pose[0] == pytest.approx(0.2, abs=0.02)
    assert abs(match.pose[1]) < 0.003


def test_nothing_in_reach_keeps_the_start():
    line_map = made_map()
    start = np.array([1.0, 2.0, 0.5])
    for query in (np.empty((0, 2)), np.full((5, 2), 500.0), np.full((5, 2), np.nan)):
        match = line_map.match(query, start, SETTINGS)
        np.testing.assert_allclose(match.pose, start)
        assert match.inlier_frac == 0.0
        assert match.rms_m == np.inf


def test_map_is_clean_after_it_was_built_again():
    line_map = made_map()
    cloud = points(np.zeros(3), walls(), ANGLES)
    line_map.build(np.zeros(2), [cloud], np.zeros((1, 3)))
    fresh = LineMap(15.0)
    fresh.build(np.zeros(2), [cloud], np.zeros((1, 3)))
    assert line_map._used == fresh._used
    np.testing.assert_array_equal(line_map._index, fresh._index)


def test_capacity_is_a_limit_and_not_a_crash():
    line_map = LineMap(15.0, capacity=10)
    line_map.build(np.zeros(2), [points(np.zeros(3), walls(), ANGLES)], np.zeros((1, 3)))
    assert line_map._used == 10


def test_packed_matrix_unpacks_symmetric():
    np.testing.assert_array_equal(symmetric(np.arange(6.0)), [[0, 1, 2], [1, 3, 4], [2, 4, 5]])


THICK_M = 0.15
TWO_SIDED = walls(
    [
        [(-6, -4), (6, -4), (6, 4), (-6, 4), (-6, -4)],
        [(-6, 0), (-1, 0), (-1, THICK_M), (-6, THICK_M)],
        [(6, 0), (1, 0), (1, THICK_M), (6, THICK_M)],
    ]
)
"""Two rooms, one above the other, with a wall of two sides and a door between them."""
BELOW = np.array([[-3.0, -2.0, 0.0], [-2.0, -2.2, 0.3], [2.5, -1.8, -0.4], [0.0, -2.0, 1.0]])
ABOVE = np.array([[-2.5, 2.0, 0.2], [2.0, 2.2, -1.0], [0.0, 2.0, 2.0]])


def sided_map(poses, sided=True, noise_m=0.005):
    rng = np.random.default_rng(3)
    line_map = LineMap(15.0, sided=sided)
    line_map.build(np.zeros(2), [points(p, TWO_SIDED, ANGLES, noise_m, rng) for p in poses], poses)
    return line_map


def lines_by_hand(line_map, scans, poses):
    """Plain reference of the sided lines of used cells: {cell: (mean x, mean y, normal, weight)} where there is one."""
    cloud = np.concatenate([placed(scan, pose) for scan, pose in zip(scans, poses, strict=True)])
    eyes = np.concatenate([np.tile(pose[:2], (len(scan), 1)) for scan, pose in zip(scans, poses, strict=True)])
    views = (eyes - cloud) / np.linalg.norm(eyes - cloud, axis=1, keepdims=True)
    ij = np.floor((cloud - line_map._frame[:2]) / line_map._frame[2]).astype(int)
    numbers = line_map._index[ij[:, 1], ij[:, 0]]
    mean_view = np.stack([views[numbers == k].mean(axis=0) for k in range(line_map._used)])

    def fit(k, chosen):
        row, column = line_map._cells[k]
        for ring in range(1, 6):
            near = chosen & (np.abs(ij[:, 1] - row) <= ring) & (np.abs(ij[:, 0] - column) <= ring)
            if near.sum() < 5:
                continue
            values, vectors = np.linalg.eigh(np.cov(cloud[near].T, bias=True))
            if values[1] >= 0.35 * 0.1**2:
                return ring, near, vectors[:, 0], values[0] / values[1]
        return None

    found = {}
    for k in range(line_map._used):
        first = fit(k, np.ones(len(cloud), bool))
        if first is None:
            continue
        _, near, normal, flatness = first
        own = mean_view[k] @ normal
        other_side = own * (mean_view @ normal) < -0.01
        if abs(own) >= 0.1 and other_side[numbers[near]].any():
            second = fit(k, ~other_side[numbers])
            if second is None:
                continue
            _ring, near, normal, flatness = second
        if flatness < 0.3:
            found[k] = (*cloud[near].mean(axis=0), normal, 1.0 - flatness / 0.3)
    return found


def test_lines_of_a_wall_with_two_sides_are_made_of_one_side_each():
    rng = np.random.default_rng(3)
    poses = np.concatenate([BELOW, ABOVE])
    scans = [points(p, TWO_SIDED, ANGLES, 0.005, rng) for p in poses]
    line_map = LineMap(15.0, sided=True)
    line_map.build(np.zeros(2), scans, poses)
    expected = lines_by_hand(line_map, scans, poses)
    lines = line_map._lines[: line_map._used]
    assert set(np.nonzero(lines[:, 4] > 0.0)[0]) == set(expected)
    for k, (x, y, normal, weight) in expected.items():
        np.testing.assert_allclose(lines[k, :2], [x, y], atol=1e-9)
        assert abs(lines[k, 2:4] @ normal) == pytest.approx(1.0, abs=1e-9)
        assert lines[k, 4] == pytest.approx(weight, abs=1e-9)
    middle = (np.abs(lines[:, 0]) > 1.5) & (np.abs(lines[:, 0]) < 5.0)
    wall = lines[(np.abs(lines[:, 1] - THICK_M / 2) < 0.2) & middle & (lines[:, 4] > 0.5)]
    off_m = np.minimum(np.abs(wall[:, 1]), np.abs(wall[:, 1] - THICK_M))
    assert len(wall) > 40
    assert off_m.max() < 0.01


@pytest.mark.parametrize("start_m", [0.0, -THICK_M])
def test_the_other_side_of_a_wall_does_not_pull(start_m):
    rng = np.random.default_rng(8)
    true = np.array([-0.5, 2.1, 0.1])
    query = points(true, TWO_SIDED, ANGLES, 0.005, rng)
    query = query[np.abs(placed(query, true)[:, 1] - THICK_M / 2) < 0.3]  # the wall between the rooms alone
    start = true + np.array([0.0, start_m, 0.0])
    sided, plain = (sided_map(BELOW[:3], sided).match(query, start, SETTINGS) for sided in (True, False))
    assert plain.inlier_frac > 0.5  # it takes the lower side for the upper one
    assert plain.pose[1] < true[1] - 0.1
    assert sided.inlier_frac < 0.1
    assert sided.information[1, 1] < 0.1 * plain.information[1, 1]


def test_where_points_were_seen_from_can_be_told_for_each():
    rng = np.random.default_rng(8)
    origin, other = ABOVE[0], BELOW[0]
    cloud = placed(points(other, TWO_SIDED, ANGLES, 0.005, rng), other)
    seen_from = np.tile(other[:2], (len(cloud), 1))
    start = np.array([0.0, 0.0, 0.0])
    line_map = sided_map(BELOW[:3])
    right = line_map.match(cloud, start, SETTINGS, eyes=seen_from)
    wrong = line_map.match(cloud, start, SETTINGS, eyes=np.tile(origin[:2], (len(cloud), 1)))
    assert np.abs(right.pose).max() < 0.01
    assert right.inlier_frac > wrong.inlier_frac + 0.1


def test_a_map_that_is_not_sided_has_no_sides():
    line_map = sided_map(np.concatenate([BELOW, ABOVE]), sided=False)
    assert not line_map._lines[: line_map._used, 5:].any()
    assert not line_map._moments[: line_map._used, 6:].any()
