"""Scans against odometry: a lidar mounted otherwise, encoders that slip, and what must not alarm."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scan_world

from amr.geometry import Pose2
from amr.mapping.motion_check import MotionCheck
from amr.state import restore_into, tree_of

ANGLES = np.linspace(-math.pi, math.pi, 360, endpoint=False)
CORRIDOR = np.array([[-50.0, 1.0, 50.0, 1.0], [-50.0, -1.0, 50.0, -1.0]])


def path(steps: int = 40, turn_rad: float = 0.02) -> list[Pose2]:
    poses = [Pose2(-1.5, 1.5, 0.3)]
    for step in range(steps):
        poses.append(poses[-1] @ Pose2(0.05, 0.0, turn_rad if step % 20 < 10 else -turn_rad))
    return poses


def driven(
    poses: list[Pose2],
    *,
    mounted_rad: float = 0.0,
    mounted_from: int = 0,
    mounted_until: int = 1_000_000,
    scale: float = 1.0,
    segments: np.ndarray | None = None,
    seed: int = 1,
) -> MotionCheck:
    """Drive the true ``poses``; odometry tells ``1 / scale`` of the way; the lidar sits turned in secret."""
    rng = np.random.default_rng(seed)
    check = MotionCheck()
    odom = Pose2(0.0, 0.0, 0.0)
    world = scan_world.walls() if segments is None else segments
    last = poses[0]
    for number, pose in enumerate(poses):
        step = last.inverse() @ pose
        odom, last = odom @ Pose2(step.x_m / scale, step.y_m / scale, step.yaw_rad), pose
        if not check.is_due(odom):
            continue
        at = np.array([pose.x_m, pose.y_m, pose.yaw_rad])
        seen = scan_world.points(at, world, ANGLES, 0.01, rng)
        turned_rad = mounted_rad if mounted_from <= number < mounted_until else 0.0
        c, s = math.cos(odom.yaw_rad - turned_rad), math.sin(odom.yaw_rad - turned_rad)
        placed = np.column_stack(
            [odom.x_m + c * seen[:, 0] - s * seen[:, 1], odom.y_m + s * seen[:, 0] + c * seen[:, 1]]
        )
        check.update(placed, odom)
    return check


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_robot_raises_nothing_and_its_factor_is_one(seed: int) -> None:
    check = driven(path(), seed=seed)
    size, angle_rad, spread = check.factor
    assert check.fault == ""
    assert size == pytest.approx(1.0, abs=0.04)
    assert abs(angle_rad) < 0.03
    assert spread < 0.1


@pytest.mark.parametrize("mounted_deg", [-30.0, 30.0, 90.0, 180.0, -120.0])
def test_a_turned_lidar_is_named_within_a_metre(mounted_deg: float) -> None:
    check = driven(path(steps=20), mounted_rad=math.radians(mounted_deg))
    assert "mounted otherwise" in check.fault


def test_what_looks_turned_after_a_long_way_of_agreeing_is_no_mounting() -> None:
    circles = [Pose2(-1.0, 1.0, 0.0)]
    for _ in range(300):
        circles.append(circles[-1] @ Pose2(0.05, 0.0, 0.08))
    assert "mounted" in driven(circles[:60], mounted_rad=math.pi, mounted_from=10).fault
    assert driven(circles, mounted_rad=math.pi, mounted_from=200).fault == ""


def test_after_it_was_found_right_a_lidar_must_look_turned_for_long() -> None:
    circles = [Pose2(-1.0, 1.0, 0.0)]
    for _ in range(140):
        circles.append(circles[-1] @ Pose2(0.05, 0.0, 0.08))
    assert driven(circles, mounted_rad=0.5, mounted_from=40, mounted_until=72).fault == ""
    assert "mounted otherwise" in driven(circles, mounted_rad=0.5, mounted_from=40).fault


@pytest.mark.parametrize("scale", [0.5, 1.5, 2.0])
def test_encoders_that_slip_are_named(scale: float) -> None:
    check = driven(path(steps=60), scale=scale)
    assert "an encoder slips" in check.fault


@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_wheels_that_are_a_tenth_off_raise_nothing(scale: float) -> None:
    assert driven(path(), scale=scale).fault == ""


def test_a_corridor_tells_nothing_of_the_way_along_it() -> None:
    straight = [Pose2(0.05 * step, 0.0, 0.0) for step in range(60)]
    check = driven(straight, scale=2.0, segments=CORRIDOR)
    assert check.fault == ""
    assert check.factor[0] == 0.0


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.full((5, 2), np.nan), np.full((300, 2), 1e9)])
def test_scans_without_anything_to_hold_on_to_raise_nothing(points: np.ndarray) -> None:
    check = MotionCheck()
    for step in range(60):
        odom = Pose2(0.05 * step, 0.0, 0.0)
        if check.is_due(odom):
            check.update(points, odom)
    assert check.fault == ""


def test_a_jump_of_odometry_is_no_pair() -> None:
    check = MotionCheck()
    seen = scan_world.points(np.array([-1.5, 1.5, 0.3]), scan_world.walls(), ANGLES)
    for step in range(20):
        check.update(seen, Pose2(1.0 * step, 0.0, 0.0))
    assert check.factor[0] == 0.0


def test_a_fault_stays_until_a_person_has_looked_and_the_state_can_be_carried_over() -> None:
    check = driven(path(steps=20), mounted_rad=1.0)
    assert not check.is_due(Pose2(9.0, 9.0, 0.0))
    other = MotionCheck()
    restore_into(other, tree_of(check))
    assert other.fault == check.fault
    assert other.factor == check.factor
    other.reset()
    assert other.fault == ""
    assert other.is_due(Pose2(0.0, 0.0, 0.0))
