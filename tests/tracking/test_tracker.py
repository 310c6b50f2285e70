"""Each clause of the tracker's contract (see the docstring of ``amr.tracking.tracker``)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from exact_lidar import scan_over
from tracking_scene import Moment, Run, Scene, jackal, line

from amr.geometry import IDENTITY, Pose2
from amr.state import restore_into, tree_of
from amr.tracking.tracker import MoverTracker

ROOM = ((-6.0, -5.0, 8.0, -5.0), (8.0, -5.0, 8.0, 5.0), (8.0, 5.0, -6.0, 5.0), (-6.0, 5.0, -6.0, -5.0))
PILLAR = (2.0, 0.0, 0.35)


def numbers_of(run: Run, disc: int, within_m: float = 0.3, after_s: float = 0.0) -> list[int]:
    """Numbers of the tracks that were nearest to a true disc, in order, each once in a row."""
    found: list[int] = []
    for moment in run.moments:
        distance, mover = run.nearest(moment, disc)
        if moment.t_s >= after_s and mover is not None and distance < within_m and (found or [0])[-1] != mover.number:
            found.append(mover.number)
    return found


def errors(run: Run, disc: int, velocity: tuple[float, float], after_s: float) -> tuple[float, float]:
    """Largest errors of position and velocity."""
    worst = [0.0, 0.0]
    for moment in run.moments:
        if moment.t_s < after_s:
            continue
        distance, mover = run.nearest(moment, disc)
        assert mover is not None
        worst[0] = max(worst[0], distance)
        worst[1] = max(worst[1], math.hypot(mover.vx_mps - velocity[0], mover.vy_mps - velocity[1]))
    return worst[0], worst[1]


# ---------------------------------------------------------------- proved


@pytest.mark.parametrize(
    ("start", "velocity"),
    [((4.0, -2.0), (0.0, 1.2)), ((6.0, 0.3), (-1.5, 0.0)), ((2.0, 0.5), (0.8, 0.0)), ((3.0, 2.0), (-0.3, -0.25))],
    ids=["across", "head-on", "away", "slow"],
)
def test_what_moves_is_found_soon_and_exactly(start, velocity) -> None:
    run = Run(Scene(walls=ROOM, movers=((line(*start, *velocity), 0.3),))).drive(2.0)
    first = next(moment.t_s for moment in run.moments if moment.movers)
    assert first < 0.3 + 0.4 / math.hypot(*velocity)
    position_m, velocity_mps = errors(run, 0, velocity, first + 0.4)
    assert position_m < 0.04
    assert velocity_mps < 0.25
    assert run.ghosts() == 0
    assert len(numbers_of(run, 0)) == 1


def test_what_comes_out_from_behind_something_is_a_mover_at_once() -> None:
    """All of what it enters had been seen empty."""
    run = Run(Scene(circles=(PILLAR,), walls=ROOM, movers=((line(4.0, -0.2, 0.0, 1.5), 0.25),))).drive(1.2)
    half_out_s = (0.2 + 2.0 * PILLAR[2] * 1.03) / 1.5  # its centre passes the edge of the pillar's shadow
    first = next(moment.t_s for moment in run.moments if moment.movers)
    assert first < half_out_s + 0.3
    assert run.nearest(run.moments[-1], 0)[0] < 0.02


def crowd(seed: int, count: int = 16) -> Scene:
    """Discs that go every way, and hide what the others come out of."""
    random = np.random.default_rng(seed)
    movers = []
    for _ in range(count):
        bearing, distance_m = random.uniform(-1.6, 1.6), random.uniform(3.5, 8.0)
        heading, speed_mps = random.uniform(0.0, 2.0 * math.pi), random.uniform(0.8, 1.8)
        place = (distance_m * math.cos(bearing), distance_m * math.sin(bearing))
        movers.append((line(*place, speed_mps * math.cos(heading), speed_mps * math.sin(heading)), 0.45))
    return Scene(walls=((9.0, -9.0, 9.0, 9.0), (9.0, 9.0, -9.0, 9.0), (-9.0, -9.0, 9.0, -9.0)), movers=tuple(movers))


def in_full_view(run: Run, moment: Moment, disc: int) -> bool:
    """True when most of the beams that could end on a disc do, for a robot at the origin."""
    x, y = moment.truth[disc]
    bearing, distance_m = math.atan2(y, x - 0.055), math.hypot(x - 0.055, y)
    angles = np.linspace(-0.5 * run.fov_rad, 0.5 * run.fov_rad, run.beams)
    aimed = np.abs(angles - bearing) < 0.45 / distance_m
    ranges = run.scene.ranges(IDENTITY, moment.t_s, run.beams, run.fov_rad)[aimed]
    return abs(bearing) < 2.0 and distance_m < 8.0 and bool(np.mean(np.abs(ranges - distance_m + 0.3) < 0.35) > 0.6)


def test_in_a_crowd_nobody_in_full_view_stays_unknown_for_long() -> None:
    """Hardly any place was seen empty: that a disc goes on as one disc must do."""
    run = Run(crowd(2)).drive(1.5)
    for disc in range(len(run.scene.movers)):
        unknown = sum(in_full_view(run, moment, disc) and run.nearest(moment, disc)[0] > 0.3 for moment in run.moments)
        assert unknown * run.period_s < 0.45
    assert run.ghosts() == 0


@pytest.mark.parametrize("period_s", [0.02, 0.1])
def test_one_that_turns_back_on_the_spot_is_known_again_within_three_scans(period_s) -> None:
    def bounce(t):
        return (4.0, -1.0 + 1.5 * t) if t < 1.0 else (4.0, 0.5 - 1.5 * (t - 1.0))

    run = Run(Scene(walls=ROOM, movers=((bounce, 0.4),)), period_s=period_s).drive(1.0 + 12 * period_s)
    turned = [moment for moment in run.moments if moment.t_s > 1.0 + 2.5 * period_s]
    assert len(numbers_of(run, 0)) == 1
    for moment in turned:
        distance, mover = run.nearest(moment, 0)
        assert mover is not None
        error_mps = math.hypot(mover.vx_mps, mover.vy_mps + 1.5)
        assert distance < 0.02
        assert error_mps < 0.3
        assert error_mps < 4.0 * mover.velocity_sigma_mps


def test_one_that_is_set_aside_in_a_moment_stays_itself() -> None:
    def pushed(t):
        return (3.0, -1.0 + t) if t < 1.0 else (3.25, 0.25 + 0.5 * (t - 1.0))

    run = Run(Scene(walls=ROOM, movers=((pushed, 0.4),))).drive(1.5)
    assert len(numbers_of(run, 0)) == 1
    distance, mover = run.nearest(run.moments[-1], 0)
    assert mover is not None
    assert distance < 0.02
    assert math.hypot(mover.vx_mps, mover.vy_mps - 0.5) < 0.1
    assert run.ghosts() <= 2


def test_one_that_vanishes_into_a_wall_leaves_no_track_that_slides_along_it() -> None:
    wall = ((-6.0, 2.0, 8.0, 2.0),)
    run = Run(Scene(walls=wall, movers=((line(2.5, -1.0, 0.8, 1.5), 0.4),))).drive(3.5)
    inside = [moment for moment in run.moments if moment.truth[0][1] > 2.6]
    assert inside
    assert all(mover.unseen_s > 0.0 for moment in inside for mover in moment.movers)


def test_one_that_rubs_along_a_wall_is_fitted_without_it() -> None:
    wall = ((3.3, -5.0, 3.3, 5.0),)
    run = Run(Scene(walls=wall, movers=((line(3.0, -2.0, 0.0, 1.5), 0.4),))).drive(2.0)
    assert run.ghosts() == 0
    for moment in run.moments[50:]:
        distance, mover = run.nearest(moment, 0)
        assert mover is not None
        assert distance < 0.03
        assert mover.radius_m == pytest.approx(0.4, abs=0.03)
        assert math.hypot(mover.vx_mps, mover.vy_mps - 1.5) < 0.15


def test_one_that_leaves_the_view_beside_a_wall_goes_on_as_it_was() -> None:
    wall = ((-6.0, 1.8, 6.0, 1.8),)
    run = Run(Scene(walls=wall, movers=((line(2.0, 1.5, -1.5, 0.0), 0.4),))).drive(2.9)
    distance, mover = run.nearest(run.moments[-1], 0)
    assert mover is not None
    assert mover.unseen_s > 0.1
    assert distance < 0.15
    assert math.hypot(mover.vx_mps + 1.5, mover.vy_mps) < 0.3
    assert len(numbers_of(run, 0)) == 1


def spin(t: float) -> Pose2:
    """Drives a wide circle at 1.5 m/s while it swings its heading at up to 4 rad/s."""
    return Pose2(1.5 * math.sin(t), 1.5 - 1.5 * math.cos(t), math.remainder(t + 1.3 * math.sin(3.0 * t), 2.0 * math.pi))


def shaky(t: float) -> Pose2:
    """An odometry that is off by up to 3 cm and 10 mrad."""
    return Pose2(0.03 * math.sin(5.0 * t), 0.02 * math.cos(7.0 * t), 0.010 * math.sin(9.0 * t))


def posts(seed: int, count: int) -> tuple[tuple[float, float, float], ...]:
    """Posts like BARN's, none under the robot's way."""
    random = np.random.default_rng(seed)
    places = random.uniform((-5.5, -4.5), (7.5, 4.5), (count, 2))
    return tuple(
        (float(x), float(y), 0.075) for x, y in places if math.hypot(x, y - 1.5) > 2.1 or math.hypot(x, y - 1.5) < 0.8
    )


@pytest.mark.parametrize("seed", range(3))
def test_what_stands_is_never_a_mover_however_the_robot_turns(seed) -> None:
    scene = Scene(
        circles=(*posts(seed, 60), (5.0, 3.0, 0.4)), walls=(*ROOM, (3.0, -5.0, 3.0, -3.0), (-4.0, 2.0, -2.0, 3.5))
    )
    run = Run(scene, route=spin, pose_error=shaky).drive(3.0)
    assert not any(moment.movers for moment in run.moments)


@pytest.mark.parametrize("radius_m", [0.12, 0.25, 0.45])
def test_pillars_seen_past_other_pillars_do_not_move(radius_m) -> None:
    """As one goes past another the next turns up, round and of the same size."""
    places = [(x, y) for x in np.arange(-3.0, 7.5, 2.2 * radius_m + 0.25).tolist() for y in (1.2, 2.6, -1.4, -2.5)]
    scene = Scene(circles=tuple((x, y, radius_m) for x, y in places), walls=ROOM)
    run = Run(scene, route=lambda t: Pose2(-4.0 + 2.0 * t, 0.0, math.sin(4.0 * t)), pose_error=shaky).drive(4.0)
    assert not any(moment.movers for moment in run.moments)


def test_walls_seen_through_gaps_of_a_fence_do_not_move() -> None:
    fence = tuple((x, 1.0, x + 0.3, 1.0) for x in np.arange(-3.0, 8.0, 0.9).tolist())
    run = Run(Scene(walls=(*ROOM, *fence)), route=lambda t: Pose2(-4.0 + 2.0 * t, 0.0, 0.3)).drive(4.0)
    assert not any(moment.movers for moment in run.moments)


def test_glass_missing_and_invalid_beams_make_no_movers() -> None:
    random = np.random.default_rng(3)

    def flicker(ranges, number):
        ranges = ranges.copy()
        ranges[300:340] = np.inf if number % 5 == 0 else ranges[300:340]
        ranges[random.random(ranges.size) < 0.05] = np.nan
        ranges[random.random(ranges.size) < 0.03] = np.inf
        return ranges

    run = Run(Scene(circles=posts(5, 30), walls=ROOM), route=spin, change=flicker).drive(3.0)
    assert not any(moment.movers for moment in run.moments)


# ---------------------------------------------------------------- measured


def test_two_that_cross_keep_their_numbers() -> None:
    movers = ((line(3.0, -2.0, 0.0, 1.0), 0.3), (line(4.0, 2.0, 0.0, -1.0), 0.3))
    run = Run(Scene(walls=ROOM, movers=movers)).drive(4.0)
    assert len(numbers_of(run, 0)) == 1
    assert len(numbers_of(run, 1)) == 1
    assert run.ghosts() == 0


def test_one_that_passes_along_a_wall_is_told_apart_from_it() -> None:
    run = Run(Scene(walls=ROOM, movers=((line(1.0, 4.6, 1.0, 0.0), 0.3),))).drive(4.0)
    position_m, _ = errors(run, 0, (1.0, 0.0), 1.0)
    assert position_m < 0.10
    assert run.ghosts() == 0


def test_its_beams_are_named_and_no_others() -> None:
    scene = Scene(walls=ROOM, movers=((line(3.0, -1.0, 0.0, 1.0), 0.4),))
    run = Run(scene, sigma_m=0.0).drive(1.0)
    ranges = scene.ranges(IDENTITY, 1.0, 720, run.fov_rad)
    alone = Scene(walls=ROOM).ranges(IDENTITY, 1.0, 720, run.fov_rad)
    moving = run.tracker.update(scan_over(ranges, 1_000_000_000, run.fov_rad), IDENTITY, IDENTITY)
    assert moving is not None
    assert np.array_equal(moving, ranges < alone - 0.01)


# ---------------------------------------------------------------- gone, hidden, resting


def test_it_is_gone_after_four_scans_that_see_through_its_place() -> None:
    run = Run(Scene(walls=ROOM, movers=((line(3.0, -1.0, 0.0, 1.0), 0.3),))).drive(1.5)
    assert len(run.moments[-1].movers) == 1
    run.scene = Scene(walls=ROOM)
    run.drive(0.2)
    left = [len(moment.movers) for moment in run.moments[-10:]]
    assert left == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_one_that_jumps_leaves_no_ghost() -> None:
    def jump(t):
        return (3.0, -1.0 + t) if t < 1.5 else (5.0, 3.0 - (t - 1.5))

    run = Run(Scene(walls=ROOM, movers=((jump, 0.4),))).drive(3.0)
    assert run.ghosts() <= 4
    assert run.nearest(run.moments[-1], 0)[0] < 0.05


def test_behind_a_pillar_it_is_predicted_on_and_found_again_with_its_number() -> None:
    run = Run(Scene(circles=(PILLAR,), walls=ROOM, movers=((line(4.0, -2.5, 0.0, 1.0), 0.25),))).drive(5.0)
    assert len(numbers_of(run, 0, after_s=0.5)) == 1
    hidden = [moment for moment in run.moments if abs(moment.truth[0][1]) < 0.35]
    assert all(run.nearest(moment, 0)[0] < 0.4 for moment in hidden)


def test_behind_a_pillar_one_that_stops_is_not_forgotten_and_comes_out_the_same() -> None:
    def pause(t):
        return (4.0, -2.5 + t) if t < 2.5 else (4.0, 0.0) if t < 5.0 else (4.0, t - 5.0)

    run = Run(Scene(circles=(PILLAR,), walls=ROOM, movers=((pause, 0.25),))).drive(7.0)
    assert all(len(moment.movers) == 1 for moment in run.moments if moment.t_s > 0.6)
    waiting = [moment for moment in run.moments if 3.6 < moment.t_s < 5.0]
    assert all(run.nearest(moment, 0)[0] < 0.7 for moment in waiting)
    assert len(numbers_of(run, 0, after_s=0.5)) == 1


def test_behind_the_robot_it_is_remembered_and_forgotten_in_the_end() -> None:
    turned = Pose2(0.0, 0.0, math.pi)
    run = Run(
        Scene(walls=ROOM, movers=((line(3.0, -0.6, 0.0, 0.4), 0.3),)), route=lambda t: IDENTITY if t < 2.0 else turned
    ).drive(3.5)
    distance, mover = run.nearest(run.moments[-1], 0)
    assert mover is not None
    assert distance < 0.3
    assert mover.unseen_s == pytest.approx(1.5, abs=0.1)
    assert mover.position_sigma_m > 0.3
    run.drive(3.0)
    assert run.moments[-1].movers == ()


def test_behind_the_robot_one_that_stops_is_looked_for_where_it_can_still_be() -> None:
    def stops(t):
        return (-1.0, max(0.0, 2.5 - t))

    def turns(t):
        """To the right, so that the place where it was last thought to be comes into view, and it does not."""
        return Pose2(0.0, 0.0, -math.radians(30.0) * min(max(t - 4.2, 0.0) / 0.3, 1.0))

    run = Run(Scene(walls=ROOM, movers=((stops, 0.3),)), route=turns).drive(5.4)
    unseen = [moment for moment in run.moments if moment.t_s > 4.4]
    assert all(len(moment.movers) == 1 for moment in unseen)
    assert all(moment.movers[0].unseen_s > 2.0 for moment in unseen)
    assert all(run.nearest(moment, 0)[0] < 0.8 for moment in unseen)
    run.route = lambda _: Pose2(0.0, 0.0, math.pi)
    run.drive(0.3)
    assert run.nearest(run.moments[-1], 0)[0] < 0.05


def test_behind_the_robot_one_that_is_gone_leaves_no_ghost_once_there_is_no_place_left_for_it() -> None:
    run = Run(Scene(walls=ROOM, movers=((line(-1.0, 2.5, 0.0, -1.0), 0.3),))).drive(2.2)
    assert len(run.moments[-1].movers) == 1
    run.scene, run.route = Scene(walls=ROOM), lambda t: Pose2(0.0, 0.0, -math.pi * min((t - 2.2) / 0.8, 1.0))
    run.drive(1.2)
    assert run.moments[-1].movers == ()


def test_stop_and_go_rests_in_between_and_keeps_its_number() -> None:
    def stop_and_go(t):
        return (3.0, -1.5 + min(t, 1.5) + max(0.0, t - 4.5))

    run = Run(Scene(walls=ROOM, movers=((stop_and_go, 0.3),))).drive(6.5)
    resting = [moment.movers[0].resting for moment in run.moments if moment.t_s > 1.0]
    assert resting[0] is False
    assert any(resting)
    assert resting[-1] is False
    assert len(numbers_of(run, 0)) == 1


# ---------------------------------------------------------------- bounded, refused, replayed


def test_the_table_is_bounded() -> None:
    scene = Scene(circles=posts(1, 120), movers=tuple((line(1.5 + 0.7 * i, -3.0, 0.0, 1.0), 0.2) for i in range(6)))
    run = Run(scene, tracker=MoverTracker(jackal(tracks_max=8))).drive(2.0)
    assert max(len(moment.movers) for moment in run.moments) <= 8


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"angle_increment_rad": math.nan}, "geometry_invalid"),
        ({"ranges_m": np.zeros(0, np.float32)}, "empty"),
        ({"stamp_ns": 0}, "stale"),
    ],
)
def test_a_bad_scan_changes_nothing_but_a_counter(change, verdict) -> None:
    run = Run(Scene(walls=ROOM, movers=((line(3.0, -1.0, 0.0, 1.0), 0.3),))).drive(1.0)
    before = run.tracker.movers(1_000_000_000)
    scan = replace(scan_over(np.full(720, 2.0), 1_000_000_000, run.fov_rad), **change)
    assert run.tracker.update(scan, IDENTITY, IDENTITY) is None
    assert run.tracker.refused == {verdict: 1}
    assert run.tracker.movers(1_000_000_000) == before


def test_a_pose_that_is_not_finite_is_refused() -> None:
    tracker = MoverTracker(jackal())
    assert tracker.update(scan_over(np.full(720, 2.0), 5, 4.7), Pose2(math.nan, 0.0, 0.0), IDENTITY) is None
    assert tracker.refused == {"pose_not_finite": 1}


def test_a_scan_that_is_late_or_of_other_size_keeps_the_mover() -> None:
    run = Run(Scene(walls=ROOM, movers=((line(3.0, -1.5, 0.0, 1.0), 0.3),))).drive(1.2)
    run.beams = 360
    run.drive(0.4)
    run.moments += run.moments[-1:] * 9  # nine scans that never came
    run.drive(0.4)
    assert len(numbers_of(run, 0, after_s=0.6)) == 1


def test_a_pause_of_the_lidar_forgets_all() -> None:
    run = Run(Scene(walls=ROOM, movers=((line(3.0, -1.5, 0.0, 1.0), 0.3),))).drive(1.0)
    run.scene = Scene(walls=ROOM)
    run.moments += run.moments[-1:] * 50
    assert run.drive(0.02).moments[-1].movers == ()


def test_all_beams_invalid_keeps_the_mover_for_a_while() -> None:
    run = Run(Scene(walls=ROOM, movers=((line(3.0, -1.0, 0.0, 0.5), 0.3),))).drive(1.0)
    run.change = lambda ranges, _: np.full_like(ranges, np.nan)
    assert len(run.drive(1.0).moments[-1].movers) == 1


def test_it_goes_on_the_same_from_a_snapshot() -> None:
    scene = Scene(circles=posts(2, 20), walls=ROOM, movers=((line(3.0, -2.0, 0.1, 1.0), 0.3),))
    run = Run(scene).drive(1.0)
    twin = Run(scene, moments=list(run.moments))
    restore_into(twin.tracker, tree_of(run.tracker))
    assert [m.movers for m in run.drive(1.0).moments[-50:]] == [m.movers for m in twin.drive(1.0).moments[-50:]]
