"""The planning worker's map: growth, memory, costs, picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_world import MOUNT, STEP_NS, World, jackal, look, make_scan
from scipy.ndimage import distance_transform_edt

from amr.geometry import IDENTITY, Pose2
from amr.grid import COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN, GridFrame
from amr.mapping.base import Inflation, ScanVerdict
from amr.mapping.cell_box import CellBox
from amr.mapping.global_grid import BLOCK_CELLS, GlobalGrid
from amr.mapping.inflate import inflate

UNKNOWN, FREE, OCCUPIED = 0, 1, 2
ROOM = World(walls=((-3.0, -2.0, 3.0, -2.0), (3.0, -2.0, 3.0, 2.0), (3.0, 2.0, -3.0, 2.0), (-3.0, 2.0, -3.0, -2.0)))
POST = World(circles=((2.0, 0.3, 0.1),))
INFLATION = Inflation(0.7, 3.0, 0.2, 0.31)


def see(grid, world, base=IDENTITY):
    assert grid.insert(look(world, base), base @ MOUNT) is ScanVerdict.INSERTED


def state_at(grid, x_m, y_m):
    return int(grid.cells[grid.frame.cell(x_m, y_m)])


def test_grows_by_blocks_and_keeps_what_it_held():
    grid = GlobalGrid(jackal(max_range_m=6.0))
    see(grid, POST)
    assert state_at(grid, 1.9, 0.28) == OCCUPIED
    small = grid.frame
    for step in range(10):
        see(grid, POST, Pose2(-2.0 * step, -1.0 * step, math.pi))
    large = grid.frame
    assert large.width > small.width
    assert large.origin_x_m < -20.0
    assert large.width % BLOCK_CELLS == large.height % BLOCK_CELLS == 0
    assert state_at(grid, 1.9, 0.28) == OCCUPIED


def test_walls_are_sharp_and_straight_in_the_picture():
    grid = GlobalGrid(jackal())
    noise = np.random.default_rng(3)
    for step in range(100):
        base = Pose2(-2.0 + 0.04 * step, 0.5 * math.sin(0.05 * step), 0.06 * step)
        scan = look(ROOM, base)
        noisy = scan.ranges_m + noise.normal(0.0, 0.003, 720).astype(np.float32)
        grid.insert(make_scan(noisy), base @ MOUNT)
    image = grid.image()
    rows, columns = np.nonzero(image.pixels == 0)
    for row, column in zip(rows, columns, strict=True):
        x, y = image.frame.center(int(row), int(column))
        assert min(abs(abs(x) - 3.0), abs(abs(y) - 2.0)) <= 0.05
    seen = np.count_nonzero((image.pixels == 0).any(axis=0))
    assert seen >= 118, "6 m of wall are 120 columns"
    assert set(np.unique(image.pixels)) == {0, 205, 254}


def test_grazing_beams_take_nothing_from_a_thin_wall():
    grid = GlobalGrid(jackal())
    wall = World(walls=((-1.0, 0.3, 6.0, 0.3),))
    marked: set[int] = set()
    first = None
    for step in range(100):
        see(grid, wall, Pose2(0.05 * step, 0.0, 0.0))
        first = first or grid.frame
        shift = round((first.origin_x_m - grid.frame.origin_x_m) / 0.05)
        columns = {int(c) - shift for c in np.nonzero((grid.cells == OCCUPIED).any(axis=0))[0]}
        assert marked <= columns
        marked |= columns


def test_what_walked_by_goes_quickly_and_what_stood_long_goes_as_slowly():
    grid = GlobalGrid(jackal(global_confidence=8))
    see(grid, POST)
    for _ in range(2):
        see(grid, World())
    assert not (grid.cells == OCCUPIED).any()
    for _ in range(20):
        see(grid, POST)
    for _ in range(7):
        see(grid, World())
    assert state_at(grid, 1.905, 0.285) == OCCUPIED
    see(grid, World())
    assert not (grid.cells == OCCUPIED).any()


def test_never_grows_beyond_its_extent_and_says_so():
    grid = GlobalGrid(jackal(global_max_extent_m=20.0))
    see(grid, POST)
    base = Pose2(40.0, 0.0, 0.0)
    assert grid.insert(look(POST, base), base @ MOUNT) is ScanVerdict.OUTSIDE_EXTENT
    assert grid.refused == {"outside_extent": 1}
    far = Pose2(1e200, 0.0, 0.0)
    assert grid.insert(look(POST, IDENTITY), far) is ScanVerdict.OUTSIDE_EXTENT
    assert grid.frame.width * 0.05 <= 20.0
    assert grid.frame.height * 0.05 <= 20.0


@pytest.mark.parametrize(
    ("scan", "pose", "verdict"),
    [
        (make_scan([]), IDENTITY, ScanVerdict.EMPTY),
        (make_scan([1.0] * 9, angle_increment_rad=math.nan), IDENTITY, ScanVerdict.GEOMETRY_INVALID),
        (make_scan([1.0] * 9), Pose2(0.0, math.nan, 0.0), ScanVerdict.POSE_NOT_FINITE),
    ],
)
def test_bad_scans_are_refused_and_change_nothing(scan, pose, verdict):
    grid = GlobalGrid(jackal())
    assert grid.insert(scan, pose) is verdict
    assert (grid.cells == UNKNOWN).all()
    assert grid.refused == {verdict.value: 1}


def plain_costs(cells, resolution_m, inflation):
    """By the definition, with scipy's distances."""
    distance = distance_transform_edt(cells != OCCUPIED) * resolution_m
    cost = np.floor(252.0 * np.exp(-inflation.scaling_per_m * (distance - inflation.inradius_m)))
    cost[distance > max(inflation.radius_m, inflation.circumradius_m)] = 0
    cost[distance <= inflation.inradius_m + 1e-12] = COST_INSCRIBED
    cost[cells == OCCUPIED] = COST_LETHAL
    least = {"free": 0, "costly": inflation.unknown_cost, "lethal": COST_UNKNOWN}[inflation.unknown]
    unknown = cells == UNKNOWN
    cost[unknown] = np.maximum(cost[unknown], least)
    return cost.astype(np.uint8)


