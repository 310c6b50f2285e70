"""The mission of a robot that does not know where on the map it is."""

from __future__ import annotations

import math

import pytest
from mission_world import World, field_of

from amr.geometry import STANDSTILL, Pose2
from amr.localization.base import KNOWN, Belief, Whereabouts
from amr.messages import Goal, Operator, OperatorAction, SetMission, Stop, StopReason
from amr.mission import whereabouts
from amr.mission.footprint import Footprint
from amr.state import restore_into, tree_of

A = Goal(2.0, 0.0, None, 0.2)
LOST = Whereabouts(Belief.LOST, 0.97, "the scans do not fit the map (lost by 97 %)")
STANDING = Whereabouts(Belief.LOST, 0.01, "found 3.0 m from there", stand=True)


def test_lost_robot_rests_at_once_and_says_why():
    world = World([A])
    world.run(1.0)
    assert world.out.follow
    out = world.step(whereabouts=LOST)
    assert (out.state, out.follow, out.active_goal) == ("relocating", False, None)
    assert out.behavior == STANDSTILL
    assert out.reason == f"lost: {LOST.cause}"
    assert len(out.path_map) == 0


def test_lost_robot_asks_for_no_plan_and_counts_no_goal():
    world = World([A])
    asked = len(world.requests)
    for _ in range(300):
        out = world.step(whereabouts=LOST, map_from_base=Pose2(2.0, 0.0, 0.0))
    assert out.goals_reached == 0
    assert len(world.requests) == asked == 0


def test_it_turns_once_around_after_a_moment_of_rest_then_goes_where_there_is_room():
    world = World([A])
    turned, travelled = 0.0, 0.0
    twists = []
    for _ in range(1000):
        before = world.pose
        out = world.step(whereabouts=LOST)
        twists.append(out.behavior)
        turned += world.twist.w_radps * 0.02
        travelled += before.distance_m(world.pose)
        if travelled > 1.0:
            break
    assert twists[:25] == [STANDSTILL] * 25
    assert turned >= 1.9 * math.pi
    assert travelled > 1.0


def test_between_walls_where_it_cannot_turn_it_stands():
    walls = [(0.05 * k, side * 0.31, 0.05) for k in range(-40, 41) for side in (-1.0, 1.0)]
    world = World([A], circles=walls)
    for _ in range(500):
        assert world.step(whereabouts=LOST).behavior == STANDSTILL
    assert world.pose == Pose2(0.0, 0.0, 0.0)


def test_found_robot_plans_anew_from_where_it_is():
    world = World([A])
    world.run(1.0)
    asked = len(world.requests)
    world.run(2.0, whereabouts=LOST)
    there = Pose2(-1.0, 0.5, 0.2)
    out = world.step(whereabouts=KNOWN, map_from_base=there)
    assert out.state == "planning"
    assert world.requests[asked:][0].start_map == there
    world.run(20.0, until="done")
    assert world.out.done


def test_answer_to_a_plan_that_was_asked_before_is_not_followed():
    world = World([A])
    world.delay_ns = 500_000_000
    world.step()
    world.run(0.2, whereabouts=LOST)
    out = world.run(0.4)
    assert out.state == "planning"
    assert len(out.path_map) == 0


def test_it_stands_while_its_new_place_waits_to_be_taken():
    world = World([A])
    world.run(3.0, whereabouts=LOST)
    assert world.out.behavior != STANDSTILL
    for _ in range(100):
        assert world.step(whereabouts=STANDING).behavior == STANDSTILL
    assert world.out.state == "relocating"


def test_it_gives_up_with_the_cause_when_it_is_not_found():
    world = World([A])
    limit_s = world.config.localization.relocate_s
    out = world.run(limit_s + 2.0, until="failed", whereabouts=LOST)
    assert out.failed
    assert "lost: the scans do not fit the map" in out.reason
    assert world.now_ns * 1e-9 == pytest.approx(limit_s, abs=1.0)


def test_its_time_stands_still_while_it_is_held():
    world = World([A])
    stop = Stop(StopReason.ESTOP, "e-stop is latched")
    for _ in range(9000):
        out = world.step(whereabouts=LOST, stop=stop)
    assert out.state == "relocating"
    assert out.behavior == STANDSTILL
    assert "e-stop" in out.reason


def test_doubt_alone_stops_nothing():
    world = World([A])
    out = world.run(20.0, until="done", whereabouts=Whereabouts(Belief.DOUBTFUL, 0.4, "perhaps"))
    assert out.done
    assert "relocating" not in world.states


def test_mission_that_is_set_while_lost_waits_until_it_is_found():
    world = World()
    world.step(whereabouts=LOST)
    assert world.out.state == "idle"
    out = world.step(whereabouts=LOST, new_mission=SetMission(0, (A,)))
    assert out.state == "relocating"
    assert world.step(whereabouts=LOST, new_mission=SetMission(0, ())).state == "idle"


def test_pause_holds_a_lost_robot_and_resume_goes_on_looking():
    world = World([A])
    world.run(1.0, whereabouts=LOST)
    out = world.step(whereabouts=LOST, operator=(Operator(0, OperatorAction.PAUSE),))
    assert (out.state, out.behavior) == ("paused", None)
    assert world.step(whereabouts=LOST, operator=(Operator(0, OperatorAction.RESUME),)).state == "relocating"


def test_restored_mission_looks_around_alike():
    one, other = World([A]), World([A])
    one.run(4.0, whereabouts=LOST)
    restore_into(other.runner, tree_of(one.runner))
    other.pose, other.now_ns, other.first = one.pose, one.now_ns, None
    for _ in range(400):
        assert one.step(whereabouts=LOST).behavior == other.step(whereabouts=LOST).behavior


def test_way_to_go_is_the_one_with_room():
    world = World()
    footprint = Footprint.from_body(world.config.body)
    wall = [(0.8, y * 0.1, 0.1) for y in range(-30, 31)]
    heading_rad = whereabouts.most_room(field_of(wall), footprint, Pose2(0.0, 0.0, 0.0))
    assert abs(heading_rad) > math.pi / 3
    ring = [(0.5 * math.cos(a), 0.5 * math.sin(a), 0.1) for a in (k * math.pi / 12 for k in range(24))]
    assert whereabouts.most_room(field_of(ring), footprint, Pose2(0.0, 0.0, 0.0)) is None
