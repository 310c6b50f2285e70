"""The mission in scripted situations: goals in order, plans late or refused, stuck, paused, held."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from mission_world import STEP_NS, World, field_of, refusing, straight

from amr.control.base import ControlStatus
from amr.geometry import STANDSTILL, Pose2, Twist2
from amr.messages import (
    Goal,
    Operator,
    OperatorAction,
    PlanRequest,
    PlanResult,
    PlanStatus,
    SetMission,
    Stop,
    StopReason,
)
from amr.mission.runner import MissionRunner
from amr.state import restore_into, tree_of

A, B = Goal(2.0, 0.0, None, 0.2), Goal(2.0, 1.5, None, 0.2)
FAR = Goal(30.0, 0.0, None, 0.2)


def never(request: PlanRequest) -> PlanResult | None:  # noqa: ARG001 - a planner that is dead
    return None


# ------------------------------------------------------------ goals


def test_without_a_mission_it_rests() -> None:
    out = World().run(0.2)
    assert (out.state, out.follow, out.behavior, out.active_goal, out.requests) == ("idle", False, None, None, ())


def test_goals_are_reached_in_order() -> None:
    world = World([A, B])
    out = world.run(30.0, until="done")
    assert (out.done, out.failed, out.goals_reached, out.goals_total) == (True, False, 2, 2)
    assert world.states == ["planning", "following", "planning", "following", "done"]
    assert world.pose.distance_m(Pose2(2.0, 1.5, 0.0)) <= 0.2
    assert not out.follow


def test_only_the_last_goal_is_marked_as_last() -> None:
    world = World([A, B])
    assert not world.run(1.0).is_last_goal
    world.run(30.0, until="planning")
    assert world.run(0.2).is_last_goal


def test_a_goal_on_the_way_counts_at_speed_and_the_last_one_at_rest() -> None:
    at_a = Pose2(2.0, 0.0, 0.0)
    world = World([A, B])
    world.run(0.1)
    assert world.step(map_from_base=at_a, twist=Twist2(2.0, 0.0)).goals_reached == 1
    world = World([A])
    world.run(0.1)
    assert not world.step(map_from_base=at_a, twist=Twist2(2.0, 0.0)).done
    assert world.step(map_from_base=at_a, twist=Twist2(0.1, 0.0)).done


def test_the_last_goal_counts_after_a_while_inside_even_without_rest() -> None:
    world = World([A])
    world.run(0.1)
    at_a, fast = Pose2(2.0, 0.0, 0.0), Twist2(0.5, 0.0)
    assert not world.run(0.9, map_from_base=at_a, twist=fast).done
    world.step(map_from_base=Pose2(1.0, 0.0, 0.0), twist=fast)
    assert not world.run(0.9, map_from_base=at_a, twist=fast).done
    assert world.run(0.3, map_from_base=at_a, twist=fast).done


@pytest.mark.parametrize(
    ("yaw", "done"), [(1.0, True), (1.14, True), (1.16, False), (0.84, False), (1.0 - 6.2832, True)]
)
def test_a_heading_counts_within_its_tolerance(yaw: float, done: bool) -> None:
    world = World([replace(A, yaw_rad=1.0)])
    world.run(0.1)
    assert world.step(map_from_base=Pose2(2.0, 0.0, yaw), twist=STANDSTILL).done == done


def test_a_heading_counts_as_reached_when_control_says_so() -> None:
    world = World([replace(A, yaw_rad=1.0)])
    world.run(0.1)
    there = {"map_from_base": Pose2(2.0, 0.0, 0.7), "twist": STANDSTILL}
    assert not world.step(**there).done
    assert world.step(**there, control_status=ControlStatus.AT_GOAL).done


@pytest.mark.parametrize(("x", "done"), [(1.8, True), (1.801, True), (1.799, False)])
def test_the_tolerance_is_a_circle(x: float, done: bool) -> None:
    world = World([A])
    world.run(0.1)
    assert world.step(map_from_base=Pose2(x, 0.0, 0.0), twist=STANDSTILL).done == done


def test_a_new_mission_replaces_the_old_one_and_an_empty_one_cancels() -> None:
    world = World([A])
    world.run(1.0)
    out = world.step(new_mission=SetMission(world.now_ns, (B,)))
    assert (out.active_goal, out.goals_total, out.state) == (B, 1, "planning")
    out = world.step(new_mission=SetMission(world.now_ns, ()))
    assert (out.state, out.active_goal, out.follow) == ("idle", None, False)


@pytest.mark.parametrize(
    "goal",
    [
        Goal(math.nan, 0.0, None, 0.2),
        Goal(0.0, math.inf, None, 0.2),
        Goal(0.0, 0.0, math.nan, 0.2),
        Goal(1.0, 0.0, None, 0.0),
    ],
)
def test_a_goal_that_is_not_usable_fails_at_once_with_its_number(goal: Goal) -> None:
    out = World([A, goal]).step()
    assert out.failed
    assert "goal 2 of 2" in out.reason


# ------------------------------------------------------------ plans


def test_it_rests_until_the_first_path_and_follows_a_late_one() -> None:
    world = World([A])
    world.delay_ns = 400_000_000
    out = world.run(0.3)
    assert (out.state, out.follow) == ("planning", False)
    assert world.run(0.3).state == "following"


def test_it_replans_periodically_with_one_request_out_at_a_time() -> None:
    world = World([FAR])
    world.run(2.2)
    assert [request.request_id for request in world.requests] == [1, 2, 3, 4, 5]
    times = [request.stamp_ns for request in world.requests]
    assert all(b - a == 500_000_000 for a, b in pairwise(times))
    world.delay_ns = 900_000_000
    before = len(world.requests)
    world.run(2.0)
    assert len(world.requests) - before <= 3


def test_the_old_path_is_kept_until_a_new_one_arrives() -> None:
    world = World([FAR])
    world.run(0.3)
    assert world.out is not None
    first, version = world.out.path_map, world.out.path_version
    world.planner = refusing(PlanStatus.NO_PATH)
    out = world.run(0.6)
    assert out.path_map is first
    assert (out.path_version, out.follow) == (version, True)
    world.planner = straight
    assert world.run(0.6).path_version == version + 1


def test_a_request_without_an_answer_is_asked_again_and_its_late_answer_is_welcome() -> None:
    world = World([A], planner=never)
    world.run(3.2)
    assert len(world.requests) == 2
    out = world.step(plan_result=straight(world.requests[0]))
    assert out.state == "following"


def test_answers_to_an_older_goal_or_overtaken_ones_are_ignored() -> None:
    world = World([A], planner=never)
    world.run(0.1)
    old = straight(world.requests[0])
    world.step(new_mission=SetMission(world.now_ns, (B,)))
    assert world.step(plan_result=old).state == "planning"
    world.run(0.1)
    assert world.step(plan_result=straight(world.requests[-1])).state == "following"
    version = world.step(plan_result=straight(world.requests[-1])).path_version
    assert world.step(plan_result=replace(old, request_id=99)).path_version == version


@pytest.mark.parametrize(
    "path", [np.zeros((1, 3)), np.zeros((3, 2)), np.zeros(3), np.array([[0.0, 0.0, 0.0], [math.nan, 0.0, 0.0]])]
)
def test_a_path_that_is_none_is_a_refusal(path: np.ndarray) -> None:
    world = World([A], planner=lambda request: replace(straight(request), path_map=path))
    out = world.run(0.3)
    assert (out.state, len(out.path_map)) == ("planning", 0)


def test_a_dead_planner_ends_with_its_reason() -> None:
    out = World([A], planner=never).run(120.0, until="failed")
    assert out.failed
    assert "no answer from the planner" in out.reason


@pytest.mark.parametrize(
    ("status", "words", "seconds"),
    [
        (PlanStatus.NO_PATH, "not reachable: because", 40.0),
        (PlanStatus.GOAL_BLOCKED, "inside an obstacle: because", 20.0),
        (PlanStatus.OUTSIDE_MAP, "outside the map: because", 5.0),
        (PlanStatus.START_BLOCKED, "start is blocked: because", 60.0),
    ],
)
def test_refusals_end_after_bounded_tries_with_the_last_cause(status: PlanStatus, words: str, seconds: float) -> None:
    world = World([A], planner=refusing(status))
    out = world.run(seconds, until="failed")
    assert out.failed
    assert words in out.reason
    assert not out.follow
    assert out.behavior is None


def test_a_goal_blocked_for_a_while_is_waited_for() -> None:
    world = World([A], planner=refusing(PlanStatus.GOAL_BLOCKED))
    world.run(3.0)
    assert "waiting" in world.states
    world.planner = straight
    assert world.run(20.0, until="done").done


# ------------------------------------------------------------ people and faults


def test_pause_rests_and_resume_plans_anew() -> None:
    world = World([A])
    world.run(1.0)
    pause, resume = (Operator(0, action) for action in (OperatorAction.PAUSE, OperatorAction.RESUME))
    out = world.step(operator=(pause,))
    assert (out.state, out.follow, out.requests) == ("paused", False, ())
    assert world.run(10.0).state == "paused"
    assert world.step(operator=(pause,)).state == "paused"
    assert world.step(operator=(resume,)).state == "planning"
    assert world.run(10.0, until="done").done
    assert world.step(operator=(resume, pause)).state == "done"


@pytest.mark.parametrize(
    "changes",
    [
        {"armed": False},
        {"stop": Stop(StopReason.SCAN_STALE, "newest scan is 2 s old")},
        {"stop": Stop(StopReason.ESTOP, "")},
    ],
)
def test_while_it_must_not_move_it_is_not_stuck(changes: dict[str, object]) -> None:
    world = World([FAR])
    world.blocked = lambda _: True
    out = world.run(30.0, **changes)
    assert world.states == ["planning", "following"]
    assert out.reason.startswith("held: ")


def test_a_recovery_is_suspended_while_it_must_not_move() -> None:
    world = World([FAR])
    world.blocked = lambda pose: pose.x_m > 1.0
    world.run(10.0, until="clearing")
    world.run(10.0, until="backing_up")
    pose = world.pose
    out = world.run(20.0, armed=False)
    assert (out.state, out.behavior) == ("backing_up", None)
    assert world.pose == pose
    assert world.run(5.0, until="planning").state == "planning"


def test_a_pose_that_is_not_finite_is_held() -> None:
    world = World([A])
    world.run(0.5)
    out = world.step(map_from_base=Pose2(math.nan, 0.0, 0.0))
    assert (out.follow, out.behavior, out.reason) == (False, None, "pose is not finite")
    assert world.run(10.0, until="done").done


# ------------------------------------------------------------ stuck


def test_the_ladder_ends_with_the_exact_way_out_and_gives_up() -> None:
    world = World([FAR])
    world.blocked = lambda pose: pose.x_m > 1.0
    out = world.run(300.0, until="failed", stop=Stop(StopReason.OBSTACLE_SLOW, "beam 355 sees an obstacle"))
    assert out.failed
    assert "beam 355" in out.reason
    assert "9 recoveries; the way out is held: beam 355" in out.reason
    recoveries = [state for state in world.states if state not in {"planning", "following", "failed"}]
    ladder = ["clearing", "backing_up", "maneuvering", "turning", "escaping", "waiting"]
    assert recoveries == [*ladder, *ladder[:2], "maneuvering"]
    assert len(world.forgotten) == 2
    assert world.forgotten[0].radius_m == 2.0
    assert world.pose.distance_m(Pose2(world.forgotten[0].x_m, world.forgotten[0].y_m, 0.0)) < 2.0


def test_where_the_ring_holds_it_before_an_obstacle_it_soon_backs_up() -> None:
    world = World([FAR])
    world.run(0.5)
    world.blocked = lambda pose: pose.x_m > world.pose.x_m
    start_ns = world.now_ns
    out = world.run(5.0, until="backing_up", stop=Stop(StopReason.OBSTACLE, "beam 355 sees an obstacle"))
    assert out.state == "backing_up"
    assert world.now_ns - start_ns == pytest.approx(2.0e9, abs=0.3e9)
    assert "clearing" not in world.states


def test_without_recoveries_it_gives_up_at_once() -> None:
    world = World([FAR], max_recoveries=0)
    world.blocked = lambda _: True
    out = world.run(10.0, until="failed", control_reason="no sample is free")
    assert out.failed
    assert "no sample is free" in out.reason


def test_backing_up_follows_the_way_it_came() -> None:
    world = World([Goal(0.0, 30.0, None, 0.2)])
    world.run(1.0)
    world.blocked = lambda pose: pose.y_m > 1.0
    world.run(20.0, until="backing_up")
    start = world.pose
    world.run(5.0, until="planning")
    assert start.y_m - world.pose.y_m == pytest.approx(0.4, abs=0.05)


def test_a_recovery_without_room_is_passed_over() -> None:
    cage = [(0.66 * math.cos(a), 0.66 * math.sin(a), 0.28) for a in np.arange(0.0, 6.28, 0.1).tolist()]
    world = World([FAR], circles=cage)
    world.blocked = lambda _: True
    world.run(60.0, until="failed")
    assert "backing_up" not in world.states
    assert "clearing" in world.states


def test_after_getting_away_everything_may_be_tried_again() -> None:
    world = World([FAR])
    world.blocked = lambda pose: 1.0 < pose.x_m < 1.1
    world.run(20.0, until="clearing")
    world.blocked = lambda pose: pose.x_m > 4.0
    world.run(2.0, until="following")
    world.run(30.0, until="clearing")
    assert world.states.count("clearing") == 2
    assert "backing_up" not in world.states


def test_moving_about_without_getting_anywhere_is_stuck_too() -> None:
    world = World([FAR])
    world.run(1.0)
    for k in range(1400):
        swing = Pose2(0.5 + 0.4 * math.sin(0.02 * k), 0.0, 0.0)
        if world.step(map_from_base=swing).state == "clearing":
            break
    assert world.out is not None
    assert world.out.state == "clearing"
    assert "within 1.0 m" in world.out.reason


def test_staying_where_nothing_holds_it_first_makes_clearance_count_less_until_the_place_lies_behind() -> None:
    world = World([FAR])
    world.blocked = lambda _: True
    world.run(3.5)
    assert world.out is not None
    assert not world.out.squeeze
    world.run(1.5)
    assert world.out.squeeze
    assert world.out.state == "following"
    world.blocked = lambda _: False
    world.run(0.5)
    assert world.out.squeeze
    world.run(10.0, until="done")
    assert not world.out.squeeze


def test_before_what_the_ring_holds_it_from_clearance_keeps_its_price() -> None:
    world = World([FAR])
    world.blocked = lambda _: True
    out = world.run(5.0, stop=Stop(StopReason.OBSTACLE, "beam 1"))
    assert not out.squeeze


def test_turning_on_the_spot_counts_as_movement_but_not_for_ever() -> None:
    world = World([FAR])
    world.run(0.2)
    for k in range(1500):
        out = world.step(map_from_base=Pose2(0.0, 0.0, math.remainder(0.01 * k, 2.0 * math.pi)))
        if out.state == "clearing":
            break
    assert 400 < k < 1100


def test_it_waits_for_something_that_moves_and_goes_on() -> None:
    world = World([FAR])
    world.blocked = lambda pose: pose.x_m > 1.0
    for k in range(700):
        world.field = field_of([(2.0, 1.0 - 2.0 * abs((k / 150) % 2 - 1), 0.3)]) if k % 25 == 0 else world.field
        out = world.step()
    assert "waiting" in world.states
    assert "clearing" not in world.states
    assert any("something that moves" in reason for reason in world.reasons)
    world.blocked = lambda pose: pose.x_m > 6.0
    out = world.run(8.0)
    assert out.state == "following"
    assert world.pose.x_m > 2.0


def test_waiting_for_a_mover_is_bounded() -> None:
    world = World([FAR], wait_max_s=4.0)
    world.blocked = lambda pose: pose.x_m > 1.0
    for k in range(2500):
        world.field = field_of([(2.0, 1.0 - 2.0 * abs((k / 150) % 2 - 1), 0.3)]) if k % 25 == 0 else world.field
        if world.step().state == "clearing":
            break
    assert world.states.count("waiting") == 2
    assert world.states[-1] == "clearing"


# ------------------------------------------------------------ held by the ring


def test_a_recovery_that_the_ring_holds_ends_soon_and_the_next_one_follows() -> None:
    world = World([FAR])
    world.run(0.5)
    here = world.pose
    stop = Stop(StopReason.OBSTACLE, "beam 355 sees an obstacle")
    begun: list[tuple[str, int]] = []
    for _ in range(1000):
        out = world.step(stop=stop, map_from_base=here)
        if out.behavior is not None and (not begun or begun[-1][0] != out.state):
            begun.append((out.state, world.now_ns))
        if out.failed:
            break
    begun = [(name, at_ns) for name, at_ns in begun if name != "planning"]
    names = [name for name, _ in begun]
    assert names[:4] == ["backing_up", "maneuvering", "turning", "escaping"]
    assert all(later - before < 1.8e9 for (_, before), (_, later) in pairwise(begun[:4]))


def test_a_turn_that_was_refused_is_tried_the_other_way_round_and_then_no_more() -> None:
    world = World([FAR])
    world.run(0.5)
    here = world.pose
    turns = []
    for _ in range(4000):
        out = world.step(stop=Stop(StopReason.OBSTACLE, "beam 1"), map_from_base=here)
        if out.state == "turning" and out.behavior is not None and out.behavior.w_radps != 0.0:
            turns.append(out.behavior.w_radps > 0.0)
        if out.failed:
            break
    assert out.failed
    changes = sum(a is not b for a, b in pairwise(turns))
    assert changes == 1
    assert len(turns) < 100


# ------------------------------------------------------------ the exact way out


def backward(request: PlanRequest) -> PlanResult:
    """The straight way; an exact request is told to drive one metre back."""
    if not request.exact:
        return straight(request)
    start = request.start_map
    points = [(*start.apply(-0.1 * k, 0.0), start.yaw_rad) for k in range(11)]
    return replace(straight(request), path_map=np.array(points))


def exactly_refusing(request: PlanRequest) -> PlanResult | None:
    """The straight way; an exact request is refused."""
    return refusing(PlanStatus.NO_PATH, "a wall all around")(request) if request.exact else straight(request)


def test_the_exact_way_out_is_asked_for_once_and_driven_as_told_until_there_is_room() -> None:
    world = World([FAR], planner=backward)
    world.blocked = lambda pose: pose.x_m > 1.0
    world.run(60.0, until="maneuvering")
    start = world.pose
    out = world.run(0.6)
    assert out.behavior is not None
    assert out.behavior.v_mps == pytest.approx(-0.15)
    world.run(10.0, until="planning")
    assert start.x_m - world.pose.x_m == pytest.approx(0.5, abs=0.02)
    assert len([request for request in world.requests if request.exact]) == 1


def test_without_room_the_exact_way_is_driven_to_its_end_and_asked_for_anew_from_there() -> None:
    posts = [(x, side * 0.35, 0.1) for x in np.arange(-5.0, 3.0, 0.1).tolist() for side in (-1.0, 1.0)]
    world = World([FAR], planner=backward, circles=posts)
    world.blocked = lambda pose: pose.x_m > 1.0
    world.run(60.0, until="maneuvering")
    start = world.pose
    world.run(25.0, until="planning")
    assert start.x_m - world.pose.x_m > 1.5
    assert len([request for request in world.requests if request.exact]) >= 2


def test_while_the_exact_way_is_unknown_it_rests_and_is_not_held() -> None:
    world = World([FAR], planner=backward)
    world.blocked = lambda pose: pose.x_m > 1.0
    world.planner = never
    world.run(60.0, until="maneuvering")
    world.answers.clear()
    for _ in range(100):
        out = world.step()
    assert (out.state, out.behavior) == ("maneuvering", STANDSTILL)


def test_it_reports_why_there_is_no_way_out() -> None:
    world = World([FAR], planner=exactly_refusing)
    world.blocked = lambda _: True
    out = world.run(120.0, until="failed", stop=Stop(StopReason.OBSTACLE, "beam 355"))
    assert out.failed
    assert out.reason.endswith("no way out: a wall all around")


def test_ways_out_that_lead_back_to_the_same_place_come_to_an_end() -> None:
    world = World([FAR], planner=backward)
    world.blocked = lambda pose: pose.x_m > 1.0
    out = world.run(3000.0, until="failed")
    assert out.failed
    assert world.states.count("maneuvering") == 2


# ------------------------------------------------------------ escape


def test_a_blocked_start_is_left_by_the_ascent_of_the_distance_field() -> None:
    wall = [(0.33, y, 0.1) for y in np.arange(-1.0, 1.0, 0.05).tolist()]
    near = World([Goal(-3.0, 0.0, None, 0.2)], circles=wall)
    near.planner = lambda request: (
        straight(request) if near.pose.x_m < -0.1 else refusing(PlanStatus.START_BLOCKED)(request)
    )
    near.run(20.0, until="following")
    assert "escaping" in near.states
    assert near.pose.x_m < -0.1


def test_a_start_that_only_the_planner_finds_blocked_is_cleared() -> None:
    world = World([A], planner=refusing(PlanStatus.START_BLOCKED))
    world.run(5.0, until="clearing")
    assert len(world.forgotten) == 1
    world.planner = straight
    assert world.run(20.0, until="done").done


# ------------------------------------------------------------ state


def test_a_mission_restored_from_a_snapshot_goes_on_as_before() -> None:
    world = World([A, B])
    world.run(2.0)
    twin = MissionRunner(world.config)
    restore_into(twin, tree_of(world.runner))
    other = World([A, B])
    other.runner, other.first, other.pose, other.twist, other.now_ns = twin, None, world.pose, world.twist, world.now_ns
    other.answers = list(world.answers)
    for _ in range(300):
        a, b = world.step(), other.step()
        for name in ("state", "reason", "path_version", "goals_reached", "requests"):
            assert getattr(a, name) == getattr(b, name)


def test_a_recovery_rests_in_the_step_in_which_it_ends() -> None:
    world = World([FAR])
    world.blocked = lambda pose: pose.x_m > 1.0
    world.run(10.0, until="clearing")
    out = world.run(1.0, until="planning")
    assert out.behavior == STANDSTILL
    assert world.now_ns % STEP_NS == 0


def test_where_the_planner_finds_no_way_at_all_everything_is_forgotten_not_only_what_is_near() -> None:
    world = World([FAR], refusing(PlanStatus.NO_PATH, "all cells were searched"))
    world.run(60.0, until="clearing")
    assert world.forgotten[0].radius_m > 100.0


def test_before_a_gap_it_does_not_enter_it_creeps_along_the_path() -> None:
    world = World([FAR])
    world.blocked = lambda pose: pose.x_m > 1.0
    out = world.run(60.0, until="escaping")
    world.blocked = lambda _: False
    start = world.pose
    out = world.run(0.5)
    assert out.behavior is not None
    assert 0.0 < out.behavior.v_mps <= 0.15
    world.run(20.0, until="planning")
    assert world.pose.distance_m(start) == pytest.approx(0.7, abs=0.05)