@pytest.mark.parametrize("unknown", ["free", "costly", "lethal"])
def test_costs_follow_the_convention(unknown):
    random = np.random.default_rng(8)
    cells = random.choice([0, 1, 2], (150, 210), p=[0.1, 0.89, 0.01]).astype(np.uint8)
    inflation = Inflation(0.7, 3.0, 0.2, 0.31, unknown, 60)
    # lengths whose ratio to the cell is irrational to scipy's last bit are avoided by a cell of 0.05
    np.testing.assert_array_equal(inflate(cells, inflation, 0.05), plain_costs(cells, 0.05, inflation))


def test_a_circumradius_beyond_the_inflation_still_costs():
    cells = np.full((1, 40), FREE, np.uint8)
    cells[0, 0] = OCCUPIED
    cost = inflate(cells, Inflation(0.3, 1.0, 0.2, 0.9), 0.05)
    assert cost[0, 17] > 0
    assert cost[0, 20] == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.booleans()), max_size=5))
def test_costs_after_changes_equal_costs_from_nothing(steps):
    grid = GlobalGrid(jackal(max_range_m=3.0))
    world = World(circles=((0.5, 1.2, 0.2), (-1.5, -0.7, 0.1)), walls=((2.0, -3.0, 2.5, 3.0),))
    for x_m, y_m, yaw_rad, forget in steps:
        if forget:
            grid.forget_disc(x_m, y_m, 0.5)
        else:
            base = Pose2(x_m, y_m, yaw_rad)
            grid.insert(look(world, base, beams=90), base @ MOUNT)
        costs = grid.cost_grid(INFLATION)
        np.testing.assert_array_equal(costs.cost, inflate(grid.cells, INFLATION, 0.05))
        assert costs.frame == grid.frame


