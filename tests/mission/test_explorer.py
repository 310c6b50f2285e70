"""Exploration above the mission: errands one after the other, what is given up, and the way home."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mission_world import STEP_NS, World, refusing

from amr.messages import (
    CloseFrontier,
    Explore,
    FrontierRequest,
    FrontierResult,
    Goal,
    Operator,
    OperatorAction,
    PlanStatus,
    Stop,
)
from amr.mission.base import NO_STOP, MissionOutput
from amr.mission.explorer import Errand, Explorer, ExplorerInput

Place = tuple[float, float]
NEWS_M2 = 5.0


class Unknown(World):
    """A world of frontiers: one is seen into when the robot is within ``sight_m`` of it."""

    def __init__(self, frontiers: list[Place], sight_m: float = 0.8, **world: Any) -> None:
        super().__init__(**world)
        self.explorer = Explorer(self.config)
        self.errand = Errand()
        self.frontiers, self.sight_m = list(frontiers), sight_m
        self.known_m2 = 1.0
        self.asked: list[FrontierRequest] = []
        self.closed: list[CloseFrontier] = []
        self.answer: FrontierResult | None = None
        self.change: Callable[[FrontierResult], FrontierResult | None] = lambda answer: answer
        self.map_version = 10
        self.order: Explore | None = Explore(0, None, math.inf)
        self.may_move = True
        self.stop: Stop = NO_STOP

    def step(self, **changes: Any) -> MissionOutput:
        view = ExplorerInput(self.now_ns + STEP_NS, self.order, self.answer, self.pose, self.map_version, self.may_move)
        self.order = self.answer = None
        errand = self.explorer.direct(view)
        self.errand = errand
        return super().step(
            new_mission=errand.mission, errand=errand.goal, armed=self.may_move, stop=self.stop, **changes
        )

    def _note(self, out: MissionOutput) -> None:
        super()._note(out)
        told = self.explorer.report(out, self.errand)
        self.told = told
        for request in told.requests:
            if isinstance(request, CloseFrontier):
                self.closed.append(request)
                self.frontiers = [
                    place for place in self.frontiers if math.dist(place, (request.x_m, request.y_m)) > request.radius_m
                ]
            elif isinstance(request, FrontierRequest):
                self.asked.append(request)
                self.answer = self.change(self._look(request))

    def _look(self, request: FrontierRequest) -> FrontierResult:
        here = (self.pose.x_m, self.pose.y_m)
        seen = [place for place in self.frontiers if math.dist(place, here) <= self.sight_m]
        self.known_m2 += NEWS_M2 * len(seen)
        self.frontiers = [place for place in self.frontiers if place not in seen]
        best = min(self.frontiers, key=lambda place: math.dist(place, here), default=None)
        target = None if best is None else Goal(*best, None, request.tolerance_m)
        way_m = 0.0 if best is None else math.dist(best, here)
        return FrontierResult(
            self.now_ns, request.request_id, target, way_m, 3.0, len(self.frontiers), 0, self.known_m2, 9, 10
        )

    def explore(self, seconds: float) -> MissionOutput:
        """Until it is over."""
        for _ in range(round(seconds * 50)):
            self.step()
            if self.told.done or self.told.failed:
                break
        return self.told


def test_it_drives_to_all_frontiers_then_home_and_says_complete() -> None:
    world = Unknown([(3.0, 0.0), (3.0, 3.0), (-2.0, 1.0)])
    told = world.explore(60.0)
    assert (told.done, told.state, told.reason) == (True, "done", "complete")
    assert math.hypot(world.pose.x_m, world.pose.y_m) < 0.4
    assert world.frontiers == []
    assert told.goals_reached == told.goals_total >= 2
    assert world.asked[0].afresh
    assert not world.asked[1].afresh


def test_it_does_not_stop_between_two_frontiers_ahead() -> None:
    world = Unknown([(2.0, 0.0), (4.0, 0.0)], sight_m=1.0)
    speeds = []
    for _ in range(400):
        world.step()
        if world.pose.x_m > 0.6 and world.pose.x_m < 2.6:
            speeds.append(world.twist.v_mps)
    assert len(speeds) > 50
    assert min(speeds) > 0.3


def test_it_ends_where_it_is_told_to() -> None:
    world = Unknown([(2.0, 0.0)])
    world.order = Explore(0, Goal(-1.0, 2.0, None, 0.3), math.inf)
    assert world.explore(60.0).done
    assert math.hypot(world.pose.x_m + 1.0, world.pose.y_m - 2.0) < 0.4


def test_an_unknown_place_without_frontiers_is_complete_at_once() -> None:
    told = Unknown([]).explore(10.0)
    assert (told.done, told.reason) == (True, "complete")


def test_nothing_is_asked_before_the_map_has_scans_and_the_robot_may_move() -> None:
    world = Unknown([(2.0, 0.0)])
    world.map_version = 2
    world.explore(1.0)
    assert world.asked == []
    world.map_version, world.may_move = 10, False
    world.explore(1.0)
    assert world.asked == []


def test_when_the_time_is_over_it_goes_home() -> None:
    world = Unknown([(3.0, 0.0), (-3.0, 0.0)], sight_m=0.1)
    world.order = Explore(0, None, 4.0)
    told = world.explore(60.0)
    assert (told.done, told.reason) == (True, "time")
    assert math.hypot(world.pose.x_m, world.pose.y_m) < 0.4


def test_the_time_stands_still_while_it_may_not_move() -> None:
    world = Unknown([(3.0, 0.0)])
    world.order = Explore(0, None, 8.0)
    world.step()
    world.may_move = False
    world.explore(10.0)
    world.may_move = True
    assert world.explore(30.0).reason == "complete"


def test_a_frontier_that_no_plan_leads_to_is_given_up_with_the_reason() -> None:
    world = Unknown([(3.0, 0.0)])
    straight = world.planner
    refuse = refusing(PlanStatus.NO_PATH, "walled in")
    world.planner = lambda request: (refuse if request.goal_map.x_m > 1.0 else straight)(request)
    told = world.explore(60.0)
    assert told.done
    assert told.reason.startswith("no frontier reachable; given up: (3.00, 0.00) goal is not reachable: walled in")
    assert [(request.x_m, request.y_m) for request in world.closed] == [(3.0, 0.0)]


def test_what_stays_unseen_from_close_by_is_given_up() -> None:
    world = Unknown([(2.0, 0.0), (0.0, 2.0)], sight_m=0.0)
    told = world.explore(60.0)
    assert told.done
    assert told.reason.startswith("complete; given up: ")
    assert told.reason.count("stays unseen from there") == 2


def test_a_tour_that_brings_nothing_new_ends() -> None:
    world = Unknown([(3.0, 0.0)])
    flips = [Goal(2.5, 1.5, None, 0.3), Goal(2.5, -1.5, None, 0.3)]
    count = 0

    def flip(answer: FrontierResult) -> FrontierResult:
        nonlocal count
        count += 1
        left = [goal for goal in flips if not any(abs(goal.y_m - c.y_m) < 0.1 for c in world.closed)]
        target = left[count % len(left)] if left else None
        return replace(answer, target=target, known_m2=10.0)

    world.change = flip
    told = world.explore(200.0)
    assert told.done
    assert "nothing new was seen" in told.reason


def test_an_answer_that_never_comes_ends_the_exploration() -> None:
    world = Unknown([(3.0, 0.0)])
    world.change = lambda _: None
    told = world.explore(100.0)
    assert told.done
    assert told.reason == "no frontier reachable"


@pytest.mark.parametrize(
    "bad", [{"way_m": math.nan}, {"known_m2": math.inf}, {"target": Goal(math.nan, 0.0, None, 0.3)}]
)
def test_bad_answers_are_no_answers(bad: dict[str, Any]) -> None:
    world = Unknown([(3.0, 0.0)])
    world.change = lambda answer: replace(answer, **bad)
    told = world.explore(60.0)
    assert told.reason == "no frontier reachable"
    assert math.hypot(world.pose.x_m, world.pose.y_m) < 0.1


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (Explore(0, Goal(math.nan, 0.0, None, 0.3), 10.0), "home is not usable"),
        (Explore(0, Goal(0.0, 0.0, None, 0.0), 10.0), "home is not usable"),
        (Explore(0, None, math.nan), "the time to explore is not usable"),
        (Explore(0, None, -1.0), "the time to explore is not usable"),
    ],
)
def test_an_order_that_makes_no_sense_fails_at_once(order: Explore, reason: str) -> None:
    world = Unknown([(3.0, 0.0)])
    world.order = order
    told = world.explore(1.0)
    assert told.failed
    assert told.reason.startswith(reason)
    assert world.asked == []


def test_a_home_that_cannot_be_reached_again_is_a_failure_that_tells_both() -> None:
    world = Unknown([(2.0, 0.0)], max_recoveries=0)
    straight, refuse = world.planner, refusing(PlanStatus.NO_PATH, "shut")
    world.planner = lambda request: (refuse if request.goal_map.x_m < 1.0 else straight)(request)
    told = world.explore(60.0)
    assert told.failed
    assert told.reason.startswith("complete; not home: ")
    assert "shut" in told.reason


def test_another_mission_ends_it() -> None:
    world = Unknown([(3.0, 0.0)])
    world.explore(1.0)
    world.explorer.cancel()
    asked = len(world.asked)
    world.explore(2.0)
    assert len(world.asked) == asked


def test_a_pause_asks_nothing_and_goes_on_where_it_was() -> None:
    world = Unknown([(3.0, 0.0)])
    world.explore(1.0)
    world.step(operator=(Operator(0, OperatorAction.PAUSE),))
    asked = len(world.asked)
    world.explore(3.0)
    assert len(world.asked) == asked
    world.step(operator=(Operator(0, OperatorAction.RESUME),))
    assert world.explore(60.0).reason == "complete"


def test_a_robot_that_is_held_before_a_frontier_gives_it_up_after_few_recoveries() -> None:
    world = Unknown([(3.0, 0.0)], sight_m=0.1)
    world.blocked = lambda pose: pose.x_m > 1.0
    told = world.explore(200.0)
    assert told.done
    assert told.reason.startswith("no frontier reachable; given up: (3.00, 0.00)")


def test_without_an_order_the_mission_is_reported_as_it_is() -> None:
    world = Unknown([], goals=(Goal(1.0, 0.0, None, 0.3),))
    out = World.step(world)
    assert world.explorer.report(out, Errand()) is out
    assert world.explorer.direct(ExplorerInput(1, None, None, world.pose, 10, may_move=True)) == Errand()
