"""How much of a wish leaves the ring, apart from its state: tracked movers, and the frame that they are told in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from safety_scene import robot, situation

from amr.geometry import Twist2
from amr.messages import StopReason
from amr.movers import Mover
from amr.safety.envelope import EnvelopeSettings
from amr.safety.limits import CommandLimits
from amr.safety.memory import MemoryRules
from amr.safety.shrink import Shrinker
from amr.safety.situation import Situation

CONFIG = robot(blind_mps=2.5)
"""What it has not seen does not slow it."""
COMES = Mover(1.6, 0.1, -1.2, 0.0, 0.3, position_sigma_m=0.01, velocity_sigma_mps=0.05, number=12)


def scene(wheels: Twist2, *, at: tuple[float, float, float], movers: tuple[Mover, ...], late_ms: int = 20) -> Situation:
    body = (wheels.v_mps, 0.0, wheels.w_radps)
    return situation(wheels, body, wheels, late_ms=late_ms, at=at, movers=movers, config=CONFIG)


def leaves(wish: Twist2, found: Situation, last: Twist2 = Twist2(0.0, 0.0)) -> tuple[Twist2, StopReason]:  # noqa: B008
    limits = CommandLimits.from_config(CONFIG.limits)
    shrinker = Shrinker(CONFIG, limits, EnvelopeSettings.from_config(CONFIG), MemoryRules.from_config(CONFIG, 3.0))
    command, _, stop = shrinker.largest_clear(wish, last, found, 0.02)
    return command, stop.reason


def test_a_tracked_mover_takes_part_of_the_wish_and_keeps_its_curve() -> None:
    wish = Twist2(1.6, 0.4)
    command, reason = leaves(wish, scene(Twist2(0.8, 0.2), at=(0.0, 0.0, 0.0), movers=(COMES,)))
    assert 0.05 < command.v_mps < 0.95 * wish.v_mps
    assert command.w_radps / command.v_mps == pytest.approx(0.25)
    assert reason is StopReason.OBSTACLE_SLOW


@pytest.mark.parametrize("wheels", [Twist2(0.8, 0.3), Twist2(1.2, -1.0), Twist2(1.0, 1.5)])
@pytest.mark.parametrize("at", [(3.0, -7.0, 0.0), (0.0, 0.0, 1.3), (-2.0, 5.0, -2.4), (40.0, 9.0, 3.0)])
@pytest.mark.parametrize("late_ms", [0, 40])
def test_where_odometry_began_is_no_matter_to_a_mover(
    wheels: Twist2, at: tuple[float, float, float], late_ms: int
) -> None:
    wish = Twist2(1.6, wheels.w_radps)
    here, _ = leaves(wish, scene(wheels, at=(0.0, 0.0, 0.0), movers=(COMES,), late_ms=late_ms))
    there, _ = leaves(wish, scene(wheels, at=at, movers=(COMES,), late_ms=late_ms))
    assert 0.0 < here.v_mps < wish.v_mps
    assert (there.v_mps, there.w_radps) == pytest.approx((here.v_mps, here.w_radps), abs=2e-3)


def test_the_way_until_the_command_acts_brings_the_robot_nearer() -> None:
    wish = Twist2(1.6, 0.0)
    resting, _ = leaves(wish, scene(Twist2(0.0, 0.0), at=(0.0, 0.0, 0.0), movers=(COMES,)))
    driving, _ = leaves(wish, scene(Twist2(1.0, 0.0), at=(0.0, 0.0, 0.0), movers=(COMES,)))
    assert driving.v_mps < resting.v_mps - 0.02


def test_a_turn_until_the_command_acts_turns_the_robot_away() -> None:
    beside = replace(COMES, y_m=-0.5)
    wish = Twist2(1.6, 0.0)
    towards, _ = leaves(wish, scene(Twist2(0.6, -2.0), at=(0.0, 0.0, 0.0), movers=(beside,)))
    away, _ = leaves(wish, scene(Twist2(0.6, 2.0), at=(0.0, 0.0, 0.0), movers=(beside,)))
    assert towards.v_mps < away.v_mps - 0.05


def test_nothing_seen_and_nobody_near_leaves_the_wish_as_it_is() -> None:
    wish = Twist2(1.6, 0.4)
    assert leaves(wish, scene(wish, at=(0.0, 0.0, 0.0), movers=())) == (wish, StopReason.NONE)
    far = replace(COMES, x_m=-6.0)
    assert leaves(wish, scene(wish, at=(0.0, 0.0, 0.0), movers=(far,))) == (wish, StopReason.NONE)
