"""Several scans heard about one place: wheels that slipped, people in another building."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from amr.localization.hearing import KeptScan, against, way_back
from amr.localization.map_field import BeamPrices
from amr.localization.pose_filter import PoseFilter
from amr.localization.relocalize import Place, Relocalizer
from amr.mapping.base import between, compose, wrapped

ORIGIN = np.zeros(2)


def slipped(poses, slip_rad, steps=range(100)):
    """Odometry [3] at each pose: ``steps`` miss ``slip_rad`` of their turns."""
    odometry = [np.zeros(3)]
    for k, (before, after) in enumerate(pairwise(poses)):
        step = between(before, after)
        missed = slip_rad if k in steps else 0.0
        odometry.append(compose(odometry[-1], np.array([step[0], step[1], step[2] - missed])))
    return odometry


def kept_along(building, poses, odometry):
    return [
        KeptScan(np.ascontiguousarray(building.look(pose)[::4]), ORIGIN, at)
        for pose, at in zip(poses, odometry, strict=True)
    ]


def gaps(way, poses):
    return [
        max(math.hypot(*(a[:2] - b[:2])), abs(float(wrapped(a[2] - b[2])))) for a, b in zip(way, poses, strict=True)
    ]


@pytest.mark.parametrize("slip_rad", [0.0, 0.45, -0.45])
def test_a_thorough_hearing_follows_wheels_that_slip(building, slip_rad):
    poses = building.turning_way((2.0, 4.0, 0.3), 5, 0.3)
    kept = kept_along(building, poses, slipped(poses, slip_rad))
    way = way_back(kept, poses[-1], building.field, PoseFilter(building.field), thorough=True)
    assert max(gaps(way, poses)) < 0.08


def test_a_place_is_not_refused_for_the_slip_of_wheels(building):
    poses = building.turning_way((2.0, 4.0, 0.3), 5, 0.3)
    relocalizer = Relocalizer(building.field, PoseFilter(building.field))
    for pose, odometry in zip(poses, slipped(poses, 0.45, steps=(1, 2)), strict=True):
        relocalizer.add(building.look(pose), ORIGIN, odometry)
        found = relocalizer.search()
        assert found.place is not Place.FOUND or gaps([found.poses[0]], [pose])[0] < 0.08
    assert found.place is Place.FOUND
    assert gaps([found.poses[0]], [poses[-1]])[0] < 0.08


def blocked(points, frac, random):
    """Some beams end at people, 0.5 to 1.5 m away."""
    ranges = np.hypot(*points.T)
    hit = random.uniform(size=len(points)) < frac
    ranges_after = np.where(hit, np.minimum(ranges, random.uniform(0.5, 1.5, len(points))), ranges)
    return points * (ranges_after / ranges)[:, None]


def test_people_do_not_make_another_place_of_it(building, twins):
    random = np.random.default_rng(4)
    poses = building.turning_way((3.0, 1.2, 0.0), 6, 0.3)
    relocalizer = Relocalizer(building.field, PoseFilter(building.field))
    for pose in poses:
        relocalizer.add(blocked(twins.look(pose), 0.4, random), ORIGIN, between(poses[0], pose))
        assert relocalizer.search().place is not Place.FOUND


def test_a_short_beam_counts_more_among_strangers_than_in_a_crowd(building):
    poses = building.turning_way((2.0, 4.0, 0.3), 3, 0.3)
    kept = kept_along(building, poses, slipped(poses, 0.0))
    short = [KeptScan(one.points * 0.4, one.origin, one.odometry) for one in kept]
    hard, crowd = BeamPrices(short_nats=math.inf), BeamPrices()
    assert against(short, poses, building.field, hard) > 1.5 * against(short, poses, building.field, crowd)
    assert against(kept, poses, building.field, hard) < 0.1 * against(short, poses, building.field, hard)
