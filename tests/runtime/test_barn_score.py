"""Scores of the BARN benchmark."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amr.geometry import Pose2
from amr.runtime.bench.barn import barn_score, driving_time_s, sign_changes_per_m, trial_seed

START = Pose2(-2.25, 3.0, 1.57)


@pytest.mark.parametrize(("time_s", "expected"), [(4.0, 0.5), (10.0, 0.5), (20.0, 0.25), (40.0, 0.125), (90.0, 0.125)])
def test_score_clips_the_time_at_two_and_eight_times_the_optimum(time_s: float, expected: float) -> None:
    assert barn_score(True, time_s, 5.0) == pytest.approx(expected)


def test_a_failed_trial_scores_nothing() -> None:
    assert barn_score(False, 5.0, 5.0) == 0.0


def test_without_the_answer_in_the_file_there_is_no_score() -> None:
    assert math.isnan(barn_score(True, 5.0, math.nan))


def truth(y_m: list[float], w_radps: list[float] | None = None) -> np.ndarray:
    rows = np.zeros((len(y_m), 9))
    rows[:, 0] = np.arange(len(y_m)) * 0.5
    rows[:, 1] = START.x_m
    rows[:, 2] = START.y_m + np.array(y_m)
    rows[:, 7] = w_radps if w_radps is not None else 0.0
    return rows


def test_the_clock_starts_when_the_robot_has_moved_a_tenth_of_a_metre() -> None:
    assert driving_time_s(truth([0.0, 0.05, 0.11, 1.0, 2.0]), START) == pytest.approx(1.0)


def test_a_robot_that_never_moved_has_no_time() -> None:
    assert math.isnan(driving_time_s(truth([0.0, 0.01, 0.02]), START))


def test_sign_changes_are_counted_a_metre_and_small_turns_are_straight() -> None:
    rows = truth([0.0, 1.0, 2.0, 3.0, 4.0], [0.5, 0.05, 0.6, -0.5, 0.5])
    assert sign_changes_per_m(rows) == pytest.approx(2 / 4.0)


def test_seeds_differ_by_world_and_trial_and_not_by_process() -> None:
    seeds = {trial_seed(0, world, trial) for world in ("1", "2") for trial in (0, 1)}
    assert len(seeds) == 4
    assert trial_seed(0, "1", 0) == trial_seed(0, "1", 0)
