"""A saved map in the worker's cells, and what forgetting means on one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mapping_world import MOUNT, World, jackal, look

from amr.geometry import IDENTITY, Pose2
from amr.grid import COST_LETHAL, GridFrame
from amr.mapping.base import Inflation, MapImage, ScanVerdict
from amr.mapping.global_grid import GlobalGrid
from amr.mapping.saved_cells import saved_cells

UNKNOWN, FREE, OCCUPIED = 0, 1, 2
EMPTY = World()


def image_of(resolution_m=0.05, origin=(-4.0, -3.0), size_m=(8.0, 6.0)):
    """Free, with a wall of 0.2 m along x = 2, unknown left of x = -3."""
    width, height = (round(side / resolution_m) for side in size_m)
    frame = GridFrame(*origin, resolution_m, width, height)
    x = origin[0] + (np.arange(width) + 0.5) * resolution_m
    pixels = np.full((height, width), 254, np.uint8)
    pixels[:, (x > 2.0) & (x < 2.2)] = 0
    pixels[:, x < -3.0] = 205
    return MapImage(frame, pixels)


def state_at(grid, x_m, y_m):
    return int(grid.cells[grid.frame.cell(x_m, y_m)])


@pytest.mark.parametrize("resolution_m", [0.025, 0.05, 0.1])
@pytest.mark.parametrize("shift_m", [0.0, 0.013, -0.031])
def test_cells_show_what_the_picture_shows_there(resolution_m, shift_m):
    image = image_of(resolution_m, (-4.0 + shift_m, -3.0 - shift_m))
    grid = GlobalGrid(jackal(), image)
    for x_m, state in ((-3.3, UNKNOWN), (-2.8, FREE), (1.8, FREE), (2.1, OCCUPIED), (2.4, FREE), (5.0, UNKNOWN)):
        for y_m in (-2.5, 0.0, 2.5):
            assert state_at(grid, x_m, y_m) == state


def test_post_of_one_fine_pixel_is_not_lost():
    image = image_of(0.01)
    image.pixels[300, 150] = 0
    cells = saved_cells(image, 0.05, 4000)
    row, column = math.floor(0.005 / 0.05) - cells.box.row0, math.floor(-2.495 / 0.05) - cells.box.column0
    assert cells.cells[row, column] == OCCUPIED


def test_costs_know_the_saved_walls_before_any_scan():
    grid = GlobalGrid(jackal(), image_of())
    cost = grid.cost_grid(Inflation(0.7, 3.0, 0.2, 0.31))
    assert cost.cost[cost.frame.cell(2.1, 0.0)] == COST_LETHAL


def test_what_is_seen_to_be_gone_goes_and_what_is_forgotten_stands_again():
    grid = GlobalGrid(jackal(), image_of())
    for _ in range(40):
        assert grid.insert(look(EMPTY, IDENTITY), MOUNT) is ScanVerdict.INSERTED
    assert state_at(grid, 2.1, 0.0) == FREE
    grid.forget_disc(0.0, 0.0, 3.0)
    assert state_at(grid, 2.1, 0.0) == OCCUPIED


def test_obstacle_that_the_saved_map_does_not_have_is_forgotten():
    grid = GlobalGrid(jackal(), image_of())
    post = World(circles=((1.0, 0.0, 0.1),))
    assert grid.insert(look(post, IDENTITY), MOUNT) is ScanVerdict.INSERTED
    assert (grid.cells[:, grid.frame.cell(0.92, 0.0)[1]] == OCCUPIED).any()
    grid.forget_disc(0.0, 0.0, 1.0e6)
    assert not (grid.cells[:, grid.frame.cell(0.92, 0.0)[1]] == OCCUPIED).any()
    assert state_at(grid, 2.1, 0.0) == OCCUPIED


def test_costs_after_forgetting_are_those_of_a_fresh_map():
    inflation = Inflation(0.7, 3.0, 0.2, 0.31)
    used, fresh = (GlobalGrid(jackal(max_range_m=2.0), image_of()) for _ in range(2))
    used.cost_grid(inflation)
    used.insert(look(World(circles=((1.0, 0.0, 0.1),)), IDENTITY), MOUNT)
    used.cost_grid(inflation)
    used.forget_disc(0.0, 0.0, 1.0e6)
    a, b = used.cost_grid(inflation), fresh.cost_grid(inflation)
    row0, column0 = (round(b_m / 0.05) for b_m in (
        b.frame.origin_y_m - a.frame.origin_y_m, b.frame.origin_x_m - a.frame.origin_x_m,
    ))  # fmt: skip
    part = a.cost[row0 : row0 + b.frame.height, column0 : column0 + b.frame.width]
    assert (part == b.cost)[20:-20, 20:-20].all()


def test_map_that_is_too_large_is_refused_with_the_key_to_change():
    with pytest.raises(ValueError, match="global_max_extent_m"):
        GlobalGrid(jackal(global_max_extent_m=10.0), image_of(size_m=(30.0, 6.0)))


def test_scans_beyond_the_saved_map_still_grow_it():
    grid = GlobalGrid(jackal(), image_of())
    base = Pose2(-20.0, 0.0, math.pi)
    assert grid.insert(look(World(circles=((-22.0, 0.0, 0.2),)), base), base @ MOUNT) is ScanVerdict.INSERTED
    assert state_at(grid, -21.0, 0.0) == FREE
    assert state_at(grid, 2.1, 0.0) == OCCUPIED
