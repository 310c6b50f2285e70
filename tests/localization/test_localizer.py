"""The whole localizer on a small map: it tracks, tells when it is lost, and finds itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amr.localization.base import Belief
from amr.localization.localizer import Localizer, step_covariance
from amr.localization.lost import LostFilter, features_of
from amr.localization.particle_filter import ParticleFilter, ParticleSettings, needed_count
from amr.localization.pose_filter import PoseFilter, without_weak_direction
from amr.localization.relocalize import Place, Relocalizer, SearchSettings
from amr.mapping.base import between, compose, wrapped

ORIGIN = np.zeros(2)


def way(start, count, step=(0.08, 0.0, 0.02)):
    poses = [np.array(start, float)]
    for _ in range(count - 1):
        poses.append(compose(poses[-1], np.array(step)))
    return poses


def seen_along(building, poses, seed=0):
    """(points, odometry, covariance): the odometry starts at zero and drifts a little."""
    random = np.random.default_rng(seed)
    for k, pose in enumerate(poses):
        points = building.look(pose)
        points = points + random.normal(0.0, 0.01, points.shape)
        odometry = between(poses[0], pose) + np.array([0.002, -0.001, 0.0005]) * k
        yield points, odometry, np.diag([0.0004, 0.0004, 0.0001]) * (k + 1.0)


def run(localizer, building, poses, seed=0):
    return [localizer.update(*sight) for sight in seen_along(building, poses, seed)]


def gap(pose, truth):
    return math.hypot(pose[0] - truth[0], pose[1] - truth[1]), abs(float(wrapped(pose[2] - truth[2])))


def test_pose_is_tracked_within_3_cm_and_half_a_degree(building):
    localizer = Localizer(building.field, 1, ORIGIN)
    poses = way((1.0, 3.5, 0.0), 40, (0.08, 0.0, 0.01))
    localizer.start_at(poses[0] + (0.15, -0.1, 0.05))
    fixes = run(localizer, building, poses)
    errors = [gap(fix.pose, pose) for fix, pose in zip(fixes, poses, strict=True)][5:]
    assert max(m for m, _ in errors) < 0.03
    assert max(rad for _, rad in errors) < math.radians(0.5)
    assert all(fix.belief is Belief.SURE for fix in fixes[5:])
    assert not any(fix.jumped for fix in fixes[5:])


def test_stated_sigma_covers_the_error(building):
    localizer = Localizer(building.field, 1, ORIGIN)
    poses = way((1.0, 3.5, 0.0), 40, (0.08, 0.0, 0.01))
    localizer.start_at(poses[0])
    for fix, pose in zip(run(localizer, building, poses), poses, strict=True):
        error = fix.pose - pose
        error[2] = wrapped(error[2])
        assert (np.abs(error) < 3.0 * np.sqrt(np.diag(fix.covariance))).all()


def test_same_calls_give_the_same_bits_and_a_restored_one_goes_on_alike(building):
    poses = way((1.0, 3.5, 0.0), 16, (0.08, 0.0, 0.01))
    sights = list(seen_along(building, poses))
    first, second = (Localizer(building.field, 3, ORIGIN) for _ in range(2))
    for localizer in (first, second):
        localizer.start_at(poses[0])
    for sight in sights[:8]:
        a, b = first.update(*sight), second.update(*sight)
        assert (a.pose == b.pose).all()
        assert a.lost_frac == b.lost_frac
    other = Localizer(building.field, 3, ORIGIN)
    other.restore(first.state())
    for sight in sights[8:]:
        a, b = first.update(*sight), other.update(*sight)
        assert (a.pose == b.pose).all()
        assert (a.covariance == b.covariance).all()
        assert (first.particles.poses == other.particles.poses).all()


def test_search_goes_on_alike_after_a_restore(building):
    poses = way((12.0, 5.0, 1.0), 14, (0.1, 0.0, 0.04))
    sights = list(seen_along(building, poses))
    first, other = (Localizer(building.field, 3, ORIGIN) for _ in range(2))
    for sight in sights[:2]:
        assert first.update(*sight).belief is Belief.LOST
    assert first.relocalizer.scans > 0
    other.restore(first.state())
    for sight in sights[2:]:
        a, b = first.update(*sight), other.update(*sight)
        assert a.belief is b.belief
        assert (a.pose == b.pose).all()
    assert a.belief is Belief.SURE


def test_crowd_around_the_robot_does_not_lose_it(building):
    localizer = Localizer(building.field, 1, ORIGIN)
    poses = way((1.0, 3.5, 0.0), 40, (0.08, 0.0, 0.01))
    localizer.start_at(poses[0])
    random = np.random.default_rng(6)
    for points, odometry, covariance in seen_along(building, poses):
        # people at 0.5 to 1 m hide a third of the view
        bearing = np.arctan2(points[:, 1], points[:, 0])
        hidden = np.abs(wrapped(bearing - random.uniform(-3.0, 3.0))) < 1.05
        crowd = points.copy()
        crowd[hidden] *= (random.uniform(0.5, 1.0) / np.hypot(*points[hidden].T))[:, None]
        fix = localizer.update(crowd, odometry, covariance)
        assert fix.belief is not Belief.LOST
    assert gap(fix.pose, poses[-1])[0] < 0.03


def test_half_of_the_beams_on_people_neither_move_nor_lose_it(building):
    localizer = Localizer(building.field, 1, ORIGIN)
    poses = way((1.0, 3.5, 0.0), 40, (0.08, 0.0, 0.01))
    localizer.start_at(poses[0])
    random = np.random.default_rng(7)
    for points, odometry, covariance in seen_along(building, poses):
        bearing = np.arctan2(points[:, 1], points[:, 0])
        crowd = points.copy()
        for person in random.uniform(-math.pi, math.pi, 8):
            hidden = np.abs(wrapped(bearing - person)) < 0.25
            crowd[hidden] = points[hidden] * np.minimum(1.0, 1.0 / np.hypot(*points[hidden].T))[:, None]
        fix = localizer.update(crowd, odometry, covariance)
        assert fix.belief is Belief.SURE
        assert fix.lost_frac < 0.05
    assert gap(fix.pose, poses[-1])[0] < 0.03


def test_robot_that_nobody_placed_finds_itself(building):
    localizer = Localizer(building.field, 1, ORIGIN)
    poses = way((12.0, 5.0, 1.0), 20, (0.1, 0.0, 0.04))
    fixes = run(localizer, building, poses)
    assert fixes[0].belief is Belief.LOST
    assert fixes[-1].belief is Belief.SURE
    assert gap(fixes[-1].pose, poses[-1])[0] < 0.05


def test_kidnapped_robot_says_so_and_comes_back_without_being_asked(building):
    localizer = Localizer(building.field, 1, ORIGIN)
    here, there = way((1.0, 3.5, 0.0), 20, (0.08, 0.0, 0.01)), way((12.5, 8.0, -2.0), 40, (0.1, 0.0, 0.03))
    localizer.start_at(here[0])
    run(localizer, building, here)
    begun = between(here[0], here[-1])
    random = np.random.default_rng(1)
    beliefs = []
    for k, pose in enumerate(there):
        points = building.look(pose) + random.normal(0.0, 0.01, 2)
        odometry = compose(begun, between(there[0], pose))
        fix = localizer.update(points, odometry, np.diag([0.0004, 0.0004, 0.0001]) * (20.0 + k))
        beliefs.append(fix.belief)
    assert Belief.LOST in beliefs[:20]
    assert beliefs[-1] is Belief.SURE
    assert gap(fix.pose, there[-1])[0] < 0.05


def test_lost_robot_in_one_of_two_like_rooms_stays_lost_however_well_it_fits(twins):
    localizer = Localizer(twins.field, 1, ORIGIN)
    localizer.start_at(np.array([3.0, 1.2, 0.0]))
    localizer.belief = Belief.LOST
    fixes = run(localizer, twins, way((3.0, 1.2, 0.0), 12, (0.2, 0.0, 0.1)))
    assert all(fix.belief is Belief.LOST for fix in fixes)
    assert all(fix.lost_frac >= 0.5 for fix in fixes)


def test_nothing_is_made_of_a_scan_that_cannot_be_used(building):
    localizer = Localizer(building.field, 1, ORIGIN)
    localizer.start_at(np.array([1.0, 3.5, 0.0]))
    points = building.look((1.0, 3.5, 0.0))
    before = localizer.particles.poses.copy()
    assert localizer.update(np.zeros((0, 2)), np.zeros(3), np.eye(3)) is None
    assert localizer.update(points, np.array([0.0, math.nan, 0.0]), np.eye(3)) is None
    assert localizer.update(points, np.zeros(3), np.full((3, 3), math.inf)) is None
    assert localizer.update(points * math.nan, np.zeros(3), np.eye(3)) is None
    assert localizer.refused == 4
    assert (localizer.particles.poses == before).all()


# ---------------------------------------------------------------- parts


def searched(building, poses):
    relocalizer = Relocalizer(building.field, PoseFilter(building.field))
    answers = []
    for points, odometry, _ in seen_along(building, poses):
        if relocalizer.add(points, ORIGIN, odometry):
            answers.append(relocalizer.search())
    return answers


def test_two_rooms_that_are_alike_are_ambiguous(twins):
    poses = way((3.0, 1.2, 0.0), 10, (0.2, 0.0, 0.1))
    answers = searched(twins, poses)
    assert all(answer.place is Place.AMBIGUOUS for answer in answers)
    best = answers[-1].poses[:2]
    assert abs(best[0, 0] - best[1, 0]) == pytest.approx(7.9, abs=0.15)
    assert answers[-1].probabilities[:2].sum() > 0.9


def asked(relocalizer, building, poses, led_by=None):
    """The last search's answer, with all of ``poses`` seen; ``led_by`` [3]: how far off odometry's place is."""
    random = np.random.default_rng(5)
    for pose in poses:
        points = building.look(pose) + random.normal(0.0, 0.01, (len(building.look(pose)), 2))
        relocalizer.add(points, ORIGIN, between(poses[0], pose))
        found = relocalizer.search(None if led_by is None else pose + led_by)
    return found


def test_where_it_was_led_a_lost_robot_has_no_advantage(twins):
    poses = way((3.0, 1.2, 0.0), 8, (0.2, 0.0, 0.1))
    found = asked(Relocalizer(twins.field, PoseFilter(twins.field)), twins, poses, np.zeros(3))
    assert found.place is Place.AMBIGUOUS


def test_a_place_that_is_little_better_than_where_it_was_led_is_no_answer(building):
    poses = way((2.0, 4.0, 0.3), 6, (0.2, 0.0, 0.1))
    settings = SearchSettings(stayed_nats=1e6)
    led_off = Relocalizer(building.field, PoseFilter(building.field), settings)
    assert asked(led_off, building, poses, np.array([0.0, 3.0, 0.0])).place is Place.AMBIGUOUS
    clearly = Relocalizer(building.field, PoseFilter(building.field))
    found = asked(clearly, building, poses, np.array([0.0, 3.0, 0.0]))
    assert found.place is Place.FOUND
    assert gap(found.poses[0], poses[-1])[0] < 0.05


def test_one_search_alone_is_never_an_answer(building):
    answers = searched(building, way((12.0, 5.0, 1.0), 6, (0.2, 0.0, 0.1)))
    assert answers[0].place is not Place.FOUND
    assert answers[-1].place is Place.FOUND


def test_scan_that_fits_nowhere_has_no_place(building):
    random = np.random.default_rng(3)
    relocalizer = Relocalizer(building.field, PoseFilter(building.field))
    for k in range(4):
        relocalizer.add(random.uniform(-9.0, 9.0, (200, 2)), ORIGIN, np.array([0.3 * k, 0.0, 0.0]))
        assert relocalizer.search().place is not Place.FOUND


def test_search_without_scans_is_no_place(building):
    relocalizer = Relocalizer(building.field, PoseFilter(building.field))
    assert relocalizer.search().place is Place.NOWHERE
    assert not relocalizer.add(np.zeros((0, 2)), ORIGIN, np.zeros(3))


def test_number_of_particles_follows_the_bins():
    settings = ParticleSettings()
    assert needed_count(1, settings) == settings.least
    assert needed_count(5000, settings) == settings.most
    # Fox 2003: chi-square quantile of k - 1 degrees of freedom over twice the error
    # (0.99 of 59 degrees of freedom: 87.166)
    assert needed_count(60, settings) == pytest.approx(87.166 / (2 * settings.kld_error), rel=0.01)


def test_fewer_particles_are_kept_once_the_place_is_known(building):
    particles = ParticleFilter(building.field, 0)
    assert particles.poses.shape[1] == 4000
    particles.spread_around(np.array([1.0, 3.5, 0.0]), np.array([0.1, 0.0, 0.1, 0.0, 0.0, 0.05]))
    assert particles.poses.shape[1] == 300


def test_along_a_corridor_nothing_is_believed():
    information = np.array([[500.0, 0.0, 10.0], [0.0, 1e5, 20.0], [10.0, 20.0, 1e4]])
    kept = without_weak_direction(information, 0.02)
    assert kept[0] == pytest.approx(np.zeros(3))
    assert kept[1:, 1:] == pytest.approx(information[1:, 1:])
    assert without_weak_direction(information, 0.001) is information
    assert (without_weak_direction(np.zeros((3, 3)), 0.02) == 0.0).all()


def test_weak_direction_may_lie_askew():
    s, c = math.sin(0.7), math.cos(0.7)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    kept = turn.T @ without_weak_direction(turn @ np.diag([300.0, 1e5, 1e4]) @ turn.T, 0.02) @ turn
    assert kept == pytest.approx(np.diag([0.0, 1e5, 1e4]), abs=1e-6)


def test_corridor_sigma_grows_along_it_alone():
    pixels = np.full((60, 800), 205, np.uint8)
    pixels[20:40] = 254
    pixels[18:20], pixels[40:42] = 0, 0
    from amr.grid import GridFrame
    from amr.localization.map_field import MapField
    from amr.mapping.base import MapImage

    field = MapField(MapImage(GridFrame(0.0, 0.0, 0.05, 800, 60), pixels))
    tracked = PoseFilter(field)
    x = np.linspace(-5.0, 5.0, 80)
    points = np.concatenate([np.column_stack([x, np.full(80, side)]) for side in (-0.52, 0.52)])
    tracked.reset(np.array([20.0, 1.5, 0.0]), np.diag([0.01, 0.01, 0.01]) ** 2)
    for _ in range(50):
        tracked.predict(np.array([0.05, 0.0, 0.0]), np.diag([0.01, 0.002, 0.001]) ** 2)
        tracked.fuse(tracked.match(points, tracked.pose))
    sigma = np.sqrt(np.diag(tracked.told_covariance))
    assert sigma[0] == pytest.approx(0.01 * math.sqrt(51.0), rel=0.1)
    assert sigma[1] < 0.02


def test_odometry_noise_of_a_step_is_what_its_covariance_gained():
    before, after = np.array([1.0, 2.0, 0.5]), np.array([1.3, 2.1, 0.6])
    first = np.array([[0.02, 0.003, 0.001], [0.003, 0.03, -0.002], [0.001, -0.002, 0.01]])
    lever = np.eye(3)
    lever[0, 2], lever[1, 2] = before[1] - after[1], after[0] - before[0]
    added = np.diag([0.0004, 0.0001, 0.0002])
    s, c = math.sin(0.5), math.cos(0.5)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    last = lever @ first @ lever.T + turn @ added @ turn.T
    assert step_covariance(before, after, first, last) == pytest.approx(added, abs=1e-12)
    assert (step_covariance(before, after, last, first) >= 0.0).all()


def test_probability_of_being_lost_follows_the_scans():
    state = LostFilter()
    bad, good = features_of(1.2, 0.4, 0.3, 0.3, 0.5, 20.0, 0.0), features_of(0.08, 0.02, 0.05, 0.02, 0.0, 0.3, 0.0)
    for _ in range(30):
        state.update(good)
    assert state.lost_frac < 1e-3
    for _ in range(30):
        state.update(bad)
    assert state.lost_frac > 0.99
    for _ in range(60):
        state.update(good)
    assert state.lost_frac < 0.05


def test_scan_counts_for_and_against_by_what_the_map_knows_of_it():
    model = LostFilter().model
    bad, good = (0.7, 0.2, 0.1, 0.1, 0.0, 1.0), (0.08, 0.02, 0.05, 0.02, 0.0, 0.3)
    for seen in (bad, good):
        whole = model.evidence(features_of(*seen, 0.0))
        assert model.evidence(features_of(*seen, 0.75)) == pytest.approx(0.25 * whole)
        assert model.evidence(features_of(*seen, 1.0)) == 0.0


def test_feature_that_is_not_finite_says_nothing():
    state = LostFilter()
    plain = state.model.evidence(features_of(0.1, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0))
    features = features_of(0.1, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0)
    features[5] = math.nan
    assert state.model.evidence(features) == pytest.approx(plain)
