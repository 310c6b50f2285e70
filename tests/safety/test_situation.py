"""What the ring reckons with until its command acts: the body of a skid steer slides on while its wheels turn back."""

from __future__ import annotations

import pytest
from safety_scene import situation

from amr.geometry import Twist2


@pytest.mark.parametrize(
    ("body", "ahead"),
    [
        ((0.5, -0.24, 1.8), True),
        ((0.5, 0.24, -1.8), True),
        ((-0.1, -0.24, 1.8), True),
        ((0.1, 0.24, 1.8), False),
        ((0.5, 0.0, 1.8), True),
        ((-0.5, 0.0, 1.8), False),
        ((-0.5, 0.24, 1.8), False),
    ],
)
def test_the_body_turns_about_the_wheels_that_do_not_go_sideways(body: tuple[float, float, float], ahead: bool) -> None:
    wheels = Twist2(body[0], body[2])
    assert (situation(wheels, body).leading.ahead_m > 0.0) is ahead


@pytest.mark.parametrize(("told", "least", "most"), [(2.5, 1.0, 2.5), (0.2, 0.5, 0.5), (-2.5, 0.5, 0.5)])
@pytest.mark.parametrize("sense", [1.0, -1.0])
def test_a_turn_counts_from_when_it_is_told_but_not_its_end(
    told: float, least: float, most: float, sense: float
) -> None:
    found = situation(Twist2(1.0, 0.5 * sense), (1.0, -0.05 * sense, 0.5 * sense), Twist2(1.0, told * sense))
    assert least <= found.coasting.twist.w_radps * sense <= most


def test_a_body_that_slides_on_turns_with_the_speed_that_it_has() -> None:
    braking = situation(Twist2(0.2, 0.0), (1.2, 0.0, 0.0), Twist2(0.0, 0.0))
    assert braking.turning_mps == pytest.approx(abs(braking.coasting.twist.v_mps))
    assert 0.5 < braking.turning_mps < 1.2


def test_a_steady_turn_counts_no_slide_of_the_leading_wheels() -> None:
    steady = situation(Twist2(1.0, 2.0), (1.0, -0.26, 2.0), Twist2(1.0, 2.0))
    assert steady.coasting.twist.v_mps > 1.05
    assert steady.turning_mps == 1.0


def test_a_body_that_slides_takes_longer_to_stop_turning() -> None:
    turning = situation(Twist2(0.5, 3.0), (0.5, -0.4, 3.0), Twist2(0.5, 3.0))
    assert turning.sliding.alpha_max_radps2 < turning.limits.alpha_max_radps2
    assert turning.sliding.brake_mps2 == turning.limits.brake_mps2
