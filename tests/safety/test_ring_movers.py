"""What tracked movers may do to the ring's answer: take speed away, with the track's name, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safety_scene import Driver, robot

from amr.config.robot import RobotConfig
from amr.geometry import Twist2
from amr.messages import LinkState, StopReason
from amr.movers import Mover
from amr.safety import envelope, kernel_movers, movers
from amr.safety.base import SafetyInput
from amr.safety.envelope import EnvelopeSettings
from amr.safety.limits import CommandLimits
from amr.safety.outline import Outline
from amr.safety.ring import SafetyRing
from amr.state import restore_into, tree_of

CONFIG: RobotConfig = robot()
SETTINGS = EnvelopeSettings.from_config(CONFIG)
OUTLINE = Outline.from_body(CONFIG.body)
LIMITS = CommandLimits.from_config(CONFIG.limits)
HEAD_ON = Mover(3.0, 0.0, -2.0, 0.0, 0.3, position_sigma_m=0.01, velocity_sigma_mps=0.05, number=12)


def allowed(wish: Twist2, *seen: Mover, slowest: float = 0.0) -> tuple[float, str]:
    """(part of the wish that these movers leave, why)."""
    motion = envelope.motion_of(wish, LIMITS, OUTLINE.circumradius_m)
    assert motion is not None
    rows = movers.rows_of(seen, (0.0, 0.0, 0.0), 0.0)
    speed, cause = movers.clear_speed(motion, slowest * motion.speed_mps, 0.0, rows, SETTINGS, OUTLINE)
    return speed / motion.speed_mps, cause


def test_one_that_comes_head_on_takes_speed_away_and_is_named() -> None:
    near = replace(HEAD_ON, x_m=1.6)
    scale, cause = allowed(Twist2(2.0, 0.0), near)
    assert 0.05 < scale < 0.95
    assert "track 12" in cause
    assert "2.00 m/s" in cause


def test_far_ones_those_that_leave_and_those_that_pass_take_nothing() -> None:
    for mover in (
        replace(HEAD_ON, x_m=5.5),
        replace(HEAD_ON, x_m=1.6, vx_mps=2.5),
        replace(HEAD_ON, x_m=1.6, y_m=1.2),
        replace(HEAD_ON, x_m=1.6, vx_mps=0.0),
    ):
        assert allowed(Twist2(1.5, 0.0), mover) == (1.0, "")


def test_where_braking_avoids_nothing_the_way_out_stays_open() -> None:
    chaser = Mover(-0.75, 0.0, 2.4, 0.0, 0.4, number=3)
    assert allowed(Twist2(1.5, 0.0), chaser, slowest=0.9) == (1.0, "")


@pytest.mark.parametrize("name", ["x_m", "vy_mps", "radius_m", "position_sigma_m", "velocity_sigma_mps"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_track_that_is_not_finite_is_left_out(name: str, value: float) -> None:
    assert allowed(Twist2(2.0, 0.0), replace(replace(HEAD_ON, x_m=1.6), **{name: value})) == (1.0, "")


def test_one_not_measured_for_long_is_left_out() -> None:
    assert allowed(Twist2(2.0, 0.0), replace(HEAD_ON, x_m=1.6, unseen_s=1.0)) == (1.0, "")


def test_rows_are_the_movers_then_and_there() -> None:
    mover = Mover(2.0, 1.0, -1.0, 0.5, 0.3, position_sigma_m=0.02, velocity_sigma_mps=0.1, number=5)
    (row,) = movers.rows_of((mover,), (0.4, -0.2, math.atan2(0.6, 0.8)), 0.2)
    assert row.tolist() == pytest.approx([5.0, 1.9, 0.2, -0.5, 1.0, 0.3, 0.08, 0.2])


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"unseen_s": 0.4}, True),
        ({"unseen_s": 0.41}, False),
        ({"vx_mps": 0.1}, True),
        ({"vx_mps": 0.09}, False),
        ({"x_m": 5.9}, True),
        ({"x_m": 6.1}, False),
        ({"x_m": 5.0, "y_m": 5.0}, False),
        ({"x_m": -5.0, "y_m": -5.0}, False),
        ({"radius_m": math.nan}, False),
    ],
)
def test_which_movers_count(changes: dict[str, float], counts: bool) -> None:
    mover = replace(Mover(1.0, 0.0, 0.5, 0.0, 0.3), **changes)
    assert len(movers.rows_of((mover,), (0.0, 0.0, 0.0), 0.0)) == counts


def where_a_track_slows_the_ring(turned_s: float) -> list[float]:
    """How far ahead a head-on track makes the ring brake in one step of a curve; the robot turned in place before."""
    driver = Driver(CONFIG)
    driver.run(0.4)
    driver.run(0.6, Twist2(1.0, 0.0))
    driver.run(turned_s, Twist2(0.0, 1.5))
    driver.run(1.0, Twist2(1.2, 0.4))
    driver.advance()
    before, last = tree_of(driver.ring), driver.out.command.v_mps
    view = SafetyInput(
        driver.now_ns, Twist2(1.2, 0.4), driver.now_ns, driver.scan(), driver.base(), LinkState.UP, True,
        pending=driver.pending, imu=driver.imu,
    )  # fmt: skip
    slowed = []
    for ahead_m in np.arange(1.0, 2.6, 0.008).tolist():
        ring = SafetyRing(CONFIG)
        restore_into(ring, before)
        out = ring.step(replace(view, movers=(replace(HEAD_ON, x_m=ahead_m),)))
        assert out.command.v_mps >= last - 0.02 * LIMITS.brake_mps2 - 1e-9
        if out.stop.reason is StopReason.OBSTACLE_SLOW:
            assert "track 12 comes from" in out.stop.cause
            slowed.append(ahead_m)
    return slowed


def test_a_track_is_met_at_the_same_place_wherever_the_robot_came_from() -> None:
    straight, turned = where_a_track_slows_the_ring(0.02), where_a_track_slows_the_ring(2.6)
    assert straight
    assert max(straight) - min(straight) < 0.1
    assert (min(turned), max(turned)) == pytest.approx((min(straight), max(straight)), abs=0.02)


coordinates = st.floats(-3.0, 3.0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.builds(Mover, coordinates, coordinates, coordinates, coordinates, st.floats(0.05, 0.8)), max_size=4),
    st.floats(-0.6, 2.0),
    st.floats(-3.0, 3.0),
    st.floats(0.0, 1.0),
)
def test_movers_never_give_speed_and_keep_the_slowest(found, v_mps, w_radps, slowest) -> None:
    if abs(v_mps) + abs(w_radps) < 0.01:
        return
    scale, cause = allowed(Twist2(v_mps, w_radps), *found, slowest=slowest)
    assert slowest - 1e-9 <= scale <= 1.0
    assert (scale < 1.0) <= bool(cause)


@settings(max_examples=60, deadline=None)
@given(coordinates, coordinates, st.floats(-2.0, 2.0), st.floats(-2.0, 2.0), st.floats(0.2, 2.0), st.floats(-2.0, 2.0))
def test_meeting_equals_a_fine_simulation(x, y, vx, vy, v_mps, w_radps) -> None:
    motion = envelope.motion_of(Twist2(v_mps, w_radps), LIMITS, OUTLINE.circumradius_m)
    assert motion is not None
    law = envelope.law_of(motion, 0.0, SETTINGS, OUTLINE)
    rows = np.array([[x, y, vx, vy, 0.3, 0.02, 0.1]])
    met = kernel_movers.met_by_stop(rows, motion.speed_mps, law, *OUTLINE.parts.arrays) >= 0
    brake_s = motion.speed_mps * motion.brake_s_per_mps
    smallest, progress, dt = math.inf, 0.0, 0.001
    for k in range(int((SETTINGS.hold_s + brake_s) / dt)):
        t = k * dt
        speed = motion.speed_mps * min(1.0, max(0.0, 1.0 - (t - SETTINGS.hold_s) / brake_s))
        px, py = kernel_movers.moved_point(x + t * vx, y + t * vy, motion.unit.v_mps, motion.unit.w_radps, progress)
        reach = 0.3 + 0.02 + 0.1 * t + SETTINGS.margin_m
        smallest = min(smallest, kernel_movers.outline_distance(px, py, *OUTLINE.parts.arrays) - reach)
        progress += speed * dt
    if abs(smallest) > 0.06:  # steps of 20 ms at 4 m/s
        assert met == (smallest < 0.0)
