"""The planning worker finds its way through an unknown building, frontier by frontier."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scan_world

from amr.config.exploration import Exploration
from amr.config.robot import RobotConfig
from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.mapping.pose_arrays import Array
from amr.messages import CloseFrontier, FrontierRequest, FrontierResult, Goal, InsertScan, PlanRequest, PlanStatus, Scan
from amr.planning.exploration import ExplorationChoice, ExplorationView
from amr.planning.worker_core import PlanningWorker
from amr.registry import make_exploration_strategy, make_planning_worker
from amr.runtime.files import load_robot

ROBOT = load_robot("reference")
BEAMS = 360
ANGLES = -math.pi + np.arange(BEAMS) * 2.0 * math.pi / BEAMS


class Explored:
    """A point robot that knows where it is, the worker's map, and how it drove."""

    def __init__(self, segments: Array, robot: RobotConfig = ROBOT) -> None:
        self.worker: PlanningWorker = make_planning_worker(robot)
        self.segments = segments
        self.pose = Pose2(-5.0, 3.0, 0.0)
        self.count = 0
        self.way_m = 0.0
        self.target: Goal | None = None

    def look(self) -> None:
        self.count += 1
        pose = np.array([self.pose.x_m, self.pose.y_m, self.pose.yaw_rad])
        seen = scan_world.ranges(pose, self.segments, ANGLES).astype(np.float32)
        scan = Scan(self.count, ANGLES[0], ANGLES[1] - ANGLES[0], 0.02, 12.0, 0.0, seen)
        self.worker.offer_scan(scan)
        self.worker.handle(InsertScan(self.count, self.pose, self.count))

    def ask(self) -> FrontierResult:
        answer = self.worker.handle(FrontierRequest(self.count, 0, self.pose, self.target, 0.3, self.count))
        assert isinstance(answer, FrontierResult)
        return answer

    def go(self, target: Goal, most_m: float) -> None:
        plan = self.worker.handle(PlanRequest(self.count, 0, self.pose, target, self.count))
        assert plan is not None
        assert not isinstance(plan, FrontierResult)
        assert plan.status is PlanStatus.OK
        k = min(len(plan.path_map) - 1, int(most_m / 0.05))
        self.way_m += 0.05 * k
        self.pose = Pose2(*plan.path_map[k].tolist())

    def explore(self, turns_max: int) -> FrontierResult:
        for _ in range(turns_max):
            self.look()
            answer = self.ask()
            if answer.target is None:
                return answer
            self.target = answer.target
            self.go(answer.target, 1.0)
        return answer


def test_a_whole_building_is_seen_and_nothing_is_left() -> None:
    explored = Explored(scan_world.walls())
    answer = explored.explore(60)
    assert answer.target is None
    assert explored.way_m < 40.0
    image = explored.worker.global_map.image()
    free_m2 = float((image.pixels == 254).sum()) * image.frame.resolution_m**2
    assert free_m2 > 0.95 * (12.0 * 8.0 - 1.44)
    assert answer.known_m2 >= free_m2


def test_what_was_given_up_is_gone_from_the_worker_until_an_exploration_begins() -> None:
    explored = Explored(scan_world.walls())
    explored.look()
    first = explored.ask()
    assert first.target is not None
    explored.worker.handle(CloseFrontier(first.target.x_m, first.target.y_m, 100.0, 1))
    tree = explored.worker.state()
    assert explored.ask().target is None
    afresh = explored.worker.handle(FrontierRequest(1, 0, explored.pose, None, 0.3, 1, afresh=True))
    assert isinstance(afresh, FrontierResult)
    assert afresh.target == first.target
    explored.worker.restore(tree)
    assert explored.ask().target is None


def test_the_answer_has_a_modelled_latency_and_the_request_s_id() -> None:
    explored = Explored(scan_world.walls())
    explored.look()
    answer = explored.worker.handle(FrontierRequest(77, 1000, explored.pose, None, 0.3, 5))
    assert isinstance(answer, FrontierResult)
    assert (answer.request_id, answer.map_version) == (77, 5)
    assert answer.stamp_ns > 1000 + 10_000_000


class Stubborn:
    """A strategy from outside: always the same place."""

    def __init__(self, settings: Exploration) -> None:
        self.settings = settings

    def choose(self, view: ExplorationView) -> ExplorationChoice:
        assert view.way_m.shape == view.unseen.shape
        return ExplorationChoice((1.0, 2.0), frontiers=1)


def robot_with(strategy: str) -> RobotConfig:
    return ROBOT.model_copy(update={"exploration": Exploration(strategy=strategy)})


def test_an_own_strategy_is_loaded_by_module_and_class() -> None:
    explored = Explored(scan_world.walls(), robot_with(f"{__name__}:Stubborn"))
    explored.look()
    target = explored.ask().target
    assert target is not None
    assert (target.x_m, target.y_m) == (1.0, 2.0)


@pytest.mark.parametrize("name", ["oracle", "no_such_module:Strategy", "math:Strategy"])
def test_a_strategy_that_is_not_there_is_a_config_error(name: str) -> None:
    with pytest.raises(ConfigError, match="strategy"):
        make_exploration_strategy(robot_with(name))
