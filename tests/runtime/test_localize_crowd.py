"""People around a robot: they keep to the free floor, give way, and are counted where the lidar sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amr.mapping.base import between
from amr.runtime.bench.localize import LocalizeOptions, run_worlds, site_from
from amr.runtime.bench.localize_crowd import CrowdDrive, crowd_scores
from amr.runtime.bench.localize_tracks import Track
from amr.runtime.bench.localize_walkers import among, people_frac, walks_around
from amr.runtime.bench.localize_world import Sighting

PEOPLE = 9


@pytest.fixture(scope="module")
def walks():
    site, _ = site_from("corridor:5")
    start = site.world.start
    way = [sighting(k, (start.x_m + 0.03 * k, start.y_m, 0.0)) for k in range(100)]
    return replace(site, world=replace(site.world, moving=())), way, walks_around(site, way, PEOPLE, 3)


def sighting(k, truth, points=((1.0, 0.0),)):
    return Sighting(k * 100_000_000, np.array(points, float), np.zeros(3), np.eye(3), np.array(truth, float))


def test_people_keep_off_walls_and_give_way_to_the_robot(walks):
    site, way, places = walks
    assert places.shape[1:] == (PEOPLE, 2)
    for step in range(100):
        robot = way[step].truth[:2]
        assert np.hypot(*(places[step] - robot).T).min() >= 0.5 - 1e-9
        rows, columns = zip(*(site.space.cell(*place) for place in places[step].tolist()), strict=True)
        assert site.space.distance_m[list(rows), list(columns)].min() > 0.2


def test_people_walk_and_equal_seeds_walk_alike(walks):
    site, way, places = walks
    assert np.hypot(*(places[50] - places[0]).T).mean() > 0.5
    assert (walks_around(site, way, PEOPLE, 3) == places).all()
    assert (walks_around(site, way, PEOPLE, 4) != places).any()


def test_they_stand_in_the_world_where_they_were_told_to(walks):
    site, _, places = walks
    world = among(site, places).world
    assert len(world.moving) == PEOPLE
    assert world.moving[2].position(4.0) == pytest.approx(tuple(places[40, 2]))


def test_beams_on_people_are_counted(walks):
    _, way, places = walks
    truth = way[20].truth
    ends = np.column_stack([places[20], np.zeros(PEOPLE)])
    on = between(truth[None], ends)[:, :2]
    assert people_frac(sighting(20, truth, on), places) == 1.0
    assert people_frac(sighting(20, truth, np.concatenate([on, on + 50.0])), places) == 0.5
    assert people_frac(sighting(20, truth, np.zeros((0, 2))), places) == 0.0


def crowd_drive(error_m, people=0.5, lost=False, sigma_m=0.01):
    count = 100
    truth = np.zeros((count, 3))
    covariance = np.tile(np.diag([sigma_m**2, 1e-4, 1e-4]), (count, 1, 1))
    track = Track(
        np.arange(count) * 0.1, truth, truth + np.array([error_m, 0.0, 0.0]), covariance, np.zeros(count),
        np.full(count, not lost), np.full(count, lost),
    )  # fmt: skip
    return CrowdDrive(12, track, np.full(count, people))


def test_a_drive_is_held_when_it_is_right_and_never_called_lost():
    drives = [crowd_drive(0.02), crowd_drive(0.2), crowd_drive(0.02, lost=True), crowd_drive(0.02, people=0.1)]
    scores = crowd_scores(drives)
    assert (scores["drives"], scores["with_crowd"], scores["held"]) == (4, 3, 1)
    assert scores["people_frac"] == pytest.approx(0.5)
    assert scores["called_lost_frac"] == pytest.approx(1.0 / 3.0)
    assert scores["right_frac"] == pytest.approx(2.0 / 3.0)


def test_along_a_bare_corridor_the_stated_sigma_counts():
    assert crowd_scores([crowd_drive(0.2, sigma_m=0.1)])["held"] == 1
    assert crowd_scores([crowd_drive(0.2, sigma_m=0.05)])["held"] == 0


def test_drives_without_a_crowd_have_no_score():
    scores = crowd_scores([crowd_drive(0.02, people=0.0)])
    assert scores["with_crowd"] == scores["scans"] == 0
    assert np.isnan(scores["error_m"]["p95"])


@pytest.mark.slow
def test_a_corridor_full_of_people_does_not_lose_it():
    options = LocalizeOptions(worlds=("corridor:3",), drives=0, kidnaps=0, places=0, crowd=2)
    crowd = run_worlds(options)["worlds"][0]["crowd"]
    assert crowd["with_crowd"] >= 1
    assert crowd["held"] == crowd["with_crowd"]
    assert crowd["called_lost_frac"] == 0.0
