"""Where in its cell a wall lies."""

from __future__ import annotations

import numpy as np
import pytest

from amr.grid import GridFrame
from amr.mapping.slam_map import map_image
from amr.mapping.wall_points import border_cells, centers, wall_points

FRAME = GridFrame(-1.0, 2.0, 0.05, 40, 30)


def wall_along_x(row=20, thick=1):
    pixels = np.full((FRAME.height, FRAME.width), 254, np.uint8)
    pixels[row : row + thick] = 0
    return pixels


def ends_at(y_m, noise_m=0.0, count=20_000):
    rng = np.random.default_rng(4)
    x_m = rng.uniform(FRAME.origin_x_m, FRAME.origin_x_m + FRAME.width * FRAME.resolution_m, count)
    return np.column_stack([x_m, y_m + noise_m * rng.standard_normal(count)])


@pytest.mark.parametrize("offset_m", [0.003, 0.012, 0.049])
def test_a_wall_lies_where_the_beams_end_and_not_at_the_middle_of_its_cells(offset_m):
    points = wall_points(ends_at(3.0 + offset_m), FRAME, wall_along_x())
    assert points[:, 1] == pytest.approx(3.0 + offset_m, abs=1e-9)
    assert np.abs(points - centers(FRAME, *border_cells(wall_along_x()))).max() <= 0.026


def test_a_wall_on_the_line_between_two_cells_is_not_drawn_to_the_robot_by_its_noise():
    pixels = wall_along_x(20, thick=2)
    pixels[22:] = 205
    points = wall_points(ends_at(3.05, noise_m=0.01), FRAME, pixels)
    assert points[:, 1].mean() == pytest.approx(3.05, abs=0.001)


def test_both_faces_of_a_wall_of_two_cells_keep_their_own_places():
    pixels = wall_along_x(20, thick=2)
    ends = np.concatenate([ends_at(3.01), ends_at(3.09)])
    rows, _ = border_cells(pixels)
    points = wall_points(ends, FRAME, pixels)
    assert points[rows == 20, 1] == pytest.approx(3.01, abs=1e-9)
    assert points[rows == 21, 1] == pytest.approx(3.09, abs=1e-9)


def test_cells_that_no_beam_ended_in_have_their_centers():
    pixels = wall_along_x()
    for ends in (np.zeros((0, 2)), np.array([[-50.0, 0.0], [0.0, 3.3]])):
        assert (wall_points(ends, FRAME, pixels) == centers(FRAME, *border_cells(pixels))).all()


def test_a_map_without_walls_has_no_points():
    assert wall_points(ends_at(3.0), FRAME, np.full((FRAME.height, FRAME.width), 254, np.uint8)).shape == (0, 2)


def test_border_cells_see_free_ones_over_edges_and_corners_alone():
    pixels = np.zeros((5, 6), np.uint8)
    pixels[1, 1] = 254
    rows, columns = border_cells(pixels)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2),
    ]  # fmt: skip


def test_the_picture_of_scans_knows_its_walls_better_than_its_cells_do():
    angles = np.linspace(-1.2, 1.2, 600)
    distance_m = 2.013 / np.cos(angles)
    scan = np.column_stack([distance_m * np.cos(angles), distance_m * np.sin(angles)])
    image = map_image([scan] * 3, np.zeros((3, 3)), 0.05)
    assert image.wall_points is not None
    assert image.wall_points[:, 0] == pytest.approx(2.013, abs=1e-9)
