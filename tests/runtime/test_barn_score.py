"""Scores of the BARN benchmark."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from amr.errors import ConfigError
from amr.geometry import Pose2
from amr.runtime.bench.barn import (
    BarnOptions,
    _chosen,
    barn_score,
    driving_time_s,
    run,
    sign_changes_per_m,
    trial_seed,
)
from amr.runtime.bench.barn_contact import contact_of
from amr.runtime.files import load_robot
from sim.contact import closing_speeds_mps
from sim.scene import Scene
from sim.world import Bounds, Circle, MovingObstacle, Polygon, World
from sim.worlds.barn import load_barn

BARN_LIKE = Path(__file__).resolve().parents[2] / "seeds" / "worlds" / "barn_like.json"
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


def test_a_range_means_the_worlds_of_it_that_the_file_has() -> None:
    worlds = load_barn(BARN_LIKE)
    ids = [world.id for world in worlds]
    assert [world.id for world in _chosen(worlds, (f"{ids[0]}-999",), BARN_LIKE)] == ids
    assert [world.id for world in _chosen(worlds, (ids[2], ids[1]), BARN_LIKE)] == [ids[2], ids[1]]
    with pytest.raises(ConfigError, match="no such world"):
        _chosen(worlds, ("100000",), BARN_LIKE)


@pytest.mark.slow
def test_benchmark_drives_a_generated_world_and_leaves_raw_results(tmp_path: Path) -> None:
    first = load_barn(BARN_LIKE)[0].id
    result = run(BarnOptions(data=BARN_LIKE, worlds=(first,), backend="planar", out=tmp_path))
    assert result["success_rate"] == 1.0
    assert result["trials"][0]["score"] == pytest.approx(0.5, abs=0.05)
    assert result["light_to_torque_ms_min"] >= 100.0
    assert result["trials"][0]["ring_interventions"] >= 0
    assert (tmp_path / "barn.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / f"{first}-0.mcap").stat().st_size > 100_000
    header, *rows = (tmp_path / f"{first}-0.csv").read_text().splitlines()
    assert header.startswith("t_s,x_m,y_m,yaw_rad,v_mps,w_radps,cmd_v_mps,cmd_w_radps,stop_reason")
    assert len(rows) > 100 * result["trials"][0]["time_s"]


@pytest.mark.slow
def test_benchmark_runs_without_answers_in_the_file(tmp_path: Path) -> None:
    data = json.loads(BARN_LIKE.read_text())
    for world in data["worlds"]:
        for key in ("path", "path_length", "optimal_time"):
            world.pop(key, None)
    (tmp_path / "no_answers.json").write_text(json.dumps(data))
    first = str(data["worlds"][0]["id"])
    result = run(BarnOptions(data=tmp_path / "no_answers.json", worlds=(first,), backend="planar"))
    assert result["success_rate"] == 1.0
    assert result["mean_score"] is None


JACKAL = load_robot("jackal")
FRONT_M = 0.229


def world_with(*moving: MovingObstacle, posts: tuple[Circle, ...] = ()) -> World:
    return World("test", posts, (), moving, Pose2(0.0, 0.0, 0.0), (), Bounds(-5.0, -5.0, 5.0, 5.0))


def driven(v_mps: float, w_radps: float = 0.0, duration_s: float = 0.1) -> np.ndarray:
    """A trace in rows of 1 ms of a robot at the origin in the end, heading along x."""
    t = 0.001 * np.arange(round(duration_s * 1000) + 1)
    truth = np.zeros((t.size, 9))
    truth[:, 0] = t
    truth[:, 1] = v_mps * (t - t[-1])
    truth[:, 3] = w_radps * (t - t[-1])
    truth[:, 4], truth[:, 5] = v_mps, w_radps
    truth[-5:, 4] = -3.0  # the impact itself
    return truth


@pytest.mark.parametrize(
    ("speed_mps", "reason", "kind"),
    [(0.01, "obstacle", "standing"), (0.4, "obstacle_slow", "braking"), (1.2, "", "moving"), (1.2, "limit", "moving")],
)
def test_contacts_are_told_apart_by_speed_and_stop_reason(speed_mps, reason, kind) -> None:
    post = Circle(FRONT_M + 0.3, 0.0, 0.3)
    reasons = [reason] * 96 + ["obstacle"] * 5
    found = contact_of(driven(speed_mps), reasons, world_with(posts=(post,)), JACKAL.body)
    assert (found["contact"], found["contact_speed_mps"], found["contact_stop_reason"]) == (kind, speed_mps, reason)
    assert found["contact_own_closing_mps"] == pytest.approx(speed_mps)
    assert found["contact_other_closing_mps"] == 0.0


@pytest.mark.parametrize(
    ("v_mps", "own_mps", "kind"), [(1.0, 1.0, "moving"), (-0.5, -0.5, "struck"), (0.0, 0.0, "standing")]
)
def test_what_runs_into_a_robot_that_makes_way_is_not_its_doing(v_mps, own_mps, kind) -> None:
    ahead_m = FRONT_M + 0.3
    mover = MovingObstacle("m", Circle(0.0, 0.0, 0.3), ((0.0, ahead_m + 0.15, 0.0), (0.1, ahead_m, 0.0)), 0.1, False)
    found = contact_of(driven(v_mps), [""] * 101, world_with(mover), JACKAL.body)
    assert found["contact"] == kind
    assert found["contact_own_closing_mps"] == pytest.approx(own_mps, abs=1e-6)
    assert found["contact_other_closing_mps"] == pytest.approx(1.5, abs=1e-6)


def test_a_robot_that_passes_is_struck_from_the_side() -> None:
    """It drives along a wall of motion that closes in at a right angle."""
    wide = Polygon(((-3.0, 0.0), (3.0, 0.0), (3.0, 0.5), (-3.0, 0.5)))
    side_m = 0.208
    mover = MovingObstacle("m", wide, ((0.0, 0.0, side_m + 0.1), (0.1, 0.0, side_m)), 0.1, False)
    found = contact_of(driven(2.0), [""] * 101, world_with(mover), JACKAL.body)
    assert found["contact"] == "struck"
    assert found["contact_speed_mps"] == 2.0
    assert found["contact_own_closing_mps"] == pytest.approx(0.0, abs=1e-6)


def test_turning_in_place_into_something_is_the_robots_doing() -> None:
    post = Circle(FRONT_M + 0.02, 0.208 + 0.02, 0.02)
    found = contact_of(driven(0.0, w_radps=2.0), [""] * 101, world_with(posts=(post,)), JACKAL.body)
    assert found["contact"] == "moving"
    assert found["contact_speed_mps"] == 0.0
    assert found["contact_own_closing_mps"] > 0.05


def test_a_contact_in_the_first_tick_has_no_closing_speed() -> None:
    found = contact_of(driven(1.0)[-1:], [""], world_with(), JACKAL.body)
    assert found["contact_own_closing_mps"] == 0.0


def test_closing_speeds_need_two_times() -> None:
    with pytest.raises(ValueError, match="after_s"):
        closing_speeds_mps(JACKAL.body, Scene(world_with()), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.0, 1.0)
