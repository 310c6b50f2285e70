"""The ring's own odometry, one step at a time: pose, way, doubt, and what it makes of gyro and slide."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from safety_scene import MS, robot

from amr.messages import BaseState, Imu, McuState
from amr.safety import dead_reckoning
from amr.safety.dead_reckoning import Odometer, WheelGeometry, advance, discontinuity, pose_at
from amr.wheel_slide import slide

ROLLING = WheelGeometry(
    metres_per_tick_m=0.001, track_m=0.5, wheel_max_mps=2.0, front_m=0.1, rear_m=0.1, contacts_m=np.zeros((0, 2)),
    creep_mps=0.02, drift_m_per_m=0.02, drift_m_per_rad=0.03, drift_wheels_m_per_rad=0.09,
)  # fmt: skip
SLIDING = replace(ROLLING, contacts_m=np.array([(0.13, 0.19), (-0.13, 0.19), (0.13, -0.19), (-0.13, -0.19)]))
FROM_NS = 100 * MS


def base(
    stamp_ns: int, left_ticks: int = 0, right_ticks: int = 0, speeds: tuple[float, float] = (0.0, 0.0)
) -> BaseState:
    return BaseState(stamp_ns, 7, left_ticks, right_ticks, *speeds, 24.0, McuState.DRIVING, 0, 0)


BEFORE = replace(
    dead_reckoning.start(base(FROM_NS, 1000, 2000)),
    drift_m=0.5,
    travel_m=3.0,
    trail=((80 * MS, 0.9, 1.9, 0.4), (FROM_NS, 1.0, 2.0, 0.5)),
)
AFTER = base(120 * MS, 1010, 2030, (0.5, 1.5))
"""20 ms later: 1 cm on the left, 3 cm on the right, which is 0.04 rad by the wheels."""


def gyro(*samples: tuple[float, float]) -> tuple[Imu, ...]:
    """(ms, rad/s) each."""
    return tuple(Imu(round(at_ms * MS), rate_radps, 0.0, 0.0) for at_ms, rate_radps in samples)


def even(rate_radps: float) -> tuple[Imu, ...]:
    return gyro(*((at_ms, rate_radps) for at_ms in (105.0, 110.0, 115.0, 120.0)))


def assert_moved(after: Odometer, step_m: float, turn_rad: float, aside_m: float = 0.0) -> None:
    half_rad = 0.5 + 0.5 * turn_rad
    x_m = 1.0 + math.cos(half_rad) * step_m - math.sin(half_rad) * aside_m
    y_m = 2.0 + math.sin(half_rad) * step_m + math.cos(half_rad) * aside_m
    assert after.trail[:-1] == BEFORE.trail
    assert after.trail[-1] == (AFTER.stamp_ns, pytest.approx(x_m), pytest.approx(y_m), pytest.approx(0.5 + turn_rad))


def test_it_starts_at_its_origin_and_knows_no_doubt() -> None:
    odometer = dead_reckoning.start(base(FROM_NS, 11, 12))
    assert math.isnan(odometer.same_radps)
    assert replace(odometer, same_radps=0.0) == Odometer(
        7, 11, 12, 0.0, 0.0, None, 0.0, 0.0, 0.0, 0.0, ((FROM_NS, 0.0, 0.0, 0.0),)
    )


def test_without_a_gyro_the_wheels_tell_the_turn_with_more_doubt() -> None:
    after = advance(BEFORE, AFTER, (), ROLLING, 5.0)
    assert_moved(after, 0.02, 0.04)
    assert (after.left_ticks, after.right_ticks, after.yaw_rate_radps) == (1010, 2030, None)
    assert after.drift_m == pytest.approx(0.5 + 0.02 * 0.02 + 0.09 * 0.04)
    assert after.travel_m == pytest.approx(3.03), "the way of the faster wheel"
    assert (after.vx_mps, after.vy_mps) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("rate_radps", "apart_rad"),
    [
        (2.5, 0.0),  # 0.05 rad beside 0.04 rad: slip explains it
        (-2.5, 0.09 - 0.6 * 0.05),  # the other way
        (0.25, 0.035 - 0.6 * 0.04),  # hardly, where the wheels turn
    ],
)
def test_what_slip_does_not_explain_between_gyro_and_wheels_is_doubt(rate_radps: float, apart_rad: float) -> None:
    after = advance(BEFORE, AFTER, even(rate_radps), ROLLING, 5.0)
    turn_rad = rate_radps * 0.02
    assert_moved(after, 0.02, turn_rad)
    assert after.yaw_rate_radps == rate_radps
    assert after.drift_m == pytest.approx(0.5 + 0.02 * 0.02 + 0.03 * abs(turn_rad) + 0.35 * apart_rad)


@pytest.mark.parametrize(
    ("samples", "turn_rad"),
    [
        (((107, 1.0), (113, 3.0)), 0.001 * (7 * 1.0 + 6 * 3.0 + 7 * 3.0)),
        (((100, 9.0), (107, 1.0), (113, 3.0), (121, 9.0)), 0.001 * (7 * 1.0 + 6 * 3.0 + 7 * 3.0)),  # not of this step
        (((100, math.nan), (107, 1.0), (113, 3.0)), 0.001 * (7 * 1.0 + 6 * 3.0 + 7 * 3.0)),
        (((110, 2.0), (120, 1.0)), 0.001 * (10 * 2.0 + 10 * 1.0)),
        (((115, 1.5),), 0.001 * (15 * 1.5 + 5 * 1.5)),  # just no gap
        (((105, 2.0),), 0.001 * (5 * 2.0 + 15 * 2.0)),
        (((105, -35.0), (115, 35.0)), 0.001 * (-5 * 35.0 + 10 * 35.0 + 5 * 35.0)),
        (((115.1, 1.5),), None),
        (((104.9, 1.5),), None),
        (((105, 35.1), (115, 1.0)), None),
        (((105, math.nan), (115, 1.0)), None),
        ((), None),
        (((99, 1.0), (121, 1.0)), None),
    ],
)
def test_each_sample_tells_the_turn_since_the_one_before_and_a_gap_tells_nothing(
    samples: tuple[tuple[float, float], ...], turn_rad: float | None
) -> None:
    after = advance(BEFORE, AFTER, gyro(*samples), ROLLING, 5.0)
    assert_moved(after, 0.02, 0.04 if turn_rad is None else turn_rad)
    assert (after.yaw_rate_radps is None) == (turn_rad is None)


def test_wheels_that_stand_do_not_turn_whatever_the_gyro_says() -> None:
    still = advance(BEFORE, base(120 * MS, 1000, 2000), even(0.5), ROLLING, 5.0)
    assert_moved(still, 0.0, 0.0)
    assert (still.drift_m, still.travel_m, still.yaw_rate_radps) == (0.5, 3.0, 0.5)
    for ticks in ((1000, 2002), (1002, 2000)):
        assert_moved(advance(BEFORE, base(120 * MS, *ticks), even(0.5), ROLLING, 5.0), 0.001, 0.01)


@pytest.mark.parametrize(("turned_radps", "believed"), [(0.29, True), (0.31, False), (-0.31, False)])
def test_a_gyro_is_frozen_where_only_the_wheels_change(turned_radps: float, believed: bool) -> None:
    """It says 0.4 rad/s since the wheels turned with 2 rad/s."""
    before = replace(BEFORE, same_radps=0.4, wheels_radps=2.0)
    speeds = (1.0 - 0.25 * (2.0 + turned_radps), 1.0 + 0.25 * (2.0 + turned_radps))
    after = advance(before, replace(AFTER, left_mps=speeds[0], right_mps=speeds[1]), even(0.4), ROLLING, 5.0)
    assert (after.yaw_rate_radps == 0.4) is believed
    assert (after.same_radps, after.wheels_radps) == (0.4, 2.0)
    just = advance(
        replace(before, wheels_radps=0.0), replace(AFTER, left_mps=0.0, right_mps=0.15), even(0.4), ROLLING, 5.0
    )
    assert just.yaw_rate_radps == 0.4, "0.3 rad/s are not more than that"
    lives = advance(
        before, replace(AFTER, left_mps=0.0), gyro((105, 0.4), (110, 0.4), (115, 0.6), (120, 0.7)), ROLLING, 5.0
    )
    assert (lives.same_radps, lives.wheels_radps, lives.yaw_rate_radps) == (0.7, 3.0, 0.7)


@pytest.mark.parametrize("rate_radps", [1.5, -2.0])
def test_a_skid_steer_moves_as_its_slide_says_and_doubts_a_fifth_of_it(rate_radps: float) -> None:
    before = replace(BEFORE, vx_mps=1.3, vy_mps=-0.2)
    after = advance(before, AFTER, even(rate_radps), SLIDING, 5.0)
    vx_mps, vy_mps = slide(1.3, -0.2, rate_radps, 0.5, 1.5, 0.02, 5.0, 0.02, SLIDING.contacts_m)
    assert vx_mps != pytest.approx(1.0, abs=0.1)
    assert (after.vx_mps, after.vy_mps) == (pytest.approx(vx_mps), pytest.approx(vy_mps))
    step_m = 0.02 + 0.02 * (vx_mps - 1.0)
    assert_moved(after, step_m, 0.02 * rate_radps, 0.02 * vy_mps)
    rolled = advance(before, AFTER, even(rate_radps), ROLLING, 5.0)
    doubt_m = after.drift_m - rolled.drift_m - 0.02 * (step_m - 0.02)
    assert doubt_m == pytest.approx(0.2 * 0.02 * math.hypot(vx_mps - 1.0, vy_mps))


@pytest.mark.parametrize(
    ("vx_mps", "vy_mps", "slides"),
    [
        (6.0, 0.0, True),
        (5.9, 0.0, True),
        (6.1, 0.0, False),
        (5.0, 4.0, False),
        (3.0, 4.0, True),
        (math.nan, 0.0, False),
    ],
)
def test_a_slide_of_more_than_three_times_what_wheels_can_is_not_believed(
    vx_mps: float, vy_mps: float, slides: bool
) -> None:
    """On a floor without friction, where a slide goes on as it is."""
    after = advance(replace(BEFORE, vx_mps=vx_mps, vy_mps=vy_mps), AFTER, even(0.0), SLIDING, 0.0)
    expected = (vx_mps, vy_mps) if slides else (1.0, 0.0)
    assert (after.vx_mps, after.vy_mps) == (pytest.approx(expected[0]), pytest.approx(expected[1]))
    assert_moved(after, 0.02 * expected[0], 0.0, 0.02 * expected[1])


@pytest.mark.parametrize("stamp_ns", [FROM_NS, FROM_NS - MS])
def test_telemetry_that_is_not_newer_changes_nothing(stamp_ns: int) -> None:
    assert advance(BEFORE, replace(AFTER, stamp_ns=stamp_ns), (), ROLLING, 5.0) is BEFORE


@pytest.mark.parametrize(
    ("later_ms", "left_m", "right_m", "jumped"),
    [
        (20, 0.109, 0.0, False),  # slack of 5 cm, and 1.5 times 2 m/s
        (20, 0.111, 0.0, True),
        (20, 0.0, -0.109, False),
        (20, 0.0, -0.111, True),
        (600, 1.84, -1.84, False),
        (600, 1.86, 0.0, True),
        (-20, 0.049, 0.0, False),
        (-20, 0.051, 0.0, True),
    ],
)
def test_ticks_jump_when_no_wheel_is_so_fast(later_ms: int, left_m: float, right_m: float, jumped: bool) -> None:
    after = base(FROM_NS + later_ms * MS, 1000 + round(1000 * left_m), 2000 + round(1000 * right_m))
    found = discontinuity(BEFORE, after, ROLLING)
    told = f"ticks jumped by {left_m:.3f} m left, {right_m:.3f} m right in {later_ms} ms"
    assert found == (told if jumped else "")
    assert "boot id 7 to 8" in discontinuity(BEFORE, replace(after, boot_id=8), ROLLING)


@pytest.mark.parametrize(
    ("at_ms", "pose"),
    [
        (79.999, None),
        (80, (0.9, 1.9, 0.4)),
        (90, (0.95, 1.95, 0.45)),
        (100, (1.0, 2.0, 0.5)),
        (115, (1.15, 1.7, -0.1)),
        (120, (1.2, 1.6, -0.3)),
        (140, (1.4, 1.2, -1.1)),
        (140.001, None),
    ],
)
def test_a_pose_is_known_between_those_of_the_trail_and_20_ms_beyond(
    at_ms: float, pose: tuple[float, float, float] | None
) -> None:
    odometer = replace(BEFORE, trail=(*BEFORE.trail, (120 * MS, 1.2, 1.6, -0.3)))
    found = pose_at(odometer, round(at_ms * MS))
    assert found == (None if pose is None else pytest.approx(pose))


def test_two_poses_are_enough_and_one_is_not() -> None:
    assert pose_at(BEFORE, 90 * MS) == pytest.approx((0.95, 1.95, 0.45))
    assert pose_at(replace(BEFORE, trail=BEFORE.trail[1:]), FROM_NS) is None


@pytest.mark.parametrize(
    ("changes", "front_m", "rear_m", "contacts"),
    [
        ({}, 0.131, 0.131, 4),
        ({"wheel_positions_m": ((-0.1, 0.2), (-0.1, -0.2))}, 0.0, 0.1, 2),
        ({"wheel_positions_m": ((0.1, 0.2), (0.1, -0.2))}, 0.1, 0.0, 2),
        ({"kind": "differential"}, 0.131, 0.131, 0),
    ],
)
def test_the_geometry_of_a_robot_file(changes: dict[str, Any], front_m: float, rear_m: float, contacts: int) -> None:
    config = robot()
    config = config.model_copy(update={"drive": config.drive.model_copy(update=changes)})
    wheels = WheelGeometry.from_config(config)
    assert wheels.wheel_max_mps == pytest.approx(2.0 + 2.0 * 0.5586)
    assert (wheels.front_m, wheels.rear_m) == (front_m, rear_m)
    assert wheels.contacts_m.shape == (contacts, 2)
    assert wheels.contacts_m.tolist() == [list(place) for place in config.drive.wheel_positions_m][:contacts]
