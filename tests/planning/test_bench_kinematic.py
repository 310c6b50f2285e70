"""``amr bench kinematic``: the figures say what was checked; wrong names are told."""

from __future__ import annotations

import pytest

from amr.errors import DataError
from amr.runtime.bench.kinematic import run
from amr.runtime.files import load_robot


def test_every_plan_is_checked_and_compared() -> None:
    result = run(None, "blobs:64:3", "kinematic", load_robot("reference").body, count=3, references=1)
    assert result["queries"] == 3
    assert result["touching"] == 0
    assert result["solved"] == sum(row["solved"] for row in result["per_query"])
    assert result["reference"]["queries"] == 1
    assert result["reference"]["solved_by_it_alone"] == 0


def test_equal_seeds_ask_equal_questions() -> None:
    first, again = (run(None, "rooms:96:1", "hybrid_astar", count=4, seed=5) for _ in range(2))
    assert [row["cost"] for row in first["per_query"]] == [row["cost"] for row in again["per_query"]]


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(DataError, match="expected one of hybrid_astar, kinematic"):
        run(None, "blobs:64:1", "lattice")
    with pytest.raises(DataError, match="--synthetic"):
        run(None, None)
