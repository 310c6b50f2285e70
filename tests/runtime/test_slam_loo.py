"""Leave-one-log-out: what is chosen, by whom, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from test_slam_bench import made_log, save

from amr.errors import ConfigError, DataError
from amr.mapping.slam import SlamSettings
from amr.runtime.bench.slam_candidates import candidates, settings_of
from amr.runtime.bench.slam_loo import LIMIT_OVER_MARK, MARKS, LooTask, left_out, run, run_task

NAMES = ["aces", "intel", "other"]


def made_errors(count=4, seed=3):
    rng = np.random.default_rng(seed)
    return {(name, k): tuple(rng.uniform(0.01, 0.5, 2).tolist()) for name in NAMES for k in range(count)}


def test_a_log_has_no_say_in_its_own_settings():
    errors = made_errors()
    chosen = left_out("aces", NAMES, errors, 4)["chosen"]
    for k in range(4):
        errors["aces", k] = (1e-6, 1e-6) if k != chosen else (9.0, 9.0)
    assert left_out("aces", NAMES, errors, 4)["chosen"] == chosen


def test_the_candidate_that_is_best_on_the_others_is_taken_and_of_equals_the_first():
    errors = {(name, k): (0.05, 0.5) for name in NAMES for k in range(3)}
    assert left_out("intel", NAMES, errors, 3)["chosen"] == 0
    errors["other", 2] = (0.04, 0.5)
    assert left_out("intel", NAMES, errors, 3)["chosen"] == 2


def test_figures_are_held_against_the_published_mark_and_unknown_logs_have_none():
    errors = {(name, k): (0.0375 * LIMIT_OVER_MARK * 1.01, 0.3) for name in NAMES for k in range(2)}
    row = left_out("aces", NAMES, errors, 2)
    assert row["translation_m"]["mark"] == MARKS["aces"][0]
    assert row["translation_m"]["within"] is False
    assert row["rotation_deg"]["within"] is True
    unknown = left_out("other", NAMES, errors, 2)
    assert unknown["translation_m"]["mark"] is None
    assert unknown["rotation_deg"]["within"] is None


def test_candidates_differ_hold_what_they_say_and_one_is_the_default():
    sets = [settings_of(candidate) for candidate in candidates()]
    assert len(set(sets)) == len(sets)
    assert SlamSettings() in sets
    for candidate, settings in zip(candidates(), sets, strict=True):
        assert settings.loops.strong_score == candidate["strong_score"]
        assert settings.loops.target_half == candidate["target_half"]
        assert settings.front.matching.kernel_m == candidate["kernel_m"]


def test_a_run_of_one_candidate_gives_its_figures_again_and_again(tmp_path):
    log = save(tmp_path / "room.npz", made_log(40))
    one, two = (run_task(LooTask(log, 3)) for _ in range(2))
    assert one["translation_m"] < 0.02
    assert {**one, "cpu_s": 0.0} == {**two, "cpu_s": 0.0}


def test_fewer_than_two_logs_or_equal_names_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="two or more"):
        run([tmp_path / "room.npz"])
    with pytest.raises(ConfigError, match="different names"):
        run([tmp_path / "a" / "room.npz", tmp_path / "b" / "room.npz"])


def test_a_log_without_relations_is_refused(tmp_path):
    arrays = {key: value for key, value in made_log(30).items() if not key.startswith("rel_")}
    logs = [save(tmp_path / f"{name}.npz", arrays) for name in ("one", "two")]
    with pytest.raises(DataError, match="relations"):
        run(logs)
