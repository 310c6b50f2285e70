"""Pure pursuit and DWA: they follow, slow down, and stop."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scenes import LIMITS, Drive, box, circle, input_of, nothing, robot, union

from amr.control.base import Controller, ControlStatus
from amr.geometry import Pose2, Twist2
from amr.registry import CONTROLLERS, load, make_controller


def make(name: str) -> Controller:
    return make_controller(robot(controller=name), seed=0)


NAMES = ("pure_pursuit", "dwa")


@pytest.mark.parametrize("name", NAMES)
def test_it_follows_a_bent_path_to_the_goal_and_rests(name: str) -> None:
    corner = [[x, 0.0, 0.0] for x in np.arange(0.0, 2.0, 0.05)] + [[2.0, y, 0.0] for y in np.arange(0.0, 2.01, 0.05)]
    drive = Drive(make(name), input_of(goal=(2.0, 2.0), path=np.array(corner)))
    drive.run(20.0, lambda i, o: o.status is ControlStatus.AT_GOAL and i.twist.v_mps < 0.01)
    assert drive.outputs[-1].status is ControlStatus.AT_GOAL
    assert drive.input.odom_from_base.distance_m(Pose2(2.0, 2.0, 0.0)) < 0.25
    assert max(pose.x_m for pose in drive.poses) < 2.5


@pytest.mark.parametrize("name", NAMES)
def test_it_stops_before_a_wall_across_its_path(name: str) -> None:
    wall = box(1.5, 1.7, -2.4, 2.4)
    drive = Drive(make(name), input_of(wall, goal=(3.0, 0.0))).run(6.0)
    assert drive.clearances_m(wall).min() > 0.0
    assert abs(drive.input.twist.v_mps) < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_it_turns_first_when_the_path_starts_behind_it(name: str) -> None:
    drive = Drive(make(name), input_of(goal=(-2.0, 0.0))).run(15.0, lambda _, o: o.status is ControlStatus.AT_GOAL)
    assert drive.outputs[-1].status is ControlStatus.AT_GOAL


@pytest.mark.parametrize("name", NAMES)
def test_it_turns_to_the_heading_of_the_goal(name: str) -> None:
    first = replace(input_of(goal=(1.0, 0.0)), goal_odom=Pose2(1.0, 0.0, -1.2), goal_yaw_matters=True)
    drive = Drive(make(name), first).run(10.0, lambda _, o: o.status is ControlStatus.AT_GOAL)
    assert drive.outputs[-1].status is ControlStatus.AT_GOAL
    assert abs(drive.input.odom_from_base.yaw_rad + 1.2) < 0.16


@pytest.mark.parametrize("name", [*NAMES, "mppi"])
def test_nan_is_a_stop_with_its_name(name: str) -> None:
    controller = make(name)
    drive = Drive(controller, input_of()).run(0.3)
    output = controller.compute(replace(drive.input, odom_from_base=Pose2(0.0, math.nan, 0.0)))
    assert (output.v_mps, output.w_radps) == (0.0, 0.0)
    assert output.status is ControlStatus.BLOCKED
    assert "pose" in output.reason


@pytest.mark.parametrize("name", NAMES)
def test_commands_keep_the_limits(name: str) -> None:
    scene = union(circle(1.2, 0.5, 0.1), circle(2.0, -0.5, 0.1))
    drive = Drive(make(name), input_of(scene, goal=(3.0, 0.0))).run(5.0)
    v = np.array([output.v_mps for output in drive.outputs])
    w = np.array([output.w_radps for output in drive.outputs])
    assert np.abs(np.diff(v, prepend=0.0)).max() <= LIMITS.brake_mps2 * 0.02 + 1e-9
    assert np.abs(np.diff(w, prepend=0.0)).max() <= LIMITS.alpha_max_radps2 * 0.02 + 1e-9


def test_pure_pursuit_without_a_path_says_so() -> None:
    output = make("pure_pursuit").compute(input_of(path=np.zeros((0, 3))))
    assert output.status is ControlStatus.NO_PATH
    assert output.v_mps == 0.0


def test_pure_pursuit_is_slower_beside_a_wall_than_in_the_open() -> None:
    speeds = []
    for scene in (nothing, box(-1.0, 5.0, 0.35, 0.5)):
        drive = Drive(make("pure_pursuit"), input_of(scene, goal=(4.0, 0.0))).run(1.5)
        speeds.append(max(output.v_mps for output in drive.outputs))
    assert speeds[1] < 0.5 * speeds[0]


def test_pure_pursuit_is_slower_in_a_tight_curve() -> None:
    angle = np.linspace(-0.5 * math.pi, 1.0, 60)
    path = np.stack((0.6 * np.cos(angle), 0.6 + 0.6 * np.sin(angle), angle), axis=1)
    drive = Drive(make("pure_pursuit"), input_of(goal=(9.0, 9.0), path=path)).run(1.5)
    assert max(output.v_mps for output in drive.outputs) < 1.4


def test_dwa_keeps_its_configured_speed_and_drives_round_a_post() -> None:
    post = circle(1.5, 0.02, 0.1)
    detour = np.array([[x, -0.5 * math.exp(-(((x - 1.5) / 0.5) ** 2)), 0.0] for x in np.arange(0.0, 3.0, 0.05)])
    drive = Drive(make("dwa"), input_of(post, goal=(3.0, 0.0), path=detour))
    drive.run(12.0, lambda i, _: i.odom_from_base.x_m > 2.2)
    assert drive.input.odom_from_base.x_m > 2.2
    assert max(output.v_mps for output in drive.outputs) <= 0.5 + 1e-9
    assert drive.clearances_m(post).min() > 0.0


def test_dwa_with_an_obstacle_too_near_to_stop_is_blocked() -> None:
    first = input_of(box(0.25, 0.4, -1.0, 1.0), twist=Twist2(0.5, 0.0), pending=((0, 0.5, 0.0),))
    output = make("dwa").compute(first)
    assert output.status is ControlStatus.BLOCKED
    assert output.v_mps < 0.5


def test_every_controller_of_the_table_loads_and_forgets_on_reset() -> None:
    for name in CONTROLLERS:
        controller = make(name)
        assert type(controller) is load(CONTROLLERS, "controller", name)
        first = [controller.compute(input_of()).v_mps for _ in range(1)]
        controller.compute(replace(input_of(), now_ns=20_000_000, tick=1))
        controller.reset()
        assert [controller.compute(input_of()).v_mps for _ in range(1)] == first
