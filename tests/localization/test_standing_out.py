"""A place that stands out of all wrong ones: found in a changed world, and never in another building."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amr.localization.map_field import MapField
from amr.localization.pose_filter import PoseFilter
from amr.localization.relocalize import Place, Relocalizer, SearchSettings
from amr.localization.standing_out import chance_frac, standing_nats
from amr.mapping.base import between

ORIGIN = np.zeros(2)


def among_people(points, frac, random):
    """Some beams end at people, 0.5 to 2 m away."""
    ranges = np.hypot(*points.T)
    hit = random.uniform(size=len(points)) < frac
    nearer = np.where(hit, np.minimum(ranges, random.uniform(0.5, 2.0, len(points))), ranges)
    return points * (nearer / ranges)[:, None]


def answers(map_building, true_building, poses, people_frac=0.0, settings=None):
    random = np.random.default_rng(6)
    relocalizer = Relocalizer(map_building.field, PoseFilter(map_building.field), settings)
    given = []
    for pose in poses:
        points = among_people(true_building.look(pose), people_frac, random)
        relocalizer.add(points, ORIGIN, between(poses[0], pose))
        given.append(relocalizer.search())
    return given


@pytest.mark.parametrize("start", [(10.0, 3.0, 2.0), (8.0, 5.0, 1.0)])
def test_a_place_with_other_furniture_and_people_is_found(building, refurnished, start):
    poses = building.turning_way(start, 6)
    given = answers(building, refurnished, poses, people_frac=0.25)
    assert Place.FOUND in {one.place for one in given}
    for one, pose in zip(given, poses, strict=True):
        assert one.place is not Place.FOUND or math.hypot(*(one.poses[0, :2] - pose[:2])) < 0.1


def test_there_the_price_of_its_beams_alone_would_say_that_it_is_not_on_the_map(building, refurnished):
    pose = building.turning_way((10.0, 3.0, 2.0), 6)[-1]
    points = among_people(refurnished.look(pose), 0.25, np.random.default_rng(6))
    settings = SearchSettings()
    assert building.field.judged_nats(points, ORIGIN, pose, settings.prices).mean() > settings.beam_nats


@pytest.mark.slow
@pytest.mark.parametrize("people_frac", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("start", [(6.0, 3.0, 0.2), (8.0, 5.0, 1.0), (12.0, 9.0, -2.0)])
def test_another_building_is_not_found_on_the_map(building, pillars, start, people_frac):
    given = answers(building, pillars, building.turning_way(start, 6), people_frac)
    assert all(one.place is not Place.FOUND for one in given)


def test_what_stands_out_for_one_search_alone_is_no_answer(building, same_outline):
    """The outer walls fit in two ways; for one scan the other way is in a wall, so it is no place to stand."""
    given = answers(building, same_outline, building.turning_way((12.0, 9.0, -2.0), 6))
    assert max(one.probabilities[0] for one in given) > SearchSettings().certain
    assert all(one.place is not Place.FOUND for one in given)


def test_a_changed_room_with_a_double_stays_ambiguous(twins):
    poses = twins.turning_way((3.0, 1.2, 0.0), 6)
    given = answers(twins, twins, poses, people_frac=0.3)
    assert all(one.place is not Place.FOUND for one in given)
    assert given[-1].probabilities[:2].sum() > 0.5


def test_only_the_best_stands_out_and_the_more_the_farther_it_is_ahead():
    assert standing_nats(0.5, 0.5, 0.1, 30.0) == 0.0
    assert standing_nats(0.4, 0.5, 0.1, 30.0) == 0.0
    ahead = [standing_nats(score, 0.5, 0.1, 30.0) for score in (0.52, 0.6, 0.7, 0.9, 1.0)]
    assert ahead == sorted(ahead)
    assert ahead[0] < 2.0 < 10.0 < ahead[2]


def test_standing_out_is_how_rarely_chance_gives_such_a_share():
    """The tails of a binomial: log P(>= 24 of 30) / P(>= 15 of 30) at 0.12."""

    def tail(least):
        return sum(math.comb(30, k) * 0.12**k * 0.88 ** (30 - k) for k in range(least, 31))

    exact = math.log(tail(15) / tail(24))
    assert standing_nats(0.8, 0.5, 0.12, 30.0) == pytest.approx(exact, rel=0.1)


def test_less_than_chance_is_chance():
    assert standing_nats(0.1, 0.05, 0.2, 30.0) == 0.0
    assert standing_nats(0.3, 0.05, 0.2, 30.0) == standing_nats(0.3, 0.2, 0.2, 30.0) > 0.0


def test_more_walls_make_chance_likelier(building, pillars):
    fields: list[MapField] = [pillars.field, building.field]
    few, many = (chance_frac(field, 0.1) for field in fields)
    assert 0.01 < few < many < 0.5
