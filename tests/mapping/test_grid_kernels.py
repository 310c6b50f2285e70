"""The grid kernels against slow references that follow the definition."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from mapping_world import MOUNT, World, jackal, look, make_scan

from amr.geometry import Pose2
from amr.kernels import local_grid as kernels
from amr.kernels import local_grid_clear as clearing
from amr.mapping.local_grid import LocalGrid
from amr.mapping.outline import outline_half_planes

WORLD = World(
    circles=((2.0, 0.3, 0.2), (-1.5, 1.0, 0.1), (0.6, -0.5, 0.05)),
    walls=((3.0, -3.0, 3.0, 3.0), (-2.0, -2.0, 3.0, -2.5)),
)
POSE = Pose2(0.13, -0.21, 0.4)


def inside_outline(body, x_m, y_m):
    """Point in one of the convex polygons, by the signs of cross products."""
    for polygon in body.outline_m:
        corners = zip(polygon, polygon[1:] + polygon[:1], strict=True)
        if all((bx - ax) * (y_m - ay) - (by - ay) * (x_m - ax) >= 0.0 for (ax, ay), (bx, by) in corners):
            return True
    return False


def project(grid, scan, start=POSE, end=POSE):
    return grid._project(scan, start, end)


def test_half_planes_describe_the_outline():
    body = jackal().body
    edges, starts = outline_half_planes(body)
    np.testing.assert_allclose(edges[:, 0] ** 2 + edges[:, 1] ** 2, 1.0)
    for x_m, y_m in np.random.default_rng(1).uniform(-0.3, 0.3, (400, 2)):
        inside = any((edges[a:b, 0] * x_m + edges[a:b, 1] * y_m <= edges[a:b, 2]).all() for a, b in pairwise(starts))
        assert inside == inside_outline(body, x_m, y_m)


def test_projection_equals_the_chain_of_frames():
    config = jackal()
    ranges = np.random.default_rng(2).uniform(0.05, 14.0, 300).astype(np.float32)
    ranges[[3, 50, 51]] = np.nan, np.inf, -1.0
    scan = make_scan(ranges, fov_deg=300.0)
    end = Pose2(POSE.x_m + 0.1, POSE.y_m - 0.05, POSE.yaw_rad + 0.2)
    beams = project(LocalGrid(config), scan, POSE, end)
    for i, measured in enumerate(ranges):
        part = i / 299
        base = Pose2(
            POSE.x_m + part * (end.x_m - POSE.x_m),
            POSE.y_m + part * (end.y_m - POSE.y_m),
            POSE.yaw_rad + part * (end.yaw_rad - POSE.yaw_rad),
        )
        lidar = base @ MOUNT
        angle = scan.angle_min_rad + i * scan.angle_increment_rad
        assert beams[i, kernels.X] == pytest.approx(lidar.x_m)
        assert beams[i, kernels.Y] == pytest.approx(lidar.y_m)
        assert beams[i, kernels.DX] == pytest.approx(math.cos(lidar.yaw_rad + angle))
        assert beams[i, kernels.DY] == pytest.approx(math.sin(lidar.yaw_rad + angle))
        reach = max(float(measured), 0.1)
        own = inside_outline(config.body, *MOUNT.apply(reach * math.cos(angle), reach * math.sin(angle)))
        if math.isnan(measured) or (own and measured < 1.0):
            expected = (kernels.NO_INFORMATION, 0.0)
        elif measured > 12.0:
            expected = (12.0, 0.0)
        else:
            expected = (reach, 1.0)
        assert (beams[i, kernels.REACH], beams[i, kernels.HIT]) == pytest.approx(expected)


def plain_seen_through(beams, scan, margin_m, point):
    """Do the two beams around the point's bearing, and one more on each side, reach beyond it?"""
    dx, dy = point[0] - beams[0, kernels.X], point[1] - beams[0, kernels.Y]
    distance = math.hypot(dx, dy)
    bearing = (math.atan2(dy, dx) - beams[0, kernels.YAW] - scan.angle_min_rad) % (2.0 * math.pi)
    first = math.floor(bearing / scan.angle_increment_rad)
    count = len(beams)
    if first + 1 >= count:
        return False
    if min(beams[first, kernels.REACH], beams[first + 1, kernels.REACH]) < 0.0:
        return False
    around = [beams[k, kernels.REACH] for k in range(max(0, first - 1), min(count, first + 3))]
    return all(reach >= distance + margin_m for reach in around if reach >= 0.0)


def test_clearing_equals_the_question_asked_point_by_point():
    random = np.random.default_rng(4)
    grid = LocalGrid(jackal())
    scan = look(WORLD, POSE)
    scan.ranges_m[random.integers(0, 720, 20)] = np.nan
    beams = project(grid, scan)
    frame = grid._frame_array()
    cells = np.where(random.random(grid.cells.shape) < 0.2, kernels.OCCUPIED, kernels.FREE).astype(np.uint8)
    confidence = random.integers(1, 4, cells.shape).astype(np.uint8)
    offsets = random.integers(0, 256, (*cells.shape, 2)).astype(np.uint8)
    expected, expected_confidence = cells.copy(), confidence.copy()
    for row, column in zip(*np.nonzero(cells == kernels.OCCUPIED), strict=True):
        x = frame[0] + (column + (offsets[row, column, 0] + 0.5) / 256.0) * frame[2]
        y = frame[1] + (row + (offsets[row, column, 1] + 0.5) / 256.0) * frame[2]
        if plain_seen_through(beams, scan, 0.03, (x, y)):
            expected_confidence[row, column] -= 1
            if expected_confidence[row, column] == 0:
                expected[row, column] = kernels.FREE
    cleared = clearing.clear_seen_through(
        beams,
        np.array([scan.angle_min_rad, scan.angle_increment_rad, 0.03]),
        frame,
        np.array([0, 240, 0, 240]),
        cells,
        confidence,
        offsets,
    )
    assert cleared > 1000
    np.testing.assert_array_equal(cells, expected)
    np.testing.assert_array_equal(confidence, expected_confidence)


