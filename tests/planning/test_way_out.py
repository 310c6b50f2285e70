"""Ways out of tight places: small cells near the robot, a margin kept, and nothing unseen entered without need."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from amr.config.robot import RobotConfig
from amr.geometry import Pose2
from amr.grid import COST_LETHAL, CostGrid, DistanceField, GridFrame
from amr.messages import Goal, InsertScan, PlanRequest, PlanResult, PlanStatus, Scan
from amr.planning.way_out import GOES_BLIND, LOOKS_FIRST, fine_grid, parts_of_cell
from amr.planning.worker_core import PlanningWorker
from amr.registry import make_planning_worker
from amr.runtime.files import load_robot

ROBOT: RobotConfig = load_robot("jackal")
WIDTH_M = 2.0 * ROBOT.body.width_bounds_m[1]

Segment = tuple[float, float, float, float]


def look(walls: Sequence[Segment], base: Pose2, stamp_ns: int) -> Scan:
    """An exact scan of line segments."""
    lidar = ROBOT.lidar
    x, y = base.apply(lidar.x_m, lidar.y_m)
    angles = base.yaw_rad + lidar.angle_min_rad + np.arange(lidar.beams) * lidar.angle_increment_rad
    ranges = np.full(lidar.beams, np.inf)
    for ax, ay, bx, by in walls:
        dx, dy = np.cos(angles), np.sin(angles)
        ex, ey = bx - ax, by - ay
        cross = dx * ey - dy * ex
        with np.errstate(divide="ignore", invalid="ignore"):
            along = ((ax - x) * ey - (ay - y) * ex) / cross
            part = ((ax - x) * dy - (ay - y) * dx) / cross
        hit = (along > 0.0) & (part >= 0.0) & (part <= 1.0)
        ranges = np.where(hit, np.minimum(ranges, along), ranges)
    return Scan(
        stamp_ns, lidar.angle_min_rad, lidar.angle_increment_rad, lidar.range_min_m, lidar.range_max_m, 0.0,
        ranges.astype(np.float32),
    )  # fmt: skip


def worker_that_saw(walls: Sequence[Segment], poses: Sequence[Pose2]) -> PlanningWorker:
    worker = make_planning_worker(ROBOT)
    for number, base in enumerate(poses, start=1):
        scan = look(walls, base, number)
        worker.offer_scan(scan)
        worker.handle(InsertScan(number, base @ Pose2(ROBOT.lidar.x_m, ROBOT.lidar.y_m, 0.0), number))
    return worker


def way(worker: PlanningWorker, start: Pose2, goal: Goal) -> PlanResult:
    answer = worker.handle(PlanRequest(1, 1000, start, goal, 1, exact=True))
    assert answer is not None
    return answer


def box_of(x0: float, y0: float, x1: float, y1: float) -> list[Segment]:
    return [(x0, y0, x1, y0), (x1, y0, x1, y1), (x1, y1, x0, y1), (x0, y1, x0, y0)]


def nearest_m(path: NDArray[np.float64], walls: Sequence[Segment]) -> float:
    """Smallest distance of the outline's corners, along the path, to the walls."""
    corners = np.array([corner for polygon in ROBOT.body.outline_m for corner in polygon])
    least = math.inf
    for x, y, yaw in path.tolist():
        c, s = math.cos(yaw), math.sin(yaw)
        px, py = x + c * corners[:, 0] - s * corners[:, 1], y + s * corners[:, 0] + c * corners[:, 1]
        for ax, ay, bx, by in walls:
            ex, ey = bx - ax, by - ay
            part = np.clip(((px - ax) * ex + (py - ay) * ey) / (ex * ex + ey * ey), 0.0, 1.0)
            least = min(least, float(np.hypot(px - ax - part * ex, py - ay - part * ey).min()))
    return least


AROUND = [Pose2(0.0, 0.0, yaw) for yaw in (0.0, 1.6, 3.1, -1.6, 0.0)]


@pytest.mark.parametrize("offset_m", [0.0, 0.013, 0.026, 0.039])
def test_a_gap_with_four_centimetres_on_each_side_is_passed_wherever_the_cells_lie(offset_m: float) -> None:
    half = 0.5 * WIDTH_M + 0.04
    x = 0.8 + offset_m
    walls = [(x, half + offset_m, x, 3.0), (x, -3.0, x, offset_m - half), *box_of(-1.0, -3.0, 3.0, 3.0)]
    answer = way(worker_that_saw(walls, AROUND), Pose2(0.0, 0.0, 0.0), Goal(2.0, 0.0, None, 0.2))
    assert answer.status is PlanStatus.OK, answer.reason
    assert answer.reason == ""
    assert nearest_m(answer.path_map, walls) > 0.01


def test_a_closed_box_has_no_way_out_and_the_reason_says_so() -> None:
    walls = box_of(-0.6, -0.6, 0.6, 0.6)
    answer = way(worker_that_saw(walls, AROUND), Pose2(0.0, 0.0, 0.0), Goal(3.0, 0.0, None, 0.2))
    assert answer.status is PlanStatus.NO_PATH
    assert "no way" in answer.reason
    assert answer.path_map.shape == (0, 3)


@pytest.mark.slow
def test_a_gap_that_the_safety_ring_would_not_let_it_pass_is_named_as_such() -> None:
    half = 0.5 * WIDTH_M + 0.012
    walls = [(0.8, half, 0.8, 3.0), (0.8, -3.0, 0.8, -half), *box_of(-1.0, -3.0, 3.0, 3.0)]
    answer = way(worker_that_saw(walls, AROUND), Pose2(0.0, 0.0, 0.3), Goal(2.0, 0.0, None, 0.2))
    assert answer.status is PlanStatus.NO_PATH
    assert answer.reason == "the only way leaves less room than the safety margin"


