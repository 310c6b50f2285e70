"""The core's end of localization: how answers move ``map_from_odom``, and what is made of bad ones and of silence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from amr.config.localization import Localization
from amr.geometry import IDENTITY, STANDSTILL, Pose2, Twist2
from amr.localization.anchor import MapAnchor
from amr.localization.base import Belief, shift_of
from amr.messages import PoseFix

STEP_NS = 20_000_000
SETTINGS = Localization(on_map=True)
COVARIANCE = ((0.01, 0.002, 0.0), (0.002, 0.02, 0.0), (0.0, 0.0, 0.001))
AWAY = Pose2(8.0, -3.0, 2.0)
"""Far from odometry's origin, where a turn about that would throw the robot metres aside."""
DRIVING = Twist2(0.5, 0.1)


class Bench:
    """An anchor, asked about a scan in each step."""

    def __init__(self, settings=SETTINGS, start=IDENTITY):
        self.anchor = MapAnchor(settings, start)
        self.now_ns = 0
        self.asked = []

    def step(self, *fixes, twist=DRIVING, pose=AWAY, asks=True):
        self.now_ns += STEP_NS
        for fix in fixes:
            self.anchor.take(fix, self.now_ns)
        place = self.anchor.advance(self.now_ns, pose, twist)
        if asks:
            self.asked += self.anchor.ask(self.now_ns, pose, pose, COVARIANCE, self.now_ns)
        return place

    def fix(self, map_from_odom, belief=Belief.SURE, **changes):
        """An answer to the newest question."""
        values = {"lost_frac": 0.01, "pose_sigma": (0.01, 0.01, 0.002), "jumped": False, **changes}
        last = self.asked[-1]
        return PoseFix(
            self.now_ns, last.request_id, last.scan_stamp_ns, map_from_odom, belief=belief, **values
        )  # fmt: skip


def moved(by_x_m, by_yaw_rad=0.0, at=AWAY):
    """``map_from_odom`` that puts the robot there, seen from the identity."""
    return Pose2(at.x_m + by_x_m, at.y_m, at.yaw_rad + by_yaw_rad) @ at.inverse()


def test_correction_moves_the_robot_by_no_more_than_the_rate_and_arrives():
    bench = Bench()
    bench.step()
    wanted = moved(0.2, 0.05)
    before, steps = IDENTITY, 0
    place = bench.step(bench.fix(wanted))
    while bench.anchor.map_from_odom != wanted:
        shift_m, shift_rad = shift_of(before, bench.anchor.map_from_odom, AWAY)
        assert shift_m <= SETTINGS.slide_mps * 0.02 + 1e-9
        assert shift_rad <= SETTINGS.slide_radps * 0.02 + 1e-9
        assert place.belief is Belief.SURE
        assert not place.placed_anew
        before, steps = bench.anchor.map_from_odom, steps + 1
        place = bench.step(bench.fix(wanted))
    assert steps == pytest.approx(0.2 / SETTINGS.slide_mps / 0.02, abs=2)


@pytest.mark.parametrize("wanted", [moved(3.0), moved(0.0, 1.0)])
def test_far_place_is_taken_at_rest_and_told_once(wanted):
    bench = Bench()
    bench.step()
    place = bench.step(bench.fix(wanted))
    for _ in range(20):
        assert place.stand
        assert place.belief is Belief.LOST
        assert bench.anchor.map_from_odom == IDENTITY
        place = bench.step(asks=False)
    assert bench.step(twist=STANDSTILL, asks=False).placed_anew
    assert bench.anchor.map_from_odom == wanted
    place = bench.step(asks=False)
    assert (place.placed_anew, place.stand, place.belief) == (False, False, Belief.SURE)


def test_nothing_moves_while_the_localizer_is_not_sure():
    bench = Bench()
    bench.step()
    for belief in (Belief.DOUBTFUL, Belief.LOST):
        place = bench.step(bench.fix(moved(0.2), belief, lost_frac=0.6), twist=STANDSTILL)
        assert place.belief is belief
        assert "60 %" in place.cause
        assert bench.anchor.map_from_odom == IDENTITY


def test_robot_that_nobody_placed_is_lost_until_it_is_found():
    bench = Bench(SETTINGS.model_copy(update={"placed": False}))
    assert bench.step(twist=STANDSTILL).belief is Belief.LOST
    place = bench.step(bench.fix(Pose2(5.0, 1.0, 0.3)), twist=STANDSTILL)
    assert place.placed_anew
    assert place.belief is Belief.SURE
    assert bench.anchor.map_from_odom == Pose2(5.0, 1.0, 0.3)


