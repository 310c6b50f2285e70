"""Wheels against gyro: what slip explains, and what it does not."""

from __future__ import annotations

import pytest

from amr.estimation.wheel_check import WheelCheck
from amr.messages import Imu
from amr.runtime.files import load_robot

STEP_NS = 20_000_000


def tell(check: WheelCheck, now_ns: int, gyro_radps: float, apart_radps: float) -> None:
    """One step with a gyro that has noise."""
    noise = 1e-3 * (now_ns // STEP_NS % 2)
    check.update(now_ns, (Imu(now_ns, gyro_radps + noise, 0.0, 0.0),), gyro_radps, apart_radps)


def checked(robot: str, wheels_radps: float, gyro_radps: float, seconds: float) -> WheelCheck:
    check = WheelCheck(load_robot(robot))
    for step in range(round(seconds * 50) + 1):
        tell(check, step * STEP_NS, gyro_radps, wheels_radps - gyro_radps)
    return check


@pytest.mark.parametrize(
    ("robot", "wheels_radps", "gyro_radps"),
    [
        ("reference", 2.0, 2.0),
        ("reference", 2.0, 1.5),  # a track that is off by a quarter
        ("reference", -2.0, -2.4),
        ("reference", 0.2, 0.0),
        ("jackal", 2.0, 1.2),
        ("jackal", 2.0, 0.0),  # wheels that slide and do not get the body round
        ("jackal", 2.0, 2.9),  # the wheels' true distance is two thirds of the effective track
    ],
)
def test_slip_is_no_fault(robot: str, wheels_radps: float, gyro_radps: float) -> None:
    assert checked(robot, wheels_radps, gyro_radps, 20.0).fault == ""


@pytest.mark.parametrize(
    ("robot", "wheels_radps", "gyro_radps"),
    [
        ("reference", 0.9, -0.9),
        ("reference", 0.0, -1.0),
        ("reference", 1.0, 2.0),
        ("reference", 2.0, 0.0),
        ("jackal", 1.2, -0.7),
        ("jackal", -1.2, -2.8),
    ],
)
def test_turns_that_do_not_go_together_are_named(robot: str, wheels_radps: float, gyro_radps: float) -> None:
    seconds = 1.0 if robot == "reference" else 4.0
    assert "encoder slips" in checked(robot, wheels_radps, gyro_radps, seconds).fault


def test_a_skid_steer_that_spins_out_is_no_fault() -> None:
    check = WheelCheck(load_robot("jackal"))
    for step in range(40):
        tell(check, step * STEP_NS, max(0.0, 4.0 - 6.6 * 0.02 * step), -max(0.0, 4.0 - 6.6 * 0.02 * step))
    assert check.fault == ""


def test_a_moment_without_grip_is_forgiven_again_and_again() -> None:
    check = WheelCheck(load_robot("reference"))
    for step in range(50 * 30):
        spins = step % 100 < 8  # 0.16 s every two seconds
        tell(check, step * STEP_NS, 0.0, 2.0 if spins else 0.0)
    assert check.fault == ""


def test_a_fault_stays_until_a_person_has_looked() -> None:
    check = checked("reference", 0.0, -1.0, 2.0)
    for step in range(100):
        tell(check, (100 + step) * STEP_NS, 0.0, 0.0)
    assert check.fault
    check.reset()
    assert check.fault == ""


def test_a_clock_that_stands_or_jumps_adds_at_most_a_tenth_of_a_second() -> None:
    check = WheelCheck(load_robot("reference"))
    for now_ns in (0, 0, 10**12 + STEP_NS):
        tell(check, now_ns, 0.0, 2.0)
    assert check.unexplained_rad < 0.2


@pytest.mark.parametrize("samples", [(), (Imu(1, 0.7, 0.0, 0.0),)])
def test_a_gyro_that_is_gone_or_frozen_speaks_against_nobody(samples: tuple[Imu, ...]) -> None:
    check = WheelCheck(load_robot("reference"))
    for step in range(200):
        check.update(step * STEP_NS, samples, 0.7, -2.0)
    assert check.fault == ""
