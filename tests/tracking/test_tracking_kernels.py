"""The tracker's kernels against plain references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import least_squares

from amr.kernels import (
    local_grid,
    tracking_births,
    tracking_circle,
    tracking_clusters,
    tracking_filter,
    tracking_measure,
    tracking_proof,
    tracking_scan,
)
from amr.kernels import tracking_table as table


def state_of(track: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(state of x and y as [3, 2], covariance of one axis)."""
    x = np.array(
        [[track[table.PX], track[table.PY]], [track[table.VX], track[table.VY]], [track[table.AX], track[table.AY]]]
    )
    p = np.array(
        [
            [track[table.P00], track[table.P01], track[table.P02]],
            [track[table.P01], track[table.P11], track[table.P12]],
            [track[table.P02], track[table.P12], track[table.P22]],
        ]
    )
    return x, p


def random_track(seed: int) -> np.ndarray:
    """One row with a proper covariance."""
    random = np.random.default_rng(seed)
    track = random.normal(size=table.COLUMNS)
    root = random.normal(size=(3, 3))
    p = root @ root.T
    for column, (i, j) in zip(
        (table.P00, table.P01, table.P02, table.P11, table.P12, table.P22),
        ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)),
        strict=True,
    ):
        track[column] = p[i, j]
    return track


