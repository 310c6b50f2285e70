"""Tight starts: the cases are free and come from their seeds, the judge is right, and the robot gets out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from amr.geometry import Pose2
from amr.runtime.bench import stuck
from amr.runtime.bench.stuck import (
    CONTACT,
    FALSE_REPORT,
    GOT_OUT,
    STUCK,
    TRUE_REPORT,
    StuckCase,
    StuckTask,
    drive_case,
    run,
    verdict_of,
)
from amr.runtime.files import load_robot
from sim.world import Bounds, World, wall
from sim.worlds.tight import KINDS, TightStart, tight_start

ROBOT = load_robot("jackal")


def boxed(opening_m: float) -> TightStart:
    """A box of 1.4 m around the robot, with an opening in the side towards the goal."""
    half, edge = 0.7, 0.5 * opening_m
    sides = [((-half, -half), (half, -half)), ((-half, half), (half, half)), ((-half, -half), (-half, half))]
    sides += [((half, -half), (half, -edge)), ((half, edge), (half, half))]
    walls = tuple(wall(a, b, 0.1) for a, b in sides if a != b)
    bounds = Bounds(-3.0, -3.0, 3.0, 3.0)
    start = Pose2(0.0, 0.0, 0.0)
    return TightStart("closed_box", World("box", polygons=walls, start=start, bounds=bounds), start, (2.0, 0.0))


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_a_seed_gives_the_same_free_start_of_its_kind(seed: int) -> None:
    case = tight_start(seed, ROBOT.body, ROBOT.lidar.blind_from_rad)
    assert case == tight_start(seed, ROBOT.body, ROBOT.lidar.blind_from_rad)
    assert case.kind == list(KINDS)[seed]


@pytest.mark.parametrize(("opening_m", "verdict"), [(0.0, TRUE_REPORT), (0.3, TRUE_REPORT), (0.6, FALSE_REPORT)])
def test_a_report_of_no_way_is_true_only_where_the_outline_has_none(opening_m: float, verdict: str) -> None:
    assert verdict_of("gave_up: no way", boxed(opening_m), ROBOT) == verdict


def test_other_outcomes_are_judged_without_a_search() -> None:
    case = boxed(0.0)
    outcomes = ("success", "contact", "timeout")
    assert [verdict_of(outcome, case, ROBOT) for outcome in outcomes] == [GOT_OUT, CONTACT, STUCK]


def test_counts_name_kinds_and_failed_seeds() -> None:
    result = run(1, seed=3)
    assert result["verdicts"] == {GOT_OUT: 1}
    assert result["kinds"] == {"corridor": {GOT_OUT: 1}}
    assert result["failed_seeds"] == []


def test_each_case_is_written_as_it_ends_and_an_interrupted_run_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_then_interrupt(tasks: list[StuckTask], _workers: int) -> Iterator[StuckCase]:
        for task in tasks[:2]:
            yield StuckCase(task.seed, "corner", GOT_OUT, "", 5.0, 0.02)
        raise KeyboardInterrupt

    monkeypatch.setattr(stuck, "_cases", two_then_interrupt)
    result = run(5, seed=7, out=tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["seed"] for row in rows] == [7, 8]
    assert (result["count"], result["asked"], result["interrupted"]) == (2, 5, True)
    assert result["verdicts"] == {GOT_OUT: 2}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [40, 100020, 100075, 100098])
def test_it_gets_through_what_it_only_stayed_before(seed: int) -> None:
    """A slit, a pocket and a corridor that the outline passes with less than the clearance it likes."""
    case = drive_case(StuckTask(seed, "jackal", 600))
    assert case.verdict == GOT_OUT, case


@pytest.mark.slow
@pytest.mark.parametrize("seed", [5, 10, 24, 38, 61])
def test_it_gets_out_of_tight_places(seed: int) -> None:
    assert drive_case(StuckTask(seed, "jackal", 600)).verdict == GOT_OUT


@pytest.mark.slow
@pytest.mark.parametrize("seed", [5, 10, 24, 38, 54, 61, 100035])
def test_it_does_not_back_into_what_it_never_saw(seed: int) -> None:
    """Each of these once ended in a wall behind the robot, where its lidar does not look."""
    case = drive_case(StuckTask(seed, "jackal", 600))
    assert case.verdict != CONTACT, case
