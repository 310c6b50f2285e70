"""The yaw rate trim: a body that turns less than its wheels turns as asked, and nothing else changes."""

from __future__ import annotations

import math

import pytest
from scenes import robot

from amr.control.turn_trim import TurnTrim
from amr.geometry import STANDSTILL, Twist2
from amr.state import restore_into, tree_of

MS = 1_000_000
STEP_MS = 20


def drive(trim: TurnTrim, wish: Twist2, seconds: float, turns_frac: float) -> tuple[list[float], list[float]]:
    """(yaw rates of the body, those of the wheels) in each step; the body lags by 60 ms, commands by 40 ms."""
    in_flight = [wish] * 2
    sent = [wish] * 2
    measured = 0.0
    body, wheels = [], []
    for k in range(round(seconds * 1000 / STEP_MS)):
        acting, turned = in_flight.pop(0), sent.pop(0)
        measured += (turns_frac * turned.w_radps - measured) * STEP_MS / (60 + STEP_MS)
        command = trim.trimmed(wish, acting, measured, k * STEP_MS * MS)
        in_flight.append(wish)
        sent.append(command)
        body.append(measured)
        wheels.append(command.w_radps)
    return body, wheels


@pytest.mark.parametrize("turns_frac", [0.8, 1.0, 1.15])
def test_the_body_turns_as_asked_and_does_not_swing(turns_frac: float) -> None:
    body, _ = drive(TurnTrim(robot()), Twist2(1.0, 0.8), 4.0, turns_frac)
    assert body[-1] == pytest.approx(0.8, abs=0.01)
    assert max(body) < 1.12 * max(0.8, turns_frac * 0.8)


def test_a_gyro_that_stands_still_adds_no_more_than_the_bound() -> None:
    config = robot()
    _, wheels = drive(TurnTrim(config), Twist2(1.0, 0.8), 30.0, 0.0)
    assert wheels[-1] == pytest.approx(0.8 + 0.15 * config.limits.w_max_radps)


def test_standstill_stays_standstill_and_forgets() -> None:
    trim = TurnTrim(robot())
    drive(trim, Twist2(1.0, 0.8), 3.0, 0.8)
    assert trim.trimmed(STANDSTILL, Twist2(1.0, 0.8), 0.7, 4000 * MS) == STANDSTILL
    trim.trimmed(STANDSTILL, STANDSTILL, 0.0, 4020 * MS)
    assert trim.trimmed(Twist2(0.5, 0.3), STANDSTILL, 0.0, 4040 * MS) == Twist2(0.5, 0.3)


def test_a_gap_in_time_teaches_no_more_than_a_tenth_of_a_second() -> None:
    one, other = TurnTrim(robot()), TurnTrim(robot())
    for trim, gap_ms in ((one, 100), (other, 60_000)):
        trim.trimmed(Twist2(1.0, 1.0), Twist2(1.0, 1.0), 0.5, 0)
        trim.trimmed(Twist2(1.0, 1.0), Twist2(1.0, 1.0), 0.5, gap_ms * MS)
    assert tree_of(one)["_trim_radps"] == tree_of(other)["_trim_radps"]


def test_restored_from_a_snapshot_it_goes_on_to_the_bit() -> None:
    trim, other = TurnTrim(robot()), TurnTrim(robot())
    drive(trim, Twist2(1.0, 0.8), 1.0, 0.8)
    restore_into(other, tree_of(trim))
    command = Twist2(0.9, 0.7)
    assert trim.trimmed(command, command, 0.6, 1200 * MS) == other.trimmed(command, command, 0.6, 1200 * MS)
    assert math.isfinite(trim.trimmed(command, command, 0.6, 1220 * MS).w_radps)
