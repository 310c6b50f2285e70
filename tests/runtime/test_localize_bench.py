"""The localization bench itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amr.errors import ConfigError, DataError
from amr.localization.lost import FEATURES, LostModel
from amr.localization.map_field import MapField
from amr.mapping.base import placed
from amr.runtime.bench.localize import LocalizeOptions, best_fit, run_logs, run_worlds, site_from
from amr.runtime.bench.localize_elsewhere import logs_elsewhere, worlds_elsewhere
from amr.runtime.bench.localize_fit import fitted, logistic, noticed_scans, roc
from amr.runtime.bench.localize_wear import worn_map
from amr.runtime.bench.localize_world import true_map
from amr.runtime.files import load_robot


def test_roc_of_a_perfect_and_of_a_useless_judge():
    lost = np.array([False] * 50 + [True] * 50)
    perfect = roc(lost * 0.98 + 0.01, lost)
    assert perfect["auc"] == 1.0
    assert all(at["miss_frac"] == 0.0 for at in perfect["at"])
    assert roc(np.full(100, 0.3), lost)["auc"] == pytest.approx(0.5)
    assert roc(np.full(50, 0.3), lost[:50])["auc"] is None


def test_logistic_regression_finds_the_model_that_made_the_data():
    random = np.random.default_rng(0)
    features = random.normal(0.0, 1.0, (20_000, 2))
    lost = random.random(20_000) < 1.0 / (1.0 + np.exp(-(2.0 * features[:, 0] - features[:, 1])))
    weights, bias = logistic(features, lost)
    assert weights == pytest.approx([2.0, -1.0], abs=0.1)
    assert bias == pytest.approx(0.0, abs=0.1)


def test_fitted_model_lets_scans_count_by_what_the_map_knows():
    random = np.random.default_rng(0)
    features = random.random((20_000, len(FEATURES)))
    log_odds = (1.0 - features[:, -1]) * (6.0 * features[:, 0] + 2.0 * features[:, 5] - 4.0)
    lost = random.random(20_000) < 1.0 / (1.0 + np.exp(-log_odds))
    model = fitted([(features, lost)])
    assert model.weights == pytest.approx((6.0, 0.0, 0.0, 0.0, 0.0, 2.0), abs=0.4)
    assert model.bias == pytest.approx(-4.0, abs=0.4)


def test_scans_until_an_alarm_are_counted_from_each_time_the_robot_is_lost():
    model = LostModel(weights=(10.0, 0.0, 0.0, 0.0, 0.0, 0.0), bias=-5.0, temper=1.0)
    quiet, loud = np.zeros(len(FEATURES)), np.eye(len(FEATURES))[0]
    rows = np.array([quiet] * 10 + [loud] * 10 + [quiet] * 10 + [loud])
    lost = np.array([False] * 8 + [True] * 12 + [False] * 9 + [True] * 2)
    # two quiet scans and two loud ones; the second time only one of them comes
    assert noticed_scans(model, [(rows[:20], lost[:20])] * 9 + [(rows, lost)]) == {"p50": 4.0, "p90": 4.0}
    assert noticed_scans(model, [(rows, lost)])["p90"] == math.inf
    assert math.isnan(noticed_scans(model, [(rows[:8], lost[:8])])["p50"])


def test_worn_map_is_of_the_same_walls_with_some_furniture_elsewhere():
    site, robot = site_from("rooms:3")[0], load_robot("reference")
    true, worn, again, other = true_map(site, robot), *(worn_map(site, robot, seed) for seed in (1, 1, 2))
    assert (worn.pixels.tobytes(), worn.frame) == (again.pixels.tobytes(), again.frame)
    assert worn.pixels.tobytes() != other.pixels.tobytes()
    near = MapField(true)
    at_true_walls = near.end_nats(MapField(worn).wall_points) < 0.5
    assert 0.6 < at_true_walls.mean() < 0.98


def test_best_fit_is_the_pose_between_two_sets_of_points():
    points, pose = np.random.default_rng(1).normal(0.0, 3.0, (20, 2)), np.array([1.0, -2.0, 2.5])
    assert best_fit(points, placed(points, pose)) == pytest.approx(pose)


@pytest.mark.parametrize("text", ["office", "office:x", "cave:1", ":1", "office:"])
def test_world_that_is_none_is_named(text):
    with pytest.raises(ConfigError, match="KIND:SEED"):
        site_from(text)


@pytest.mark.slow
def test_one_world_gives_scores_and_raw_results(tmp_path):
    options = LocalizeOptions(worlds=("corridor:3",), drives=1, kidnaps=0, places=1, out=tmp_path)
    row = run_worlds(options)["worlds"][0]
    assert row["pose"]["error_m"]["p95"] < 0.05
    assert row["places"]["wrong"] == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        *(f"corridor-3{end}" for end in (".yaml", ".pgm", ".png", "-drives.csv", "-places.csv"))
    }


def write_log(path, with_truth):
    """Twelve scans of a room, 0.3 m apart."""
    angles = np.radians(np.arange(180) - 90.0)
    ranges, poses = [], []
    for k in range(12):
        x = 0.3 * k - 1.5
        with np.errstate(divide="ignore"):
            walls = [(4.0 - x) / np.cos(angles), 3.0 / np.sin(angles), -2.0 / np.sin(angles)]
        ranges.append(np.min([np.where(w > 0.0, w, np.inf) for w in walls], axis=0))
        poses.append((x, 0.0, 0.0))
    arrays = {
        "t": np.arange(12.0), "ranges_mm": np.rint(np.array(ranges) * 1e3).clip(0, 60_000).astype(np.uint16),
        "odom": np.array(poses), "angle_min": np.array(-np.pi / 2), "angle_inc": np.array(np.pi / 180),
        "max_range": np.array(50.0),
    }  # fmt: skip
    if with_truth:
        arrays["ref_xyt"] = np.array(poses)
    np.savez(path, **arrays)
    return path


def test_log_without_answers_needs_a_map_and_then_has_no_score(tmp_path):
    with pytest.raises(DataError, match="--map"):
        run_logs([write_log(tmp_path / "blind.npz", False)], None, None, 9)
    out = tmp_path / "out"
    known = run_logs([write_log(tmp_path / "known.npz", True)], None, out, 9)["logs"][0]
    assert known["wrong"] == 0
    assert known["right_frac"] is not None
    blind = run_logs([tmp_path / "blind.npz"], out / "known.yaml", None, 9)["logs"][0]
    assert blind["right_frac"] is None


def test_robots_elsewhere_need_another_map_than_their_own(tmp_path):
    one = write_log(tmp_path / "one.npz", True)
    with pytest.raises(ConfigError, match="two logs"):
        logs_elsewhere([one], 1)
    with pytest.raises(ConfigError, match="different names"):
        logs_elsewhere([one, one], 1)
    with pytest.raises(ConfigError, match="two kinds"):
        worlds_elsewhere(LocalizeOptions(worlds=("office:1", "office:2")))


def test_each_robot_is_sought_on_the_maps_of_the_others_and_every_answer_counts(tmp_path):
    logs = [write_log(tmp_path / f"{name}.npz", True) for name in ("one", "same")]
    result = logs_elsewhere(logs, 1)
    assert [(row["map"], row["robot_in"]) for row in result["pairs"]] == [("one", "same"), ("same", "one")]
    for row in result["pairs"]:
        assert row["found"] + row["ambiguous"] + row["nowhere"] == row["trials"] == 1
    # both are one room, so here an answer is expected, which shows that it would be counted
    assert result["found"] == sum(row["found"] for row in result["pairs"])
    assert result["found_frac"] == result["found"] / 2
