"""The bench of SLAM: loader, ruler, raw results; with the answers there, taken out, and broken logs."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scan_world import noisy_odometry, ranges, walls

from amr.errors import DataError
from amr.mapping.pose_arrays import between
from amr.runtime.bench.slam import run
from amr.runtime.bench.slam_log import load_slam_log
from amr.runtime.bench.slam_ruler import relation_errors
from amr.runtime.maps import load_ros_map

BEAMS = 181


def made_log(count=60):
    rng = np.random.default_rng(8)
    turn = np.linspace(0.0, 1.2, count)
    path = np.column_stack([2.0 * np.sin(turn) - 1.0, 1.5 - 2.0 * np.cos(turn), turn])
    angles = np.deg2rad(np.arange(BEAMS) - 90.0)
    scans = np.array([np.rint(1000.0 * ranges(pose, walls(), angles, 0.005, rng)) for pose in path])
    ij = np.column_stack([np.arange(0, count - 10, 5), np.arange(10, count, 5)])
    return {
        "t": np.arange(count) * 0.2,
        "ranges_mm": scans.astype(np.uint16),
        "odom": noisy_odometry(path, rng),
        "angle_min": np.array(-np.pi / 2),
        "angle_inc": np.array(np.pi / 180),
        "max_range": np.array(50.0),
        "n_beams": np.full(count, BEAMS, np.int16),
        "rel_ij": ij.astype(np.int32),
        "rel_xyt": between(path[ij[:, 0]], path[ij[:, 1]]),
    }


def save(path, arrays):
    np.savez(path, **arrays)
    return path


def test_result_and_raw_files_are_those_of_the_contract(tmp_path):
    log = save(tmp_path / "room.npz", made_log())
    (row,) = run([log], out=tmp_path / "out")["logs"]
    assert row["name"] == "room"
    assert row["scans"] == 60
    assert row["relations"] == 10
    assert row["translation_m"]["mean"] < 0.02
    assert row["rotation_deg"]["mean"] < 0.3
    assert row["translation_sq"]["mean"] < 0.02**2
    with (tmp_path / "out" / "room.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["scan", "x_m", "y_m", "yaw_rad", "x_online_m", "y_online_m", "yaw_online_rad"]
    assert [int(row["scan"]) for row in rows] == list(range(60))
    assert (tmp_path / "out" / "room.png").is_file()
    assert (load_ros_map(tmp_path / "out" / "room.yaml").pixels == 0).sum() > 100


def test_score_is_null_and_poses_are_the_same_when_the_answers_are_taken_out(tmp_path):
    arrays = made_log()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with_answers = save(tmp_path / "a" / "room.npz", arrays)
    without = save(tmp_path / "b" / "room.npz", {k: v for k, v in arrays.items() if not k.startswith("rel_")})
    run([with_answers], out=tmp_path / "a")
    (row,) = run([without], out=tmp_path / "b")["logs"]
    assert row["translation_m"] == {"mean": None, "std": None}
    assert row["rotation_deg"]["mean"] is None
    assert row["relations"] == 0
    assert (tmp_path / "a" / "room.csv").read_text() == (tmp_path / "b" / "room.csv").read_text()


def test_scans_that_cannot_be_used_are_counted_by_reason_and_bridged(tmp_path):
    arrays = made_log()
    ranges_m = arrays["ranges_mm"].astype(np.float64)
    ranges_m[3, :] = np.nan
    ranges_m[4, ::2] = np.nan
    arrays["ranges_mm"] = ranges_m
    arrays["odom"][7] = np.nan
    arrays["t"][20] = 0.0
    arrays["t"][30] = np.nan
    arrays["n_beams"][40] = 0
    arrays["n_beams"][41] = 5000
    arrays["n_beams"][42] = 90
    (row,) = run([save(tmp_path / "broken.npz", arrays)])["logs"]
    assert row["refused"] == {
        "too_few_points": 1,
        "odometry_not_finite": 1,
        "stamp_steps_back": 1,
        "stamp_not_finite": 1,
        "beam_count": 3,
    }
    assert row["scans"] == 60
    assert row["translation_m"]["mean"] < 0.03


def test_shorter_scans_share_the_middle_of_the_widest(tmp_path):
    arrays = made_log(4)
    arrays["n_beams"][1] = 180
    log = load_slam_log(save(tmp_path / "log.npz", arrays))
    first_angle = [np.arctan2(points[0, 1], points[0, 0]) for points in log.points[:2]]
    assert first_angle[1] - first_angle[0] == pytest.approx(np.pi / 360)


def test_missing_and_saturated_beams_are_no_points(tmp_path):
    arrays = made_log(4)
    arrays["ranges_mm"][0, :50] = 65535
    arrays["ranges_mm"][0, 50:60] = 49900
    arrays["ranges_mm"][0, 60:70] = 0
    assert len(load_slam_log(save(tmp_path / "log.npz", arrays)).points[0]) == BEAMS - 70


def test_a_part_of_a_log_is_scored_by_its_own_relations(tmp_path):
    log = save(tmp_path / "room.npz", made_log())
    (row,) = run([log], scans=(20, 49), out=tmp_path)["logs"]
    assert row["scans"] == 30
    assert row["relations"] == 4
    assert sum(third["relations"] for third in row["thirds"]) <= 4
    assert (tmp_path / "room.csv").read_text().splitlines()[1].startswith("20,")


def test_ruler_measures_a_known_error(tmp_path):
    arrays = made_log()
    log = save(tmp_path / "room.npz", arrays)
    poses = np.zeros((60, 3))
    poses[:, 0] = np.arange(60)
    relations = {"rel_ij": np.array([[0, 1], [1, 2]]), "rel_xyt": np.array([[1.0, 0.0, 0.0], [1.0, 0.1, 0.02]])}
    save(log, {**arrays, **relations})
    scores = relation_errors(log, 0, poses, np.zeros(len(poses), bool))
    assert scores["translation_m"]["mean"] == pytest.approx(0.05)
    assert scores["rotation_deg"]["mean"] == pytest.approx(np.rad2deg(0.01))
    assert scores["translation_sq"]["mean"] == pytest.approx(0.005)
    second = relation_errors(log, 0, poses[:3], np.zeros(3, bool), (1.0 / 3.0, 1.0))
    assert (second["relations"], second["translation_m"]["mean"]) == (1, pytest.approx(0.1))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"t": None}, "expected an array t"),
        ({"odom": np.zeros((3, 3))}, "odom"),
        ({"angle_inc": np.array(0.0)}, "angle_inc"),
        ({"angle_min": np.array(np.nan)}, "angle_min"),
        ({"laser_xyt": np.zeros(2)}, "laser_xyt"),
        ({"n_beams": np.zeros(3, int)}, "n_beams"),
        ({"t": np.array(["a"] * 60)}, "t: expected numbers"),
    ],
)
def test_a_file_of_the_wrong_kind_is_named_with_its_key(tmp_path, change, word):
    arrays = {key: value for key, value in {**made_log(), **change}.items() if value is not None}
    with pytest.raises(DataError, match=word):
        load_slam_log(save(tmp_path / "log.npz", arrays))


def test_no_file_torn_file_and_empty_range_are_one_line(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_slam_log(tmp_path / "none.npz")
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(DataError, match="whole"):
        load_slam_log(tmp_path / "torn.npz")
    with pytest.raises(DataError, match="expected at least"):
        load_slam_log(save(tmp_path / "log.npz", made_log(4)), first=10)
