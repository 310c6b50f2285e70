"""Polygons: inside, depth, border and cells agree with brute force, whatever the sense of the corners."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amr.geometry import Pose2
from amr.grid import GridFrame
from amr.polygons import border_points, cells_inside, corners_of, is_inside, placed, signed_distance_m

L_SHAPE = corners_of([(0, 0), (4, 0), (4, 1), (1, 1), (1, 3), (0, 3)])


@pytest.mark.parametrize("polygon", [L_SHAPE, L_SHAPE[::-1]])
def test_points_of_an_l_are_inside_only_in_its_arms(polygon):
    assert is_inside(polygon, 3.5, 0.5)
    assert is_inside(polygon, 0.5, 2.5)
    assert not is_inside(polygon, 2.0, 2.0)
    assert not is_inside(polygon, math.nan, 0.5)


def test_signed_distance_is_negative_inside_and_that_to_the_nearest_edge():
    assert signed_distance_m(L_SHAPE, 2.0, 0.5) == pytest.approx(-0.5)
    assert signed_distance_m(L_SHAPE, 2.0, 2.0) == pytest.approx(1.0)
    assert signed_distance_m(L_SHAPE, 5.0, 2.0) == pytest.approx(math.sqrt(2.0))


def test_border_points_are_close_together_and_on_the_border():
    points = border_points(L_SHAPE, 0.1)
    gaps = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    assert gaps.max() <= 0.1 + 1e-12
    assert max(abs(signed_distance_m(L_SHAPE, x, y)) for x, y in points.tolist()) < 1e-9


def test_cells_inside_are_those_whose_center_is_inside_or_that_the_border_crosses():
    frame = GridFrame(-1.0, -1.0, 0.1, 70, 60)
    rows, columns, mask = cells_inside(L_SHAPE, frame)
    full = np.zeros((frame.height, frame.width), bool)
    full[rows, columns] = mask
    for row in range(frame.height):
        for column in range(frame.width):
            distance = signed_distance_m(L_SHAPE, *frame.center(row, column))
            if distance < -1e-9:
                assert full[row, column]
            if distance > 0.08:
                assert not full[row, column]


def test_a_polygon_beyond_the_grid_covers_no_cell():
    assert cells_inside(L_SHAPE + 100.0, GridFrame(0.0, 0.0, 0.1, 10, 10))[2].size == 0


def test_placed_moves_every_corner():
    moved = placed(L_SHAPE, Pose2(1.0, 2.0, 0.5 * math.pi))
    assert moved[1] == pytest.approx([1.0, 6.0])