def test_beside_a_post_nearer_than_the_margin_it_finds_the_way_that_leaves_it() -> None:
    walls = box_of(0.235, 0.15, 0.3, 0.2)  # 6 mm before a wheel
    start = Pose2(0.0, 0.0, 0.0)
    answer = way(worker_that_saw(walls, [start]), start, Goal(3.0, 0.0, None, 0.2))
    assert answer.status is PlanStatus.OK
    assert nearest_m(answer.path_map[8:], walls) > 0.012


def test_with_something_unseen_behind_and_room_to_turn_it_looks_there_first() -> None:
    walls = [(0.4, -0.4, 0.4, 0.4), (-2.0, 0.4, 0.4, 0.4), (-2.0, -0.4, 0.4, -0.4)]
    start = Pose2(0.0, 0.0, 0.0)
    answer = way(worker_that_saw(walls, [start]), start, Goal(-4.0, 0.0, None, 0.2))
    assert (answer.status, answer.reason) == (PlanStatus.OK, LOOKS_FIRST)
    assert abs(answer.path_map[-1, 2]) == pytest.approx(0.5 * math.pi, abs=0.01)
    assert float(np.hypot(answer.path_map[:, 0], answer.path_map[:, 1]).max()) < 0.45


def test_without_room_to_turn_it_backs_out_a_little_and_asks_again() -> None:
    half = 0.5 * WIDTH_M + 0.06
    walls = [(0.4, -half, 0.4, half), (-2.0, half, 0.4, half), (-2.0, -half, 0.4, -half)]
    start = Pose2(0.0, 0.0, 0.0)
    answer = way(worker_that_saw(walls, [start]), start, Goal(-4.0, 0.0, None, 0.2))
    assert (answer.status, answer.reason) == (PlanStatus.OK, GOES_BLIND)
    steps = np.diff(answer.path_map[:, :2], axis=0)
    assert float(np.hypot(steps[:, 0], steps[:, 1]).sum()) < 0.25
    assert float(answer.path_map[-1, 0]) < -0.1


@pytest.mark.parametrize("start", [Pose2(math.nan, 0.0, 0.0), Pose2(0.0, math.inf, 0.0), Pose2(1e9, 0.0, 0.0)])
def test_a_start_that_is_nowhere_is_refused(start: Pose2) -> None:
    answer = way(worker_that_saw(box_of(-1.0, -1.0, 1.0, 1.0), AROUND[:1]), start, Goal(0.5, 0.0, None, 0.2))
    assert answer.status is not PlanStatus.OK


def test_equal_questions_have_equal_answers_also_after_a_snapshot() -> None:
    walls = box_of(-0.6, -0.7, 3.0, 0.7)
    worker = worker_that_saw(walls, AROUND)
    twin = make_planning_worker(ROBOT)
    twin.restore(worker.state())
    start, goal = Pose2(0.0, 0.0, 2.0), Goal(2.0, 0.3, None, 0.2)
    first, again, other = way(worker, start, goal), way(worker, start, goal), way(twin, start, goal)
    for answer in (again, other):
        assert np.array_equal(answer.path_map, first.path_map)
        assert (answer.cost, answer.expanded, answer.reason) == (first.cost, first.expanded, first.reason)


def test_the_window_decides_where_it_has_seen_and_the_coarse_map_elsewhere() -> None:
    coarse = CostGrid(GridFrame(-1.0, -1.0, 0.05, 40, 40), np.zeros((40, 40), np.uint8))
    coarse.cost[20, 20] = coarse.cost[5, 5] = COST_LETHAL
    frame = GridFrame(-0.2, -0.2, 0.0125, 32, 32)
    distance_m = np.full((32, 32), 1.0, np.float32)
    distance_m[10, 12] = 0.0
    field = DistanceField(frame, distance_m, np.zeros((32, 32), np.uint8), 1.0)
    assert parts_of_cell(coarse.frame, frame) == 4
    fine = fine_grid(coarse, field, 0.2, 0)
    assert fine.cost[fine.frame.cell(0.02, 0.02)] == 0  # the window has seen past it
    assert fine.cost[fine.frame.cell(-0.73, -0.73)] == COST_LETHAL
    assert fine.cost[fine.frame.cell(*frame.center(10, 12))] == COST_LETHAL
    assert int((fine.cost == COST_LETHAL).sum()) == 16 + 1
    field.unknown[:] = 1
    assert fine_grid(coarse, field, 0.2, 0).cost[fine.frame.cell(0.02, 0.02)] == COST_LETHAL


def test_a_window_beside_the_map_changes_nothing() -> None:
    coarse = CostGrid(GridFrame(-1.0, -1.0, 0.05, 40, 40), np.full((40, 40), 7, np.uint8))
    field = DistanceField(
        GridFrame(50.0, 0.0, 0.0125, 8, 8), np.zeros((8, 8), np.float32), np.zeros((8, 8), np.uint8), 1.0
    )
    assert np.all(fine_grid(coarse, field, 0.2, 2).cost == 7)


def test_an_exact_answer_takes_the_time_of_its_grids_and_poses() -> None:
    answer = way(worker_that_saw(box_of(-0.6, -0.6, 0.6, 0.6), AROUND), Pose2(0.0, 0.0, 0.0), Goal(3.0, 0.0, None, 0.2))
    latency_s = ROBOT.planning.latency_way_out_s + answer.expanded * ROBOT.planning.latency_per_pose_s
    assert answer.stamp_ns - 1000 == pytest.approx(latency_s * 1e9, abs=2.0)
