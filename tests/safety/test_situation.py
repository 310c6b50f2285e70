"""What the ring reckons with until its command acts: the body of a skid steer slides on while its wheels turn back."""

from __future__ import annotations

import pytest
from safety_scene import robot, situation

from amr.config.robot import RobotConfig
from amr.geometry import Pose2, Twist2


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
        ((0.5, -0.24, 0.5), True),
        ((0.5, 0.24, 0.5), False),
        ((0.5, 0.24, 0.0), False),  # it slides to the left without turning
        ((0.5, -0.24, 0.0), True),
        ((0.0, 0.0, 0.0), True),
        ((0.0, 0.05, 1.8), True),  # hardly sideways
        ((0.5, 0.06, 1.8), False),
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


@pytest.mark.parametrize("w_radps", [0.5, -0.8])
def test_in_a_turn_the_leading_wheels_count_as_faster_by_their_way_sideways(w_radps: float) -> None:
    found = situation(Twist2(1.0, w_radps), (1.0, 0.0, w_radps), Twist2(1.0, w_radps))
    assert found.coasting.twist.v_mps == pytest.approx(1.0 + 0.131 * abs(w_radps))


def test_a_body_that_slides_takes_longer_to_stop_turning() -> None:
    turning = situation(Twist2(0.5, 3.0), (0.5, -0.4, 3.0), Twist2(0.5, 3.0))
    assert turning.sliding.alpha_max_radps2 == pytest.approx(turning.limits.alpha_max_radps2 * 2.0 / 3.0)
    assert turning.sliding.brake_mps2 == turning.limits.brake_mps2


def rolling() -> RobotConfig:
    config = robot()
    return config.model_copy(update={"drive": config.drive.model_copy(update={"kind": "differential"})})


def test_a_body_that_does_not_slide_brakes_and_stops_turning_as_its_limits_say() -> None:
    turning = situation(Twist2(1.0, 1.0), (1.0, 0.0, 1.0), Twist2(0.0, 1.0), config=rolling())
    assert turning.sliding == turning.limits
    assert turning.acting.twist.v_mps == pytest.approx(1.0 - 0.05 * turning.limits.brake_mps2)


def test_a_skid_steer_that_is_told_to_turn_keeps_half_of_its_brake() -> None:
    turning = situation(Twist2(1.0, 1.0), (1.0, 0.0, 1.0), Twist2(0.0, 1.0))
    assert turning.acting.twist.v_mps == pytest.approx(1.0 - 0.05 * 0.5 * turning.limits.brake_mps2)


def test_until_its_command_acts_a_robot_that_starts_has_hardly_moved() -> None:
    """50 ms of acceleration: half of the speed then, times the time."""
    starting = situation(Twist2(0.0, 0.0), (0.0, 0.0, 0.0), Twist2(1.0, 0.0))
    assert starting.acting.twist.v_mps == pytest.approx(0.15)
    assert starting.acting.pose == pytest.approx((0.00375, 0.0, 0.0), abs=4e-4)


def test_of_a_body_that_goes_straight_a_turn_to_the_left_counts_from_when_it_is_told() -> None:
    assert situation(Twist2(1.0, 0.0), (1.0, 0.0, 0.0), Twist2(1.0, 2.5)).coasting.twist.w_radps > 0.5


def test_a_command_in_flight_acts_when_its_time_has_come_however_old_the_telemetry_is() -> None:
    found = situation(Twist2(0.0, 0.0), (0.0, 0.0, 0.0), Twist2(1.0, 0.0), late_ms=40)
    assert found.now.twist.v_mps == 0.0
    assert found.acting.twist.v_mps == pytest.approx(0.15)


@pytest.mark.parametrize("late_ms", [0, 40, 100, 400])
def test_old_telemetry_counts_until_its_time_is_out(late_ms: int) -> None:
    """A robot that drives on at 1 m/s; after the time-out it is braked for its silence."""
    found = situation(Twist2(1.0, 0.0), (1.0, 0.0, 0.0), Twist2(1.0, 0.0), late_ms=late_ms)
    assert found.now.pose[0] == pytest.approx(min(late_ms, 100) * 1e-3)
    assert found.acting.pose[0] == pytest.approx(min(late_ms, 100) * 1e-3 + 0.05)


@pytest.mark.parametrize("at", [(3.0, -2.0, 0.0), (-1.0, 4.0, 0.7), (2.0, 2.0, -2.5)])
def test_the_leading_wheels_lie_ahead_of_the_body_wherever_it_looks(at: tuple[float, float, float]) -> None:
    found = situation(Twist2(0.0, 0.0), (0.0, 0.0, 0.0), at=at)
    place = Pose2(*at).apply(found.leading.ahead_m, 0.0)
    assert found.leading.ahead_m == pytest.approx(0.131)
    assert found.coasting.pose == pytest.approx((*place, at[2]))