def test_one_question_at_a_time_and_a_new_one_when_no_answer_comes():
    bench = Bench()
    for _ in range(90):
        bench.step()
    assert [request.request_id for request in bench.asked] == [1]
    assert bench.asked[0].covariance == (0.01, 0.002, 0.0, 0.02, 0.0, 0.001)
    for _ in range(20):
        bench.step()
    assert [request.request_id for request in bench.asked] == [1, 2]
    bench.step(bench.fix(IDENTITY))
    assert [request.request_id for request in bench.asked] == [1, 2, 3]


def test_answers_that_are_late_doubled_out_of_order_or_unasked_for_are_counted_and_change_nothing():
    bench = Bench()
    for _ in range(120):
        bench.step()  # the first question has timed out, the second is out
    first, second = bench.asked
    good = bench.fix(moved(0.001))
    late = replace(good, request_id=first.request_id, map_from_odom=moved(0.25))
    stranger = replace(good, request_id=99, map_from_odom=moved(0.25))
    bench.step(stranger, replace(stranger, request_id=0), asks=False)
    bench.step(good, asks=False)
    bench.step(good, replace(good, map_from_odom=moved(0.25)), late, asks=False)
    assert second.request_id == good.request_id
    for _ in range(5):
        bench.step(asks=False)
    assert bench.anchor.map_from_odom == moved(0.001)
    assert bench.anchor.refused == {"nobody asked for it": 2, "a newer answer came before it": 3}


def test_answer_after_the_time_out_still_counts_when_no_newer_one_came():
    bench = Bench()
    for _ in range(120):
        bench.step()
    late = replace(bench.fix(moved(0.001)), request_id=1)
    bench.step(late, asks=False)
    assert bench.anchor.map_from_odom == moved(0.001)


@pytest.mark.parametrize(
    "changes",
    [
        {"map_from_odom": Pose2(math.nan, 0.0, 0.0)},
        {"map_from_odom": Pose2(0.0, math.inf, 0.0)},
        {"lost_frac": math.nan},
        {"pose_sigma": (math.nan, 0.0, 0.0)},
    ],
)
def test_answer_that_is_not_finite_is_counted_and_changes_nothing(changes):
    bench = Bench()
    bench.step()
    place = bench.step(replace(bench.fix(moved(0.2), Belief.LOST), **changes))
    assert place.belief is Belief.SURE
    assert bench.anchor.map_from_odom == IDENTITY
    assert bench.anchor.refused == {"it is not finite": 1}


def test_scan_that_gave_no_fix_is_counted_and_the_next_is_asked_about():
    bench = Bench()
    bench.step()
    bench.step(bench.fix(moved(3.0), Belief.LOST, refused="scan is empty"))
    assert bench.anchor.refused == {"scan is empty": 1}
    assert [request.request_id for request in bench.asked] == [1, 2]
    assert bench.step().belief is Belief.SURE


def test_silence_is_doubt_and_then_loss_and_a_fix_ends_it():
    bench = Bench()
    beliefs = [bench.step().belief for _ in range(600)]
    assert beliefs[0] is Belief.SURE
    assert beliefs.index(Belief.DOUBTFUL) * 0.02 == pytest.approx(SETTINGS.silent_s, abs=0.05)
    assert beliefs.index(Belief.LOST) * 0.02 == pytest.approx(SETTINGS.silent_lost_s, abs=0.05)
    assert "no fix for" in bench.step().cause
    assert bench.step(bench.fix(IDENTITY)).belief is Belief.SURE


def test_without_a_saved_map_nothing_is_asked_and_nothing_moves():
    bench = Bench(Localization(), Pose2(1.0, 2.0, 0.3))
    stray = PoseFix(0, 1, 0, AWAY, (0.0, 0.0, 0.0), 1.0, Belief.LOST, jumped=True)
    for _ in range(1000):
        place = bench.step(stray)
    assert place.belief is Belief.SURE
    assert bench.asked == []
    assert bench.anchor.map_from_odom == Pose2(1.0, 2.0, 0.3)


def test_pose_that_is_not_finite_is_not_asked_about():
    bench = Bench()
    bad = Pose2(math.nan, 0.0, 0.0)
    assert bench.anchor.ask(0, bad, AWAY, COVARIANCE, 0) == ()
    assert bench.anchor.ask(0, AWAY, bad, COVARIANCE, 0) == ()
    assert bench.step(pose=bad).belief is Belief.SURE


def test_restored_anchor_goes_on_alike():
    from amr.state import restore_into, tree_of

    one, other = Bench(), Bench()
    one.step()
    one.step(one.fix(moved(0.2)), asks=False)
    restore_into(other.anchor, tree_of(one.anchor))
    other.now_ns = one.now_ns
    for _ in range(30):
        assert one.step() == other.step()
        assert one.anchor.map_from_odom == other.anchor.map_from_odom
    assert one.asked[1:] == other.asked