def test_hits_fall_into_their_cells_and_keep_their_place_in_them():
    grid = LocalGrid(jackal())
    beams = project(grid, look(WORLD, POSE))
    frame = grid._frame_array()
    offsets = np.zeros((240, 240, 2), np.uint8)
    confidence = np.zeros((240, 240), np.uint8)
    cells = np.zeros((240, 240), np.uint8)
    count = kernels.mark_hits(beams, frame, cells, confidence, offsets, 2, 5)
    expected = {}
    for beam in beams[beams[:, kernels.HIT] > 0.0]:
        x = (beam[kernels.X] + beam[kernels.REACH] * beam[kernels.DX] - frame[0]) / frame[2]
        y = (beam[kernels.Y] + beam[kernels.REACH] * beam[kernels.DY] - frame[1]) / frame[2]
        if 0 <= x < 240 and 0 <= y < 240:
            expected[int(y), int(x)] = (int(x % 1 * 256), int(y % 1 * 256))
    assert count == len(expected) > 50
    assert {tuple(map(int, place)) for place in np.argwhere(cells)} == set(expected)
    for place, offset in expected.items():
        assert tuple(offsets[place]) == offset
        assert cells[place] == kernels.OCCUPIED + kernels.HIT_NOW
        assert confidence[place] == 2
    for _ in range(3):
        kernels.unmark_hits(beams, frame, cells)
        kernels.mark_hits(beams, frame, cells, confidence, offsets, 2, 5)
    assert confidence.max() == 5


def test_traced_cells_are_those_that_lie_on_the_beams():
    """Every traced cell is crossed by a beam before its limited reach; hardly a crossed cell is missed."""
    grid = LocalGrid(jackal())
    scan = look(WORLD, POSE)
    beams = project(grid, scan)
    frame = grid._frame_array()
    cells = np.zeros((240, 240), np.uint8)
    kernels.trace_free(beams, frame, cells, False, scan.angle_increment_rad)
    reach = beams[:, kernels.REACH]
    limited = np.minimum(reach, np.minimum(np.r_[reach[0], reach[:-1]], np.r_[reach[1:], reach[-1]]))
    crossed = np.zeros((240, 240), bool)
    for beam, end in zip(beams, limited, strict=True):
        along = np.arange(0.0, end, 0.002)
        columns = np.floor((beam[kernels.X] + along * beam[kernels.DX] - frame[0]) / frame[2]).astype(int)
        rows = np.floor((beam[kernels.Y] + along * beam[kernels.DY] - frame[1]) / frame[2]).astype(int)
        inside = (columns >= 0) & (columns < 240) & (rows >= 0) & (rows < 240)
        crossed[rows[inside], columns[inside]] = True
    traced = cells == kernels.FREE
    # sampling in steps of 2 mm misses cells of which a beam cuts the corner
    assert (traced & ~crossed).sum() < 0.005 * crossed.sum()
    assert (crossed & ~traced).sum() < 0.01 * crossed.sum()


def test_tracing_leaves_obstacles():
    grid = LocalGrid(jackal())
    scan = make_scan(np.full(720, 4.0))
    beams = project(grid, scan)
    cells = np.full((240, 240), kernels.OCCUPIED, np.uint8)
    kernels.trace_free(beams, grid._frame_array(), cells, False, scan.angle_increment_rad)
    assert (cells == kernels.OCCUPIED).all()


def test_a_full_turn_closes_at_its_seam():
    """A point behind the lidar lies between the last beam and the first of a 360 degree scan."""
    grid = LocalGrid(jackal())
    increment = 2.0 * math.pi / 360
    ranges = np.full(360, 3.0, np.float32)
    scan = make_scan(ranges, angle_min_rad=-math.pi + 0.5 * increment, angle_increment_rad=increment)
    grid.insert(scan, Pose2(0.0, 0.0, 0.0), None, 0)
    behind = grid.frame.cell(-1.5, 0.0)
    for step in range(2):
        grid.cells[behind] = kernels.OCCUPIED
        grid._confidence[behind] = 1
        grid._offsets[behind] = 128
        if step == 0:
            grid.insert(scan, Pose2(0.0, 0.0, 0.0), None, 0)
            assert grid.cells[behind] == kernels.FREE
        else:
            half = make_scan(ranges[:300], angle_min_rad=scan.angle_min_rad, angle_increment_rad=increment)
            grid.insert(half, Pose2(0.0, 0.0, 0.0), None, 0)
            assert grid.cells[behind] == kernels.OCCUPIED
