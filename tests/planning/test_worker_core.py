"""The planning worker: map upkeep, answers with modelled latency, and paths that do not flip."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from amr.config.planning import Planning
from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.grid import CostGrid, GridFrame
from amr.mapping.base import WHOLE, Inflation, MapImage, ScanVerdict
from amr.messages import ForgetObstacles, Goal, InsertScan, PlanRequest, PlanResult, PlanStatus, Scan
from amr.planning.worker_core import PlanningWorker, covering
from amr.registry import make_planning_worker
from amr.runtime.files import load_robot

ROBOT = load_robot("jackal")


class PaintedMap:
    """A map whose costs the test paints."""

    def __init__(self, cost: NDArray[np.uint8], hopeful: NDArray[np.uint8] | None = None) -> None:
        self.cost = cost
        self.hopeful = cost if hopeful is None else hopeful
        self.inserted: list[tuple[int, Pose2]] = []
        self.forgotten: list[tuple[float, float, float]] = []

    def insert(self, scan: Scan, map_from_lidar: Pose2, map_from_lidar_end: Pose2 | None = None) -> ScanVerdict:
        assert map_from_lidar_end is None
        self.inserted.append((scan.stamp_ns, map_from_lidar))
        return ScanVerdict.INSERTED

    def forget_disc(self, x_m: float, y_m: float, radius_m: float) -> None:
        self.forgotten.append((x_m, y_m, radius_m))

    def cost_grid(self, inflation: Inflation) -> CostGrid:
        assert inflation.inradius_m <= ROBOT.body.inradius_m
        cost = self.cost if inflation.inradius_m == ROBOT.body.inradius_m else self.hopeful
        return CostGrid(GridFrame(0.0, 0.0, 0.1, cost.shape[1], cost.shape[0]), cost.copy())

    def unseen(self, frame: GridFrame, rows: slice = WHOLE, columns: slice = WHOLE) -> NDArray[np.bool_]:
        unseen = np.ones((frame.height, frame.width), bool)
        row, column = round(-frame.origin_y_m / 0.1), round(-frame.origin_x_m / 0.1)
        unseen[row : row + self.cost.shape[0], column : column + self.cost.shape[1]] = self.cost == 255
        return unseen[rows, columns]

    def image(self) -> MapImage:
        raise NotImplementedError


def worker_on(cost: NDArray[np.uint8], **settings: object) -> tuple[PlanningWorker, PaintedMap]:
    planning = Planning(**({"map_margin_m": 0.0, "unknown": "lethal"} | settings))  # type: ignore[arg-type]
    painted = PaintedMap(cost)
    config: RobotConfig = ROBOT.model_copy(update={"planning": planning})
    return make_planning_worker(config, painted), painted


def ask(worker: PlanningWorker, x_m: float, y_m: float, goal: Goal, stamp_ns: int = 1000) -> PlanResult:
    answer = worker.handle(PlanRequest(7, stamp_ns, Pose2(x_m, y_m, 0.0), goal, 3))
    assert answer is not None
    return answer


def scan(stamp_ns: int) -> Scan:
    return Scan(stamp_ns, -1.0, 0.1, 0.1, 10.0, 0.0, np.full(21, 2.0, np.float32))


def island() -> NDArray[np.uint8]:
    """Two equally long ways around a block in the middle, seen from its axis."""
    cost = np.zeros((61, 101), np.uint8)
    cost[20:41, 40:61] = 254
    return cost


AXIS_Y_M = 3.05
GOAL = Goal(9.05, AXIS_Y_M, None, 0.2)


def test_an_answer_repeats_the_question_and_carries_the_modelled_latency() -> None:
    worker, _ = worker_on(island(), latency_base_s=0.02, latency_per_expansion_s=1e-6)
    answer = ask(worker, 1.05, AXIS_Y_M, GOAL)
    assert (answer.request_id, answer.map_version, answer.status) == (7, 3, PlanStatus.OK)
    assert answer.expanded > 0
    assert answer.stamp_ns == 1000 + 20_000_000 + 1000 * answer.expanded
    assert answer.path_map.dtype == np.float64
    assert answer.path_map.shape[1] == 3
    assert answer.cost > 8.0


def test_equal_routes_do_not_take_turns() -> None:
    worker, _ = worker_on(island())
    first = ask(worker, 1.05, AXIS_Y_M, GOAL)
    side = math.copysign(1.0, first.path_map[len(first.path_map) // 2, 1] - AXIS_Y_M)
    for wobble_m in (-0.15, 0.15, -0.2, 0.2):
        again = ask(worker, 1.25, AXIS_Y_M + wobble_m, GOAL)
        middle = again.path_map[len(again.path_map) // 2, 1] - AXIS_Y_M
        assert math.copysign(1.0, middle) == side
        assert tuple(again.path_map[0, :2]) == (1.25, AXIS_Y_M + wobble_m)


def test_the_way_back_onto_a_kept_path_is_smooth_and_its_speeds_are_told() -> None:
    worker, _ = worker_on(island())
    first = ask(worker, 1.05, AXIS_Y_M, GOAL)
    place = first.path_map[20]
    again = ask(worker, float(place[0]) + 0.03, float(place[1]) - 0.06, GOAL)
    turns = np.abs(np.diff(again.path_map[:-1, 2]))
    assert turns.max() < 0.15
    assert again.speed_mps.shape == (len(again.path_map),)
    assert again.speed_mps[:15].min() > 1.0
    assert again.speed_mps[-1] == 0.0
    assert again.speed_mps.max() <= ROBOT.limits.v_max_mps


def test_an_answer_without_a_path_tells_no_speeds() -> None:
    worker, _ = worker_on(island())
    assert ask(worker, 1.05, AXIS_Y_M, Goal(5.0, 3.0, None, 0.2)).speed_mps.shape == (0,)


def test_the_speeds_are_lower_where_the_way_is_narrow() -> None:
    cost = np.zeros((61, 101), np.uint8)
    cost[:28, 50:54] = cost[34:, 50:54] = 254
    worker, _ = worker_on(cost)
    answer = ask(worker, 1.05, AXIS_Y_M, GOAL)
    narrow = np.abs(answer.path_map[:, 0] - 5.2) < 0.3
    assert answer.speed_mps[narrow].max() <= ROBOT.limits.v_max_mps
    straight = answer.speed_mps[np.abs(answer.path_map[:, 0] - 3.0) < 0.2]
    assert straight.min() >= answer.speed_mps[narrow].min()


def test_without_keeping_the_nearer_route_is_taken_each_time() -> None:
    worker, _ = worker_on(island(), keep_path_distance_m=0.0)
    sides = set()
    for wobble_m in (-0.3, 0.3):
        path = ask(worker, 1.25, AXIS_Y_M + wobble_m, GOAL).path_map
        sides.add(bool(path[len(path) // 2, 1] > AXIS_Y_M))
    assert len(sides) == 2


def test_a_kept_path_is_left_when_blocked_or_clearly_dearer_or_for_another_goal() -> None:
    worker, painted = worker_on(island())
    first = ask(worker, 1.05, AXIS_Y_M, GOAL)
    upper = bool(first.path_map[len(first.path_map) // 2, 1] > AXIS_Y_M)
    rows = slice(41, 61) if upper else slice(0, 20)
    painted.cost[rows, 50] = 254
    blocked = ask(worker, 1.05, AXIS_Y_M, GOAL)
    assert blocked.status is PlanStatus.OK
    assert bool(blocked.path_map[len(blocked.path_map) // 2, 1] > AXIS_Y_M) is not upper
    painted.cost = island()
    other = slice(0, 20) if upper else slice(41, 61)
    painted.cost[other, 30:70] = 200
    dearer = ask(worker, 1.05, AXIS_Y_M, GOAL)
    assert bool(dearer.path_map[len(dearer.path_map) // 2, 1] > AXIS_Y_M) is upper
    elsewhere = ask(worker, 1.05, AXIS_Y_M, Goal(5.0, 5.8, 1.5, 0.2))
    assert elsewhere.path_map[-1].tolist() == [5.0, 5.8, 1.5]


def test_a_path_to_the_goal_replaces_one_that_ended_short_of_it() -> None:
    cost = island()
    cost[25:36, 88:93] = 254
    worker, painted = worker_on(cost)
    goal = replace(GOAL, tolerance_m=0.6)
    short = ask(worker, 1.05, AXIS_Y_M, goal)
    assert short.status is PlanStatus.OK
    assert "cannot be reached" in short.reason
    painted.cost = island()
    full = ask(worker, 1.05, AXIS_Y_M, goal)
    assert full.path_map[-1, :2].tolist() == [GOAL.x_m, GOAL.y_m]
    assert full.reason == ""


def test_scans_are_inserted_by_stamp_and_missing_ones_counted() -> None:
    worker, painted = worker_on(island(), scan_memory=2)
    for stamp_ns in (1, 2, 3):
        worker.offer_scan(scan(stamp_ns))
    pose = Pose2(1.0, 2.0, 0.5)
    assert worker.handle(InsertScan(3, pose, 1)) is None
    assert worker.handle(InsertScan(1, pose, 2)) is None
    assert painted.inserted == [(3, pose)]
    assert worker.scans_missing == 1
    assert worker.handle(ForgetObstacles(1.0, 2.0, 0.7, 3)) is None
    assert painted.forgotten == [(1.0, 2.0, 0.7)]


def test_bad_requests_are_answered_with_the_reason() -> None:
    worker, _ = worker_on(island())
    nan = ask(worker, math.nan, AXIS_Y_M, GOAL)
    assert (nan.status, nan.path_map.shape) == (PlanStatus.OUTSIDE_MAP, (0, 3))
    assert "start is not finite" in nan.reason
    far = ask(worker, 1.05, AXIS_Y_M, Goal(1e9, 0.0, None, 0.2))
    assert far.status is PlanStatus.OUTSIDE_MAP
    assert "span too much" in far.reason
    inside = ask(worker, 1.05, AXIS_Y_M, Goal(5.0, 3.0, None, 0.2))
    assert inside.status is PlanStatus.GOAL_BLOCKED


def test_a_goal_beyond_the_map_is_planned_through_unknown_space_by_policy() -> None:
    goal = Goal(15.0, 3.0, None, 0.2)
    lethal, _ = worker_on(island())
    assert ask(lethal, 1.05, AXIS_Y_M, goal).status is PlanStatus.GOAL_BLOCKED
    costly, _ = worker_on(island(), unknown="costly", unknown_cost=63, map_margin_m=1.0)
    answer = ask(costly, 1.05, AXIS_Y_M, goal)
    assert answer.status is PlanStatus.OK
    assert answer.cost > 13.95 + 4.9 * 0.25


def test_covering_keeps_the_cells_where_they_are() -> None:
    cost = np.arange(12, dtype=np.uint8).reshape(3, 4)
    grid = CostGrid(GridFrame(1.0, 2.0, 0.5, 4, 3), cost)
    wide = covering(grid, (Pose2(-1.2, 2.1, 0.0), Pose2(math.nan, 0.0, 0.0)), 0.5)
    assert wide is not None
    assert wide.frame.contains(*wide.frame.cell(-1.2, 2.1))
    for row in range(3):
        for column in range(4):
            x_m, y_m = grid.frame.center(row, column)
            assert wide.cost[wide.frame.cell(x_m, y_m)] == cost[row, column]
    assert (wide.cost == 255).sum() == wide.cost.size - 12


def test_a_restored_worker_gives_the_same_answers() -> None:
    worker = make_planning_worker(ROBOT)
    worker.offer_scan(scan(5))
    worker.handle(InsertScan(5, Pose2(0.0, 0.0, 0.0), 1))
    ask(worker, 0.0, 0.0, Goal(4.0, 0.5, None, 0.2))
    state = worker.state()
    twin = make_planning_worker(ROBOT)
    twin.restore(state)
    for who in (worker, twin):
        who.offer_scan(scan(6))
        who.handle(InsertScan(6, Pose2(0.3, 0.1, 0.2), 2))
    answers = [ask(who, 0.3, 0.1, Goal(4.0, 0.5, None, 0.2)) for who in (worker, twin)]
    assert answers[0].status is PlanStatus.OK
    assert answers[0].path_map.tobytes() == answers[1].path_map.tobytes()
    assert replace(answers[0], path_map=answers[1].path_map).stamp_ns == answers[1].stamp_ns
    assert worker.scans_missing == twin.scans_missing == 0
    worker.handle(InsertScan(99, Pose2(0.0, 0.0, 0.0), 3))
    assert twin.scans_missing == 0


@pytest.mark.parametrize("planner", ["astar", "any_angle"])
def test_real_scans_make_a_path_around_a_wall(planner: str) -> None:
    config = ROBOT.model_copy(update={"planning": Planning(planner=planner)})  # type: ignore[arg-type]
    worker = make_planning_worker(config)
    beams = 720
    angles = config.lidar.angle_min_rad + np.arange(beams) * config.lidar.angle_increment_rad
    wall_m = np.where((np.abs(np.tan(angles)) < 0.8) & (np.cos(angles) > 0.0), 2.0 / np.cos(angles), np.inf)
    for stamp_ns in range(3):
        worker.offer_scan(Scan(stamp_ns, angles[0], angles[1] - angles[0], 0.1, 30.0, 0.0, wall_m.astype(np.float32)))
        worker.handle(InsertScan(stamp_ns, Pose2(0.0, 0.0, 0.0), stamp_ns))
    answer = ask(worker, 0.0, 0.0, Goal(4.0, 0.0, None, 0.2))
    assert answer.status is PlanStatus.OK
    crossing = answer.path_map[np.abs(answer.path_map[:, 0] - 2.0).argmin(), 1]
    assert abs(crossing) > 1.6 + ROBOT.body.inradius_m - 0.05


def walled() -> NDArray[np.uint8]:
    """6 x 4 m with a wall across, in the middle."""
    cost = np.zeros((40, 60), np.uint8)
    cost[:, 30] = 254
    return cost


def test_a_gap_that_only_the_size_of_the_cells_closes_is_tried_when_there_is_no_other_way() -> None:
    worker, painted = worker_on(walled())
    assert ask(worker, 1.0, 2.0, Goal(5.0, 2.0, None, 0.2)).status is PlanStatus.NO_PATH
    painted.hopeful = walled()
    painted.hopeful[20, 30] = 252
    path = ask(worker, 1.0, 2.0, Goal(5.0, 2.0, None, 0.2))
    assert path.status is PlanStatus.OK
    painted.cost[0, 30] = 0  # a wide way elsewhere comes first
    painted.cost[1, 30] = 0
    worker, _ = worker_on(painted.cost)
    around = ask(worker, 1.0, 2.0, Goal(5.0, 2.0, None, 0.2))
    assert float(around.path_map[:, 1].min()) < 0.4


def test_what_was_never_seen_right_behind_the_robot_is_planned_through_only_without_another_way() -> None:
    cost = np.zeros((40, 60), np.uint8)
    cost[:, :25] = 255
    worker, painted = worker_on(cost, unknown="costly")
    goal = Goal(1.0, 2.0, None, 0.2)
    path = ask(worker, 3.0, 2.0, goal).path_map  # looks along x, away from the goal
    lidar = Pose2(3.0 + ROBOT.lidar.x_m, 2.0, 0.0)
    inside = [(x, y) for x, y, _ in path.tolist() if 0.45 < lidar.distance_m(Pose2(x, y, 0.0)) < 0.95 and x < 2.4]
    assert all(abs(lidar.bearing_rad(Pose2(x, y, 0.0))) < 2.1 for x, y in inside)
    painted.cost[:, 25:] = 254
    painted.cost[18:23, 25:35] = 0  # a pocket that opens to the unseen side alone
    assert ask(worker, 3.0, 2.0, goal).status is PlanStatus.OK


def test_what_the_lidar_left_out_of_its_first_scan_is_not_planned_through_while_there_is_another_way() -> None:
    worker = make_planning_worker(ROBOT)
    lidar = ROBOT.lidar
    ranges = np.full(lidar.beams, 3.0, np.float32)
    first = Scan(1, lidar.angle_min_rad, lidar.angle_increment_rad, 0.1, 30.0, 0.0, ranges)
    worker.offer_scan(first)
    worker.handle(InsertScan(1, Pose2(lidar.x_m, 0.0, 0.0), 1))
    answer = ask(worker, 0.0, 0.0, Goal(-2.0, 0.0, None, 0.2))
    assert answer.status is PlanStatus.OK
    mount = Pose2(lidar.x_m, 0.0, 0.0)
    near = [Pose2(x, y, 0.0) for x, y, _ in answer.path_map.tolist()]
    inside = [place for place in near if 0.5 < mount.distance_m(place) < 0.9]
    assert inside
    assert all(abs(mount.bearing_rad(place)) < 2.4 for place in inside)
