"""MPPI drives: straight, round, through, out; and stops where it must."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from scenes import LIMITS, Drive, Occupied, box, circle, field_of, input_of, nothing, robot, union

from amr.control.base import ControlStatus
from amr.control.mppi import MppiController, Problem
from amr.errors import ConfigError
from amr.geometry import Pose2, Twist2
from amr.grid import DistanceField
from amr.movers import Mover


def controller(**control: object) -> MppiController:
    return MppiController(robot(**control), seed=7)


def gap(width_m: float) -> Occupied:
    """A wall 0.2 m thick at x = 1.5 m with a gap around y = 0."""
    half = 0.5 * width_m
    return union(box(1.5, 1.7, half, 2.5), box(1.5, 1.7, -2.5, -half))


def test_it_drives_straight_on_an_empty_floor_and_stops_at_the_goal() -> None:
    drive = Drive(controller(), input_of(goal=(3.0, 0.0))).run(5.0)
    end = drive.input.odom_from_base
    assert drive.outputs[-1].status is ControlStatus.AT_GOAL
    assert end.distance_m(Pose2(3.0, 0.0, 0.0)) < 0.25
    assert abs(drive.input.twist.v_mps) < 0.02
    assert max(abs(pose.y_m) for pose in drive.poses) < 0.05
    assert max(output.v_mps for output in drive.outputs) > 1.5
    assert sum(abs(output.w_radps) > 0.3 for output in drive.outputs) == 0


def test_it_turns_along_a_wall_without_touching_it() -> None:
    wall = box(2.0, 2.2, -6.0, 6.0)
    drive = Drive(controller(), input_of(wall, goal=(4.0, 0.0), twist=Twist2(1.5, 0.0)))
    drive.run(2.0)
    assert drive.clearances_m(box(2.0, 2.2, -2.5, 2.5)).min() > 0.0


@pytest.mark.parametrize("offset_m", [0.0, 0.5])
def test_it_passes_a_gap_of_its_width_plus_12_cm(offset_m: float) -> None:
    scene = gap(0.416 + 0.12)
    start = input_of(scene, goal=(3.0, 0.0), pose=Pose2(0.0, offset_m, 0.0))
    drive = Drive(controller(samples=800), start).run(12.0, lambda i, _: i.odom_from_base.x_m > 2.3)
    assert drive.input.odom_from_base.x_m > 2.3
    assert drive.clearances_m(scene).min() > 0.0


def test_when_it_shall_squeeze_through_clearance_by_the_map_costs_less() -> None:
    scene = gap(0.416 + 0.12)
    costs = []
    for squeeze in (False, True):
        made = controller(samples=800)
        costs.append(made.compute(input_of(scene, goal=(3.0, 0.0), pose=Pose2(1.2, 0.0, 0.0), squeeze=squeeze)).cost)
    assert costs[1] < costs[0]


def test_it_goes_round_a_post_that_stands_in_the_way() -> None:
    post = circle(1.5, 0.0, 0.15)
    drive = Drive(controller(), input_of(post, goal=(3.0, 0.0))).run(6.0, lambda i, _: i.odom_from_base.x_m > 2.5)
    assert drive.input.odom_from_base.x_m > 2.5
    assert drive.clearances_m(post).min() > 0.03


def test_it_turns_towards_an_exit_behind_it() -> None:
    trap = union(box(0.6, 0.8, -0.9, 0.9), box(-0.8, 0.8, 0.7, 0.9), box(-0.8, 0.8, -0.9, -0.7))
    drive = Drive(controller(), input_of(trap, goal=(3.0, 0.0), path=np.zeros((0, 3))))
    drive.run(12.0, lambda i, _: i.odom_from_base.x_m > 2.0)
    assert drive.input.odom_from_base.x_m > 2.0
    assert drive.clearances_m(trap).min() > 0.0


def test_it_leaves_a_start_nearer_to_a_wall_than_its_margin() -> None:
    wall = box(-1.0, 1.0, 0.23, 0.5)
    drive = Drive(controller(), input_of(wall, goal=(3.0, -1.0))).run(6.0, lambda i, _: i.odom_from_base.x_m > 2.0)
    assert drive.input.odom_from_base.x_m > 2.0
    assert drive.clearances_m(wall).min() > 0.0


def test_it_faces_the_way_the_goal_asks_for() -> None:
    first = replace(input_of(goal=(1.0, 0.0)), goal_odom=Pose2(1.0, 0.0, 1.5), goal_yaw_matters=True)
    drive = Drive(controller(), first).run(8.0, lambda _, o: o.status is ControlStatus.AT_GOAL)
    assert drive.outputs[-1].status is ControlStatus.AT_GOAL
    assert abs(drive.input.odom_from_base.yaw_rad - 1.5) < 0.16


def test_it_does_not_slow_down_for_a_goal_that_is_not_the_last() -> None:
    speeds = []
    for is_last in (True, False):
        first = input_of(goal=(2.5, 0.0), is_last_goal=is_last)
        drive = Drive(controller(), first).run(4.0, lambda i, _: i.odom_from_base.x_m > 2.45)
        speeds.append(drive.input.twist.v_mps)
    assert speeds[1] > speeds[0] + 0.2


def test_it_yields_to_a_mover_that_would_be_hit() -> None:
    mover = Mover(1.6, 1.6, 0.0, -1.0, 0.25)
    first = input_of(goal=(4.0, 0.0), twist=Twist2(1.0, 0.0), obstacles=(mover,))
    drive = Drive(controller(), first)
    for _ in range(120):
        seconds = drive.input.now_ns / 1e9
        there = replace(mover, y_m=1.6 - seconds)
        drive.input = replace(drive.input, obstacles=(there,))
        pose = drive.input.odom_from_base
        assert math.hypot(pose.x_m - there.x_m, pose.y_m - there.y_m) > 0.25 + 0.21
        drive.run(0.02)


def test_commands_keep_the_limits() -> None:
    scene = union(circle(1.2, 0.3, 0.1), circle(2.0, -0.4, 0.1))
    slow = replace(LIMITS, v_max_mps=0.8, w_max_radps=1.0)
    drive = Drive(controller(), input_of(scene, goal=(3.0, 0.0), limits=slow)).run(5.0)
    v = np.array([output.v_mps for output in drive.outputs])
    w = np.array([output.w_radps for output in drive.outputs])
    assert v.max() <= 0.8 + 1e-6
    assert np.abs(w).max() <= 1.0 + 1e-6
    assert np.diff(v, prepend=0.0).max() <= LIMITS.a_max_mps2 * 0.02 + 1e-6
    assert np.diff(v, prepend=0.0).min() >= -LIMITS.brake_mps2 * 0.02 - 1e-6
    assert np.abs(np.diff(w, prepend=0.0)).max() <= LIMITS.alpha_max_radps2 * 0.02 + 1e-6


def test_equal_seed_and_inputs_give_equal_bits_and_another_seed_does_not() -> None:
    scene = circle(1.5, 0.1, 0.15)
    runs = []
    for seed in (3, 3, 4):
        drive = Drive(MppiController(robot(), seed), input_of(scene)).run(0.6)
        runs.append([(output.v_mps, output.w_radps, output.cost) for output in drive.outputs])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_copy_made_in_the_middle_continues_alike() -> None:
    scene = circle(1.5, 0.1, 0.15)
    drive = Drive(controller(), input_of(scene)).run(0.5)
    twin = copy.deepcopy(drive)
    a = [(o.v_mps, o.w_radps) for o in drive.run(0.5).outputs]
    b = [(o.v_mps, o.w_radps) for o in twin.run(0.5).outputs]
    assert a == b


def broken_field() -> DistanceField:
    field = input_of().field
    distance = field.distance_m.copy()
    distance[120, 120] = np.nan
    return replace(field, distance_m=distance)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"odom_from_base": Pose2(math.nan, 0.0, 0.0)}, "pose"),
        ({"twist": Twist2(0.0, math.inf)}, "velocity"),
        ({"goal_odom": Pose2(math.inf, 0.0, 0.0)}, "goal"),
        ({"goal_tolerance_m": math.nan}, "goal"),
        ({"delay_s": math.nan}, "delay_s"),
        ({"delay_s": 7.0}, "delay_s"),
        ({"pending": ((0, math.nan, 0.0),)}, "in flight"),
        ({"limits": replace(LIMITS, v_max_mps=math.nan)}, "v_max_mps"),
        ({"limits": replace(LIMITS, brake_mps2=0.0)}, "brake_mps2"),
        ({"path_odom": np.full((3, 3), np.nan)}, "path"),
        ({"path_odom": np.zeros((3, 2))}, "path"),
        ({"obstacles": (Mover(0.0, math.nan, 0.0, 0.0, 0.3),)}, "moving obstacle 0"),
        ({"obstacles": (Mover(0.0, 0.0, 0.0, 0.0, 0.3, course=((1.0, 1.0, 0.1),)),)}, "course of moving obstacle 0"),
        ({"obstacles": (Mover(0.0, 0.0, 0.0, 0.0, 0.3, course=((1.0, math.nan, 0.1),) * 10),)}, "course"),
        ({"obstacles": (Mover(0.0, 0.0, 0.0, 0.0, 0.3, course=((1.0, 1.0, -0.1),) * 10),)}, "course"),
        ({"obstacles": (Mover(0.0, 0.0, 0.0, 0.0, 0.3, course=((1.0, 1.0, 0.1),) * 9 + ((1.0,),)),)}, "course"),
        ({"field": broken_field()}, "nan"),
        ({"field": replace(broken_field(), distance_m=np.ones((10, 10), np.float32))}, "shape"),
        ({"field": replace(broken_field(), distance_m=np.ones((240, 240)))}, "type"),
    ],
)
def test_unusable_input_is_a_stop_that_names_it(changes: dict[str, object], named: str) -> None:
    mppi = controller(samples=80)
    moving = Drive(mppi, input_of()).run(0.2)
    output = mppi.compute(replace(moving.input, **changes))  # type: ignore[arg-type]
    assert (output.v_mps, output.w_radps) == (0.0, 0.0)
    assert output.status is ControlStatus.BLOCKED
    assert named in output.reason


def test_a_term_that_returns_nan_is_a_stop() -> None:
    mppi = controller(samples=80)
    mppi._terms = (*mppi._terms, lambda context: context.cost.fill(np.nan))
    output = mppi.compute(input_of())
    assert (output.v_mps, output.w_radps) == (0.0, 0.0)
    assert output.status is ControlStatus.BLOCKED
    assert "finite" in output.reason


def test_enclosed_it_says_no_path_and_brakes() -> None:
    ring = union(box(-1, 1, 0.8, 1), box(-1, 1, -1, -0.8), box(0.8, 1, -1, 1), box(-1, -0.8, -1, 1))
    first = input_of(ring, goal=(3.0, 0.0), pending=((0, 0.4, 0.0),), twist=Twist2(0.4, 0.0))
    output = controller().compute(first)
    assert output.status is ControlStatus.NO_PATH
    assert output.reason
    assert output.v_mps == pytest.approx(0.4 - LIMITS.brake_mps2 * 0.02)


def test_every_motion_colliding_is_blocked_and_brakes() -> None:
    post = circle(0.75, 0.0, 0.05)
    first = input_of(post, twist=Twist2(2.0, 0.0), pending=((0, 2.0, 0.0),))
    output = controller().compute(first)
    assert output.status is ControlStatus.BLOCKED
    assert "touches an obstacle" in output.reason
    assert output.v_mps == pytest.approx(2.0 - LIMITS.brake_mps2 * 0.02)


def test_without_a_path_it_drives_towards_the_goal() -> None:
    output = controller().compute(input_of(nothing, goal=(30.0, 0.0), path=np.zeros((0, 3))))
    assert output.status is ControlStatus.OK
    assert output.v_mps > 0.0
    assert output.trajectory[-1, 0] > 1.5


def test_the_trajectory_starts_at_the_robot_and_has_one_row_a_step() -> None:
    output = controller().compute(input_of(pose=Pose2(10.0, -5.0, 0.5), goal=(13.0, -5.0)))
    assert output.trajectory.shape == (56, 3)
    assert output.trajectory.dtype == np.float32
    assert np.hypot(output.trajectory[0, 0] - 10.0, output.trajectory[0, 1] + 5.0) < 0.1
    assert abs(output.trajectory[0, 2] - 0.5) < 0.2


def test_an_unknown_term_is_a_config_error_that_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r"no term is called 'speed'.*obstacle"):
        controller(mppi={"terms": ("speed",)})
    with pytest.raises(ConfigError, match="cannot be loaded"):
        controller(mppi={"terms": ("math:nothing_such",)})


def test_an_own_term_is_loaded_by_module_and_function() -> None:
    mppi = controller(mppi={"terms": ("cost_to_go", "own_term:prefer_left", "obstacle")})
    drive = Drive(mppi, input_of()).run(1.5)
    assert drive.input.odom_from_base.y_m > 0.1


def unseen_behind(occupied: Occupied = nothing) -> DistanceField:
    """Nothing was seen behind x = -0.25 m, where the robot's rear edge is at -0.229 m."""
    field = field_of(occupied)
    unknown = field.unknown.copy()
    columns = np.arange(field.frame.width) * field.frame.resolution_m + field.frame.origin_x_m
    unknown[:, columns < -0.25] = 1
    return replace(field, unknown=unknown)


@pytest.mark.parametrize(
    ("occupied", "reverses"),
    [
        (nothing, False),
        # a wall before it and walls at its sides: no room to turn, none ahead
        (union(box(0.28, 0.4, -2, 2), box(-2, 2, 0.26, 0.4), box(-2, 2, -0.4, -0.26)), True),
    ],
)
def test_it_reverses_into_what_it_never_saw_only_without_room_to_turn_or_drive_on(
    occupied: Occupied, reverses: bool
) -> None:
    controller = MppiController(robot(samples=160, steps=20), 1)
    field = unseen_behind(occupied)
    problem = controller.prepare(replace(input_of(occupied, goal=(-3.0, 0.0)), field=field))
    assert isinstance(problem, Problem)
    assert bool(problem.limits[5] < 0.0) is reverses
