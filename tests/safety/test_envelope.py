"""Single rules of the stopping envelope that a whole drive hardly tells apart: creeping, braking at once, reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safety_scene import robot

from amr.geometry import Twist2
from amr.safety import envelope
from amr.safety.envelope import EnvelopeSettings, Motion
from amr.safety.limits import CommandLimits
from amr.safety.outline import Outline

CONFIG = robot(obstacle_speed_mps=0.4, margin_m=0.03, margin_per_speed_s=0.05)
OUTLINE = Outline.from_body(CONFIG.body)
SETTINGS = EnvelopeSettings.from_config(CONFIG)
LIMITS = CommandLimits.from_config(CONFIG.limits)
FRONT_M, SIDE_M = 0.229, 0.208


def motion(v_mps: float, w_radps: float = 0.0) -> Motion:
    found = envelope.motion_of(Twist2(v_mps, w_radps), LIMITS, OUTLINE.circumradius_m)
    assert found is not None
    return found


def touches(moves: Motion, x_m: float, y_m: float, age_s: float = 0.0) -> bool:
    return envelope.touches_while_braking(moves, np.array([[x_m, y_m, 0.0, age_s]]), 1, SETTINGS, OUTLINE)


@pytest.mark.parametrize("v_mps", [0.4, 1.0, 1.8])
def test_braking_at_once_touches_what_lies_within_its_way_and_nothing_beyond(v_mps):
    way_m = v_mps**2 / (2.0 * CONFIG.limits.brake_mps2)
    assert touches(motion(v_mps), FRONT_M + way_m - 0.005, 0.19, age_s=0.3)
    assert not touches(motion(v_mps), FRONT_M + way_m + 0.005, 0.19, age_s=0.3)
    assert not touches(motion(v_mps), 0.0, -SIDE_M - 0.003, age_s=0.3)


def test_braking_in_a_turn_follows_its_arc():
    moves = motion(1.5, 1.5)
    assert touches(moves, FRONT_M + 0.2, 0.2)
    assert not touches(moves, FRONT_M + 0.2, -0.17), "turned away from"
    assert not touches(moves, FRONT_M + 0.2, 0.31)


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("point", [(0.232, -0.226), (0.17, -0.232), (0.232, 0.082)])
def test_that_it_may_turn_more_than_told_does_not_keep_it_from_creeping(point, side):
    """At its margin beside a corner, turning: with the error of a whole turn counted nothing would be left."""
    points = np.array([[point[0], side * point[1], 0.0, 0.0]])
    settings = EnvelopeSettings.from_config(robot())
    assert envelope.may_creep(motion(0.02, 0.45 * side), 0.15, 0.0, points, 1, settings, OUTLINE)


def farthest_m(
    moves: Motion, floor_mps: float, settings: EnvelopeSettings, age_s: float, uncertainty_m: float
) -> float:
    """How far away a point still limits the motion, found along rays in all directions."""

    def limits(x_m: float, y_m: float) -> bool:
        points = np.array([[x_m, y_m, uncertainty_m, age_s]])
        speed_mps, _ = envelope.clear_speed(moves, moves.speed_mps, floor_mps, points, 1, settings, OUTLINE)
        return speed_mps < 0.0

    found_m = 0.0
    for angle_rad in np.linspace(-np.pi, np.pi, 73):
        for distance_m in np.arange(found_m + 0.02, 6.0, 0.02):
            if limits(distance_m * np.cos(angle_rad), distance_m * np.sin(angle_rad)):
                found_m = distance_m
    return found_m


@pytest.mark.parametrize(
    ("safety", "age_s", "uncertainty_m"),
    [
        ({"margin_m": 0.4}, 0.0, 0.0),
        ({"margin_per_speed_s": 1.0}, 0.0, 0.0),
        ({"obstacle_speed_mps": 2.0}, 0.0, 0.0),
        ({"obstacle_speed_mps": 0.9}, 3.0, 0.0),
        ({"yaw_error_frac": 1.0}, 0.0, 0.0),
        ({"yaw_error_frac": 0.2, "margin_per_speed_s": 0.0}, 0.0, 0.0),
        ({"settle_s": 0.4}, 0.0, 0.0),
        ({}, 0.0, 0.3),
    ],
)
@pytest.mark.parametrize(
    ("twist", "floor_mps"),
    [
        ((1.7, 0.0), 0.0),
        ((-1.3, 1.3), 0.0),
        ((0.3, 0.0), 1.5),
        ((0.25, 0.0), 0.0),
        ((1.0, 4.0), 0.0),
        ((0.0, 4.0), 1.5),
    ],
)
def test_all_that_can_matter_for_a_stop_lies_within_its_reach(safety, age_s, uncertainty_m, twist, floor_mps):
    settings = EnvelopeSettings.from_config(robot(**safety))
    moves = motion(*twist)
    reach_m = envelope.reach_m(moves, floor_mps, settings, OUTLINE.circumradius_m, age_s, uncertainty_m)

    assert 0.5 * reach_m < farthest_m(moves, floor_mps, settings, age_s, uncertainty_m) <= reach_m


@pytest.mark.parametrize("safety", [{}, {"settle_s": 0.4}, {"margin_m": 0.4}, {"obstacle_speed_mps": 0.5}])
@pytest.mark.parametrize("alpha_max_radps2", [12.0, 4.0])
def test_the_full_reach_is_that_of_the_fastest_stop(safety, alpha_max_radps2):
    config = robot(**{"margin_per_speed_s": 0.0, "yaw_error_frac": 0.0, **safety})
    settings = EnvelopeSettings.from_config(config)
    limits = replace(LIMITS, alpha_max_radps2=alpha_max_radps2)
    full_m = envelope.full_reach_m(limits, settings, OUTLINE.circumradius_m)
    moves = replace(motion(limits.v_max_mps), brake_s_per_mps=max(1.0 / 3.5, 4.0 / alpha_max_radps2 / 2.0))
    assert 0.0 <= full_m - farthest_m(moves, 0.0, settings, 0.0, 0.0) < OUTLINE.circumradius_m - FRONT_M + 0.03
    wider_m = envelope.full_reach_m(limits, replace(settings, margin_per_speed_s=0.1), OUTLINE.circumradius_m)
    assert wider_m - full_m == pytest.approx(0.1 * (2.0 + 4.0 * OUTLINE.circumradius_m))