@pytest.mark.parametrize("seed", range(5))
def test_prediction_and_correction_equal_the_matrices(seed: int) -> None:
    track = random_track(seed)
    x, p = state_of(track)
    dt, maneuver, fade = 0.08, 2.0, 0.5
    rows, integers = track[None].copy(), np.zeros((1, table.INTEGERS), np.int64)
    integers[0, table.STATUS] = table.MOVING
    tracking_filter.predict(rows, integers, dt, maneuver, fade)
    keep = math.exp(-dt / fade)
    f = np.array([[1.0, dt, fade**2 * (dt / fade - 1.0 + keep)], [0.0, 1.0, fade * (1.0 - keep)], [0.0, 0.0, keep]])
    g = np.array([0.25 * dt * dt, 0.5 * dt, 1.0])
    q = maneuver**2 * (1.0 - keep**2) * np.outer(g, g)
    x, p = f @ x, f @ p @ f.T + q
    got_x, got_p = state_of(rows[0])
    assert np.allclose(got_x, x, atol=1e-12)
    assert np.allclose(got_p, p, atol=1e-12)
    variance, measured = 0.3, np.array([0.4, -0.7])
    tracking_filter.correct(rows[0], *measured.tolist(), variance)
    gain = p[:, :1] / (p[0, 0] + variance)
    x = x + gain * (measured - x[0])
    p = p - gain @ p[:1]
    got_x, got_p = state_of(rows[0])
    assert np.allclose(got_x, x, atol=1e-12)
    assert np.allclose(got_p, p, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_surprise_lets_the_velocity_jump_and_nothing_else_does(seed: int) -> None:
    track = random_track(seed)
    x, p = state_of(track)
    variance, since_s, maneuver = 0.01, 0.1, 2.0
    sigma = math.sqrt(p[0, 0] + variance)
    near, far = x[0] + np.array((3.6 * sigma, 0.0)), x[0] + np.array((3.8 * sigma, 0.0))
    before = track.copy()
    assert not tracking_filter.allow_jump(track, *near.tolist(), variance, since_s, maneuver, 1e3)
    assert np.array_equal(track, before)
    assert tracking_filter.allow_jump(track, *far.tolist(), variance, since_s, maneuver, 1e3)
    jump = 0.5 * (3.8 * sigma / since_s) ** 2
    g = np.array((since_s, 1.0))
    wanted = np.zeros((3, 3))
    wanted[:2, :2] = p[:2, :2] + jump * np.outer(g, g)
    wanted[2, 2] = maneuver**2
    got_x, got_p = state_of(track)
    assert np.allclose(got_p, wanted)
    assert np.array_equal(got_x[:2], x[:2])
    assert np.array_equal(got_x[2], (0.0, 0.0))


def test_a_jump_is_bounded_by_the_largest_speed() -> None:
    track = random_track(0)
    before = track[table.P11]
    tracking_filter.allow_jump(track, 1e6, 0.0, 0.01, 0.02, 2.0, 4.0)
    assert track[table.P11] == pytest.approx(before + 16.0)


def test_past_a_movers_returns_lies_an_edge_a_surface_or_the_end_of_the_view() -> None:
    beams = np.zeros((8, local_grid.BEAM_COLUMNS))
    beams[:, local_grid.REACH], beams[:, local_grid.HIT] = 1.0, 1.0
    points = np.stack((np.ones(8), 0.05 * np.arange(8)), axis=1)
    owner = np.full(8, -1, np.int32)
    edge, goes_on, view = tracking_measure.EDGE, tracking_measure.GOES_ON, tracking_measure.VIEW

    def end_of(end: int, step: int) -> int:
        return int(tracking_measure.end_of(beams, points, owner, end, step, 0.12, 0.005))

    assert (end_of(3, 1), end_of(3, -1)) == (goes_on, goes_on)
    assert (end_of(0, -1), end_of(7, 1)) == (view, view)
    points[5:, 0] = 2.0
    assert end_of(4, 1) == edge
    owner[2] = 0
    assert end_of(3, -1) == edge
    beams[4, local_grid.REACH], beams[4, local_grid.HIT] = -1.0, 0.0
    points[5] = points[3] + (0.0, 0.1)
    assert end_of(3, 1) == goes_on


def test_a_free_row_is_left_alone() -> None:
    rows, integers = random_track(1)[None], np.zeros((1, table.INTEGERS), np.int64)
    before = rows.copy()
    tracking_filter.predict(rows, integers, 0.1, 2.0, 0.5)
    assert np.array_equal(rows, before)


def arc(x: float, y: float, radius: float, count: int, half_rad: float, sigma: float = 0.0) -> np.ndarray:
    """Points on the side of a circle that faces the origin."""
    middle = math.atan2(-y, -x)
    angles = middle + np.linspace(-half_rad, half_rad, count)
    points = np.stack((x + radius * np.cos(angles), y + radius * np.sin(angles)), axis=1)
    return points + sigma * np.random.default_rng(0).normal(size=points.shape)


def test_free_circle_finds_the_circle_and_refuses_a_line() -> None:
    x, y, radius, rms = tracking_circle.free_circle(arc(4.0, 1.0, 0.5, 20, 1.2), 0, 20)
    assert (x, y, radius, rms) == pytest.approx((4.0, 1.0, 0.5, 0.0), abs=1e-9)
    line = np.stack((np.linspace(0.0, 1.0, 10), np.linspace(0.0, 2.0, 10)), axis=1)
    assert tracking_circle.free_circle(line, 0, 10)[2] == -1.0


def test_known_circle_is_the_least_squares_one() -> None:
    points = arc(3.0, -1.0, 0.4, 30, 1.0, 0.01)
    x, y, spread, rms, used = tracking_circle.known_circle(points, 30, 3.1, -0.9, 0.4, 0.2)
    best = least_squares(lambda c: np.hypot(points[:, 0] - c[0], points[:, 1] - c[1]) - 0.4, (3.1, -0.9))
    assert (x, y) == pytest.approx(tuple(best.x), abs=2e-4)
    assert rms == pytest.approx(math.sqrt(2.0 * best.cost / 30.0), rel=1e-3)
    assert used == 30.0
    assert spread == pytest.approx(1.0 / np.linalg.eigvalsh(best.jac.T @ best.jac)[0], rel=0.02)


def test_known_circle_leaves_out_what_lies_off_it() -> None:
    points = np.concatenate((arc(3.0, 0.0, 0.4, 30, 1.0), [[3.6, 1.0], [3.5, 1.1]]))
    x, y, _, _, used = tracking_circle.known_circle(points, 32, 3.0, 0.05, 0.4, 0.1)
    assert (x, y) == pytest.approx((3.0, 0.0), abs=2e-3)
    assert used == 30.0


def beams_of(reach: np.ndarray, hit: np.ndarray, fov_rad: float = math.pi) -> tuple[np.ndarray, float, float]:
    """(beam table of a lidar at the origin, angle_min, increment)."""
    n = reach.size
    increment = fov_rad / (n - 1)
    angles = -0.5 * fov_rad + increment * np.arange(n)
    beams = np.zeros((n, local_grid.BEAM_COLUMNS))
    beams[:, local_grid.DX], beams[:, local_grid.DY] = np.cos(angles), np.sin(angles)
    beams[:, local_grid.REACH], beams[:, local_grid.HIT] = reach, hit
    return beams, -0.5 * fov_rad, increment


def test_a_point_is_seen_through_hidden_or_there() -> None:
    reach = np.full(181, 5.0)
    reach[90:100] = 2.0
    reach[20:30] = -1.0
    beams, low, step = beams_of(reach, np.ones(181))

    def at(degrees: float, distance: float) -> int:
        angle = math.radians(degrees)
        return tracking_scan.look_at(beams, low, step, distance * math.cos(angle), distance * math.sin(angle), 0.1)

    assert at(40.5, 3.0) == tracking_scan.THROUGH
    assert at(4.5, 3.0) == tracking_scan.HIDDEN
    assert at(4.5, 2.05) == tracking_scan.HERE
    assert at(-65.0, 3.0) == tracking_scan.UNKNOWN
    assert at(150.0, 3.0) == tracking_scan.UNKNOWN


@pytest.mark.parametrize("seed", range(6))
def test_the_nearest_hiding_place_is_unseen_and_none_is_nearer(seed: int) -> None:
    random = np.random.default_rng(seed)
    reach = np.repeat(random.uniform(0.8, 6.0, 20), 9)
    beams, low, step = beams_of(reach, np.ones(reach.size))
    radius, body_m, margin_m, spacing_m = 0.25, 0.3, 0.1, 0.15

    def is_unseen(x: float, y: float) -> bool:
        distance = math.hypot(x, y)
        looks = [
            tracking_scan.look_at(
                beams, low, step, x - off * radius * y / distance, y + off * radius * x / distance, margin_m
            )
            for off in (-0.7, -0.35, 0.0, 0.35, 0.7)
        ]
        return distance >= radius + body_m and all(
            look in {tracking_scan.HIDDEN, tracking_scan.UNKNOWN} for look in looks
        )

    for _ in range(40):
        track = np.zeros(table.COLUMNS)
        track[[table.PX, table.PY]] = x, y = random.uniform(-4.0, 4.0, 2)
        track[[table.SHIFT_X, table.SHIFT_Y]] = random.uniform(-0.3, 0.3, 2)
        track[table.RADIUS], track[table.P00] = radius, random.uniform(0.0, 0.6) ** 2
        place = tracking_measure.nearest_hiding_place(beams, low, step, track, body_m, margin_m)
        doubt_m = max(3.0 * math.sqrt(track[table.P00]), 0.5)
        free = []
        for ring in range(1, int(doubt_m / spacing_m) + 1):
            for turn in range(24):
                angle = 2.0 * math.pi * turn / 24
                aside = np.array((math.cos(angle), math.sin(angle))) * ring * spacing_m
                reachable = np.linalg.norm(track[[table.SHIFT_X, table.SHIFT_Y]] + aside) <= doubt_m
                if reachable and is_unseen(x + aside[0], y + aside[1]):
                    free.append(ring)
        if not free:
            assert math.isnan(place[0])
            continue
        assert is_unseen(*place)
        assert math.hypot(place[0] - x, place[1] - y) == pytest.approx(spacing_m * free[0])


def test_a_place_is_empty_only_with_room_around_it() -> None:
    reach = np.full(721, 6.0)
    reach[360] = 3.0
    beams, low, step = beams_of(reach, np.ones(721))
    angle = math.radians(-90.0 + 180.0 * 380 / 720)
    far, near = (3.0 * math.cos(angle), 3.0 * math.sin(angle)), (3.0 * math.cos(0.02), 3.0 * math.sin(0.02))
    assert tracking_scan.is_empty(beams, low, step, *far, 0.1)
    assert not tracking_scan.is_empty(beams, low, step, *near, 0.1)
    assert tracking_scan.is_taken(beams, low, step, *near, 0.1)
    assert not tracking_scan.is_taken(beams, low, step, *far, 0.1)


def test_clusters_end_at_gaps_at_notches_and_at_what_is_owned() -> None:
    angles = np.linspace(-0.5 * math.pi, 0.5 * math.pi, 721)
    reach = np.full(721, 8.0)
    for x, y in ((3.0, -1.2), (3.0, 0.0), (3.0, 0.95)):  # the last two touch
        aside = x * np.sin(angles) - y * np.cos(angles)
        along = x * np.cos(angles) + y * np.sin(angles)
        hit = np.abs(aside) < 0.5
        reach = np.where(hit, np.minimum(reach, along - np.sqrt(np.maximum(0.25 - aside**2, 0.0))), reach)
    beams, _, step = beams_of(reach, (reach < 8.0).astype(float))
    points = np.empty((721, 2))
    tracking_clusters.end_points(beams, points)
    corners = np.empty(721, np.uint8)
    tracking_clusters.find_corners(beams, points, step, 0.12, np.empty(721), corners)

    def find(owner: np.ndarray) -> np.ndarray:
        clusters, ranges = np.empty((20, tracking_clusters.CLUSTER_COLUMNS)), np.empty((20, 2), np.int64)
        count = tracking_clusters.find_clusters(
            beams, points, owner, corners, step, 0.12, 1.4, 3, 0.01, np.empty((721, 2)), ranges, clusters
        )
        return clusters[:count]

    free = np.full(721, -1, np.int32)
    clusters = find(free)
    assert np.allclose(clusters[:, :3], [(3.0, -1.2, 0.5), (3.0, 0.0, 0.5), (3.0, 0.95, 0.5)], atol=0.01)
    owned = np.where((angles > -0.1) & (angles < 0.1), 5, -1).astype(np.int32)
    assert len(find(owned)) == 4


def test_joining_takes_the_nearest_pair_first_and_breaks_ties_by_order() -> None:
    tracks, integers = np.zeros((4, table.COLUMNS)), np.zeros((4, table.INTEGERS), np.int64)
    for n, x in enumerate((0.0, 0.2)):
        tracks[n, table.PX], tracks[n, table.P00], tracks[n, table.P11] = x, 0.01, 1.0
        integers[n, table.STATUS], integers[n, table.NUMBER] = table.TENTATIVE, n + 1
    clusters = np.zeros((3, tracking_clusters.CLUSTER_COLUMNS))
    clusters[:, tracking_clusters.CX] = (0.15, 0.10, 5.0)
    clusters[:, tracking_clusters.CSIGMA] = 1e-6
    following = tracking_births.join(tracks, integers, clusters, 3, 100, 0.1, 2.0, 4.0, 3)
    assert tracks[:3, table.PX] == pytest.approx([0.10, 0.15, 5.0], abs=1e-6)
    assert integers[:3, table.NUMBER].tolist() == [1, 2, 3]
    assert following == 4


def disc_scan(discs: list[tuple[float, float, float]]) -> tuple[np.ndarray, float, float]:
    """A scan from the origin of discs (x, y, radius)."""
    angles = np.linspace(-0.5 * math.pi, 0.5 * math.pi, 721)
    reach = np.full(721, 9.0)
    for x, y, radius in discs:
        along, aside = x * np.cos(angles) + y * np.sin(angles), y * np.cos(angles) - x * np.sin(angles)
        met = (np.abs(aside) < radius) & (along > 0.0)
        reach = np.where(met, np.minimum(reach, along - np.sqrt(np.maximum(radius**2 - aside**2, 0.0))), reach)
    return beams_of(reach, (reach < 9.0).astype(float))


def rolled_by_the_text(
    points: np.ndarray, then: list[np.ndarray], ago_s: list[float], track: np.ndarray, rounds: int, margin_m: float
) -> bool:
    """``tracking_proof.rolled`` with brute force over all pairs of points: no beams, no angles."""
    place, start = track[[table.PX, table.PY]], track[[table.ROUND_X, table.ROUND_Y]]
    velocity, radius = track[[table.VX, table.VY]], track[table.RADIUS]
    if rounds < 10 or radius < 0.1 or np.hypot(*(place - start)) < max(0.4, radius):
        return False
    if np.hypot(*velocity) < 6.0 * math.sqrt(track[table.P11]):
        return False
    own = points[np.hypot(*(points - place).T) <= radius + 0.06]
    others = points[np.hypot(*(points - place).T) > radius + margin_m]
    stood = np.zeros(len(own), bool)
    for old, ago in zip(then, ago_s, strict=True):
        elsewhere = np.hypot(*(own - place + ago * velocity).T) > radius + margin_m
        distances = np.hypot(*(own[:, None, :] - old[None, :, :]).transpose(2, 0, 1))
        stood |= elsewhere & (distances.min(axis=1, initial=9.0) < 0.5 * margin_m)
    remains = int((np.hypot(*(others - start).T) < radius + 0.06).sum())
    return len(own) >= 5 and remains <= 2 and int(stood.sum()) <= 0.25 * len(own)


def test_a_disc_that_went_beyond_itself_is_proved_as_the_text_says() -> None:
    random = np.random.default_rng(11)
    answers = []
    for _ in range(300):
        radius = random.uniform(0.08, 0.5)
        place, velocity = np.array((random.uniform(2.0, 5.0), random.uniform(-1.5, 1.5))), random.uniform(-1.5, 1.5, 2)
        start = place - velocity * random.uniform(0.2, 0.8)
        still = [(*random.uniform((2.0, -2.0), (5.0, 2.0)), 0.2)]
        now, low, step = disc_scan([(*place, radius), *still] + ([(*start, radius)] if random.random() < 0.2 else []))
        ago_s = [0.15, 0.3]
        extra = [(place[0], place[1] + 0.05, radius)] if random.random() < 0.2 else []
        old = [disc_scan([(*(place - ago * velocity), radius), *still, *extra])[0] for ago in ago_s]
        track = np.zeros(table.COLUMNS)
        track[[table.PX, table.PY]], track[[table.ROUND_X, table.ROUND_Y]], track[table.RADIUS] = place, start, radius
        track[[table.VX, table.VY]], track[table.P11] = velocity, random.choice((0.01, 0.05))
        points = []
        for beams in (now, *old):
            ends = beams[:, [local_grid.DX, local_grid.DY]] * beams[:, [local_grid.REACH]]
            points.append((ends, beams[:, local_grid.HIT] > 0.0))
        rounds = int(random.integers(6, 30))
        stamps = np.array([1_000_000_000 - round(ago * 1e9) for ago in ago_s])
        got = tracking_proof.rolled(
            now, points[0][0].copy(), np.stack(old), stamps, track, rounds, low, step, 1_000_000_000, 0.1
        )
        seen = [ends[hit] for ends, hit in points]
        answers.append((got, rolled_by_the_text(seen[0], seen[1:], ago_s, track, rounds, 0.1)))
    assert all(got == expected for got, expected in answers)
    assert 20 < sum(got for got, _ in answers) < 280


def test_a_streak_of_round_clusters_ends_with_another_size() -> None:
    track, integers = np.zeros(table.COLUMNS), np.zeros(table.INTEGERS, np.int64)
    track[table.RADIUS] = 0.3
    counts = []
    for x, radius, is_round in ((1.0, 0.3, 1.0), (1.1, 0.31, 1.0), (1.2, 0.4, 1.0), (1.3, 0.3, 1.0), (1.4, 0.3, 0.0)):
        cluster = np.zeros(tracking_clusters.CLUSTER_COLUMNS)
        cluster[tracking_clusters.CX], cluster[tracking_clusters.CRADIUS] = x, radius
        cluster[tracking_clusters.CROUND] = is_round
        tracking_births.count_rounds(track, integers, cluster)
        counts.append((int(integers[table.ROUNDS]), float(track[table.ROUND_X])))
    assert counts == [(1, 1.0), (2, 1.0), (1, 1.2), (2, 1.2), (0, 1.2)]
