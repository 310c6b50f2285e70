"""Does a stop meet a mover: the ring's kernel beside a plain reference that moves both in small steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safety_scene import law, polygons_distance, robot

from amr.geometry import Pose2, Twist2, integrate_twist
from amr.safety import kernel, kernel_movers
from amr.safety.outline import Outline

BODY = robot().body
OUTLINE = Outline.from_body(BODY)
STEP_S = 0.02


def speed_at(t_s: float, speed: float, row: NDArray[np.float64]) -> float:
    """Outline speed: held, then braked evenly from the larger of it and the floor."""
    hold_s, first = row[kernel.HOLD_S], max(speed, row[kernel.FLOOR])
    if t_s < hold_s:
        return speed
    return max(0.0, first - (t_s - hold_s) / row[kernel.BRAKE_S_PER_MPS])


def met(movers: Any, speed: float, row: NDArray[np.float64]) -> tuple[int, float]:
    """(number of the first mover that is met or -1, the least of what was left between any mover and its reach)."""
    unit = Twist2(row[kernel.V], row[kernel.W])
    duration_s = row[kernel.HOLD_S] + max(speed, row[kernel.FLOOR]) * row[kernel.BRAKE_S_PER_MPS]
    pose, t_s, closest_m, first = Pose2(0.0, 0.0, 0.0), 0.0, math.inf, -1
    fine = 20
    for k in range(int(duration_s / STEP_S) + 1):
        at_s = min(duration_s, k * STEP_S)
        while t_s < at_s - 1e-12:
            step_s = min(STEP_S / fine, at_s - t_s)
            pose = integrate_twist(pose, unit, speed_at(t_s + 0.5 * step_s, speed, row) * step_s)
            t_s += step_s
        for n, (x, y, vx, vy, radius, sigma, speed_sigma) in enumerate(movers):
            where = pose.inverse().apply(x + at_s * vx, y + at_s * vy)
            left_m = (
                polygons_distance(BODY.outline_m, *where) - radius - sigma - at_s * speed_sigma - row[kernel.MARGIN]
            )
            closest_m = min(closest_m, abs(left_m))
            if left_m < 0.0 and first < 0:
                first = n
    return first, closest_m


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"FLOOR": 1.9},
        {"MARGIN": 0.3},
        {"HOLD_S": 0.4},
        {"BRAKE_S_PER_MPS": 0.1},
        {"BRAKE_S_PER_MPS": 0.0, "HOLD_S": 0.3},
    ],
    ids=str,
)
def test_a_stop_meets_whom_a_plain_walk_through_it_meets(values: dict[str, float]) -> None:
    rng = np.random.default_rng(8)
    results = []
    for _ in range(24):
        row = law((float(rng.choice((-1.0, 1.0))), float(rng.uniform(-2.0, 2.0))), **values)
        speed = float(rng.uniform(0.3, 1.8))
        movers = np.zeros((3, kernel_movers.MOVER_COLUMNS))
        movers[:, :2] = rng.uniform(-1.4, 1.4, (3, 2))
        movers[:, 2:4] = rng.uniform(-1.5, 1.5, (3, 2))
        movers[:, 4], movers[:, 5], movers[:, 6] = 0.2, rng.uniform(0.0, 0.1, 3), rng.uniform(0.0, 0.3, 3)
        expected, closest_m = met(movers.tolist(), speed, row)
        if closest_m < 2e-3:
            continue  # too close to tell
        found = kernel_movers.met_by_stop(movers, speed, row, *OUTLINE.parts.arrays)
        assert found == expected
        results.append(found)
    assert len(results) > 15
    assert len(set(results)) > 2


def test_the_largest_speed_that_meets_nobody_lies_between_the_slowest_and_the_wish() -> None:
    row = law((1.0, 0.0))
    # crosses the way ahead, from the right
    movers = np.array([[0.9, -0.8, 0.0, 1.3, 0.2, 0.0, 0.0], [5.0, 5.0, 0.0, 0.0, 0.2, 0.0, 0.0]])
    speed, worst = kernel_movers.largest_unmet_speed(movers, 1.8, 0.2, row, *OUTLINE.parts.arrays)
    assert worst == 0
    assert met(movers.tolist(), speed, row)[0] == -1
    assert met(movers.tolist(), speed + (1.8 - 0.2) / 2**7, row)[0] == 0
    assert 0.3 < speed < 1.79
    parts = (speed - 0.2) / (1.8 - 0.2) * 2**8
    assert parts == pytest.approx(round(parts), abs=1e-9), "it is told to 1/256 of what lies between, no finer"
    alone = movers[1:].copy()
    assert kernel_movers.largest_unmet_speed(alone, 1.8, 0.2, row, *OUTLINE.parts.arrays) == (1.8, -1)
    swapped = movers[::-1].copy()
    assert kernel_movers.largest_unmet_speed(swapped, 1.8, 0.2, row, *OUTLINE.parts.arrays) == (speed, 1)


def test_where_even_the_slowest_meets_somebody_the_wish_stays() -> None:
    row = law((1.0, 0.0))
    movers = np.array([[0.6, 0.0, -1.5, 0.0, 0.3, 0.0, 0.0]])
    assert met(movers.tolist(), 0.2, row)[0] == 0
    assert kernel_movers.largest_unmet_speed(movers, 1.8, 0.2, row, *OUTLINE.parts.arrays) == (1.8, -1)


@pytest.mark.parametrize("values", [{}, {"HOLD_S": 0.15}, {"FLOOR": 1.6}, {"BRAKE_S_PER_MPS": 0.9}], ids=str)
@pytest.mark.parametrize("part", [0.0, 0.1, 0.3, 0.5, 0.7])
def test_at_each_moment_the_front_is_where_the_stop_has_brought_it(values: dict[str, float], part: float) -> None:
    """A pea that shoots across the way: it meets the robot at that moment or never."""
    row, speed = law((1.0, 0.0), **values), 1.2
    duration_s = row[kernel.HOLD_S] + max(speed, row[kernel.FLOOR]) * row[kernel.BRAKE_S_PER_MPS]
    at_s = STEP_S * round(part * duration_s / STEP_S)
    way_m = sum(speed_at((k + 0.5) * at_s / 500, speed, row) for k in range(500)) * at_s / 500
    for ahead_m in (-0.008, 0.008):
        x_m = 0.21 + way_m + 0.02 + ahead_m
        pea = np.array([[x_m, -12.0 * at_s, 0.0, 12.0, 0.02, 0.0, 0.0]])
        found = kernel_movers.met_by_stop(pea, speed, row, *OUTLINE.parts.arrays)
        assert found == (0 if ahead_m < 0.0 else -1)
