"""The map as localization reads it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from amr.grid import GridFrame
from amr.kernels.beam_check import HIT, SHORT, THROUGH, UNKNOWN
from amr.localization.map_field import BeamModel, BeamPrices, MapField, penalty_table
from amr.localization.pose_filter import PoseFilter
from amr.mapping.base import MapImage, border_cells


def test_penalty_is_the_log_of_the_likelihood_field(building):
    field, model = building.field, BeamModel()
    occupied = np.zeros(field.penalty.shape, bool)
    occupied[1:-1, 1:-1] = building.image.pixels == 0
    distance_m = ndimage.distance_transform_edt(~occupied) * 0.05
    likelihood = model.hit_frac * np.exp(-0.5 * (distance_m / model.sigma_m) ** 2) + 1.0 - model.hit_frac
    assert field.penalty * field.nats_per_unit == pytest.approx(-np.log(likelihood), abs=0.6 * field.nats_per_unit)


def test_table_is_flat_beyond_its_reach():
    table, nats = penalty_table(BeamModel(), 0.05, 10)
    assert table[0] == 0
    assert table[-1] == 255
    assert (np.diff(table.astype(int)) >= 0).all()
    assert 255 * nats == pytest.approx(math.log(10.0))


def test_wall_points_are_the_surfaces_only(building):
    rows = (building.field.wall_points[:, 1] / 0.05).astype(int)
    columns = (building.field.wall_points[:, 0] / 0.05).astype(int)
    assert (building.image.pixels[rows, columns] == 0).all()
    # the outer wall is four cells thick: its three outer layers are seen by nobody
    assert rows.min() == 3
    assert columns.min() == 3


def test_walls_lie_where_the_map_knows_them_to_and_the_pose_with_them():
    pixels = np.full((60, 200), 205, np.uint8)
    pixels[20:40] = 254
    pixels[19], pixels[40] = 0, 0
    frame = GridFrame(0.0, 0.0, 0.05, 200, 60)
    rows, columns = border_cells(pixels)
    known = np.column_stack([(columns + 0.5) * 0.05, np.where(rows == 19, 0.998, 2.043)])
    x = np.linspace(-3.0, 3.0, 80)
    points = np.concatenate([np.column_stack([x, np.full(80, side)]) for side in (-0.5225, 0.5225)])
    start, middle_m = np.array([5.0, 1.5, 0.0]), 0.5 * (0.998 + 2.043)
    by_points = PoseFilter(MapField(MapImage(frame, pixels, known))).match(points, start)
    by_centers = PoseFilter(MapField(MapImage(frame, pixels))).match(points, start)
    assert by_points.pose[1] == pytest.approx(middle_m, abs=1e-3)
    assert by_centers.pose[1] == pytest.approx(1.5, abs=1e-3)


def test_beams_are_told_apart(building):
    points = np.array([[1.0, 0.0], [0.0, 2.0], [5.5, 0.0], [100.0, 0.0]])
    verdicts = building.field.verdicts(points, np.zeros(2), np.array([5.0, 7.0, 0.0]))
    # the wall at x = 6 m, free floor, the floor behind that wall, beyond the map
    assert verdicts.tolist() == [HIT, SHORT, THROUGH, UNKNOWN]


def test_who_stands_in_the_way_speaks_less_against_a_pose_than_a_wall_that_was_seen_through(building):
    points = np.array([[1.0, 0.0], [0.0, 2.0], [5.5, 0.0], [100.0, 0.0]])
    prices = BeamPrices(unknown_nats=0.5, short_nats=0.7, through_nats=2.0)
    nats = building.field.judged_nats(points, np.zeros(2), np.array([5.0, 7.0, 0.0]), prices)
    assert nats[0] < 0.3
    assert nats[1] == 0.7
    assert nats[2] > 2.0
    assert nats[3] == 0.5


def test_unknown_cells_judge_nothing(building):
    pixels = building.image.pixels.copy()
    pixels[160:180, 20:60] = 205
    field = MapField(MapImage(GridFrame(0.0, 0.0, 0.05, pixels.shape[1], pixels.shape[0]), pixels))
    assert field.verdicts(np.array([[0.0, 1.5]]), np.zeros(2), np.array([2.0, 7.0, 0.0])).tolist() == [UNKNOWN]


def test_place_of_a_robot_must_be_free_and_finite(building):
    assert building.field.is_free(3.0, 4.0)
    assert not building.field.is_free(0.05, 4.0)
    assert not building.field.is_free(-3.0, 4.0)
    assert not building.field.is_free(math.nan, 4.0)


def test_map_without_walls_is_refused():
    frame = GridFrame(0.0, 0.0, 0.05, 40, 40)
    with pytest.raises(ValueError, match="border on free"):
        MapField(MapImage(frame, np.full((40, 40), 254, np.uint8)))


def test_map_that_is_too_large_is_refused():
    pixels = np.broadcast_to(np.uint8(205), (5000, 5000))
    with pytest.raises(ValueError, match="at most"):
        MapField(MapImage(GridFrame(0.0, 0.0, 0.05, 5000, 5000), pixels))
