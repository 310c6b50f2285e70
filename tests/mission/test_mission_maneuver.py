"""Driving a path as it is told, by a robot that does exactly, or late, what it is told."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest

from amr.config.mission import Mission
from amr.geometry import STANDSTILL, Pose2, Twist2, integrate_twist
from amr.mission.maneuver import Drive, follow, has_moved

STEP_S = 0.02
SETTINGS = Mission()


def straight(start: Pose2, length_m: float, spacing_m: float = 0.05) -> list[tuple[float, float, float]]:
    """Points along the heading of ``start``, backward when the length is negative."""
    count = max(1, math.ceil(abs(length_m) / spacing_m))
    return [(*start.apply(length_m * k / count, 0.0), start.yaw_rad) for k in range(count + 1)]


def drive(path: list[tuple[float, float, float]], start: Pose2, delay_steps: int = 0) -> tuple[list[Pose2], bool]:
    """The poses driven, and whether the end was reached within 60 s."""
    at, pose, poses = Drive(np.array(path)), start, [start]
    late = deque([STANDSTILL] * delay_steps)
    for _ in range(3000):
        at, twist = follow(at, pose, SETTINGS)
        if twist is None:
            return poses, True
        late.append(twist)
        pose = integrate_twist(pose, late.popleft(), STEP_S)
        poses.append(pose)
    return poses, False


@pytest.mark.parametrize("length_m", [0.8, -0.8])
@pytest.mark.parametrize("delay_steps", [0, 6])
def test_a_straight_leg_is_driven_either_way_and_back_onto_the_line(length_m: float, delay_steps: int) -> None:
    path = straight(Pose2(1.0, 2.0, 0.5), length_m)
    start = Pose2(*Pose2(1.0, 2.0, 0.5).apply(0.0, 0.02), 0.52)
    poses, arrived = drive(path, start, delay_steps)
    assert arrived
    end = Pose2(*path[-1])
    assert abs(end.inverse().apply(poses[-1].x_m, poses[-1].y_m)[1]) < 0.004
    assert poses[-1].distance_m(end) < 0.03
    assert abs(poses[-1].yaw_rad - 0.5) < 0.04


@pytest.mark.parametrize("turn_rad", [1.2, -1.2])
def test_a_turn_in_place_stays_in_place(turn_rad: float) -> None:
    poses, arrived = drive([(0.0, 0.0, 0.3), (0.0, 0.0, 0.3 + turn_rad)], Pose2(0.0, 0.0, 0.3), delay_steps=6)
    assert arrived
    assert max(pose.distance_m(poses[0]) for pose in poses) < 1e-9
    assert poses[-1].yaw_rad == pytest.approx(0.3 + turn_rad, abs=0.06)


def test_out_of_a_parking_space_backward_turn_forward() -> None:
    back = straight(Pose2(0.0, 0.0, 0.0), -0.6)
    turned = Pose2(*back[-1][:2], 1.5)
    path = [*back, (turned.x_m, turned.y_m, 1.5), *straight(turned, 0.7)[1:]]
    poses, arrived = drive(path, Pose2(0.0, 0.0, 0.0), delay_steps=5)
    assert arrived
    assert poses[-1].distance_m(Pose2(*path[-1])) < 0.03
    line = np.array(path)
    off_m = [float(np.hypot(line[:, 0] - pose.x_m, line[:, 1] - pose.y_m).min()) for pose in poses]
    assert max(off_m) < 0.04


def test_far_off_its_heading_it_turns_before_it_drives() -> None:
    _, twist = follow(Drive(np.array(straight(Pose2(0.0, 0.0, 0.0), 1.0))), Pose2(0.0, 0.0, 1.2), SETTINGS)
    assert twist is not None
    assert (twist.v_mps, twist.w_radps < 0.0) == (0.0, True)


def test_it_never_wishes_for_more_than_the_recovery_speeds() -> None:
    path = straight(Pose2(0.0, 0.0, 0.0), 1.0)
    for yaw in np.linspace(-3.1, 3.1, 41).tolist():
        for y in (-0.3, 0.0, 0.3):
            _, twist = follow(Drive(np.array(path)), Pose2(0.1, y, yaw), SETTINGS)
            assert twist is not None
            assert abs(twist.v_mps) <= SETTINGS.escape_mps
            assert abs(twist.w_radps) <= SETTINGS.turn_radps


def test_at_the_end_there_is_nothing_left_to_drive() -> None:
    path = np.array(straight(Pose2(0.0, 0.0, 0.0), 0.1))
    assert follow(Drive(path), Pose2(0.2, 0.0, 0.0), SETTINGS)[1] is None


@pytest.mark.parametrize(
    ("pose", "moved"),
    [
        (Pose2(0.0, 0.0, 0.0), False),
        (Pose2(0.04, 0.0, 0.2), False),
        (Pose2(0.06, 0.0, 0.0), True),
        (Pose2(0.0, 0.0, -0.4), True),
    ],
)
def test_what_counts_as_having_left_the_beginning(pose: Pose2, moved: bool) -> None:
    assert has_moved(Drive(np.array(straight(Pose2(0.0, 0.0, 0.0), 1.0))), pose) is moved


def test_a_twist_is_one_of_the_three_motions_while_turning() -> None:
    _, twist = follow(Drive(np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 1.0)])), Pose2(0.0, 0.0, 0.0), SETTINGS)
    assert twist == Twist2(0.0, SETTINGS.turn_radps)
