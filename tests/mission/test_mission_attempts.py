"""What was tried: by place, by way, and what the ring refused."""

from __future__ import annotations

import math

import pytest

from amr.config.mission import Mission
from amr.geometry import Pose2
from amr.mission import attempts
from amr.mission.attempts import Recoveries
from amr.mission.states import MissionEvent

HERE = Pose2(1.0, 2.0, 0.3)
SETTINGS = Mission()
S = 1_000_000_000


def test_a_motion_is_held_after_a_while_without_any_movement() -> None:
    running = attempts.begin(HERE, 0, 0)
    assert not attempts.is_held(attempts.watch(running, HERE, 7 * S // 10), 7 * S // 10)
    assert attempts.is_held(attempts.watch(running, Pose2(1.005, 2.0, 0.31), S), S)


@pytest.mark.parametrize("pose", [Pose2(1.02, 2.0, 0.3), Pose2(1.0, 2.0, 0.35), Pose2(1.0, 2.0, 0.25)])
def test_moving_or_turning_is_not_held(pose: Pose2) -> None:
    running = attempts.watch(attempts.begin(HERE, 0, 0), pose, S)
    assert not attempts.is_held(running, S)
    assert attempts.is_held(running, 2 * S)


def test_a_refused_motion_is_refused_about_there_and_in_its_direction_only() -> None:
    tried = attempts.refuse(Recoveries(), MissionEvent.TURN, 1, HERE)
    assert attempts.is_refused(tried, MissionEvent.TURN, 1, Pose2(1.02, 2.0, 0.35))
    assert not attempts.is_refused(tried, MissionEvent.TURN, -1, HERE)
    assert not attempts.is_refused(tried, MissionEvent.BACK_UP, 1, HERE)
    assert not attempts.is_refused(tried, MissionEvent.TURN, 1, Pose2(1.1, 2.0, 0.3))
    assert not attempts.is_refused(tried, MissionEvent.TURN, 1, Pose2(1.0, 2.0, 0.6))


def test_refusals_are_forgotten_with_the_place_and_bounded_in_number() -> None:
    tried = attempts.counted(Recoveries(), HERE, 10.0)
    for _ in range(40):
        tried = attempts.refuse(tried, MissionEvent.TURN, 1, HERE)
    assert len(tried.refused) <= 16
    assert attempts.settled(tried, Pose2(1.5, 2.0, 0.0), SETTINGS) == tried
    away = attempts.settled(tried, Pose2(3.0, 2.0, 0.0), SETTINGS)
    assert (away.here, away.in_all, away.refused) == (0, 1, ())


def test_getting_on_along_the_path_begins_anew_at_the_place_though_it_is_near() -> None:
    tried = attempts.counted(attempts.counted(Recoveries(), HERE, 10.0), HERE, 10.0)
    assert attempts.on_the_way(tried, 9.2) == tried
    assert attempts.on_the_way(tried, 30.0) == tried
    assert attempts.on_the_way(tried, 8.9).here == 0


def test_the_count_in_all_begins_anew_only_at_a_length_never_reached_before() -> None:
    tried = attempts.on_the_way(attempts.counted(Recoveries(), HERE, 10.0), 8.0)
    assert (tried.in_all, tried.least_m) == (0, 8.0)
    tried = attempts.counted(attempts.counted(tried, HERE, 20.0), HERE, 20.0)
    tried = attempts.on_the_way(tried, 12.0)  # nearer than at the last recovery, but it has been nearer
    assert (tried.here, tried.in_all, tried.least_m) == (0, 2, 8.0)
    tried = attempts.on_the_way(attempts.counted(tried, HERE, 9.0), 6.5)
    assert (tried.in_all, tried.least_m) == (0, 6.5)


def test_without_a_path_there_is_no_way_to_get_on_along() -> None:
    tried = attempts.counted(Recoveries(), HERE, math.inf)
    assert attempts.on_the_way(tried, 5.0) == tried


def test_getting_out_forgets_what_was_refused_but_counts_on() -> None:
    tried = Recoveries(place=HERE, here=5, in_all=9, asked_last=True)
    assert attempts.got_out(attempts.refuse(tried, MissionEvent.TURN, 1, HERE)) == tried