def test_costs_follow_another_inflation_and_belong_to_the_caller():
    grid = GlobalGrid(jackal())
    see(grid, ROOM)
    first = grid.cost_grid(INFLATION)
    kept = first.cost.copy()
    other = Inflation(0.3, 3.0, 0.1, 0.2, "lethal")
    np.testing.assert_array_equal(grid.cost_grid(other).cost, inflate(grid.cells, other, 0.05))
    first.cost[:] = 7
    np.testing.assert_array_equal(grid.cost_grid(INFLATION).cost, kept)


@pytest.mark.parametrize(
    "inflation",
    [
        Inflation(math.nan, 3.0, 0.2, 0.3),
        Inflation(0.7, -1.0, 0.2, 0.3),
        Inflation(20.0, 3.0, 0.2, 0.3),
        Inflation(0.7, 3.0, 0.2, math.inf),
        Inflation(0.7, 3.0, 0.2, 0.3, "costly", 255),
    ],
)
def test_nonsense_inflation_is_refused(inflation):
    with pytest.raises(ValueError, match="inflation"):
        GlobalGrid(jackal()).cost_grid(inflation)


def test_forget_disc_clears_and_ignores_nonsense():
    grid = GlobalGrid(jackal())
    see(grid, ROOM)
    count = int((grid.cells == OCCUPIED).sum())
    grid.forget_disc(math.nan, 0.0, 1.0)
    grid.forget_disc(0.0, 0.0, math.inf)
    assert int((grid.cells == OCCUPIED).sum()) == count
    grid.forget_disc(3.0, 0.0, 0.5)
    assert state_at(grid, 3.01, 0.0) != OCCUPIED
    assert 0 < int((grid.cells == OCCUPIED).sum()) < count
    grid.forget_disc(1e300, 0.0, 1.0)


def test_boxes_join_and_clip():
    a, b = CellBox(0, 4, 0, 4), CellBox(2, 8, -3, 1)
    assert a.joined(b) == CellBox(0, 8, -3, 4)
    assert a.clipped(b) == CellBox(2, 4, 0, 1)
    assert a.grown(2) == CellBox(-2, 6, -2, 6)


def test_stamp_order_does_not_matter_to_the_map():
    grid = GlobalGrid(jackal())
    for stamp_ns in (5 * STEP_NS, 0):
        assert grid.insert(look(ROOM, IDENTITY, stamp_ns), MOUNT) is ScanVerdict.INSERTED


def test_what_was_never_seen_is_told_for_any_part_of_a_larger_frame():
    grid = GlobalGrid(jackal(max_range_m=6.0))
    see(grid, ROOM)
    own = grid.frame
    frame = GridFrame(
        own.origin_x_m - 3 * own.resolution_m, own.origin_y_m - 2 * own.resolution_m, own.resolution_m,
        own.width + 10, own.height + 20,
    )  # fmt: skip
    unseen = grid.unseen(frame)
    assert unseen.shape == (frame.height, frame.width)
    assert np.array_equal(unseen[2 : 2 + own.height, 3 : 3 + own.width], grid.cells == UNKNOWN)
    assert unseen[:2].all()
    assert unseen[:, :3].all()
    assert not unseen[frame.cell(1.0, 0.0)]
    rows, columns = slice(10, 60), slice(5, 50)
    assert np.array_equal(grid.unseen(frame, rows, columns), unseen[rows, columns])


@pytest.mark.parametrize("yaw_rad", [0.3, math.pi - 0.05, -math.pi + 0.05])
def test_a_scan_during_a_turn_draws_sharp_walls_in_every_heading(yaw_rad):
    turn = 0.1 if yaw_rad > 0.0 else -0.1
    first, unwrapped = Pose2(0.2, 0.1, yaw_rad), Pose2(0.2, 0.1, yaw_rad + turn)
    last = first @ Pose2(0.0, 0.0, turn)  # wrapped
    grid = GlobalGrid(jackal())
    grid.insert(look(ROOM, first, end=unwrapped), first @ MOUNT, last @ MOUNT)
    rows, columns = np.nonzero(grid.image().pixels == 0)
    assert len(rows) > 100
    for row, column in zip(rows, columns, strict=True):
        x, y = grid.frame.center(int(row), int(column))
        assert min(abs(abs(x) - 3.0), abs(abs(y) - 2.0)) <= 0.05
