"""Blind corners: slow where somebody could come out, and nowhere else."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from amr.config.control import CornerSettings
from amr.config.robot import RobotConfig
from amr.control.base import MotionLimits
from amr.control.corners import BlindCorners
from amr.geometry import Pose2
from amr.grid import DistanceField, GridFrame
from amr.kernels.sight import in_sight
from amr.runtime.files import load_robot

SIZE, CELL_M = 240, 0.04
ROBOT = load_robot("reference")
FULL = MotionLimits.from_config(ROBOT.limits)
NO_PATH = np.zeros((0, 3))


def field(*walls_m: tuple[float, float, float, float]) -> DistanceField:
    """A window about the origin with boxes (x from, x to, y from, y to) in it."""
    middle = (np.arange(SIZE) - SIZE // 2 + 0.5) * CELL_M
    x, y = middle[None, :], middle[:, None]
    away = np.full((SIZE, SIZE), 1.5, np.float32)
    for x_from, x_to, y_from, y_to in walls_m:
        dx = np.maximum(np.maximum(x_from - x, x - x_to), 0.0)
        dy = np.maximum(np.maximum(y_from - y, y - y_to), 0.0)
        away = np.minimum(away, np.sqrt(dx * dx + dy * dy).astype(np.float32))
    frame = GridFrame(-0.5 * SIZE * CELL_M, -0.5 * SIZE * CELL_M, CELL_M, SIZE, SIZE)
    return DistanceField(frame, away, np.zeros((SIZE, SIZE), np.uint8), 1.5)


def robot(**settings: float) -> RobotConfig:
    corners = CornerSettings(**({"speed_mps": 1.0} | settings))
    return ROBOT.model_copy(update={"control": ROBOT.control.model_copy(update={"corners": corners})})


def speed_mps(seen: DistanceField, pose: Pose2, config: RobotConfig | None = None, path: np.ndarray = NO_PATH) -> float:
    return BlindCorners(robot() if config is None else config).limits(FULL, seen, pose, path).v_max_mps


DOOR = field((-5.0, -0.4, 0.0, 0.16), (0.4, 5.0, 0.0, 0.16))
"""A wall along y = 0 with a door of 0.8 m."""


def test_robot_slows_before_a_door_and_not_far_from_it_or_in_it() -> None:
    north = 0.5 * math.pi
    assert speed_mps(DOOR, Pose2(0.0, -2.5, north)) == FULL.v_max_mps
    assert speed_mps(DOOR, Pose2(0.0, -0.5, north)) < FULL.v_max_mps
    assert speed_mps(DOOR, Pose2(0.0, 0.05, north)) == FULL.v_max_mps  # it looks along the wall, both ways
    assert speed_mps(DOOR, Pose2(0.0, -0.5, -north)) == FULL.v_max_mps  # it leaves


def way_round(
    middle: tuple[float, float], radius: float, begin: tuple[float, float], end: tuple[float, float]
) -> float:
    """Length of the shortest way round a disc: tangent, arc, tangent."""
    a, b = math.dist(begin, middle), math.dist(end, middle)
    between = math.acos(
        ((begin[0] - middle[0]) * (end[0] - middle[0]) + (begin[1] - middle[1]) * (end[1] - middle[1])) / (a * b)
    )
    arc = between - math.acos(radius / a) - math.acos(radius / b)
    if arc <= 0.0:
        return math.dist(begin, end)
    return math.sqrt(a * a - radius * radius) + math.sqrt(b * b - radius * radius) + radius * arc


@pytest.mark.parametrize("y", [-1.1, -0.9, -0.7, -0.5])
def test_who_steps_out_of_the_nearest_hidden_place_meets_a_robot_that_stands(y: float) -> None:
    """A plain model apart from the code: lines of sight past the door frame, shortest ways round its edge."""
    config = robot(least_mps=0.01)
    settings = config.control.corners
    v = speed_mps(DOOR, Pose2(0.0, y, 0.5 * math.pi), config)
    stop_m = v * settings.notice_s + v * v / (2.0 * FULL.brake_mps2)
    stop_s = settings.notice_s + v / FULL.brake_mps2
    stand = (0.0, y + stop_m)
    slope = (0.16 - y - config.lidar.x_m) / 0.4  # past the far edge of the frame at (0.4, 0.16)
    nearest_m = math.inf
    for deep in np.arange(0.16 + settings.radius_m, 3.0, 0.01):
        # wholly behind the line of sight: its centre is a radius away from it
        aside = 0.4 + (deep - 0.16) / slope + settings.radius_m * math.hypot(1.0, slope) / slope
        nearest_m = min(nearest_m, way_round((0.4, 0.16), settings.radius_m, (aside, deep), stand))
    meet_m = settings.radius_m + config.body.circumradius_m
    assert nearest_m - settings.speed_mps * stop_s >= meet_m - 0.08  # a cell of the map of hidden places


def test_slower_who_comes_and_later_who_notices() -> None:
    pose = Pose2(0.0, -0.5, 0.5 * math.pi)
    assert speed_mps(DOOR, pose, robot(speed_mps=0.5)) > speed_mps(DOOR, pose)
    assert speed_mps(DOOR, pose, robot(notice_s=0.8)) < speed_mps(DOOR, pose)
    assert speed_mps(DOOR, pose, robot(speed_mps=5.0)) == pytest.approx(robot().control.corners.least_mps)


def test_a_fast_robot_looks_as_far_as_it_needs_to_stop() -> None:
    fast = replace(FULL, v_max_mps=2.0, brake_mps2=1.0)  # stands after 2.8 m
    limits = BlindCorners(robot()).limits(fast, DOOR, Pose2(0.0, -3.0, 0.5 * math.pi), NO_PATH)
    assert 0.5 < limits.v_max_mps < 2.0


def test_nothing_to_hide_behind_slows_nothing() -> None:
    north = Pose2(0.0, -0.5, 0.5 * math.pi)
    assert speed_mps(field(), north) == FULL.v_max_mps
    posts = field(*((x, x + 0.08, 0.2, 0.28) for x in np.arange(-2.0, 2.0, 0.7)))
    assert speed_mps(posts, north) == FULL.v_max_mps
    corridor = field((-5.0, 5.0, 0.6, 0.8), (-5.0, 5.0, -1.8, -1.6))
    assert speed_mps(corridor, Pose2(0.0, -0.5, 0.0)) == FULL.v_max_mps


def test_path_round_the_corner_counts_not_the_heading() -> None:
    corner = field((-5.0, -0.4, 0.0, 5.0))
    pose = Pose2(0.0, -0.4, 0.5 * math.pi)
    left = np.array([(0.0, -0.4, 0.0), (-1.0, -0.5, 0.0), (-2.0, -0.5, 0.0)])
    right = np.array([(0.0, -0.4, 0.0), (1.0, -0.4, 0.0), (2.0, -0.4, 0.0)])
    door = [speed_mps(DOOR, Pose2(0.0, -0.7, 0.5 * math.pi), path=path) for path in (left, right)]
    through = np.array([(0.0, -0.7, 0.0), (0.0, 1.0, 0.0)])
    assert speed_mps(DOOR, Pose2(0.0, -0.7, 0.0), path=through) < min(door)
    assert speed_mps(corner, pose, path=right) == FULL.v_max_mps


def test_where_no_beam_looks_is_no_corner() -> None:
    jackal = load_robot("jackal")
    corners = CornerSettings(speed_mps=1.0)
    config = jackal.model_copy(update={"control": jackal.control.model_copy(update={"corners": corners})})
    full = MotionLimits.from_config(jackal.limits)
    assert BlindCorners(config).limits(full, field(), Pose2(0.0, 0.0, 0.0), NO_PATH) == full


def test_off_unless_asked_and_for_a_pose_that_is_none() -> None:
    pose = Pose2(0.0, -0.5, 0.5 * math.pi)
    assert BlindCorners(robot(speed_mps=0.0)).limits(FULL, DOOR, pose, NO_PATH) is FULL
    assert BlindCorners(robot()).limits(FULL, DOOR, replace(pose, x_m=math.nan), NO_PATH) is FULL
    for far_m in (-50.0, 50.0):
        assert BlindCorners(robot()).limits(FULL, DOOR, Pose2(far_m, far_m, 0.0), NO_PATH) is FULL


def test_in_sight_is_what_a_fine_walk_along_each_line_says() -> None:
    rng = np.random.default_rng(5)
    for _ in range(10):
        boxes = []
        for _ in range(6):
            x, y = rng.uniform(-2.0, 2.0, 2)
            if math.hypot(x, y) > 0.7:
                boxes.append((x, x + rng.uniform(0.05, 0.4), y, y + rng.uniform(0.05, 0.4)))
        seen = field(*boxes)
        visible = np.empty((60, 60), np.bool_)
        eye = SIZE / 2
        in_sight(seen.distance_m, CELL_M, eye, eye, 60, 60, 2, visible)
        wrong = 0
        for j, i in rng.integers(0, 60, (200, 2)):
            x, y = 60 + 2 * i + 0.5 - eye, 60 + 2 * j + 0.5 - eye
            length = math.hypot(x, y)
            along = np.arange(0.0, max(length - 1.0, 0.0), 0.05) / max(length, 1e-9)
            at = seen.distance_m[(eye + along * y).astype(int), (eye + along * x).astype(int)]
            blocked = bool((at < 0.5 * CELL_M).any())
            wrong += blocked == bool(visible[j, i])
        assert wrong <= 4  # lines that graze a cell's corner
