"""The localizer as slow work: answers, refusals with a counted reason, modelled latency."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from amr.geometry import Pose2
from amr.localization.worker_core import LocalizationWorker
from amr.messages import Belief, ForgetObstacles, LocateScan, Scan
from amr.runtime.files import load_robot

REFERENCE = Path(__file__).resolve().parents[2] / "seeds" / "robots" / "reference.toml"
COVARIANCE = (1e-4, 0.0, 0.0, 1e-4, 0.0, 1e-5)
START = Pose2(1.0, 3.5, 0.0)
BEAMS = 180


def robot():
    config = load_robot(REFERENCE)
    changes = {
        "beams": BEAMS, "angle_min_rad": 0.0, "angle_increment_rad": 2.0 * math.pi / BEAMS, "x_m": 0.0, "y_m": 0.0,
        "yaw_rad": 0.0, "sweep": False,
    }  # fmt: skip
    return config.model_copy(update={"lidar": config.lidar.model_copy(update=changes)})


def scan_of(building, pose, stamp_ns):
    ranges = np.full(BEAMS, np.inf, np.float32)
    points = building.look((pose.x_m, pose.y_m, pose.yaw_rad), BEAMS)
    beams = np.rint(np.arctan2(points[:, 1], points[:, 0]) % (2.0 * math.pi) / (2.0 * math.pi / BEAMS)).astype(int)
    ranges[beams % BEAMS] = np.hypot(points[:, 0], points[:, 1])
    return Scan(stamp_ns, 0.0, 2.0 * math.pi / BEAMS, 0.05, 20.0, 0.0, ranges)


def question(number, odom_from_base):
    stamp_ns = number * 100_000_000
    return LocateScan(number, stamp_ns + 30_000_000, stamp_ns, odom_from_base, odom_from_base, COVARIANCE)


def drive(worker, building, count, start=START, first=1):
    """Fixes of a drive that begins at ``start``, where odometry is zero."""
    fixes = []
    for number in range(first, first + count):
        odom_from_base = Pose2(0.05 * (number - 1), 0.0, 0.0)
        worker.offer_scan(scan_of(building, start @ odom_from_base, number * 100_000_000))
        fixes.append(worker.handle(question(number, odom_from_base)))
    return fixes


def test_answer_tells_where_odometry_lies_on_the_map(building):
    worker = LocalizationWorker(robot(), building.field, 1, Pose2(START.x_m + 0.1, START.y_m - 0.1, 0.03))
    fixes = drive(worker, building, 12)
    for fix in fixes[4:]:
        assert fix.refused == ""
        assert fix.belief is Belief.SURE
        assert fix.map_from_odom.distance_m(START) < 0.04
        assert abs(fix.map_from_odom.yaw_rad) < 0.01
        assert 0.0 < fix.pose_sigma[0] < 0.1
    assert [fix.request_id for fix in fixes] == list(range(1, 13))


def test_latency_is_modelled_and_a_search_takes_longer(building):
    config = robot().localization
    placed = LocalizationWorker(robot(), building.field, 1, START)
    assert drive(placed, building, 1)[0].stamp_ns == 130_000_000 + round(config.latency_fix_s * 1e9)
    anywhere = LocalizationWorker(robot(), building.field, 1, None)
    fix = drive(anywhere, building, 1)[0]
    assert fix.belief is Belief.LOST
    assert fix.stamp_ns > 130_000_000 + round((config.latency_fix_s + config.latency_search_s) * 1e9)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda scan: replace(scan, ranges_m=np.full(BEAMS, np.nan, np.float32)), "too few returns"),
        (lambda scan: replace(scan, ranges_m=np.full(BEAMS, np.inf, np.float32)), "too few returns"),
        (lambda scan: replace(scan, ranges_m=scan.ranges_m[: BEAMS // 2]), "another number of beams"),
        (lambda scan: replace(scan, ranges_m=np.zeros(0, np.float32)), "scan is empty"),
        (lambda scan: replace(scan, angle_increment_rad=math.nan), "geometry_invalid"),
        (lambda scan: replace(scan, stamp_ns=7), "scan is not here"),
    ],
)
def test_bad_scan_is_refused_with_a_counted_reason_and_the_next_good_one_is_not(building, spoil, cause):
    worker = LocalizationWorker(robot(), building.field, 1, START)
    drive(worker, building, 3)
    odom_from_base = Pose2(0.15, 0.0, 0.0)
    worker.offer_scan(spoil(scan_of(building, START @ odom_from_base, 400_000_000)))
    fix = worker.handle(question(4, odom_from_base))
    assert cause in fix.refused
    assert fix.request_id == 4
    assert worker.refused == {fix.refused: 1}
    assert drive(worker, building, 1, first=5)[0].refused == ""


def test_odometry_that_is_not_finite_is_refused(building):
    worker = LocalizationWorker(robot(), building.field, 1, START)
    drive(worker, building, 2)
    worker.offer_scan(scan_of(building, START, 300_000_000))
    assert worker.handle(question(3, Pose2(math.nan, 0.0, 0.0))).refused
    worker.offer_scan(scan_of(building, START, 400_000_000))
    assert worker.handle(replace(question(4, Pose2(0.1, 0.0, 0.0)), covariance=(math.inf,) * 6)).refused


def test_some_nan_beams_do_no_harm(building):
    worker = LocalizationWorker(robot(), building.field, 1, START)
    for number in range(1, 8):
        odom_from_base = Pose2(0.05 * (number - 1), 0.0, 0.0)
        scan = scan_of(building, START @ odom_from_base, number * 100_000_000)
        scan.ranges_m[::3] = np.nan
        worker.offer_scan(scan)
        fix = worker.handle(question(number, odom_from_base))
    assert fix.belief is Belief.SURE
    assert fix.map_from_odom.distance_m(START) < 0.04


def test_other_requests_are_none_of_its_business(building):
    assert LocalizationWorker(robot(), building.field, 1, START).handle(ForgetObstacles(0.0, 0.0, 1.0, 1)) is None


def test_restored_worker_answers_alike(building):
    first, other = (LocalizationWorker(robot(), building.field, 1, START) for _ in range(2))
    drive(first, building, 4)
    other.restore(first.state())
    assert drive(first, building, 4, first=5) == drive(other, building, 4, first=5)
