"""The falsifier: its cases, its judge, and that it finds a robot that is not safe."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seeds
from amr.errors import DataError
from amr.geometry import Twist2
from amr.messages import Scan, Stop, StopReason
from amr.runtime.bench import falsify
from amr.runtime.bench.falsify_case import ROBOTS, FalsifyCase, case_of, is_free, mutated, random_case
from amr.runtime.bench.falsify_judge import Verdict, verdict_of
from amr.runtime.files import load_robot
from amr.safety.shrink import Shrinker
from sim.physics import BodyState
from sim.trace import TruthTrace
from sim.world import Circle, World

JACKAL = load_robot("jackal")
BODIES = {name: load_robot(name).body for name in ROBOTS}
AT_A_POST = FalsifyCase(
    seed=3, robot="jackal", circles=((1.5, 0.05, 0.1),), boxes=(), late=(), speed_mps=0.0,
    hand=((9.0, 1.0, 0.0, 0.0),), fault="none", fault_s=9.0, dropout_frac=0.0,
)  # fmt: skip


def test_cases_start_free_repeat_by_seed_and_survive_a_file():
    first = [random_case(np.random.default_rng(7), BODIES) for _ in range(2)]
    assert first[0] == first[1]
    random = np.random.default_rng(8)
    case = first[0]
    for _ in range(60):
        case = mutated(case, random, BODIES)
        assert is_free(case, BODIES[case.robot])
        assert case_of(json.loads(json.dumps(case.to_json()))) == case
        case.world()


def test_what_stands_on_the_start_is_not_free():
    assert not is_free(replace(AT_A_POST, circles=((0.0, 0.3, 0.05),)), BODIES["jackal"])
    assert not is_free(replace(AT_A_POST, late=((4.0, 0.0, 0.1, 0.0, 0.1, 1.0),), speed_mps=0.5), BODIES["jackal"])


def _ended(v_mps: float) -> TruthTrace:
    """A robot whose front came to x = 1.229 at this speed."""
    trace = TruthTrace()
    for tick in range(101):
        x_m = 1.0 - v_mps * (100 - tick) * 0.01
        trace.add(tick * 10_000_000, BodyState(x_m, 0.0, 0.0, v_mps, *[0.0] * 6), Twist2(v_mps, 0.0), "", 0.1)
    return trace


def _scan(range_m: float) -> Scan:
    lidar = JACKAL.lidar
    ranges = np.full(lidar.beams, np.inf, np.float32)
    ranges[lidar.beams // 2] = range_m
    increment = lidar.angle_increment_rad
    return Scan(990_000_000, lidar.angle_min_rad, increment, lidar.range_min_m, lidar.range_max_m, 0.0, ranges)


FOUND = sorted((Path(seeds.__file__).parent / "falsified").glob("*.json"))
"""Attempts that ended in a forbidden contact when they were found."""

POST = World("post", (Circle(1.329, 0.0, 0.1),))


@pytest.mark.parametrize(
    ("v_mps", "scans", "verdict"),
    [
        (0.5, [_scan(0.17)], Verdict.FORBIDDEN),
        (0.1, [_scan(0.17)], Verdict.FORBIDDEN),
        (0.1, [_scan(5.0)], Verdict.UNSEEN),
        (0.1, [], Verdict.UNSEEN),
        (0.5, [], Verdict.FORBIDDEN),
        (-0.1, [_scan(0.17)], Verdict.RUN_INTO),
        (0.0, [_scan(0.17)], Verdict.RUN_INTO),
    ],
)
def test_a_contact_is_forbidden_where_the_robot_drove_into_what_it_had_seen(v_mps, scans, verdict):
    assert verdict_of(_ended(v_mps), scans, POST, JACKAL, 0.0)[0] is verdict


@pytest.mark.slow
def test_full_stick_at_a_post_ends_before_it_and_repeats():
    results = [falsify.drive_case(AT_A_POST) for _ in range(2)]
    assert results[0].verdict is Verdict.CLEAR
    assert 0.0 < results[0].least_m < 0.3
    assert results[0] == results[1]


@pytest.mark.slow
def test_a_robot_without_its_ring_is_found_out(monkeypatch):
    def careless(_self, wish, *_):
        return wish, None, Stop(StopReason.NONE, "")

    monkeypatch.setattr(Shrinker, "largest_clear", careless)
    assert falsify.drive_case(AT_A_POST).verdict is Verdict.FORBIDDEN


def test_a_file_that_is_no_case_is_refused_in_one_line(tmp_path):
    path = tmp_path / "case.json"
    for text in ("", "[]", '{"case": {}}', '{"case": {"seed": 1}}'):
        path.write_text(text)
        with pytest.raises(DataError, match=r"case\.json: expected a case"):
            falsify.run_file(path)
    with pytest.raises(DataError, match="no such file"):
        falsify.run_file(tmp_path / "none.json")


@pytest.mark.slow
@pytest.mark.parametrize("path", FOUND, ids=[path.stem for path in FOUND])
def test_what_was_found_once_is_forbidden_no_more(path: Path) -> None:
    assert falsify.run_file(path).verdict is not Verdict.FORBIDDEN
